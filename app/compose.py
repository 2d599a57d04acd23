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
    from engine.inference.model import Model
    from engine.session.document import Document
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
        return with_values(state, self.given).document


def make_client(options: LiveOptions) -> PerformerClient:
    """Return the performer's client, not started yet."""
    return PerformerClient(
        options.midi_backend, connect_in=options.connect_in, connect_out=options.connect_out
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
        found, named = installed(), self._options.model
        return found if named is None or named in found else {**found, named: Path(named)}

    def load(self, reference: str) -> "Model":
        """Load one in the precision the command line asked for; raises `BundleError`."""
        return load_model(replace(self._options, model=reference))


def make_session(
    options: LiveOptions,
    client: PerformerClient,
    document: "Document",
    on_event: Callable[[Event], None] | None = None,
) -> "Session":
    """Put a session together around a client; `start` sets it going."""
    from app.demo import demo_phrase
    from engine.session.session import Session

    return Session(
        client,
        document=document,
        library=InstalledModels(options),
        demo_phrase=demo_phrase(),
        on_event=on_event,
    )
