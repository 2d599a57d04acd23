"""MIDI clock of our own, at 120 BPM: a tick every 20.83 ms."""

import pytest

from engine.performer import messages as m
from engine.performer.offline import OfflinePerformer

LEADS = pytest.mark.parametrize("lead_ns", [0, 30_000_000])
TICK_NS = 60e9 / 120 / 24


def clock(offline: OfflinePerformer) -> list[tuple[int, str]]:
    return [(due, data.hex()) for due, _, data in offline.backend.output.log if data[0] >= 0xF0]


@LEADS
def test_start_goes_ahead_of_its_first_tick_and_ticks_are_due_exactly(lead_ns):
    offline = OfflinePerformer(lead_ns=lead_ns)
    offline.handle(m.SetClock(send_clock=True))
    offline.handle(m.Play())
    start_ns = offline.now_ns + lead_ns + 5_000_000
    offline.run_until(start_ns + round(23.5 * TICK_NS))
    (started_ns, start), *ticks = clock(offline)
    assert (start, started_ns) == ("fa", start_ns - 500_000)
    assert ticks == [(pytest.approx(start_ns + i * TICK_NS, abs=1), "f8") for i in range(24)]


@LEADS
def test_a_start_in_the_song_is_a_song_position_and_continue_and_stop_ends_it(lead_ns):
    offline = OfflinePerformer(lead_ns=lead_ns)
    offline.handle(m.SetClock(send_clock=True))
    offline.handle(m.Play(40.0))  # 160 sixteenths: 0x20 and 0x01 in seven bits each
    offline.run_for(200_000_000)
    offline.handle(m.Stop())
    offline.run_for(500_000_000)
    kinds = [data for _, data in clock(offline)]
    assert kinds[:3] == ["f22001", "fb", "f8"]
    assert kinds[-1] == "fc"
    assert set(kinds[2:-1]) == {"f8"}


def test_a_tempo_change_moves_the_ticks():
    offline = OfflinePerformer(lead_ns=30_000_000)
    offline.handle(m.SetClock(send_clock=True))
    offline.handle(m.Play())
    offline.run_for(1_000_000_000)
    offline.handle(m.SetTempo(60.0))
    offline.run_for(1_000_000_000)
    dues = [due for due, data in clock(offline) if data == "f8"]
    assert [later - earlier for earlier, later in zip(dues[-12:], dues[-11:], strict=False)] == [
        pytest.approx(2 * TICK_NS, abs=2)
    ] * 11
    assert len(dues) == len(set(dues))


def test_panic_and_clear_lose_no_tick():
    offline = OfflinePerformer(lead_ns=30_000_000)
    offline.handle(m.SetClock(send_clock=True))
    offline.handle(m.SetPattern(1, (m.NoteData(0.0, 60, 4.0, 80, 0),), 1))
    offline.handle(m.Play())
    start_ns = offline.now_ns + 35_000_000
    for command in (m.Panic(), m.ClearPattern(), m.Panic()):
        offline.run_for(333_000_000)
        offline.handle(command)
    offline.run_until(start_ns + round(48.5 * TICK_NS))
    dues = [due for due, data in clock(offline) if data == "f8"]
    assert dues == [pytest.approx(start_ns + i * TICK_NS, abs=1) for i in range(49)]


def test_while_ours_leads_a_clock_that_comes_in_is_not_followed():
    offline = OfflinePerformer()
    offline.handle(m.SetClock(send_clock=True))
    offline.handle(m.Play())
    offline.play([(offline.now_ns + 20_000_000, b"\xfa"), (offline.now_ns + 30_000_000, b"\xfc")])
    offline.run_for(100_000_000)
    state = offline.of(m.ClockState)[-1]
    assert (state.status, state.source) == ("rolling", "internal")


def test_no_clock_goes_out_unasked():
    offline = OfflinePerformer()
    offline.handle(m.Play())
    offline.run_for(1_000_000_000)
    assert clock(offline) == []


@pytest.mark.parametrize("lead_ns", [0, 30_000_000])
def test_a_clock_switched_on_just_before_the_first_beat_starts_with_it(lead_ns):
    """Play begins a moment later, so that the position is below zero when the clock is switched on."""
    offline = OfflinePerformer(lead_ns=lead_ns)
    offline.handle(m.Play())
    offline.handle(m.SetClock(send_clock=True))
    offline.run_for(500_000_000)
    sent = [data for _, _, data in offline.backend.output.log]
    assert sent[0] == b"\xfa"
    assert sent[1] == b"\xf8"
    assert not offline.of(m.Fault)
