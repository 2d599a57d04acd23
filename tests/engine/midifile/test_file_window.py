"""Windows cut out of songs: in ticks, every onset once, with the facts of their own bars."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from songs import song, track

from engine.errors import MidiFileError
from engine.midifile.song import NO_MESSAGES, Track
from engine.midifile.window import early_downbeats, is_straight, window
from engine.music.notes import Phrase

PPQS = [1, 24, 48, 96, 100, 120, 480, 960, 1920, 32767]


def found(phrase: Phrase) -> list[tuple[float, int, float]]:
    return [(round(n.start_beats, 6), n.pitch, round(n.duration_beats, 6)) for n in phrase.notes]


def played(notes: list[tuple[float, int, float]], channel: int = 0) -> Track:
    """Return notes in beats among others at uneven places, as a player has them."""
    uneven = [(20 + beat + 0.0131 * (1 + beat), 100, 0.1) for beat in range(20)]
    return track(notes + uneven, channel=channel)


def test_a_phrase_is_counted_from_its_bar_line() -> None:
    line = played([(0.5, 60, 6.0), (4.95, 62, 0.5), (6.0, 64, 1.0), (8.93, 65, 1.0)])
    made = song(line, changes=[(0, 1, 4), (1, 4, 4)], length=45.0)
    cut = window(made, 2, 1).phrase(line)  # beats 5 to 9; 8.93 is the downbeat after, played early
    assert found(cut) == [(-0.05, 62, 0.5), (0.0, 60, 1.5), (1.0, 64, 1.0)]
    assert cut.bars == 1


def test_a_note_that_ends_on_the_bar_line_leaves_nothing_behind_it() -> None:
    # a triplet's last note: 3 + 2/3 beats to 4, and times that no float has
    triplet = track([(11 / 3, 72, 1 / 3)])
    assert window(song(triplet), 1, 1).phrase(triplet).notes == ()


def test_a_written_roll_stays_in_its_bars() -> None:
    for places in (8, 12, 16):
        roll = track([(hit / places, 38, 0.5 / places) for hit in range(8 * places)], channel=9)
        made = song(roll, length=8.0)
        for bar in (0, 1):
            starts = [note.start_beats for note in window(made, bar, 1).phrase(roll).notes]
            assert starts == [hit / places for hit in range(4 * places)]


@pytest.mark.parametrize(
    ("notes", "channel", "early"),
    [
        ([(3.96, 60, 1.0)], 0, True),
        ([(3.96, 60, 0.03)], 0, False),
        ([(3.96, 60, 0.06)], 0, False),
        ([(3.96, 36, 0.03)], 9, True),
        ([(3.96, 38, 0.03), (4.01, 38, 0.2)], 9, False),
        ([(3.96, 38, 0.03), (4.01, 36, 0.2)], 9, True),
        ([(3.88, 60, 1.0)], 0, False),
    ],
    ids=["early", "over before", "over soon after", "early drum", "flam", "another drum", "a 32nd before"],
)
def test_what_is_an_early_downbeat(notes, channel, early) -> None:
    line = played(notes, channel)
    assert bool(early_downbeats(line, Fraction(4 * 480))[0]) == early
    made = song(line, length=45.0)
    assert window(made, 1, 1).onsets(line) - (len(notes) - 1) == early


@pytest.mark.parametrize("ppq", [96, 100, 120, 480, 960, 1001])
def test_written_tracks_are_separated_from_played_ones(ppq) -> None:
    random = np.random.default_rng(3)
    for places in (4, 8, 12, 16, 24):
        assert is_straight(track([(hit / places, 60, 0.1) for hit in range(100)], ppq=ppq))
    late = [(hit / 4 + abs(random.normal(0, 0.02)), 60, 0.1) for hit in range(100)]
    assert not is_straight(track(late, ppq=ppq))


@st.composite
def tracks(draw) -> Track:
    """Draw a track of any resolution; no key is struck twice at once."""
    ppq = draw(st.sampled_from(PPQS))
    ticks = st.integers(0, 16 * ppq - 1)
    notes = draw(
        st.lists(
            st.tuples(ticks, st.integers(0, 127), st.integers(1, 6 * ppq)),
            min_size=1,
            max_size=30,
            unique=True,
        )
    )
    start, pitch, length = (np.array(column) for column in zip(*sorted(notes), strict=True))
    channel = draw(st.sampled_from([0, 9]))
    velocity = np.full(len(pitch), 64)
    return Track("", 0, channel, 0, ppq, start, start + length, pitch, velocity, start + length, NO_MESSAGES)


METRES = [(4, 4), (3, 4), (6, 8), (7, 8), (5, 16)]


@given(tracks(), st.sampled_from(METRES), st.integers(1, 3))
def test_neighbouring_windows_share_out_every_onset_exactly_once(line, metre, bars) -> None:
    made = song(line, changes=[(0, *metre)], length=30.0, ppq=line.ppq)
    windows = [window(made, first, bars) for first in range(0, made.bars - bars + 1, bars)]
    counts = sum(one.owned(line).astype(int) for one in windows)
    inside = line.start_ticks < int(windows[-1].end_ticks) - line.ppq // 8
    assert (counts[inside] == 1).all()
    assert (counts <= 1).all()


@given(tracks(), st.sampled_from(METRES), st.integers(0, 3))
def test_no_note_of_a_window_is_shorter_than_a_tick(line, metre, first) -> None:
    made = song(line, changes=[(0, *metre)], length=30.0, ppq=line.ppq)
    for note in window(made, first, 1).phrase(line).notes:
        assert note.duration_beats * line.ppq >= 1 - 1e-9


@given(tracks(), st.integers(0, 2))
def test_onsets_and_ends_of_a_window_are_the_source_s_ticks(line, first) -> None:
    made = song(line, length=30.0, ppq=line.ppq)
    cut = window(made, first, 2)
    begin, end = 16 * line.ppq * first // 4, 16 * line.ppq * first // 4 + 8 * line.ppq
    owned = cut.owned(line)
    expected = []
    for row in range(len(line)):
        start, stop = int(line.start_ticks[row]), int(line.end_ticks[row])
        if not owned[row]:
            if start >= begin or stop <= begin or early_downbeats(line, Fraction(begin))[row]:
                continue
            start = begin
        expected.append((start - begin, max(min(stop, end), start + 1) - begin, int(line.pitch[row])))
    notes = cut.phrase(line).notes
    ticks = [(n.start_beats * line.ppq, n.end_beats * line.ppq, n.pitch) for n in notes]
    assert sorted((round(a, 6), round(b, 6), pitch) for a, b, pitch in ticks) == sorted(expected)


def test_the_tempo_map_is_that_of_the_window() -> None:
    line = track([(0.0, 60, 1.0)])
    tempos = ((0.0, 500_000), (4.0, 833_333), (10.0, 400_000), (14.0, 600_000))
    made = song(line, tempos=tempos)
    assert window(made, 0, 1).tempos() == ((0, 500_000),)
    assert window(made, 1, 2).tempos() == ((0, 833_333), (6, 400_000))
    assert window(made, 1, 2).last_tempo().microseconds == 400_000


def test_a_window_has_the_bars_that_follow_of_one_length() -> None:
    line = track([(0.0, 60, 1.0)])
    made = song(line, changes=[(0, 3, 4), (3, 4, 4), (13, 2, 4)], length=15.0)
    assert [window(made, first, 3).bars for first in (0, 1, 2, 4)] == [1, 2, 1, 1]
    assert window(made, 1, 1).bars == 1


def test_bars_that_make_no_window_are_refused_with_what_there_is() -> None:
    line = track([(0.0, 60, 1.0)])
    made = song(line, changes=[(0, 3, 4), (3, 4, 4), (13, 2, 4)], length=15.0)
    whole = "choose from bar 1 in 3/4, bars 2 to 3 in 4/4, bar 5 in 2/4"
    with pytest.raises(MidiFileError, match=f"^x.mid: bar 4 has 2 beats only; {whole}$"):
        window(made, 3, 2)
    with pytest.raises(MidiFileError, match="no bar 9; choose one of 1 to 5"):
        window(made, 8, 1)
