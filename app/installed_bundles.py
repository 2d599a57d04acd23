"""Which models are installed, and where: bundles inside the engine package, or any path."""

from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile, ZipFile

import msgspec

import engine
from engine.errors import BundleError
from engine.inference.controls import Mode
from engine.modes.catalogue import modes_of

DEFAULT_MODEL = "melody_2bar"


def bundle_folder() -> Path:
    """Return the folder of the shipped bundles."""
    return Path(engine.__file__).parent / "bundles"


def installed(folder: Path | None = None) -> dict[str, Path]:
    """Return the bundles in a folder by name; a folder of its own or a .zip each."""
    place = folder or bundle_folder()
    if not place.is_dir():
        return {}
    found = {path.parent.name: path.parent for path in sorted(place.glob("*/bundle.json"))}
    zipped = {path.stem: path for path in sorted(place.glob("*.zip"))}
    return {**zipped, **found}


def find_bundle(name: str, folder: Path | None = None) -> Path:
    """Return where a bundle is: by its name among the installed ones, or by path.

    Raises:
        BundleError: there is none of that name; the message lists those that are there.
    """
    known = installed(folder)
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
    representation: dict[str, msgspec.Raw] = {}


def card_of(name: str, path: Path) -> BundleCard:
    """Return the card of a bundle; one that cannot be read carries the reason as its fault."""
    try:
        head = msgspec.json.decode(_manifest_bytes(path), type=_Head)
        plays = msgspec.json.decode(head.representation["name"], type=str)
    except (OSError, KeyError, BadZipFile, msgspec.MsgspecError) as error:
        return BundleCard(name, name, fault=f"{name} cannot be read: {error}")
    return BundleCard(name, head.title or name, modes_of(head.task), head.bars, plays)


def task_of(bundle: Path) -> str:
    """Return the task a bundle's manifest names, without checking anything else; empty if it has none."""
    try:
        return msgspec.json.decode(_manifest_bytes(bundle), type=_Head).task
    except (OSError, KeyError, BadZipFile, msgspec.MsgspecError):
        return ""


def _manifest_bytes(path: Path) -> bytes:
    if path.is_dir():
        return (path / "bundle.json").read_bytes()
    with ZipFile(path) as archive:
        return archive.read("bundle.json")
