"""What becomes of a message that no binding means: music, sent on, or ignored and why."""

from engine.midi.messages import (
    BEND,
    CONTROL,
    FIRST_SYSTEM,
    KEY_PRESSURE,
    PEDALS,
    PRESSURE,
    PROGRAM,
    channel,
    ends_all_notes,
    is_note,
    is_whole,
    kind,
)
from engine.session.heard_harmony import is_chord_note
from engine.session.roles import part_channel
from engine.session.settings import Settings

PLAYED = "played"
NAMES = {KEY_PRESSURE: "pressure of a key", PRESSURE: "pressure", BEND: "bend"}


def use_of(data: bytes, settings: Settings, representation: str) -> tuple[str, bool]:
    """Return what a message is used for, and True; else why it is ignored, and False.

    Args:
        data: the message.
        settings: which channel feeds what, and what is sent on.
        representation: of the model; empty for none.
    """
    if not is_whole(data) or data[0] >= FIRST_SYSTEM:
        return "no whole message of a channel", False
    if is_note(data):
        if is_chord_note(settings, data):
            return "heard as a chord", True
        if part_channel(settings, representation, channel(data)) is not None:
            return PLAYED, True
        return ("sent on", True) if settings.thru_notes else (_no_part(channel(data), settings), False)
    if ends_all_notes(data):
        return "ends its notes", True
    pedal = kind(data) == CONTROL and data[1] in PEDALS
    if pedal and settings.sustain_lengthens:
        return "lengthens notes", True
    if settings.thru_controllers:
        return "sent on", True
    return f"{controller_name(data)} moves nothing, and Controllers through is off", False


def controller_name(data: bytes) -> str:
    """Return a channel message that is no note as players call it: `CC 7`, `program 9`, `bend`."""
    numbers = {CONTROL: f"CC {data[1]}", PROGRAM: f"program {data[1] + 1}"}
    return {**NAMES, **numbers}[kind(data)]


def _no_part(channel: int, settings: Settings) -> str:
    """Return why the notes of a channel (0 to 15) feed no part."""
    number = channel + 1
    if number == settings.bass_channel:
        return f"notes on channel {number}, for the model hears no bass"
    if settings.melody_channel:
        return f"notes on channel {number}, for the melody comes on channel {settings.melody_channel}"
    return f"notes on channel {number}, for drums come on channel {settings.drum_channel}"
