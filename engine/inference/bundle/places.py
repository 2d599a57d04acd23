"""Where bundles are installed: those that came with the program, and those of the user."""

from pathlib import Path

import platformdirs

import engine

SHIPPED = Path(engine.__file__).resolve().parent / "bundles"


def user_folder() -> Path:
    """Return the folder of the user's own bundles, a folder or a .zip each; it may not be there yet."""
    return Path(platformdirs.user_data_dir("antiphon", appauthor=False)) / "models"


def is_shipped(path: Path) -> bool:
    """Return whether a bundle came with the program."""
    return path.resolve().is_relative_to(SHIPPED)
