"""Bars of one metre in bars of another: where beats go, where rests stay, and the way back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.music.chords import parse_chord
from engine.music.metre_fit import MetreFit

metres = st.sampled_from([1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 6.0, 7.0, 9.0])


@pytest.mark.parametrize(
    ("beats", "together", "model_bars", "exact"),
    [
        (3, 1, 1, False),
        (2, 2, 1, True),
        (1.5, 2, 1, False),
        (5, 1, 2, False),
        (3.5, 1, 1, False),
        (8, 1, 2, True),
    ],
)
def test_how_many_bars_stand_together(beats: float, together: int, model_bars: int, exact: bool) -> None:
    fit = MetreFit(beats, 4)
    assert (fit.bars_together, fit.model_bars, fit.exact) == (together, model_bars, exact)


def test_three_four_leaves_the_fourth_beat_empty() -> None:
    fit = MetreFit(3, 4)
    assert [fit.onset(beats) for beats in (0, 2.5, 3, 2.95, 6)] == [0, 2.5, 4, pytest.approx(3.95), 8]
    assert [fit.end(beats) for beats in (3, 4, 6)] == [3, 5, 7]
    assert [fit.is_rest(beats) for beats in (2.75, 3, 3.75, 4)] == [False, True, True, False]
    assert [fit.back(beats) for beats in (0, 2.5, 3.5, 4, 7.25)] == [0, 2.5, 3, 3, 6]


def test_chords_go_with_their_beats() -> None:
    a, b = parse_chord("Am"), parse_chord("F")
    assert MetreFit(3, 4).harmony((a, a, a, b, b, b), 8) == (a, a, a, b, b, b, b, a)
    assert MetreFit(3, 4).harmony((), 8) == ()


@given(metres, st.integers(0, 40), st.floats(0, 0.999))
def test_an_onset_comes_back_to_where_it_was(beats: float, bar: int, place: float) -> None:
    fit = MetreFit(beats, 4)
    onset = bar * beats + place * beats
    assert fit.back(fit.onset(onset)) == pytest.approx(onset)
    assert not fit.is_rest(max(fit.onset(onset), 0)) or place * beats > beats - 0.25


@given(metres, st.floats(0, 60), st.floats(0.05, 6))
def test_a_note_keeps_its_order(beats: float, start: float, length: float) -> None:
    fit = MetreFit(beats, 4)
    assert fit.end(start + length) > fit.onset(start) - 0.25


def test_what_is_done_is_said() -> None:
    assert MetreFit(4, 4).notice == ""
    assert MetreFit(2, 4).notice == "The bars have 2 beats, the model plays 4: 2 bars together in 4 beats."
    assert "each bar in 4 beats, and the rest of them left out again" in MetreFit(3, 4).notice
