"""Between phrases and the tensors of a model: the protocol, and the table of names."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy.typing as npt

from engine.music.accompaniment import AccompanimentRepresentation
from engine.music.drums import DrumsRepresentation
from engine.music.grid import SIXTEENTHS, Grid
from engine.music.groove import GrooveRepresentation
from engine.music.melody import MelodyRepresentation
from engine.music.notes import Note, Phrase
from engine.music.pianoroll import PianorollRepresentation
from engine.music.trio import TrioRepresentation


class Representation(Protocol):
    """How phrases of a fixed number of bars become tensors. T is `steps`, S `len(streams)`."""

    def __hash__(self) -> int:
        """Return the same for equal ones: what is computed of them is remembered."""

    @property
    def name(self) -> str:
        """Its name in the table and in bundles."""

    @property
    def bars(self) -> int:
        """Length of every phrase in bars."""

    @property
    def grid(self) -> Grid:
        """The grid it quantises to."""

    @property
    def steps(self) -> int:
        """T: steps in a phrase."""

    @property
    def streams(self) -> tuple[int, ...]:
        """Vocabulary size of each categorical stream; empty where the tensor is float32."""

    @property
    def width(self) -> int:
        """V: last axis of the decoder's perturbation."""

    @property
    def hash(self) -> str:
        """sha256 hex of everything that changes the tensors; a bundle carries it."""

    def lane(self, note: Note) -> int | None:
        """Return the voice whose place at a step the note takes, or None if it is left out.

        Notes of one lane at one step compete for one event: the whole melody is one lane, each
        drum class one, each piano key one.
        """

    def admitted(self, phrase: Phrase) -> Phrase:
        """Return what of a phrase may come back in an answer: of drums only drums, on their one channel."""

    def encode(self, phrase: Phrase) -> npt.NDArray[Any]:
        """Return `int64 [T, S]` tokens, or `float32 [T, D]`; ValueError if the length differs."""

    def decode(self, array: npt.NDArray[Any]) -> Phrase:
        """Return the phrase of what `encode` returned; ValueError on another shape or token."""


REPRESENTATIONS: Mapping[str, Callable[[int, Grid], Representation]] = {
    "melody": MelodyRepresentation,
    "drums": DrumsRepresentation,
    "groove": GrooveRepresentation,
    "trio": TrioRepresentation,
    "pianoroll": PianorollRepresentation,
    "accompaniment": AccompanimentRepresentation,
}


def representation(name: str, bars: int, grid: Grid = SIXTEENTHS) -> Representation:
    """Return the representation of that name for phrases of `bars` bars.

    Raises:
        ValueError: the name is unknown or `bars` is below 1.
    """
    if name not in REPRESENTATIONS:
        known = ", ".join(sorted(REPRESENTATIONS))
        raise ValueError(f"representation {name!r}: unknown; choose one of {known}")
    if bars < 1:
        raise ValueError(f"representation {name!r}: {bars} bars; 1 or more are needed")
    return REPRESENTATIONS[name](bars, grid)
