"""A monophonic line as 90 tokens, one a step: no event, note-off, or one of 88 pitches.

`melody_tokens`, `cut_window` and `transpose` work on plain arrays, for whole songs at once;
`MelodyRepresentation` is the same thing between phrases and tensors.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from engine.music.grid import Grid
from engine.music.notes import DRUM_CHANNEL, Note, Phrase
from engine.music.quantise import GridRepresentation, Steps, check_array, check_tokens

NO_EVENT = 0
"""The step goes on as before: a held note, or silence."""
NOTE_OFF = 1
"""The sounding note ends."""
FIRST_NOTE = 2
"""Token of the lowest pitch."""
LOWEST_PITCH, HIGHEST_PITCH = 21, 108
"""The range of a piano."""
VOCABULARY = FIRST_NOTE + HIGHEST_PITCH - LOWEST_PITCH + 1


def fold_pitches(pitches: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Move pitches by octaves into the range 21 to 108; those inside stay."""
    values: npt.NDArray[np.int64] = np.asarray(pitches, dtype=np.int64)
    up = -(-np.maximum(LOWEST_PITCH - values, 0) // 12)
    down = -(-np.maximum(values - HIGHEST_PITCH, 0) // 12)
    folded: npt.NDArray[np.int64] = values + 12 * (up - down)
    return folded


def melody_tokens(
    onsets_steps: npt.ArrayLike,
    ends_steps: npt.ArrayLike,
    pitches: npt.ArrayLike,
    total_steps: int,
) -> npt.NDArray[np.uint8]:
    """Turn notes of any polyphony into one melody line.

    The highest pitch at an onset step wins, a later onset ends the note before it, every note
    lasts one step at least, and pitches outside 21 to 108 are folded by octaves. A note that
    began before step 0 and still sounds there starts at step 0. Nothing is written for a note
    that ends at or beyond `total_steps`: the end of the sequence ends it.

    Args:
        onsets_steps: `[N]` onset steps in any order, negative before the sequence.
        ends_steps: `[N]` steps the notes end before.
        pitches: `[N]` MIDI pitches.
        total_steps: length of the result.

    Returns:
        `[total_steps]` tokens 0 to 89.
    """
    onsets, ends, line = _highest_at_each_onset(onsets_steps, ends_steps, pitches)
    tokens = np.zeros(total_steps, dtype=np.uint8)
    following = np.append(onsets[1:], np.iinfo(np.int64).max)
    ends = np.maximum(ends, onsets + 1)
    offs = ends[(ends < following) & (ends > 0) & (ends < total_steps)]
    tokens[offs] = NOTE_OFF
    carried = (onsets < 0) & (np.minimum(ends, following) > 0)
    starts = np.where(carried, 0, onsets)
    inside = (starts >= 0) & (starts < total_steps)
    tokens[starts[inside]] = fold_pitches(line[inside]) - LOWEST_PITCH + FIRST_NOTE
    return tokens


def _highest_at_each_onset(
    onsets: npt.ArrayLike, ends: npt.ArrayLike, pitches: npt.ArrayLike
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Keep one note an onset, the highest (the longest of equal ones), in order of onset."""
    onset, end, pitch = (np.asarray(values, dtype=np.int64) for values in (onsets, ends, pitches))
    order = np.lexsort((end, pitch, onset))
    onset, end, pitch = onset[order], end[order], pitch[order]
    last = np.append(onset[1:] != onset[:-1], True)[: len(onset)]
    return onset[last], end[last], pitch[last]


def cut_window(tokens: npt.NDArray[np.integer[Any]], first_step: int, steps: int) -> npt.NDArray[np.uint8]:
    """Cut a window out of a song's tokens so that it stands for itself.

    The note sounding across the cut becomes a note-on at step 0, a note-off without a note is
    removed, and a note sounding where the song ends inside the window is ended there.

    Args:
        tokens: `[N]` tokens of the whole song.
        first_step: where the window starts, 0 to N.
        steps: its length; it may reach past the end of the song.

    Returns:
        `[steps]` tokens, a fresh array.
    """
    window = np.zeros(steps, dtype=np.uint8)
    piece = tokens[first_step : first_step + steps]
    window[: len(piece)] = piece
    if len(piece) and window[0] == NO_EVENT:
        window[0] = _last_event(tokens[:first_step])
    events = np.flatnonzero(window)
    if len(events) and window[events[0]] == NOTE_OFF:
        window[events[0]] = NO_EVENT
    if len(piece) < steps and _last_event(window[: len(piece)]) >= FIRST_NOTE:
        window[len(piece)] = NOTE_OFF
    return window


def _last_event(tokens: npt.NDArray[np.integer[Any]]) -> int:
    """Return the last token that is not "no event", or "no event" if there is none."""
    backwards = tokens[::-1] != NO_EVENT
    return int(tokens[len(tokens) - 1 - int(backwards.argmax())]) if backwards.any() else NO_EVENT


def transpose(tokens: npt.NDArray[np.integer[Any]], semitones: int) -> npt.NDArray[np.uint8]:
    """Move every note by `semitones`, on tokens of any shape.

    A note that leaves 21 to 108 is folded back by octaves, alone: it keeps its pitch class and
    its place, and the interval to its neighbours changes. Draw only shifts within `headroom`
    where that must not happen.
    """
    moved = fold_pitches(tokens.astype(np.int64) - FIRST_NOTE + LOWEST_PITCH + semitones)
    return np.where(tokens < FIRST_NOTE, tokens, moved - LOWEST_PITCH + FIRST_NOTE).astype(np.uint8)


def headroom(tokens: npt.NDArray[np.integer[Any]]) -> tuple[int, int]:
    """Return how far `transpose` can go down (0 or below) and up (0 or above) without folding."""
    notes = tokens[tokens >= FIRST_NOTE]
    if not len(notes):
        return 0, 0
    return FIRST_NOTE - int(notes.min()), VOCABULARY - 1 - int(notes.max())


def notes_of_tokens(tokens: npt.NDArray[np.integer[Any]], grid: Grid, channel: int = 0) -> list[Note]:
    """Read tokens `[T]` as notes on the grid; the end of the sequence ends the last one."""
    events = np.flatnonzero(tokens)
    steps, chosen, step_beats = [*events.tolist(), len(tokens)], tokens[events].tolist(), grid.step_beats
    return [
        Note(
            start_beats=step * step_beats,
            pitch=token - FIRST_NOTE + LOWEST_PITCH,
            duration_beats=(end - step) * step_beats,
            channel=channel,
        )
        for step, end, token in zip(steps[:-1], steps[1:], chosen, strict=True)
        if token >= FIRST_NOTE
    ]


class MelodyRepresentation(GridRepresentation, frozen=True):
    """`int64 [T, 1]` melody tokens; drum-channel notes are not part of it."""

    name = "melody"
    streams = (VOCABULARY,)
    width = VOCABULARY

    def content(self) -> dict[str, object]:
        """Return what the tokens mean."""
        return {
            "tokens": ["no event", "note-off", "pitch"],
            "pitches": [LOWEST_PITCH, HIGHEST_PITCH],
            "reduction": "highest at onset; later onset ends; folded by octaves; carried in at step 0",
        }

    def lane(self, note: Note) -> int | None:
        """Return 0, the one voice; None for drums."""
        return None if note.channel == DRUM_CHANNEL else 0

    def tensor_of(self, phrase: Phrase) -> npt.NDArray[np.int64]:
        """Return `int64 [T, 1]` tokens."""
        pitched = (note for note in phrase.notes if self.lane(note) is not None)
        played = Steps.of(pitched, self.grid, self.steps)
        tokens = melody_tokens(played.onsets, played.ends, played.pitches, self.steps)
        return tokens.astype(np.int64)[:, None]

    def decode(self, array: npt.NDArray[Any]) -> Phrase:
        """Return the phrase of `[T, 1]` tokens, on the grid, velocity 80, channel 0."""
        check_array(array, (self.steps, 1), self.name)
        check_tokens(array, VOCABULARY, self.name)
        return self.phrase_of(notes_of_tokens(array[:, 0], self.grid))
