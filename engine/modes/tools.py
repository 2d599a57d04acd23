"""What the tools are to the player: name, key, what they do and with which bundles, what counts in them.

How each makes an answer is in the module of its name; `engine.modes.planners` has them together.
"""

from abc import ABC
from collections.abc import Collection
from typing import ClassVar

from engine.inference.bundle.manifest import Task
from engine.inference.controls import STORED, Controls, Mode
from engine.inference.features import (
    ACCOMPANIMENT,
    CONTINUATION,
    DIRECTIONS,
    DISTANCE,
    FEEL,
    LIMITS,
    NOTES_TO_KEEP,
    RHYTHM_TO_KEEP,
    SOURCE,
    STYLE,
    TWO_SLOTS,
)


class Tool(ABC):
    """A mode of the instrument. Subclasses are stateless; `engine.modes.catalogue` holds one of each."""

    id: ClassVar[Mode]
    label: ClassVar[str]
    """Name shown to the player."""
    key: ClassVar[str]
    """Key that enters it."""
    help: ClassVar[str]
    """One sentence: what the answer is."""
    task: ClassVar[Task]
    """Task of the bundles that do it."""
    by_sentences: ClassVar[bool] = False
    """Whether bundles with a model of sentences do it too, whatever their task."""
    offers: ClassVar[frozenset[str]]
    """Features that parameters may need, out of `engine.inference.features`."""

    def slots(self, controls: Controls, filled: Collection[str] = STORED) -> tuple[str, ...]:
        """Return the names of the slots that a rendering with these controls starts from: the source.

        Args:
            controls: they name slots.
            filled: names of the slots that hold something; a mode that takes what there is leaves out others.
        """
        return (controls.source,)


class Vary(Tool):
    """Answers are planned by `engine.modes.vary`."""

    id = "vary"
    label = "Vary"
    key = "1"
    help = "Vary what was just played, as far as the variation slider says."
    task = "autoencode"
    offers = frozenset({SOURCE, DISTANCE, LIMITS, RHYTHM_TO_KEEP, NOTES_TO_KEEP, DIRECTIONS, STYLE})


class Morph(Tool):
    """Answers are planned by `engine.modes.morph`."""

    id = "morph"
    label = "Morph"
    key = "2"
    help = "Blend the phrases stored in A and B, or in A to D."
    task = "autoencode"
    offers = frozenset({TWO_SLOTS, LIMITS, RHYTHM_TO_KEEP, NOTES_TO_KEEP, DIRECTIONS, STYLE})

    def slots(self, controls: Controls, filled: Collection[str] = STORED) -> tuple[str, ...]:
        """Return the slots at the two ends of the line, or at the filled corners of the pad."""
        if controls.morph_by == "line":
            return (controls.morph_from, controls.morph_to)
        return tuple(name for name in STORED if name in filled) or STORED[:2]


class Generate(Tool):
    """Answers are planned by `engine.modes.generate`."""

    id = "generate"
    label = "Generate"
    key = "3"
    help = "Play something new from the model alone."
    task = "autoencode"
    offers = frozenset({LIMITS, DIRECTIONS, STYLE})

    def slots(self, controls: Controls, filled: Collection[str] = STORED) -> tuple[str, ...]:
        """Return no slot."""
        return ()


class Groove(Tool):
    """Answers are planned by `engine.modes.groove`."""

    id = "groove"
    label = "Groove"
    key = "4"
    help = "Give the drums you play a drummer's feel; Variation says how much."
    task = "humanize"
    offers = frozenset({SOURCE, DISTANCE, FEEL})


class Drumify(Tool):
    """Answers are planned by `engine.modes.drumify`."""

    id = "drumify"
    label = "Drumify"
    key = "5"
    help = "Play drums to the rhythm you tap, on any keys."
    task = "drumify"
    offers = frozenset({SOURCE, DISTANCE, LIMITS, RHYTHM_TO_KEEP, DIRECTIONS})


class Continue(Tool):
    """Answers are planned by `engine.modes.continuation`."""

    id = "continue"
    label = "Continue"
    key = "6"
    help = "Play on from where you stopped."
    task = "continue"
    by_sentences = True
    offers = frozenset({SOURCE, CONTINUATION, LIMITS})

    def slots(self, controls: Controls, filled: Collection[str] = STORED) -> tuple[str, ...]:
        """Return the source, where the continuation starts from it."""
        return (controls.source,) if controls.start == "guided" else ()


class Accompany(Tool):
    """Answers are planned by `engine.modes.accompany`."""

    id = "accompany"
    label = "Accompany"
    key = "0"
    help = "Play chords, bass and drums to what you played, in its key and to its chords."
    task = "accompany"
    offers = frozenset({SOURCE, DISTANCE, LIMITS, ACCOMPANIMENT})
