"""Finding a port by the name a person gives: the whole name, or a part of it that fits only one."""

from collections.abc import Callable, Sequence

from engine.errors import PortError


class UnknownPortError(PortError):
    """The system answers, but a port that was named is not there."""


def match_port(wanted: str, names: Sequence[str], bare: Callable[[str], str] = str) -> str:
    """Return the one port of `names` that `wanted` means.

    The whole name wins; then the same name with another number behind it, which a system may give to a
    port when others come and go; else the one name that contains `wanted`, capitals or not.

    Args:
        wanted: What a person or an earlier listing says.
        names: The ports there are.
        bare: Takes the system's number off a name.

    Raises:
        UnknownPortError: No port fits, or several do; the message lists them.
    """
    if wanted in names:
        return wanted
    renumbered = [name for name in names if bare(name) == bare(wanted)]
    if len(renumbered) == 1:
        return renumbered[0]
    fitting = [name for name in names if wanted.casefold() in name.casefold()]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise UnknownPortError(f'Port "{wanted}" could be any of {_listed(fitting)}; write more of its name')
    there = f"there are {_listed(names)}" if names else "there is none at all"
    raise UnknownPortError(f'Port "{wanted}" was not found; {there}; `antiphon ports` lists them')


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)
