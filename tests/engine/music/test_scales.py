"""The names a player chooses from, and the notes they stand for."""

from fractions import Fraction

from engine.music.grid import EARLY_BEATS
from engine.music.scales import SCALES

STEPS = {
    "major": [2, 2, 1, 2, 2, 2, 1],
    "minor": [2, 1, 2, 2, 1, 2, 2],
    "harmonic minor": [2, 1, 2, 2, 1, 3, 1],
    "dorian": [2, 1, 2, 2, 2, 1, 2],
    "phrygian": [1, 2, 2, 2, 1, 2, 2],
    "lydian": [2, 2, 2, 1, 2, 2, 1],
    "mixolydian": [2, 2, 1, 2, 2, 1, 2],
    "major pentatonic": [2, 2, 3, 2, 3],
    "minor pentatonic": [3, 2, 2, 3, 2],
    "blues": [3, 2, 1, 1, 3, 2],
}
"""Semitones from note to note, up to the next tonic."""


def test_every_scale_has_its_name_and_its_steps():
    found = {
        name: [high - low for low, high in zip(notes, (*notes[1:], 12), strict=True)]
        for name, notes in SCALES.items()
    }
    assert found == STEPS


def test_an_early_downbeat_is_nearer_than_a_32nd_and_farther_than_one_of_a_triplet():
    assert Fraction(1, 12) < EARLY_BEATS < Fraction(1, 8)
