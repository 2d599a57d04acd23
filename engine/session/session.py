"""The controller: holds the state, feeds `update` with events and intents, and runs the effects.

The window and the headless stream talk to nothing else. Methods are called from one thread, the
owner's; the inference thread and the thread that loads a model hand in what they have under the same
lock. Whatever goes wrong becomes a notice, and the last pattern goes on.
"""

import random
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from engine.errors import AntiphonError, PerformerError
from engine.inference.constraints import Lock
from engine.inference.controls import Mode, SlotName
from engine.midi.ports import now_ns as monotonic_now_ns
from engine.music.notes import Phrase
from engine.parameter import Value
from engine.performer.messages import Command, Event
from engine.session import intents as i
from engine.session.document import Document
from engine.session.document_file import DocumentFile, fresh_beside
from engine.session.intents import Intent
from engine.session.jobs import Jobs
from engine.session.live import Kept, Live, Notice
from engine.session.request import Request
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
from engine.session.style_reader import StyleReader
from engine.session.update import Updated, opening, update

if TYPE_CHECKING:  # numpy and onnxruntime take their time to load; the window need not wait for them
    from engine.inference.model import Model
    from engine.session.osc import OscPort
    from engine.session.rendering import Renderer

KINDS_OF_JOB = ("answer", "takes", "replay")
"""What the inference thread does, the most urgent first."""


RECENT_KEPT = 10


class Client(Protocol):
    """The controller's end of the pipe to the performer."""

    def send(self, command: Command) -> None:
        """Send a command; never blocks. Called under the session's lock. PerformerError if it is gone."""

    def poll(self) -> list[Event]:
        """Take the events that have come. Never blocks; called from the owner's thread."""

    def close(self) -> None:
        """Silence everything and end the performer."""


class Library(Protocol):
    """The models that can be loaded."""

    def modes(self) -> Mapping[str, tuple[Mode, ...]]:
        """Return what each can be asked for, by what to load it by."""

    def load(self, reference: str) -> "Model":
        """Load one; AntiphonError if it cannot be. Called from a thread of its own."""


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
        self._logged_models: dict[str, Model] = {}
        document = document or Document()
        self._osc: OscPort | None = None
        self._file = DocumentFile(file, self._saved)
        kept = Kept(path=str(file or ""), recent=tuple(recent))
        live = Live(heard=document.source, kept=kept, notices=notices, switches=switches or Switches())
        self._state = State(document=document, live=live, demo_phrase=demo_phrase, takes_wanted=takes)
        self._shown = self._state.shown
        self._jobs = Jobs(KINDS_OF_JOB)
        self._styles = StyleReader(self._apply)

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
        return self._styles.wait_idle(timeout_s) and self._jobs.wait_idle(timeout_s)

    def close(self) -> None:
        """Stop computing, silence everything, end the performer. Closing twice is harmless."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        self._jobs.close()
        self._styles.close()
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
                request, model = effect.request, self._model
                self._jobs.submit("answer", lambda: self._answer(request, model))
            case New():
                self.new_document()
            case RenderTakes():
                wanted, model = effect, self._model
                self._jobs.submit("takes", lambda: self._takes(wanted, model))
            case Replay():
                asked = effect
                self._jobs.submit("replay", lambda: self._replay(asked))
            case Load():
                # No daemon: one that is inside onnxruntime when Python ends would abort the program.
                threading.Thread(target=self._load, args=(effect.reference,), name="model-load").start()
            case Save():
                if self._file.autosave is not None:
                    self._file.autosave.save(effect.document)
            case OpenOsc():
                self._open_osc(effect)
            case SendOsc():
                if self._osc is not None:
                    self._osc.send(effect.messages, effect.to)
            case ReadStyle():
                self._styles.read(effect)
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

    # Other threads ---------------------------------------------------------------------------

    @cached_property
    def _renderer(self) -> "Renderer":
        """Made by the inference thread: numpy and all that plans an answer are loaded with it."""
        from engine.session.rendering import Renderer

        return Renderer()

    def _answer(self, request: Request, model: "Model | None") -> Iterator[None]:
        """Compute an answer, on the inference thread; one slice."""
        yield from ()
        try:
            phrase = self._renderer.answer(model, request)
        except AntiphonError as error:
            self._apply(i.Failed(str(error)))
        except Exception as error:  # a defect must not end the thread that makes the music
            self._apply(i.Failed(f"the model failed: {type(error).__name__}: {error}"))
        else:
            took_ms = (self._now_ns() - request.asked_ns) / 1e6
            self._apply(i.Answered(request, phrase, took_ms, self._renderer.unheard()))

    def _takes(self, wanted: RenderTakes, model: "Model | None") -> Iterator[None]:
        """Compute takes beside an answer, on the inference thread, a few a slice."""
        if model is None:
            return
        try:
            takes = yield from self._renderer.takes(model, wanted.request, wanted.count)
        except Exception as error:  # the answer says what is wrong with model or controls
            takes = ()
            self._apply(i.Noticed("takes", f"There are no takes to show: {error}", ""))
        self._apply(i.TakesComputed(wanted.request, takes))

    def _replay(self, wanted: Replay) -> Iterator[None]:
        """Put music of this performance together out of the log, one answer a slice."""
        try:
            if self._file.autosave is not None:
                self._file.autosave.hurry()
                yield from self._file.autosave.written()
            yield from self._replayed(wanted)
        except AntiphonError as error:
            self._apply(i.Noticed("replay", f"{error}.", "Choose another bar, or change nothing."))

    def _replayed(self, wanted: Replay) -> Iterator[None]:
        from engine.session.replaying import put_together  # a start need not wait for it

        path = Path(self._state.live.kept.path)
        phrase = yield from put_together(wanted, path, self._logged_model, self._say_progress)
        self._apply(i.Replayed(phrase))

    def _say_progress(self, text: str) -> None:
        self._apply(i.Noticed("replay", text, "", "waiting"))

    def _logged_model(self, reference: str, bundle_hash: str) -> "Model":
        """Return the model that an answer of the log was made with: the present one if it is that."""
        if self._model is not None and bundle_hash in (self._model.bundle.hash, self._model.name):
            return self._model
        if reference not in self._logged_models:
            if self._library is None:
                raise AntiphonError(f'model "{reference}" cannot be loaded here')
            self._logged_models[reference] = self._library.load(reference)
        return self._logged_models[reference]

    def _load(self, reference: str) -> None:
        """Load a model, on a thread of its own; one that was overtaken meanwhile is dropped."""
        try:
            if self._library is None:
                raise AntiphonError(f'model "{reference}" cannot be loaded here')
            model = self._library.load(reference)
        except AntiphonError as error:
            self._apply(i.ModelRefused(str(error)))
            return
        except Exception as error:  # a thread that dies silently would leave the model loading for ever
            self._apply(i.ModelRefused(f"the model cannot be loaded: {type(error).__name__}: {error}"))
            return
        with self._lock:
            if self._state.document.model.name == reference:
                self.set_model(model, reference)
        import engine.session.rendering  # noqa: F401 - what its first answer needs, while nobody waits yet
