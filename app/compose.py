"""The one place where a session is put together from its parts.

Heavy parts are imported by the function that needs them, so that the performer is on its way
before the rest is even loaded.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from app.installed_bundles import DEFAULT_MODEL, BundleCard, card_of, find_bundle, installed, task_of
from engine.parameter import Value
from engine.performer.client import PerformerClient
from engine.performer.messages import Event

if TYPE_CHECKING:
    from app.session_files import Begun
    from engine.inference.model import Model
    from engine.session.document import Document, ModelReference
    from engine.session.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveOptions:
    """What the command line says about a live session; `None` leaves the usual value."""

    model: str | None = None
    """Name or path; None for that of the document, else the usual one."""
    precision: str | None = None
    """`float`, `int8`, or `None` for the quicker one."""
    midi_backend: str = "auto"
    connect_in: Sequence[str] = ()
    connect_out: Sequence[str] = ()
    active_sensing: bool = False
    session: Path | None = None
    """File of the session to go on with; None for the last one, or for none without a window."""
    given: Mapping[str, Value] = field(default_factory=dict)
    """Values of parameters by id."""

    def document(self, opened: "Document | None" = None) -> "Document":
        """Return the document to begin with: one that was opened, or an empty one, with what is given.

        Raises:
            RenderError: a value is out of range.
        """
        from engine.session.document import Document, ModelReference
        from engine.session.editing import with_values
        from engine.session.state import State

        document = opened or Document()
        reference = self.model or document.model.name or DEFAULT_MODEL
        model = document.model if reference == document.model.name else ModelReference(reference)
        state = State(document=msgspec.structs.replace(document, model=model))
        document = with_values(state, self.given).document
        if self.model is None and "mode" in self.given:
            return msgspec.structs.replace(document, model=_model_for(document))
        return document


def _usual_first(found: Mapping[str, Path]) -> dict[str, Path]:
    """Return bundles with the usual one in front: of several that do a mode it is taken."""
    return dict(sorted(found.items(), key=lambda each: each[0] != DEFAULT_MODEL))


def _model_for(document: "Document") -> "ModelReference":
    """Return a model that does the document's mode: its own, else the first that is installed."""
    from engine.modes.catalogue import TOOLS
    from engine.session.document import ModelReference

    task = TOOLS[document.controls.mode].task
    own = document.model.name
    if task_of(installed().get(own, Path(own))) == task:
        return document.model
    fitting = [name for name, path in _usual_first(installed()).items() if task_of(path) == task]
    return ModelReference(fitting[0]) if fitting else document.model


def make_client(options: LiveOptions) -> PerformerClient:
    """Return the performer's client, not started yet."""
    return PerformerClient(
        options.midi_backend,
        connect_in=options.connect_in,
        connect_out=options.connect_out,
        active_sensing=options.active_sensing,
    )


def load_model(options: LiveOptions) -> "Model":
    """Load the model; raises `BundleError` when it is not there or does not fit."""
    from engine.inference import trial

    found = find_bundle(options.model or DEFAULT_MODEL)
    return trial.load_model(found, precision=options.precision)  # type: ignore[arg-type]


class InstalledModels:
    """The models a player can choose from: those installed, and the one the command line named."""

    def __init__(self, options: LiveOptions) -> None:
        self._options = options

    def tasks(self) -> dict[str, str]:
        """Return the task of each by what to load it by."""
        return {name: task_of(path) for name, path in self._found().items()}

    def cards(self) -> list[BundleCard]:
        """Return what each says of itself; its name is what to load it by."""
        return [card_of(name, path) for name, path in self._found().items()]

    def _found(self) -> dict[str, Path]:
        found, named = _usual_first(installed()), self._options.model
        return found if named is None or named in found else {**found, named: Path(named)}

    def load(self, reference: str) -> "Model":
        """Load one in the precision the command line asked for; raises `BundleError`."""
        return load_model(replace(self._options, model=reference))


def make_session(
    options: LiveOptions,
    client: PerformerClient,
    begun: "Begun | None" = None,
    on_event: Callable[[Event], None] | None = None,
    *,
    takes: int = 0,
) -> "Session":
    """Put a session together around a client; `start` sets it going.

    Raises:
        RenderError: an option is out of range.
        SessionFileError: the session's file is open in another program.
    """
    from app.demo import demo_phrase
    from app.session_files import Begun
    from engine.session.session import Session

    begun = begun or Begun()
    return Session(
        client,
        document=options.document(begun.document),
        file=begun.file,
        recent=begun.recent,
        notices=begun.notices,
        library=InstalledModels(options),
        demo_phrase=demo_phrase(),
        takes=takes,
        on_event=on_event,
    )
