"""The seam: what the window and the stream may ask of a session, typed so that both sides are checked."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from engine.inference.constraints import Lock
from engine.inference.controls import SlotName
from engine.music.notes import Phrase
from engine.parameter import Value
from engine.performer.messages import Event
from engine.session.snapshot import Snapshot


class Instrument(Protocol):
    """A session as its owner sees it. All methods are called from the owner's thread."""

    def poll(self) -> Sequence[Event]:
        """Take what the performer says, act on it and return it. Call at up to 60 Hz."""

    def snapshot(self) -> Snapshot:
        """Return what is to be shown: the same object as before where nothing has changed."""

    def do(self, action: str) -> None:
        """Do an action by id; a toggle's id flips it.

        What cannot be done now becomes a notice.

        Raises:
            RenderError: there is no such action, or a page must ask for something first.
        """

    def set(self, parameter: str, value: Value) -> None:
        """Set a parameter by id; the music follows.

        A mode in which it counts is entered; what is done within `begin` and `end` is one step of undo.

        Raises:
            RenderError: the id is unknown, or the value out of range or not done by the model; nothing is
                changed then.
        """

    def begin(self, parameter: str) -> None:
        """Begin a gesture: a slider or a knob is held."""

    def end(self, parameter: str) -> None:
        """End a gesture: what was set since `begin` is one step of undo."""

    def store(self, slot: SlotName, phrase: Phrase) -> None:
        """Put a phrase (a bar, a take, a file's) into a slot A to D; RenderError if it does not fit."""

    def lock(self, part: Lock) -> None:
        """Lock a part of what plays, or unlock just that part; new takes keep what is locked."""

    def pick(self, first_id: int, bars: int) -> None:
        """Take captured bars as the source and hold it; RenderError if they are not there."""

    def keep_take(self, index: int) -> None:
        """Let one of the takes shown become the answer; RenderError if there is none."""

    def hear_take(self, index: int | None) -> None:
        """Let a take sound at the next beat without keeping it; None goes back to the answer.

        RenderError if there is no such take, or while turns are taken.
        """

    def learn_style(self, paths: Sequence[Path]) -> None:
        """Learn a style from MIDI files and those in folders, beside the music; how it went is a notice.

        A newer one takes the place of one that is being read. It is a step of undo.
        """

    def play_again(self, number: int) -> None:
        """Bring back what a rendering that has sounded was made from; RenderError if it is not listed."""

    def keep_sounded(self, number: int) -> None:
        """Keep a rendering that has sounded among the favourites; RenderError if it is not listed."""

    def play_favourite(self, index: int) -> None:
        """Bring back what a favourite was made from; RenderError if there is none, or that is not known."""

    def drop_favourite(self, index: int) -> None:
        """Drop one of the favourites; RenderError if there is none."""

    def dismiss(self, about: str) -> None:
        """Put the notice about a subject away; the others stay."""

    def load_model(self, reference: str) -> None:
        """Load a model by name or path beside the music; a refusal becomes a notice."""

    def learn(self, target: str) -> None:
        """Bind the next MIDI message to a parameter or an action by id; an empty id ends learning."""

    def unbind(self, target: str) -> None:
        """Forget what moves a parameter or does an action."""

    def new_document(self) -> None:
        """Begin with an empty document in a file of its own; the old one stays as it is."""

    def open_document(self, path: Path) -> None:
        """Go on with a document; RenderError if it cannot be read."""

    def save_as(self, path: Path) -> None:
        """Go on in another file; RenderError if it cannot be written."""

    def close(self) -> None:
        """Save, silence everything and end the performer. Closing twice is harmless."""
