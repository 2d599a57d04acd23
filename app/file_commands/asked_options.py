"""The options that say what to take of a MIDI file, declared once for every command that reads one."""

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer

from app.file_commands.sources import Asked
from engine.inference.controls import LONGEST_BARS

ASKED = "asked"
"""Argument under which a command gets what is asked of its file."""
Track = Annotated[
    str | None,
    typer.Option(
        help="Track to take, by number or name; a trio takes several: melody=2,bass=3,drums=10. Left out, "
        "the likeliest for the model: melody, drums, all three of a trio, all that a piano could play."
    ),
]
Bar = Annotated[
    int | None,
    typer.Option("--bar", min=1, help="First bar to take, from 1; left out, the first that are full."),
]
Length = Annotated[
    int | None,
    typer.Option(
        "--length",
        min=1,
        max=LONGEST_BARS,
        help="How many bars to take; left out, as many as the model hears. Longer music is answered window "
        "by window, with one seed, so that what comes back in it comes back in the answer.",
    ),
]
Kit = Annotated[
    str | None,
    typer.Option(
        help="Drum kit the file is read by: gm, gs, xg, roland, ezdrummer, superior, addictive, or a drum "
        "map of your own, a .toml file; left out, the likeliest."
    ),
]
KeepPedal = Annotated[
    bool,
    typer.Option(
        "--keep-pedal",
        help="Leave notes as their keys were held and write the pedals; else these lengthen them.",
    ),
]
Controllers = Annotated[
    bool,
    typer.Option(
        "--controllers/--no-controllers", help="Write the controllers, pressure and bend of the source too."
    ),
]
OPTIONS: Mapping[str, Any] = {
    "track": Track,
    "first_bar": Bar,
    "length": Length,
    "kit": Kit,
    "keep_pedal": KeepPedal,
    "controllers": Controllers,
}
"""By the fields of `Asked`."""


def with_asked(*without: str, **usual: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return a decorator that gives a command an option for each field of `Asked`.

    Args:
        without: fields that the command has no option for.
        usual: values by field where nothing else is given; left out, those of `Asked`.

    Returns:
        A decorator for a function with an argument `asked`.
    """
    defaults = Asked(**usual)

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        signature = inspect.signature(function)
        own = [each for each in signature.parameters.values() if each.name != ASKED]
        options = [
            inspect.Parameter(
                name, inspect.Parameter.KEYWORD_ONLY, default=getattr(defaults, name), annotation=option
            )
            for name, option in OPTIONS.items()
            if name not in without
        ]

        @functools.wraps(function)
        def command(**values: Any) -> Any:
            taken = {each.name: values.pop(each.name) for each in options}
            return function(**values, asked=Asked(**taken))

        command.__signature__ = signature.replace(parameters=[*own, *options])  # type: ignore[attr-defined]
        command.__annotations__ = {each.name: each.annotation for each in (*own, *options)}
        return command

    return decorate
