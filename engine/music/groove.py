"""Drums with their feel: hits, velocities and micro-timing of nine classes, 27 values a step.

How the known faults of this representation are decided here:

- a sounding hit never has velocity 0: decoding keeps velocities in 1 to 127;
- no note starts before its phrase: a hit decoded early on the very first step is clamped to the
  phrase's start. Early hits on every other step, later downbeats included, stay early;
- windows are slices of `groove_rows`, which quantises the whole performance first, so a hit
  played early on a window's downbeat is in its first step, with its timing;
- pitches without a class are left out, never an error; `drums.drum_classes` counts them.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from msgspec.structs import replace

from engine.music.drums import CLASSES, Kit, as_drums, drum_classes, drum_lane, table_content
from engine.music.grid import SIXTEENTHS, Grid
from engine.music.kits import GM, NO_CLASS, drum_kit
from engine.music.notes import DRUM_CHANNEL, Note, Phrase
from engine.music.quantise import GridRepresentation, check_array

VALUES = 3 * CLASSES
"""Hits (0 or 1), velocities (velocity / 127), offsets (-1 half a step late to 1 half a step early)."""
HITS, VELOCITIES, OFFSETS = (slice(part * CLASSES, (part + 1) * CLASSES) for part in range(3))
TAP_CLASS = 3
"""A tapped rhythm is written on the open hi-hat."""
FARTHEST_OFFSET = 0.999
"""Half a step late would already be the next step; on the early side rounding could do the same."""


def groove_rows(
    onsets_beats: npt.ArrayLike,
    pitches: npt.ArrayLike,
    velocities: npt.ArrayLike,
    total_steps: int,
    kit: Kit,
    grid: Grid = SIXTEENTHS,
) -> npt.NDArray[np.float32]:
    """Turn a performance of any length into rows; a window is a slice of them.

    Of several hits of a class in one step the loudest counts, of equally loud ones the first. A hit in the
    last half step of all is in the last step, as late as can be.

    Args:
        onsets_beats: `[N]` onsets as played.
        pitches: `[N]` MIDI pitches.
        velocities: `[N]` 1 to 127.
        total_steps: length of the result.
        kit: how pitches are read.
        grid: the steps.

    Returns:
        `float32 [total_steps, 27]`: 9 hits, 9 velocities, 9 offsets.
    """
    onsets = np.asarray(onsets_beats, dtype=np.float64) * grid.steps_per_beat
    velocity = np.asarray(velocities, dtype=np.float64)
    classes = drum_classes(pitches, kit)
    steps = np.floor(onsets + 0.5).astype(np.int64)
    steps = np.where(onsets < total_steps, np.minimum(steps, total_steps - 1), steps)
    kept = np.flatnonzero((classes != NO_CLASS) & (steps >= 0) & (steps < total_steps))
    order = kept[np.lexsort((-onsets[kept], velocity[kept]))]  # the loudest is written last
    step, drum = steps[order], classes[order]
    rows = np.zeros((total_steps, VALUES), dtype=np.float32)
    rows[:, HITS][step, drum] = 1.0
    rows[:, VELOCITIES][step, drum] = velocity[order] / 127.0
    rows[:, OFFSETS][step, drum] = np.maximum(2.0 * (step - onsets[order]), -1.0)
    return rows


def quantised(frames: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Keep the hits of frames `[..., 27]`; velocities and offsets become 0."""
    bare = np.zeros_like(frames)
    bare[..., HITS] = frames[..., HITS]
    return bare


def tapped(frames: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Keep of frames `[..., 27]` the loudest hit of each step with its offset, on the tap class."""
    hits = frames[..., HITS]
    loudest = (hits * frames[..., VELOCITIES]).argmax(axis=-1)[..., None]
    struck = hits.max(axis=-1)
    taps = np.zeros_like(frames)
    taps[..., TAP_CLASS] = struck
    offsets = np.take_along_axis(frames[..., OFFSETS], loudest, axis=-1)[..., 0]
    taps[..., OFFSETS.start + TAP_CLASS] = offsets * struck
    return taps


class GrooveRepresentation(GridRepresentation, frozen=True):
    """`float32 [T, 27]`; every note of the phrase is taken for a drum, on any channel."""

    kit: Kit = GM

    name = "groove"
    streams = ()
    width = CLASSES

    def content(self) -> dict[str, object]:
        """Return what the values mean."""
        return {
            "classes": table_content(),
            "values": "9 hits, 9 velocities / 127, 9 offsets: 2 * (step - onset), early is positive",
        }

    def admitted(self, phrase: Phrase) -> Phrase:
        """Return the drums of a phrase, on the drum channel."""
        return as_drums(phrase, self.kit)

    def lane(self, note: Note) -> int | None:
        """Return the drum class, None for a pitch without one."""
        return drum_lane(note, self.kit)

    def tensor_of(self, phrase: Phrase) -> npt.NDArray[np.float32]:
        """Return `float32 [T, 27]`."""
        return groove_rows(
            [note.start_beats for note in phrase.notes],
            [note.pitch for note in phrase.notes],
            [note.velocity for note in phrase.notes],
            self.steps,
            self.kit,
            self.grid,
        )

    def taps(self, phrase: Phrase) -> npt.NDArray[np.float32]:
        """Return `float32 [T, 27]`: every note of the phrase, whatever its pitch, as a tap."""
        pitch = drum_kit(self.kit).exemplars[TAP_CLASS]
        notes = tuple(replace(note, pitch=pitch) for note in phrase.notes)
        return tapped(self.encode(replace(phrase, notes=notes)))

    def decode(self, array: npt.NDArray[Any]) -> Phrase:
        """Return the phrase of `[T, 27]`: hits above 0.5, one step long, as played, channel 9."""
        check_array(array, (self.steps, VALUES), self.name)
        velocities = np.clip(np.round(array[:, VELOCITIES] * 127.0), 1, 127).astype(np.int64)
        early = np.clip(array[:, OFFSETS].astype(np.float64), -FARTHEST_OFFSET, FARTHEST_OFFSET) / 2.0
        onsets = np.maximum(np.arange(self.steps)[:, None] - early, 0.0) * self.grid.step_beats
        written = drum_kit(self.kit).exemplars
        notes = [
            Note(
                start_beats=float(onsets[step, drum]),
                pitch=written[drum],
                duration_beats=self.grid.step_beats,
                velocity=int(velocities[step, drum]),
                channel=DRUM_CHANNEL,
            )
            for step, drum in np.argwhere(array[:, HITS] > 0.5)
        ]
        return self.phrase_of(notes)
