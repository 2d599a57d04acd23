"""Metres of corpora: which time signatures count as one, and the grid their bars have."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

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
    """16ths if not said otherwise; its beats are quarter notes, whatever beat the metre is felt in."""


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


def metres_among(signatures: Collection[str]) -> list[Metre]:
    """Return the metres that a corpus can have, of which one or more time signatures (`2/2`) are."""
    return [
        metre
        for metre in METRES.values()
        if any(f"{count}/{unit}" in signatures for count, unit in metre.signatures)
    ]


DIVISIONS = (2, 3, 4, 6, 8, 12)
"""Steps a beat may have: eighths, triplets, 16ths, their triplets, 32nds, and what holds both."""
DIVISION_MARK = ":"


def divided(name: str, steps_per_beat: int) -> str:
    """Return the name of a metre on another grid: `4/4` with 8 steps a beat is `4/4:8`."""
    usual = SIXTEENTHS.steps_per_beat
    return name if steps_per_beat == usual else f"{name}{DIVISION_MARK}{steps_per_beat}"


def metre_named(name: str) -> Metre:
    """Return a metre by its name, on the grid behind a colon if it is not 16ths.

    Raises:
        CorpusError: the name or the grid is unknown.
    """
    signature, _, division = name.partition(DIVISION_MARK)
    if signature not in METRES:
        raise CorpusError(f"metre '{name}': unknown; choose one of {', '.join(METRES)}")
    metre = METRES[signature]
    if not division:
        return metre
    if division not in map(str, DIVISIONS):
        raise CorpusError(f"division {division}: a beat has {', '.join(map(str, DIVISIONS))} steps")
    return replace(metre, name=name, grid=Grid(int(division), metre.grid.beats_per_bar))
