"""Bars of one metre in bars of another: where beats go, where rests stay, and the way back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.music.chords import parse_chord
from engine.music.metre import Metre
from engine.music.metre_fit import MetreFit, fit_for

THREE, SIX_EIGHT = Metre(3), Metre(6, 8)
SIMPLE = ("3/8", "2/4", "5/8", "3/4", "7/8", "4/4", "5/4", "6/4", "7/4", "9/4")
metres = st.sampled_from((*SIMPLE, "6/8", "9/8", "12/8", "15/8", "6/16")).map(Metre.named)


@pytest.mark.parametrize(
    ("name", "together", "model_bars", "exact"),
    [
        ("3/4", 1, 1, False),
        ("2/4", 2, 1, True),
        ("3/8", 2, 1, False),
        ("5/4", 1, 2, False),
        ("7/8", 1, 1, False),
        ("8/4", 1, 2, True),
    ],
)
def test_how_many_bars_stand_together(name: str, together: int, model_bars: int, exact: bool) -> None:
    fit = MetreFit(Metre.named(name))
    assert (fit.bars_together, fit.model_bars, fit.exact) == (together, model_bars, exact)


@pytest.mark.parametrize(
    ("name", "together", "model_bars", "exact"),
    [("6/8", 2, 1, True), ("9/8", 1, 1, False), ("12/8", 1, 1, True), ("15/8", 1, 2, False)],
)
def test_dotted_beats_are_beats_of_a_model_that_feels_them(
    name: str, together: int, model_bars: int, exact: bool
) -> None:
    fit = MetreFit(Metre.named(name), feels_beats=True)
    assert (fit.bars_together, fit.model_bars, fit.exact) == (together, model_bars, exact)


def test_three_four_leaves_the_fourth_beat_empty() -> None:
    fit = MetreFit(THREE)
    assert [fit.onset(beats) for beats in (0, 2.5, 3, 2.95, 6)] == [0, 2.5, 4, pytest.approx(3.95), 8]
    assert [fit.end(beats) for beats in (3, 4, 6)] == [3, 5, 7]
    assert [fit.is_rest(beats) for beats in (2.75, 3, 3.75, 4)] == [False, True, True, False]
    assert [fit.back(beats) for beats in (0, 2.5, 3.5, 4, 7.25)] == [0, 2.5, 3, 3, 6]


def test_eighths_of_six_eight_are_the_first_16ths_of_beats() -> None:
    fit = MetreFit(SIX_EIGHT, feels_beats=True)
    assert [fit.onset(eighth / 2) for eighth in range(7)] == pytest.approx([0, 0.25, 0.5, 1, 1.25, 1.5, 2])
    assert [fit.back(step / 4) for step in range(9)] == pytest.approx([0, 0.5, 1, 1.25, 1.5, 2, 2.5, 2.75, 3])
    assert fit.end(3.0) == pytest.approx(2.0)
    assert not any(fit.is_rest(step / 4) for step in range(16))


def test_a_waltz_takes_the_first_second_and_fourth_beat_of_a_model_that_feels_them() -> None:
    fit = MetreFit(THREE, feels_beats=True)
    assert [fit.onset(beats) for beats in (0, 1, 1.75, 1.95, 2, 2.5, 2.95, 3, 5)] == pytest.approx(
        [0, 1, 1.75, 2.95, 3, 3.5, 3.95, 4, 7]
    )
    assert [fit.end(beats) for beats in (1, 2, 2.5, 3, 5)] == [1, 2, 3.5, 4, 6]
    assert [fit.back(beats) for beats in (0, 1.5, 2, 2.5, 3, 3.5, 4, 7)] == [0, 1.5, 2, 2, 2, 2.5, 3, 5]
    assert [fit.is_rest(beats) for beats in (1.75, 2, 2.75, 3, 3.75, 4, 6.5)] == [
        False, True, True, False, False, False, True
    ]  # fmt: skip
    a, b, c = (parse_chord(name) for name in ("Am", "F", "C"))
    assert fit.harmony((a, b, c), 4) == (a, b, c, c)
    assert MetreFit(Metre(9, 8), feels_beats=True).onset(3.0) == pytest.approx(3.0)  # the third dotted beat


def test_chords_go_with_their_pulses() -> None:
    a, b = parse_chord("Am"), parse_chord("F")
    assert MetreFit(THREE).harmony((a, a, a, b, b, b), 8) == (a, a, a, b, b, b, b, a)
    assert MetreFit(THREE).harmony((), 8) == ()
    assert MetreFit(SIX_EIGHT, feels_beats=True).harmony((a, b, a, b), 4) == (a, b, a, b)
    assert MetreFit(SIX_EIGHT).harmony((a, b), 4) == (a, a, b, a)  # the quarter after 1.5 has the second


@given(metres, st.booleans(), st.integers(0, 40), st.floats(0, 0.999))
def test_an_onset_comes_back_to_where_it_was(music: Metre, feels: bool, bar: int, place: float) -> None:
    fit, beats = MetreFit(music, feels_beats=feels), music.beats_per_bar
    onset = bar * beats + place * beats
    assert fit.back(fit.onset(onset)) == pytest.approx(onset)
    assert not fit.is_rest(max(fit.onset(onset), 0)) or place * beats > beats - 0.25


@given(metres, st.booleans(), st.floats(0, 60), st.floats(0.11, 6))
def test_a_note_keeps_its_order(music: Metre, feels: bool, start: float, length: float) -> None:
    fit = MetreFit(music, feels_beats=feels)
    # shorter ones may be early for a line and over on it
    assert fit.end(start + length) > fit.onset(start) - 0.25


@pytest.mark.parametrize(
    ("music", "representation", "notice"),
    [
        ("4/4", "melody", ""),
        ("2/2", "melody", ""),
        ("2/4", "melody", "The music is in 2/4, the model plays 4/4: 2 bars together in one bar of it."),
        (
            "5/4",
            "melody",
            "The music is in 5/4, the model plays 4/4: each bar in 2 bars of it, and the rest of it left out "
            "again.",
        ),
        (
            "6/8",
            "drums",
            "The music is in 6/8, the model plays 4/4: 2 bars together in one bar of it, a dotted beat for "
            "each of its beats.",
        ),
    ],
)
def test_what_is_done_is_said(music: str, representation: str, notice: str) -> None:
    assert fit_for(Metre.named(music), representation, (Metre(4),)).notice == notice
