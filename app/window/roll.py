"""A piano roll with a moving playhead: notes painted once into a pixmap, the playhead over it."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from PyQt6.QtCore import QPoint, QPointF, QRect, QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import (
    QColor,
    QLinearGradient,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QPixmap,
    QResizeEvent,
)
from PyQt6.QtWidgets import QApplication, QWidget

from app.window import theme
from engine.music.notes import Note, Phrase

BLACK_KEYS = frozenset({1, 3, 6, 8, 10})
NAMES = ("C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B")
KEYS_WIDTH = 46
HEADER_HEIGHT = 28
CLOSEST_LINES = 7.0
"""Lines of 16ths nearer than this many pixels are left out."""
TRAIL_WIDTH = 26
LEAST_SEMITONES = 19
"""Smallest pitch range shown: an octave and a half, so that one note does not fill the roll."""

MOST_SHARED_SEMITONES = 34
"""With a wider range in common, each roll gets its own."""


@dataclass(frozen=True, slots=True)
class PitchRange:
    """Pitches shown, both ends included."""

    low: int
    high: int

    @property
    def rows(self) -> int:
        """Semitones shown."""
        return self.high - self.low + 1

    @staticmethod
    def around(notes: Iterable[Note]) -> "PitchRange":
        """Fit the notes with a margin of two semitones; one octave and a half at least."""
        pitches = [note.pitch for note in notes] or [60, 72]
        low, high = min(pitches) - 2, max(pitches) + 2
        missing = max(0, LEAST_SEMITONES - (high - low + 1))
        low = max(0, low - missing // 2)
        high = min(127, max(high, low + LEAST_SEMITONES - 1))
        return PitchRange(max(0, min(low, high - LEAST_SEMITONES + 1)), high)


def pitch_ranges(heard: Phrase | None, phrases: list[Phrase]) -> tuple[PitchRange, PitchRange]:
    """Return the ranges of the upper and the lower roll: one for both where that stays readable."""
    shared = PitchRange.around(note for phrase in phrases for note in phrase.notes)
    if shared.rows <= MOST_SHARED_SEMITONES or heard is None:
        return shared, shared
    answers = [note for phrase in phrases if phrase is not heard for note in phrase.notes]
    return PitchRange.around(heard.notes), PitchRange.around(answers or heard.notes)


class PianoRoll(QWidget):
    """Shows a phrase, outlines of the phrase that comes next, and a playhead.

    `set_position` is called at 60 Hz and repaints only the strip the playhead moved over.

    Signals:
        dragged: the player began to drag the phrase out.
    """

    dragged = pyqtSignal()

    def __init__(self, title: str, hint: str, colour: QColor, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(title)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setMinimumHeight(80)
        self._title, self._hint, self._colour = title, hint, colour
        self._phrase: Phrase | None = None
        self._coming: Phrase | None = None
        self._range = PitchRange.around(())
        self._bars, self._beats_per_bar = 2, 4.0
        self._position: float | None = None
        self._sounding: frozenset[Note] = frozenset()
        self._picture: QPixmap | None = None
        self._pressed: QPoint | None = None

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Return a comfortable size."""
        return QSize(1000, 220)

    def set_music(
        self,
        phrase: Phrase | None,
        coming: Phrase | None,
        pitches: PitchRange,
        *,
        bars: int,
        beats_per_bar: float,
    ) -> None:
        """Show other notes; does nothing when all is as it was."""
        shown = (self._phrase, self._coming, self._range, self._bars, self._beats_per_bar)
        if shown == (phrase, coming, pitches, bars, beats_per_bar):
            return
        self._phrase, self._coming, self._range = phrase, coming, pitches
        self._bars, self._beats_per_bar = bars, beats_per_bar
        self._sounding = self._sounding_at(self._position)
        self._picture = None
        self.update()

    def set_position(self, beats: float | None) -> None:
        """Move the playhead to `beats` from the start of the phrase; `None` hides it."""
        if beats == self._position:
            return
        sounding = self._sounding_at(beats)
        for note in sounding ^ self._sounding:
            self.update(self._note_area(note).toAlignedRect().adjusted(-2, -2, 2, 2))
        for place in (self._position, beats):
            if place is not None:
                self.update(self._playhead_area(place))
        self._position, self._sounding = beats, sounding

    @property
    def phrase(self) -> Phrase | None:
        """The phrase shown."""
        return self._phrase

    @property
    def position(self) -> float | None:
        """Where the playhead stands, in beats."""
        return self._position

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: N802 - Qt's name
        """Copy the part asked for from the pixmap, then light what sounds and draw the playhead."""
        area = event.rect() if event else self.rect()
        painter = QPainter(self)
        ratio = self.devicePixelRatioF()
        picture = self._current_picture(ratio)
        source = QRectF(area.x() * ratio, area.y() * ratio, area.width() * ratio, area.height() * ratio)
        painter.drawPixmap(QRectF(area), picture, source)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for note in self._sounding:
            self._paint_lit(painter, note)
        if self._position is not None:
            self._paint_playhead(painter, self._x(self._position))
        painter.end()

    def resizeEvent(self, event: QResizeEvent | None) -> None:  # noqa: N802 - Qt's name
        """Forget the pixmap of the old size."""
        self._picture = None
        super().resizeEvent(event)

    def mousePressEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802 - Qt's name
        """Remember where a drag may begin."""
        self._pressed = event.position().toPoint() if event else None

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802 - Qt's name
        """Begin a drag once the hand has moved far enough."""
        if event is None or self._pressed is None:
            return
        way = (event.position().toPoint() - self._pressed).manhattanLength()
        if way >= QApplication.startDragDistance():
            self._pressed = None
            self.dragged.emit()

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802 - Qt's name
        """Forget the press."""
        self._pressed = None

    # Where things are ------------------------------------------------------------------------

    @property
    def _length_beats(self) -> float:
        return max(self._bars * self._beats_per_bar, 1e-6)

    def _x(self, beats: float) -> float:
        return KEYS_WIDTH + beats / self._length_beats * (self.width() - KEYS_WIDTH)

    def _row_height(self) -> float:
        return (self.height() - HEADER_HEIGHT) / self._range.rows

    def _y(self, pitch: int) -> float:
        return HEADER_HEIGHT + (self._range.high - pitch) * self._row_height()

    def _note_area(self, note: Note) -> QRectF:
        left = max(self._x(note.start_beats), KEYS_WIDTH)
        right = min(self._x(note.end_beats), float(self.width()))
        inset = min(1.0, self._row_height() * 0.1)
        return QRectF(
            left + 0.5,
            self._y(note.pitch) + inset,
            max(right - left - 1.5, 3.0),
            self._row_height() - 2 * inset,
        )

    def _playhead_area(self, beats: float) -> QRect:
        return QRect(math.floor(self._x(beats)) - TRAIL_WIDTH - 1, 0, TRAIL_WIDTH + 5, self.height())

    def _sounding_at(self, beats: float | None) -> frozenset[Note]:
        if beats is None or self._phrase is None:
            return frozenset()
        return frozenset(n for n in self._phrase.notes if n.start_beats <= beats < n.end_beats)

    # Painting --------------------------------------------------------------------------------

    def _current_picture(self, ratio: float) -> QPixmap:
        if self._picture is None or self._picture.devicePixelRatio() != ratio:
            self._picture = self._painted(ratio)
        return self._picture

    def _painted(self, ratio: float) -> QPixmap:
        picture = QPixmap(self.size() * ratio)
        picture.setDevicePixelRatio(ratio)
        picture.fill(theme.GROUND)
        painter = QPainter(picture)
        frame = QPainterPath()
        frame.addRoundedRect(QRectF(self.rect()), 10, 10)
        painter.setClipPath(frame)
        painter.fillRect(self.rect(), theme.PANEL)
        self._paint_rows(painter)
        self._paint_lines(painter)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_notes(painter)
        self._paint_keys(painter)
        self._paint_title(painter)
        painter.end()
        return picture

    def _paint_rows(self, painter: QPainter) -> None:
        shade = theme.mixed(theme.PANEL, theme.GROUND, 0.55)
        for pitch in range(self._range.low, self._range.high + 1):
            if pitch % 12 in BLACK_KEYS:
                row = QRectF(KEYS_WIDTH, self._y(pitch), self.width(), self._row_height())
                painter.fillRect(row, shade)

    def _paint_lines(self, painter: QPainter) -> None:
        for step in range(round(self._length_beats * 4) + 1):
            beats = step / 4
            on_bar = math.isclose(beats % self._beats_per_bar, 0.0, abs_tol=1e-9)
            share = 1.0 if on_bar else 0.55 if step % 4 == 0 else 0.2
            if share == 0.2 and self._x(0.25) - self._x(0.0) < CLOSEST_LINES:
                continue
            painter.setPen(QPen(theme.mixed(theme.PANEL, theme.LINE, share), 2 if on_bar else 1))
            x = round(self._x(beats))
            painter.drawLine(x, HEADER_HEIGHT, x, self.height())

    def _paint_notes(self, painter: QPainter) -> None:
        first = min((n.channel for n in self._phrase.notes), default=0) if self._phrase else 0
        for note in self._phrase.notes if self._phrase else ():
            colour = theme.channel_colour(self._colour, note.channel, first)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.mixed(theme.PANEL, colour, 0.35 + 0.5 * note.velocity / 127))
            self._paint_block(painter, self._note_area(note))
        self._paint_coming(painter)

    def _paint_coming(self, painter: QPainter) -> None:
        """Outline the notes of the next phrase that do not sound now already."""
        now = frozenset(self._phrase.notes) if self._phrase else frozenset()
        painter.setPen(QPen(theme.COMING, 1.6))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for note in self._coming.notes if self._coming else ():
            if note not in now:
                self._paint_block(painter, self._note_area(note))

    def _paint_block(self, painter: QPainter, area: QRectF) -> None:
        radius = min(4.0, area.height() / 3, area.width() / 2)
        painter.drawRoundedRect(area, radius, radius)

    def _paint_lit(self, painter: QPainter, note: Note) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.mixed(self._colour, theme.TEXT, 0.45))
        self._paint_block(painter, self._note_area(note))

    def _paint_keys(self, painter: QPainter) -> None:
        painter.fillRect(QRectF(0, 0, KEYS_WIDTH - 1, self.height()), theme.PANEL)
        painter.setFont(theme.font(9))
        height = self._row_height()
        for pitch in range(self._range.low, self._range.high + 1):
            black = pitch % 12 in BLACK_KEYS
            key = QRectF(KEYS_WIDTH - 12, self._y(pitch) + 0.5, 10, max(height - 1, 1))
            painter.fillRect(key, theme.GROUND if black else theme.mixed(theme.LINE, theme.QUIET, 0.35))
            if pitch % 12 == 0:
                painter.setPen(theme.QUIET)
                label = QRectF(0, self._y(pitch) + height / 2 - 9, KEYS_WIDTH - 16, 18)
                painter.drawText(
                    label, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, f"C{pitch // 12 - 1}"
                )

    def _paint_title(self, painter: QPainter) -> None:
        painter.setFont(theme.font(10, bold=True))
        painter.setPen(self._colour)
        painter.drawText(QPoint(KEYS_WIDTH + 2, 19), self._title.upper())
        if self._coming is not None:
            painter.setPen(theme.COMING)
            header = QRectF(0, 0, self.width() - 14, HEADER_HEIGHT)
            painter.drawText(header, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, "NEXT")
        if self._phrase is None or not self._phrase.notes:
            painter.setFont(theme.font(13))
            painter.setPen(theme.QUIET)
            box = self.rect().adjusted(KEYS_WIDTH, 0, 0, 0)
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, self._hint)

    def _paint_playhead(self, painter: QPainter, x: float) -> None:
        trail = QLinearGradient(QPointF(x - TRAIL_WIDTH, 0), QPointF(x, 0))
        clear, full = QColor(theme.TEXT), QColor(theme.TEXT)
        clear.setAlpha(0)
        full.setAlpha(34)
        trail.setColorAt(0.0, clear)
        trail.setColorAt(1.0, full)
        left = max(x - TRAIL_WIDTH, float(KEYS_WIDTH))
        painter.fillRect(QRectF(left, HEADER_HEIGHT, x - left, self.height()), trail)
        painter.fillRect(QRectF(x, HEADER_HEIGHT, 2, self.height()), theme.TEXT)
