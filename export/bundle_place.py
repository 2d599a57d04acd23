"""A bundle's place on the disk: nothing is there until all of it is written and was loaded."""

import os
import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path

from engine.inference.bundle.manifest import MANIFEST, BundleManifest
from engine.inference.bundle.store import load_bundle, save_bundle
from engine.staging import staging_folder
from export.errors import ExportError


def check_place(output: Path) -> None:
    """Refuse a place where something else than a bundle is, or where nothing can be written.

    Raises:
        ExportError: it is taken, or closed.
    """
    if output.exists() and not (output.is_file() or output.is_dir()):
        # A device would be replaced.
        raise ExportError(f"{output}: is neither a folder nor a file; choose another place with -o")
    if output.is_file() and not zipfile.is_zipfile(output):
        raise ExportError(f"{output}: is a file and no bundle; choose another place with -o")
    if output.is_dir() and any(output.iterdir()) and not (output / MANIFEST).is_file():
        raise ExportError(f"{output}: is a folder with something else in it; choose another place with -o")
    above = next(folder for folder in output.absolute().parents if folder.exists())
    if not above.is_dir() or not os.access(above, os.W_OK):
        raise ExportError(f"{output}: {above} is no folder that can be written into; choose another -o")


def place(output: Path, manifest: BundleManifest, files: Mapping[str, bytes], zipped: bool) -> BundleManifest:
    """Write the bundle beside its place, load it as the engine would, and move it there.

    Raises:
        ExportError: it cannot be written.
        BundleError: the engine would not load it; nothing has changed then.
    """
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with staging_folder(output.parent) as folder:
            staged = folder / "bundle"
            manifest = save_bundle(staged, manifest, files)
            staged = pack(staged) if zipped else staged
            load_bundle(staged)
            remove(output)
            staged.replace(output)
    except OSError as error:
        raise ExportError(f"{output}: cannot be written ({error.strerror}); choose another -o") from error
    return manifest


def pack(folder: Path) -> Path:
    """Return a .zip of a bundle's folder; the same bytes for the same files."""
    packed = folder.with_suffix(".zip")
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.iterdir()):
            entry = zipfile.ZipInfo(file.name)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, file.read_bytes())
    return packed


def remove(path: Path) -> None:
    """Remove a bundle that is being replaced, if there is one."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
