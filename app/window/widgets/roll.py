"""The large roll: what plays, what was heard as a ghost below it, what comes next in outline.

Everything that stands still is painted once into a pixmap; the playhead goes over it at 60 Hz and
repaints only the strip it moved over.
"""

import math

from PyQt6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, QSize, Qt, pyqtSignal
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
    QWheelEvent,
)
from PyQt6.QtWidgets import QApplication, QSizePolicy, QWidget

from app.window import theme
from app.window.axis import Axis, note_name
from app.window.score import RollMusic
from app.window.widgets.lamp import set_tip
from app.window.widgets.note_paint import paint_block
from engine.inference.controls import Lock
from engine.music.notes import Note

BLACK_KEYS = frozenset({1, 3, 6, 8, 10})
KEYS_WIDTH = 44
LANES_WIDTH = 96
TITLE_HEIGHT = 26
RULER_HEIGHT = 18
CLOSEST_LINES = 7.0
"""Lines of 16ths nearer than this many pixels are left out."""
LEAST_LABEL_ROW = 11.0
"""Rows lower than this many pixels share names: only C is named."""
TRAIL_WIDTH = 26
CLOSEST_ZOOM_BEATS = 2.0
STEP_BEATS = 0.25
"""Locks begin and end on steps."""


class PianoRoll(QWidget):
    """Shows music, a playhead and what sounds; the wheel with Ctrl zooms, without it scrolls.

    With locking on, a drag over time paints a lock over all pitches, and one with Shift held a lock over
    the pitches it covers; a click on a lock lets it go.

    Signals:
        dragged: the player began to drag the phrase out.
        locked: a part was painted, or a lock clicked: a `Lock`.
        menu_wanted: the place on the screen where a menu of the roll is to open.
    """

    dragged = pyqtSignal()
    locked = pyqtSignal(object)
    menu_wanted = pyqtSignal(QPoint)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Playing")
        self.setAccessibleDescription("The answer, over what was heard; drag it into the DAW.")
        set_tip(self, "Drag this phrase into the DAW. Ctrl and the wheel zoom, a double click shows all.")
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumHeight(90)
        self._music, self._axis = RollMusic(), Axis()
        self._first_beats, self._shown_beats = 0.0, 0.0
        self._position: float | None = None
        self._sounding: frozenset[Note] = frozenset()
        self._picture: QPixmap | None = None
        self._pressed: QPoint | None = None
        self._locking = False
        self._band: tuple[QPointF, QPointF] | None = None
        """Corners of the lock that is being painted."""

    # What is shown -----------------------------------------------------------------------------

    @property
    def music(self) -> RollMusic:
        """What is shown."""
        return self._music

    @property
    def axis(self) -> Axis:
        """The rows."""
        return self._axis

    @property
    def position(self) -> float | None:
        """Where the playhead stands, in beats; None while it is hidden."""
        return self._position

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Return a comfortable size."""
        return QSize(900, 280)

    def show_music(self, music: RollMusic) -> None:
        """Show other music; the rows grow with it and never shrink."""
        if music == self._music:
            return
        if music.length_beats != self._music.length_beats:
            self._first_beats, self._shown_beats = 0.0, 0.0
        self._music = music
        phrases = (music.heard, music.playing, music.coming)
        self._axis = self._axis.grown(note for phrase in phrases if phrase for note in phrase.notes)
        self._sounding = self._sounding_at(self._position)
        self._repaint_all()

    def set_locking(self, on: bool) -> None:
        """Let a drag paint locks instead of dragging the phrase out."""
        self._locking = on
        self.setCursor(Qt.CursorShape.CrossCursor if on else Qt.CursorShape.OpenHandCursor)

    @property
    def is_locking(self) -> bool:
        """Whether a drag paints locks."""
        return self._locking

    def forget_rows(self) -> None:
        """Begin with new rows: other music is to come, from another model."""
        self._axis = Axis()
        self._repaint_all()

    def show_position(self, beats: float | None) -> None:
        """Move the playhead to `beats` from the start of the phrase; None hides it."""
        if beats == self._position:
            return
        sounding = self._sounding_at(beats)
        for note in sounding ^ self._sounding:
            self.update(self._note_area(note).toAlignedRect().adjusted(-2, -2, 2, 2))
        for place in (self._position, beats):
            if place is not None:
                self.update(self._playhead_area(place))
        self._position, self._sounding = beats, sounding

    def zoom(self, factor: float, around_beats: float) -> None:
        """Show `factor` times as many beats, `around_beats` staying where it is."""
        length = self._music.length_beats
        before = self._shown_beats or length
        shown = min(length, max(CLOSEST_ZOOM_BEATS, before * factor))
        first = around_beats - (around_beats - self._first_beats) * shown / before
        self._shown_beats = 0.0 if shown >= length else shown
        self._first_beats = min(max(0.0, first), length - shown)
        self._repaint_all()

    def scroll(self, beats: float) -> None:  # type: ignore[override]
        """Move what is shown by so many beats."""
        shown = self._shown_beats or self._music.length_beats
        self._first_beats = min(max(0.0, self._first_beats + beats), self._music.length_beats - shown)
        self._repaint_all()

    # Events --------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: N802 - Qt's name
        """Copy the part asked for from the pixmap, then light what sounds and draw the playhead."""
        area = event.rect() if event else self.rect()
        painter = QPainter(self)
        ratio = self.devicePixelRatioF()
        source = QRectF(area.x() * ratio, area.y() * ratio, area.width() * ratio, area.height() * ratio)
        painter.drawPixmap(QRectF(area), self._current_picture(ratio), source)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setClipRect(self._grid())
        look = theme.now()
        for note in self._sounding:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.mixed(look.voice(note.channel), look.text, 0.5))
            paint_block(painter, self._note_area(note))
        if self._position is not None:
            self._paint_playhead(painter, look, self._x(self._position))

    def resizeEvent(self, event: QResizeEvent | None) -> None:  # noqa: N802 - Qt's name
        """Drop the pixmap of the old size."""
        self._picture = None
        super().resizeEvent(event)

    def changeEvent(self, event: QEvent | None) -> None:  # noqa: N802 - Qt's name
        """Drop the pixmap of the old colours."""
        if event is not None and event.type() == QEvent.Type.PaletteChange:
            self._repaint_all()
        super().changeEvent(event)

    def wheelEvent(self, event: QWheelEvent | None) -> None:  # noqa: N802 - Qt's name
        """Zoom with Ctrl, else scroll."""
        if event is None:
            return
        turn = event.angleDelta().y() or event.angleDelta().x()
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.zoom(0.8 if turn > 0 else 1.25, self._beats_at(event.position().x()))
        elif self._shown_beats:
            self.scroll(-math.copysign(self._shown_beats / 8, turn))
        event.accept()

    def mousePressEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802 - Qt's name
        """Note where a drag may begin; the right button opens the menu."""
        if event is None:
            return
        if event.button() == Qt.MouseButton.RightButton:
            self.menu_wanted.emit(event.globalPosition().toPoint())
        elif self._locking:
            self._band = event.position(), event.position()
        else:
            self._pressed = event.position().toPoint()

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802 - Qt's name
        """Paint a lock, or begin a drag once the hand has moved far enough."""
        if event is None:
            return
        if self._band is not None:
            self._band = self._band[0], event.position()
            self._repaint_all()
        if self._pressed is None:
            return
        way = (event.position().toPoint() - self._pressed).manhattanLength()
        if way >= QApplication.startDragDistance():
            self._pressed = None
            self.dragged.emit()

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802 - Qt's name
        """Report the lock that was painted or clicked."""
        self._pressed = None
        if self._band is None or event is None:
            return
        chosen = self._lock_of(*self._band, bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier))
        self._band = None
        self._repaint_all()
        if chosen is not None:
            self.locked.emit(chosen)

    def mouseDoubleClickEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802 - Qt's name
        """Show all of it again."""
        self._first_beats, self._shown_beats = 0.0, 0.0
        self._repaint_all()

    # Where things are ------------------------------------------------------------------------------

    def _left(self) -> int:
        return LANES_WIDTH if self._axis.lanes else KEYS_WIDTH

    def _top(self) -> int:
        return TITLE_HEIGHT + RULER_HEIGHT

    def _grid(self) -> QRectF:
        return QRectF(self._left(), TITLE_HEIGHT, self.width() - self._left(), self.height() - TITLE_HEIGHT)

    def _beat_width(self) -> float:
        shown = self._shown_beats or self._music.length_beats
        return (self.width() - self._left() - 8) / shown

    def _x(self, beats: float) -> float:
        return self._left() + (beats - self._first_beats) * self._beat_width()

    def _beats_at(self, x: float) -> float:
        return self._first_beats + (x - self._left()) / self._beat_width()

    def _row_height(self) -> float:
        return (self.height() - self._top() - 6) / self._axis.rows

    def _note_area(self, note: Note) -> QRectF:
        row = self._row_height()
        left, right = (
            self._x(max(note.start_beats, 0.0)),
            self._x(min(note.end_beats, self._music.length_beats)),
        )
        inset = max(0.5, row * 0.08)
        top = self._top() + self._axis.row(note) * row + inset
        return QRectF(left + 0.5, top, max(right - left - 1.5, 3.0), max(row - 2 * inset, 2.5))

    def _playhead_area(self, beats: float) -> QRect:
        return QRect(math.floor(self._x(beats)) - TRAIL_WIDTH - 1, 0, TRAIL_WIDTH + 5, self.height())

    def _sounding_at(self, beats: float | None) -> frozenset[Note]:
        if beats is None or self._music.playing is None:
            return frozenset()
        return frozenset(n for n in self._music.playing.notes if n.start_beats <= beats < n.end_beats)

    def _lock_of(self, one: QPointF, other: QPointF, by_pitch: bool) -> Lock | None:
        """Return the lock between two corners, on steps; for a click the lock that is there."""
        left, right = sorted((self._beats_at(one.x()), self._beats_at(other.x())))
        if (other - one).manhattanLength() < QApplication.startDragDistance():
            under = [lock for lock in self._music.locks if lock.start_beats <= left < lock.end_beats]
            return under[0] if under else None
        start = min(
            max(0.0, math.floor(left / STEP_BEATS) * STEP_BEATS), self._music.length_beats - STEP_BEATS
        )
        end = min(
            max(math.ceil(right / STEP_BEATS) * STEP_BEATS, start + STEP_BEATS), self._music.length_beats
        )
        rows = sorted(int((y - self._top()) // self._row_height()) for y in (one.y(), other.y()))
        highest, lowest = (self._axis.pitch(max(0, row)) for row in rows)
        if not by_pitch or highest is None or lowest is None:
            return Lock(start, end)
        return Lock(start, end, lowest, highest)

    # Painting --------------------------------------------------------------------------------------

    def _repaint_all(self) -> None:
        self._picture = None
        self.update()

    def _current_picture(self, ratio: float) -> QPixmap:
        if self._picture is None or self._picture.devicePixelRatio() != ratio:
            self._picture = self._painted(ratio)
        return self._picture

    def _painted(self, ratio: float) -> QPixmap:
        look = theme.now()
        picture = QPixmap(self.size() * ratio)
        picture.setDevicePixelRatio(ratio)
        picture.fill(look.ground)
        painter = QPainter(picture)
        frame = QPainterPath()
        frame.addRoundedRect(QRectF(self.rect()), 10, 10)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillPath(frame, look.panel)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.setClipPath(frame)
        self._paint_rows(painter, look)
        painter.setClipRect(self._grid(), Qt.ClipOperation.IntersectClip)
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
        row, axis = self._row_height(), self._axis
        painter.setFont(theme.font(8.5))
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        for at in range(axis.pitched_rows):
            pitch, y = axis.high - at, self._top() + at * row
            if pitch % 12 in BLACK_KEYS:
                painter.fillRect(QRectF(self._left(), y, self.width(), row), look.shade)
            if pitch % 12 == 0 or (row >= LEAST_LABEL_ROW and pitch % 12 not in BLACK_KEYS):
                painter.setPen(look.text if pitch % 12 == 0 else look.quiet)
                painter.drawText(QRectF(0, y + row / 2 - 8, self._left() - 8, 16), right, note_name(pitch))
        for at, name in enumerate(axis.lane_names()):
            y = self._top() + (axis.pitched_rows + at) * row
            if at % 2:
                painter.fillRect(QRectF(self._left(), y, self.width(), row), look.shade)
            if row >= LEAST_LABEL_ROW or at % 2 == 0:
                painter.setPen(look.quiet)
                painter.drawText(QRectF(0, y + row / 2 - 8, self._left() - 8, 16), right, name)

    def _paint_lines(self, painter: QPainter, look: theme.Theme) -> None:
        """Draw bar lines with numbers, beats as ticks of the ruler and guides, 16ths as guides."""
        painter.setFont(theme.font(8.5, figures=True))
        narrow = self._beat_width() / 4 < CLOSEST_LINES
        bottom = self.height() - 4
        for step in range(round(self._music.length_beats * 4) + 1):
            beats = step / 4
            x = round(self._x(beats))
            if math.isclose(beats % self._music.beats_per_bar, 0.0, abs_tol=1e-9):
                painter.setPen(QPen(look.edge, 1))
                painter.drawLine(x, TITLE_HEIGHT + 2, x, bottom)
                if beats >= self._music.length_beats - 1e-9:
                    continue
                painter.setPen(look.quiet)
                painter.drawText(
                    QPoint(x + 4, TITLE_HEIGHT + 13), str(round(beats / self._music.beats_per_bar) + 1)
                )
            elif step % 4 == 0:
                painter.setPen(QPen(look.edge, 1))
                painter.drawLine(x, self._top() - 6, x, self._top() - 1)
                painter.setPen(QPen(theme.mixed(look.faint, look.edge, 0.25), 1))
                painter.drawLine(x, self._top(), x, bottom)
            elif not narrow:
                painter.setPen(QPen(theme.mixed(look.panel, look.faint, 0.6), 1))
                painter.drawLine(x, self._top(), x, bottom)

    def _paint_notes(self, painter: QPainter, look: theme.Theme) -> None:
        music = self._music
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.mixed(look.panel, look.heard, 0.45))
        for note in music.heard.notes if music.heard else ():
            paint_block(painter, self._note_area(note))
        for note in music.playing.notes if music.playing else ():
            colour = look.note(look.voice(note.channel), note.velocity)
            self._paint_note(painter, note, colour)
        self._paint_coming(painter, look)

    def _paint_note(self, painter: QPainter, note: Note, colour: QColor) -> None:
        """Draw a note, or an arrow at the edge for one that lies outside the rows."""
        area = self._note_area(note)
        painter.setBrush(colour)
        outside = self._axis.outside(note)
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
        """Outline the notes of the next phrase that do not sound now already."""
        music = self._music
        now = frozenset(music.playing.notes) if music.playing else frozenset()
        painter.setPen(QPen(look.coming, 1.5))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for note in music.coming.notes if music.coming else ():
            if note not in now:
                paint_block(painter, self._note_area(note).adjusted(0.5, 0.5, -0.5, -0.5))

    def _paint_locks(self, painter: QPainter, look: theme.Theme) -> None:
        """Tint what is locked, and frame what is being painted."""
        painter.setFont(theme.font(8, bold=True))
        for lock in self._music.locks:
            area = self._lock_area(lock)
            painter.setPen(QPen(look.waiting, 1.5))
            painter.setBrush(theme.with_alpha(look.waiting, 36))
            painter.drawRect(area)
            painter.setPen(look.waiting)
            painter.drawText(QPointF(area.left() + 4, area.top() + 11), "locked")
        if self._band is not None:
            painter.setPen(QPen(look.waiting, 1.5, Qt.PenStyle.DashLine))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(QRectF(*self._band).normalized())

    def _lock_area(self, lock: Lock) -> QRectF:
        left, right = self._x(lock.start_beats), self._x(lock.end_beats)
        if lock.all_pitches:
            return QRectF(left, self._top(), right - left, self.height() - self._top() - 5)
        row = self._row_height()
        top = self._axis.row_of_pitch(lock.highest_pitch)
        below = self._axis.row_of_pitch(lock.lowest_pitch) + 1
        return QRectF(left, self._top() + top * row, right - left, (below - top) * row)

    def _paint_chords(self, painter: QPainter, look: theme.Theme) -> None:
        painter.setFont(theme.font(9, bold=True))
        painter.setPen(look.heard)
        for beats, name in self._music.chords:
            painter.drawText(QPointF(self._x(beats) + 18, TITLE_HEIGHT + 13.5), name)

    def _paint_title(self, painter: QPainter, look: theme.Theme) -> None:
        music = self._music
        middle = Qt.AlignmentFlag.AlignVCenter
        header = QRectF(14, 0, self.width() - 28, TITLE_HEIGHT + 4)
        painter.setFont(theme.font(9, bold=True))
        painter.setPen(look.playing)
        painter.drawText(header, middle, "PLAYING")
        name_width = painter.fontMetrics().horizontalAdvance("PLAYING") + 16
        if music.next_text:
            painter.setPen(look.coming)
            painter.drawText(header, middle | Qt.AlignmentFlag.AlignRight, music.next_text)
        if music.turn_text:
            painter.setPen(look.heard if music.is_players_turn else look.playing)
            painter.drawText(header, middle | Qt.AlignmentFlag.AlignHCenter, music.turn_text)
        painter.setFont(theme.font(9, figures=True))
        painter.setPen(look.quiet)
        painter.drawText(header.adjusted(name_width, 0, -160, 0), middle, music.title)
        if music.hint:
            painter.setFont(theme.font(12))
            box = self.rect().adjusted(self._left(), self._top(), 0, 0)
            wrapped = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(QRectF(box), int(wrapped), music.hint)

    def _paint_playhead(self, painter: QPainter, look: theme.Theme, x: float) -> None:
        trail = QLinearGradient(QPointF(x - TRAIL_WIDTH, 0), QPointF(x, 0))
        trail.setColorAt(0.0, theme.with_alpha(look.text, 0))
        trail.setColorAt(1.0, theme.with_alpha(look.text, 34))
        left = max(x - TRAIL_WIDTH, float(self._left()))
        painter.fillRect(QRectF(left, self._top(), x - left, self.height()), trail)
        painter.fillRect(QRectF(x, TITLE_HEIGHT, 2, self.height()), look.text)
