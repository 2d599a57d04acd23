"""A pattern unrolled over the song: which of its notes begin where."""

import math
from bisect import bisect_left
from collections.abc import Iterator, Sequence

from engine.performer.messages import NoteData

HALF_STEP_BEATS = 0.125
"""Half a 16th: a note this little before a line is an early note of what begins there."""
SHORTEST_BEATS = 1.0 / 96.0
"""No note is shorter than a quarter of a clock tick, so that its note-off follows its note-on."""


class Loop:
    """Notes repeated every `length_beats`.

    The phase is locked to bars: the pattern's first beat falls on `anchor_beats`, a bar line,
    and on every whole length before and after it, so the position in the song alone says where
    in the pattern we are, whatever jumps the transport makes.

    Args:
        notes: times from the pattern's start; an early first note is negative.
        length_beats: length of one repeat.
        anchor_beats: song position of one repeat's start.
        pattern_id: number the controller knows it by.
        anchored: whether the anchor is the controller's, and stays when the song starts again.
        from_beats: song position before which it is silent.
        until_beats: song position from which on it is silent.
    """

    def __init__(
        self,
        notes: Sequence[NoteData],
        length_beats: float,
        anchor_beats: float,
        pattern_id: int = 0,
        *,
        anchored: bool = False,
        from_beats: float = -math.inf,
        until_beats: float = math.inf,
    ) -> None:
        self.pattern_id = pattern_id
        self.anchored = anchored
        self.from_beats = from_beats
        self.until_beats = until_beats
        self.length_beats = length_beats
        self.anchor_beats = anchor_beats
        inside = [note for note in notes if -length_beats < note.start_beats < length_beats]
        self.first_beats = max(0.0, min((note.start_beats for note in inside), default=0.0))
        """Where its first note begins, from the pattern's start; one that is early for it counts as there."""
        placed = sorted(((note.start_beats % length_beats, note.pitch, note) for note in inside), key=_place)
        self._notes = [note for _, _, note in placed]
        self._onsets = [onset for onset, _, _ in placed]

    def between(self, from_beats: float, to_beats: float) -> Iterator[tuple[float, NoteData]]:
        """Yield `(onset, note)` for the notes that begin in `[from_beats, to_beats)`, in order."""
        if not self._notes:
            return
        from_beats = max(from_beats, self.from_beats - HALF_STEP_BEATS)
        to_beats = min(to_beats, self.until_beats)
        repeat = (from_beats - self.anchor_beats) // self.length_beats
        base = self.anchor_beats + repeat * self.length_beats
        index = bisect_left(self._onsets, from_beats - base)
        while True:
            if index == len(self._notes):
                index, base = 0, base + self.length_beats
            onset = base + self._onsets[index]
            if onset >= to_beats:
                return
            note = self._notes[index]
            if onset >= from_beats and self._in_span(onset, note):
                yield onset, note
            index += 1

    def _in_span(self, onset_beats: float, note: NoteData) -> bool:
        """Return whether a note may sound; an early one counts where the line is that it is early for."""
        nominal = onset_beats - min(note.start_beats, 0.0)
        return self._edge(self.from_beats) <= nominal < self._edge(self.until_beats)

    def _edge(self, line_beats: float) -> float:
        """Return where what begins at a line begins: inside the pattern, with its early notes."""
        passes = (line_beats - self.anchor_beats) / self.length_beats
        if math.isinf(passes) or abs(passes - round(passes)) * self.length_beats < 1e-6:
            return line_beats
        return line_beats - HALF_STEP_BEATS + 1e-9

    def end_of(self, onset_beats: float, note: NoteData) -> float:
        """Return where a note that begins at a position ends."""
        return min(onset_beats + max(note.duration_beats, SHORTEST_BEATS), self.until_beats)

    def early(self, line_beats: float) -> list[tuple[float, NoteData]]:
        """Return the notes less than half a step before a line: they belong to what starts there."""
        return [
            (onset, note)
            for onset, note in self.between(line_beats - HALF_STEP_BEATS, line_beats)
            if onset > line_beats - HALF_STEP_BEATS
        ]

    def next_onset(self, from_beats: float) -> float | None:
        """Return where the next note at or after a position begins."""
        first_beats = max(from_beats, self.from_beats - HALF_STEP_BEATS)
        # Two lengths: of the first, early notes of a span that begins inside it are left out.
        for onset, _ in self.between(first_beats, first_beats + 2 * self.length_beats + 1e-6):
            return onset
        return None

    def sounding(self, channel: int, pitch: int, onset_beats: float) -> NoteData | None:
        """Return the note that begins at a position (within a thousandth of a beat), if there is one."""
        for _, note in self.between(onset_beats - 1e-3, onset_beats + 1e-3):
            if note.pitch == pitch and note.channel == channel:
                return note
        return None


def _place(item: tuple[float, int, NoteData]) -> tuple[float, int]:
    return item[0], item[1]
