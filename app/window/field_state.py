"""What a widget shows of a parameter or an action: plain values, no Qt."""

import msgspec

from engine.parameter import Value as Value


class Option(msgspec.Struct, frozen=True, kw_only=True):
    """One value of a choice."""

    value: Value
    text: str
    enabled: bool = True
    why_not: str = ""
    """Why it cannot be chosen now; shown in place of a disappearance."""


class FieldState(msgspec.Struct, frozen=True, kw_only=True):
    """The state of one parameter or action in the window."""

    value: Value = None
    text: str = ""
    """The value as a player reads it; for an action, its label where that changes."""
    enabled: bool = True
    active: bool = True
    """Whether it decides what sounds now; drawn quietly otherwise."""
    why_not: str = ""
    """Why it is not enabled, and what to do about it."""
    binding: str = ""
    """What moves it from outside, such as `CC 21`."""
    options: tuple[Option, ...] = ()
    """The values of a choice, if they depend on the state."""


Fields = dict[str, FieldState]
"""The states by the ids of parameters and actions."""
