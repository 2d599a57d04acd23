"""Metres of corpora: which time signatures count as one, and the grid their bars have."""

from collections.abc import Mapping
from dataclasses import dataclass

from engine.music.grid import SIXTEENTHS, Grid
from training.errors import CorpusError


@dataclass(frozen=True, slots=True)
class Metre:
    """Bars of one length that feel alike."""

    name: str
    """As it is written, such as `6/8`."""
    signatures: frozenset[tuple[int, int]]
    """Time signatures that are read as this metre."""
    grid: Grid
    """16ths; its beats are quarter notes, whatever beat the metre is felt in."""


FOUR_FOUR = Metre("4/4", frozenset({(4, 4), (2, 2)}), SIXTEENTHS)
METRES: Mapping[str, Metre] = {
    metre.name: metre
    for metre in (
        FOUR_FOUR,
        Metre("3/4", frozenset({(3, 4)}), Grid(4, 3)),
        Metre("6/8", frozenset({(6, 8)}), Grid(4, 3)),
        Metre("2/4", frozenset({(2, 4)}), Grid(4, 2)),
    )
}


def metre_named(name: str) -> Metre:
    """Return a metre.

    Raises:
        CorpusError: the name is unknown.
    """
    if name not in METRES:
        raise CorpusError(f"metre '{name}': unknown; choose one of {', '.join(METRES)}")
    return METRES[name]
