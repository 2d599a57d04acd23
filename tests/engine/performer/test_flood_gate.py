"""A flood of notes is bounded in time and memory, leaves nothing sounding and is said once."""

from engine.performer import messages as m
from engine.performer.flood_gate import MOST_PER_S, NOTICE, FloodGate
from engine.performer.offline import OfflinePerformer

S, MS = 1_000_000_000, 1_000_000
HELD = tuple(bytes((0x90, pitch, 80)) for pitch in (48, 55))


def taken(gate, t_ns, count):
    return sum(gate.take(t_ns) for _ in range(count))


def flooded(lead_ns, *, per_ms=16):
    """Two keys are held, then sixteen messages come each millisecond, 9,600 in all, and a clock all along."""
    offline = OfflinePerformer(lead_ns=lead_ns)
    offline.handle(m.SetInput(thru_notes=True, thru_controllers=True, sustain_lengthens=True))
    offline.play([(2 * S - MS, b"\xfa")])
    offline.play([(2 * S + round(tick * S / 48), b"\xf8") for tick in range(48 * 7)])
    offline.play([(2 * S + 100 * MS, data) for data in HELD])
    for number in range(600 * per_ms):
        on, pitch = 1 - number % 2, number // 2 % 40
        t_ns = 3 * S + number * MS // per_ms
        offline.play([(t_ns, bytes((0x90, 60 + pitch, 90 * on)))])
    return offline


def test_as_many_as_a_second_holds_are_taken_and_no_more():
    gate = FloodGate()
    assert taken(gate, S, MOST_PER_S) == MOST_PER_S
    assert not gate.closed
    assert taken(gate, S, 5) == 0
    assert gate.closed


def test_a_dense_stream_for_long_is_no_flood():
    gate = FloodGate()
    assert all(gate.take(S + number * S // 4000) for number in range(40_000))
    assert not gate.watch(0, 11 * S)


def test_it_opens_a_second_and_a_half_after_the_flood_not_in_it():
    gate = FloodGate()
    taken(gate, S, 3 * MOST_PER_S)
    assert gate.watch(0, S)
    assert not gate.watch(0, S + 1_490 * MS)
    assert gate.closed
    assert not gate.watch(0, S + 1_510 * MS)
    assert not gate.closed
    assert gate.take(S + 1_510 * MS)


def test_what_the_port_lost_closes_it_too():
    gate = FloodGate()
    assert gate.watch(3, S)
    assert gate.closed
    assert not gate.watch(3, S + MS)
    assert not gate.watch(0, 4 * S)  # another port, which counts anew
    assert not gate.closed
    assert gate.watch(1, 5 * S)


def test_a_flood_ends_every_note_and_is_said_once():
    for lead_ns in (0, 30 * MS):
        offline = flooded(lead_ns)
        offline.run_until(round(7.5 * S))
        assert [event.text for event in offline.of(m.Fault)] == [NOTICE]
        assert offline.sounding() == set()
        heard = offline.of(m.Heard)
        assert len(heard) < 1.5 * MOST_PER_S
        counted = dict(offline.of(m.InputCounts)[-1].ignored)
        assert counted["too many came in a second"] > 4000


def test_what_goes_through_stays_in_order_until_the_flood_closes():
    offline = flooded(0)
    offline.run_until(5 * S)
    sent = [data for _, _, data in offline.backend.output.log if data[0] == 0x90 and data[1] >= 60]
    struck = [data[1] for data in sent if data[2] == 90]
    assert len(struck) > 1000
    assert struck == [60 + number % 40 for number in range(len(struck))]


def test_the_clock_goes_on_in_a_flood_and_keys_count_after_it():
    offline = flooded(0)
    offline.play([(round(7.0 * S), bytes((0x90, 50, 70))), (round(7.5 * S), bytes((0x80, 50, 0)))])
    offline.run_until(round(8.1 * S))
    state = offline.of(m.ClockState)[-1]
    assert abs(state.position_beats - (state.t_ns - 2 * S) / (S / 2)) < 0.001
    assert state.missed_ticks == 0
    assert (0, 50) not in offline.sounding()
    third = offline.of(m.BarCaptured)[-1]
    assert [(note.pitch, round(note.start_beats, 3)) for note in third.notes] == [(50, 2.0)]
