"""Finding a port by the name a person gives: the whole name, or a part of it that fits only one."""

from collections.abc import Sequence

from engine.errors import PortError


class UnknownPortError(PortError):
    """The system answers, but a port that was named is not there."""


def match_port(wanted: str, names: Sequence[str]) -> str:
    """Return the one port of `names` that `wanted` means.

    The whole name wins; else the one name that contains `wanted`, capitals or not.

    Raises:
        UnknownPortError: No port fits, or several do; the message lists them.
    """
    if wanted in names:
        return wanted
    fitting = [name for name in names if wanted.casefold() in name.casefold()]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise UnknownPortError(f'Port "{wanted}" could be any of {_listed(fitting)}; write more of its name')
    there = f"there are {_listed(names)}" if names else "there is none at all"
    raise UnknownPortError(f'Port "{wanted}" was not found; {there}; `antiphon ports` lists them')


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)
