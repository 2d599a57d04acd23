"""The host around a real performer, on recording ports and a clock moved by hand."""

import re

import pytest

from engine.errors import PortError
from engine.midi.backends import NoPortsError
from engine.midi.messages import CHANNELS, panic, silence
from engine.midi.ports import WiringChange
from engine.midi.recording_ports import RecordingBackend
from engine.performer.messages import (
    BarCaptured,
    Bye,
    ClockState,
    Connections,
    Fault,
    NoteData,
    Ping,
    Play,
    Played,
    Pong,
    PortBack,
    PortLost,
    Ready,
    SetOffset,
    SetPattern,
    SetTempo,
    Shutdown,
    Stop,
    encode,
)
from engine.performer.performer import Performer
from engine.performer.supervisor import (
    CONTROLLER_SILENT_NS,
    LAST_BAR_NS,
    Host,
)

MS = 1_000_000
LONG_NOTE = SetPattern(1, (NoteData(0.0, 60, 3.9, 100, 2),), 1)


class Stage:
    """A host, its events, and the ports it was given, in order."""

    def __init__(self, *, refuse=0, silence_channels=(), make_performer=Performer, active_sensing=False):
        self.now_ns = 1_000_000_000
        self.refuse = refuse
        self.events, self.backends = [], []
        self.host = Host(
            open_backend=self._open,
            make_performer=make_performer,
            send=self.events.append,
            realtime=True,
            silence_channels=silence_channels,
            active_sensing=active_sensing,
        )

    def _open(self):
        if self.refuse:
            self.refuse -= 1
            raise PortError("JACK: no server runs; start one")
        self.backends.append(RecordingBackend(lambda: self.now_ns))
        return self.backends[-1]

    def start(self, *, patient=False):
        return self.host.start(self.now_ns, patient=patient)

    def send(self, *commands):
        for command in commands:
            self.host.receive(encode(command))

    def run(self, ms, *, ping=True):
        """Let time pass in steps of 2 ms, with a heartbeat unless the controller is to be silent."""
        for _ in range(int(ms // 2)):
            if self.host.done:
                return
            if ping and self.now_ns % (400 * MS) == 0:
                self.send(Ping(1))
            self.host.turn(self.now_ns)
            self.now_ns += 2 * MS

    def kinds(self):
        return [type(event) for event in self.events if not isinstance(event, ClockState | Pong)]

    def find(self, kind):
        return [event for event in self.events if isinstance(event, kind)]

    def sounding(self, index=-1):
        """Notes on at the receiver of some ports, by everything that left them."""
        notes = set()
        for _, _, data in self.backends[index].output.log:
            if data[0] & 0xF0 == 0x90 and data[2]:
                notes.add((data[0] & 0x0F, data[1]))
            elif data[0] & 0xF0 in (0x80, 0x90):
                notes.discard((data[0] & 0x0F, data[1]))
        return notes


def playing_stage(**options):
    stage = Stage(**options)
    stage.start()
    stage.send(SetTempo(120.0), LONG_NOTE, Play())
    stage.run(300)
    assert stage.sounding() == {(2, 60)}
    return stage


def test_ready_names_the_ports():
    stage = Stage()
    assert stage.start()
    assert stage.events == [Ready("recording", "Antiphon In", "Antiphon Out", True, "Antiphon")]


def test_refused_ports_end_it_with_the_reason():
    stage = Stage(refuse=1)
    assert not stage.start()
    assert stage.events == [PortLost("JACK: no server runs; start one", "")]
    assert stage.host.done


def test_what_every_back_end_said_goes_along(monkeypatch):
    stage = Stage()
    monkeypatch.setattr(stage.host, "_open_backend", none_answers)
    assert not stage.start()
    first = "No MIDI ports can be opened. JACK: no server runs"
    assert stage.events == [PortLost(first, "", ("JACK: no server runs", "ALSA: no sequencer"))]


def none_answers():
    raise NoPortsError(["JACK: no server runs", "ALSA: no sequencer"])


def test_a_patient_host_tries_again_every_second():
    stage = Stage(refuse=3)
    assert stage.start(patient=True)
    stage.run(2900)
    assert stage.kinds() == [PortLost]
    stage.run(200)
    assert stage.kinds() == [PortLost, Ready, PortBack]


def test_ports_that_take_long_to_open_are_no_lost_controller():
    stage = Stage()
    stage.start()
    stage.now_ns += 2 * CONTROLLER_SILENT_NS  # so long did the opening take
    stage.run(200, ping=False)
    assert not stage.host.done
    stage.run(CONTROLLER_SILENT_NS // MS + 200, ping=False)
    assert stage.host.done


def test_a_ping_is_answered_and_keeps_it_alive():
    stage = Stage()
    stage.start()
    stage.send(Ping(41))
    stage.run(10)
    assert [pong.number for pong in stage.find(Pong)][:1] == [41]
    stage.run(5000)
    assert not stage.host.done


@pytest.mark.parametrize("how", ["closed", "silent"])
def test_a_lost_controller_lets_the_bar_end_and_silences(how):
    stage = playing_stage()
    if how == "closed":
        stage.host.controller_gone()
    lost_ns = stage.now_ns
    stage.run(6000, ping=False)
    assert stage.host.done
    assert stage.sounding() == set()
    assert stage.kinds()[-1] is Bye
    noticed_ns = lost_ns + (0 if how == "closed" else CONTROLLER_SILENT_NS)
    assert stage.now_ns - noticed_ns <= LAST_BAR_NS + 10 * MS


def test_the_bar_is_finished_when_its_end_is_near():
    stage = playing_stage()
    stage.run(1000)
    stage.host.controller_gone()
    stage.run(6000, ping=False)
    # The note that fills the bar ends by itself, before anything is cut.
    offs = [event for event in stage.find(Played) if event.data[0] == 0x82 and event.data[1] == 60]
    assert offs[0].position_beats == pytest.approx(3.9, abs=0.01)


def test_nothing_playing_means_no_waiting():
    stage = Stage()
    stage.start()
    stage.run(100)
    stage.host.controller_gone()
    stage.run(4)
    assert stage.host.done


def test_shutdown_silences_at_once_closes_and_says_goodbye():
    stage = playing_stage()
    stage.send(Shutdown())
    stage.run(10)
    assert stage.host.done
    assert stage.sounding() == set()
    assert stage.backends[0].output.closed
    assert stage.find(Bye) == [Bye()]


def test_a_dead_server_is_reported_and_played_on_when_it_is_back():
    stage = playing_stage()
    stage.refuse = 2
    stage.backends[0].kill()
    stage.run(300)
    (lost,) = stage.find(PortLost)
    assert lost.reason == "MIDI ports lost (recording): they have disappeared"
    assert lost.remedy == "Plug the device in or start its program again; Antiphon comes back by itself"
    stage.run(3100)
    assert len(stage.find(PortBack)) == 1
    log = [data for _, _, data in stage.backends[1].output.log]
    # The instrument may have been left sounding: silence comes before any note.
    assert log[:3] == [b"\xb2\x40\x00", b"\xb2\x7b\x00", b"\xb2\x78\x00"]
    assert b"\x82\x3c\x00" in log[: 4 + 128]
    stage.run(3000)
    assert any(data[0] == 0x92 and data[2] for _, _, data in stage.backends[1].output.log)


def test_a_successor_silences_first_and_repeats_without_cutting_what_plays():
    stage = Stage(silence_channels=[2])
    stage.start()
    stage.send(SetTempo(120.0), LONG_NOTE, Play())
    stage.run(800)
    log = [data for _, _, data in stage.backends[0].output.log]
    assert log[: 4 + 128] == panic([2])
    assert log.count(b"\x82\x3d\x00") == 3
    assert stage.sounding() == {(2, 60)}


def test_nonsense_on_the_pipe_is_reported_and_left_out():
    stage = Stage()
    stage.start()
    stage.host.receive(b"\xc1")
    stage.host.receive(encode(Bye()))
    stage.run(10)
    assert len(stage.find(Fault)) == 2
    assert not stage.host.done


class Failing(Performer):
    def step(self, now_ns):
        if now_ns > 1_500_000_000:
            raise ZeroDivisionError("tempo")
        return super().step(now_ns)


def test_a_failing_performer_is_silenced_without_its_help():
    stage = Stage(make_performer=Failing)
    stage.start()
    stage.send(SetTempo(120.0), LONG_NOTE, Play())
    with pytest.raises(ZeroDivisionError) as caught:
        stage.run(1000)
    assert stage.sounding() == {(2, 60)}
    stage.host.fail(caught.value, stage.now_ns)
    assert stage.sounding() == set()
    (fault,) = stage.find(Fault)
    assert re.fullmatch(
        r"The performer failed at test_supervisor\.py:\d+: ZeroDivisionError: tempo", fault.text
    )
    assert stage.kinds()[-1] is Bye


def test_new_connections_are_reported_once():
    stage = Stage()
    stage.start()
    wired = [((), ())]
    stage.backends[0].connections = lambda: wired[0]
    stage.run(300)
    wired[0] = (("Ardour:MIDI Clock out",), ())
    stage.run(1000)
    assert stage.find(Connections) == [Connections(("Ardour:MIDI Clock out",), ())]
    assert stage.host.connections.sources == ("Ardour:MIDI Clock out",)


def test_a_receiver_that_joins_is_reported_at_once_for_a_successor_to_silence():
    stage = playing_stage()
    stage.run(300)
    stage.backends[0].connections = lambda: ((), ("Synth:in",))
    stage.backends[0].wiring_change = WiringChange(receiver_joined=True)
    stage.run(20)
    assert stage.find(Connections) == [Connections((), ("Synth:in",))]


def sent(stage, index=-1):
    return [data for _, _, data in stage.backends[index].output.log]


def test_every_start_resets_all_channels_whoever_died_before():
    """A controller and a performer killed together leave nobody who knows what they left on."""
    stage = Stage()
    stage.start()
    assert sent(stage) == silence(CHANNELS)
    stage.run(3000)
    every_off = {bytes((0x80 | channel, pitch, 0)) for channel in range(16) for pitch in range(128)}
    log = sent(stage)
    assert {log.count(data) for data in every_off} == {2}
    assert {log.count(data) for data in silence(CHANNELS)} == {3}
    assert len(log) == 2 * 2048 + 3 * 64


def test_a_receiver_that_is_connected_later_is_reset_without_cutting_what_plays():
    stage = playing_stage()
    stage.run(200)
    before = len(sent(stage))
    stage.backends[0].wiring_change = WiringChange(receiver_joined=True)
    stage.run(1200)
    fresh = sent(stage)[before:]
    assert fresh.count(b"\x82\x3d\x00") >= 1
    assert b"\xb3\x7b\x00" in fresh
    assert b"\xb2\x7b\x00" not in fresh
    assert b"\x82\x3c\x00" not in fresh
    assert stage.sounding() == {(2, 60)}


def test_a_key_held_over_a_cable_that_is_pulled_is_in_no_later_bar():
    stage = playing_stage()
    stage.backends[0].input.play(stage.now_ns, b"\x90\x40\x50")
    stage.run(500)
    stage.backends[0].wiring_change = WiringChange(sender_left=True)
    stage.run(7000)
    notes = [[note.pitch for note in bar.notes] for bar in stage.find(BarCaptured)]
    assert notes[:3] == [[64], [], []]


def test_active_sensing_goes_out_while_we_live_if_it_is_wanted():
    for wanted, least in ((True, 7), (False, 0)):
        stage = Stage(active_sensing=wanted)
        stage.start()
        stage.run(2000)
        assert least <= sent(stage).count(b"\xfe") <= least + 2


@pytest.mark.parametrize(
    "frame",
    [
        encode(SetTempo(float("nan"))),
        encode(SetOffset(float("inf"))),
        encode(Play(float("-inf"))),
        encode(SetPattern(1, (NoteData(float("nan"), 60, 1.0, 90, 0),), 1)),
        encode(SetPattern(1, (NoteData(0.0, 60, 1.0, 90, 0),), 1, "bar", float("nan"))),
        b"\x81\xa4type\xa4\xff\xfe\xfd\xfc",
        b"\x91" * 5000,
        b"",
    ],
)
def test_what_is_no_command_is_reported_in_one_line_and_changes_nothing(frame):
    stage = playing_stage()
    stage.host.receive(frame)
    stage.run(100)
    (fault,) = stage.find(Fault)
    assert fault.text.startswith("A command was not understood and left out: ")
    assert "\n" not in fault.text
    assert stage.sounding() == {(2, 60)}
    stage.send(Stop())
    stage.run(50)
    assert stage.sounding() == set()


def test_a_command_that_fails_is_left_out_and_the_music_goes_on():
    stage = playing_stage()
    stage.host._performer._handlers[SetTempo] = lambda *_: [][1]
    stage.send(SetTempo(90.0))
    stage.run(100)
    (fault,) = stage.find(Fault)
    assert re.match(r"A command failed and was left out: SetTempo at \S+:\d+: list index", fault.text)
    assert stage.sounding() == {(2, 60)}


def test_of_a_dead_jack_server_the_remedy_is_the_server(monkeypatch):
    stage = playing_stage()
    monkeypatch.setattr(stage.backends[0], "name", "jack")
    stage.backends[0].kill()
    stage.run(300)
    (lost,) = stage.find(PortLost)
    assert lost.reason == "MIDI ports lost (jack): they have disappeared"
    assert lost.remedy == "Start the JACK or PipeWire server again; Antiphon comes back by itself"
