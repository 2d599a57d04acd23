"""Which bars, and why; tracks and bars together."""

import pytest
from songs import song, track

from engine.errors import MidiFileError
from engine.midifile.bar_choice import Length, choose_bars, playable
from engine.midifile.song import Song, Track
from engine.midifile.track_choice import choose_melody

Taken = tuple[int, int, str]
"""First bar, counted from 0, number of bars, and why."""


def taken(made: Song, parts: list[list[Track]], length_beats: int) -> Taken:
    window, why = choose_bars(made, parts, Length(length_beats // 4))
    return window.first_bar, window.bars, why


def bars_of(notes: list[tuple[float, int, float]], bars: int, *changes: tuple[float, int, int]) -> Taken:
    line = track(notes)
    return taken(song(line, changes=changes, length=48.0), [[line]], 4 * bars)


def test_the_first_bars_with_notes_in_each() -> None:
    # bars 3, 5 and 6 (counted from 0) have notes; the one of bar 5 is played early
    notes = [(12.03, 60, 1.0), (19.93, 60, 1.0), (24.02, 60, 1.0)]
    assert bars_of(notes, 2) == (5, 2, "the first with notes in every bar")
    assert bars_of(notes, 1) == (3, 1, "the first with notes in every bar")


def test_else_the_fullest_inside_the_stretch() -> None:
    notes = [(0, 60, 1.0), (12, 60, 1.0), (13, 60, 1.0), (44, 60, 1.0)]
    assert bars_of(notes, 2) == (3, 2, "those with notes in most bars")
    assert bars_of([(44, 60, 1.0)], 2) == (10, 2, "those with notes in most bars")


EVERY_BEAT = [(beat, 60, 1.0) for beat in range(48)]


def test_bars_that_fill_the_length_are_preferred() -> None:
    assert bars_of(EVERY_BEAT, 2, (0, 3, 4), (6, 4, 4)) == (2, 2, "the first with notes in every bar")


@pytest.mark.parametrize(
    ("metre", "bars"),
    [((2, 4), 4), ((1, 4), 8), ((2, 2), 2), ((4, 2), 1), ((4, 8), 4), ((3, 4), 2), ((6, 8), 2), ((5, 4), 1),
     ((7, 8), 2), ((12, 8), 1)],
)  # fmt: skip
def test_of_another_metre_as_many_whole_bars_as_go_into_the_length(metre, bars) -> None:
    # two bars of 4/4 are eight quarter notes
    assert bars_of(EVERY_BEAT, 2, (0, *metre)) == (0, bars, "the first with notes in every bar")


def test_bars_longer_than_the_length_are_refused() -> None:
    with pytest.raises(
        MidiFileError, match=r"no whole bar that fits into 2 of 4/4 \(it is in 9/4\); choose a longer"
    ):
        bars_of(EVERY_BEAT, 2, (0, 9, 4))


def test_a_stretch_that_is_too_short_is_taken_where_nothing_else_is() -> None:
    made = song(track(EVERY_BEAT[:4]), length=4.0)
    assert taken(made, [[made.tracks[0]]], 8) == (0, 1, "the longest stretch in 4/4")


def at_bars(*bars: int) -> Track:
    return track([(4.0 * bar, 60, 1.0) for bar in bars])


def test_several_parts_are_taken_where_most_of_them_sound() -> None:
    drums, melody = at_bars(0, 1, 2, 3, 4, 5, 6, 7), at_bars(4, 5)
    made = song(drums, melody, length=48.0)
    assert taken(made, [[drums], [melody]], 8) == (4, 2, "the first with every part in every bar")
    assert taken(made, [[drums], [melody]], 16) == (2, 4, "those where most parts sound")
    kick, hat = at_bars(0, 2), at_bars(1, 3)
    assert taken(song(kick, hat, length=48.0), [[kick, hat]], 16) == (
        0,
        4,
        "the first with notes in every bar",
    )


def test_a_line_that_plays_in_no_bars_that_fit_is_not_the_melody() -> None:
    odd = track([(beat, 80, 0.5) for beat in range(14)], "Melody")
    line = track([(14 + beat, 60, 0.5) for beat in range(16)], chunk=1)
    made = song(odd, line, changes=[(0, 7, 8), (14, 4, 4)], length=30.0)
    assert choose_melody(made).tracks == (odd,)
    assert choose_melody(playable(made, Length(2))).tracks == (line,)
    alone = song(odd, changes=[(0, 7, 8)], length=14.0)
    assert playable(alone, Length(2)).tracks == (odd,)
