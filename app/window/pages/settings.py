"""The page of settings: how the window looks, and every control that has no place elsewhere."""

from collections.abc import Sequence

from PyQt6.QtCore import pyqtSignal

from app.window.field_state import FieldState
from app.window.pages.page import Page, heading, paragraph, settings_grid
from app.window.widgets.choice import ChoiceRow
from app.window.widgets.group import row
from engine.parameter import Choice
from engine.session.parameters import Table

LOOK = Choice(
    id="look",
    label="Look",
    values=("system", "dark", "light"),
    words={"system": "As the desktop", "dark": "Dark", "light": "Light"},
    default="system",
    help="Colours of the window.",
)

TEXT_SIZE = Choice(
    id="text_size",
    label="Text size",
    values=("small", "normal", "large", "larger"),
    words={"small": "Small", "normal": "Normal", "large": "Large", "larger": "Larger"},
    default="normal",
    help="Size of the text and of everything with it, from the next start on.",
)


class SettingsPage(Page):
    """Lets the look be chosen.

    Signals:
        look_chosen: `system`, `dark` or `light`.
        text_size_chosen: `small`, `normal`, `large` or `larger`.
    """

    look_chosen = pyqtSignal(str)
    text_size_chosen = pyqtSignal(str)

    def __init__(self, look: str, text_size: str, table: Table, names: Sequence[str]) -> None:
        """Make the page.

        Args:
            look: the present one.
            text_size: the one that was chosen last.
            table: parameters by id.
            names: those that have no place elsewhere in the window.
        """
        super().__init__("Settings")
        self.look = ChoiceRow(LOOK)
        self.look.edited.connect(lambda _id, value: self._choose(str(value)))
        self.look.show_field(FieldState(value=look))
        self.body.addWidget(heading("Colours"))
        self.body.addLayout(row(self.look, None))
        text = "In both, text has a contrast of at least 4.5:1, and lines that say something of 3:1."
        self.body.addWidget(paragraph(text))
        self.text_size = ChoiceRow(TEXT_SIZE)
        self.text_size.edited.connect(lambda _id, value: self._choose_text_size(str(value)))
        self.text_size.show_field(FieldState(value=text_size))
        self.body.addWidget(heading("Text size"))
        self.body.addLayout(row(self.text_size, None))
        self.body.addWidget(paragraph("Buttons, rolls and all else grow with it, from the next start on."))
        if names:
            self.body.addWidget(heading("Further controls"))
            self.body.addLayout(settings_grid(table, names))
        self.body.addStretch(1)

    def _choose(self, look: str) -> None:
        self.look.show_field(FieldState(value=look))
        self.look_chosen.emit(look)

    def _choose_text_size(self, text_size: str) -> None:
        self.text_size.show_field(FieldState(value=text_size))
        self.text_size_chosen.emit(text_size)
