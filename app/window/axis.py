"""The vertical axis of a roll: pitched rows above, named drum lanes below. It grows and never shrinks."""

from collections.abc import Iterable

import msgspec
from msgspec.structs import replace

from engine.music.kits import CLASS_NAMES, OTHER_LANE, lane_of
from engine.music.notes import DRUM_CHANNEL, Note

LEAST_ROWS = 19
"""An octave and a half, so that one note does not fill the roll."""
MOST_ROWS = 49
"""Four octaves; what lies outside is drawn at the edge, so that one stray note makes no hairlines."""
MARGIN = 2
NAMES = ("C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B")


class Axis(msgspec.Struct, frozen=True):
    """Rows from the top: pitches `high` down to `low`, then the drum lanes, the kick lowest."""

    low: int = 0
    high: int = -1
    """Below `low` while nothing pitched was shown."""
    lanes: int = 0
    """0, all the drum classes, or one more for drums that are none of them."""

    @property
    def pitched(self) -> bool:
        """Whether there are pitched rows."""
        return self.high >= self.low

    @property
    def pitched_rows(self) -> int:
        """Number of pitched rows."""
        return self.high - self.low + 1 if self.pitched else 0

    @property
    def rows(self) -> int:
        """Number of rows, at least 1."""
        return max(1, self.pitched_rows + self.lanes)

    def row(self, note: Note) -> int:
        """Return the row of a note, 0 at the top; a pitch outside is at the nearest edge."""
        if note.channel == DRUM_CHANNEL:
            return self.row_of_lane(lane_of(note.pitch))
        return self.row_of_pitch(note.pitch)

    def pitch(self, row: int) -> int | None:
        """Return the pitch of a row, counted from 0 at the top; None for a drum lane."""
        return self.high - row if 0 <= row < self.pitched_rows else None

    def lane(self, row: int) -> int | None:
        """Return the drum lane of a row, the kick's is 0; None for a pitched row."""
        lane = self.pitched_rows + self.lanes - 1 - row
        return lane if 0 <= lane < self.lanes else None

    def row_of_lane(self, lane: int) -> int:
        """Return the row of a drum lane, the nearest one for a lane that is not shown."""
        return max(0, self.pitched_rows + self.lanes - 1 - min(lane, max(0, self.lanes - 1)))

    def row_of_pitch(self, pitch: int) -> int:
        """Return the row of a pitch, the nearest one for a pitch outside."""
        return self.high - min(max(pitch, self.low), self.high) if self.pitched else 0

    def outside(self, note: Note) -> int:
        """Return 1 for a pitch above the rows, -1 for one below, else 0."""
        if note.channel == DRUM_CHANNEL or not self.pitched:
            return 0
        return int(note.pitch > self.high) - int(note.pitch < self.low)

    def row_name(self, row: int) -> str:
        """Return what a row, counted from 0 at the top, is called: a pitch or a drum."""
        pitch = self.pitch(row)
        return self.lane_names()[row - self.pitched_rows] if pitch is None else note_name(pitch)

    def lane_names(self) -> tuple[str, ...]:
        """Return the names of the drum lanes from the top."""
        names = [name.capitalize() for name in CLASS_NAMES] + ["Other"]
        return tuple(reversed(names[: self.lanes]))

    def grown(self, notes: Iterable[Note]) -> "Axis":
        """Return an axis that shows the notes as well; never one with fewer rows."""
        played = list(notes)
        pitches = sorted(note.pitch for note in played if note.channel != DRUM_CHANNEL)
        lanes = [lane_of(note.pitch) for note in played if note.channel == DRUM_CHANNEL]
        needed = 0 if not lanes else max(OTHER_LANE, max(lanes) + 1)
        wider = replace(self, lanes=max(self.lanes, needed))
        if not pitches and (self.pitched or wider.lanes):
            return wider
        low, high = _span(pitches or [60, 72])
        if wider.pitched:
            low, high = _joined(wider, low, high)
        return replace(wider, low=low, high=high)


def note_name(pitch: int) -> str:
    """Return the name of a MIDI pitch: 60 is C4."""
    return f"{NAMES[pitch % 12]}{pitch // 12 - 1}"


def _span(pitches: list[int]) -> tuple[int, int]:
    """Return the lowest and the highest row for sorted pitches, around their middle if too far apart."""
    low, high = max(0, pitches[0] - MARGIN), min(127, pitches[-1] + MARGIN)
    missing = LEAST_ROWS - (high - low + 1)
    if missing > 0:
        low = max(0, min(low - missing // 2, 127 - LEAST_ROWS + 1))
        high = max(high, low + LEAST_ROWS - 1)
    if high - low + 1 > MOST_ROWS:
        middle = pitches[len(pitches) // 2]
        low = min(max(0, middle - MOST_ROWS // 2), 127 - MOST_ROWS + 1)
        high = low + MOST_ROWS - 1
    return low, high


def _joined(axis: Axis, low: int, high: int) -> tuple[int, int]:
    """Extend the rows of an axis towards others, by no more than there is room for."""
    room = max(0, MOST_ROWS - axis.pitched_rows)
    down = min(max(0, axis.low - low), room)
    up = min(max(0, high - axis.high), room - down)
    return axis.low - down, axis.high + up
