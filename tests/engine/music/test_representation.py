"""The table of representations and what a bundle relies on."""

import pytest

from engine.music.grid import Grid
from engine.music.representation import REPRESENTATIONS, representation


@pytest.mark.parametrize(
    ("name", "streams", "width"),
    [
        ("melody", (90,), 90),
        ("drums", (512,), 512),
        ("groove", (), 9),
        ("trio", (90, 90, 512), 692),
        ("pianoroll", (), 88),
    ],
)
def test_shapes_by_name(name: str, streams: tuple[int, ...], width: int) -> None:
    made = representation(name, 2)
    assert (made.name, made.bars, made.grid, made.steps) == (name, 2, Grid(), 32)
    assert (made.streams, made.width) == (streams, width)


@pytest.mark.parametrize("name", sorted(REPRESENTATIONS))
def test_the_hash_follows_everything_that_changes_the_tensors(name: str) -> None:
    same = representation(name, 2).hash
    assert same == representation(name, 2).hash
    assert len(same) == 64
    others = [representation(name, 4), representation(name, 2, Grid(steps_per_beat=6))]
    others += [representation(other, 2) for other in REPRESENTATIONS if other != name]
    assert same not in {other.hash for other in others}


def test_an_unknown_name_and_no_bars_are_refused() -> None:
    with pytest.raises(ValueError, match=r"'melodie': unknown; choose one of .*melody"):
        representation("melodie", 2)
    with pytest.raises(ValueError, match="0 bars"):
        representation("melody", 0)
