"""Bar lines of any metre, and phrases cut between them."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import MidiFileError
from engine.midifile.song import Song, Tempo, Track, metre_spans


def track(*notes: tuple[float, int, float], name: str = "", channel: int = 0, chunk: int = 0) -> Track:
    """Build a track of (start, pitch, duration)."""
    start, pitch, duration = (np.array(column) for column in zip(*notes, strict=True))
    return Track(
        name, chunk, channel, 0, start.astype(float), duration.astype(float), pitch, np.full(len(pitch), 90)
    )


def song(length: float, *changes: tuple[float, int, int], tracks: tuple[Track, ...] = ()) -> Song:
    metres = metre_spans(list(changes), length)
    return Song("x.mid", 1, 480, (Tempo(0.0, 120.0), Tempo(4.0, 90.0)), metres, tracks, length)


def lines(made: Song) -> list[tuple[float, float, str]]:
    bars = [made.bar(index) for index in range(made.bars)]
    return [(bar.start_beats, bar.length_beats, str(bar.metre)) for bar in bars]


def test_without_metre_events_it_is_4_4_and_the_last_bar_is_whole() -> None:
    assert lines(song(5.0)) == [(0, 4, "4/4"), (4, 4, "4/4")]
    assert song(0.0).bars == 0


def test_a_pickup_bar_is_a_short_bar_and_moves_the_bar_lines() -> None:
    pickup = song(9.0, (0.0, 1, 4), (1.0, 4, 4))
    assert lines(pickup) == [(0, 1, "1/4"), (1, 4, "4/4"), (5, 4, "4/4")]
    assert [(run.first_bar, run.bars, run.start_beats) for run in pickup.runs()] == [(1, 2, 1.0)]


def test_a_metre_in_mid_bar_starts_a_bar_there() -> None:
    changes = song(12.0, (0.0, 4, 4), (6.0, 6, 8), (9.0, 3, 4))
    assert lines(changes) == [(0, 4, "4/4"), (4, 2, "4/4"), (6, 3, "6/8"), (9, 3, "3/4")]


def test_the_last_of_several_metres_at_one_point_counts() -> None:
    assert lines(song(2.0, (0.0, 3, 4), (0.0, 2, 2))) == [(0, 4, "2/2")]


def test_a_length_of_millions_of_bars_costs_nothing() -> None:
    long = song(2.0**40, (0.0, 1, 128))
    assert long.bars == 2**45
    assert long.bar(2**44).start_beats == 2.0**39


@given(
    st.lists(st.tuples(st.integers(0, 400), st.integers(1, 12), st.sampled_from([2, 4, 8, 16])), max_size=6),
    st.integers(1, 500),
)
def test_bars_follow_each_other_without_gaps(changes, sixteenths) -> None:
    made = song(sixteenths / 4, *((at / 4, top, bottom) for at, top, bottom in changes))
    bars = [made.bar(index) for index in range(made.bars)]
    for bar, following in itertools.pairwise(bars):
        assert bar.start_beats + bar.length_beats == pytest.approx(following.start_beats)
        assert bar.length_beats <= bar.metre.beats_per_bar
    assert bars[-1].start_beats + bars[-1].length_beats >= sixteenths / 4
    for bar in bars:
        assert made.bar_at(bar.start_beats) == bar
        assert made.bar_at(bar.start_beats + bar.length_beats / 2) == bar


def test_a_phrase_is_counted_from_its_bar_line() -> None:
    line = track((0.5, 60, 6.0), (4.95, 62, 0.5), (6.0, 64, 1.0), (8.9, 65, 1.0))
    made = song(13.0, (0.0, 1, 4), (1.0, 4, 4), tracks=(line,))
    cut = made.phrase(line, 2, 1)  # beats 5 to 9; 8.9 belongs to the bar after
    found = [(round(note.start_beats, 6), note.pitch, round(note.duration_beats, 6)) for note in cut.notes]
    assert found == [(-0.05, 62, 0.5), (0.0, 60, 1.5), (1.0, 64, 1.0)]
    assert cut.bars == 1


def test_bars_of_another_metre_or_none_are_refused_with_what_there_is() -> None:
    line = track((0.0, 60, 1.0))
    made = song(14.0, (0.0, 3, 4), (3.0, 4, 4), (13.0, 2, 4), tracks=(line,))
    with pytest.raises(MidiFileError, match=r"^x.mid: bar 1 is in 3/4; choose bars in 4/4: 2-3$"):
        made.phrase(line, 0, 2)
    with pytest.raises(MidiFileError, match="bar 4 has 2 beats only"):
        made.phrase(line, 2, 2)
    with pytest.raises(MidiFileError, match="no bar 9; choose one of 1 to 5"):
        made.phrase(line, 8, 1)
    with pytest.raises(MidiFileError, match="choose a file with bars in 4/4"):
        song(6.0, (0.0, 3, 4), tracks=(line,)).phrase(line, 0, 1)


def test_the_tempo_is_the_one_at_the_first_note() -> None:
    assert song(8.0, tracks=(track((0.0, 60, 1.0)),)).bpm == 120
    assert song(8.0, tracks=(track((4.0, 60, 1.0)),)).bpm == 90


def test_labels_tell_tracks_of_one_name_apart() -> None:
    first, second = track((0, 60, 1), name="Piano"), track((0, 60, 1), name="Piano", chunk=1, channel=9)
    assert (first.label, second.label) == ("track 1 'Piano' (channel 1)", "track 2 'Piano' (channel 10)")
    assert (first.is_drum, second.is_drum) == (False, True)
