"""Paints the large roll: what stands still into a pixmap, and the playhead over it."""

import math

from PyQt6.QtCore import QPoint, QPointF, QRect, QRectF, Qt
from PyQt6.QtGui import QColor, QLinearGradient, QPainter, QPainterPath, QPen, QPixmap

from app.window import theme
from app.window.axis import note_name
from app.window.widgets.note_paint import paint_block
from app.window.widgets.roll_places import TITLE_HEIGHT, TRAIL_WIDTH, RollPlaces
from engine.music.notes import Note

LOCK_TEXT = 14
"""Height in pixels that a lock must have for its word."""
BLACK_KEYS = frozenset({1, 3, 6, 8, 10})
CLOSEST_LINES = 7.0
"""Lines of 16ths nearer than this many pixels are left out."""
LEAST_LABEL_ROW = 11.0
"""Rows lower than this many pixels share names: only C is named."""
NEXT_WIDTH = 160
"""Pixels at the right of the title's line in which it is said when the next answer comes."""


class RollPicture:
    """Paints music where its places say."""

    def __init__(self, places: RollPlaces, band: tuple[QPointF, QPointF] | None = None) -> None:
        self._places, self._band = places, band
        self._rect = QRect(QPoint(0, 0), places.size)

    def painted(self, ratio: float) -> QPixmap:
        """Return everything that stands still, `ratio` device pixels to one."""
        look = theme.now()
        picture = QPixmap(self._places.size * ratio)
        picture.setDevicePixelRatio(ratio)
        picture.fill(look.ground)
        painter = QPainter(picture)
        frame = QPainterPath()
        frame.addRoundedRect(QRectF(self._rect), 10, 10)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillPath(frame, look.panel)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.setClipPath(frame)
        self._paint_rows(painter, look)
        painter.setClipRect(self._places.grid(), Qt.ClipOperation.IntersectClip)
        self._paint_lines(painter, look)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_notes(painter, look)
        self._paint_locks(painter, look)
        self._paint_chords(painter, look)
        painter.setClipPath(frame)
        self._paint_title(painter, look)
        painter.end()
        return picture

    def _paint_rows(self, painter: QPainter, look: theme.Theme) -> None:
        row, axis = self._places.row_height(), self._places.axis
        painter.setFont(theme.font(8.5))
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        for at in range(axis.pitched_rows):
            pitch, y = axis.high - at, self._places.top() + at * row
            if pitch % 12 in BLACK_KEYS:
                painter.fillRect(QRectF(self._places.left(), y, self._places.size.width(), row), look.shade)
            if axis.lanes and (axis.pitched_rows - at) * row < LEAST_LABEL_ROW:
                continue  # the highest lane's name stands there
            if pitch % 12 == 0 or (row >= LEAST_LABEL_ROW and pitch % 12 not in BLACK_KEYS):
                painter.setPen(look.text if pitch % 12 == 0 else look.quiet)
                painter.drawText(
                    QRectF(0, y + row / 2 - 8, self._places.left() - 8, 16), right, note_name(pitch)
                )
        apart = max(1, math.ceil(LEAST_LABEL_ROW / row))
        for at, name in enumerate(axis.lane_names()):
            y = self._places.top() + (axis.pitched_rows + at) * row
            if at % 2:
                painter.fillRect(QRectF(self._places.left(), y, self._places.size.width(), row), look.shade)
            if (axis.lanes - 1 - at) % apart == 0:  # counted from the kick
                painter.setPen(look.quiet)
                painter.drawText(QRectF(0, y + row / 2 - 8, self._places.left() - 8, 16), right, name)

    def _paint_lines(self, painter: QPainter, look: theme.Theme) -> None:
        """Draw bar lines with numbers, pulses as ticks of the ruler and guides, 16ths as guides."""
        painter.setFont(theme.font(8.5, figures=True))
        narrow = self._places.beat_width() / 4 < CLOSEST_LINES
        bottom, metre = self._places.size.height() - 4, self._places.music.metre
        for step in range(round(self._places.music.length_beats * 4) + 1):
            beats = step / 4
            x = round(self._places.x(beats))
            if math.isclose(beats % metre.beats_per_bar, 0.0, abs_tol=1e-9):
                painter.setPen(QPen(look.edge, 1))
                painter.drawLine(x, TITLE_HEIGHT + 2, x, bottom)
                if beats >= self._places.music.length_beats - 1e-9:
                    continue
                painter.setPen(look.quiet)
                painter.drawText(
                    QPoint(x + 4, TITLE_HEIGHT + 13), str(round(beats / metre.beats_per_bar) + 1)
                )
            elif math.isclose(beats % metre.beats_per_bar % metre.pulse_beats, 0.0, abs_tol=1e-9):
                painter.setPen(QPen(look.edge, 1))
                painter.drawLine(x, self._places.top() - 6, x, self._places.top() - 1)
                painter.setPen(QPen(theme.mixed(look.faint, look.edge, 0.25), 1))
                painter.drawLine(x, self._places.top(), x, bottom)
            elif not narrow:
                painter.setPen(QPen(theme.mixed(look.panel, look.faint, 0.6), 1))
                painter.drawLine(x, self._places.top(), x, bottom)

    def _paint_notes(self, painter: QPainter, look: theme.Theme) -> None:
        music = self._places.music
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.mixed(look.panel, look.heard, 0.45))
        for note in music.heard.notes if music.heard else ():
            paint_block(painter, self._places.note_area(note))
        for note in music.playing.notes if music.playing else ():
            colour = look.note(look.voice(note.channel), note.velocity)
            self._paint_note(painter, note, colour)
        self._paint_coming(painter, look)

    def _paint_note(self, painter: QPainter, note: Note, colour: QColor) -> None:
        """Draw a note, or an arrow at the edge for one that lies outside the rows."""
        area = self._places.note_area(note)
        painter.setBrush(colour)
        outside = self._places.axis.outside(note)
        if not outside:
            paint_block(painter, area)
            return
        path = QPainterPath()
        tip, base = (area.top(), area.bottom()) if outside > 0 else (area.bottom(), area.top())
        path.moveTo(area.left(), base)
        path.lineTo(area.left() + 5, tip)
        path.lineTo(area.left() + 10, base)
        painter.drawPath(path)

    def _paint_coming(self, painter: QPainter, look: theme.Theme) -> None:
        """Outline the notes of the next phrase that do not sound now already, however loud."""
        music = self._places.music
        now = {_place(note) for note in music.playing.notes} if music.playing else set()
        painter.setPen(QPen(look.coming, 1.5))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for note in music.coming.notes if music.coming else ():
            if _place(note) not in now:
                paint_block(painter, self._places.note_area(note).adjusted(0.5, 0.5, -0.5, -0.5))

    def _paint_locks(self, painter: QPainter, look: theme.Theme) -> None:
        """Tint what is locked, and frame what is being painted."""
        painter.setFont(theme.font(8, bold=True))
        for lock in self._places.music.locks:
            area = self._places.lock_area(lock)
            painter.setPen(QPen(look.waiting, 1.5))
            painter.setBrush(theme.with_alpha(look.waiting, 36))
            painter.drawRect(area)
            painter.setPen(look.waiting)
            if area.height() > LOCK_TEXT:
                painter.drawText(QPointF(area.left() + 4, area.top() + 11), "locked")
        if self._band is not None:
            painter.setPen(QPen(look.waiting, 1.5, Qt.PenStyle.DashLine))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(QRectF(*self._band).normalized())

    def _paint_chords(self, painter: QPainter, look: theme.Theme) -> None:
        painter.setFont(theme.font(9, bold=True))
        painter.setPen(look.heard)
        for beats, name in self._places.music.chords:
            painter.drawText(QPointF(self._places.x(beats) + 18, TITLE_HEIGHT + 13.5), name)

    def _paint_title(self, painter: QPainter, look: theme.Theme) -> None:
        music = self._places.music
        middle = Qt.AlignmentFlag.AlignVCenter
        header = QRectF(14, 0, self._places.size.width() - 28, TITLE_HEIGHT + 4)
        painter.setFont(theme.font(9, bold=True))
        painter.setPen(look.playing)
        painter.drawText(header, middle, "PLAYING")
        name_width = painter.fontMetrics().horizontalAdvance("PLAYING") + 16
        if music.next_text:
            painter.setPen(look.coming)
            painter.drawText(header, middle | Qt.AlignmentFlag.AlignRight, music.next_text)
        room = header.adjusted(name_width, 0, -NEXT_WIDTH, 0)
        if music.turn_text:
            painter.setPen(look.heard if music.is_players_turn else look.playing)
            painter.drawText(header, middle | Qt.AlignmentFlag.AlignHCenter, music.turn_text)
            room.setRight(
                header.center().x() - painter.fontMetrics().horizontalAdvance(music.turn_text) / 2 - 12
            )
        painter.setFont(theme.font(9, figures=True))
        painter.setPen(look.quiet)
        end = Qt.TextElideMode.ElideRight
        title = painter.fontMetrics().elidedText(music.title, end, round(room.width()))
        painter.drawText(room, middle, title)
        if music.hint:
            painter.setFont(theme.font(12))
            box = self._rect.adjusted(self._places.left(), self._places.top(), 0, 0)
            wrapped = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(QRectF(box), int(wrapped), music.hint)


def _place(note: Note) -> tuple[float, int, float, int]:
    return note.start_beats, note.pitch, note.duration_beats, note.channel


def paint_playhead(painter: QPainter, look: theme.Theme, places: RollPlaces, beats: float) -> None:
    """Draw the playhead at a beat, and its trail."""
    x, height = places.x(beats), places.size.height()
    trail = QLinearGradient(QPointF(x - TRAIL_WIDTH, 0), QPointF(x, 0))
    trail.setColorAt(0.0, theme.with_alpha(look.text, 0))
    trail.setColorAt(1.0, theme.with_alpha(look.text, 34))
    left = max(x - TRAIL_WIDTH, float(places.left()))
    painter.fillRect(QRectF(left, places.top(), x - left, height), trail)
    painter.fillRect(QRectF(x, TITLE_HEIGHT, 2, height), look.text)
