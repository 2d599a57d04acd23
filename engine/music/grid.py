"""The grid a representation quantises to: a value that travels with it, never a constant."""

import math
from fractions import Fraction

import msgspec

from engine.music.metre import Metre

EARLY_BEATS = Fraction(2, 19)
"""So shortly before a bar line a played note may be an early downbeat: nearly half a 16th.
Between a 32nd and a 32nd of a triplet, and no note value: nothing that is written lies on it."""


class Grid(msgspec.Struct, frozen=True):
    """Equal steps in a fixed metre; the default is 16ths in 4/4."""

    steps_per_beat: int = 4
    """Steps in one quarter note."""
    beats_per_bar: int = 4
    """Quarter notes in one bar."""
    compound: bool = False
    """Whether bars are felt in dotted quarters; it moves no step, and is no part of a hash."""

    @property
    def metre(self) -> Metre:
        """The metre of its bars."""
        return Metre(2 * self.beats_per_bar, 8) if self.compound else Metre(self.beats_per_bar)

    @property
    def pulse_steps(self) -> int:
        """Steps from one felt beat to the next: 4 in 4/4, 6 in 6/8, for 16ths."""
        return round(self.steps_per_beat * self.metre.pulse_beats)

    @staticmethod
    def of(metre: Metre, steps_per_beat: int = 4) -> "Grid":
        """Return the grid of a metre whose bars are whole quarters."""
        return Grid(steps_per_beat, round(metre.beats_per_bar), metre.is_compound)

    @property
    def steps_per_bar(self) -> int:
        """Steps in one bar: 16 for 16ths in 4/4."""
        return self.steps_per_beat * self.beats_per_bar

    @property
    def step_beats(self) -> float:
        """Length of one step in beats (quarter notes)."""
        return 1.0 / self.steps_per_beat

    def nearest_step(self, beats: float) -> int:
        """Return the step nearest to `beats`; a tie goes to the later step, as a player hears it."""
        return math.floor(beats * self.steps_per_beat + 0.5)


SIXTEENTHS = Grid()
"""16ths in 4/4."""
