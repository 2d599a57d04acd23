"""Music in triplets is felt in a compound metre; an ornament, straight notes and their jitter are not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.music.grid import Grid
from engine.music.metre import Metre
from engine.music.metre_fit import fit_of
from engine.music.notes import Note, Phrase
from engine.music.representation import representation
from engine.music.triplets import felt_metre

THIRD = 1 / 3
SIX_EIGHT = representation("melody", 2, Grid.of(Metre(6, 8)))
SHUFFLE = (0, 2 * THIRD, 1, 1 + 2 * THIRD, 2, 2 + 2 * THIRD, 3)


def phrase(*starts: float, metre: str = "4/4", bars: int = 2) -> Phrase:
    return Phrase.of([Note(start, 60, 0.25, 80) for start in starts], bars, Metre.named(metre))


@pytest.mark.parametrize(("written", "felt"), [("4/4", "12/8"), ("3/4", "9/8"), ("2/4", "6/8")])
def test_quarters_in_triplets_are_dotted_quarters(written: str, felt: str) -> None:
    assert felt_metre(phrase(*SHUFFLE, metre=written)) == Metre.named(felt)


@pytest.mark.parametrize(
    "starts",
    [
        (),
        (0, 1, 2, 3),
        (0, 0.5, 1, 1.5, 2, 2.5),
        (0, 0.25, 0.5, 0.75, 1, 1.25),
        (0, THIRD, 1, 2, 3, 4),  # a grace of one
        (0, THIRD, 2 * THIRD, 1.5, 2.5, 3.5, 4.5, 5 + 2 * THIRD),  # a triplet among eighths
        (0, 1 / 6, THIRD, 0.5, 2 * THIRD, 5 / 6, 1 + THIRD),  # sextuplets hold the straight places too
    ],
)
def test_straight_music_and_ornaments_stay_in_the_written_metre(starts: tuple[float, ...]) -> None:
    assert felt_metre(phrase(*starts)) == Metre(4)


def test_a_compound_metre_is_what_it_is() -> None:
    assert felt_metre(phrase(*SHUFFLE, metre="6/8")) == Metre(6, 8)


@given(st.lists(st.tuples(st.integers(0, 7), st.sampled_from((0, 1, 2, 3)), st.floats(-0.04, 0.04))))
def test_sixteenths_played_loosely_are_no_triplets(onsets: list[tuple[int, int, float]]) -> None:
    played = phrase(*(beat + sixteenth / 4 + late for beat, sixteenth, late in onsets))
    assert felt_metre(played) == Metre(4)


@given(st.lists(st.floats(-0.04, 0.04), min_size=7, max_size=7))
def test_a_shuffle_played_loosely_is_one(late: list[float]) -> None:
    loose = phrase(*(start + by for start, by in zip(SHUFFLE, late, strict=True)))
    assert felt_metre(loose) == Metre(12, 8)


@given(st.integers(0, 8 * 12))
def test_a_place_in_triplets_goes_into_bars_of_six_eighths_and_back(twelfths: int) -> None:
    fit = fit_of(SIX_EIGHT, phrase(*SHUFFLE))
    beats = twelfths / 12
    assert fit.onset(beats) == pytest.approx(beats * 1.5)
    assert fit.back(fit.onset(beats)) == pytest.approx(beats)
    assert fit.end_back(fit.end(beats)) == pytest.approx(beats)


def test_triplets_are_said_and_what_has_no_place_for_them_keeps_the_metre() -> None:
    said = fit_of(SIX_EIGHT, phrase(*SHUFFLE)).notice
    assert said == "The music is in 4/4, in triplets, the model plays 6/8: each bar in 2 bars of it."
    assert not fit_of(representation("melody", 2), phrase(*SHUFFLE)).triplets
    assert not fit_of(representation("groove", 2), phrase(*SHUFFLE)).triplets
    assert fit_of(representation("drums", 2), phrase(*SHUFFLE)).triplets


@pytest.mark.parametrize(("written", "triplets"), [("2/4", True), ("4/4", True), ("5/4", False)])
def test_triplets_are_beats_of_a_model_where_it_has_room_for_a_bar_of_them(written, triplets) -> None:
    """A bar of 5/4 in triplets is 15/8, longer than two bars of 6/8."""
    assert fit_of(SIX_EIGHT, phrase(*SHUFFLE, metre=written)).triplets is triplets
