"""The one thing that is otherwise where a performance is played again."""

import msgspec

from engine.errors import RenderError
from engine.inference.controls import CONTROLS, control
from engine.parameter import Parameter, Value, declared
from engine.session.settings import Settings

TRANSPOSE = declared(Settings)["transpose"]
FIXED = ("mode", "source", "morph_from", "morph_to")
"""Controls that decide which phrases an answer is made of; those of another are not in the log."""


class Change(msgspec.Struct, frozen=True):
    """One thing that is to be otherwise."""

    name: str
    """Id of a parameter."""
    value: Value

    @staticmethod
    def read(text: str) -> "Change":
        """Return the change that a text such as `variation=.6` means.

        Raises:
            RenderError: it means none, or its value is out of range.
        """
        name, equals, typed = (part.strip() for part in text.partition("="))
        name = name.replace("-", "_")
        if not equals:
            raise RenderError(f"{text.strip()!r} is not NAME=VALUE, as in variation=0.6")
        return Change(name, changeable(name).parse(typed))


def changeable(name: str) -> Parameter:
    """Return a parameter that an answer can be rendered again with; RenderError for any other."""
    found = TRANSPOSE if name == "transpose" else control(name)
    if found is None or name in FIXED:
        names = ", ".join(sorted(each for each in (*CONTROLS, "transpose") if each not in FIXED))
        raise RenderError(f"{name!r} is nothing to replay with; change one of {names}")
    return found
