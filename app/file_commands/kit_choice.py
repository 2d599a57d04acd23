"""Which drum kit a file is read by: the one asked for, one written down by the user, or the likeliest."""

import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from engine.errors import MidiFileError, reason_of
from engine.given_places import bytes_at
from engine.music.kits import ALIASES, GM, KITS, DrumKit, drum_kit, kit_of_classes, recognised
from engine.text import one_line, printable

LARGEST_MAP_BYTES = 65536
SUFFIX = ".toml"


def kit_of_drums(asked: str | None, pitches: Iterable[int]) -> tuple[DrumKit, str]:
    """Return the kit of drums, and a clause that says why if it is not simply General MIDI.

    Args:
        asked: name of a kit or path of a drum map; None to recognise it.
        pitches: MIDI pitches of all the hits.

    Raises:
        MidiFileError: there is no such kit, or the file is no drum map.
    """
    if asked is None:
        kit = recognised(list(pitches))
        why = f"drums read as {kit.label} by what is played; --kit gm reads General MIDI"
        return kit, "" if kit is GM else why
    if asked in KITS or asked in ALIASES:
        kit = drum_kit(asked)
        return kit, f"drums read as {kit.label}, as asked"
    if asked.lower().endswith(SUFFIX):
        kit = read_drum_map(Path(asked))
        return kit, f"drums read by the map {kit.label}"
    names = ", ".join((*KITS, *ALIASES))
    raise MidiFileError(f"--kit {printable(asked)}: no such kit; choose one of {names}, or a {SUFFIX} file")


def read_drum_map(path: Path) -> DrumKit:
    """Read a drum map: TOML with a table `classes`, pitches by class name, and the name of a `base` kit.

    Raises:
        MidiFileError: it cannot be read, or says something else.
    """
    name = printable(path.name)
    try:
        data = bytes_at(path, LARGEST_MAP_BYTES)
        if len(data) > LARGEST_MAP_BYTES:
            raise MidiFileError(f"{name}: too large for a drum map; choose a {SUFFIX} file of some lines")
        content = tomllib.loads(data.decode("utf-8"))
    except OSError as error:
        raise MidiFileError(f"{name}: cannot be read ({reason_of(error)}); check the path") from None
    except (ValueError, RecursionError) as error:  # TOMLDecodeError, UnicodeDecodeError, a thousand brackets
        raise MidiFileError(f"{name}: no drum map ({one_line(error)}); see docs/DRUMS.md for one") from None
    return _kit_of_content(name, content)


def _kit_of_content(name: str, content: dict[str, Any]) -> DrumKit:
    classes, base = content.get("classes", {}), content.get("base", "gm")
    unknown = sorted(content.keys() - {"classes", "base"})
    if unknown or not isinstance(classes, dict) or not isinstance(base, str):
        what = f"{unknown[0]!r} is unknown" if unknown else "base is a kit's name and [classes] a table"
        raise MidiFileError(f"{name}: no drum map ({what}); see docs/DRUMS.md for one")
    for key, pitches in classes.items():
        if not isinstance(pitches, list):
            raise MidiFileError(f"{name}: {key!r} is no list of pitches; write it as [36, 35]")
    try:
        return kit_of_classes(name, classes, None if base == "none" else base)
    except ValueError as error:
        raise MidiFileError(f"{name}: {error}") from None
