"""Painting of notes that rolls, bars, slots and cards have in common."""

from collections.abc import Callable, Sequence

from PyQt6.QtCore import QRectF, Qt
from PyQt6.QtGui import QColor, QPainter

from app.window.axis import Axis
from engine.music.notes import Note

Colouring = Callable[[Note], QColor]


def paint_block(painter: QPainter, area: QRectF) -> None:
    """Draw one note with the painter's pen and brush."""
    radius = min(3.0, area.height() / 3, area.width() / 2)
    painter.drawRoundedRect(area, radius, radius)


def paint_small(
    painter: QPainter, area: QRectF, notes: Sequence[Note], length_beats: float, axis: Axis, colour: Colouring
) -> None:
    """Draw notes into a small area, without lines or names.

    Args:
        painter: Where to.
        area: Where; its width is `length_beats`.
        notes: What; onsets count from the left edge.
        length_beats: Length shown, above 0.
        axis: Which rows share the height.
        colour: The fill of a note.
    """
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    row = area.height() / axis.rows
    height = min(max(row, 3.0), 7.0)
    for note in notes:
        left = area.left() + max(note.start_beats, 0.0) / length_beats * area.width()
        right = area.left() + min(note.end_beats, length_beats) / length_beats * area.width()
        top = area.top() + (axis.row(note) + 0.5) * row - height / 2
        painter.setBrush(colour(note))
        paint_block(painter, QRectF(left, top, max(right - left - 1.0, 2.5), height))
