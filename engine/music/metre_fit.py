"""How bars of one metre stand in the bars of another, so that a model of one metre answers the others.

Bars that fit go into a bar of the model's with their first beat on its first beat: one bar of 3/4 and a beat
of rest in 4/4, two bars of 2/4 without rest. A longer bar takes several of the model's: 5/4 two of 4/4.
"""

import math
from dataclasses import dataclass

from engine.music.chords import Harmony
from engine.music.grid import EARLY_BEATS
from engine.music.notes import TOLERANCE_BEATS

_EARLY = float(EARLY_BEATS)


@dataclass(frozen=True, slots=True)
class MetreFit:
    """From beats of the music's metre to beats of the model's and back."""

    music_beats: float
    """Beats (quarter notes) in a bar of the music."""
    model_beats: float
    """Beats in a bar of the model."""

    @property
    def bars_together(self) -> int:
        """Bars of the music that stand together in one unit."""
        return max(1, int((self.model_beats + TOLERANCE_BEATS) // self.music_beats))

    @property
    def model_bars(self) -> int:
        """Bars of the model that a unit takes."""
        return max(1, math.ceil(self.music_beats / self.model_beats - TOLERANCE_BEATS))

    @property
    def music_unit_beats(self) -> float:
        """Beats of a unit in the music."""
        return self.bars_together * self.music_beats

    @property
    def model_unit_beats(self) -> float:
        """Beats of a unit in the model; what is more than the music's is rest."""
        return self.model_bars * self.model_beats

    @property
    def exact(self) -> bool:
        """Whether no rest is left."""
        return abs(self.music_unit_beats - self.model_unit_beats) < TOLERANCE_BEATS

    @property
    def notice(self) -> str:
        """What is done to make the music fit, for the player; empty in the model's own metre."""
        if self.music_beats == self.model_beats:
            return ""
        together = "each bar" if self.bars_together == 1 else f"{self.bars_together} bars together"
        rest = "" if self.exact else ", and the rest of them left out again"
        return (
            f"The bars have {self.music_beats:g} beats, the model plays {self.model_beats:g}: {together} "
            f"in {self.model_unit_beats:g} beats{rest}."
        )

    def onset(self, beats: float) -> float:
        """Return where an onset of the music stands in the model; one just before a unit belongs to it."""
        unit = math.floor((beats + _EARLY) / self.music_unit_beats)
        return beats + unit * (self.model_unit_beats - self.music_unit_beats)

    def end(self, beats: float) -> float:
        """Return where a release of the music stands in the model; one on a line stays before the rest."""
        unit = math.ceil((beats - TOLERANCE_BEATS) / self.music_unit_beats) - 1
        return beats + unit * (self.model_unit_beats - self.music_unit_beats)

    def back(self, beats: float) -> float:
        """Return where a time of the model stands in the music; the rest is no time at all."""
        unit = math.floor((beats + _EARLY) / self.model_unit_beats)
        place = beats - unit * self.model_unit_beats
        return unit * self.music_unit_beats + min(place, self.music_unit_beats)

    def is_rest(self, beats: float) -> bool:
        """Return whether a time of the model lies where no music stands."""
        return beats % self.model_unit_beats >= self.music_unit_beats - TOLERANCE_BEATS

    def harmony(self, harmony: Harmony, model_beats: int) -> Harmony:
        """Return the chord of each of the model's beats, given that of each of the music's; it goes round."""
        if not harmony:
            return ()
        return tuple(harmony[int(self.back(beat)) % len(harmony)] for beat in range(model_beats))
