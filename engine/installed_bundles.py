"""Where bundles are: those that came with the program, those of the user, or at any path."""

from pathlib import Path

import platformdirs

import engine
from engine.errors import BundleError

SHIPPED = Path(engine.__file__).resolve().parent / "bundles"
OWN = " (own)"
"""Appended to the name of a user's bundle that one of the program's bears already."""


def user_folder() -> Path:
    """Return the folder of the user's own bundles, a folder or a .zip each; it may not be there yet."""
    return Path(platformdirs.user_data_dir("antiphon", appauthor=False)) / "models"


def is_shipped(path: Path) -> bool:
    """Return whether a bundle came with the program."""
    return path.resolve().is_relative_to(SHIPPED)


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
