import threading
from types import SimpleNamespace

import pytest

from engine.errors import PortError
from engine.midi import backends, jack, rtmidi
from engine.midi.backends import (
    BackendStatus,
    NoPortsError,
    PortInfo,
    candidates,
    list_ports,
    open_backend,
    probe,
)
from engine.midi.port_names import UnknownPortError
from engine.midi.rtmidi import Listing
from engine.midi.system_thread import system_thread

NO_SERVER = "JACK: no server runs; start one"
NO_ALSA = "ALSA: no sequencer; load it"


@pytest.fixture
def systems(monkeypatch):
    """Both doors replaced: `refuse` says which systems do not answer, `opened` what was opened how."""

    state = SimpleNamespace(refuse={}, opened=[], jack_client=True)

    def opener(kind):
        def open_it(name="jack", **options):
            if name in state.refuse:
                raise state.refuse[name]
            state.opened.append((kind, name, options))
            return f"{kind} {name}"

        return open_it

    class Lister:
        def __init__(self, name):
            self.name = name

        def list(self):
            if self.name in state.refuse:
                raise state.refuse[self.name]
            return Listing(("Keys 20:0",), ("Synth 28:0", "Pad 32:0"))

    def jack_names():
        if "jack" in state.refuse:
            raise state.refuse["jack"]
        return ["Ardour:MIDI Clock out"], []

    monkeypatch.setattr(jack, "has_package", lambda: state.jack_client)
    monkeypatch.setattr(jack, "JackBackend", opener("client"))
    monkeypatch.setattr(jack, "list_jack_ports", jack_names)
    monkeypatch.setattr(rtmidi, "RtMidiBackend", opener("rtmidi"))
    monkeypatch.setattr(rtmidi, "load", lambda: None)
    monkeypatch.setattr(rtmidi, "lister", lambda _module, name: Lister(name))
    system_thread.cache_clear()
    yield state
    system_thread.cache_clear()
    backends._late.clear()


@pytest.mark.parametrize(
    ("platform", "order"),
    [("linux", ("jack", "alsa")), ("darwin", ("coremidi", "jack")), ("win32", ("winmm",))],
)
def test_the_order_of_a_platform(platform, order):
    assert candidates(platform) == order


def test_linux_takes_jack_where_a_server_runs(systems):
    assert open_backend(platform="linux") == "client jack"


def test_linux_takes_alsa_where_none_runs(systems):
    systems.refuse["jack"] = PortError(NO_SERVER)
    assert open_backend(platform="linux") == "rtmidi alsa"


def test_jack_without_jack_client_goes_through_rtmidi(systems):
    systems.jack_client = False
    assert open_backend("jack", platform="linux") == "rtmidi jack"


def test_where_none_answers_the_line_is_about_the_first_and_every_reason_is_kept(systems):
    systems.refuse = {"jack": PortError(NO_SERVER), "alsa": PortError(NO_ALSA)}
    with pytest.raises(NoPortsError) as caught:
        open_backend(platform="linux")
    assert str(caught.value) == f"No MIDI ports can be opened. {NO_SERVER}"
    assert caught.value.tried == (NO_SERVER, NO_ALSA)


def test_a_single_choice_gives_its_own_line(systems):
    systems.refuse["alsa"] = PortError(NO_ALSA)
    with pytest.raises(PortError, match=f"^{NO_ALSA}$"):
        open_backend("alsa", platform="linux")


def test_a_port_that_is_not_there_is_not_sought_elsewhere(systems):
    systems.refuse["jack"] = UnknownPortError('Port "Reaper" was not found')
    with pytest.raises(UnknownPortError):
        open_backend(platform="linux", connect_in=["Reaper"])
    assert systems.opened == []


@pytest.mark.parametrize(
    ("choice", "says"),
    [
        ("tin can", 'MIDI back end "tin can" is unknown'),
        ("winmm", "winmm: not on this system; choose jack, alsa"),
    ],
)
def test_an_impossible_choice_says_what_there_is(systems, choice, says):
    with pytest.raises(PortError, match=says):
        open_backend(choice, platform="linux")


def test_what_was_asked_reaches_the_back_end(systems):
    asked = {"client_name": "Two", "connect_in": ["a"], "connect_out": ["b"], "patient": True}
    open_backend("jack", platform="linux", **asked)
    ((kind, _, options),) = systems.opened
    assert kind == "client"
    options.pop("on_input")
    assert options == asked


def test_ports_of_every_system_that_answers(systems):
    assert list_ports("linux") == [
        PortInfo("jack", "source", "Ardour:MIDI Clock out"),
        PortInfo("alsa", "source", "Keys 20:0"),
        PortInfo("alsa", "sink", "Synth 28:0"),
        PortInfo("alsa", "sink", "Pad 32:0"),
    ]
    systems.refuse["alsa"] = PortError(NO_ALSA)
    assert [port.backend for port in list_ports("linux")] == ["jack"]


def test_the_probe_says_what_auto_would_take_and_why_not_the_others(systems):
    systems.refuse["jack"] = PortError(NO_SERVER)
    assert probe("linux") == [
        BackendStatus("jack", False, NO_SERVER, chosen=False),
        BackendStatus("alsa", True, "1 port to hear, 2 to play to", chosen=True),
    ]


UNANSWERED = "JACK: the server does not answer; end it and start it again, or use another back end"
SOON_S = 0.05
FOR_EVER_S = 3600.0


@pytest.fixture
def frozen(systems, monkeypatch):
    """A JACK server that takes what it is asked and does not answer before it goes on."""
    state = SimpleNamespace(goes_on=threading.Event(), asked=[], closed=threading.Event())
    ports = SimpleNamespace(close=state.closed.set)

    def open_it(**options):
        state.asked.append(options)
        assert state.goes_on.wait(FOR_EVER_S)
        return ports

    def names():
        assert state.goes_on.wait(FOR_EVER_S)
        return [], []

    monkeypatch.setattr(jack, "JackBackend", open_it)
    monkeypatch.setattr(jack, "list_jack_ports", names)
    state.ports = ports
    yield state
    state.goes_on.set()


def overdue():
    """Let the frozen server be asked once; from now on it is refused at once, however long one would wait."""
    with pytest.raises(PortError) as caught:
        open_backend("jack", platform="linux", wait_s=SOON_S)
    return str(caught.value)


def test_a_frozen_server_is_a_line_and_no_hang(frozen):
    assert overdue() == UNANSWERED


def test_past_a_frozen_server_the_next_back_end_is_taken_and_what_opens_late_is_closed(frozen):
    overdue()
    assert open_backend(platform="linux", wait_s=FOR_EVER_S) == "rtmidi alsa"
    assert not frozen.closed.is_set()
    frozen.goes_on.set()
    assert frozen.closed.wait(FOR_EVER_S)
    system_thread("jack").begin(lambda: None).returned(FOR_EVER_S)
    assert open_backend("jack", platform="linux", wait_s=FOR_EVER_S) is frozen.ports
    assert len(frozen.asked) == 2


def test_a_late_refusal_beside_another_back_end_is_nothing(frozen, monkeypatch):
    def refuse(**_options):
        assert frozen.goes_on.wait(FOR_EVER_S)
        raise PortError(NO_SERVER)

    monkeypatch.setattr(jack, "JackBackend", refuse)
    overdue()
    assert open_backend(platform="linux", wait_s=FOR_EVER_S) == "rtmidi alsa"
    frozen.goes_on.set()
    system_thread("jack").begin(lambda: None).returned(FOR_EVER_S)
    with pytest.raises(PortError, match=f"^{NO_SERVER}$"):
        open_backend("jack", platform="linux", wait_s=FOR_EVER_S)


def test_a_server_that_goes_on_is_asked_once_and_what_it_opened_is_used(frozen):
    for _ in range(3):
        overdue()
    frozen.goes_on.set()
    system_thread("jack").begin(lambda: None).returned(FOR_EVER_S)
    assert open_backend("jack", platform="linux", wait_s=FOR_EVER_S) is frozen.ports
    assert len(frozen.asked) == 1
    assert not frozen.closed.is_set()


def test_the_probe_says_that_a_server_is_frozen_and_lists_the_ports_of_the_others(frozen, monkeypatch):
    overdue()
    monkeypatch.setattr(backends, "OPEN_S", FOR_EVER_S)
    assert probe("linux") == [
        BackendStatus("jack", False, UNANSWERED, chosen=False),
        BackendStatus("alsa", True, "1 port to hear, 2 to play to", chosen=True),
    ]
    assert {port.backend for port in list_ports("linux")} == {"alsa"}


def test_without_a_server_the_real_jack_door_never_starts_one(monkeypatch):
    monkeypatch.setenv("JACK_DEFAULT_SERVER", "antiphon-there-is-no-such-server")
    if not backends._has_jack_client():
        pytest.skip("JACK-Client is missing")
    with pytest.raises(PortError, match=r"^JACK: (no server runs|its library is not installed)"):
        open_backend("jack")
