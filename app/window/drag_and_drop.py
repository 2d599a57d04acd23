"""Phrases as .mid files: for export, and for dragging into a DAW."""

import time
from collections.abc import Sequence
from itertools import count
from pathlib import Path

import platformdirs
from PyQt6.QtCore import QMimeData, QPoint, QRectF, QSize, Qt, QUrl
from PyQt6.QtGui import QDrag, QPainter, QPixmap
from PyQt6.QtWidgets import QWidget

from app.track_names import voicing
from app.window import theme
from app.window.axis import Axis
from app.window.widgets.note_paint import paint_small
from app.window.widgets.phrase_card import REFERENCE
from engine.inference.bundle.manifest import Voice
from engine.music.metre import Metre
from engine.music.notes import Phrase

MIDI_SUFFIXES = (".mid", ".midi")
PICTURE_SIZE = QSize(140, 56)
KEPT_DAYS = 30
"""Dragged files live this long: a DAW may refer to the file instead of copying it."""


class PhraseFiles:
    """Writes phrases; keeps the ones dragged out in a folder that outlives the program."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or Path(platformdirs.user_cache_dir("antiphon")) / "clips"
        self._cached: tuple[Phrase, float, Path] | None = None

    def write(self, phrase: Phrase, bpm: float, path: str | Path, voices: Sequence[Voice] = ()) -> Path:
        """Write a phrase as a MIDI file, tracks named by voice, and return its path.

        Where a path has no suffix of MIDI files, `.mid` follows its name, with a number if such a file is
        there, which nobody was asked about.

        Raises:
            MidiFileError: the phrase cannot be written.
            OSError: the file cannot be.
        """
        from engine.midifile.write import write_phrase

        target = Path(path)
        if target.suffix.lower() not in MIDI_SUFFIXES:
            target = fresh_name(target.with_name(f"{target.name}.mid"))
        write_phrase(target, phrase, bpm=bpm, **voicing(voices))
        return target

    def cached(self, phrase: Phrase, bpm: float, voices: Sequence[Voice] = ()) -> Path:
        """Return a file of the phrase that stays where it is."""
        if self._cached and self._cached[:2] == (phrase, bpm):
            return self._cached[2]
        self._folder.mkdir(parents=True, exist_ok=True)
        self._forget_old()
        path = self.write(
            phrase,
            bpm,
            self._folder / f"antiphon-{time.strftime('%Y%m%d-%H%M%S')}-{time.time_ns() % 1000:03}.mid",
            voices,
        )
        self._cached = (phrase, bpm, path)
        return path

    def _forget_old(self) -> None:
        limit = time.time() - KEPT_DAYS * 86_400
        for path in self._folder.glob("antiphon-*.mid"):
            if path.stat().st_mtime < limit:
                path.unlink(missing_ok=True)


def fresh_name(path: Path) -> Path:
    """Return a path of the same name, or the name with the next free number, that is not taken."""
    if not path.exists():
        return path
    numbered = (path.with_stem(f"{path.stem}-{number}") for number in count(2))
    return next(candidate for candidate in numbered if not candidate.exists())


def read_phrase(
    path: Path, plays: str, bars: int, metres: tuple[Metre, ...], task: str = "autoencode"
) -> Phrase:
    """Return the phrase a model takes from a MIDI file: drums, melody or piano, in the first full bars.

    Args:
        path: the file.
        plays: representation of the model.
        bars: its length; a shorter file gives a shorter phrase.
        metres: those whose bars it knows, its own first.
        task: of the model; one that continues takes everything that is pitched.

    Raises:
        MidiFileError: the file cannot be read, has nothing of the kind, or far too many notes.
    """
    from engine.midifile.bar_choice import Length, choose_bars, playable
    from engine.midifile.read import read_midi
    from engine.midifile.track_choice import choose_drums, choose_melody, choose_piano, choose_pitched
    from engine.midifile.window import refuse_crowd

    song = read_midi(path)
    keys = choose_pitched if task == "continue" else choose_piano
    choose = {"drums": choose_drums, "groove": choose_drums, "pianoroll": keys}.get(plays, choose_melody)
    length = Length(bars, metres, plays)
    tracks = choose(playable(song, length)).tracks
    taken, _ = choose_bars(song, [tracks], length)
    refuse_crowd(taken, tracks)
    notes = [note for track in tracks for note in taken.phrase(track).notes]
    return Phrase.of(notes, taken.bars, taken.metre)


def mime_of(path: Path, reference: str = "") -> QMimeData:
    """Return what a DAW reads when a file is dropped on it, and a slot of this window, the reference."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    if reference:
        data.setData(REFERENCE, reference.encode())
    return data


def start_drag(widget: QWidget, path: Path, reference: str, phrase: Phrase) -> None:
    """Drag a phrase's file out of `widget`, its picture under the hand; returns when it was dropped."""
    drag = QDrag(widget)
    drag.setMimeData(mime_of(path, reference))
    drag.setPixmap(picture_of(phrase, widget.devicePixelRatioF()))
    drag.setHotSpot(QPoint(8, 8))
    drag.exec(Qt.DropAction.CopyAction)


def picture_of(phrase: Phrase, ratio: float = 1.0) -> QPixmap:
    """Return a small picture of a phrase."""
    look = theme.now()
    picture = QPixmap(PICTURE_SIZE * ratio)
    picture.setDevicePixelRatio(ratio)
    picture.fill(look.panel)
    painter = QPainter(picture)
    area = QRectF(0, 0, PICTURE_SIZE.width(), PICTURE_SIZE.height())
    painter.setPen(look.edge)
    painter.drawRect(area.adjusted(0, 0, -1, -1))
    paint_small(
        painter, area.adjusted(6, 6, -6, -6), phrase.notes, phrase.length_beats, Axis().grown(phrase.notes),
        lambda note: look.note(look.voice(note.channel), note.velocity),
    )  # fmt: skip
    painter.end()
    return picture


def dropped_file(data: QMimeData | None) -> Path | None:
    """Return the first local MIDI file or bundle of a drop, else the first folder; None if there is none."""
    paths = [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()] if data is not None else []
    usable = [path for path in paths if is_midi_or_bundle(path)] or [path for path in paths if path.is_dir()]
    return next(iter(usable), None)


def style_paths(data: QMimeData | None) -> list[Path]:
    """Return the local folders and MIDI files of a drop, that a style can be learned from."""
    paths = [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()] if data is not None else []
    return [path for path in paths if path.suffix.lower() in MIDI_SUFFIXES or path.is_dir()]


def is_midi_or_bundle(path: Path) -> bool:
    """Return whether a path looks like a MIDI file, or like a bundle: a .zip, or a folder with a manifest."""
    return path.suffix.lower() in (*MIDI_SUFFIXES, ".zip") or (path / "bundle.json").is_file()
