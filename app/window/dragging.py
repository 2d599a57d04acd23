"""Phrases as .mid files: for export, and for dragging into a DAW."""

import time
from collections.abc import Sequence
from pathlib import Path

import platformdirs
from PyQt6.QtCore import QMimeData, Qt, QUrl
from PyQt6.QtGui import QDrag
from PyQt6.QtWidgets import QWidget

from app.track_names import voicing
from engine.inference.bundle.manifest import Voice
from engine.music.notes import Phrase

KEPT_DAYS = 30
"""Dragged files live this long: a DAW may refer to the file instead of copying it."""


class PhraseFiles:
    """Writes phrases; keeps the ones dragged out in a folder that outlives the program."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or Path(platformdirs.user_cache_dir("antiphon")) / "clips"
        self._cached: tuple[Phrase, float, Path] | None = None

    def write(self, phrase: Phrase, bpm: float, path: str | Path, voices: Sequence[Voice] = ()) -> Path:
        """Write a phrase as a MIDI file, tracks named by voice; raises `MidiFileError` or `OSError`."""
        from engine.midifile.write import write_phrase

        target = Path(path)
        if target.suffix.lower() not in (".mid", ".midi"):
            target = target.with_suffix(".mid")
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


def mime_of(path: Path) -> QMimeData:
    """Return what a DAW reads when a file is dropped on it."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    return data


def start_drag(widget: QWidget, path: Path) -> None:
    """Drag a file out of `widget`; returns when it was dropped."""
    drag = QDrag(widget)
    drag.setMimeData(mime_of(path))
    drag.exec(Qt.DropAction.CopyAction)
