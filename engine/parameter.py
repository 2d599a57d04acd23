"""Kinds of parameter and the action: what one declaration of a control says, and what follows from it.

A parameter is metadata on a typed field: `temperature: Annotated[float, Number(0, 2, label=...)] = 0.5`.
`declared` reads the fields of a class and fills in id and default. From a parameter come the range
check, the scaling of MIDI controllers both ways, the text shown and the text understood, the name of the
command-line option, the label of an undo step and the row of the table of controls.
"""

import math
import re
from abc import ABCMeta, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from operator import attrgetter
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import msgspec
from msgspec.structs import replace

from engine.errors import RenderError

Value = float | int | bool | str | None
"""What a parameter can hold."""

ANY = "any"
"""Word for a choice's None on the command line and in files."""
LARGEST_OF_BITS = {7: 127, 14: 16383}
"""Largest value of a MIDI controller by its resolution in bits."""
_NOT_ZERO = re.compile("[1-9]")


class _AbstractStruct(msgspec.StructMeta, ABCMeta):
    """Metaclass of structs some of whose methods are abstract."""


class Parameter(msgspec.Struct, metaclass=_AbstractStruct, frozen=True, kw_only=True):
    """Base of the five kinds: what everybody needs to know of a control."""

    label: str
    """Name shown to the player; unique."""
    help: str
    """One or two sentences: what a value does. Tooltip, option help and row of the table."""
    key: str = ""
    """Key that leads to it (a slider) or switches it (a toggle); unique, or empty for none."""
    needs: frozenset[str] = frozenset()
    """Features of the mode and the model without which it does not count; see `engine.modes.base`."""
    group: str = "Music"
    """Heading it stands under in help and tables."""
    no_option: str = ""
    """Why there is no command-line option; empty where there is one."""
    option_name: str = ""
    """Name of the option where it is not that of the field."""
    id: str = ""
    """Name of its field."""
    default: Value = None
    """Value of a new document."""

    @abstractmethod
    def allows(self, value: object) -> bool:
        """Return whether a value is legal."""

    @property
    @abstractmethod
    def allowed(self) -> str:
        """Legal values in words, as in "a number from 0 to 1"."""

    @abstractmethod
    def at(self, position: float) -> Value:
        """Return the value at a position of the whole range, 0 (lowest) to 1 (highest)."""

    @abstractmethod
    def position(self, value: Value) -> float:
        """Return where a legal value lies in the whole range, 0 to 1."""

    @abstractmethod
    def text(self, value: Value) -> str:
        """Return a legal value as it is shown, with its unit."""

    @abstractmethod
    def parse(self, text: str) -> Value:
        """Return the value that a typed text means.

        Raises:
            RenderError: it means none, or one that is not allowed.
        """

    @property
    def grain(self) -> float:
        """Distance of neighbouring values, as a share of the range; 0 where they lie anywhere."""
        return 0.0

    def check(self, value: Any) -> Any:
        """Return a value if it is legal.

        Raises:
            RenderError: it is not; the line says what is.
        """
        if not self.allows(value):
            raise RenderError(f"{self.id} {value!r} is not {self.allowed}")
        return value

    def to_controller(self, value: Value, bits: int = 7) -> int:
        """Return the controller value, 0 to 127 or 16383, that shows a parameter's value."""
        return round(self.position(value) * LARGEST_OF_BITS[bits])

    @property
    def option(self) -> str:
        """Long command-line option."""
        name = self.option_name or self.id.replace("_", "-")
        return f"--{name}/--no-{name}" if isinstance(self, Toggle) else f"--{name}"

    def undo_label(self, value: Value) -> str:
        """Return the label of the undo step that set a value."""
        return f"{self.label} {self.text(value)}"

    def as_row(self) -> dict[str, Value]:
        """Return what a table of controls says of it."""
        return {
            "id": self.id,
            "label": self.label,
            "kind": type(self).__name__.lower(),
            "range": self.allowed,
            "default": self.text(self.default),
            "key": self.key,
            "option": "" if self.no_option else self.option,
            "group": self.group,
            "help": self.help,
        }


def _number_in(text: str) -> float:
    """Return the number in a typed text: "92,5", "40 %" and "+3 semitones" are understood."""
    found = re.fullmatch(r"\s*([-+]?\d*[.,]?\d+(?:[eE][-+]?\d+)?)\s*(%?)\s*[^\d]*", text)
    if not found:
        raise ValueError(text)
    number = float(found[1].replace(",", "."))
    return number / 100 if found[2] else number


class Number(Parameter, frozen=True, kw_only=True):
    """A real number within a range."""

    low: float = 0.0
    high: float = 1.0
    shown: str = "{:.0%}"
    """Format of the text."""
    words: Mapping[float, str] = {}
    """Texts of values that are said in another way."""
    digits: int = 3
    """Decimals kept where a hand or a controller sets it."""
    step: float = 0.01
    """What an arrow key changes."""

    def allows(self, value: object) -> bool:
        """Return whether a value is a number within the range."""
        return (
            isinstance(value, int | float) and not isinstance(value, bool) and self.low <= value <= self.high
        )

    @property
    def allowed(self) -> str:
        """Range in words."""
        return f"a number from {self.low:g} to {self.high:g}"

    def at(self, position: float) -> float:
        """Return the number at a position, rounded to `digits`."""
        return min(max(round(self.low + (self.high - self.low) * position, self.digits), self.low), self.high)

    def position(self, value: Value) -> float:
        """Return where a number lies in the range."""
        return (float(value or 0) - self.low) / (self.high - self.low)

    def text(self, value: Value) -> str:
        """Return the word of a number that has one, else the number in its format; 0 bears no sign."""
        shown = self.words.get(float(value or 0)) or self.shown.format(value)
        return shown if _NOT_ZERO.search(shown) else shown.lstrip("+-")

    def parse(self, text: str) -> float:
        """Return the number typed; a comma and a percent sign are understood."""
        try:
            value = _number_in(text)
        except ValueError:
            value = math.nan
        if not self.allows(value):
            raise RenderError(f"{self.label} {text.strip()!r} is not {self.allowed}")
        return value


class Whole(Parameter, frozen=True, kw_only=True):
    """A whole number within a range."""

    low: int = 0
    high: int = 127
    shown: str = "{}"
    """Format of the text."""
    words: Mapping[int, str] = {}
    """Texts of values that mean something of their own."""

    def allows(self, value: object) -> bool:
        """Return whether a value is a whole number within the range."""
        return isinstance(value, int) and not isinstance(value, bool) and self.low <= value <= self.high

    @property
    def allowed(self) -> str:
        """Range in words."""
        return f"a whole number from {self.low} to {self.high}"

    def at(self, position: float) -> int:
        """Return the whole number nearest to a position."""
        return round(self.low + (self.high - self.low) * position)

    def position(self, value: Value) -> float:
        """Return where a number lies in the range."""
        return (int(value or 0) - self.low) / (self.high - self.low)

    @property
    def grain(self) -> float:
        """Share of the range between neighbouring numbers."""
        return 1 / (self.high - self.low)

    def text(self, value: Value) -> str:
        """Return the word for a number that has one, else the number in its format."""
        number = int(value or 0)
        return self.words.get(number) or self.shown.format(number)

    def parse(self, text: str) -> int:
        """Return the whole number, or the word's number."""
        by_word = {word.casefold(): number for number, word in self.words.items()}
        try:
            number = by_word.get(text.strip().casefold())
            value = _number_in(text) if number is None else float(number)
        except ValueError:
            value = math.nan
        if not value.is_integer() or not self.allows(int(value)):
            raise RenderError(f"{self.label} {text.strip()!r} is not {self.allowed}")
        return int(value)


class Toggle(Parameter, frozen=True, kw_only=True):
    """Something that is on or off."""

    on: str = "on"
    """Text while it is on."""
    off: str = "off"

    def allows(self, value: object) -> bool:
        """Return whether a value is True or False."""
        return isinstance(value, bool)

    @property
    def allowed(self) -> str:
        """The two values in words."""
        return "on or off"

    def at(self, position: float) -> bool:
        """Return True in the upper half: controller values from 64 on."""
        return position > 0.5

    def position(self, value: Value) -> float:
        """Return 1 for on, 0 for off."""
        return float(bool(value))

    def text(self, value: Value) -> str:
        """Return the text of on or off."""
        return self.on if value else self.off

    def parse(self, text: str) -> bool:
        """Return what a word means: on, off, yes, no, true, false, 1, 0."""
        word = text.strip().casefold()
        if word in ("on", "yes", "true", "1", self.on.casefold()):
            return True
        if word in ("off", "no", "false", "0", self.off.casefold()):
            return False
        raise RenderError(f"{self.label} {text.strip()!r} is not {self.allowed}")


class Choice(Parameter, frozen=True, kw_only=True):
    """One of a few named values."""

    values: tuple[str | float | None, ...] = ()
    """In the order shown; taken from the field's `Literal` where it is left out."""
    words: Mapping[str | float | None, str] = {}
    """Texts of the values; a value without one is its own text."""
    keys: Mapping[str | float | None, str] = {}
    """Keys that choose a value at once."""
    helps: Mapping[str | float | None, str] = {}
    """What each value does, where one sentence for all does not say it."""

    def allows(self, value: object) -> bool:
        """Return whether a value is one of them."""
        return not isinstance(value, bool) and value in self.values

    @property
    def allowed(self) -> str:
        """The values in words."""
        return f"one of {', '.join(self.word(value) for value in self.values)}"

    def word(self, value: str | float | None) -> str:
        """Return the word a value has on the command line and in files."""
        return ANY if value is None else f"{value:g}" if isinstance(value, float) else value

    def at(self, position: float) -> str | float | None:
        """Return the value whose equal share of the range a position lies in."""
        return self.values[min(int(position * len(self.values)), len(self.values) - 1)]

    def position(self, value: Value) -> float:
        """Return the value's place: 0 for the first, 1 for the last."""
        return self.values.index(value) / max(len(self.values) - 1, 1)

    def text(self, value: Value) -> str:
        """Return the text of a value."""
        return self.words.get(value) or self.word(value)

    def parse(self, text: str) -> str | float | None:
        """Return the value whose word or text was typed, whatever its case."""
        typed = text.strip().casefold()
        for value in self.values:
            if typed in (self.word(value).casefold(), self.text(value).casefold()):
                return value
        raise RenderError(f"{self.label} {text.strip()!r} is not {self.allowed}")


class Text(Parameter, frozen=True, kw_only=True):
    """Something that is typed; empty for nothing. No controller moves it."""

    example: str = ""
    """A text that is understood, shown where nothing is typed."""
    empty: str = "none"
    """Word shown where nothing is typed."""
    reader: Callable[[str], object] = str
    """What understands it; ValueError with one line where it does not."""

    def allows(self, value: object) -> bool:
        """Return whether a value is a text that is understood, or empty."""
        return isinstance(value, str) and (not value.strip() or not self._refusal(value))

    @property
    def grain(self) -> float:
        """Distance of neighbouring values, as a share of the range; 0 where they lie anywhere."""
        return 0.0

    def check(self, value: Any) -> Any:
        """Return a text if it is understood; RenderError with the reader's reason where it is not."""
        if isinstance(value, str) and value.strip() and (refusal := self._refusal(value)):
            raise RenderError(refusal)
        return Parameter.check(self, value)

    def _refusal(self, text: str) -> str:
        try:
            self.reader(text)
        except ValueError as error:
            return str(error)
        return ""

    @property
    def allowed(self) -> str:
        """What may be typed."""
        return f"a text such as {self.example}" if self.example else "a text"

    def at(self, position: float) -> Value:
        """Return the default: no position means a text."""
        return self.default

    def position(self, value: Value) -> float:
        """Return 0: a text has no place in a range."""
        return 0.0

    def text(self, value: Value) -> str:
        """Return the text itself, or the word for none."""
        return str(value or self.empty)

    def parse(self, text: str) -> str:
        """Return the text without spaces around it; RenderError with the reader's reason."""
        typed = "" if text.strip().casefold() == self.empty.casefold() else text.strip()
        if typed and (refusal := self._refusal(typed)):
            raise RenderError(refusal)
        return typed


class Action(msgspec.Struct, frozen=True):
    """Something the player can ask for once: a verb of the instrument."""

    id: str
    """Name, with the thing it acts on after a dot where there are several, as `store.A`."""
    label: str
    """Name shown to the player; unique."""
    help: str
    key: str = ""
    """Key that does it; unique, or empty for none."""
    group: str = "Take"
    asks: str = ""
    """What must be answered first, as "a file name"; such an action is done by a page, not by `do`."""

    @property
    def no_option(self) -> str:
        """Why there is no command-line option."""
        return "done while playing: by key, click or MIDI"


def check_of(parameters: Mapping[str, Parameter]) -> Callable[[object], None]:
    """Return a function that checks what an object holds for each parameter, as `Parameter.check` does.

    What stands at its default is passed over: takes have controls of their own each, and almost all of those
    stand there.
    """
    held = attrgetter(*parameters)
    defaults = [parameter.default for parameter in parameters.values()]

    def check(values: object) -> None:
        for parameter, value, default in zip(parameters.values(), held(values), defaults, strict=True):
            if value is not default:
                parameter.check(value)

    return check


def declared(kind: type[msgspec.Struct]) -> dict[str, Parameter]:
    """Return the parameters declared on a struct and on the structs it holds, by id.

    Raises:
        TypeError: two fields share a name.
    """
    found: dict[str, Parameter] = {}
    for name, parameter in _declarations(kind):
        if name in found:
            raise TypeError(f"two parameters are called {name}")
        found[name] = parameter
    return found


def _declarations(kind: type[msgspec.Struct]) -> Iterator[tuple[str, Parameter]]:
    hints = get_type_hints(kind, include_extras=True)
    for each in msgspec.structs.fields(kind):
        hint = hints[each.name]
        if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
            yield from _declarations(hint)
        elif get_origin(hint) is Annotated:
            base, *extras = get_args(hint)
            for extra in extras:
                if isinstance(extra, Parameter):
                    yield each.name, _completed(extra, each.name, each.default, get_args(base))


def _completed(parameter: Parameter, name: str, default: Any, literals: tuple[Any, ...]) -> Parameter:
    """Return a parameter with what its field says."""
    named = replace(parameter, id=name, default=default)
    if isinstance(named, Choice) and not named.values:
        return replace(named, values=literals)
    return named
