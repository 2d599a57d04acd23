"""Phrases longer than a model, or in another metre: windows of the model's length, put together again.

A phrase is laid into the model's metre (`engine.music.metre_fit`), cut into windows and each is rendered
with the same seed, so that bars which are alike stay alike and the form of the source remains. A note
that the cut or the lay-out changed comes back as it was played wherever it comes back at all.

Shape legend: T steps.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import cycle, islice

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec.structs import replace

from engine.errors import RenderError
from engine.inference.constraints import Lock
from engine.inference.slots import LatentModel, Slot, encode_slot
from engine.music.chords import Harmony
from engine.music.grid import EARLY_BEATS
from engine.music.key import Key
from engine.music.key_finding import key_of
from engine.music.metre_fit import MetreFit, fit_of
from engine.music.notes import Note, Phrase
from engine.text import counted

SHORTEST_PIECE_BEATS = 1 / 16
"""A note that sounds no longer than this beyond a window is not begun again in the next one."""

Piece = tuple[int, Note]
"""Number of a window and a note in it."""


class LongSlot(msgspec.Struct, frozen=True, eq=False):
    """A phrase in windows, each encoded."""

    phrase: Phrase
    """As it was played; repeated where it is shorter than the model's length."""
    fit: MetreFit
    windows: tuple[Slot, ...]
    played: Mapping[Piece, tuple[int, ...]]
    """Indices into the phrase's notes of those that became a piece."""
    key: Key | None = None
    """Of the music around the phrase, or of the phrase itself; None where none is known."""
    harmony: Harmony = ()
    """Chord of each pulse; empty where none are known."""

    @property
    def window_beats(self) -> float:
        """Length of a window in the model's metre: whole units, which may fill less than the model takes."""
        first = self.windows[0]
        return first.played_bars * first.phrase.beats_per_bar

    def locks_in(self, number: int, locks: Sequence[Lock]) -> tuple[Lock, ...]:
        """Return the parts of locks that lie in a window, in its own time."""
        length = self.window_beats
        found = []
        for lock in locks:
            start = max(self.fit.onset(lock.start_beats) - number * length, 0.0)
            end = min(self.fit.end(lock.end_beats) - number * length, length)
            if start < end:
                found.append(replace(lock, start_beats=start, end_beats=end))
        return tuple(found)


AnySlot = Slot | LongSlot


def fits(model: LatentModel, phrase: Phrase) -> bool:
    """Return whether a phrase is in the model's metre and no longer than it."""
    representation = model.representation
    return phrase.metre == representation.grid.metre and phrase.bars <= representation.bars


def encode_phrase(
    model: LatentModel, phrase: Phrase, key: Key | None = None, harmony: Harmony = ()
) -> AnySlot:
    """Encode a phrase of any length and metre.

    Args:
        model: a loaded model.
        phrase: what was played.
        key: of the music around it; None for the key of the phrase.
        harmony: chord of each pulse, as far as they are known; shorter ones go round.

    Raises:
        RenderError: a bar is longer than all that the model hears, or the model failed.
    """
    representation = model.representation
    fit = fit_of(representation, phrase)
    if fit.model_bars > representation.bars:
        hears = f"{counted(representation.bars, 'bar')} of {fit.model}, all that the model hears"
        raise RenderError(f"a bar of {phrase.metre} is longer than {hears}; choose another model")
    if not fit.triplets and fits(model, phrase):
        return encode_slot(model, phrase, key, harmony)
    units_a_window = max(1, representation.bars // fit.model_bars)
    window_beats = units_a_window * fit.model_unit_beats
    whole = _filled(phrase, units_a_window * fit.bars_together)
    units = math.ceil(whole.bars / fit.bars_together)
    windows = math.ceil(units / units_a_window)
    pieces = _pieces(whole, fit, window_beats, windows)
    chords = tuple(islice(cycle(harmony), whole.pulses)) if harmony else ()
    laid = fit.harmony(chords, windows * round(window_beats))
    slots = []
    for number in range(windows):
        cut = Phrase.of(
            (note for (window, note), own in pieces.items() if window == number for _ in own),
            round(window_beats / fit.model_beats),
            fit.model,
        )
        own = laid[number * round(window_beats) : (number + 1) * round(window_beats)]
        slot = encode_slot(model, cut, key or key_of(phrase), own)
        slots.append(replace(slot, rest=_rest(slot, fit)))
    return LongSlot(whole, fit, tuple(slots), pieces, key or key_of(phrase), chords)


def _filled(phrase: Phrase, bars: int) -> Phrase:
    """Repeat a phrase that is shorter than a window to fill one."""
    return phrase.tiled(bars) if phrase.bars < bars else phrase


def _pieces(whole: Phrase, fit: MetreFit, window_beats: float, windows: int) -> dict[Piece, tuple[int, ...]]:
    """Lay a phrase's notes into windows; a note held over a seam is begun again after it."""
    found: dict[Piece, tuple[int, ...]] = defaultdict(tuple)
    for index, note in enumerate(whole.notes):
        start, end = fit.onset(note.start_beats), fit.end(note.end_beats)
        first = min(max(int((start + float(EARLY_BEATS)) // window_beats), 0), windows - 1)
        for number in range(first, windows):
            begin = start - number * window_beats if number == first else 0.0
            left = end - number * window_beats
            if number > first and left <= SHORTEST_PIECE_BEATS:
                break
            piece = replace(note, start_beats=begin, duration_beats=min(left, window_beats) - begin)
            if piece.duration_beats <= 0:  # released before its window: as short as can be
                piece = replace(piece, duration_beats=SHORTEST_PIECE_BEATS)
            found[number, piece] += (index,)
    return dict(found)


def _rest(slot: Slot, fit: MetreFit) -> npt.NDArray[np.bool_] | None:
    """Return which steps `[T]` of a window are rest, where nothing may begin; None if none is.

    An early first note of the bar after the last stands at the end of that one, and may stay.
    """
    if fit.exact:
        return None
    representation = slot.feel.representation
    step_beats = representation.grid.step_beats
    rest = np.array([fit.is_rest(step * step_beats) for step in range(representation.steps)])
    rest[list(slot.feel.played)] = False
    return rest


def spread_out(slots: Mapping[str, AnySlot], harmony: Harmony) -> list[dict[str, Slot]]:
    """Return the slots of each window of a rendering; a shorter slot goes round.

    Args:
        slots: those that the rendering needs, by name.
        harmony: chord of each pulse that was typed; empty for those of the slots.
    """
    longest = max((len(slot.windows) for slot in slots.values() if isinstance(slot, LongSlot)), default=1)
    rows = []
    for number in range(longest):
        row = {
            name: slot.windows[number % len(slot.windows)] if isinstance(slot, LongSlot) else slot
            for name, slot in slots.items()
        }
        if harmony:
            laid = _typed(slots, harmony, number)
            row = {name: replace(slot, harmony=laid) for name, slot in row.items()}
        rows.append(row)
    return rows


def _typed(slots: Mapping[str, AnySlot], harmony: Harmony, number: int) -> Harmony:
    """Return the typed chords of a window's beats."""
    long = next(slot for slot in slots.values() if isinstance(slot, LongSlot))
    beats = math.ceil(long.window_beats)
    laid = long.fit.harmony(harmony, (number + 1) * beats)
    return laid[number * beats :]


def put_together(source: LongSlot, rendered: Sequence[Phrase]) -> Phrase:
    """Return what windows were rendered to, in the source's metre and of its length.

    Pieces of a played note that all came back are that note again. What a model writes after a window that
    does not fill it is left out.
    """
    notes: list[Note] = []
    left = {piece: list(indices) for piece, indices in source.played.items()}
    back: dict[int, list[Note]] = defaultdict(list)
    for number, phrase in enumerate(rendered):
        start = number * source.window_beats
        for note in phrase.notes:
            indices = left.get((number, note))
            if indices:
                back[indices.pop()].append(_moved(note, start, source.fit))
            elif note.start_beats < source.window_beats and not source.fit.is_rest(
                max(note.start_beats, 0.0)
            ):
                notes.append(_moved(note, start, source.fit))
    wanted = Counter(index for indices in source.played.values() for index in indices)
    for index, pieces in back.items():
        notes += [source.phrase.notes[index]] if len(pieces) == wanted[index] else pieces
    return _cut(notes, source.phrase)


def laid_back(phrase: Phrase, fit: MetreFit) -> Phrase:
    """Return music of the model's metre in the music's own, without what stands in its rests."""
    notes = [_moved(note, 0.0, fit) for note in phrase.notes if not fit.is_rest(max(note.start_beats, 0.0))]
    units = max(1, phrase.bars // fit.model_bars)
    return _cut(notes, Phrase((), units * fit.bars_together, fit.written))


def _moved(note: Note, start_beats: float, fit: MetreFit) -> Note:
    """Move a note of a window to its place in the music."""
    begin = fit.back(start_beats + note.start_beats)
    end = fit.end_back(start_beats + note.end_beats)
    return replace(note, start_beats=begin, duration_beats=max(end - begin, SHORTEST_PIECE_BEATS))


def _cut(notes: Iterable[Note], phrase: Phrase) -> Phrase:
    """Return the notes that begin within a phrase's length."""
    kept = [note for note in notes if note.start_beats < phrase.length_beats]
    return Phrase.of(kept, phrase.bars, phrase.metre)
