"""The python-rtmidi back end against a stand-in for the library that records every call."""

import threading
from types import SimpleNamespace

import pytest

from engine.errors import PortError
from engine.midi import rtmidi
from engine.midi.rtmidi import CLOCK_ROOM, RING_SIZE, RtMidiBackend
from engine.midi.system_thread import system_thread


class FakeLibrary(SimpleNamespace):
    """What python-rtmidi offers, with a list of everything that was called."""

    API_LINUX_ALSA, API_MACOSX_CORE, API_WINDOWS_MM, API_UNIX_JACK = 2, 1, 4, 3

    class RtMidiError(Exception):
        pass

    def __init__(self, sources=(), sinks=(), virtual=True):
        super().__init__()
        self.calls, self.handles = [], []
        self.sources, self.sinks = list(sources), list(sinks)
        self.virtual = virtual
        self.fail_open = ""

    def get_compiled_api(self):
        return [1, 2, 3, 4]

    def MidiIn(self, api, name):  # noqa: N802
        return self._handle("in", api, name)

    def MidiOut(self, api, name):  # noqa: N802
        return self._handle("out", api, name)

    def _handle(self, kind, api, name):
        handle = FakeHandle(self, kind, api, name)
        self.handles.append(handle)
        return handle

    def names(self):
        """Names of the calls, in order."""
        return [call[0] for call in self.calls]


class FakeHandle:
    def __init__(self, library, kind, api, name):
        self.library, self.kind, self.api, self.name = library, kind, api, name
        self.callback = None
        self.deleted = False

    def _call(self, *call):
        assert not self.deleted, "used after delete: the real library crashes"
        self.library.calls.append((call[0], self.kind, *call[1:]))

    def get_ports(self, encoding):
        assert encoding == "utf-8"
        self._call("get_ports")
        return list(self.library.sources if self.kind == "in" else self.library.sinks)

    def open_virtual_port(self, name):
        self._call("open_virtual_port", name)
        if not self.library.virtual:
            raise NotImplementedError("Virtual ports are not supported by the Windows MultiMedia API.")
        (self.library.sinks if self.kind == "in" else self.library.sources).append(f"Antiphon:{name} 128:0")

    def open_port(self, index, name):
        self._call("open_port", index, name)
        if self.library.fail_open:
            raise self.library.RtMidiError(self.library.fail_open)

    def ignore_types(self, **types):
        self._call("ignore_types", types)

    def set_callback(self, callback):
        self._call("set_callback")
        self.callback = callback

    def cancel_callback(self):
        self._call("cancel_callback")

    def close_port(self):
        self._call("close_port")

    def delete(self):
        self._call("delete")
        self.deleted = True

    def send_message(self, data):
        self._call("send_message", bytes(data))


@pytest.fixture
def library():
    return FakeLibrary()


def opened(library, name="alsa", **options):
    backend = RtMidiBackend(name, module=library, **options)
    handle_in, handle_out = library.handles[-2:]
    return backend, handle_in, handle_out


def test_virtual_ports_and_the_clock_not_filtered(library):
    opened(library)
    assert ("open_virtual_port", "in", "Antiphon In") in library.calls
    assert ("open_virtual_port", "out", "Antiphon Out") in library.calls
    assert ("ignore_types", "in", {"sysex": True, "timing": False, "active_sense": True}) in library.calls


def test_input_is_stamped_with_our_clock_and_wakes(library, monkeypatch):
    woken = []
    backend, handle_in, _ = opened(library, on_input=lambda: woken.append(1))
    monkeypatch.setattr(rtmidi, "now_ns", lambda: 1234)
    handle_in.callback(([0x90, 60, 100], 0.5), None)
    handle_in.callback(([0xF8], 0.0))
    assert [(event.t_ns, event.data) for event in backend.input.drain()] == [
        (1234, b"\x90\x3c\x64"),
        (1234, b"\xf8"),
    ]
    assert backend.input.drain() == []
    assert len(woken) == 2


@pytest.mark.parametrize("message", [[], [0xF0, 1, 0xF7], [0xFE], [60, 100]])
def test_what_says_nothing_to_us_is_left_out(library, message):
    backend, handle_in, _ = opened(library)
    handle_in.callback((message, 0.0))
    assert backend.input.drain() == []
    assert backend.input.failures == 0


def test_a_full_ring_drops_and_counts(library):
    backend, handle_in, _ = opened(library)
    for _ in range(RING_SIZE + 3):
        handle_in.callback(([0x90, 60, 80], 0.0))
    for _ in range(CLOCK_ROOM + 2):
        handle_in.callback(([0xF8], 0.0))
    assert backend.input.dropped == 3 + 2
    assert [event.data for event in backend.input.drain()][RING_SIZE:] == [b"\xf8"] * CLOCK_ROOM


def test_a_broken_message_is_counted_and_never_raises(library):
    backend, handle_in, _ = opened(library)
    handle_in.callback(([999], 0.0))
    assert backend.input.failures == 1


def test_closing_cancels_the_callback_first_and_may_happen_twice(library):
    backend, handle_in, handle_out = opened(library)
    library.calls.clear()
    backend.close()
    backend.close()
    assert library.calls == [
        ("cancel_callback", "in"),
        ("close_port", "in"),
        ("delete", "in"),
        ("close_port", "out"),
        ("delete", "out"),
    ]
    assert handle_in.deleted and handle_out.deleted


def test_what_the_driver_delivers_after_closing_is_dropped(library):
    backend, handle_in, _ = opened(library)
    callback = handle_in.callback
    backend.close()
    callback(([0x90, 60, 100], 0.0))
    assert backend.input.drain() == []
    backend.output.send(0, b"\x90\x3c\x64")
    assert backend.output.take_sent() == []


def test_output_sends_at_once_and_says_when(library, monkeypatch):
    backend, _, _ = opened(library)
    monkeypatch.setattr(rtmidi, "now_ns", lambda: 77)
    backend.output.send(70, b"\x90\x3c\x64")
    assert ("send_message", "out", b"\x90\x3c\x64") in library.calls
    assert backend.output.take_sent() == [(70, 77, b"\x90\x3c\x64")]
    assert backend.output.take_sent() == []


def test_a_thousand_listings_use_one_pair_of_handles(library):
    lister = rtmidi.lister(library, "alsa")
    for _ in range(1000):
        assert rtmidi.lister(library, "alsa").list() == lister.list()
    assert len(library.handles) == 2


def test_a_port_that_disappears_is_noticed(library, monkeypatch):
    backend, _, _ = opened(library)
    assert backend.alive()
    clock_ns = [rtmidi.now_ns() + 2 * rtmidi.LOOK_EVERY_NS]
    monkeypatch.setattr(rtmidi, "now_ns", lambda: clock_ns[0])
    assert backend.alive()
    library.sinks.clear()
    clock_ns[0] += 2 * rtmidi.LOOK_EVERY_NS
    assert not backend.alive()
    assert backend.lost_reason == 'port "Antiphon In" has disappeared'


def test_a_system_that_stops_answering_is_lost_ports_and_no_hang(library, monkeypatch):
    system_thread.cache_clear()
    backend, handle_in, handle_out = opened(library)
    goes_on = threading.Event()
    monkeypatch.setattr(backend._lister, "list", goes_on.wait)
    monkeypatch.setattr(rtmidi, "LOOK_S", 0.05)
    later_ns = rtmidi.now_ns() + 2 * rtmidi.LOOK_EVERY_NS
    monkeypatch.setattr(rtmidi, "now_ns", lambda: later_ns)
    assert not backend.alive()
    assert backend.lost_reason.startswith("ALSA: the sequencer does not answer; ")
    backend.close()
    assert not handle_in.deleted, "what hangs may not be touched"
    goes_on.set()
    system_thread("alsa").begin(lambda: None).returned(3600.0)
    assert handle_in.deleted and handle_out.deleted
    system_thread.cache_clear()


def test_windows_ports_whose_number_changes_are_still_there(monkeypatch):
    library = FakeLibrary(["Keys 0", "loopMIDI Port 1"], ["Synth 0"], virtual=False)
    backend, _, _ = opened(library, "winmm", connect_in=["Keys 3"], connect_out=["Synth"])
    assert (backend.input.name, backend.output.name) == ("Keys 0", "Synth 0")
    clock_ns = [rtmidi.now_ns() + 2 * rtmidi.LOOK_EVERY_NS]
    monkeypatch.setattr(rtmidi, "now_ns", lambda: clock_ns[0])
    library.sources[:] = ["Another device 0", "Keys 1", "loopMIDI Port 2"]  # one was plugged in
    assert backend.alive()
    library.sources.remove("Keys 1")
    clock_ns[0] += 2 * rtmidi.LOOK_EVERY_NS
    assert not backend.alive()
    assert backend.lost_reason == 'port "Keys 0" has disappeared'


def test_a_failing_send_is_a_lost_port_and_no_exception(library):
    backend, _, handle_out = opened(library)

    def refuse(_data):
        raise library.RtMidiError("device gone")

    handle_out.send_message = refuse
    backend.output.send(0, b"\xf8")
    assert not backend.alive()
    assert backend.lost_reason == "sending failed (device gone)"


def test_existing_ports_by_a_part_of_their_name():
    library = FakeLibrary(["Keys 20:0", "Pads 24:0"], ["Synth 28:0"])
    backend, _, _ = opened(library, connect_in=["pads"], connect_out=["synth"])
    assert ("open_port", "in", 1, "Antiphon In") in library.calls
    assert ("open_port", "out", 0, "Antiphon Out") in library.calls
    assert (backend.input.name, backend.output.name) == ("Pads 24:0", "Synth 28:0")


def test_windows_takes_our_end_of_the_loopback_pair():
    names = ["Default App Loopback (A) 0", "Default App Loopback (B) 1"]
    library = FakeLibrary(names, ["Microsoft GS Wavetable Synth 0", *names], virtual=False)
    opened(library, "winmm")
    assert ("open_port", "in", 1, "Antiphon In") in library.calls
    assert ("open_port", "out", 2, "Antiphon Out") in library.calls
    assert "open_virtual_port" not in library.names()


def test_the_same_loopback_for_both_is_refused():
    library = FakeLibrary(["loopMIDI Port 0"], ["loopMIDI Port 1"], virtual=False)
    with pytest.raises(PortError, match="in a loop; choose another pair"):
        opened(library, "winmm", connect_in=["loopMIDI"], connect_out=["loopMIDI"])


def test_a_port_in_use_is_one_line_with_its_remedy_and_frees_its_handles():
    library = FakeLibrary(["Keys 20:0"], [])
    library.fail_open = "MidiInWinMM::openPort:\n error creating Windows MM MIDI input port."
    with pytest.raises(PortError) as caught:
        opened(library, "winmm", connect_in=["Keys"], connect_out=["Keys"])
    assert "\n" not in str(caught.value)
    library.sinks.append("Keys 20:1")
    with pytest.raises(PortError, match="error creating Windows MM MIDI input port; close the program"):
        opened(library, "winmm", connect_in=["Keys"], connect_out=["Keys"])
    assert [handle.deleted for handle in library.handles] == [False, False, True, True]


def test_two_ports_to_hear_are_refused(library):
    with pytest.raises(PortError, match="--connect-in was given 2 ports; this back end takes one"):
        opened(library, connect_in=["a", "b"])


def test_a_library_built_without_the_system_is_refused(library):
    library.get_compiled_api = lambda: [3]
    with pytest.raises(PortError, match="ALSA: the installed python-rtmidi has no support for it"):
        opened(library)
