"""The JACK ports on a stand-in for the server's port; the real server is in tests/live."""

import pytest

from engine.errors import PortError
from engine.midi.frametime import FrameTime
from engine.midi.jack import CLOCK_ROOM, REPEAT_NS, RING_SIZE, JackBackend, JackInput, JackOutput, _Name
from engine.midi.jack_wires import Wires

FRAME_NS = 1e9 / 48_000
NOTE, OFF = b"\x90\x3c\x40", b"\x80\x3c\x00"


class FullError(Exception):
    pass


class FakePort:
    def __init__(self, name="Antiphon:Antiphon In", room=1000):
        self.name, self.room = name, room
        self.incoming, self.written = [], []

    def incoming_midi_events(self):
        return iter(self.incoming)

    def clear_buffer(self):
        self.written = []

    def write_midi_event(self, offset, data):
        if len(self.written) >= self.room:
            raise FullError
        assert not self.written or self.written[-1][0] <= offset, "the server refuses what is out of order"
        self.written.append((offset, bytes(data)))


def cycle_at(start_ns, frames=256):
    clock = FrameTime(48_000)
    clock.cycle(0, frames, float(start_ns))
    return clock


def at(frame):
    return round(frame * FRAME_NS)


@pytest.fixture
def output():
    return JackOutput(FakePort("Antiphon:Antiphon Out"), FullError)


def test_input_is_stamped_with_the_time_of_its_frame():
    port = FakePort()
    port.incoming = [(0, b"\xf8"), (100, NOTE), (101, b"\xf0\x01\xf7"), (102, b"\xfe"), (103, b"")]
    source = JackInput(port)
    assert source.receive(cycle_at(5_000_000))
    events = source.drain()
    assert [(event.t_ns, event.data) for event in events] == [
        (5_000_000, b"\xf8"),
        (5_000_000 + at(100), NOTE),
    ]
    port.incoming = [(5, b"\xfe")]
    assert not source.receive(cycle_at(0))


def test_a_full_ring_drops_the_newest_and_counts():
    port = FakePort()
    port.incoming = [(0, NOTE)] * (RING_SIZE + 2)
    source = JackInput(port)
    source.receive(cycle_at(0))
    assert source.dropped == 2
    assert len(source.drain()) == RING_SIZE


def test_a_ring_full_of_notes_has_room_for_the_clock_and_not_for_ever():
    port = FakePort()
    port.incoming = [(0, NOTE)] * (RING_SIZE + 5) + [(1, b"\xf8")] * (CLOCK_ROOM + 7)
    source = JackInput(port)
    source.receive(cycle_at(0))
    assert source.dropped == 5 + 7
    assert [event.data for event in source.drain()][RING_SIZE:] == [b"\xf8"] * CLOCK_ROOM


def test_a_message_leaves_in_the_cycle_and_at_the_frame_of_its_due_time(output):
    output.send(at(300), NOTE)
    output.transmit(cycle_at(0), 256)
    assert output._port.written == []
    output.transmit(cycle_at(at(256)), 256)
    assert output._port.written == [(44, NOTE)]
    ((due_ns, sent_ns, data),) = output.take_sent()
    assert (due_ns, data) == (at(300), NOTE)
    assert abs(sent_ns - due_ns) <= FRAME_NS / 2
    assert output.late == 0


def test_what_is_past_leaves_at_once_first_and_counts_as_late(output):
    output.send(at(500), OFF)
    output.send(at(10), NOTE)
    output.transmit(cycle_at(at(400)), 256)
    assert output._port.written == [(0, NOTE), (100, OFF)]
    assert output.late == 1


def test_equal_times_keep_their_order(output):
    messages = [bytes((0x90, pitch, 64)) for pitch in (64, 60, 67, 48)]
    for message in messages:
        output.send(at(7), message)
    output.transmit(cycle_at(0), 256)
    assert output._port.written == [(7, message) for message in messages]


def test_what_the_cycle_has_no_room_for_waits_for_the_next(output):
    output._port.room = 2
    for pitch in (60, 61, 62):
        output.send(at(5), bytes((0x90, pitch, 64)))
    output.transmit(cycle_at(0), 256)
    assert len(output.take_sent()) == 2
    output.transmit(cycle_at(at(256)), 256)
    assert output._port.written == [(0, b"\x90\x3e\x40")]


def test_cancelled_messages_never_leave(output):
    output.send(at(5), NOTE)
    output.cancel()
    output.send(at(6), OFF)
    output.transmit(cycle_at(0), 256)
    assert output._port.written == [(6, OFF)]


def test_after_a_skipped_cycle_the_ends_of_lately_ended_notes_are_said_again(output):
    for pitch in (60, 62):
        output.send(at(5), bytes((0x91, pitch, 64)))
        output.send(at(9), bytes((0x81, pitch, 30)))
    output.send(at(20), bytes((0x91, 62, 64)))  # sounds again: its end must not be said
    output.transmit(cycle_at(0), 256)
    output.disturb()
    output.send(at(300), NOTE)
    output.transmit(cycle_at(at(256)), 256)
    assert output._port.written == [(0, b"\x81\x3c\x00"), (44, NOTE)]
    output.transmit(cycle_at(at(512)), 256)
    assert output._port.written == []


def test_a_cycle_skipped_while_ends_are_said_has_them_said_again(output):
    output.send(at(5), OFF)
    output.transmit(cycle_at(0), 256)
    write = output._port.write_midi_event
    output._port.write_midi_event = lambda offset, data: (write(offset, data), output.disturb())
    output.disturb()
    output.transmit(cycle_at(at(256)), 256)
    output._port.write_midi_event = write
    output.transmit(cycle_at(at(512)), 256)
    assert output._port.written == [(0, OFF)]


def test_a_skipped_cycle_says_no_ends_of_long_ago(output):
    output.send(at(5), OFF)
    output.transmit(cycle_at(0), 256)
    output.disturb()
    output.transmit(cycle_at(at(5) + REPEAT_NS + at(2)), 256)
    assert output._port.written == []


def test_a_server_that_goes_on_after_its_ports_were_lost_is_given_nothing_more(output):
    backend = JackBackend.__new__(JackBackend)
    backend.output, backend._lost = output, "the server has stopped answering"
    output.send(at(10), NOTE)
    output._port.written = [(3, NOTE)]  # a cycle that is not cleared says the one before again
    backend._process(256)
    assert output._port.written == []
    assert output.due_waiting(at(10))


def test_due_waiting_is_about_what_is_due(output):
    output.send(at(500), NOTE)
    assert not output.due_waiting(at(499))
    assert output.due_waiting(at(500))
    output.close()
    assert not output.due_waiting(at(500))


class FakeGraph:
    """A server's ports and wires, as far as `Wires` looks at them."""

    def __init__(self, sources, sinks):
        self.sources, self.sinks, self.wires = list(sources), list(sinks), set()
        self.made = []

    def get_ports(self, is_midi, is_output=False, is_input=False):
        names = self.sources if is_output else self.sinks
        return [FakePort(name) for name in names]

    def get_port_by_name(self, name):
        return FakePort(name)

    def get_all_connections(self, port):
        ends = [set(wire) - {port.name} for wire in self.wires if port.name in wire]
        return [FakePort(end.pop()) for end in ends]

    def connect(self, source, sink):
        self.made.append((source, sink))
        self.wires.add((source, sink))


IN, OUT, CLOCK, SYNTH = "Antiphon:Antiphon In", "Antiphon:Antiphon Out", "Ardour:MIDI Clock out", "Synth:in"


@pytest.fixture
def graph():
    return FakeGraph([CLOCK, OUT], [SYNTH, IN])


def wires(graph, connect_in=(), connect_out=(), patient=False):
    made = Wires(graph, IN, OUT, LookupError)
    made.want(connect_in, connect_out, patient=patient)
    return made


def test_ports_are_connected_by_a_part_of_their_name(graph):
    assert wires(graph, ["clock"], ["synth"]).wanted() == ((CLOCK,), (SYNTH,))
    assert graph.made == [(CLOCK, IN), (OUT, SYNTH)]


def test_our_own_ports_are_not_among_those_to_connect(graph):
    with pytest.raises(PortError, match='"Antiphon Out" was not found'):
        wires(graph, ["Antiphon Out"])


def test_a_patient_one_connects_when_the_port_appears(graph):
    made = wires(graph, ["Reaper:out"], patient=True)
    assert graph.made == []
    graph.sources.append("Reaper:out")
    made.tend()
    assert graph.made == [("Reaper:out", IN)]


def test_a_wire_a_person_makes_is_learned_and_one_they_cut_forgotten(graph):
    made = wires(graph)
    graph.wires.add((CLOCK, IN))
    made.tend()
    assert made.wanted() == ((CLOCK,), ())
    graph.wires.clear()
    made.tend()
    made.tend()
    assert made.wanted() == ((), ())
    assert graph.made == []


def test_a_port_that_goes_and_comes_back_is_connected_again(graph):
    made = wires(graph, ["clock"])
    graph.sources.remove(CLOCK)
    graph.wires.clear()
    made.tend()
    assert made.wanted() == ((CLOCK,), ())
    graph.sources.append(CLOCK)
    made.tend()
    assert graph.made == [(CLOCK, IN)] * 2


def test_a_receiver_that_joins_and_a_sender_that_leaves_are_noticed_once(graph):
    made = wires(graph)
    assert made.take_change() == (False, False)
    graph.wires.update({(OUT, SYNTH), (CLOCK, IN)})
    made.tend()
    assert made.take_change() == (True, False)
    made.tend()
    assert made.take_change() == (False, False)
    graph.wires.clear()
    made.tend()
    assert made.take_change() == (False, True)


def test_a_receiver_that_we_connect_ourselves_has_joined_too(graph):
    assert wires(graph, [], ["synth"]).take_change() == (True, False)


def test_a_name_that_is_not_utf_8_is_text_outside_and_its_own_bytes_to_the_server():
    odd, usual = _Name.of(b"gr\xfc\xdf:in"), _Name.of("grüß:in".encode())
    assert str(odd) == "gr\\xfc\\xdf:in" and type(str(odd)) is str
    assert str(usual) == "grüß:in"
    assert (odd.encode(), usual.encode()) == (b"gr\xfc\xdf:in", b"gr\xc3\xbc\xc3\x9f:in")


def test_a_port_of_such_a_name_is_connected_by_what_is_shown_and_passed_as_plain_text(graph):
    graph.sinks.append(_Name.of(b"gr\xfc:in"))
    made = wires(graph, connect_out=[r"gr\xfc"])
    assert [sink.encode() for _, sink in graph.made] == [b"gr\xfc:in"]
    (passed,) = made.wanted()[1]
    assert type(passed) is str and passed == r"gr\xfc:in"
    made.tend()
    assert len(graph.made) == 1
