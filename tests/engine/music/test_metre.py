"""Metres: their pulses, their names, and which of some a model plays for another."""

import pytest

from engine.music.metre import FOUR_FOUR, Metre, nearest


@pytest.mark.parametrize(
    ("name", "beats", "pulse_beats", "pulses"),
    [
        ("4/4", 4, 1, 4),
        ("3/4", 3, 1, 3),
        ("6/8", 3, 1.5, 2),
        ("9/8", 4.5, 1.5, 3),
        ("12/8", 6, 1.5, 4),
        ("7/8", 3.5, 0.5, 7),
        ("3/8", 1.5, 0.5, 3),
        ("5/4", 5, 1, 5),
        ("2/2", 4, 1, 4),
        ("6/16", 1.5, 0.75, 2),
    ],
)
def test_what_is_felt(name: str, beats: float, pulse_beats: float, pulses: int) -> None:
    metre = Metre.named(name)
    assert str(metre) == name
    assert (metre.beats_per_bar, metre.pulse_beats, metre.pulses) == (beats, pulse_beats, pulses)


@pytest.mark.parametrize("name", ["", "4", "4/3", "0/4", "-3/4", "a/b", "256/4", "200/4"])
def test_what_is_no_metre_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="metre"):
        Metre.named(name)


def test_a_length_alone_is_a_simple_metre() -> None:
    assert [str(Metre.of_beats(beats)) for beats in (4, 3, 3.5, 1.5, 0.25)] == [
        "4/4", "3/4", "7/8", "3/8", "1/16"
    ]  # fmt: skip
    with pytest.raises(ValueError, match="1/16 beat"):
        Metre.of_beats(1 / 3)


@pytest.mark.parametrize(
    ("music", "played"),
    [
        ("6/8", "6/8"),
        ("12/8", "6/8"),
        ("9/8", "6/8"),
        ("2/4", "2/4"),
        ("5/4", "3/4"),  # two bars of it leave one beat of six, one and a quarter of 4/4 three of eight
        ("7/8", "4/4"),
        ("6/4", "3/4"),
        ("2/2", "4/4"),
    ],
)
def test_the_nearest_of_four(music: str, played: str) -> None:
    known = [FOUR_FOUR, Metre(3), Metre(6, 8), Metre(2)]
    assert nearest(Metre.named(music), known) == Metre.named(played)


def test_a_model_of_one_metre_plays_that() -> None:
    assert nearest(Metre(6, 8), [FOUR_FOUR]) == FOUR_FOUR
