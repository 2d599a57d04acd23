"""Reads the files of a bundle from a folder or a .zip, trusting neither.

Only plain names at the top level exist: no folder, no link, no `..`. A .zip may hold everything
inside one folder, as file managers make them. Nothing is ever unpacked to disk, and nothing is
unpacked at all before its size is known to be within the bounds.
"""

import hashlib
import stat
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, TypeVar

import msgspec

from engine.errors import BundleError
from engine.text import one_line

LARGEST_FILE_BYTES = 1 << 29
LARGEST_TOTAL_BYTES = 1 << 30
LARGEST_RATIO = 20
"""Unpacked over packed size of a file beyond `SMALL_BYTES`; weights hardly pack at all."""
SMALL_BYTES = 1 << 22
MOST_MEMBERS = 100
LARGEST_DIRECTORY_BYTES = 100 * MOST_MEMBERS * 4
"""Of a .zip's list of files: an entry has 46 bytes and its name."""
_END, _LARGE_END = b"PK\5\6", b"PK\6\7"
_LONGEST_END = 22 + (1 << 16)
"""Bytes from the end within which a .zip's last record begins."""
COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""What every system's own packer writes; others unpack a thousand times their size."""
_ENCRYPTED = 0x1
_CHUNK_BYTES = 1 << 20

T = TypeVar("T")


class Archive(msgspec.Struct, frozen=True):
    """The files of one bundle by name; use it inside `read_archive`'s lifetime only."""

    where: str
    """Path, for messages."""
    sizes: dict[str, int]
    """Bytes of every file, as the folder or the .zip says."""
    _open: Callable[[str], IO[bytes]]

    def read(self, name: str, most_bytes: int = LARGEST_FILE_BYTES) -> bytes:
        """Return a whole file.

        Raises:
            BundleError: it is missing, larger than `most_bytes`, or cannot be read.
        """
        return b"".join(self._chunks(name, most_bytes))

    def sha256(self, name: str, most_bytes: int = LARGEST_FILE_BYTES) -> str:
        """Return the hash of a file without keeping it in memory; errors as of `read`."""
        digest = hashlib.sha256()
        for chunk in self._chunks(name, most_bytes):
            digest.update(chunk)
        return digest.hexdigest()

    def _chunks(self, name: str, most_bytes: int) -> Iterator[bytes]:
        if name not in self.sizes:
            raise BundleError(f"{self.where}: {name} is missing; get the bundle again or export it again")
        if self.sizes[name] > most_bytes:
            raise BundleError(f"{self.where}: {name} has {self.sizes[name]} bytes, at most {most_bytes} fit")
        left = self.sizes[name]
        try:
            with self._open(name) as file:
                while chunk := file.read(min(_CHUNK_BYTES, left + 1)):
                    left -= len(chunk)
                    if left < 0:
                        break
                    yield chunk
        except OSError as error:
            raise BundleError(f"{self.where}: {name} cannot be read ({one_line(error)})") from error
        except Exception as error:  # zipfile, zlib and memory raise types of their own
            raise BundleError(f"{self.where}: {name} is damaged ({one_line(repr(error))})") from error
        if left:
            raise BundleError(f"{self.where}: {name} is not as long as it claims to be")


def read_archive(path: Path, use: Callable[[Archive], T]) -> T:
    """Open the bundle at `path`, hand it to `use`, close it, and return what `use` returned.

    Raises:
        BundleError: there is none, it is too large, or it can be read neither as a folder nor as a .zip.
    """
    try:
        if path.is_dir():
            return use(_folder(path))
        if not path.exists():
            raise BundleError(
                f"{path}: no such bundle; give the folder that holds bundle.json, or a .zip of it"
            )
        if not path.is_file():
            raise BundleError(f"{path}: is neither a folder nor a file; give a bundle's folder, or a .zip")
        if path.stat().st_size > LARGEST_TOTAL_BYTES:
            raise BundleError(f"{path}: is larger than {LARGEST_TOTAL_BYTES} bytes, so no bundle")
        _check_directory(path)
        file = zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile) as error:
        raise BundleError(f"{path}: is neither a folder nor a readable .zip ({one_line(error)})") from error
    except (ValueError, NotImplementedError, EOFError, MemoryError) as error:  # as zipfile lets them through
        raise BundleError(f"{path}: is not a readable .zip ({one_line(repr(error))})") from error
    with file:
        return use(_zipped(path, file))


def _check_directory(path: Path) -> None:
    """Refuse a .zip whose list of files would take long to read, or is of the kind for more than 4 GB."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _LONGEST_END))
        end = file.read(_LONGEST_END)
    at = end.rfind(_END)
    size_bytes = int.from_bytes(end[at + 12 : at + 16], "little")
    if at >= 0 and (end[at - 20 : at - 16] == _LARGE_END or size_bytes > LARGEST_DIRECTORY_BYTES):
        raise BundleError(f"{path}: holds more than {MOST_MEMBERS} files, so it is no bundle")


def _folder(path: Path) -> Archive:
    sizes = {}
    for file in path.iterdir():
        if file.is_file() and not file.is_symlink():
            sizes[file.name] = file.stat().st_size
    return Archive(str(path), sizes, lambda name: (path / name).open("rb"))


def _zipped(path: Path, file: zipfile.ZipFile) -> Archive:
    members = [member for member in file.infolist() if not member.is_dir() and not _litter(member)]
    if len(members) > MOST_MEMBERS:
        raise BundleError(f"{path}: holds more than {MOST_MEMBERS} files, so it is no bundle")
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
    """Return whether the file managers of macOS and Windows add a file of this name on their own."""
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
    if member.compress_type not in COMPRESSIONS:
        raise BundleError(
            f"{path}: {member.filename!r} is packed in a rare way; pack it again as a plain .zip"
        )
    if member.file_size > max(SMALL_BYTES, LARGEST_RATIO * member.compress_size):
        raise BundleError(f"{path}: {member.filename!r} unpacks to more than {LARGEST_RATIO} times its size")
