"""The large roll: what plays, what was heard as a ghost below it, what comes next in outline.

Everything that stands still is painted once into a pixmap; the playhead goes over it at 60 Hz and
repaints only the strip it moved over.
"""

import math
from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace
from PyQt6.QtCore import QEvent, QPoint, QPointF, QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import (
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPixmap,
    QResizeEvent,
    QWheelEvent,
)
from PyQt6.QtWidgets import QApplication, QSizePolicy, QWidget

from app.window import theme
from app.window.axis import Axis
from app.window.score import RollMusic
from app.window.widgets.keys import ENTERING, WALKING, is_kept
from app.window.widgets.lamp import set_tip
from app.window.widgets.lock_frame import LockFrame
from app.window.widgets.note_paint import paint_block
from app.window.widgets.roll_picture import RollPicture, paint_playhead
from app.window.widgets.roll_places import STEP_BEATS, RollPlaces
from engine.music.notes import Note

CLOSEST_ZOOM_BEATS = 2.0
DRAGGING = "The answer, over what was heard; drag it into the DAW."
LOCKING = (
    "Arrow keys move the frame, with Shift they widen it, page keys move it by bars; up and down "
    "choose rows. "
    "Return locks what it is over, or lets go of the lock under it."
)
WAYS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}
"""Steps and rows that a key moves the frame by."""
CLOSER = 0.8
"""Share of the beats that is left in sight by a step of the zoom."""


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
    _locking = False
    """Of the class, since events come while the widget is being made."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Playing")
        self.setAccessibleDescription(DRAGGING)
        set_tip(self, "Drag this phrase into the DAW. Ctrl and the wheel zoom, a double click shows all.")
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumHeight(90)
        self.places = RollPlaces(size=self.size())
        """Where things are now."""
        self._left: RollMusic | None = None
        """What was shown when another model came, until its music plays: rows do not stay for it."""
        self._position: float | None = None
        self._sounding: frozenset[Note] = frozenset()
        self._picture: QPixmap | None = None
        self._pressed: QPoint | None = None
        self._band: tuple[QPointF, QPointF] | None = None
        """Corners of the lock that is being painted."""
        self._frame = LockFrame()
        """What the keys would lock while locking is on."""

    # What is shown -----------------------------------------------------------------------------

    @property
    def music(self) -> RollMusic:
        """What is shown."""
        return self.places.music

    @property
    def axis(self) -> Axis:
        """Which pitches and drums have rows."""
        return self.places.axis

    @property
    def position(self) -> float | None:
        """Where the playhead stands, in beats; None while it is hidden."""
        return self._position

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Return a comfortable size."""
        return QSize(900, 280)

    def show_music(self, music: RollMusic) -> None:
        """Show other music; the rows grow with it and never shrink."""
        if music == self.music:
            return
        if music.length_beats != self.music.length_beats:
            self._place(first_beats=0.0, shown_beats=0.0)
        if self._left is not None:
            self._place(axis=Axis())
            self._left = self._left if music.playing in (None, self._left.playing) else None
        self._place(music=music, axis=self.axis.grown(_notes(music)))
        self._sounding = self._sounding_at(self._position)
        self._repaint_all()

    def set_locking(self, on: bool) -> None:
        """Let a drag paint locks instead of dragging the phrase out, and the keys move a frame that locks."""
        self._locking = on
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus if on else Qt.FocusPolicy.NoFocus)
        self.setAccessibleDescription(LOCKING if on else DRAGGING)
        self.setCursor(Qt.CursorShape.CrossCursor if on else Qt.CursorShape.OpenHandCursor)

    @property
    def is_locking(self) -> bool:
        """Whether a drag paints locks."""
        return self._locking

    def forget_rows(self) -> None:
        """Show the rows of what is shown alone until other music plays, from another model."""
        self._left = self.music

    def show_position(self, beats: float | None) -> None:
        """Move the playhead to `beats` from the start of the phrase; None hides it."""
        if beats == self._position:
            return
        sounding = self._sounding_at(beats)
        for note in sounding ^ self._sounding:
            self.update(self.places.note_area(note).toAlignedRect().adjusted(-2, -2, 2, 2))
        for place in (self._position, beats):
            if place is not None:
                self.update(self.places.playhead_area(place))
        self._position, self._sounding = beats, sounding

    def zoom(self, factor: float, around_beats: float) -> None:
        """Show `factor` times as many beats, `around_beats` staying where it is."""
        length, before = self.music.length_beats, self.places.shown_beats or self.music.length_beats
        shown = min(length, max(CLOSEST_ZOOM_BEATS, before * factor))
        first = around_beats - (around_beats - self.places.first_beats) * shown / before
        self._place(
            shown_beats=0.0 if shown >= length else shown, first_beats=min(max(0.0, first), length - shown)
        )

    def zoom_at_playhead(self, factor: float) -> None:
        """Zoom around the playhead, or around the left edge where there is none in sight."""
        first = self.places.first_beats
        shown = self.places.shown_beats or self.music.length_beats
        position = first if self._position is None else self._position
        self.zoom(factor, position if first <= position <= first + shown else first)

    def scroll(self, beats: float) -> None:  # type: ignore[override]
        """Move what is shown by so many beats."""
        shown = self.places.shown_beats or self.music.length_beats
        first = min(max(0.0, self.places.first_beats + beats), self.music.length_beats - shown)
        self._place(first_beats=first)

    # Events --------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: N802 - Qt's name
        """Copy the part asked for from the pixmap, then light what sounds and draw the playhead."""
        area = event.rect() if event else self.rect()
        painter = QPainter(self)
        ratio = self.devicePixelRatioF()
        source = QRectF(area.x() * ratio, area.y() * ratio, area.width() * ratio, area.height() * ratio)
        painter.drawPixmap(QRectF(area), self._current_picture(ratio), source)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setClipRect(self.places.grid())
        look = theme.now()
        for note in self._sounding:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.mixed(look.voice(note.channel), look.text, 0.5))
            paint_block(painter, self.places.note_area(note))
        if self._position is not None:
            paint_playhead(painter, look, self.places, self._position)

    def resizeEvent(self, event: QResizeEvent | None) -> None:  # noqa: N802 - Qt's name
        """Drop the pixmap of the old size."""
        self._place(size=self.size())
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
            self.zoom(CLOSER if turn > 0 else 1 / CLOSER, self.places.beats_at(event.position().x()))
        elif self.places.shown_beats:
            self.scroll(-math.copysign(self.places.shown_beats / 8, turn))
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
        chosen = self.places.lock_of(*self._band, bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier))
        self._band = None
        self._repaint_all()
        if chosen is not None:
            self.locked.emit(chosen)

    def event(self, event: QEvent | None) -> bool:
        """Keep the keys that lock from the instrument while locking is on."""
        return (self._locking and is_kept(event, ENTERING | WALKING)) or super().event(event)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:  # noqa: N802 - Qt's name
        """Move the frame, or lock what it is over."""
        if event is None or not self._locking:
            return
        key, wider = Qt.Key(event.key()), bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        bar = round(self._beats_per_bar() / STEP_BEATS)
        pages = {Qt.Key.Key_PageUp: (-bar, 0), Qt.Key.Key_PageDown: (bar, 0)}
        if key in ENTERING:
            self._lock_frame()
        elif key in WAYS or key in pages:
            steps, rows = (WAYS | pages)[key]
            length, frame = self.music.length_beats, self._frame
            frame = frame.moved(steps, length, wider=wider) if steps else frame
            self._frame = frame.lowered(rows, self.axis.rows, wider=wider) if rows else frame
            self._show_frame()
        else:
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent | None) -> None:  # noqa: N802 - Qt's name
        """Show the frame that the keys move."""
        super().focusInEvent(event)
        self._show_frame()

    def focusOutEvent(self, event: QFocusEvent | None) -> None:  # noqa: N802 - Qt's name
        """Hide the frame."""
        super().focusOutEvent(event)
        self._repaint_all()

    def _lock_frame(self) -> None:
        if self.music.playing is None:
            return
        lock = self._frame.lock(self.axis)
        under = self.places.lock_at(lock.start_beats) if self._frame.steps == 1 else None
        self.locked.emit(under if under is not None and self._frame.top is None else lock)

    def _beats_per_bar(self) -> float:
        return self.music.playing.beats_per_bar if self.music.playing else 4.0

    def _show_frame(self) -> None:
        """Bring the frame into sight, and say where it is."""
        self._frame = self._frame.within(self.music.length_beats, self.axis)
        start, end = (at * STEP_BEATS for at in (self._frame.start, self._frame.start + self._frame.steps))
        first, shown = self.places.first_beats, self.places.shown_beats
        if shown and not first <= start < end <= first + shown:
            self.scroll(start - first)
        words = self._frame.words(self.axis, self._beats_per_bar())
        self.setAccessibleName(f"Playing, {words}")
        self._repaint_all()

    def _framed(self) -> tuple[QPointF, QPointF] | None:
        """Return the corners of what is being painted, or of the frame that the keys move."""
        if self._band is not None or not (self._locking and self.hasFocus()):
            return self._band
        frame = self._frame.within(self.music.length_beats, self.axis)
        rows = None if frame.top is None else range(frame.top, frame.top + frame.rows)
        start = frame.start * STEP_BEATS
        return self.places.corners(start, start + frame.steps * STEP_BEATS, rows)

    def mouseDoubleClickEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802 - Qt's name
        """Show all of it again."""
        self._place(first_beats=0.0, shown_beats=0.0)

    def _sounding_at(self, beats: float | None) -> frozenset[Note]:
        if beats is None or self.music.playing is None or self.music.rests:
            return frozenset()
        return frozenset(n for n in self.music.playing.notes if n.start_beats <= beats < n.end_beats)

    def _place(self, **changes: Any) -> None:
        self.places = replace(self.places, **changes)
        self._repaint_all()

    def _repaint_all(self) -> None:
        self._picture = None
        self.update()

    def _current_picture(self, ratio: float) -> QPixmap:
        if self._picture is None or self._picture.devicePixelRatio() != ratio:
            self._picture = RollPicture(self.places, self._framed()).painted(ratio)
        return self._picture


def _notes(music: RollMusic) -> Iterator[Note]:
    """Yield all notes that are shown."""
    for phrase in (music.heard, music.playing, music.coming):
        yield from phrase.notes if phrase else ()
