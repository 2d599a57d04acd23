"""The whole performer on recording ports and time moved by hand."""

import pytest
import simclock

from engine.performer import messages as m
from engine.performer.offline import OfflinePerformer

S = 1_000_000_000
LEADS = pytest.mark.parametrize("lead_ns", [0, 30_000_000])


def note(start: float, pitch: int, length: float = 0.5, velocity: int = 80, channel: int = 0) -> m.NoteData:
    return m.NoteData(start, pitch, length, velocity, channel)


def ticks(first_ns: int, count: int, bpm: float = 120.0) -> list[tuple[int, bytes]]:
    period = 60e9 / bpm / 24
    return [(first_ns + round(i * period), b"\xf8") for i in range(count)]


def notes_sent(offline: OfflinePerformer) -> list[tuple[int, bytes]]:
    return [(due, data) for due, _, data in offline.backend.output.log if data[0] < 0xB0]


@LEADS
def test_pattern_loops_on_the_bar_lines_of_an_external_clock(lead_ns):
    offline = OfflinePerformer(lead_ns=lead_ns)
    offline.handle(m.SetPattern(7, (note(0, 60), note(1, 62, 0.25, 99)), 1))
    offline.play([(2 * S - 1_000_000, b"\xfa"), *ticks(2 * S, 24 * 6)])
    offline.run_until(round(4.9 * S))
    assert notes_sent(offline) == [
        (2 * S, bytes((0x90, 60, 80))),
        (2 * S + S // 4, bytes((0x80, 60, 0))),
        (2 * S + S // 2, bytes((0x90, 62, 99))),
        (2 * S + S // 2 + S // 8, bytes((0x80, 62, 0))),
        (4 * S, bytes((0x90, 60, 80))),
        (4 * S + S // 4, bytes((0x80, 60, 0))),
        (4 * S + S // 2, bytes((0x90, 62, 99))),
        (4 * S + S // 2 + S // 8, bytes((0x80, 62, 0))),
    ]
    assert offline.of(m.PatternStarted) == [m.PatternStarted(7, 0.0, 2 * S)]
    assert offline.performer.late_sends == 0


@LEADS
def test_stop_switches_off_what_sounds(lead_ns):
    offline = OfflinePerformer(lead_ns=lead_ns)
    offline.handle(m.SetPattern(1, (note(0, 60, 4.0), note(0, 64, 4.0)), 1))
    offline.play([(2 * S - 1_000_000, b"\xfa"), *ticks(2 * S, 50)])
    offline.play([(round(2.6 * S), b"\xfc")])
    offline.run_until(round(2.59 * S))
    assert offline.sounding() == {(0, 60), (0, 64)}
    offline.run_until(3 * S)
    assert offline.sounding() == set()
    assert offline.of(m.ClockState)[-1].status == "stopped"


def test_bars_that_were_heard_are_reported():
    offline = OfflinePerformer()
    offline.play([(2 * S - 1_000_000, b"\xfa"), *ticks(2 * S, 24 * 9)])
    offline.play([(2 * S + S // 2, bytes((0x90, 60, 77))), (3 * S, bytes((0x80, 60, 0)))])
    offline.run_until(round(6.1 * S))
    first, second = offline.of(m.BarCaptured)
    assert (first.bar, second.bar) == (0, 1)
    assert second.notes == ()
    (heard,) = first.notes
    assert (heard.pitch, heard.velocity, heard.channel) == (60, 77, 0)
    assert heard.start_beats == pytest.approx(1.0, abs=1e-4)
    assert heard.duration_beats == pytest.approx(1.0, abs=1e-4)


def test_jittered_clock_still_places_notes_within_a_millisecond():
    offline = OfflinePerformer(lead_ns=30_000_000)
    offline.handle(m.SetPattern(1, tuple(note(i / 4, 60 + i, 0.1) for i in range(16)), 1))
    true = simclock.true_ticks(simclock.constant(120), 64, 2 * S)
    arrived = simclock.arrivals(true, simclock.uniform(1.0))
    offline.play([(arrived[0] - 1_000_000, b"\xfa"), *[(t_ns, b"\xf8") for t_ns in arrived]])
    offline.run_until(round(true[-1]) - 50_000_000)
    ons = [sent for _, sent, data in offline.backend.output.log if data[0] == 0x90]
    assert len(ons) == 256
    errors_ms = [abs(sent - true[6 * i]) / 1e6 for i, sent in enumerate(ons) if i > 32]
    assert max(errors_ms) < 1.0
