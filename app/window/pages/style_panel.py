"""The style: how far takes are pulled to it, where it came from, and what it is learned from."""

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent
from PyQt6.QtWidgets import QFrame, QVBoxLayout

from app.window.drag_and_drop import style_paths
from app.window.pages.fields import action, slider
from app.window.widgets.button import KeyButton
from app.window.widgets.group import row
from app.window.widgets.lamp import FittingLabel, set_tip
from engine.session.parameters import Table

BUTTON_HEIGHT = 28
WORDS = {"style.heard": "From heard", "style.files": "From files …", "style.forget": "Forget"}
"""What stands on the buttons: beside the others each needs no more words."""
DROP_TIP = "A folder or MIDI files can be dropped here."


class StylePanel(QFrame):
    """The slider, a line that says what the style is, and buttons; files and folders can be dropped on it.

    Signals:
        dropped: folders and MIDI files that a style is to be learned from.
    """

    dropped = pyqtSignal(list)

    def __init__(self, table: Table) -> None:
        super().__init__()
        self.setObjectName("drop")
        self.setAcceptDrops(True)
        self.amount = slider(table, "style_amount")
        self.amount.set_narrow()
        self.source = FittingLabel(9, "quiet")
        self.buttons = {name: _button(table, name, text) for name, text in WORDS.items()}
        beside = QVBoxLayout()
        beside.setSpacing(2)
        beside.addStretch(1)
        beside.addWidget(self.source)
        beside.addLayout(row(*self.buttons.values(), spacing=4))
        beside.addStretch(1)
        layout = row(self.amount, spacing=8)
        layout.addLayout(beside)
        layout.setContentsMargins(2, 0, 2, 0)
        layout.setStretchFactor(self.amount, 1)
        self.setLayout(layout)

    def show_source(self, text: str) -> None:
        """Show what the style is, or how far the reading of files is."""
        self.source.write(text)
        set_tip(self.source, f"{text}\n{DROP_TIP}")

    def dragEnterEvent(self, event: QDragEnterEvent | None) -> None:  # noqa: N802 - Qt's name
        """Take folders and MIDI files."""
        if event is not None and style_paths(event.mimeData()):
            event.acceptProposedAction()
            self._show_target(True)

    def dragLeaveEvent(self, event: QDragLeaveEvent | None) -> None:  # noqa: N802 - Qt's name
        """Show that what is dragged went on."""
        self._show_target(False)

    def dropEvent(self, event: QDropEvent | None) -> None:  # noqa: N802 - Qt's name
        """Report what was dropped."""
        self._show_target(False)
        paths = style_paths(event.mimeData()) if event is not None else []
        if event is not None and paths:
            event.acceptProposedAction()
            self.dropped.emit(paths)

    def _show_target(self, on: bool) -> None:
        self.setProperty("target", on)
        if (style := self.style()) is not None:
            style.unpolish(self)
            style.polish(self)


def _button(table: Table, name: str, text: str) -> KeyButton:
    """Return the button of an action of the style, with few words on it."""
    made = action(table, name, colour="text" if name == "style.forget" else "heard", text=text)
    made.setFixedHeight(BUTTON_HEIGHT)
    return made
