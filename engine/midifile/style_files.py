"""A style out of MIDI files: the melodies of files, or of every file of folders."""

import math
import os
from bisect import bisect_left
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

from engine.errors import AntiphonError, MidiFileError
from engine.midifile.read import read_midi
from engine.midifile.song import Song
from engine.midifile.track_choice import choose_melody
from engine.music.grid import EARLY_BEATS
from engine.music.key import Key
from engine.music.key_finding import key_of
from engine.music.metre import Metre
from engine.music.notes import Phrase
from engine.music.style import FEWEST_NOTES, Style, style_of
from engine.text import counted, printable

SUFFIXES = (".mid", ".midi")
MOST_FILES = 500
"""Files that are read, spread evenly over those there are; more would take longer than some seconds."""
MOST_BARS = 6000
"""Bars after which no more files are read; what is typical of music is known long before."""
MOST_FOLDERS = 20_000
"""Folders that are looked into; there are more where somebody names the root of a disk."""
WINDOW_BARS = 8
"""The key is found anew so often."""
MOST_WINDOWS = 64
"""Of one file, spread evenly over it; symphonies have as many."""

Thing = TypeVar("Thing")
Progress = Callable[[int, int], None]
"""Takes how many files have been read, and of how many."""


class FilesRead(NamedTuple):
    """A style, and what became of the files that it was to be learned from."""

    style: Style
    files: int
    """How many were used."""
    ignored: tuple[str, ...] = ()
    """Why each of the others could not be, a line each that begins with its name."""
    left_out: int = 0
    """Files that were not looked at, since there are so many."""

    @property
    def line(self) -> str:
        """How much was learned, and what was not used and why."""
        lost = len(self.ignored)
        reason = f"; {counted(lost, 'file')} ignored, the first: {self.ignored[0]}" if lost else ""
        beyond = f"; {self.left_out} more are left out" if self.left_out else ""
        return f"{counted(self.style.bars, 'bar')} of {counted(self.files, 'file')}{beyond}{reason}"


def style_of_files(paths: Sequence[Path], progress: Progress) -> Generator[None, None, FilesRead]:
    """Return the style of the melodies in MIDI files and in those of folders; yield after every file.

    Raises:
        AntiphonError: there is none that can be used; one line says why.
    """
    found, ignored = midi_files(paths)
    name = name_of(paths)
    if not found:
        why = ignored[0] if ignored else f"{name}: holds no MIDI file"
        raise AntiphonError(f"{why}; choose another folder")
    kept = _spread(found, MOST_FILES)
    heard, bars, looked = dict[int, list[tuple[Phrase, Key | None]]](), 0, 0
    for place in _scattered(len(kept)):
        if bars >= MOST_BARS:
            break
        progress(looked, len(kept))
        yield
        looked += 1
        try:
            heard[place] = list(phrases_of(read_midi(kept[place])))
        except MidiFileError as error:
            ignored.append(str(error))
        else:
            bars += sum(phrase.bars for phrase, _ in heard[place])
    used = sum(map(bool, heard.values()))
    style = style_of((each for place in sorted(heard) for each in heard[place]), name)
    if style.notes < FEWEST_NOTES:
        reason = ignored[0] if ignored else f"{counted(style.notes, 'note')} of melody in it"
        raise AntiphonError(f"{name}: no style can be learned ({reason})")
    return FilesRead(style, used, tuple(ignored), len(found) - looked)


def read_style(path: Path, say: Callable[[str], None]) -> Style:
    """Return the style of a MIDI file or a folder, and say how much was read.

    Raises:
        AntiphonError: there is nothing that can be used.
    """
    reading = style_of_files([path], lambda done, of: None)
    while True:
        try:
            next(reading)
        except StopIteration as end:
            read: FilesRead = end.value
            say(f"style {read.style.name}: {read.line}")
            return read.style


def midi_files(paths: Sequence[Path]) -> tuple[list[Path], list[str]]:
    """Return the MIDI files among paths and in folders below them, each once, and what could not be read.

    What is named itself is taken whatever it is called; hidden files of folders are not.
    """
    found, refused = dict[str, Path](), list[str]()
    for path in paths:
        inside = _in_folder(path, refused) if path.is_dir() else [path]
        for file in inside:
            found.setdefault(os.path.realpath(file), file)
    return list(found.values()), refused


def _in_folder(folder: Path, refused: list[str]) -> Iterator[Path]:
    """Yield the MIDI files in a folder and those below it, by name; folders behind links too, each once."""

    def refuse(error: OSError) -> None:
        refused.append(f"{printable(str(error.filename))}: cannot be read ({error.strerror})")

    seen = set[str]()
    for here, folders, files in os.walk(folder, onerror=refuse, followlinks=True):
        place = os.path.realpath(here)
        known = place in seen or len(seen) >= MOST_FOLDERS
        seen.add(place)
        folders[:] = [] if known else sorted(each for each in folders if not each.startswith("."))
        for name in () if known else sorted(files):
            file = Path(here, name)
            if not name.startswith(".") and name.lower().endswith(SUFFIXES) and file.is_file():
                yield file


def name_of(paths: Sequence[Path]) -> str:
    """Return what a player calls the files: the folder's name, the file's without its suffix, or how many."""
    if len(paths) != 1:
        return counted(len(paths), "file")
    path = paths[0].resolve()
    return printable(path.name if path.is_dir() else path.stem) or "files"


def _spread(things: Sequence[Thing], most: int) -> Sequence[Thing]:
    """Return at most so many things, spread evenly over all of them."""
    if len(things) <= most:
        return things
    return [things[at * len(things) // most] for at in range(most)]


def _scattered(count: int) -> list[int]:
    """Return the places 0 to count - 1 so that the first of them, however many, lie all over.

    They are in the order of their bits reversed, as in van der Corput's sequence (1935).
    """
    return sorted(range(count), key=lambda place: int(f"{place:032b}"[::-1], 2))


def phrases_of(song: Song) -> Iterator[tuple[Phrase, Key | None]]:
    """Yield a song's melody in windows of its longest metre, each with its key."""
    notes = choose_melody(song).tracks[0].notes
    metre = max(song.metres, key=lambda each: each.bars)
    beats, named = float(metre.beats_per_bar), Metre(metre.numerator, metre.denominator)
    start = float(metre.start_ticks) / song.ppq
    moved = sorted(note for note in notes if start <= note.start_beats < float(metre.end_ticks) / song.ppq)
    starts = [note.start_beats + float(EARLY_BEATS) for note in moved]
    bars = max(1, math.ceil(max((note.end_beats for note in moved), default=1.0) / beats))
    for bar in _spread(range(int(start // beats), bars, WINDOW_BARS), MOST_WINDOWS):
        first, end = (bisect_left(starts, at * beats) for at in (bar, bar + WINDOW_BARS))
        if first < end:
            near = Phrase(tuple(moved[first:end]), bars, named)
            window = near.window(bar, min(WINDOW_BARS, bars - bar))
            yield window, key_of(window)
