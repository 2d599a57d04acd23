"""What bundles say of themselves, read without loading them."""

from collections.abc import Iterable
from pathlib import Path

import msgspec

from engine.errors import BundleError
from engine.inference.bundle.archive import read_archive
from engine.inference.bundle.manifest import LARGEST_MANIFEST_BYTES, LONGEST_TEXT, MANIFEST
from engine.inference.controls import Mode
from engine.modes.catalogue import modes_of
from engine.text import printable

DRUMS = {"drums", "groove"}
"""Representations of what a drummer plays."""


class BundleCard(msgspec.Struct, frozen=True):
    """What a bundle says of itself, read without loading it."""

    name: str
    title: str
    modes: tuple[Mode, ...] = ()
    """Tools it can be asked for."""
    bars: int = 0
    """Length of a phrase."""
    plays: str = ""
    """Its representation: `melody`, `drums`, `groove`, `trio` or `pianoroll`."""
    fault: str = ""
    """Why it cannot be used; empty for one that can."""


class _Head(msgspec.Struct):
    """The part of bundle.json that a card shows."""

    title: str = ""
    task: str = ""
    bars: int = 0
    sentence: msgspec.Raw = msgspec.Raw(b"null")
    representation: dict[str, msgspec.Raw] = {}


def hearing_chords(cards: Iterable[BundleCard], mode: Mode) -> str:
    """Return the name of the first model that does a mode and hears chords; empty for none."""
    fitting = (card.name for card in cards if card.plays == "pianoroll" and mode in card.modes)
    return printable(next(fitting, ""))


def hearing_bars(cards: Iterable[BundleCard], mode: Mode, plays: str, bars: int) -> str:
    """Return the name of the shortest model that does a mode, plays such music and hears so many bars.

    It is empty where there is none. What plays drums plays grooves too.
    """
    alike = DRUMS if plays in DRUMS else {plays}
    fitting = [card for card in cards if card.plays in alike and mode in card.modes and card.bars >= bars]
    return printable(min(fitting, key=lambda card: card.bars).name) if fitting else ""


def card_of(name: str, path: Path) -> BundleCard:
    """Return the card of a bundle; one that cannot be read carries the reason as its fault."""
    try:
        manifest = read_archive(path, lambda archive: archive.read(MANIFEST, LARGEST_MANIFEST_BYTES))
        head = msgspec.json.decode(manifest, type=_Head)
        plays = msgspec.json.decode(head.representation["name"], type=str)
    except (BundleError, KeyError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return BundleCard(name, name, fault=f"{name} cannot be read: {error}")
    title = printable(head.title)[:LONGEST_TEXT]
    modes = modes_of(head.task, bytes(head.sentence) != b"null")
    return BundleCard(name, title or name, modes, head.bars, plays)
