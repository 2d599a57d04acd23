"""The page of connections: ports, clock, what came in and what became of it, what is missing."""

from collections.abc import Sequence

from PyQt6.QtWidgets import QGridLayout

from app.bundle_cards import BundleCard
from app.window.advice import connection_advice, connection_facts, message_lines, osc_lines
from app.window.daws import daw_lines
from app.window.pages.fields import action
from app.window.pages.page import Page, heading, paragraph, settings_grid
from app.window.widgets.group import row
from app.window.widgets.lamp import write
from engine.session.parameters import Table
from engine.session.snapshot import Snapshot

CLOCK = ("clock", "send_clock", "spp_in_clocks", "link", "link_start_stop")
OUTPUT = ("offset_ms", "metronome", "count_in", "click_channel", "click_pitch")
INPUT = ("chords_from", "chord_channel", "split_pitch", "thru_notes", "thru_controllers", "sustain_lengthens")
OSC = ("osc", "osc_from", "osc_port", "osc_to")
OFFSET = ("earlier", "later", "measure")
CALIBRATION = (
    "To set the offset by ear: switch the DAW's click and the metronome on and press play in the DAW. Where "
    "you hear two clicks, play earlier or later until there is one. To measure it, let the DAW lead "
    "Antiphon Out back to Antiphon In."
)
MAP_HELP = "Which knobs, buttons and programs move what. Learn (Ctrl+K) binds one; the page MIDI map has all."


class ConnectionsPage(Page):
    """Shows the connections as they are now, and the settings about them."""

    def __init__(self, table: Table, models: Sequence[BundleCard] = ()) -> None:
        super().__init__("Connections")
        self._models = models
        self._advice = paragraph(role="", points=11)
        self._facts = QGridLayout()
        self._facts.setHorizontalSpacing(16)
        self._facts.setColumnStretch(1, 1)
        self._values = {name: paragraph(role="") for name in connection_facts(Snapshot())}
        for at, (name, value) in enumerate(self._values.items()):
            self._facts.addWidget(paragraph(name), at, 0)
            self._facts.addWidget(value, at, 1)
        self._facts.setColumnMinimumWidth(0, 150)
        self._messages = paragraph(role="", points=10)
        self.body.addWidget(heading("What to do"))
        self.body.addWidget(self._advice)
        self.body.addWidget(heading("As it is now"))
        self.body.addLayout(self._facts)
        self.body.addWidget(heading("Last messages that came in"))
        self.body.addWidget(self._messages)
        self.body.addWidget(heading("Clock"))
        self.body.addLayout(settings_grid(table, CLOCK))
        self.body.addWidget(heading("Output and metronome"))
        self.body.addLayout(settings_grid(table, OUTPUT))
        self.body.addWidget(paragraph(CALIBRATION))
        self.body.addLayout(row(*(action(table, f"offset.{name}") for name in OFFSET), None))
        self.body.addWidget(heading("Input"))
        self.body.addLayout(settings_grid(table, INPUT))
        self.body.addWidget(heading("MIDI map"))
        self.body.addWidget(paragraph(MAP_HELP))
        self.body.addLayout(row(action(table, "map.default"), action(table, "map.none"), None))
        self._osc = paragraph(role="", points=10)
        self.body.addWidget(heading("OSC"))
        self.body.addLayout(settings_grid(table, OSC))
        self.body.addWidget(self._osc)
        self.body.addWidget(heading("In your DAW"))
        self.body.addWidget(paragraph("\n".join(daw_lines()), points=10))
        self.body.addStretch(1)

    def show_state(self, snapshot: Snapshot) -> None:
        """Show ports, clock and messages."""
        write(self._advice, connection_advice(snapshot))
        for name, value in connection_facts(snapshot).items():
            write(self._values[name], value)
        write(self._messages, "\n".join(message_lines(snapshot, self._models)) or "Nothing came in yet.")
        write(self._osc, "\n".join(osc_lines(snapshot)))
