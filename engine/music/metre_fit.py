"""How bars of one metre stand in the bars of another, so that a model of one metre answers the others.

Bars that fit go into a bar of the model's with their first beat on its first beat: one bar of 3/4 and a beat
of rest in 4/4, two bars of 2/4 without rest. A longer bar takes several of the model's: 5/4 two of 4/4.

A model that feels beats (drums, an accompaniment) hears the dotted beats of a compound metre as its beats:
two bars of 6/8 stand in one of 4/4, with backbeats and chords where they belong. The three eighths of a
dotted beat are then its first three 16ths, and what the model writes on its last one comes back as a pickup.
Three beats are its first, second and fourth: a bass on one and three and chords or a snare on two and four
become a waltz.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from engine.music.chords import Harmony
from engine.music.grid import EARLY_BEATS
from engine.music.metre import FOUR_FOUR, Metre, nearest
from engine.music.notes import TOLERANCE_BEATS, Phrase
from engine.music.triplets import felt_metre

if TYPE_CHECKING:  # numpy comes with it, and a session asks only for names
    from engine.music.representation import Representation

_EARLY = float(EARLY_BEATS)
FEEL_BEATS = ("drums", "groove", "accompaniment")
"""Representations whose models feel beats; the others keep 16ths where they are."""
WALTZ_BEATS = 3
_DOTTED = (0.0, 0.5, 1.0, 1.25, 1.5)
"""Places in a dotted beat, in quarters, of the 16ths of a beat, and its end."""
_PLAIN = (0.0, 0.25, 0.5, 0.75, 1.0)


class MetreFit(msgspec.Struct, frozen=True):
    """From beats of the music's metre to beats of the model's and back."""

    written: Metre
    """Of the music."""
    model: Metre = FOUR_FOUR
    feels_beats: bool = False
    """Whether the model takes a dotted beat of a compound metre for one of its beats."""
    triplets: bool = False
    """Whether quarters of the music are played in triplets, and so are dotted beats to the model."""

    @property
    def music(self) -> Metre:
        """The metre that the music is felt in."""
        return self.written.in_triplets if self.triplets else self.written

    @property
    def _stretch(self) -> float:
        """Length in quarters that a quarter of the music has in the metre it is felt in."""
        return self.music.beats_per_bar / self.written.beats_per_bar

    @property
    def by_pulse(self) -> bool:
        """Whether dotted beats become beats."""
        return self.feels_beats and self.music.is_compound and not self.model.is_compound

    @property
    def music_beats(self) -> float:
        """Beats of the model's kind in a bar of the music: quarters, or dotted beats."""
        return self.music.pulses if self.by_pulse else self.music.beats_per_bar

    @property
    def model_beats(self) -> float:
        """Beats in a bar of the model."""
        return self.model.beats_per_bar

    @property
    def bars_together(self) -> int:
        """Bars of the music that stand together in one unit."""
        return max(1, int((self.model_beats + TOLERANCE_BEATS) // self.music_beats))

    @property
    def model_bars(self) -> int:
        """Bars of the model that a unit takes."""
        return max(1, math.ceil(self.music_beats / self.model_beats - TOLERANCE_BEATS))

    def model_bars_for(self, bars: int) -> int:
        """Return how many bars of the model hold so many bars of the music."""
        return math.ceil(bars / self.bars_together) * self.model_bars

    @property
    def music_unit_beats(self) -> float:
        """Quarter notes of a unit in the metre that the music is felt in."""
        return self.bars_together * self.music.beats_per_bar

    @property
    def model_unit_beats(self) -> float:
        """Beats of a unit in the model; what is more than the music's is rest."""
        return self.model_bars * self.model_beats

    @property
    def _skipped(self) -> float | None:
        """Beat of a bar of the model's that is left out within it; None where the rest is at its end."""
        waltz = self.feels_beats and self.music_beats == WALTZ_BEATS and self.model_beats == WALTZ_BEATS + 1
        return WALTZ_BEATS - 1 if waltz else None

    @property
    def exact(self) -> bool:
        """Whether no rest is left."""
        return abs(self._filled_beats - self.model_unit_beats) < TOLERANCE_BEATS

    @property
    def _filled_beats(self) -> float:
        """Beats of the model that a unit of the music fills."""
        return self.bars_together * self.music_beats

    @property
    def notice(self) -> str:
        """What is done to make the music fit, for the player; empty in the model's own metre."""
        if not self.triplets and (self.music == self.model or (self.exact and self._is_same_bar)):
            return ""
        together = "each bar" if self.bars_together == 1 else f"{self.bars_together} bars together"
        bars = "one bar" if self.model_bars == 1 else f"{self.model_bars} bars"
        dotted = ", a dotted beat for each of its beats" if self.by_pulse else ""
        left = ", and the rest of it left out again" if self._skipped is None else ", its third beat left out"
        rest = "" if self.exact else left
        return (
            f"The music is in {self.written}{', in triplets' if self.triplets else ''}, "
            f"the model plays {self.model}: "
            f"{together} in {bars} of it{dotted}{rest}."
        )

    @property
    def _is_same_bar(self) -> bool:
        """Whether bars have the same beats, as those of 2/2 and 4/4."""
        same = self.music.beats_per_bar == self.model_beats
        return same and self.music.is_compound == self.model.is_compound

    def onset(self, beats: float) -> float:
        """Return where an onset of the music stands in the model; one just before a unit belongs to it."""
        beats *= self._stretch
        unit = math.floor((beats + _EARLY) / self.music_unit_beats)
        place = self._into_model(beats - unit * self.music_unit_beats)
        return unit * self.model_unit_beats + self._skipping(place, place + _EARLY)

    def end(self, beats: float) -> float:
        """Return where a release of the music stands in the model; one on a line stays before the rest."""
        beats *= self._stretch
        unit = math.ceil((beats - TOLERANCE_BEATS) / self.music_unit_beats) - 1
        place = self._into_model(beats - unit * self.music_unit_beats)
        return unit * self.model_unit_beats + self._skipping(place, place - TOLERANCE_BEATS)

    def back(self, beats: float) -> float:
        """Return where a time of the model stands in the music; the rest is no time at all."""
        unit = math.floor((beats + _EARLY) / self.model_unit_beats)
        place, skipped = beats - unit * self.model_unit_beats, self._skipped
        if skipped is not None and place >= skipped:
            place = skipped if place < skipped + 1 - _EARLY else place - 1
        place = _moved(place, _PLAIN, _DOTTED) if self.by_pulse else place
        place = min(place, self.music_unit_beats)
        return (unit * self.music_unit_beats + place) / self._stretch

    def end_back(self, beats: float) -> float:
        """Return where a release of the model stands in the music; one on a line stays before it."""
        return self.back(beats - _EARLY) + _EARLY / self._stretch

    def is_rest(self, beats: float) -> bool:
        """Return whether a time of the model lies where no music stands."""
        place, skipped = beats % self.model_unit_beats, self._skipped
        if skipped is not None:
            return skipped - TOLERANCE_BEATS <= place < skipped + 1 - _EARLY
        return place >= self._filled_beats - TOLERANCE_BEATS

    def harmony(self, harmony: Harmony, model_beats: int) -> Harmony:
        """Return the chord of each of the model's beats, given one a pulse of the music; it goes round."""
        if not harmony:
            return ()
        pulse = self.written.pulse_beats
        places = (int(self.back(beat) / pulse + TOLERANCE_BEATS) for beat in range(model_beats))
        return tuple(harmony[place % len(harmony)] for place in places)

    def _skipping(self, place: float, decides: float) -> float:
        """Return a place in a bar of the model's, a beat later from the one that is left out on."""
        return place + 1 if self._skipped is not None and decides >= self._skipped else place

    def _into_model(self, beats: float) -> float:
        return _moved(beats, _DOTTED, _PLAIN) if self.by_pulse else beats


def fit_for(music: Metre, representation: str, known: Sequence[Metre]) -> MetreFit:
    """Return how bars of a metre stand in those a model knows.

    Args:
        music: the metre.
        representation: name of the model's.
        known: metres of the model, its own first.
    """
    return MetreFit(music, nearest(music, known), representation in FEEL_BEATS)


def fit_to(representation: "Representation", music: Metre) -> MetreFit:
    """Return how bars of a metre stand in those of a representation."""
    return fit_for(music, representation.name, (representation.grid.metre,))


def fit_of(representation: "Representation", phrase: Phrase) -> MetreFit:
    """Return how the bars of a phrase stand in those of a representation.

    Triplets of quarters are taken for the beats of a compound metre by models of one, and by those that feel
    beats, if a bar is not too long for the model then; a model of grooves keeps them as offsets, and another
    keeps only what comes near its steps.
    """
    own = representation.grid.metre
    has_place = own.is_compound or (representation.name in FEEL_BEATS and representation.name != "groove")
    if has_place and felt_metre(phrase) != phrase.metre:
        felt = MetreFit(phrase.metre, own, representation.name in FEEL_BEATS, triplets=True)
        if felt.model_bars <= representation.bars:
            return felt
    return fit_to(representation, phrase.metre)


def _moved(beats: float, places: tuple[float, ...], to: tuple[float, ...]) -> float:
    """Return a time beat by beat from some places of a beat to others, between them in proportion."""
    beat = math.floor(beats / places[-1] + TOLERANCE_BEATS)
    place = beats - beat * places[-1]
    part = max(number for number, start in enumerate(places[:-1]) if start <= max(place, 0.0))
    share = (place - places[part]) / (places[part + 1] - places[part])
    return beat * to[-1] + to[part] + share * (to[part + 1] - to[part])
