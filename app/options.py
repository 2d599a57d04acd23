"""Command-line options out of the declarations of parameters, so that range and words are said once."""

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, NamedTuple

import typer

from engine.errors import RenderError
from engine.inference.controls import attribute_parameter
from engine.parameter import Choice, Number, Parameter, Toggle, Value, Whole

GIVEN = "given"
"""Argument under which a command gets the values that were given, by the parameters' ids."""
ATTRIBUTES = "attribute"
DEFAULT = "\\[default: {}]"
"""Of a help text. Rich takes an open bracket for the beginning of a style and swallows what follows."""


class Typed(NamedTuple):
    """A value that was typed, kept apart from one that was not given: a key can be None."""

    value: Value


def _parser(parameter: Parameter) -> Callable[[str], Typed]:
    """Return what understands a value typed for a parameter: 0.4, 40%, C3, any."""

    def parse(text: str) -> Typed:
        try:
            return Typed(parameter.parse(text))
        except RenderError as error:
            raise typer.BadParameter(str(error), param_hint=parameter.option) from None

    return parse


def _parse_attribute(text: str) -> tuple[str, Value]:
    """Return name and amount out of `NAME=AMOUNT`."""
    name, equals, amount = text.partition("=")
    if not name or not equals:
        raise typer.BadParameter(f"{text!r} is not NAME=AMOUNT, as in register=+1", param_hint="--attribute")
    try:
        return name, attribute_parameter(name).parse(amount)
    except RenderError as error:
        raise typer.BadParameter(str(error), param_hint="--attribute") from None


def metavar(parameter: Parameter) -> str:
    """Return what the help shows for a value: the range, or the words in short."""
    match parameter:
        case Number(low=low, high=high):
            return f"{low:g}..{high:g}"
        case Whole() if parameter.id.endswith("pitch"):
            return "NOTE"
        case Whole(low=low, high=high):
            return f"{low}..{high}"
        case Choice(values=values) if len(values) <= 6:
            return "|".join(parameter.word(value) for value in values)
    return parameter.label.upper().replace(" ", "_")


def option_of(parameter: Parameter, default: Value) -> inspect.Parameter:
    """Return the argument of a command that a parameter becomes; its value is None where it is not given.

    Args:
        parameter: what the option sets.
        default: what holds where it is not given, for the help.
    """
    names = parameter.option.split("/") if not isinstance(parameter, Toggle) else [parameter.option]
    shown = parameter.word(default) if isinstance(parameter, Choice) else parameter.text(default)
    info: dict[str, Any] = {
        "help": f"{_help(parameter)} {DEFAULT.format(shown)}",
        "rich_help_panel": parameter.group,
    }
    if isinstance(parameter, Toggle):
        kind: Any = bool
    else:
        kind = str
        info |= {"parser": _parser(parameter), "metavar": metavar(parameter)}
    annotation = Annotated[kind | None, typer.Option(*names, show_default=False, **info)]
    return inspect.Parameter(
        parameter.id, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation
    )


def _help(parameter: Parameter) -> str:
    if isinstance(parameter, Choice) and len(parameter.values) > 6:
        return f"{parameter.help} One of {', '.join(parameter.word(value) for value in parameter.values)}."
    return parameter.help


def _attributes_option() -> inspect.Parameter:
    annotation = Annotated[
        list[str] | None,
        typer.Option(
            "--attribute",
            parser=_parse_attribute,
            metavar="NAME=AMOUNT",
            rich_help_panel="Character",
            help="Push along a direction that the model has learned, -3 to 3 steps, as in register=+1; "
            "repeatable. `antiphon controls --model NAME` lists them; left out, none.",
        ),
    ]
    return inspect.Parameter(ATTRIBUTES, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def with_parameters(
    parameters: Iterable[Parameter], *, attributes: bool = False, defaults: Mapping[str, Value] | None = None
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return a decorator that gives a command an option for each parameter.

    Args:
        parameters: those without a reason for having none.
        attributes: whether the directions of a model can be given too.
        defaults: values by id that hold where nothing else is given, and are given to the command; the
            parameters' own are only shown in the help.

    Returns:
        A decorator for a function with an argument `given`: a dictionary of the values by parameter id.
    """
    chosen, usual = [each for each in parameters if not each.no_option], dict(defaults or {})

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        signature = inspect.signature(function)
        own = [each for each in signature.parameters.values() if each.name != GIVEN]
        options = [option_of(each, usual.get(each.id, each.default)) for each in chosen]
        if attributes:
            options.append(_attributes_option())

        @functools.wraps(function)
        def command(**values: Any) -> Any:
            given = dict(usual)
            for each in chosen:
                if (value := values.pop(each.id)) is not None:
                    given[each.id] = value.value if isinstance(value, Typed) else value
            for name, amount in values.pop(ATTRIBUTES, None) or ():
                given[f"attribute.{name}"] = amount
            return function(**values, given=given)

        command.__signature__ = signature.replace(parameters=[*own, *options])  # type: ignore[attr-defined]
        command.__annotations__ = {each.name: each.annotation for each in (*own, *options)}
        return command

    return decorate
