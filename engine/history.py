"""What was heard lately: the last bars as captured, and phrases formed from them."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace

from engine.music.notes import Note, Phrase
from engine.performer.messages import BarCaptured

LONGEST_BARS = 64
_LINE_TOLERANCE_BEATS = 1e-3
"""How near the bar line a note must end to go on in the next bar."""


@dataclass(frozen=True, slots=True)
class HeardPhrase:
    """A phrase out of the history and where it stood in the song."""

    phrase: Phrase
    first_bar: int
    """Bar number of its first bar."""


class History:
    """The last 64 captured bars, oldest first. Not thread-safe; its owner locks."""

    def __init__(self) -> None:
        self._bars: deque[BarCaptured] = deque(maxlen=LONGEST_BARS)

    def __len__(self) -> int:
        return len(self._bars)

    def __iter__(self) -> Iterator[BarCaptured]:
        return iter(self._bars)

    def add(self, bar: BarCaptured) -> None:
        """Append a bar that was just heard."""
        self._bars.append(bar)

    def pick(self, first: int, bars: int) -> HeardPhrase:
        """Return the phrase of `bars` bars from index `first` on (0 is the oldest).

        Raises:
            ValueError: the history holds no such bars, or they did not follow each other.
        """
        chosen = list(self._bars)[first : first + bars] if first >= 0 else []
        if bars < 1 or len(chosen) != bars:
            raise ValueError(f"bars {first} to {first + bars - 1} are not in the history of {len(self)}")
        if not _contiguous(chosen):
            raise ValueError("these bars were not played one after the other; choose others")
        return HeardPhrase(phrase_of(chosen), chosen[0].bar)

    def closed_phrase(self, length_bars: int, *, partial: bool) -> HeardPhrase | None:
        """Return the phrase that the newest bar completes, if it completes one.

        Phrases start at bar numbers that are multiples of `length_bars`.

        Args:
            length_bars: length of a whole phrase.
            partial: accept the first 2, 4, 8 ... bars of one as well, for a first answer
                before a long phrase is over.
        """
        if not self._bars:
            return None
        so_far = self._bars[-1].bar % length_bars + 1
        power_of_two = so_far >= 2 and so_far & (so_far - 1) == 0
        if so_far != length_bars and not (partial and power_of_two):
            return None
        chosen = list(self._bars)[-so_far:]
        if len(chosen) != so_far or not _contiguous(chosen):
            return None
        return HeardPhrase(phrase_of(chosen), chosen[0].bar)


def _contiguous(bars: list[BarCaptured]) -> bool:
    """Tell whether bars follow each other in one metre."""
    first = bars[0]
    return all(
        bar.bar == first.bar + index and bar.beats_per_bar == first.beats_per_bar
        for index, bar in enumerate(bars)
    )


def phrase_of(bars: list[BarCaptured]) -> Phrase:
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
                notes[place] = replace(notes[place], duration_beats=note.end_beats - notes[place].start_beats)
            else:
                place = len(notes)
                notes.append(note)
            if notes[place].end_beats >= line + beats_per_bar - _LINE_TOLERANCE_BEATS:
                still_held[key] = place
        held = still_held
    return Phrase.of(notes, len(bars), beats_per_bar)
