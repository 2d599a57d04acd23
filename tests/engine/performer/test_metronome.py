"""Clicks at 120 BPM: a beat every 500 ms, by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.music.metre import Metre
from engine.performer import messages as m
from engine.performer.offline import OfflinePerformer

LEADS = pytest.mark.parametrize("lead_ns", [0, 30_000_000])
BEAT_NS = 500_000_000
CLICK = m.SetMetronome(on=True)


def clicks(offline: OfflinePerformer) -> list[tuple[int, int]]:
    """Time and velocity of every click."""
    return [
        (due, data[2])
        for due, _, data in offline.backend.output.log
        if data[:2] == bytes((0x99, 37)) and data[2]
    ]


def start_of(offline: OfflinePerformer, lead_ns: int) -> int:
    return offline.now_ns + lead_ns + 5_000_000


@LEADS
def test_there_is_a_click_on_every_beat_and_the_first_of_a_bar_is_louder(lead_ns):
    offline = OfflinePerformer(lead_ns=lead_ns)
    offline.handle(CLICK)
    offline.handle(m.Play())
    start_ns = start_of(offline, lead_ns)
    offline.run_until(start_ns + 8 * BEAT_NS + 1_000_000)
    expected = [(start_ns + n * BEAT_NS, 120 if n % 4 == 0 else 84) for n in range(9)]
    assert clicks(offline) == expected
    offline.run_for(2 * BEAT_NS)
    offline.handle(m.Stop())
    offline.run_for(BEAT_NS)
    assert not offline.sounding()


def test_nothing_clicks_unasked():
    offline = OfflinePerformer()
    offline.handle(m.Play())
    offline.run_for(4 * BEAT_NS)
    assert not clicks(offline)


@LEADS
@pytest.mark.parametrize("bars", [1, 2])
@pytest.mark.parametrize("on", [False, True])
def test_a_count_in_is_counted_before_the_music_starts_on_its_beat(lead_ns, bars, on):
    offline = OfflinePerformer(lead_ns=lead_ns)
    offline.handle(m.SetMetronome(on=on))
    offline.handle(m.SetPattern(1, (m.NoteData(0.0, 60, 1.0, 80, 0),), 1))
    offline.handle(m.Play(count_in_bars=bars))
    counted_ns = start_of(offline, lead_ns)
    start_ns = counted_ns + bars * 4 * BEAT_NS
    offline.run_until(start_ns + 3 * BEAT_NS + 1_000_000)
    count = bars * 4 + (4 if on else 0)
    assert clicks(offline) == [(counted_ns + n * BEAT_NS, 120 if n % 4 == 0 else 84) for n in range(count)]
    notes = [due for due, _, data in offline.backend.output.log if data[:2] == b"\x90\x3c"]
    assert notes == [start_ns]


def test_what_is_played_to_the_count_in_belongs_to_no_bar_but_an_upbeat_does():
    offline = OfflinePerformer()
    offline.handle(m.Play(count_in_bars=1))
    counted_ns = start_of(offline, 0)
    start_ns = counted_ns + 4 * BEAT_NS
    played = [(counted_ns + BEAT_NS, 50), (start_ns - BEAT_NS // 10, 62), (start_ns + BEAT_NS, 64)]
    for on_ns, pitch in played:
        offline.play([(on_ns, bytes((0x90, pitch, 80))), (on_ns + BEAT_NS // 2, bytes((0x80, pitch, 0)))])
    offline.run_until(start_ns + 5 * BEAT_NS)
    (bar,) = offline.of(m.BarCaptured)
    assert (bar.bar, [(note.pitch, round(note.start_beats, 3)) for note in bar.notes]) == (
        0,
        [(62, -0.1), (64, 1.0)],
    )


def test_the_tempo_may_change_while_it_is_counted_and_a_stop_ends_it():
    offline = OfflinePerformer()
    offline.handle(m.Play(count_in_bars=1))
    counted_ns = start_of(offline, 0)
    offline.run_until(counted_ns + BEAT_NS)
    offline.handle(m.SetTempo(60.0))
    offline.run_until(counted_ns + 4 * BEAT_NS)
    times = [due for due, _ in clicks(offline)]
    assert times == pytest.approx([counted_ns, counted_ns + BEAT_NS, counted_ns + 3 * BEAT_NS], abs=2)
    offline.handle(m.Stop())
    offline.run_for(8 * BEAT_NS)
    assert len(clicks(offline)) == 3
    assert not offline.sounding()


@pytest.mark.parametrize(
    ("metre", "bar_beats", "unit", "per_bar"),
    [
        (Metre(6, 8), 3.0, 1.5, 2),
        (Metre(3, 4), 3.0, 1.0, 3),
        (Metre(7, 8), 3.5, 0.5, 7),
        (Metre(5, 4), 5.0, 1.0, 5),
        (Metre(12, 8), 6.0, 1.5, 4),
    ],
)
def test_other_metres_click_on_their_own_pulses(metre, bar_beats, unit, per_bar):
    offline = OfflinePerformer()
    offline.handle(m.SetMetre(metre))
    offline.handle(m.SetMetronome(on=True))
    offline.handle(m.Play())
    start_ns = start_of(offline, 0)
    offline.run_until(start_ns + round(2 * bar_beats * BEAT_NS) - 1)
    expected = [
        (round(start_ns + (bar * bar_beats + n * unit) * BEAT_NS), 84 if n else 120)
        for bar in range(2)
        for n in range(per_bar)
    ]
    assert clicks(offline) == expected


@LEADS
def test_clicks_follow_a_host_and_its_jumps(lead_ns):
    offline = OfflinePerformer(lead_ns=lead_ns)
    offline.handle(CLICK)
    tick_ns = BEAT_NS // 24
    first_ns = offline.now_ns + 100_000_000
    offline.play([(first_ns - 1_000_000, b"\xfa")])
    offline.play([(first_ns + n * tick_ns, b"\xf8") for n in range(24 * 5)])
    offline.run_until(first_ns + 4 * BEAT_NS + BEAT_NS // 2)
    loud = [due for due, velocity in clicks(offline) if velocity == 120]
    assert loud == pytest.approx([first_ns, first_ns + 4 * BEAT_NS], abs=300_000)
    assert len(clicks(offline)) == 5


def test_the_offset_moves_the_clicks_as_it_moves_the_notes():
    offline = OfflinePerformer(lead_ns=30_000_000)
    offline.handle(m.SetOffset(20.0))
    offline.handle(CLICK)
    offline.handle(m.Play())
    start_ns = start_of(offline, 30_000_000)
    offline.run_for(3 * BEAT_NS)
    assert [due for due, _ in clicks(offline)][:3] == [start_ns + 20_000_000 + n * BEAT_NS for n in range(3)]


COMMANDS = st.one_of(
    st.builds(m.SetTempo, st.floats(40, 240)),
    st.builds(m.SetMetronome, st.booleans(), st.just(9), st.integers(30, 40)),
    st.builds(m.SetMetre, st.sampled_from((Metre(2), Metre(3), Metre(6, 8), Metre(7, 8), Metre(4)))),
    st.builds(m.SetOffset, st.floats(-40, 40)),
    st.builds(m.Play, st.floats(0, 9), st.integers(0, 2)),
    st.sampled_from((m.Stop(), m.Panic(), m.ClearPattern())),
)


@LEADS
@given(st.lists(st.tuples(COMMANDS, st.integers(0, 1_200)), max_size=8))
def test_no_click_is_left_sounding_and_none_is_struck_twice(lead_ns, steps):
    offline = OfflinePerformer(lead_ns=lead_ns)
    for command, wait_ms in steps:
        offline.handle(command)
        offline.run_for(wait_ms * 1_000_000)
    offline.handle(m.Stop())
    offline.run_for(BEAT_NS)
    assert not offline.sounding()
    on: set[int] = set()
    for _, _, data in offline.backend.output.log:
        if data[0] == 0x99 and data[2]:
            assert data[1] not in on
            on.add(data[1])
        elif data[0] in (0x89, 0x99):
            on.discard(data[1])


def test_panic_loses_no_click():
    offline = OfflinePerformer(lead_ns=30_000_000)
    offline.handle(CLICK)
    offline.handle(m.Play())
    start_ns = start_of(offline, 30_000_000)
    offline.run_until(start_ns + BEAT_NS - 10_000_000)  # the second click is handed over
    offline.handle(m.Panic())
    offline.run_for(2 * BEAT_NS)
    assert [due for due, _ in clicks(offline)] == [start_ns, start_ns + BEAT_NS, start_ns + 2 * BEAT_NS]
