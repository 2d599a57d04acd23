"""What the player and the program's own threads can ask of a session: frozen values."""

from dataclasses import dataclass

from engine.inference.controls import Lock, SlotName
from engine.music.notes import Phrase
from engine.parameter import Value
from engine.session.document import Document
from engine.session.live import Kept, Take
from engine.session.request import Request
from engine.session.snapshot import ModelFacts


@dataclass(frozen=True, slots=True)
class Set:
    """Set a parameter."""

    parameter: str
    value: Value


@dataclass(frozen=True, slots=True)
class Begin:
    """Begin a gesture on a parameter."""

    parameter: str


@dataclass(frozen=True, slots=True)
class End:
    """End the gesture."""


@dataclass(frozen=True, slots=True)
class Do:
    """Do an action, or flip a toggle."""

    action: str
    draw: int = 0
    """A number drawn at random, for actions that need chance."""


@dataclass(frozen=True, slots=True)
class Store:
    """Put a phrase into a slot."""

    slot: SlotName
    phrase: Phrase


@dataclass(frozen=True, slots=True)
class Swap:
    """Exchange two slots."""

    first: SlotName
    second: SlotName


@dataclass(frozen=True, slots=True)
class LockPart:
    """Lock a part of what plays, or unlock it if just that is locked."""

    lock: Lock


@dataclass(frozen=True, slots=True)
class Pick:
    """Take captured bars as the source."""

    first_id: int
    bars: int


@dataclass(frozen=True, slots=True)
class KeepTake:
    """Let a take that is shown become the answer."""

    index: int


@dataclass(frozen=True, slots=True)
class PlayAgain:
    """Bring back what a rendering that has sounded was made from."""

    number: int


@dataclass(frozen=True, slots=True)
class DropFavourite:
    """Drop one of the favourites."""

    index: int


@dataclass(frozen=True, slots=True)
class Learn:
    """Bind the next MIDI message to a target; an empty one ends learning."""

    target: str


@dataclass(frozen=True, slots=True)
class Unbind:
    """Forget the bindings of a target."""

    target: str


@dataclass(frozen=True, slots=True)
class ChooseModel:
    """Load a model."""

    reference: str


@dataclass(frozen=True, slots=True)
class ModelLoaded:
    """A model is ready."""

    facts: ModelFacts


@dataclass(frozen=True, slots=True)
class ModelRefused:
    """A model cannot be loaded; one line says why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Installed:
    """Which models there are: task by name."""

    tasks: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Answered:
    """A rendering is done."""

    request: Request
    phrase: Phrase
    took_ms: float


@dataclass(frozen=True, slots=True)
class Failed:
    """A rendering cannot be had; one line says why."""

    reason: str


@dataclass(frozen=True, slots=True)
class TakesComputed:
    """Takes beside the answer are there, best first."""

    request: Request
    takes: tuple[Take, ...]


@dataclass(frozen=True, slots=True)
class PerformerGone:
    """The performer does not answer; one line says why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Opened:
    """Go on with another document."""

    document: Document
    kept: Kept


@dataclass(frozen=True, slots=True)
class KeptAs:
    """The document goes on in another file."""

    kept: Kept


@dataclass(frozen=True, slots=True)
class Saved:
    """The document's file was written, or cannot be."""

    path: str
    complete: bool
    """Whether it has all that is shown."""
    problem: str
    """One line; empty if it went well."""


@dataclass(frozen=True, slots=True)
class Noticed:
    """Something beside the music failed, such as a log, and the player is told."""

    about: str
    text: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed."""


Intent = (
    Set
    | Begin
    | End
    | Do
    | Store
    | Swap
    | LockPart
    | Pick
    | KeepTake
    | PlayAgain
    | DropFavourite
    | Learn
    | Unbind
    | ChooseModel
    | ModelLoaded
    | ModelRefused
    | Installed
    | Answered
    | Failed
    | TakesComputed
    | PerformerGone
    | Opened
    | KeptAs
    | Saved
    | Noticed
    | Tick
)
