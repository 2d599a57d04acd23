"""Phrases in and out of the window: exported, dragged into a DAW, dropped on it or on a slot."""

from collections.abc import Callable, Sequence
from pathlib import Path

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QFileDialog, QWidget

from app.notice_text import sentence
from app.window.drag_and_drop import (
    MIDI_SUFFIXES,
    PhraseFiles,
    fresh_name,
    is_midi_or_bundle,
    read_phrase,
    start_drag,
)
from app.window.widgets.phrase_card import PhraseCard
from engine.errors import AntiphonError
from engine.inference.bundle.manifest import Voice
from engine.inference.controls import STORED, SlotName
from engine.music.notes import Phrase
from engine.session.instrument import Instrument
from engine.session.snapshot import ModelFacts
from engine.text import counted, printable

Notify = Callable[[str, str], None]
"""Shows a line in a mood."""


class PhraseExchange:
    """Asks for places of files and hands phrases over; refusals become notices."""

    def __init__(self, instrument: Instrument, files: PhraseFiles, notify: Notify, parent: QWidget) -> None:
        self._instrument, self._files, self._notify, self._parent = instrument, files, notify, parent
        self._dragged: Phrase | None = None

    def answer(self) -> Phrase | None:
        """Return the phrase that plays."""
        playing = self._instrument.snapshot().live.playing
        return playing.phrase if playing is not None else None

    def export(self) -> None:
        """Ask for a file, without stopping anything, and write the phrase that plays now."""
        phrase = self.answer()
        if phrase is None:
            return
        suggested = fresh_name(Path.cwd() / "antiphon.mid")
        dialog = QFileDialog(self._parent, "Export the phrase", str(suggested.parent))
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilter("MIDI files (*.mid *.midi)")
        dialog.setDefaultSuffix("mid")  # so that the dialog itself asks before it overwrites "take.mid"
        dialog.selectFile(suggested.name)
        dialog.fileSelected.connect(lambda path: self.write(phrase, path))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.show()  # not modal: keys and music go on

    def write(self, phrase: Phrase, path: str) -> None:
        """Write a phrase to a file and say where it really went."""
        try:
            written = self._files.write(phrase, self._bpm(), path, self._voices(phrase))
        except (AntiphonError, OSError) as error:
            self._notify(str(error), "bad")
        else:
            self._notify(f"Written: {written}", "hint")

    def drag_answer(self, widget: QWidget) -> None:
        """Drag the phrase that plays out of a widget."""
        phrase, shift = self.answer(), self._instrument.snapshot().document.settings.transpose
        self.drag(widget, phrase, "answer", phrase and phrase.transposed(-shift))

    def drag_card(self, card: PhraseCard, reference: str) -> None:
        """Drag the phrase of a card."""
        self.drag(card, card.phrase, reference, card.written)

    def drag(
        self, widget: QWidget, phrase: Phrase | None, reference: str, written: Phrase | None = None
    ) -> None:
        """Drag a phrase: as a lasting file for the DAW, by reference for a slot of this window.

        Args:
            widget: what it is dragged out of.
            phrase: as it sounds; None drags nothing.
            reference: where it comes from.
            written: as a slot keeps it; None for no other.
        """
        if phrase is None:
            return
        try:
            path = self._files.cached(phrase, self._bpm(), self._voices(phrase))
        except (AntiphonError, OSError) as error:
            self._notify(f"The phrase cannot be dragged: {error}", "bad")
            return
        self._dragged = written or phrase
        start_drag(widget, path, reference, phrase)

    def drop(self, slot: SlotName, what: str, is_path: bool) -> bool:
        """Put what was dropped into a slot: a phrase of this window, or a MIDI file's; False if refused."""
        try:
            phrase = self._read(Path(what)) if is_path else self._dragged
            if phrase is not None:
                self._instrument.store(slot, phrase)
        except AntiphonError as error:
            self._notify(sentence(str(error)), "hint")
            return False
        return phrase is not None

    def take_file(self, path: Path, others: int = 0) -> None:
        """Answer a MIDI file in the first free slot, else in D; load a bundle; learn a folder's style.

        Args:
            path: the file or folder.
            others: how many MIDI files were dropped beside it; it is said that they are left.
        """
        if path.is_dir() and not is_midi_or_bundle(path):
            self.learn_style([path])
            return
        if path.suffix.lower() not in MIDI_SUFFIXES:
            self._instrument.load_model(str(path))
            return
        filled = self._instrument.snapshot().document.slots
        slot = next((slot for slot in STORED if slot not in filled), STORED[-1])
        try:
            if self.drop(slot, str(path), True):
                self._instrument.do(f"recall.{slot}")
        except AntiphonError as error:
            self._notify(sentence(str(error)), "hint")
        if others > 0:
            left = f"{counted(others, 'other file')} left"
            self._notify(
                f"{printable(path.name)} was taken, {left}: drop them on slots, or on Style (Shape).", "hint"
            )

    def store(self, slot: SlotName, phrase: Phrase | None) -> None:
        """Put a phrase of this window into a slot; None leaves it."""
        self._dragged = phrase
        self.drop(slot, "phrase", False)

    def export_all(self) -> None:
        """Ask for a folder, without stopping anything, and write everything that has sounded into it."""
        if not self._instrument.snapshot().live.sounded:
            self._notify("Nothing has sounded yet.", "hint")
            return
        dialog = QFileDialog(self._parent, "Export everything that has sounded", str(Path.cwd()))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        dialog.fileSelected.connect(self.write_all)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.show()  # not modal: keys and music go on

    def write_all(self, folder: str) -> None:
        """Write everything that has sounded into a folder, and say where; no file is replaced."""
        snapshot, written = self._instrument.snapshot(), 0
        try:
            for each in snapshot.live.sounded:
                controls = each.document.controls
                name = f"{each.number:04}-{controls.mode}-seed-{controls.seed}.mid"
                path = fresh_name(Path(folder) / name)
                voices = self._voices_of(each.document.model.name)
                self._files.write(each.phrase, self._bpm(), path, voices)
                written += 1
        except (AntiphonError, OSError) as error:
            self._notify(
                f"{written} of {counted(len(snapshot.live.sounded), 'file')} written: {error}", "bad"
            )
        else:
            self._notify(f"Written: {counted(written, 'file')} in {folder}", "hint")

    def ask_style(self, folder: bool) -> None:
        """Ask for a folder or for MIDI files to learn a style from, without stopping anything."""
        dialog = QFileDialog(self._parent, "Learn a style from", str(Path.cwd()))
        if folder:
            dialog.setFileMode(QFileDialog.FileMode.Directory)
        else:
            dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
            dialog.setNameFilter("MIDI files (*.mid *.midi *.MID *.MIDI)")
        dialog.filesSelected.connect(lambda paths: self.learn_style([Path(path) for path in paths]))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.show()  # not modal: keys and music go on

    def learn_style(self, paths: Sequence[Path]) -> None:
        """Let a style be learned from folders and MIDI files; how it went is a notice of the session's."""
        self._instrument.learn_style(paths)

    def _read(self, path: Path) -> Phrase:
        model = self._instrument.snapshot().model or ModelFacts(name="")
        return read_phrase(path, model.representation, model.bars, model.metres, model.task)

    def _voices(self, phrase: Phrase) -> tuple[Voice, ...]:
        """Return the voices of a phrase: its model's if it has sounded or is kept, else the present one's."""
        snapshot = self._instrument.snapshot()
        sounded = ((each.phrase, each.document.model) for each in reversed(snapshot.live.sounded))
        favourites = ((each.phrase, each.model) for each in snapshot.document.favourites)
        made = next((model.name for each, model in (*sounded, *favourites) if each == phrase), None)
        return self._voices_of(made)

    def _voices_of(self, reference: str | None) -> tuple[Voice, ...]:
        """Return the voices of a model that was loaded, else none; None stands for the present one."""
        snapshot = self._instrument.snapshot()
        present = snapshot.model or ModelFacts(name="")
        if reference in (None, present.reference):
            return present.voices
        return snapshot.live.voices.get(reference or "", ())

    def _bpm(self) -> float:
        clock = self._instrument.snapshot().live.clock
        return clock.bpm if clock is not None else 120.0
