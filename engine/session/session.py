"""The controller: holds the state, feeds `update` with events and intents, and runs the effects.

The window and the headless stream talk to nothing else. Methods are called from one thread, the
owner's; the threads of `workers.py` hand in what they have under the same lock. Whatever goes wrong
becomes a notice, and the last pattern goes on.
"""

import random
import threading
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from engine.errors import PerformerError
from engine.inference.constraints import Lock
from engine.inference.controls import SlotName
from engine.midi.ports import now_ns as monotonic_now_ns
from engine.music.notes import Phrase
from engine.parameter import Value
from engine.performer.messages import Command, Event
from engine.session import intents as i
from engine.session.document import Document
from engine.session.document_file import DocumentFile, fresh_beside
from engine.session.intents import Intent
from engine.session.live import Kept, Live, Notice
from engine.session.settings import Switches
from engine.session.snapshot import Snapshot
from engine.session.state import (
    Effect,
    Load,
    Log,
    New,
    OpenOsc,
    ReadStyle,
    Render,
    RenderTakes,
    Replay,
    Save,
    Send,
    SendOsc,
    State,
)
from engine.session.store import read_document
from engine.session.update import Updated, opening, update
from engine.session.workers import Library, Workers

if TYPE_CHECKING:  # numpy and onnxruntime take their time to load; the window need not wait for them
    from engine.inference.model import Model
    from engine.session.osc import OscPort

RECENT_KEPT = 10


class Client(Protocol):
    """The controller's end of the pipe to the performer."""

    def send(self, command: Command) -> None:
        """Send a command; never blocks. Called under the session's lock. PerformerError if it is gone."""

    def poll(self) -> list[Event]:
        """Take the events that have come. Never blocks; called from the owner's thread."""

    def close(self) -> None:
        """Silence everything and end the performer."""


class Session:
    """See the module; `engine.session.instrument.Instrument` says what each method does."""

    def __init__(
        self,
        client: Client,
        *,
        document: Document | None = None,
        library: Library | None = None,
        file: Path | None = None,
        recent: Sequence[str] = (),
        notices: tuple[Notice, ...] = (),
        demo_phrase: Phrase | None = None,
        switches: Switches | None = None,
        takes: bool = False,
        on_event: Callable[[Event], None] | None = None,
        now_ns: Callable[[], int] = monotonic_now_ns,
    ) -> None:
        """Prepare; `start` sends the settings and loads the document's model.

        Args:
            client: the performer's client; closed by `close`.
            document: what to go on with; left out, an empty one.
            library: where other models come from.
            file: where the document is kept; None for nowhere.
            recent: files of documents opened lately, newest first.
            notices: what is to be said at the start.
            demo_phrase: what the demo plays into the input.
            switches: what is on from the start on.
            takes: whether to compute takes beside each answer, as many as the settings say.
            on_event: called by `poll`, on the owner's thread, with every event in order.
            now_ns: the clock, for tests.
        """
        self._client, self._library = client, library
        self._on_event, self._now_ns = on_event, now_ns
        self._lock = threading.RLock()
        self._seeds = random.Random()
        self._closed = False
        self._reports: deque[i.Saved | i.Noticed] = deque()
        self._model: Model | None = None
        document = document or Document()
        self._osc: OscPort | None = None
        self._file = DocumentFile(file, self._saved)
        kept = Kept(path=str(file or ""), recent=tuple(recent))
        live = Live(heard=document.source, kept=kept, notices=notices, switches=switches or Switches())
        self._state = State(document=document, live=live, demo_phrase=demo_phrase, takes_wanted=takes)
        self._shown = self._state.shown
        self._workers = Workers(library, self._apply, now_ns)

    def start(self, model: "Model | None" = None, reference: str = "") -> None:
        """Send the settings to the performer and answer the document's source.

        Args:
            model: a model that is loaded already; left out, the document's is loaded beside.
            reference: what it was loaded by.
        """
        if self._library is not None:
            self._apply(i.Installed(tuple(self._library.modes().items())))
        if model is not None:
            self.set_model(model, reference)
        with self._lock:
            self._run(opening(self._state, self._now_ns()))

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Owner's loop ----------------------------------------------------------------------------

    def poll(self) -> tuple[Event, ...]:
        """Take the performer's events, act on them and return them. Call at up to 60 Hz."""
        try:
            events = tuple(self._client.poll())
        except PerformerError as error:
            self._apply(i.PerformerGone(str(error)))
            return ()
        for event in events:
            self._apply(event)
            if self._on_event is not None:
                self._on_event(event)
        while self._reports:
            self._apply(self._reports.popleft())
        if self._osc is not None:
            for message in self._osc.receive():
                self._apply(message)
        if self._state.live.free.began_ns is not None or self._state.takes_wait:
            self._apply(i.Tick())
        return events

    def notify(self, about: str, text: str, remedy: str) -> None:
        """Post a notice at the next `poll`; a newer one about the same takes its place. Any thread."""
        self._reports.append(i.Noticed(about, text, remedy))

    def snapshot(self) -> Snapshot:
        """Return the state to show: the same object as before where nothing has changed."""
        with self._lock:
            state, shown = self._state, self._shown
            if (
                state.document is not shown.document
                or state.live is not shown.live
                or state.model is not shown.model
            ):
                self._shown = state.shown
            return self._shown

    def wait_idle(self, timeout_s: float = 60.0) -> bool:
        """Wait until files are read and the inference thread has nothing to do; for tests and offline use."""
        return self._workers.wait_idle(timeout_s)

    def close(self) -> None:
        """Stop computing, silence everything, end the performer. Closing twice is harmless."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        self._workers.close()
        if self._osc is not None:
            self._osc.close()
        self._client.close()
        self._file.close()

    # What the player does --------------------------------------------------------------------

    def do(self, action: str) -> None:
        """Do an action by id; a toggle's id flips it."""
        self._apply(i.Do(action, self._seeds.randrange(2**31)))

    def set(self, parameter: str, value: Value) -> None:
        """Set a parameter by id."""
        self._apply(i.Set(parameter, value))

    def begin(self, parameter: str) -> None:
        """Begin a gesture: a control is held."""
        self._apply(i.Begin(parameter))

    def end(self, parameter: str) -> None:
        """End the gesture on a control."""
        self._apply(i.End())

    def store(self, slot: SlotName, phrase: Phrase) -> None:
        """Put a phrase into a slot."""
        self._apply(i.Store(slot, phrase))

    def lock(self, part: Lock) -> None:
        """Lock a part of what plays, or unlock just that part."""
        self._apply(i.LockPart(part))

    def pick(self, first_id: int, bars: int) -> None:
        """Take captured bars as the source and hold it."""
        self._apply(i.Pick(first_id, bars))

    def keep_take(self, index: int) -> None:
        """Let one of the takes shown become the answer."""
        self._apply(i.KeepTake(index))

    def learn_style(self, paths: Sequence[Path]) -> None:
        """Learn a style from MIDI files and those in folders, beside the music."""
        self._apply(i.LearnStyle(tuple(str(path) for path in paths)))

    def learn(self, target: str) -> None:
        """Bind the next MIDI message to a parameter or an action; an empty id ends learning."""
        self._apply(i.Learn(target))

    def keep_sounded(self, number: int) -> None:
        """Keep a rendering that has sounded among the favourites."""
        self._apply(i.KeepSounded(number))

    def hear_take(self, index: int | None) -> None:
        """Let a take sound at the next beat without keeping it; None goes back to the answer."""
        self._apply(i.HearTake(index))

    def dismiss(self, about: str) -> None:
        """Put the notice about a subject away; the others stay."""
        self._apply(i.Dismiss(about))

    def unbind(self, target: str) -> None:
        """Forget what moves a parameter or does an action."""
        self._apply(i.Unbind(target))

    def play_again(self, number: int) -> None:
        """Bring back what a rendering that has sounded was made from."""
        self._apply(i.PlayAgain(number))

    def play_favourite(self, index: int) -> None:
        """Bring back what a favourite was made from."""
        self._apply(i.PlayFavourite(index))

    def drop_favourite(self, index: int) -> None:
        """Drop one of the favourites."""
        self._apply(i.DropFavourite(index))

    def load_model(self, reference: str) -> None:
        """Load a model by name or path beside the music."""
        self._apply(i.ChooseModel(reference))

    def set_model(self, model: "Model", reference: str = "") -> None:
        """Use a model that is loaded already; what sounds goes on until its first answer."""
        from engine.session.model_facts import facts_of  # with a model all that it needs is loaded

        with self._lock:
            self._model = model
            self._apply(i.ModelLoaded(facts_of(model, reference)))

    def _use_if_wanted(self, model: "Model", reference: str) -> None:
        """Use a model that was loaded beside the music; one that was overtaken meanwhile is dropped."""
        with self._lock:
            if self._state.document.model.name == reference:
                self.set_model(model, reference)

    # Files -----------------------------------------------------------------------------------

    def new_document(self) -> None:
        """Begin with an empty document in a file of its own beside the old one; the old one stays."""
        path = self._state.live.kept.path
        with self._lock:
            document = Document(bindings=self._state.document.bindings, model=self._state.document.model)
            self._go_on(document, fresh_beside(Path(path)) if path else None)

    def open_document(self, path: Path) -> None:
        """Go on with a document; SessionFileError if it cannot be read or is open elsewhere."""
        document = read_document(path)
        with self._lock:
            self._go_on(document, path)

    def save_as(self, path: Path) -> None:
        """Go on in another file; SessionFileError if it cannot be written or is open elsewhere."""
        with self._lock:
            self._file.save_as(path, self._state.document)
            self._apply(i.KeptAs(self._kept_at(path, saved=True)))

    def _go_on(self, document: Document, path: Path | None) -> None:
        if path is not None:
            self._file.go_to(path)
        kept = self._kept_at(path) if path else self._state.live.kept
        self._apply(i.Opened(document, kept))

    def _kept_at(self, path: Path, *, saved: bool = False) -> Kept:
        recent = (str(path), *(each for each in self._state.live.kept.recent if each != str(path)))
        return Kept(path=str(path), saved=saved, recent=recent[:RECENT_KEPT])

    def _saved(self, path: str, saved: bool, problem: str) -> None:
        """Keep how saving went for the next `poll`; called on the saving thread, which must not wait."""
        self._reports.append(i.Saved(path, saved, problem))

    # The state -------------------------------------------------------------------------------

    def _apply(self, what: Event | Intent) -> None:
        """Update the state and run the effects. Any thread."""
        with self._lock:
            if not self._closed:
                self._run(update(self._state, what, self._now_ns()))

    def _run(self, updated: Updated) -> None:
        self._state, effects = updated
        for effect in effects:
            self._effect(effect)

    def _effect(self, effect: Effect) -> None:
        match effect:
            case Send():
                self._send(effect.command)
            case Render():
                self._workers.answer(effect.request, self._model)
            case New():
                self.new_document()
            case RenderTakes():
                self._workers.compute_takes(effect, self._model)
            case Replay():
                path = Path(self._state.live.kept.path)
                self._workers.replay(effect, path, self._file.autosave, self._model)
            case Load():
                self._workers.load(effect.reference, self._use_if_wanted)
            case Save():
                if self._file.autosave is not None:
                    self._file.autosave.save(effect.document)
            case OpenOsc():
                self._open_osc(effect)
            case SendOsc():
                if self._osc is not None:
                    self._osc.send(effect.messages, effect.to)
            case ReadStyle():
                self._workers.read_style(effect)
            case Log():
                if self._file.autosave is not None:
                    self._file.autosave.log(effect.record)

    def _open_osc(self, effect: OpenOsc) -> None:
        """Close the OSC port, and open the one that is asked for; where it cannot be had, OSC is off."""
        if self._osc is not None:
            self._osc.close()
        self._osc = None
        if effect.place is None:
            return
        from engine.session.osc import OscError, OscPort  # sockets, for those who use them

        try:
            self._osc = OscPort(effect.place)
        except OscError as error:
            self._apply(i.Set("osc", False))
            self._apply(i.Noticed("osc", str(error), ""))

    def _send(self, command: Command) -> None:
        try:
            self._client.send(command)
        except PerformerError as error:
            self._apply(i.PerformerGone(str(error)))
