"""Contrast of both themes, from the WCAG 2.1 formula: text 4.5:1, lines and notes that mean something 3:1."""

import pytest
from PyQt6.QtGui import QColor

from app.window.theme import DARK, LIGHT, Theme, contrast

THEMES = pytest.mark.parametrize("look", [DARK, LIGHT], ids=lambda look: look.name)


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [
        ("#000000", "#ffffff", 21.0),
        ("#ffffff", "#ffffff", 1.0),
        ("#777777", "#ffffff", 4.48),
        ("#0000ff", "#ffffff", 8.59),
        ("#ff0000", "#000000", 5.25),
    ],
)
def test_contrast_is_that_of_the_published_formula(one, other, ratio):
    assert contrast(QColor(one), QColor(other)) == pytest.approx(ratio, abs=0.005)
    assert contrast(QColor(other), QColor(one)) == pytest.approx(ratio, abs=0.005)


@THEMES
def test_text_can_be_read_on_every_surface(look: Theme):
    too_faint = [
        (ink.name(), surface.name())
        for ink in look.inks
        for surface in look.surfaces
        if contrast(ink, surface) < 4.5
    ]
    assert too_faint == []


@THEMES
def test_text_can_be_read_on_a_lit_button(look: Theme):
    plates = (look.heard, look.playing, look.coming, look.good, look.waiting, look.bad)
    assert [plate.name() for plate in plates if contrast(look.ground, plate) < 4.5] == []


@THEMES
def test_borders_and_bar_lines_can_be_seen(look: Theme):
    surfaces = (*look.surfaces, look.shade)
    assert [surface.name() for surface in surfaces if contrast(look.edge, surface) < 3.0] == []


@THEMES
@pytest.mark.parametrize("channel", [0, 1, 2, 9])
@pytest.mark.parametrize("velocity", [1, 64, 127])
def test_the_softest_note_can_be_seen(look: Theme, channel: int, velocity: int):
    note = look.note(look.voice(channel), velocity)
    assert contrast(note, look.panel) >= 3.0
    assert contrast(note, look.shade) >= 3.0
    assert contrast(note, look.ground) >= 3.0


@THEMES
def test_melody_bass_and_drums_are_distinct(look: Theme):
    hues = [look.voice(channel).hslHue() for channel in (0, 1, 9)]
    apart = [min(abs(a - b), 360 - abs(a - b)) for a in hues for b in hues if a is not b]
    assert min(apart) >= 20
