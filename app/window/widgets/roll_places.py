"""Where things are on the large roll: beats and rows to pixels and back."""

import math

import msgspec
from PyQt6.QtCore import QPointF, QRect, QRectF, QSize
from PyQt6.QtWidgets import QApplication

from app.window.axis import Axis
from app.window.score import RollMusic
from engine.inference.constraints import Lock
from engine.music.notes import Note

KEYS_WIDTH = 44
LANES_WIDTH = 96
TITLE_HEIGHT = 26
RULER_HEIGHT = 18
TRAIL_WIDTH = 26
STEP_BEATS = 0.25
"""Locks begin and end on steps."""


class RollPlaces(msgspec.Struct, frozen=True, kw_only=True):
    """The places of music of so many rows in a widget of a size, zoomed to a part of its beats."""

    size: QSize
    music: RollMusic = msgspec.field(default_factory=RollMusic)
    axis: Axis = msgspec.field(default_factory=Axis)
    first_beats: float = 0.0
    """Where what is shown begins."""
    shown_beats: float = 0.0
    """How much is shown; 0 for all."""

    def left(self) -> int:
        """Return where the beats begin, right of the names of the rows."""
        return LANES_WIDTH if self.axis.lanes else KEYS_WIDTH

    def top(self) -> int:
        """Return where the rows begin, below title and ruler."""
        return TITLE_HEIGHT + RULER_HEIGHT

    def grid(self) -> QRectF:
        """Return the area of ruler and rows."""
        return QRectF(
            self.left(), TITLE_HEIGHT, self.size.width() - self.left(), self.size.height() - TITLE_HEIGHT
        )

    def beat_width(self) -> float:
        """Return the width of a beat."""
        shown = self.shown_beats or self.music.length_beats
        return (self.size.width() - self.left() - 8) / shown

    def x(self, beats: float) -> float:
        """Return where a beat is."""
        return self.left() + (beats - self.first_beats) * self.beat_width()

    def beats_at(self, x: float) -> float:
        """Return which beat is at a place."""
        return self.first_beats + (x - self.left()) / self.beat_width()

    def row_height(self) -> float:
        """Return the height of a row."""
        return (self.size.height() - self.top() - 6) / self.axis.rows

    def note_area(self, note: Note) -> QRectF:
        """Return the area of a note, no smaller than can be seen."""
        row = self.row_height()
        left, right = (
            self.x(max(note.start_beats, 0.0)),
            self.x(min(note.end_beats, self.music.length_beats)),
        )
        inset = max(0.5, row * 0.08)
        top = self.top() + self.axis.row(note) * row + inset
        return QRectF(left + 0.5, top, max(right - left - 1.5, 3.0), max(row - 2 * inset, 2.5))

    def playhead_area(self, beats: float) -> QRect:
        """Return what the playhead and its trail cover at a beat."""
        return QRect(math.floor(self.x(beats)) - TRAIL_WIDTH - 1, 0, TRAIL_WIDTH + 5, self.size.height())

    def lock_area(self, lock: Lock) -> QRectF:
        """Return the area of a lock."""
        left, right = self.x(lock.start_beats), self.x(lock.end_beats)
        if lock.all_pitches:
            return QRectF(left, self.top(), right - left, self.size.height() - self.top() - 5)
        row = self.row_height()
        top, last = (self.axis.row_of_pitch(pitch) for pitch in (lock.highest_pitch, lock.lowest_pitch))
        if lock.lanes is not None:
            last, top = (self.axis.row_of_lane(lane) for lane in lock.lanes)
        below = last + 1
        return QRectF(left, self.top() + top * row, right - left, (below - top) * row)

    def lock_of(self, one: QPointF, other: QPointF, by_pitch: bool) -> Lock | None:
        """Return the lock between two corners, on steps; for a click the lock that is there."""
        left, right = sorted((self.beats_at(one.x()), self.beats_at(other.x())))
        if (other - one).manhattanLength() < QApplication.startDragDistance():
            return self.lock_at(left)
        start = min(
            max(0.0, math.floor(left / STEP_BEATS) * STEP_BEATS), self.music.length_beats - STEP_BEATS
        )
        end = min(
            max(math.ceil(right / STEP_BEATS) * STEP_BEATS, start + STEP_BEATS), self.music.length_beats
        )
        top, bottom = sorted((self._row_at(one.y()), self._row_at(other.y())))
        found = locked_rows(self.axis, start, end, top, bottom, self._voice_at(one)) if by_pitch else None
        return found or Lock(start, end)

    def corners(self, start_beats: float, end_beats: float, rows: range | None) -> tuple[QPointF, QPointF]:
        """Return the corners of a part of the time over some rows, or over all of them."""
        row = self.row_height()
        top = self.top() + (rows.start * row if rows else 0.0)
        below = self.top() + rows.stop * row if rows else self.size.height() - 5.0
        return QPointF(self.x(start_beats), top), QPointF(self.x(end_beats), below)

    def lock_at(self, beats: float) -> Lock | None:
        """Return the first lock that holds at a beat; None where none does."""
        under = (lock for lock in self.music.locks if lock.start_beats <= beats < lock.end_beats)
        return next(under, None)

    def _row_at(self, y: float) -> int:
        return min(max(0, int((y - self.top()) // self.row_height())), self.axis.rows - 1)

    def _voice_at(self, place: QPointF) -> int | None:
        """Return the channel of the note at a place; None where there is none."""
        playing = self.music.playing.notes if self.music.playing else ()
        return next((note.channel for note in playing if self.note_area(note).contains(place)), None)


def locked_rows(
    axis: Axis, start: float, end: float, top: int, bottom: int, channel: int | None = None
) -> Lock | None:
    """Return the lock of rows from one at the top to one below, of pitches or lanes; None for both kinds."""
    highest, lowest = axis.pitch(top), axis.pitch(bottom)
    first, last = axis.lane(bottom), axis.lane(top)
    if first is not None and last is not None:
        return Lock(start, end, lanes=(first, last))
    if highest is not None and lowest is not None:
        return Lock(start, end, lowest, highest, channel=channel)
    return None
