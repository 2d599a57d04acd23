"""What known hosts send at loop ends and locates, as fixtures."""

import pytest
from scripted import Host, check_bars, check_output, pitch_of

from engine.performer import messages as m

LEADS = pytest.mark.parametrize("lead_ns", [0, 30_000_000])
WHOLE_BAR = m.SetPattern(1, tuple(m.NoteData(beat, 100 + beat, 0.9, 80, 0) for beat in range(4)), 1)


def ons(host: Host) -> list[int]:
    return [data[1] for _, _, data in host.offline.backend.output.log if data[0] == 0x90]


@LEADS
def test_ableton_names_the_loop_start_by_song_position_while_it_rolls(lead_ns):
    """Reported for midilab/uClock issue 65: no Stop, no Continue, only F2 at each turn of the loop."""
    host = Host(lead_ns)
    host.offline.handle(WHOLE_BAR)
    host.start()
    host.ticks(4 * 24)
    for _ in range(3):
        host.locate(4 * 4)
        host.ticks(2 * 4 * 24)
    host.stop()
    assert [bar.bar for bar in host.offline.of(m.BarCaptured)] == [0, 1, 2, 1, 2, 1, 2]
    check_bars(host)
    assert ons(host) == [100, 101, 102, 103] * 7
    check_output(host.offline)


@LEADS
def test_a_loop_that_is_no_whole_number_of_bars_keeps_the_song_position(lead_ns):
    """The 1.0.2 loop of the same report: one bar and a sixteenth."""
    host = Host(lead_ns)
    host.offline.handle(WHOLE_BAR)
    host.start()
    host.ticks(4 * 24 + 6)
    for _ in range(2):
        host.locate(0)
        host.ticks(4 * 24 + 6)
    host.stop()
    assert [bar.bar for bar in host.offline.of(m.BarCaptured)] == [0, 0, 0]
    check_bars(host)
    assert ons(host) == [100, 101, 102, 103, 100] * 3
    check_output(host.offline)


@LEADS
def test_reaper_stops_then_sends_two_song_positions_and_resets_before_it_plays(lead_ns):
    """As dumped in jazz-soft/JZZ issue 67: FC, F2 0, F2 16, then CC 120 and 123 on 16 channels, FB."""
    host = Host(lead_ns)
    host.offline.handle(WHOLE_BAR)
    host.start()
    host.ticks(50)
    host.stop()
    host.locate(0)
    host.locate(16)
    for channel in range(16):
        host.send(host.t_ns - 1_200_000, 0xB0 | channel, 120, 0)
        host.send(host.t_ns - 1_200_000, 0xB0 | channel, 123, 0)
    host.resume()
    host.ticks(4 * 24)
    host.stop()
    (bar,) = host.offline.of(m.BarCaptured)
    assert bar.bar == 1
    check_bars(host)
    assert ons(host) == [100, 101, 102, 100, 101, 102, 103]
    check_output(host.offline)


def test_ardour_locates_by_stop_position_continue():
    host = Host(0)
    host.start()
    host.ticks(30)
    host.stop()
    host.locate(32)
    host.resume()
    host.ticks(4 * 24 + 6)
    assert [bar.bar for bar in host.offline.of(m.BarCaptured)] == [2]
    check_bars(host)


def test_ardour_7_counts_song_position_in_clocks_when_set_so():
    host = Host(0)
    host.offline.handle(m.SetClock(spp_in_clocks=True))
    host.send(host.t_ns - 1_500_000, 0xF2, 96, 0)
    host.next_tick = 96
    host.resume()
    host.ticks(4 * 24 + 6)
    assert [bar.bar for bar in host.offline.of(m.BarCaptured)] == [1]
    check_bars(host)


def test_start_while_rolling_begins_again():
    host = Host(0)
    host.offline.handle(WHOLE_BAR)
    host.start()
    host.ticks(36)
    host.start()
    host.ticks(4 * 24 + 6)
    assert [bar.bar for bar in host.offline.of(m.BarCaptured)] == [0]
    check_bars(host)
    assert ons(host) == [100, 101, 100, 101, 102, 103, 100]


def test_stop_and_start_within_a_tick():
    host = Host(0)
    host.start()
    host.ticks(36)
    host.stop()
    host.start()
    host.ticks(4 * 24 + 6)
    assert [bar.bar for bar in host.offline.of(m.BarCaptured)] == [0]
    check_bars(host)


def test_continue_goes_on_with_the_tick_after_the_last():
    host = Host(0)
    host.start()
    host.ticks(4 * 24 + 10)
    host.stop()
    host.resume()
    host.ticks(2 * 4 * 24)
    assert [bar.bar for bar in host.offline.of(m.BarCaptured)] == [0, 2]
    # A tick is 0.042 beats: each note stands on its own, not on a neighbour's.
    check_bars(host, tolerance_beats=0.01)


def test_ticks_while_stopped_keep_the_tempo_and_do_not_move_the_song():
    host = Host(0)
    host.bpm = 97.0
    host.ticks(100)
    state = host.offline.of(m.ClockState)[-1]
    assert (state.status, state.position_beats) == ("stopped", 0.0)
    assert state.bpm == pytest.approx(97.0, abs=0.1)


def test_a_clock_that_already_ran_is_joined_when_music_comes_with_unknown_bars():
    host = Host(0)
    host.ticks(30)
    host.send(host.t_ns - 1_000_000, 0x90, pitch_of(0), 100)
    host.ticks(2)
    state = host.offline.of(m.ClockState)[-1]
    assert state.status == "rolling"
    assert not state.bar_phase_known


def test_play_is_the_downbeat_for_a_clock_that_only_ticks():
    host = Host(0)
    host.ticks(30)
    host.offline.handle(m.Play(8.0))
    host.ticks(1)
    state = host.offline.of(m.ClockState)[-1]
    assert (state.status, state.source, state.bar_phase_known) == ("rolling", "external", True)
    assert state.position_beats == pytest.approx(8.0, abs=0.05)


def test_a_lost_clock_flies_on_then_silences_and_is_taken_up_again():
    host = Host(0)
    host.offline.handle(m.SetPattern(1, (m.NoteData(0.0, 60, 3.9, 80, 0),), 1))
    host.start()
    host.ticks(60)
    host.offline.run_for(100_000_000)
    assert host.offline.of(m.ClockState)[-1].status == "flywheel"
    assert host.offline.sounding() == {(0, 60)}
    host.offline.run_for(200_000_000)
    assert host.offline.of(m.ClockState)[-1].status == "lost"
    assert host.offline.sounding() == set()
    # Twenty ticks went missing; the host never stopped, so its position is 20 ticks further on.
    host.t_ns += 20 * host.period_ns
    host.next_tick += 20
    host.ticks(3 * 4 * 24)
    bars = [bar.bar for bar in host.offline.of(m.BarCaptured)]
    assert bars == [1, 2]
    check_bars(host)


def test_an_external_clock_that_goes_away_leaves_ours_leading():
    host = Host(0)
    host.start()
    host.ticks(30)
    host.stop()
    host.offline.run_for(3_000_000_000)
    assert host.offline.of(m.ClockState)[-1].source == "internal"
    host.offline.handle(m.Play())
    host.offline.run_for(100_000_000)
    assert host.offline.of(m.ClockState)[-1].status == "rolling"


@LEADS
@pytest.mark.parametrize("before_tick_ns", [100_000, 500_000, 2_000_000, 8_000_000])
@pytest.mark.parametrize("period_ns", [1, 1_333_333, 21_333_333])
@pytest.mark.parametrize("duration_beats", [0.9, 0.01])
def test_a_loop_that_wraps_just_before_its_tick_strikes_its_first_note_once(
    lead_ns, before_tick_ns, period_ns, duration_beats
):
    """The position may be heard a driver's period late, when the note of its tick has left, or is over."""
    host = Host(lead_ns)
    notes = tuple(m.NoteData(beat, 100 + beat, duration_beats, 80, 0) for beat in range(4))
    host.offline.handle(m.SetPattern(1, notes, 1))
    host.send(host.t_ns - 1_000_000, 0xFA)
    turn_ns = 2 * 4 * 24 * host.period_ns
    for turn in range(3):
        first_ns = host.t_ns + turn * turn_ns
        for tick in range(2 * 4 * 24):
            host.send(first_ns + tick * host.period_ns, 0xF8)
        host.send(first_ns + turn_ns - before_tick_ns, 0xF2, 0, 0)
    steps = range(host.offline.now_ns, host.t_ns + 3 * turn_ns - 9_000_000, max(period_ns, 1_000_000))
    for now_ns in steps:
        host.offline.now_ns = now_ns
        host.offline.performer.step(now_ns)
    assert ons(host) == [100, 101, 102, 103] * 6


def test_whoever_joins_a_running_clock_learns_that_its_bars_are_a_guess():
    host = Host(0)
    host.ticks(30)
    host.rolling = True
    host.next_tick = 0
    host.ticks(4 * 24 + 6)
    (fault,) = host.offline.of(m.Fault)
    assert fault.text.startswith(
        "Joined a clock that was already running, so where its bars begin is a guess: "
    )
    (bar,) = host.offline.of(m.BarCaptured)
    assert bar.bar == 0
    check_bars(host, tolerance_beats=0.01)


def test_a_clock_over_two_cables_is_reported_once_and_keeps_its_bars():
    host = Host(0)
    host.start()
    for _ in range(2 * 4 * 24 + 6):
        host.send(host.t_ns + 200_000, 0xF8)
        host.ticks(1)
    (fault,) = host.offline.of(m.Fault)
    assert fault.text.startswith("The clock comes twice, as over two cables: ")
    assert [bar.bar for bar in host.offline.of(m.BarCaptured)] == [0, 1]
    assert host.offline.of(m.ClockState)[-1].doubled
    assert host.offline.of(m.ClockState)[-1].bpm == pytest.approx(120, abs=1)
