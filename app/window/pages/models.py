"""The page of models: what each does and how long its phrases are."""

from collections.abc import Sequence
from pathlib import Path

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import QFileDialog, QFrame, QGridLayout, QVBoxLayout

from app.bundle_cards import BundleCard
from app.window.field_state import FieldState
from app.window.pages.page import Page, heading, paragraph
from app.window.widgets.button import KeyButton
from app.window.widgets.group import row
from engine.inference.bundle.manifest import MANIFEST
from engine.installed_bundles import user_folder
from engine.modes.catalogue import TOOLS
from engine.session.snapshot import Snapshot
from engine.text import counted, printable

HEARS = {
    "melody": "hears one line; of a chord the highest note",
    "drums": "hears drums",
    "groove": "hears drums with their timing and loudness",
    "trio": "hears melody, bass and drums, each on its channel",
    "pianoroll": "hears everything that is pitched",
    "accompaniment": "hears a melody and its chords",
}
COLUMNS = 2


def bundle_of(path: Path) -> Path:
    """Return the bundle that a chosen file stands for: a .zip itself, a manifest its folder."""
    return path.parent if path.name == MANIFEST else path


class ModelsPage(Page):
    """Shows a card for each installed model.

    Signals:
        chosen: name or path of the model to load.
    """

    chosen = pyqtSignal(str)

    def __init__(self, cards: Sequence[BundleCard]) -> None:
        super().__init__("Models")
        self.buttons: dict[str, KeyButton] = {}
        grid = QGridLayout()
        grid.setSpacing(8)
        for at, card in enumerate(cards):
            grid.addWidget(self._card(card), *divmod(at, COLUMNS))
        for at in range(COLUMNS):
            grid.setColumnStretch(at, 1)
        intro = "Choosing a tool on the play page loads a fitting model by itself; here you choose by hand."
        self.body.addWidget(paragraph(intro))
        self.open = KeyButton("open_bundle", "Open a bundle …", "", "Load a model from any folder or .zip.")
        self.open.edited.connect(lambda *_: self._ask())
        own = paragraph(
            f"Those in {printable(str(user_folder()))} are listed; any other is opened or dropped."
        )
        line = row(self.open)
        line.addWidget(own, 1)
        self.body.addLayout(line)
        self.body.addLayout(grid)
        self.body.addStretch(1)

    def show_state(self, snapshot: Snapshot) -> None:
        """Mark the model that is loaded; none can be chosen while one loads."""
        model, loading = snapshot.model, snapshot.live.loading
        name = (model.reference or model.name) if model else ""
        why_not = f"{loading} is being loaded." if loading else ""
        for each, button in self.buttons.items():
            text = "Loaded" if each == name else "Loading …" if each == loading else "Load"
            state = FieldState(value=each == name, text=text, enabled=not loading, why_not=why_not)
            button.show_field(state)

    def _ask(self) -> None:
        """Ask for a bundle, without stopping anything: its .zip, or the manifest in its folder."""
        dialog = QFileDialog(self, "Open a bundle")
        dialog.setNameFilter(f"Bundles (*.zip {MANIFEST})")
        dialog.fileSelected.connect(lambda path: self.chosen.emit(str(bundle_of(Path(path)))))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.show()  # not modal: keys and music go on

    def _card(self, card: BundleCard) -> QFrame:
        made = QFrame()
        made.setObjectName("card")
        bars = counted(card.bars, "bar")
        does = ", ".join(TOOLS[mode].label for mode in card.modes)
        text = card.fault or f"{does} · {bars} · {HEARS.get(card.plays, card.plays)}"
        tip = f"Answer with {card.title}."
        button = KeyButton(f"load.{card.name}", "Load", "", tip, toggle=True, colour="good")
        button.setAccessibleName(f"Load {card.title}")
        button.edited.connect(lambda *_: self.chosen.emit(card.name))
        button.setFixedWidth(96)
        button.setEnabled(not card.fault)
        self.buttons[card.name] = button
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(heading(card.title))
        words.addWidget(paragraph(card.name, points=9))
        words.addWidget(paragraph(text, role=""))
        layout = row(button)
        layout.insertLayout(0, words, 1)
        layout.setContentsMargins(14, 10, 12, 10)
        made.setLayout(layout)
        return made
