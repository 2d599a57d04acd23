"""The bars that were heard, append-only with serial ids, and phrases formed from them."""

from collections.abc import Iterator, Sequence

import msgspec

from engine.errors import RenderError
from engine.music.chords import Chord
from engine.music.notes import Note, Phrase
from engine.performer.messages import BarCaptured
from engine.session.document import UNKNOWN, HeardPhrase, Surroundings
from engine.text import counted

BARS_KEPT = 64
_LINE_TOLERANCE_BEATS = 1e-3
"""How near the bar line a note must end to go on in the next bar."""


class CapturedBar(msgspec.Struct, frozen=True):
    """A bar with its number in the order in which bars were heard."""

    id: int
    """1 for the first of the session; never used again."""
    bar: BarCaptured
    free: bool = False
    """Played while nothing rolled; its lines are those of the internal tempo from the first note on."""
    surroundings: Surroundings = UNKNOWN
    """Key after this bar, and the chords of its beats."""


class CapturedBars(msgspec.Struct, frozen=True):
    """The last 64 bars, oldest first."""

    bars: tuple[CapturedBar, ...] = ()
    next_id: int = 1

    def __len__(self) -> int:
        return len(self.bars)

    def __iter__(self) -> Iterator[CapturedBar]:
        return iter(self.bars)

    def with_bar(
        self, bar: BarCaptured, *, free: bool = False, surroundings: Surroundings = UNKNOWN
    ) -> "CapturedBars":
        """Return the bars with one more; the oldest of 65 is left out."""
        kept = (*self.bars, CapturedBar(self.next_id, bar, free, surroundings))[-BARS_KEPT:]
        return CapturedBars(kept, self.next_id + 1)

    def pick(self, first_id: int, bars: int) -> HeardPhrase:
        """Return the phrase of `bars` bars from the one with an id on.

        Raises:
            RenderError: such bars are not kept, or they did not follow each other.
        """
        chosen = [each for each in self.bars if first_id <= each.id < first_id + bars]
        if bars < 1 or len(chosen) != bars:
            raise RenderError(
                f"bars {first_id} to {first_id + bars - 1} are not among the {len(self)} that are kept"
            )
        return _joined(chosen)

    def has(self, first_id: int, phrase: Phrase) -> bool:
        """Return whether the bars from the one with an id on have the pitches of a phrase, in their order.

        When notes end is left aside: a phrase of a turn was answered before its last ones did.
        """
        chosen = [each.bar for each in self.bars if first_id <= each.id < first_id + phrase.bars]
        if len(chosen) != phrase.bars or not _contiguous(chosen):
            return False
        return [note.pitch for note in phrase_of(chosen).notes] == [note.pitch for note in phrase.notes]

    def last(self, bars: int) -> HeardPhrase:
        """Return the phrase of the last bars.

        Raises:
            RenderError: fewer were heard, or they did not follow each other.
        """
        if len(self) < bars:
            raise RenderError(f"{counted(len(self), 'bar')} heard so far, not {bars}; play on")
        return _joined(self.bars[-bars:])

    def runs(self) -> list[HeardPhrase]:
        """Return the bars that are kept as phrases of bars that follow each other in one metre and key."""
        found: list[list[CapturedBar]] = []
        for each in self.bars:
            last = found[-1] if found else []
            same = bool(last) and last[-1].surroundings.key == each.surroundings.key
            if same and _contiguous([last[-1].bar, each.bar]):
                last.append(each)
            else:
                found.append([each])
        return [heard_phrase(run) for run in found]

    def closed_phrase(self, length_bars: int, *, partial: bool) -> HeardPhrase | None:
        """Return the phrase that the newest bar completes, if it completes one.

        Phrases start at bar numbers that are multiples of `length_bars`.

        Args:
            length_bars: length of a whole phrase.
            partial: accept the first 2, 4, 8 ... bars of one as well, for a first answer
                before a long phrase is over.
        """
        if not self.bars:
            return None
        so_far = self.bars[-1].bar.bar % length_bars + 1
        power_of_two = so_far >= 2 and so_far & (so_far - 1) == 0
        if so_far != length_bars and not (partial and power_of_two):
            return None
        chosen = self.bars[-so_far:]
        if len(chosen) != so_far or not _contiguous([each.bar for each in chosen]):
            return None
        return heard_phrase(chosen)


def _joined(chosen: Sequence[CapturedBar]) -> HeardPhrase:
    if not _contiguous([each.bar for each in chosen]):
        raise RenderError("these bars were not played one after the other; choose others")
    return heard_phrase(chosen)


def heard_phrase(chosen: Sequence[CapturedBar]) -> HeardPhrase:
    """Return bars that follow each other as one phrase, with the key after them and their chords."""
    bars = [each.bar for each in chosen]
    return HeardPhrase(phrase_of(bars), bars[0].bar, surroundings_of(chosen))


def surroundings_of(chosen: Sequence[CapturedBar]) -> Surroundings:
    """Return the key after some bars, and the chord of each of their pulses."""
    harmony: list[Chord | None] = []
    for each in chosen:
        harmony += each.surroundings.harmony or (None,) * each.bar.metre.pulses
    return Surroundings(chosen[-1].surroundings.key, tuple(harmony) if any(harmony) else ())


def _contiguous(bars: Sequence[BarCaptured]) -> bool:
    """Return whether bars follow each other in one metre."""
    first = bars[0]
    return all(bar.bar == first.bar + index and bar.metre == first.metre for index, bar in enumerate(bars))


def phrase_of(bars: Sequence[BarCaptured]) -> Phrase:
    """Join captured bars into one phrase; a note held over a bar line becomes one note again."""
    beats_per_bar = bars[0].beats_per_bar
    notes: list[Note] = []
    held: dict[tuple[int, int], int] = {}
    for index, bar in enumerate(bars):
        line = index * beats_per_bar
        still_held: dict[tuple[int, int], int] = {}
        for number, data in enumerate(bar.notes):
            note = Note(line + data.start_beats, data.pitch, data.duration_beats, data.velocity, data.channel)
            key = note.channel, note.pitch
            if number in bar.tied and key in held:
                place = held[key]
                notes[place] = msgspec.structs.replace(
                    notes[place], duration_beats=note.end_beats - notes[place].start_beats
                )
            else:
                place = len(notes)
                notes.append(note)
            if notes[place].end_beats >= line + beats_per_bar - _LINE_TOLERANCE_BEATS:
                still_held[key] = place
        held = still_held
    return Phrase.of(notes, len(bars), bars[0].metre)
