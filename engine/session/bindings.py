"""MIDI messages that move parameters and do actions: which one is meant, soft takeover, conflicts."""

from collections.abc import Iterable, Mapping

import msgspec

from engine.midi.messages import (
    CONTROL,
    FIRST_MODE,
    FIRST_SYSTEM,
    PROGRAM,
    channel,
    is_note,
    is_note_on,
    is_whole,
    key,
    kind,
)
from engine.music.scales import PITCH_NAMES
from engine.parameter import LARGEST_OF_BITS
from engine.session.document import Binding, BindingKind

NEAR = 1 / 64
"""How near its parameter a controller must come, as a share of the range, to take hold of it."""
LSB = 32
"""The fine half of controller N is controller N + 32."""


class Controller(msgspec.Struct, frozen=True):
    """A message that a binding can mean."""

    kind: BindingKind
    channel: int
    number: int
    value: int
    """Of a controller 0 to 127; of a note its velocity, 0 when it ends; of a program 127."""

    @property
    def pressed(self) -> bool:
        """Whether it asks for an action: a key goes down, a pedal or button passes the middle."""
        return self.value > 0 if self.kind == "note" else self.value >= 64


def controller_of(data: bytes) -> Controller | None:
    """Return what a MIDI message means for bindings; None where it cannot be bound."""
    if not is_whole(data) or data[0] >= FIRST_SYSTEM:
        return None
    if kind(data) == PROGRAM:
        return Controller("program", channel(data), data[1], 127)
    if kind(data) == CONTROL and data[1] < FIRST_MODE:
        return Controller("cc", channel(data), data[1], data[2])
    if is_note(data):
        return Controller("note", *key(data), data[2] if is_note_on(data) else 0)
    return None


def name_of(binding: Binding) -> str:
    """Return a binding's message in words, as "CC 21 on channel 1"."""
    return f"{short_name_of(binding)} on channel {binding.channel + 1}"


def short_name_of(binding: Binding) -> str:
    """Return a binding's message without its channel; programs are counted from 1, as players have them."""
    names = {
        "cc": f"CC {binding.number}",
        "cc14": f"CC {binding.number} and {binding.number + LSB}",
        "note": f"key {PITCH_NAMES[binding.number]}",
        "program": f"program {binding.number + 1}",
    }
    return names[binding.kind]


def found(bindings: Iterable[Binding], message: Controller) -> tuple[Binding, ...]:
    """Return the bindings that a message means; of a 14-bit pair either half."""
    return tuple(binding for binding in bindings if _means(binding, message))


def _means(binding: Binding, message: Controller) -> bool:
    if binding.channel != message.channel:
        return False
    if binding.kind == "cc14":
        return message.kind == "cc" and message.number in (binding.number, binding.number + LSB)
    return (binding.kind, binding.number) == (message.kind, message.number)


def learned(
    bindings: tuple[Binding, ...], message: Controller, target: str
) -> tuple[tuple[Binding, ...], tuple[Binding, ...]]:
    """Bind a message to a target.

    The fine half of a controller that the target has just learned makes the pair a 14-bit one.

    Returns:
        The bindings after it, and those of other targets that gave way.
    """
    coarse = Binding("cc", message.channel, message.number - LSB, target)
    if message.kind == "cc" and coarse in bindings:
        new = Binding("cc14", message.channel, message.number - LSB, target)
    else:
        new = Binding(message.kind, message.channel, message.number, target)
    gave_way = tuple(each for each in found(bindings, message) if each.target != target)
    kept = tuple(each for each in bindings if each.target != target and each not in gave_way)
    return (*kept, new), gave_way


def position(binding: Binding, message: Controller, before: Mapping[Binding, float]) -> float:
    """Return where a bound controller stands after a message, 0 to 1.

    The coarse half of a 14-bit pair keeps the fine half it had, as the MIDI specification has it send the
    fine half afterwards.
    """
    if binding.kind != "cc14":
        return message.value / LARGEST_OF_BITS[7]
    value = round(before.get(binding, 0.0) * LARGEST_OF_BITS[14])
    if message.number == binding.number:
        value = message.value * 128 + (value % 128 if binding in before else 0)
    else:
        value = value // 128 * 128 + message.value
    return value / LARGEST_OF_BITS[14]


def takes_hold(last: float | None, now: float, shown: float, grain: float = 0.0) -> bool:
    """Return whether a controller that was at `last` and is at `now` moves a parameter that is at `shown`.

    It does once it comes near the parameter or passes it, so that nothing jumps when a knob that stands
    elsewhere is touched (soft takeover). All are shares of the range, 0 to 1.

    Args:
        last: where the controller was; None before it moved.
        now: where it is.
        shown: where the parameter is.
        grain: distance of the parameter's neighbouring values: a coarse one is as near as its steps allow.
    """
    near = max(NEAR, 0.51 * grain)
    if abs(now - shown) <= near:
        return True
    if last is None:
        return False
    return abs(last - shown) <= near or (last - shown) * (now - shown) <= 0
