"""The page of sessions: where the present one is kept, new ones, and those opened lately."""

from pathlib import Path

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtWidgets import QVBoxLayout

from app.window.pages.fields import action
from app.window.pages.page import Page, heading, paragraph
from app.window.widgets.button import KeyButton
from app.window.widgets.group import discard, row
from app.window.widgets.lamp import write
from engine.session.parameters import Table
from engine.session.snapshot import Snapshot


class SessionsPage(Page):
    """Shows how the session is kept; new, open and save as have keys as well.

    Signals:
        opened: path of a session to go on with.
    """

    opened = pyqtSignal(str)

    def __init__(self, table: Table) -> None:
        super().__init__("Sessions")
        self._kept = paragraph(role="", points=11)
        buttons = [action(table, f"session.{name}") for name in ("new", "open", "save_as")]
        self._recent = QVBoxLayout()
        self._recent.setSpacing(6)
        self._shown: tuple[str, ...] | None = None
        self.body.addWidget(heading("This session"))
        self.body.addWidget(self._kept)
        self.body.addLayout(row(*buttons, None))
        text = "Everything you set is saved by itself within two seconds, and comes back at the next start."
        self.body.addWidget(paragraph(text))
        self.body.addWidget(heading("Opened lately"))
        self.body.addLayout(self._recent)
        self.body.addStretch(1)

    def show_state(self, snapshot: Snapshot) -> None:
        """Show the file and the sessions opened lately."""
        kept = snapshot.live.kept
        state = "saved" if kept.saved else "to be saved"
        write(self._kept, f"{kept.path} · {state}" if kept.path else "This session is not kept in a file.")
        if kept.recent != self._shown:
            self._shown = kept.recent
            self._offer(kept.recent)

    def _offer(self, recent: tuple[str, ...]) -> None:
        while (item := self._recent.takeAt(0)) is not None:
            old = item.widget()
            if old is not None:
                discard(old)
        for path in recent:
            button = KeyButton(f"recent.{path}", Path(path).stem, "", path)
            button.edited.connect(lambda _id, _on, path=path: self.opened.emit(path))
            self._recent.addWidget(button)
        if not recent:
            self._recent.addWidget(paragraph("None yet."))
