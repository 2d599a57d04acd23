"""The files of a bundle as bytes by name, for tools that change them."""

import hashlib
import io
import json
import zipfile
from pathlib import Path

Files = dict[str, bytes]
"""Contents by file name."""


def read_files(folder: Path) -> Files:
    """Return the files of a bundle folder but the weights, which the engine does not look into."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix != ".safetensors"}


def with_hashes(files: Files) -> Files:
    """Put sizes and hashes right, so that the checks after them are reached."""
    manifest = json.loads(files["bundle.json"])
    manifest["files"] = {
        name: {"sha256": hashlib.sha256(data).hexdigest(), "size_bytes": len(data)}
        for name, data in files.items()
        if name != "bundle.json"
    }
    return {**files, "bundle.json": json.dumps(manifest).encode()}


def write_folder(folder: Path, files: Files) -> Path:
    """Write a bundle folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


def zipped(files: Files) -> bytes:
    """Return a bundle as a .zip."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()
