"""The pad: how much each of the slots at the four corners of a square counts at a place inside it."""

from collections.abc import Collection

from engine.inference.controls import STORED

CORNERS: dict[str, tuple[float, float]] = {"A": (0.0, 0.0), "B": (1.0, 0.0), "C": (0.0, 1.0), "D": (1.0, 1.0)}
"""Place of each slot: to the right and down, 0 to 1."""
INSIDE = 1e-6
"""How far inside the square a place is taken to be whose own corners are all empty."""


def pad_weights(x: float, y: float, filled: Collection[str]) -> dict[str, float]:
    """Return the share of each filled slot at a place: bilinear, what empty corners had shared out.

    Args:
        x: to the right, 0 to 1.
        y: down, 0 to 1.
        filled: names of the slots that hold something; others than A to D do not count.

    Returns:
        Shares that sum to 1, in the order of the slots; at the corner of a filled slot just 1 for it. Empty
        where none is filled.
    """
    named = [name for name in STORED if name in filled]
    if not named:
        return {}
    shares = _bilinear(x, y, named)
    if not any(shares.values()):
        across, down = (min(max(place, INSIDE), 1 - INSIDE) for place in (x, y))
        shares = _bilinear(across, down, named)
    total = sum(shares.values())
    return {name: share / total for name, share in shares.items()}


def _bilinear(x: float, y: float, names: Collection[str]) -> dict[str, float]:
    return {name: (x if CORNERS[name][0] else 1 - x) * (y if CORNERS[name][1] else 1 - y) for name in names}
