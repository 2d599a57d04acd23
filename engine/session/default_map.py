"""The MIDI map that a new session begins with: knobs, buttons and programs that need not be learned.

Controllers 20 to 31, 85 to 87 and 102 to 119 have no meaning in MIDI, so that no instrument plays with them.
"""

from collections.abc import Iterator, Sequence

from engine.session.document import Binding, BindingKind

CHANNEL = 0
"""Knobs and buttons send on the first channel unless they are set otherwise."""
KNOBS, BUTTONS, PROGRAMS = 20, 102, 0
"""First controller of the knobs, of the buttons, and first program."""
ON_KNOBS = (
    "variation",
    "morph",
    "temperature",
    "density",
    "follow_chords",
    "bars",
    "lowest_pitch",
    "highest_pitch",
    "pause_beats",
    "turn_bars",
    "transpose",
    "tempo_bpm",
)
"""Parameters on controllers 20 to 31."""
ON_BUTTONS = (
    "take_turn",
    "new_take",
    "undo",
    "hold",
    "bypass",
    "live",
    "favourite",
    "play_stop",
    "store.A",
    "store.B",
    "recall.A",
    "recall.B",
    "pick_last.2",
    "pick_last.4",
    "unlock_all",
    "in_key",
    "metronome",
    "panic",
)
"""Actions and switches on controllers 102 to 119; a switch is on from 64."""
VOICES = 85
"""First controller of the voices of an accompaniment."""
ON_VOICES = ("with_chords", "with_bass", "with_drums")
"""Switches on controllers 85 to 87; on from 64."""
ON_PROGRAMS = (
    "mode.vary",
    "mode.morph",
    "mode.generate",
    "mode.groove",
    "mode.drumify",
    "mode.continue",
    "mode.accompany",
)
"""Tools on programs 1 to 7."""


def _row(kind: BindingKind, first: int, targets: Sequence[str]) -> Iterator[Binding]:
    for number, target in enumerate(targets, first):
        yield Binding(kind, CHANNEL, number, target)


DEFAULT_MAP = (
    *_row("cc", KNOBS, ON_KNOBS),
    *_row("cc", BUTTONS, ON_BUTTONS),
    *_row("cc", VOICES, ON_VOICES),
    *_row("program", PROGRAMS, ON_PROGRAMS),
)
