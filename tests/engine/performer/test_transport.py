import pytest

from engine.performer.transport import Transport

TICK_NS = round(60e9 / 120 / 24)
S = 1_000_000_000


def ticking(transport: Transport, first_ns: int, count: int) -> int:
    """Let a clock at 120 BPM tick; returns when the next tick would come."""
    for index in range(count):
        transport.receive(first_ns + index * TICK_NS, b"\xf8")
    return first_ns + count * TICK_NS


def test_start_waits_for_the_next_tick_which_is_beat_0():
    transport = Transport()
    transport.receive(S, b"\xfa")
    assert transport.status == "armed"
    assert not transport.rolling
    end_ns = ticking(transport, S + 1_000_000, 25)
    assert transport.status == "rolling"
    assert transport.beats_at(S + 1_000_000 + 24 * TICK_NS) == pytest.approx(1.0, abs=1e-6)
    assert transport.time_of(2.0) == pytest.approx(end_ns + 23 * TICK_NS, abs=50)


@pytest.mark.parametrize(("in_clocks", "beats"), [(False, 4.0), (True, 16 / 24)])
def test_song_position_counts_sixteenths_or_clocks(in_clocks, beats):
    transport = Transport()
    transport.spp_in_clocks = in_clocks
    transport.receive(S, b"\xf2\x10\x00")
    assert transport.beats_at(S) == pytest.approx(beats)


def test_song_position_has_14_bits():
    transport = Transport()
    transport.receive(S, b"\xf2\x01\x02")
    assert transport.beats_at(S) == (1 + 2 * 128) / 4


@pytest.mark.parametrize("share_of_tick", [0.05, 0.95])
def test_song_position_while_rolling_names_the_nearest_tick(share_of_tick):
    transport = Transport()
    transport.receive(S, b"\xfa")
    end_ns = ticking(transport, S, 48)
    last_ns = end_ns - TICK_NS
    message_ns = last_ns + round(share_of_tick * TICK_NS)
    jump = transport.receive(message_ns, b"\xf2\x40\x00")
    at_ns = last_ns if share_of_tick < 0.5 else end_ns
    assert transport.rolling
    assert transport.beats_at(at_ns) == pytest.approx(16.0, abs=1e-6)
    assert (jump.to_beats, jump.was_rolling, jump.rolling) == (16.0, True, True)
    assert jump.from_beats == pytest.approx((at_ns - S) / TICK_NS / 24)


def test_song_position_in_one_period_with_the_ticks_around_it_names_the_next():
    """48 kHz, 1024 frames, 120 bpm: 42 ticks in 41 periods of 21.333 ms, two of them at one time."""
    transport = Transport()
    period_ns = 1024 / 48_000 * 1e9
    transport.receive(S, b"\xfa")
    times = [S + round(-(-tick * TICK_NS // period_ns) * period_ns) for tick in range(200)]
    at = next(tick for tick in range(100, 200) if times[tick] == times[tick - 1])
    for t_ns in times[:at]:
        transport.receive(t_ns, b"\xf8")
    transport.receive(times[at], b"\xf2\x40\x00")
    for t_ns in times[at:150]:
        transport.receive(t_ns, b"\xf8")
    latest_ns = transport.clock.time_of(transport.clock.count)
    assert transport.beats_at(latest_ns) * 24 == pytest.approx(16 * 24 + 149 - at)


def test_a_song_position_stands_when_a_tick_before_it_turns_out_to_be_lost():
    """The tick is lost 3 ticks before the message, and proven only after it."""
    transport = Transport()
    transport.receive(S, b"\xfa")
    times = [S + tick * TICK_NS + (tick * 7 % 11 - 5) * 900_000 for tick in range(400)]
    for tick, t_ns in enumerate(times):
        if tick == 200:
            transport.receive(t_ns - 1000, b"\xf2\x40\x00")
        if tick != 197:
            transport.receive(t_ns, b"\xf8")
    assert transport.clock.missed == 1
    latest_ns = transport.clock.time_of(transport.clock.count)
    assert transport.beats_at(latest_ns) * 24 == pytest.approx(16 * 24 + 199)


@pytest.mark.parametrize("heard_before", [b"\xfa", b"\xf2\x00\x00", None])
def test_continue_knows_its_bars_only_after_a_start_or_position(heard_before):
    transport = Transport()
    if heard_before:
        transport.receive(S, heard_before)
        transport.receive(S, b"\xfc")
    transport.receive(S + 1, b"\xfb")
    assert transport.bar_phase_known == (heard_before is not None)


def test_continue_while_rolling_changes_nothing():
    transport = Transport()
    transport.receive(S, b"\xfa")
    end_ns = ticking(transport, S, 30)
    assert transport.receive(end_ns - 1, b"\xfb") is None
    assert transport.status == "rolling"


def test_flywheel_then_lost_then_long_silence_makes_the_bars_unknown():
    transport = Transport()
    transport.receive(S, b"\xfa")
    end_ns = ticking(transport, S, 30)
    last_ns = end_ns - TICK_NS
    for after_ns, status in ((40, "rolling"), (60, "flywheel"), (240, "flywheel"), (260, "lost")):
        transport.step(last_ns + after_ns * 1_000_000)
        assert transport.status == status
    ticking(transport, end_ns + 10 * S, 1)
    assert transport.status == "rolling"
    assert not transport.bar_phase_known
    assert transport.beats_at(end_ns + 10 * S) == pytest.approx(30 / 24)


def test_a_slow_clock_is_not_lost_between_its_ticks():
    transport = Transport(lost_after_ns=100_000_000)
    transport.receive(0, b"\xfa")
    for index in range(10):  # 20 BPM
        transport.receive(index * 125_000_000, b"\xf8")
    transport.step(9 * 125_000_000 + 124_000_000)
    assert transport.status == "rolling"


def test_the_choice_of_clock():
    internal, external, auto = Transport("internal"), Transport("external"), Transport("auto")
    for transport in (internal, external, auto):
        transport.receive(S, b"\xfa")
        ticking(transport, S + 1, 2)
    assert [t.status for t in (internal, external, auto)] == ["stopped", "rolling", "rolling"]
    auto.choose(2 * S, "internal")
    assert (auto.status, auto.external) == ("stopped", False)


def test_a_start_from_outside_takes_over_from_our_clock_but_ticks_alone_do_not():
    transport = Transport()
    transport.play(0, 0.0, 0)
    ticking(transport, S, 30)
    assert (transport.status, transport.external) == ("rolling", False)
    transport.receive(2 * S, b"\xfa")
    assert (transport.status, transport.external) == ("armed", True)


def test_our_tempo_changes_without_a_step_in_position():
    transport = Transport()
    transport.play(0, 4.0, 0)
    transport.set_tempo(S, 60.0)
    assert transport.beats_at(S) == 6.0
    assert transport.beats_at(2 * S) == 7.0
    assert transport.time_of(8.0) == 3 * S


@pytest.mark.parametrize("data", [b"\xf2", b"\xf2\x01", b"\xfe", b"\xff", b"\xf1\x00", b"\xf0\x7d\xf7"])
def test_other_system_messages_and_broken_ones_change_nothing(data):
    transport = Transport()
    assert transport.receive(S, data) is None
    assert (transport.status, transport.external) == ("stopped", False)


PLAYED_TICKS = 6 * 24


def stopped_at_beat_6() -> tuple[Transport, int]:
    """A transport that followed from 0 to beat 6 and was stopped between two ticks; and when."""
    transport = Transport()
    transport.receive(S, b"\xfa")
    end_ns = ticking(transport, S, PLAYED_TICKS)
    transport.receive(end_ns - TICK_NS // 2, b"\xfc")
    return transport, end_ns


def wait(transport: Transport, from_ns: int, duration_ns: int) -> int:
    """Let time pass in the steps of the performer's loop; returns the time after it."""
    for now_ns in range(from_ns, from_ns + duration_ns, 50_000_000):
        assert transport.step(now_ns) is None
    transport.step(from_ns + duration_ns)
    return from_ns + duration_ns


SILENCES = pytest.mark.parametrize("silence_s", [0, 1, 4, 60])
GAPS = pytest.mark.parametrize("gap_ms", [0, 1, 6, 60, 2500])


@SILENCES
@GAPS
@pytest.mark.parametrize(
    ("messages", "beats"),
    [
        ([b"\xfa"], 0.0),
        ([b"\xfb"], 6.0),
        ([b"\xf2\x20\x00", b"\xfb"], 8.0),
        ([b"\xfa", b"\xfb"], 0.0),
        ([b"\xfc", b"\xfb"], 6.0),
    ],
)
def test_no_silence_makes_a_host_forgotten(messages, beats, silence_s, gap_ms):
    """Silence comes before each message, and the gap between the last of them and its tick."""
    transport, now_ns = stopped_at_beat_6()
    for message in messages:
        now_ns = wait(transport, now_ns, silence_s * S)
        transport.receive(now_ns, message)
    assert transport.status == "armed"
    now_ns = wait(transport, now_ns, gap_ms * 1_000_000)
    jump = transport.receive(now_ns, b"\xf8")
    assert (jump.rolling, jump.to_beats) == (True, beats)
    assert transport.beats_at(now_ns) == pytest.approx(beats)
    assert transport.bar_phase_known
    ticking(transport, now_ns + TICK_NS, 24)
    assert transport.beats_at(now_ns + 24 * TICK_NS) == pytest.approx(beats + 1.0, abs=1e-6)


@SILENCES
def test_a_stopped_host_leaves_the_lead_after_two_seconds_and_keeps_its_place(silence_s):
    transport, now_ns = stopped_at_beat_6()
    now_ns = wait(transport, now_ns, silence_s * S)
    assert transport.external == (silence_s < 2)
    transport.play(now_ns, 100.0, now_ns)
    transport.stop(now_ns + S)
    transport.receive(now_ns + 2 * S, b"\xfb")
    transport.receive(now_ns + 2 * S, b"\xf8")
    # A clock that still ticks takes Play for its own place; one that is gone is not asked.
    assert transport.beats_at(now_ns + 2 * S) == (100.0 if silence_s == 0 else 6.0)


def test_a_song_position_while_our_clock_plays_is_kept_for_the_hosts_continue():
    transport = Transport()
    transport.play(0, 0.0, 0)
    assert transport.receive(S, b"\xf2\x10\x00") is None
    assert (transport.external, transport.rolling) == (False, True)
    transport.receive(2 * S, b"\xfb")
    transport.receive(2 * S + 1, b"\xf8")
    assert transport.beats_at(2 * S + 1) == 4.0


def test_a_lost_host_that_names_its_place_goes_on_from_there():
    transport = Transport()
    transport.receive(S, b"\xfa")
    end_ns = ticking(transport, S, 30)
    transport.step(end_ns + S)
    assert transport.status == "lost"
    transport.receive(end_ns + 4 * S, b"\xf2\x20\x00")
    transport.receive(end_ns + 4 * S + 1_000_000, b"\xf8")
    assert transport.rolling
    assert transport.beats_at(end_ns + 4 * S + 1_000_000) == 8.0


@pytest.mark.parametrize("late_ms", [-9, -1, 0, 1, 9])
def test_a_running_clock_is_joined_at_the_tick_nearest_to_the_first_note(late_ms):
    transport = Transport()
    end_ns = ticking(transport, S, 48)
    tick_ns = end_ns - 12 * TICK_NS
    note_ns = tick_ns + late_ms * 1_000_000
    transport = Transport()
    ticks = [S + index * TICK_NS for index in range(48)]
    for t_ns in [t_ns for t_ns in ticks if t_ns <= note_ns]:
        transport.receive(t_ns, b"\xf8")
    jump = transport.note_heard(note_ns)
    assert (jump.rolling, jump.to_beats) == (True, 0.0)
    assert jump.t_ns == pytest.approx(tick_ns, abs=1000)
    assert not transport.bar_phase_known
    for t_ns in [t_ns for t_ns in ticks if t_ns > note_ns]:
        transport.receive(t_ns, b"\xf8")
    assert transport.beats_at(tick_ns + 6 * TICK_NS) == pytest.approx(0.25, abs=1e-4)


def test_stop_rests_where_it_was_and_twice_is_nothing():
    transport = Transport()
    transport.play(0, 4.0, 10_000_000)
    jump = transport.stop(S + 10_000_000)
    assert (jump.t_ns, jump.from_beats, jump.to_beats) == (S + 10_000_000, 6.0, 6.0)
    assert (jump.was_rolling, jump.rolling, jump.restarted) == (True, False, False)
    assert transport.stop(2 * S) is None
    assert transport.beats_at(9 * S) == 6.0


def test_a_stop_before_the_first_beat_rests_at_the_start_and_not_before_it():
    transport = Transport()
    transport.play(0, 0.0, 30_000_000)
    assert transport.stop(10_000_000).to_beats == 0.0


def test_another_leader_stops_the_music_and_the_same_one_does_not():
    transport = Transport()
    transport.receive(S, b"\xfa")
    end_ns = ticking(transport, S, 48)
    assert transport.choose(end_ns, "external") is None
    assert transport.choose(end_ns, "auto") is None
    assert transport.rolling
    jump = transport.choose(end_ns, "internal")
    assert (jump.was_rolling, jump.rolling, transport.external) == (True, False, False)
    assert jump.to_beats == pytest.approx(2.0, abs=1e-6)
    assert transport.choose(end_ns, "external") is None  # nothing rolled
    assert transport.external


def test_a_host_that_was_let_go_is_joined_only_after_a_beat_of_its_clock():
    transport, now_ns = stopped_at_beat_6()
    now_ns = wait(transport, now_ns, 4 * S)
    assert (transport.external, transport.bar_phase_known, transport.status) == (False, True, "stopped")
    now_ns = ticking(transport, now_ns, 20)
    assert transport.note_heard(now_ns) is None
    now_ns = ticking(transport, now_ns, 8)
    assert transport.note_heard(now_ns - TICK_NS).rolling


def test_our_tempo_set_before_the_first_beat_moves_no_beat():
    transport = Transport()
    transport.play(0, 2.0, 50_000_000)
    transport.set_tempo(10_000_000, 60.0)
    assert transport.time_of(2.0) == 50_000_000
    assert transport.time_of(3.0) == S + 50_000_000


def test_play_beside_a_clock_that_just_ticked_waits_for_its_next_tick():
    transport = Transport()
    end_ns = ticking(transport, S, 30)
    last_ns = end_ns - TICK_NS
    assert not transport.play(last_ns + 499_000_000, 0.0, end_ns).rolling
    other = Transport()
    ticking(other, S, 30)
    assert other.play(last_ns + 500_000_000, 0.0, end_ns).rolling
