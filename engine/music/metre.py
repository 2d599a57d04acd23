"""Metre as it is written: 3/4 and 6/8 are bars of one length that are felt in three and in two."""

from collections.abc import Sequence
from typing import NamedTuple

LONGEST_BAR_BEATS = 32.0
"""Quarter notes in the longest bar there is."""
DENOMINATORS = (1, 2, 4, 8, 16, 32, 64)


class Metre(NamedTuple):
    """A time signature. Beats are quarter notes everywhere; what is felt is the pulse."""

    numerator: int = 4
    denominator: int = 4

    @property
    def beats_per_bar(self) -> float:
        """Quarter notes in a bar."""
        return 4 * self.numerator / self.denominator

    @property
    def is_compound(self) -> bool:
        """Whether three of its units are felt as one: 6/8, 9/8, 12/8."""
        return self.denominator >= 8 and self.numerator % 3 == 0 and self.numerator > 3

    @property
    def pulse_beats(self) -> float:
        """Quarter notes from pulse to pulse: 1.5 in 6/8, .5 in 7/8, 1 wherever quarters are counted."""
        return (3 if self.is_compound else 1) * min(1.0, 4 / self.denominator)

    @property
    def pulses(self) -> int:
        """Pulses in a bar: 2 in 6/8, 3 in 3/4, 7 in 7/8."""
        return round(self.beats_per_bar / self.pulse_beats)

    @property
    def in_triplets(self) -> "Metre":
        """The compound metre with the same pulses, in which triplets of them are felt: 12/8 of 4/4."""
        return Metre(3 * self.numerator, 2 * self.denominator)

    @property
    def is_playable(self) -> bool:
        """Whether a bar has a length that music is played in."""
        return (
            1 <= self.numerator <= 255
            and self.denominator in DENOMINATORS
            and self.beats_per_bar <= LONGEST_BAR_BEATS
        )

    def __str__(self) -> str:
        return f"{self.numerator}/{self.denominator}"

    @staticmethod
    def named(name: str) -> "Metre":
        """Return the metre of a name such as `6/8`; ValueError if it is none."""
        numerator, _, denominator = name.partition("/")
        try:
            metre = Metre(int(numerator), int(denominator))
        except ValueError:
            metre = Metre(0, 0)
        if not metre.is_playable:
            raise ValueError(f"metre {name!r}: unknown; write it as 6/8")
        return metre

    @staticmethod
    def of_beats(beats_per_bar: float) -> "Metre":
        """Return the simple metre of a bar's length: quarters where they fit, else a finer unit.

        Raises:
            ValueError: there is none.
        """
        for denominator in DENOMINATORS[2:] if 0 < beats_per_bar <= LONGEST_BAR_BEATS else ():
            numerator = beats_per_bar * denominator / 4
            if numerator == int(numerator) and Metre(int(numerator), denominator).is_playable:
                return Metre(int(numerator), denominator)
        raise ValueError(
            f"bars of {beats_per_bar:g} beats have no metre; "
            f"use a multiple of 1/16 beat, {LONGEST_BAR_BEATS:g} at most"
        )


FOUR_FOUR = Metre()


def nearest(metre: Metre, known: Sequence[Metre]) -> Metre:
    """Return the one of some metres that bars of a metre go into best; the first of equal ones.

    That is the metre itself, else one that is felt alike, with the smallest part of its bars left empty.
    """
    if metre in known:
        return metre
    alike = [each for each in known if each.is_compound == metre.is_compound] or list(known)
    return min(alike, key=lambda each: _rest(metre.beats_per_bar, each.beats_per_bar))


def _rest(beats: float, model_beats: float) -> float:
    """Return the share that is left empty of the bars which one bar takes, or several share."""
    taken = model_beats if beats <= model_beats else -(-beats // model_beats) * model_beats
    return 1 - max(1, taken // beats) * beats / taken
