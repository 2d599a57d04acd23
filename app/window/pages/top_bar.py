"""The bar that is always in sight: menu, ports, model, clock, tempo, panic."""

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QFrame, QHBoxLayout, QWidget

from app.window import theme
from app.window.pages.fields import action, choice, typed
from app.window.view import Lamp
from app.window.widgets.button import KeyButton
from app.window.widgets.choice import ChoiceList
from app.window.widgets.group import column, row
from app.window.widgets.lamp import Dot, PortLamp, label, set_tip, write
from engine.parameter import Choice
from engine.session.parameters import Table

HEIGHT = 56
MODEL = Choice(
    id="model",
    label="Model",
    help="The model that answers; another one takes over while the music goes on.",
)
"""Not a parameter of the instrument: which models there are is found out on the machine."""


class TopBar(QFrame):
    """Holds the fields of the bar and shows the ports and the clock."""

    def __init__(self, table: Table, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("bar")
        self.setFixedHeight(HEIGHT)
        self.menu = KeyButton("menu", "≡", "F10", "Pages: connections, models, settings, shortcuts, about.",
                              show_key=False)  # fmt: skip
        self.menu.setAccessibleName("Menu")
        self.menu.setFixedWidth(36)
        self.inputs = PortLamp("In", "hint", "What comes in. Click to see the last messages.")
        self.outputs = PortLamp("Out", "waiting", "What goes out. Click to see the ports.")
        self.model = ChoiceList(MODEL)
        play = table.action("play_stop")
        self.play = KeyButton(play.id, play.label, play.key, play.help, colour="good", toggle=True)
        self.panic = action(table, "panic", colour="bad")
        self._dot, self._lamp, self._source = Dot(), label(12, bold=True), label(8.5, "quiet")
        self._position = label(25, bold=True, figures=True)
        self._position.setAccessibleName("Bar and beat")
        self._position.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._position.setFixedWidth(108)
        self.tempo, self.metre = typed(table, "tempo_bpm"), choice(table, "metre")
        self.tempo.setFixedWidth(104)
        self.metre.setFixedWidth(66)
        self._lay_out()

    @property
    def position_text(self) -> str:
        """Bar and beat as shown."""
        return self._position.text()

    @property
    def lamp_text(self) -> str:
        """The clock's state as shown."""
        return self._lamp.text()

    def show_lamp(self, lamp: Lamp) -> None:
        """Show how the clock stands."""
        self._dot.show_mood(lamp.mood)
        write(self._lamp, lamp.word)
        write(self._source, lamp.detail)
        set_tip(self._lamp, lamp.sentence)

    def show_position(self, text: str) -> None:
        """Show bar and beat."""
        write(self._position, text)

    def set_compact(self, compact: bool) -> None:
        """Save width: no keys on the buttons, a narrower model list."""
        self.play.show_keys(not compact)
        self.panic.show_keys(not compact)
        self.play.setFixedWidth(72 if compact else 104)
        self.model.setFixedWidth(150 if compact else 196)
        self._position.setFont(theme.font(20 if compact else 25, bold=True, figures=True))
        self._position.setFixedWidth(84 if compact else 108)
        self.tempo.setFixedWidth(98 if compact else 104)

    def _lay_out(self) -> None:
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 4, 12, 4)
        layout.setSpacing(10)
        layout.addWidget(self.menu)
        layout.addWidget(self.inputs, 3)
        layout.addWidget(self.outputs, 3)
        layout.addWidget(self.model)
        layout.addSpacing(6)
        layout.addWidget(self.play)
        lamp = row(self._dot, self._lamp, None, spacing=7)
        state = QWidget()
        inner = column(self._source)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.insertLayout(1, lamp)
        state.setLayout(inner)
        state.setFixedWidth(112)
        inner.setStretch(0, 1)
        self._source.setContentsMargins(21, 0, 0, 0)
        layout.addWidget(state)
        layout.addWidget(self._position)
        layout.addWidget(self.tempo)
        layout.addWidget(self.metre)
        layout.addWidget(self.panic)
