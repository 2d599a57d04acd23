"""Which models are installed, and where: bundles inside the engine package, or any path."""

from pathlib import Path

import msgspec

import engine
from engine.errors import BundleError

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


class _Task(msgspec.Struct):
    task: str = "autoencode"


def task_of(bundle: Path) -> str:
    """Return the task a bundle's manifest names, without checking anything else; empty if it has none."""
    try:
        return msgspec.json.decode((bundle / "bundle.json").read_bytes(), type=_Task).task
    except (OSError, msgspec.MsgspecError):
        return ""
