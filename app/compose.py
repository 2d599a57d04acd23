"""The one place where a session is put together from its parts.

Heavy parts are imported by the function that needs them, so that the performer is on its way
before the rest is even loaded.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from app.installed_bundles import DEFAULT_MODEL, find_bundle, installed
from engine.inference.controls import Controls
from engine.performer.client import PerformerClient
from engine.performer.messages import Event

if TYPE_CHECKING:
    from engine.inference.model import Model
    from engine.session.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveOptions:
    """What the command line says about a live session; `None` leaves the usual value."""

    model: str = DEFAULT_MODEL
    precision: str | None = None
    """`float`, `int8`, or `None` for the quicker one."""
    variation: float | None = None
    temperature: float | None = None
    seed: int | None = None
    midi_backend: str = "auto"
    connect_in: Sequence[str] = ()
    connect_out: Sequence[str] = ()
    demo: bool = False
    tempo_bpm: float | None = None

    def controls(self) -> Controls:
        """Return where the sliders start; raises `RenderError` for a value out of range."""
        given = {"variation": self.variation, "temperature": self.temperature, "seed": self.seed}
        return Controls(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]


def make_client(options: LiveOptions) -> PerformerClient:
    """Return the performer's client, not started yet."""
    return PerformerClient(
        options.midi_backend, connect_in=options.connect_in, connect_out=options.connect_out
    )


def load_model(options: LiveOptions) -> "Model":
    """Load the model; raises `BundleError` when it is not there or does not fit."""
    from engine.inference.model import Model

    return Model.load(str(find_bundle(options.model)), precision=options.precision)  # type: ignore[arg-type]


class ModelChoice:
    """The models a player can choose from: those installed, and the one the command line named."""

    def __init__(self, options: LiveOptions) -> None:
        self._options = options

    def installed(self) -> dict[str, str]:
        """Return what to load each by, by the name to show."""
        names = {name: name for name in installed()}
        return names if self._options.model in names else {**names, self._stem: self._options.model}

    def load(self, what: str) -> "Model":
        """Load one in the precision the command line asked for; raises `BundleError`."""
        return load_model(replace(self._options, model=what))

    @property
    def _stem(self) -> str:
        return Path(self._options.model).stem


def make_session(
    options: LiveOptions,
    client: PerformerClient,
    model: "Model | None",
    on_event: Callable[[Event], None] | None = None,
) -> "Session":
    """Put a session together around a started client."""
    from app.demo import demo_phrase
    from engine.session.session import Session

    controls = options.controls()
    session = Session(client, model, demo_phrase=demo_phrase(), controls=controls, on_event=on_event)
    if options.tempo_bpm is not None:
        session.set_tempo(options.tempo_bpm)
    return session
