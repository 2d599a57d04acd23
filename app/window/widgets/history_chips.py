"""What sounded last as small chips: a click plays one again, its star keeps it among the favourites."""

import math
from collections.abc import Collection, Sequence

from PyQt6.QtCore import QPointF, QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QMouseEvent, QPainter, QPen, QPolygonF, QResizeEvent
from PyQt6.QtWidgets import QSizePolicy, QWidget

from app.window import theme
from app.window.widgets.lamp import set_tip
from app.window.widgets.phrase_card import PhraseCard
from engine.music.notes import Phrase
from engine.session.live import Sounded

CHIP = QSize(70, 32)
GAP = 5
MOST = 12
STAR_WIDTH = 18
"""Of the star's place at the right of a chip."""


class HistoryChip(PhraseCard):
    """One answer that has sounded, small.

    Signals:
        starred: its star was pressed, or the menu key.
    """

    starred = pyqtSignal()

    def __init__(self, at: int, parent: QWidget) -> None:
        name = f"Answer {at} before this one" if at else "The last answer"
        super().__init__(name, "playing", parent=parent)
        self._kept = False
        self.setFixedSize(CHIP)
        set_tip(self, "Click: it sounds again. Star: keep it. Drag: to a slot or the DAW.")
        self.menu_wanted.connect(lambda _place: self.starred.emit())

    def show_sounded(self, sounded: Sounded, kept: bool) -> None:
        """Show an answer, and whether it is among the favourites."""
        self.number, self._kept = sounded.number, kept
        shift = sounded.document.settings.transpose
        self.show_phrase(sounded.phrase, "kept" if kept else "not kept", shift=shift)

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802 - Qt's name
        """Keep it where the star is, play it again elsewhere."""
        if event is not None and self.is_pressed and event.position().x() > self.width() - STAR_WIDTH:
            self.let_go()
            self.starred.emit()
            return
        super().mouseReleaseEvent(event)

    def notes_area(self, box: QRectF) -> QRectF:
        """Return where the notes are drawn, left of the star."""
        return box.adjusted(5, 5, -STAR_WIDTH - 1, -5)

    def paint_words(self, painter: QPainter, box: QRectF) -> None:
        """Draw the star: filled where the answer is kept."""
        look = theme.now()
        middle = QPointF(box.right() - STAR_WIDTH / 2, box.center().y())
        painter.setPen(QPen(look.waiting if self._kept else look.quiet, 1))
        painter.setBrush(look.waiting if self._kept else Qt.BrushStyle.NoBrush)
        painter.drawPolygon(star(middle, 6.0))


class HistoryChips(QWidget):
    """The last answers, the newest first, as many as there is room for.

    Signals:
        again: number of an answer that is to sound again.
        starred: number of an answer whose star was pressed.
        dragged: the chip whose phrase is dragged out.
    """

    again = pyqtSignal(int)
    starred = pyqtSignal(int)
    dragged = pyqtSignal(object)

    def __init__(self) -> None:
        super().__init__()
        self.chips: list[HistoryChip] = []
        self._shown: tuple[object, object] = (None, None)
        self._many = 0
        for at in range(MOST):
            chip = HistoryChip(at, self)
            chip.pressed.connect(lambda chip=chip: self.again.emit(chip.number))
            chip.starred.connect(lambda chip=chip: self.starred.emit(chip.number))
            chip.dragged.connect(lambda chip=chip: self.dragged.emit(chip))
            chip.hide()
            self.chips.append(chip)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Return none: chips that have no room are hidden."""
        return QSize(0, CHIP.height())

    def show_sounded(self, sounded: Sequence[Sounded], favourites: Sequence[object]) -> None:
        """Show the last answers; the phrases of `favourites` are kept."""
        if (sounded, favourites) == self._shown:
            return
        self._shown = sounded, favourites
        kept = {each.phrase for each in favourites}  # type: ignore[attr-defined]
        lately = without_repeats(sounded, MOST)
        for chip, each in zip(self.chips, lately, strict=False):
            chip.show_sounded(each, each.phrase in kept)
        self._many = len(lately)
        self._show_fitting()

    def resizeEvent(self, event: QResizeEvent | None) -> None:  # noqa: N802 - Qt's name
        """Show as many as fit."""
        self._show_fitting()
        super().resizeEvent(event)

    def _show_fitting(self) -> None:
        fitting = (self.width() + GAP) // (CHIP.width() + GAP)
        for at, chip in enumerate(self.chips):
            chip.move(at * (CHIP.width() + GAP), (self.height() - CHIP.height()) // 2)
            chip.setVisible(at < min(self._many, fitting))


def without_repeats(sounded: Collection[Sounded], most: int) -> list[Sounded]:
    """Return what sounded last, the newest first; of answers with the same notes only the newest."""
    newest: dict[tuple[object, ...], Sounded] = {}
    for each in reversed(tuple(sounded)):
        newest.setdefault(tune(each.phrase), each)
        if len(newest) == most:
            break
    return list(newest.values())


def tune(phrase: Phrase) -> tuple[object, ...]:
    """Return what a phrase is however it was played: notes on triplets and 16ths, without their loudness."""
    return tuple((round(12 * note.start_beats), note.pitch, note.channel) for note in phrase.notes)


def star(middle: QPointF, radius: float) -> QPolygonF:
    """Return a star of five points around a place."""
    ways = [(-90 + 36 * at, radius if at % 2 == 0 else 0.42 * radius) for at in range(10)]
    return QPolygonF(
        [
            QPointF(
                middle.x() + length * math.cos(math.radians(turn)),
                middle.y() + length * math.sin(math.radians(turn)),
            )
            for turn, length in ways
        ]
    )
