"""Which models are installed, and where: with the program, in the user's own folder, or at any path."""

from dataclasses import dataclass
from pathlib import Path

import msgspec

from engine.errors import BundleError
from engine.inference.bundle.archive import read_archive
from engine.inference.bundle.manifest import LARGEST_MANIFEST_BYTES, LONGEST_TEXT, MANIFEST
from engine.inference.bundle.places import SHIPPED, user_folder
from engine.inference.controls import Mode
from engine.modes.catalogue import modes_of
from engine.text import printable

OWN = " (own)"
"""Appended to the name of a user's bundle that one of the program's bears already."""


def installed(*folders: Path) -> dict[str, Path]:
    """Return the bundles by name: those that came with the program, then the user's own.

    Args:
        folders: places to look into instead of these two.
    """
    found: dict[str, Path] = {}
    for folder in folders or (SHIPPED, user_folder()):
        for name, path in _bundles_in(folder).items():
            found[name + OWN if name in found else name] = path
    return found


def _bundles_in(folder: Path) -> dict[str, Path]:
    """Return the bundles in a folder by name; a folder of its own or a .zip each."""
    try:
        zipped = {path.stem: path for path in sorted(folder.glob("*.zip"))}
        found = {path.parent.name: path.parent for path in sorted(folder.glob("*/bundle.json"))}
    except OSError:  # not there, or not ours to look into
        return {}
    return {**zipped, **found}


def find_bundle(name: str, *folders: Path) -> Path:
    """Return where a bundle is: by its name among the installed ones, or by path.

    Raises:
        BundleError: there is none of that name; the message lists those that are there.
    """
    known = installed(*folders)
    if name in known:
        return known[name]
    path = Path(name).expanduser()
    if path.exists():
        return path
    names = ", ".join(known) or "none"
    raise BundleError(f'model "{name}" is not installed; installed: {names}. Give one of these or a path')


@dataclass(frozen=True, slots=True)
class BundleCard:
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


def card_of(name: str, path: Path) -> BundleCard:
    """Return the card of a bundle; one that cannot be read carries the reason as its fault."""
    try:
        head = msgspec.json.decode(_manifest_bytes(path), type=_Head)
        plays = msgspec.json.decode(head.representation["name"], type=str)
    except (BundleError, KeyError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return BundleCard(name, name, fault=f"{name} cannot be read: {error}")
    title = printable(head.title)[:LONGEST_TEXT]
    modes = modes_of(head.task, bytes(head.sentence) != b"null")
    return BundleCard(name, title or name, modes, head.bars, plays)


def _manifest_bytes(path: Path) -> bytes:
    return read_archive(path, lambda archive: archive.read(MANIFEST, LARGEST_MANIFEST_BYTES))
