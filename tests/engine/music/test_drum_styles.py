"""Models know styles and drummers by numbers, which never change."""

import pytest

from engine.music.drum_styles import DRUM_STYLES, STYLE_WORDS, UNSAID, drummer_number, style_number


@pytest.mark.parametrize(
    ("name", "number"),
    [("afrobeat", 1), ("afrocuban", 2), ("funk", 6), ("jazz", 10), ("rock", 17), ("soul", 18)],
)
def test_a_style_has_its_number(name, number):
    assert style_number(name) == number


def test_styles_are_written_as_the_data_set_writes_them():
    assert list(DRUM_STYLES) == sorted(name.lower() for name in DRUM_STYLES)
    assert len(set(DRUM_STYLES)) == 18
    assert set(STYLE_WORDS) <= set(DRUM_STYLES)


@pytest.mark.parametrize("name", [None, "", "Rock", "polka"])
def test_what_is_no_style_has_the_number_of_none(name):
    assert style_number(name) == UNSAID == 0


@pytest.mark.parametrize(
    ("name", "number"),
    [("drummer1", 1), ("drummer10", 10), ("drummer11", 0), ("drummer", 0), ("session", 0), ("7", 7)],
)
def test_a_drummer_is_known_by_number(name, number):
    assert drummer_number(name) == number
