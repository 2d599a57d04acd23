"""Many phrases played at once: what is measured on hundreds of them is decoded in batches, not one by one."""

from collections.abc import Mapping, Sequence

from engine.inference.controls import Controls
from engine.inference.render import render_each
from engine.inference.slots import LatentModel, Slot
from engine.music.notes import Phrase

MOST_BYTES = 2**25
"""Of what is added to the logits in one batch; a decoder needs several times as much."""


def play_each(model: LatentModel, asked: Sequence[tuple[Mapping[str, Slot], Controls]]) -> list[Phrase]:
    """Render controls, each of slots of its own, in batches of what fits into some memory."""
    representation = model.representation
    size = max(1, MOST_BYTES // (4 * representation.steps * representation.width))
    batches = (asked[start : start + size] for start in range(0, len(asked), size))
    return [phrase for batch in batches for phrase in render_each(model, batch)]


def play_takes(
    model: LatentModel, slots: Sequence[Mapping[str, Slot]], takes: Sequence[Sequence[Controls]]
) -> list[tuple[Phrase, ...]]:
    """Render several controls of each of N sources, and return the phrases by source."""
    asked = [(own, controls) for own, row in zip(slots, takes, strict=True) for controls in row]
    phrases = iter(play_each(model, asked))
    return [tuple(next(phrases) for _ in row) for row in takes]
