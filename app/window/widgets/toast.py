"""Notices that float over the window: nothing moves for them; hints fade, errors stay."""

from PyQt6.QtCore import QEvent, QObject, Qt, QTimer, pyqtSignal
from PyQt6.QtWidgets import QFrame, QHBoxLayout, QSizePolicy, QWidget

from app.window import theme
from app.window.widgets.button import KeyButton
from app.window.widgets.lamp import label

HINT_MS = 4000
"""How long a hint stays; an error stays until it is closed or over."""
MARGIN = 16
WIDEST = 760


class Toast(QFrame):
    """Shows one notice over its parent, at its lower edge.

    Signals:
        dismissed: the player closed it.
    """

    dismissed = pyqtSignal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("toast")
        self._text = label(11)
        self._text.setWordWrap(True)
        self._text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._mood = "bad"
        self.bottom_margin = MARGIN
        """Pixels kept free below it; set before a notice is shown."""
        close = KeyButton("dismiss", "OK", "", "Close this notice.", parent=self)
        close.setFixedHeight(28)
        close.setAccessibleName("Dismiss notice")
        close.edited.connect(lambda *_: self._dismiss())
        layout = QHBoxLayout(self)
        layout.setContentsMargins(16, 8, 8, 8)
        layout.addWidget(self._text, 1)
        layout.addWidget(close, 0, Qt.AlignmentFlag.AlignTop)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.hide)
        parent.installEventFilter(self)
        self.hide()

    @property
    def text(self) -> str:
        """The notice shown, empty when none is."""
        return "" if self.isHidden() else self._text.text()

    @property
    def mood(self) -> str:
        """Mood of the notice: `bad`, `waiting` or `hint`."""
        return self._mood

    def show_notice(self, text: str, mood: str = "bad") -> None:
        """Show a notice; `mood` is `bad`, `waiting` or `hint`."""
        self._mood = mood
        self._text.setText(text)
        self.setAccessibleName(text)
        self._paint_frame()
        self._timer.stop()
        if mood == "hint":
            self._timer.start(HINT_MS)
        self._place()
        self.show()
        self.raise_()

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802 - Qt's name
        """Stay at the lower edge when the parent is resized."""
        if event is not None and event.type() == QEvent.Type.Resize:
            self._place()
        return super().eventFilter(watched, event)

    def changeEvent(self, event: QEvent | None) -> None:  # noqa: N802 - Qt's name
        """Take the colours of another theme."""
        if event is not None and event.type() == QEvent.Type.PaletteChange:
            self._paint_frame()
        super().changeEvent(event)

    def _paint_frame(self) -> None:
        look = theme.now()
        sheet = (
            f"QFrame#toast {{ background: {look.raised.name()};"
            f" border: 2px solid {look.mood(self._mood).name()}; border-radius: 9px; }}"
        )
        if sheet != self.styleSheet():
            self.setStyleSheet(sheet)

    def _place(self) -> None:
        parent = self.parentWidget()
        if parent is None:
            return
        width = min(WIDEST, parent.width() - 2 * MARGIN)
        self.setFixedWidth(width)
        height = max(self.heightForWidth(width), self.sizeHint().height())
        self.setGeometry(
            (parent.width() - width) // 2, parent.height() - height - self.bottom_margin, width, height
        )

    def _dismiss(self) -> None:
        self._timer.stop()
        self.hide()
        self.dismissed.emit()
