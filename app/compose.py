"""The one place where a session is put together from its parts.

Heavy parts are imported by the function that needs them, so that the performer is on its way
before the rest is even loaded.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from app.default_models import DEFAULT_MODEL
from engine.parameter import Value
from engine.performer.client import PerformerClient
from engine.performer.messages import Event

if TYPE_CHECKING:
    from app.model_library import InstalledModels
    from app.session_files import Begun
    from engine.session.document import Document
    from engine.session.live import Notice
    from engine.session.session import Session


class LiveOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line says about a live session; `None` leaves the usual value."""

    model: str | None = None
    """Name or path; None for that of the document, else the usual one."""
    precision: str | None = None
    """`float`, `int8`, or `None` for the quicker one."""
    midi_backend: str = "auto"
    connect_in: Sequence[str] = ()
    connect_out: Sequence[str] = ()
    active_sensing: bool = False
    midi_map: str | None = None
    """`default` or `none`; None for that of the document, of a new one the default."""
    session: Path | None = None
    """File of the session to go on with; None for the last one, or for none without a window."""
    style: Path | None = None
    """MIDI file or folder to learn a style from."""
    given: Mapping[str, Value] = {}
    """Values of parameters by id."""
    switches: Mapping[str, bool] = {}
    """What is on from the start on, by id."""

    def document(self, opened: "Document | None" = None) -> "Document":
        """Return the document to begin with: one that was opened, or an empty one, with what is given.

        Raises:
            RenderError: a value is out of range.
        """
        from engine.inference.controls import CONTROLS
        from engine.modes.catalogue import check_counts
        from engine.session.default_map import DEFAULT_MAP
        from engine.session.document import Document, ModelReference
        from engine.session.edits import with_values
        from engine.session.state import State

        document = opened or Document(bindings=DEFAULT_MAP)
        if self.midi_map is not None:
            chosen = DEFAULT_MAP if self.midi_map == "default" else ()
            document = msgspec.structs.replace(document, bindings=chosen)
        reference = self.model or document.model.name or DEFAULT_MODEL
        model = document.model if reference == document.model.name else ModelReference(reference)
        state = State(document=msgspec.structs.replace(document, model=model))
        document = with_values(state, self.given).document
        if self.style is not None:
            from engine.midifile.style_files import read_style

            if "mode" in self.given:
                check_counts(CONTROLS["style_amount"], document.controls.mode)
            learned = replace(document.controls, style=read_style(self.style, lambda line: None))
            document = msgspec.structs.replace(document, controls=learned)
        if self.model is None and "mode" in self.given:
            from app.model_library import model_for

            return msgspec.structs.replace(document, model=model_for(document))
        return document


def _another_tool(options: LiveOptions, opened: "Document | None", begun: "Document") -> tuple["Notice", ...]:
    """Return what is to be said where a control that was given leads to another tool than a session had."""
    from engine.modes.catalogue import TOOLS
    from engine.session.live import Notice

    if opened is None or "mode" in options.given or opened.controls.mode == begun.controls.mode:
        return ()
    had, has = TOOLS[opened.controls.mode].label, TOOLS[begun.controls.mode].label
    text = f"The tool is {has}; the session had {had}"
    return (Notice(text, "What was given counts in it.", "hint", about="tool"),)


def make_client(options: LiveOptions) -> PerformerClient:
    """Return the performer's client, not started yet."""
    return PerformerClient(
        options.midi_backend,
        connect_in=options.connect_in,
        connect_out=options.connect_out,
        active_sensing=options.active_sensing,
    )


def make_session(
    options: LiveOptions,
    client: PerformerClient,
    begun: "Begun | None" = None,
    on_event: Callable[[Event], None] | None = None,
    *,
    takes: bool = False,
    library: "InstalledModels | None" = None,
) -> "Session":
    """Put a session together around a client; `start` sets it going. Left out, the library is a new one.

    Raises:
        RenderError: an option is out of range.
        SessionFileError: the session's file is open in another program.
    """
    from app.demo import demo_phrase
    from app.model_library import InstalledModels
    from app.session_files import Begun
    from engine.session.session import Session
    from engine.session.settings import Switches

    begun = begun or Begun()
    document = options.document(begun.document)
    return Session(
        client,
        document=document,
        file=begun.file,
        recent=begun.recent,
        notices=(*begun.notices, *_another_tool(options, begun.document, document)),
        library=library or InstalledModels(options.model, options.precision),
        demo_phrase=demo_phrase(),
        switches=Switches(**options.switches),
        takes=takes,
        on_event=on_event,
    )
