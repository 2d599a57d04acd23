"""The page about the program: version, licence, and the doctor's report on this machine."""

from collections.abc import Sequence
from importlib import metadata
from typing import TYPE_CHECKING

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtWidgets import QGridLayout

from app.window.pages.page import Page, heading, paragraph
from app.window.widgets.button import KeyButton
from app.window.widgets.group import discard, row
from app.window.widgets.lamp import Dot

if TYPE_CHECKING:  # the doctor brings half the program along
    from app.doctor import Check

MOODS = {"ok": "good", "hint": "waiting", "bad": "bad"}


class AboutPage(Page):
    """Shows the version and, once asked, the checks of the doctor.

    Signals:
        examined: the player asks the doctor.
    """

    examined = pyqtSignal()

    def __init__(self) -> None:
        super().__init__("About Antiphon")
        text = (
            f"Antiphon {_version()}. Free software under the GNU General Public License, version 3 or later. "
            "Nothing leaves this machine."
        )
        tip = "Check ports, models, timing and sound."
        self.doctor = KeyButton("doctor", "Examine this machine", "", tip)
        self.doctor.edited.connect(lambda *_: self.examined.emit())
        self._report = QGridLayout()
        self._report.setHorizontalSpacing(12)
        self._report.setColumnStretch(2, 1)
        self.body.addWidget(paragraph(text, role="", points=11))
        self.body.addWidget(heading("Doctor"))
        self.body.addLayout(row(self.doctor, None))
        self.body.addLayout(self._report)
        self.body.addStretch(1)

    def show_report(self, checks: "Sequence[Check]") -> None:
        """Show a line for each check: its state, what was found, and the remedy."""
        while (item := self._report.takeAt(0)) is not None:
            old = item.widget()
            if old is not None:
                discard(old)
        for line, check in enumerate(checks):
            dot = Dot(MOODS[check.state])
            dot.setAccessibleName(check.state)
            self._report.addWidget(dot, line, 0)
            self._report.addWidget(paragraph(check.name, role=""), line, 1)
            self._report.addWidget(paragraph("  ".join(filter(None, (check.detail, check.remedy)))), line, 2)
        if not checks:
            self._report.addWidget(paragraph("Examining …"), 0, 2)


def _version() -> str:
    try:
        return metadata.version("antiphon")
    except metadata.PackageNotFoundError:
        return "from its source"
