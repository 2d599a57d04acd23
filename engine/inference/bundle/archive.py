"""Reads the files of a bundle from a folder or a .zip, trusting neither.

Only plain names at the top level exist: no folder, no link, no `..`. A .zip may hold everything
inside one folder, as file managers make them. Nothing is ever unpacked to disk.
"""

import stat
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TypeVar

from engine.errors import BundleError

LARGEST_FILE_BYTES = 1 << 30
LARGEST_TOTAL_BYTES = 2 << 30
LARGEST_RATIO = 100
"""Unpacked over packed size; weights hardly pack at all."""
_ENCRYPTED = 0x1

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Archive:
    """The files of one bundle by name; use it inside `open_archive`'s lifetime only."""

    where: str
    """Path, for messages."""
    sizes: dict[str, int]
    """Bytes of every file."""
    _open: Callable[[str], IO[bytes]]

    def read(self, name: str, most_bytes: int = LARGEST_FILE_BYTES) -> bytes:
        """Return a whole file.

        Raises:
            BundleError: it is missing, larger than `most_bytes`, or cannot be read.
        """
        if name not in self.sizes:
            raise BundleError(f"{self.where}: {name} is missing; get the bundle again or export it again")
        if self.sizes[name] > most_bytes:
            raise BundleError(f"{self.where}: {name} has {self.sizes[name]} bytes, at most {most_bytes} fit")
        try:
            with self._open(name) as file:
                data = file.read(most_bytes + 1)
        except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
            raise BundleError(f"{self.where}: {name} cannot be read ({error})") from error
        except Exception as error:  # zlib and lzma raise types of their own
            raise BundleError(f"{self.where}: {name} is damaged ({error})") from error
        if len(data) != self.sizes[name]:
            raise BundleError(f"{self.where}: {name} is not as long as it claims to be")
        return data


def read_archive(path: Path, use: Callable[[Archive], T]) -> T:
    """Open the bundle at `path`, hand it to `use`, close it, and return what `use` returned."""
    if path.is_dir():
        return use(_folder(path))
    if not path.exists():
        raise BundleError(f"{path}: no such bundle; give the folder that holds bundle.json, or a .zip of it")
    try:
        with zipfile.ZipFile(path) as file:
            return use(_zipped(path, file))
    except (OSError, zipfile.BadZipFile) as error:
        raise BundleError(f"{path}: is neither a folder nor a readable .zip ({error})") from error


def _folder(path: Path) -> Archive:
    sizes = {}
    try:
        for file in path.iterdir():
            if file.is_file() and not file.is_symlink():
                sizes[file.name] = file.stat().st_size
    except OSError as error:
        raise BundleError(f"{path}: cannot be read ({error})") from error
    return Archive(str(path), sizes, lambda name: (path / name).open("rb"))


def _zipped(path: Path, file: zipfile.ZipFile) -> Archive:
    members = [member for member in file.infolist() if not member.is_dir() and not _litter(member)]
    prefix = _common_folder(members)
    found: dict[str, zipfile.ZipInfo] = {}
    for member in members:
        _check_member(path, member, member.filename.removeprefix(prefix))
        if member.filename.removeprefix(prefix) in found:
            raise BundleError(f"{path}: holds {member.filename!r} twice")
        found[member.filename.removeprefix(prefix)] = member
    if sum(member.file_size for member in members) > LARGEST_TOTAL_BYTES:
        raise BundleError(f"{path}: would unpack to more than {LARGEST_TOTAL_BYTES} bytes")
    sizes = {name: member.file_size for name, member in found.items()}
    return Archive(str(path), sizes, lambda name: file.open(found[name]))


def _litter(member: zipfile.ZipInfo) -> bool:
    """Tell what the file managers of macOS and Windows add on their own."""
    parts = member.filename.split("/")
    return parts[0] == "__MACOSX" or parts[-1] in (".DS_Store", "Thumbs.db", "desktop.ini")


def _common_folder(members: list[zipfile.ZipInfo]) -> str:
    heads = {member.filename.partition("/")[0] for member in members if "/" in member.filename}
    alone = len(heads) == 1 and all("/" in member.filename for member in members)
    return f"{heads.pop()}/" if alone else ""


def _check_member(path: Path, member: zipfile.ZipInfo, name: str) -> None:
    if not name or name in (".", "..") or member.filename.startswith("..") or set("/\\:\0") & set(name):
        raise BundleError(f"{path}: refuses the file name {member.filename!r}; a bundle is one flat folder")
    if stat.S_ISLNK(member.external_attr >> 16):
        raise BundleError(f"{path}: {member.filename!r} is a link; a bundle holds plain files")
    if member.flag_bits & _ENCRYPTED:
        raise BundleError(f"{path}: {member.filename!r} is encrypted; unpack it and give the folder")
    if member.file_size > LARGEST_RATIO * max(member.compress_size, 1):
        raise BundleError(f"{path}: {member.filename!r} unpacks to more than {LARGEST_RATIO} times its size")
