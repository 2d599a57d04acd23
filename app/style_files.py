"""A style out of MIDI files: the melodies of a file, or of every file of a folder."""

import math
from collections.abc import Callable, Iterator
from pathlib import Path

from engine.errors import AntiphonError, MidiFileError
from engine.midifile.read import read_midi
from engine.midifile.song import Song
from engine.midifile.track_choice import choose_melody
from engine.music.key import Key, key_of
from engine.music.metre import Metre
from engine.music.notes import Phrase
from engine.music.style import Style, style_of
from engine.text import counted, printable

MOST_FILES = 500
"""Files of a folder that are read, in order of their names; more would take longer than some seconds."""
WINDOW_BARS = 8
"""The key is found anew so often."""

Say = Callable[[str], None]


def read_style(path: Path, say: Say) -> Style:
    """Return the style of the melodies in a MIDI file, or in those of a folder and its folders.

    Files that cannot be used are counted and said.

    Raises:
        AntiphonError: there is none that can be used.
    """
    files = sorted(each for each in path.rglob("*.[mM][iI][dD]")) if path.is_dir() else [path]
    if not files:
        raise AntiphonError(f"{printable(str(path))}: holds no .mid file; choose another folder")
    phrases, refused = list[tuple[Phrase, Key | None]](), list[str]()
    for file in files[:MOST_FILES]:
        try:
            phrases += phrases_of(read_midi(file))
        except MidiFileError as error:
            refused.append(str(error))
    style = style_of(phrases, printable(path.stem) or "files")
    if not style.bars:
        reason = refused[0] if refused else "no melody in it"
        raise AntiphonError(f"{printable(str(path))}: no style can be learned ({reason})")
    left = len(files) - MOST_FILES
    beyond = f"; {left} more files are left out" if left > 0 else ""
    lost = f"; {counted(len(refused), 'file')} cannot be used, the first: {refused[0]}" if refused else ""
    read = counted(len(files[:MOST_FILES]) - len(refused), "file")
    say(f"style {style.name}: {counted(style.bars, 'bar')} of {read}{beyond}{lost}")
    return style


def phrases_of(song: Song) -> Iterator[tuple[Phrase, Key | None]]:
    """Yield a song's melody in windows of its longest metre, each with its key."""
    notes = choose_melody(song).tracks[0].notes
    metre = max(song.metres, key=lambda each: each.bars)
    beats, named = float(metre.beats_per_bar), Metre(metre.numerator, metre.denominator)
    start = float(metre.start_ticks) / song.ppq
    moved = [note for note in notes if start <= note.start_beats < float(metre.end_ticks) / song.ppq]
    whole = Phrase.of(moved, max(1, math.ceil(max((n.end_beats for n in moved), default=1.0) / beats)), named)
    first = int(start // beats)
    for bar in range(first, whole.bars, WINDOW_BARS):
        window = whole.window(bar, min(WINDOW_BARS, whole.bars - bar))
        if window.notes:
            yield window, key_of(window)
