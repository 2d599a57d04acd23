"""The page of shortcuts: every key, from the same table that the keys come from."""

from collections.abc import Mapping, Sequence

from PyQt6.QtWidgets import QGridLayout

from app.window.pages.page import Page, heading, in_columns, paragraph
from engine.session.parameters import Table

WINDOW_KEYS = {
    "F1": "This page",
    "F10": "Menu of pages",
    "Backspace": "Back to playing",
    "Ctrl+K": "MIDI learn",
    "J": "Paint locks on the roll",
    "Tab": "From control to control",
    "Arrow keys": "Move a slider, walk over heard bars",
    "Ctrl and wheel": "Zoom the roll",
    "Ctrl++, Ctrl+-": "Zoom the roll at the playhead",
    "Ctrl+Q": "Quit",
}
COLUMNS = 3


def keys_by_group(table: Table) -> Mapping[str, list[tuple[str, str]]]:
    """Return key and label of everything that has a key, by the heading it stands under."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for item in table:
        if item.key:
            groups.setdefault(item.group, []).append((item.key, item.label.removeprefix("Tool: ")))
    groups["Window"] = list(WINDOW_KEYS.items())
    return groups


class ShortcutsPage(Page):
    """Shows the keys in columns."""

    def __init__(self, table: Table) -> None:
        super().__init__("Shortcuts")
        groups = sorted(keys_by_group(table).items(), key=lambda pair: -len(pair[1]))
        self.body.addLayout(in_columns([_group(*group) for group in groups], COLUMNS))
        self.body.addStretch(1)


def _group(name: str, keys: Sequence[tuple[str, str]]) -> QGridLayout:
    """Return a heading and its keys, one a line."""
    made = QGridLayout()
    made.setVerticalSpacing(2)
    made.addWidget(heading(name), 0, 0, 1, 2)
    for line, (key, text) in enumerate(keys, start=1):
        made.addWidget(paragraph(key, role="", points=10), line, 0)
        made.addWidget(paragraph(text, points=10), line, 1)
    made.setColumnMinimumWidth(0, 108)
    made.setColumnStretch(1, 1)
    return made
