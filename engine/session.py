"""The controller: what was heard, what is stored, how the sliders stand, and what to play next.

The window and the headless stream talk to nothing else. Methods are called from one thread, the
owner's; a second thread, started here, runs the model and hands each finished pattern straight to
the performer's client. Whatever goes wrong becomes a notice, and the last pattern goes on.
"""

import random
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

from engine.errors import AntiphonError, PerformerError, RenderError
from engine.history import HeardPhrase, History
from engine.inference.controls import HEARD, STORED, Controls, changed
from engine.inference.model import Model
from engine.inference.render import Slot, encode_slot, fit, render
from engine.inference.worker import LatestWorker
from engine.music.notes import Note, Phrase
from engine.performer import messages
from engine.performer.messages import ClockSource, Command, Event, NoteData, StartAt
from engine.snapshot import Notice, Snapshot

UNDO_STEPS = 100
UNDO_JOINS_NS = 500_000_000
"""Changes of the same control closer than this are one step of undo: a drag, not its pixels."""
LATENESS_WINDOW = 256
LATENTS_KEPT = 32
"""Encoded phrases the inference thread remembers."""
LARGEST_DRAWN_SEED = 9999
"""New takes draw seeds that are easy to read and type; any 32-bit seed can be set."""


class Client(Protocol):
    """The controller's end of the pipe to the performer."""

    def send(self, command: Command) -> None:
        """Send a command. Called from two threads, never at once. PerformerError if it is gone."""

    def poll(self) -> list[Event]:
        """Take the events that have come. Never blocks; called from the owner's thread."""

    def close(self) -> None:
        """Silence everything and end the performer."""


@dataclass(frozen=True, slots=True)
class _Edit:
    """What undo and redo bring back."""

    controls: Controls
    stored: Mapping[str, Phrase]


@dataclass(frozen=True, slots=True)
class _Job:
    """One request to the inference thread; all values, so that nothing changes under it."""

    model: Model | None
    controls: Controls
    phrases: Mapping[str, Phrase]
    bypassed: Phrase | None
    """Play this as it is."""
    anchor_beats: float
    """Song position the answer's first beat is counted from: where its source stood."""
    epoch: int
    asked_ns: int


@dataclass(slots=True)
class _Playing:
    """Patterns on their way: sent, and sounding."""

    last_id: int = 0
    sent: OrderedDict[int, Phrase] = field(default_factory=OrderedDict)
    sounding: Phrase | None = None
    since_beats: float = 0.0

    @property
    def coming(self) -> Phrase | None:
        """The newest pattern that has not begun."""
        return next(reversed(self.sent.values())) if self.sent else None

    def started(self, event: messages.PatternStarted) -> None:
        """Note that a pattern sounds; older ones never will."""
        self.sounding = self.sent.get(event.pattern_id, self.sounding)
        self.since_beats = event.anchor_beats
        for number in [number for number in self.sent if number <= event.pattern_id]:
            del self.sent[number]


class Session:
    """See the module. Use `close` when done, or a `with` block."""

    def __init__(
        self,
        client: Client,
        model: Model | None,
        *,
        demo_phrase: Phrase | None = None,
        controls: Controls | None = None,
        starts_at: StartAt = "step",
        on_event: Callable[[Event], None] | None = None,
        now_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """Start the inference thread.

        Args:
            client: the performer's client; closed by `close`.
            model: a loaded model, or None to give one to `set_model` later.
            demo_phrase: what `demo` plays into the input.
            controls: where the sliders start.
            starts_at: when a changed pattern takes over. The first one waits for a bar line.
            on_event: called by `poll`, on the owner's thread, with every event in order.
            now_ns: the clock, for tests.
        """
        self._client, self._model, self._demo_phrase = client, model, demo_phrase
        self._starts_at: StartAt = starts_at
        self._on_event, self._now_ns = on_event, now_ns
        self._lock = threading.RLock()
        self._sending = threading.Lock()
        self._edit = _Edit(controls or Controls(), {})
        self._undo: list[_Edit] = []
        self._redo: list[_Edit] = []
        self._last_change: tuple[frozenset[str], int] = (frozenset(), 0)
        self._history = History()
        self._heard: HeardPhrase | None = None
        self._following, self._bypass, self._demo, self._started_clock = True, False, False, False
        self._play_sent = False
        self._notices: dict[str, Notice] = {}
        self._view = Snapshot()
        self._shown: Snapshot | None = None
        self._playing = _Playing()
        self._late_ns: deque[int] = deque(maxlen=LATENESS_WINDOW)
        self._epoch = 0
        self._closed = False
        self._seeds = random.Random()
        self._latents = _Latents()
        self._worker: LatestWorker[_Job] = LatestWorker(self._compute)

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
            self._tell("performer", str(error))
            return ()
        for event in events:
            with self._lock:
                self._handle(event)
            if self._on_event is not None:
                self._on_event(event)
        return events

    def snapshot(self) -> Snapshot:
        """Return the state to show: the same object as before where nothing has changed."""
        with self._lock:
            if self._shown is None:
                self._shown = self._fill_view()
            return self._shown

    def history(self) -> tuple[messages.BarCaptured, ...]:
        """Return the captured bars that are kept, oldest first."""
        with self._lock:
            return tuple(self._history)

    def wait_idle(self, timeout_s: float = 5.0) -> bool:
        """Wait until the inference thread has nothing to do; for tests and offline use."""
        return self._worker.wait_idle(timeout_s)

    def close(self) -> None:
        """Stop computing, silence everything, end the performer. Closing twice is harmless."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._epoch += 1
        self._worker.close()
        self._client.close()

    # Controls --------------------------------------------------------------------------------

    @property
    def controls(self) -> Controls:
        """How the sliders stand."""
        return self._edit.controls

    def set_controls(self, **changes: Any) -> None:
        """Change controls by name, those of `Constraints` included; the music follows.

        Raises:
            RenderError: a name is unknown or a value out of range; nothing is changed then.
        """
        with self._lock:
            controls = changed(self._edit.controls, **changes)
            if controls == self._edit.controls:
                return
            self._commit(replace(self._edit, controls=controls), frozenset(changes))
            self._request()

    def new_take(self) -> None:
        """Draw another seed."""
        seed = self.controls.seed
        while seed == self.controls.seed:
            seed = self._seeds.randint(0, LARGEST_DRAWN_SEED)
        self.set_controls(seed=seed)

    def store(self, slot: str, phrase: Phrase | None = None) -> None:
        """Put a phrase into slot A, B, C or D: the one given, else the one heard.

        Raises:
            RenderError: no such slot, or a given phrase that does not fit the model.
        """
        if slot not in STORED:
            raise RenderError(f"slot {slot!r} does not exist; the slots are {', '.join(STORED)}")
        with self._lock:
            if phrase is not None and self._model is not None:
                fit(self._model.representation, phrase)
            if phrase is None and self._heard is not None:
                phrase = self._heard.phrase
            if phrase is None:
                self._tell("store", "Nothing was heard yet, so there is nothing to store.", mood="hint")
                return
            self._untell("store")
            self._commit(replace(self._edit, stored={**self._edit.stored, slot: phrase}), frozenset())
            if slot in self._edit.controls.needed_slots:
                self._request()

    def stored(self, slot: str) -> Phrase | None:
        """Return the phrase in a slot."""
        return self._edit.stored.get(slot)

    def set_bypass(self, on: bool) -> None:
        """Play the source as it was heard (True), or the answer (False)."""
        with self._lock:
            self._bypass = on
            self._request()

    def set_following(self, on: bool) -> None:
        """Let each new phrase become the source (True), or freeze the present one (False)."""
        with self._lock:
            self._following = on
            self._shown = None

    def pick(self, first: int, bars: int) -> None:
        """Make bars of the history the source and freeze it; `first` indexes `history()`.

        Raises:
            RenderError: there are no such bars, or they did not follow each other.
        """
        with self._lock:
            try:
                picked = self._history.pick(first, bars)
            except ValueError as error:
                raise RenderError(str(error)) from error
            self._following = False
            self._set_source(picked)

    def undo(self) -> None:
        """Take back the last change of controls or slots."""
        self._step(self._undo, self._redo)

    def redo(self) -> None:
        """Bring back what was undone last."""
        self._step(self._redo, self._undo)

    def set_model(self, model: Model) -> None:
        """Use another model from now on; what sounds goes on until its first answer."""
        with self._lock:
            self._model = model
            self._shown = None
            if self._heard is not None and self._heard.phrase.bars > model.bars:
                first = self._heard.phrase.bars - model.bars
                tail = self._heard.phrase.window(first, model.bars)
                self._heard = HeardPhrase(tail, self._heard.first_bar + first)
            self._request()

    # Transport -------------------------------------------------------------------------------

    def demo(self, on: bool) -> None:
        """Play the demo phrase into the input, on the internal clock if nothing runs."""
        if self._demo_phrase is None:
            raise RenderError("there is no demo phrase in this session")
        with self._lock:
            self._demo = on
            self._shown = None
            notes = _wire(self._demo_phrase) if on else ()
            self._send(messages.Feed(notes, self._demo_phrase.bars))
            if on and not self._rolling():
                self._started_clock = True
                self.play()
            elif not on and self._started_clock:
                self.stop()

    def play(self, position_beats: float = 0.0) -> None:
        """Start the internal clock, unless that was asked a moment ago."""
        with self._lock:
            if not self._play_sent:
                self._play_sent = self._send(messages.Play(position_beats))

    def stop(self) -> None:
        """Stop the internal clock."""
        with self._lock:
            self._started_clock = self._play_sent = False
            self._send(messages.Stop())

    def set_tempo(self, bpm: float) -> None:
        """Set the internal clock's tempo."""
        self._send(messages.SetTempo(float(bpm)))

    def set_metre(self, beats_per_bar: float) -> None:
        """Set how many quarter notes a bar has."""
        self._send(messages.SetMetre(float(beats_per_bar)))

    def set_clock(
        self, source: ClockSource, *, send_clock: bool = False, spp_in_clocks: bool = False
    ) -> None:
        """Choose the clock; see `engine.performer.messages.SetClock`."""
        self._send(messages.SetClock(source, send_clock, spp_in_clocks))

    def set_offset(self, offset_ms: float) -> None:
        """Set the output compensation; positive plays later."""
        self._send(messages.SetOffset(float(offset_ms)))

    def set_starts_at(self, starts_at: StartAt) -> None:
        """Choose when a changed pattern takes over: the next step, beat or bar."""
        with self._lock:
            self._starts_at = starts_at

    def panic(self) -> None:
        """Silence every note now."""
        self._send(messages.Panic())

    def dismiss(self) -> None:
        """Forget the notices."""
        with self._lock:
            self._notices.clear()
            self._shown = None

    # Events ----------------------------------------------------------------------------------

    def _handle(self, event: Event) -> None:
        """Act on one event. Called with the lock held."""
        match event:
            case messages.BarCaptured():
                self._hear(event)
            case messages.ClockState():
                self._play_sent = False
                self._set_view(clock=event)
            case messages.Played():
                self._late_ns.append(event.sent_ns - event.due_ns)
            case messages.PatternStarted():
                self._playing.started(event)
                self._shown = None
            case messages.Pong():
                if (event.late_sends, event.dropped_input) != (
                    self._view.late_sends,
                    self._view.dropped_input,
                ):
                    self._set_view(late_sends=event.late_sends, dropped_input=event.dropped_input)
            case _:
                self._handle_ports(event)

    def _handle_ports(self, event: Event) -> None:
        match event:
            case messages.Ready():
                self._set_view(
                    backend=event.backend,
                    input_name=event.input_name,
                    output_name=event.output_name,
                    realtime=event.realtime,
                )
                self._untell("performer")
                self._untell("ports")
            case messages.PortLost():
                self._set_view(backend="")
                self._tell("ports", event.reason, event.remedy)
            case messages.PortBack():
                self._set_view(backend=event.backend)
                self._untell("ports")
            case messages.Fault():
                self._tell("fault", event.text)
            case messages.Bye():
                self._set_view(backend="")

    def _hear(self, bar: messages.BarCaptured) -> None:
        """Keep a bar; if it completes a phrase, that becomes the source."""
        self._history.add(bar)
        self._shown = None
        if self._model is None or not self._following:
            return
        beats = self._model.representation.grid.beats_per_bar
        if bar.beats_per_bar != beats:
            self._tell(
                "metre",
                f"The bars have {bar.beats_per_bar:g} beats, {self._model.name} plays {beats}.",
                "Set the metre to match, or choose another model.",
            )
            return
        self._untell("metre")
        block = bar.bar - bar.bar % self._model.bars
        first_answer = self._heard is None or self._heard.first_bar == block
        heard = self._history.closed_phrase(self._model.bars, partial=first_answer)
        # Silence is no phrase to answer: the player listens, and the last phrase goes on.
        if heard is not None and heard.phrase.notes:
            self._set_source(heard)

    def _set_source(self, heard: HeardPhrase) -> None:
        self._shown = None
        before, self._heard = self._heard, heard
        uses_it = self._bypass or HEARD in self._edit.controls.needed_slots
        if uses_it and (before is None or before.phrase != heard.phrase):
            self._request()

    # Requests --------------------------------------------------------------------------------

    def _request(self) -> None:
        """Ask the inference thread for what the present state sounds like."""
        self._shown = None
        controls = self._edit.controls
        phrases = self._phrases()
        source = phrases.get(controls.source)
        job = _Job(
            model=self._model,
            controls=controls,
            phrases=phrases,
            bypassed=source if self._bypass else None,
            anchor_beats=self._anchor_beats(),
            epoch=self._epoch,
            asked_ns=self._now_ns(),
        )
        if self._closed or (self._model is None and job.bypassed is None):
            return
        missing = [name for name in controls.needed_slots if name not in phrases]
        if job.bypassed is None and missing:
            self._tell_missing(missing)
            return
        self._worker.submit(job)

    def _anchor_beats(self) -> float:
        """Count an answer to what was heard from where that stood, another from the song's start."""
        if self._heard is None or HEARD not in self._edit.controls.needed_slots:
            return 0.0
        return self._heard.first_bar * self._heard.phrase.beats_per_bar

    def _phrases(self) -> dict[str, Phrase]:
        heard = {} if self._heard is None else {HEARD: self._heard.phrase}
        return {**self._edit.stored, **heard}

    def _tell_missing(self, missing: list[str]) -> None:
        stored = [name for name in missing if name != HEARD]
        if not stored:
            return  # nothing heard yet: the window says so anyway
        names = " and ".join(stored)
        text = f"Slot {names} is empty." if len(stored) == 1 else f"Slots {names} are empty."
        self._tell("render", text, "Play a phrase, then store it there.", "hint")

    def _compute(self, job: _Job) -> None:
        """Render one job and hand the pattern over. Runs on the inference thread."""
        try:
            phrase = job.bypassed or self._render(job)
        except AntiphonError as error:
            self._tell("render", f"{error}.", "The last pattern goes on.")
            return
        except Exception as error:  # a defect must not end the thread that makes the music
            self._tell(
                "render",
                f"The model failed ({type(error).__name__}: {error}).",
                "The last pattern goes on.",
            )
            return
        self._untell("render")
        self._hand_over(job, phrase)

    def _render(self, job: _Job) -> Phrase:
        if job.model is None:
            raise RenderError("no model is loaded yet; wait a moment")
        slots = {name: self._latents.slot(job.model, job.phrases[name]) for name in job.controls.needed_slots}
        return render(job.model, slots, job.controls)

    def _hand_over(self, job: _Job, phrase: Phrase) -> None:
        with self._lock:
            if job.epoch != self._epoch:
                return
            playing = self._playing
            first = playing.sounding is None and not playing.sent
            playing.last_id += 1
            playing.sent[playing.last_id] = phrase
            starts_at: StartAt = "bar" if first else self._starts_at
            pattern = messages.SetPattern(
                playing.last_id, _wire(phrase), phrase.bars, starts_at, job.anchor_beats
            )
        if self._send(pattern):
            self._set_view(pattern_ms=(self._now_ns() - job.asked_ns) / 1e6)

    def _send(self, command: Command) -> bool:
        """Send a command from either thread; a performer that is gone becomes a notice."""
        try:
            with self._sending:
                self._client.send(command)
        except PerformerError as error:
            self._tell("performer", str(error))
            return False
        return True

    # State -----------------------------------------------------------------------------------

    def _commit(self, edit: _Edit, what: frozenset[str]) -> None:
        """Make a change that undo can take back; quick changes of one control become one."""
        now_ns = self._now_ns()
        before, when_ns = self._last_change
        if not (what and what == before and now_ns - when_ns < UNDO_JOINS_NS and self._undo):
            self._undo.append(self._edit)
            del self._undo[:-UNDO_STEPS]
        self._redo.clear()
        self._edit, self._last_change, self._shown = edit, (what, now_ns), None

    def _step(self, source: list[_Edit], target: list[_Edit]) -> None:
        with self._lock:
            if not source:
                return
            target.append(self._edit)
            self._edit = source.pop()
            self._last_change = (frozenset(), 0)
            self._request()

    def _rolling(self) -> bool:
        return self._view.clock is not None and self._view.clock.status in ("armed", "rolling", "flywheel")

    def _tell(
        self, key: str, text: str, remedy: str = "", mood: Literal["bad", "waiting", "hint"] = "bad"
    ) -> None:
        """Show a notice in place of an older one about the same thing."""
        with self._lock:
            self._notices.pop(key, None)
            self._notices[key] = Notice(text, remedy, mood, self._now_ns())
            self._shown = None

    def _untell(self, key: str) -> None:
        with self._lock:
            if self._notices.pop(key, None) is not None:
                self._shown = None

    def _set_view(self, **values: Any) -> None:
        with self._lock:
            self._view = replace(self._view, **values)
            self._shown = None

    def _fill_view(self) -> Snapshot:
        model, edit = self._model, self._edit
        return replace(
            self._view,
            model_name=model.name if model else "",
            model_bars=model.bars if model else 0,
            precision=model.choice.used.precision if model else "",
            provider=model.choice.used.provider if model else "",
            heard=self._heard.phrase if self._heard else None,
            playing=self._playing.sounding,
            playing_since_beats=self._playing.since_beats,
            coming=self._playing.coming,
            controls=edit.controls,
            slots=frozenset(edit.stored),
            following=self._following,
            bypass=self._bypass,
            demo=self._demo,
            can_undo=bool(self._undo),
            can_redo=bool(self._redo),
            notices=tuple(self._notices.values()),
            late_ms=_percentile_ms(self._late_ns),
            bars_in_history=len(self._history),
        )


class _Latents:
    """Encoded phrases of one model, the ones used last. Touched by the inference thread only."""

    def __init__(self) -> None:
        self._model: Model | None = None
        self._slots: OrderedDict[Phrase, Slot] = OrderedDict()

    def slot(self, model: Model, phrase: Phrase) -> Slot:
        """Return the phrase encoded, from memory if possible."""
        if model is not self._model:
            self._model, self._slots = model, OrderedDict()
        if phrase not in self._slots:
            self._slots[phrase] = encode_slot(model, phrase)
            if len(self._slots) > LATENTS_KEPT:
                self._slots.popitem(last=False)
        self._slots.move_to_end(phrase)
        return self._slots[phrase]


def _wire(phrase: Phrase) -> tuple[NoteData, ...]:
    """Return a phrase's notes as they travel."""
    return tuple(_note_data(note) for note in phrase.notes)


def _note_data(note: Note) -> NoteData:
    return NoteData(note.start_beats, note.pitch, note.duration_beats, note.velocity, note.channel)


def _percentile_ms(values_ns: deque[int]) -> float | None:
    """Return the 99th percentile in milliseconds."""
    if not values_ns:
        return None
    ordered = sorted(values_ns)
    return ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)] / 1e6
