"""What the player and the program's own threads can ask of a session: frozen values."""

from collections.abc import Mapping

import msgspec

from engine.inference.constraints import Lock
from engine.inference.controls import Mode, SlotName
from engine.music.notes import Phrase
from engine.music.style import Style
from engine.parameter import Value
from engine.session.document import Document
from engine.session.live import Kept, Mood, Take
from engine.session.request import Request
from engine.session.snapshot import ModelFacts


class Set(msgspec.Struct, frozen=True):
    """Set a parameter."""

    parameter: str
    value: Value


class Begin(msgspec.Struct, frozen=True):
    """Begin a gesture on a parameter."""

    parameter: str


class End(msgspec.Struct, frozen=True):
    """End the gesture."""


class Do(msgspec.Struct, frozen=True):
    """Do an action, or flip a toggle."""

    action: str
    draw: int = 0
    """A number drawn at random, for actions that need chance."""


class Store(msgspec.Struct, frozen=True):
    """Put a phrase into a slot."""

    slot: SlotName
    phrase: Phrase


class LockPart(msgspec.Struct, frozen=True):
    """Lock a part of what plays, or unlock it if just that is locked."""

    lock: Lock


class Pick(msgspec.Struct, frozen=True):
    """Take captured bars as the source."""

    first_id: int
    bars: int


class KeepTake(msgspec.Struct, frozen=True):
    """Let a take that is shown become the answer."""

    index: int


class HearTake(msgspec.Struct, frozen=True):
    """Let a take sound without keeping it."""

    index: int | None
    """None goes back to the answer."""


class PlayAgain(msgspec.Struct, frozen=True):
    """Bring back what a rendering that has sounded was made from."""

    number: int


class PlayFavourite(msgspec.Struct, frozen=True):
    """Bring back what a favourite was made from."""

    index: int


class KeepSounded(msgspec.Struct, frozen=True):
    """Keep a rendering that has sounded among the favourites."""

    number: int


class DropFavourite(msgspec.Struct, frozen=True):
    """Drop one of the favourites."""

    index: int


class Dismiss(msgspec.Struct, frozen=True):
    """Put the notice about a subject away."""

    about: str


class LearnStyle(msgspec.Struct, frozen=True):
    """Learn a style from MIDI files."""

    paths: tuple[str, ...]
    """Of files and folders."""


class StyleProgress(msgspec.Struct, frozen=True):
    """Some of the files for a style have been read."""

    number: int
    """Of the reading that was asked for."""
    done: int
    of: int


class StyleRead(msgspec.Struct, frozen=True):
    """A style has been learned from files."""

    number: int
    style: Style
    said: str
    """How much was read, and what was not used and why."""
    ignored: int = 0
    """How many files could not be used."""


class StyleRefused(msgspec.Struct, frozen=True):
    """No style can be learned from files; one line says why."""

    number: int
    reason: str


class Learn(msgspec.Struct, frozen=True):
    """Bind the next MIDI message to a target; an empty one ends learning."""

    target: str


class Unbind(msgspec.Struct, frozen=True):
    """Forget the bindings of a target."""

    target: str


class ChooseModel(msgspec.Struct, frozen=True):
    """Load a model."""

    reference: str


class ModelLoaded(msgspec.Struct, frozen=True):
    """A model is ready."""

    facts: ModelFacts


class ModelRefused(msgspec.Struct, frozen=True):
    """A model cannot be loaded; one line says why."""

    reason: str


class Installed(msgspec.Struct, frozen=True):
    """Which models there are: what they can be asked for, by name."""

    modes: tuple[tuple[str, tuple[Mode, ...]], ...]


class Answered(msgspec.Struct, frozen=True):
    """A rendering is done."""

    request: Request
    phrase: Phrase
    took_ms: float
    unheard: Mapping[str, int] = msgspec.field(default_factory=dict)
    """How many notes of newly heard phrases the model has no place for, by reason."""


class Replayed(msgspec.Struct, frozen=True):
    """Music of this performance, put together for a replay."""

    phrase: Phrase


class Failed(msgspec.Struct, frozen=True):
    """A rendering cannot be had; one line says why."""

    reason: str


class TakesComputed(msgspec.Struct, frozen=True):
    """Takes beside the answer are there, best first."""

    request: Request
    takes: tuple[Take, ...]


class PerformerGone(msgspec.Struct, frozen=True):
    """The performer does not answer; one line says why."""

    reason: str


class Opened(msgspec.Struct, frozen=True):
    """Go on with another document."""

    document: Document
    kept: Kept


class KeptAs(msgspec.Struct, frozen=True):
    """The document goes on in another file."""

    kept: Kept


class Saved(msgspec.Struct, frozen=True):
    """The document's file was written, or cannot be."""

    path: str
    complete: bool
    """Whether it has all that is shown."""
    problem: str
    """One line; empty if it went well."""


class Noticed(msgspec.Struct, frozen=True):
    """Something beside the music failed, such as a log, and a notice says so."""

    about: str
    text: str
    remedy: str
    mood: Mood = "bad"


OscArgument = float | int | str | bool | None


class OscMessage(msgspec.Struct, frozen=True):
    """An address and its values."""

    address: str
    arguments: tuple[OscArgument, ...] = ()


class OscReceived(msgspec.Struct, frozen=True):
    """An OSC message came in, or something that is none."""

    sender: tuple[str, int]
    """Address and port of who sent it."""
    address: str = ""
    arguments: tuple[OscArgument, ...] = ()
    refused: str = ""
    """Why it is no message; empty where it is one."""


class Tick(msgspec.Struct, frozen=True):
    """Time has passed."""


Intent = (
    Set
    | Begin
    | End
    | Do
    | Store
    | LockPart
    | Pick
    | KeepTake
    | HearTake
    | PlayAgain
    | PlayFavourite
    | KeepSounded
    | DropFavourite
    | Dismiss
    | LearnStyle
    | StyleProgress
    | StyleRead
    | StyleRefused
    | Learn
    | Unbind
    | ChooseModel
    | ModelLoaded
    | ModelRefused
    | Installed
    | Answered
    | Replayed
    | Failed
    | TakesComputed
    | PerformerGone
    | Opened
    | KeptAs
    | Saved
    | Noticed
    | OscReceived
    | Tick
)
