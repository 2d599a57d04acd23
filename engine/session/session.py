"""The controller: what was heard, what is stored, how the sliders stand, and what to play next.

The window and the headless stream talk to nothing else. Methods are called from one thread, the
owner's; a second thread, started here, runs the model and hands each finished pattern straight to
the performer's client. Whatever goes wrong becomes a notice, and the last pattern goes on.
"""

import random
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from engine.answers import Answers, Request, wire
from engine.board import Board
from engine.edits import Edits
from engine.errors import PerformerError, RenderError
from engine.history import HeardPhrase, History
from engine.inference.bundle.manifest import Attribute
from engine.inference.controls import HEARD, PITCHES, STORED, Controls, changed
from engine.inference.latent_space import check_attributes
from engine.inference.perturbation import pitched
from engine.inference.slots import fit
from engine.modes.catalogue import check_mode, counting, modes_of, slots_of
from engine.music.notes import Phrase
from engine.performer import messages
from engine.performer.messages import ClockSource, Command, Event, StartAt
from engine.snapshot import Snapshot

if TYPE_CHECKING:  # onnxruntime takes its time to load; the window need not wait for it
    from engine.inference.model import Model

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


class Session:
    """See the module. Use `close` when done, or a `with` block."""

    def __init__(
        self,
        client: Client,
        model: "Model | None",
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
        self._edits = Edits(controls or Controls())
        self._history = History()
        self._heard: HeardPhrase | None = None
        self._following, self._bypass, self._demo, self._started_clock = True, False, False, False
        self._play_sent = False
        self._board = Board(now_ns)
        self._closed = False
        self._seeds = random.Random()
        self._answers = Answers(_Outlet(self), now_ns)
        self._fit_mode()

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
            self._board.tell("performer", str(error))
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
            return self._board.show(self._fill)

    def history(self) -> tuple[messages.BarCaptured, ...]:
        """Return the captured bars that are kept, oldest first."""
        with self._lock:
            return tuple(self._history)

    def wait_idle(self, timeout_s: float = 5.0) -> bool:
        """Wait until the inference thread has nothing to do; for tests and offline use."""
        return self._answers.wait_idle(timeout_s)

    def close(self) -> None:
        """Stop computing, silence everything, end the performer. Closing twice is harmless."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        self._answers.close()
        self._client.close()

    # Controls --------------------------------------------------------------------------------

    @property
    def controls(self) -> Controls:
        """How the sliders stand."""
        return self._edits.now.controls

    def set_controls(self, **changes: Any) -> None:
        """Change controls by name, those of `Constraints` included; the music follows.

        Raises:
            RenderError: a name is unknown, a value out of range, or the model does not do the mode or
                lacks an attribute; nothing is changed then.
        """
        with self._lock:
            before = self._edits.now.controls
            controls = changed(before, **changes)
            if controls == before:
                return
            if self._model is not None:
                check_mode(self._model.bundle, controls.mode)
                # What another model left there is kept for when it comes back.
                check_attributes(
                    self._model.bundle, dict(controls.attributes).keys() - dict(before.attributes)
                )
            self._edits.control(controls, frozenset(changes), self._now_ns())
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
                self._board.tell("store", "Nothing was heard yet, so there is nothing to store.", mood="hint")
                return
            self._board.untell("store")
            self._edits.store(slot, phrase)
            self._board.touch()
            if slot in slots_of(self._edits.now.controls):
                self._request()

    def stored(self, slot: str) -> Phrase | None:
        """Return the phrase in a slot."""
        return self._edits.now.stored.get(slot)

    def set_bypass(self, on: bool) -> None:
        """Play the source as it was heard (True), or the answer (False)."""
        with self._lock:
            self._bypass = on
            self._request()

    def set_following(self, on: bool) -> None:
        """Let each new phrase become the source (True), or freeze the present one (False)."""
        with self._lock:
            self._following = on
            self._board.touch()

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
        with self._lock:
            if self._edits.undo():
                self._fit_mode()
                self._request()

    def redo(self) -> None:
        """Bring back what was undone last."""
        with self._lock:
            if self._edits.redo():
                self._fit_mode()
                self._request()

    def set_model(self, model: "Model") -> None:
        """Use another model from now on; what sounds goes on until its first answer.

        Where it does not do the mode that is set, its usual one is set.
        """
        with self._lock:
            self._model = model
            self._fit_mode()
            self._heard = self._refit(model)
            self._request()

    def _fit_mode(self) -> None:
        """Set a mode the model does; no step of undo, since undoing it alone would lead nowhere."""
        if self._model is not None and self._edits.now.controls.mode not in self._model.modes:
            self._edits.adapt(changed(self._edits.now.controls, mode=self._model.modes[0]))

    def _refit(self, model: "Model") -> HeardPhrase | None:
        """Return what was heard at a length the model can take."""
        heard = self._heard or self._history.closed_phrase(model.bars, partial=True)
        if heard is None or heard.phrase.bars <= model.bars:
            return heard
        first = heard.phrase.bars - model.bars
        return HeardPhrase(heard.phrase.window(first, model.bars), heard.first_bar + first)

    # Transport -------------------------------------------------------------------------------

    def demo(self, on: bool) -> None:
        """Play the demo phrase into the input, on the internal clock if nothing runs."""
        if self._demo_phrase is None:
            raise RenderError("there is no demo phrase in this session")
        with self._lock:
            self._demo = on
            self._board.touch()
            notes = wire(self._demo_phrase) if on else ()
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
        self._board.dismiss()

    # Events ----------------------------------------------------------------------------------

    def _handle(self, event: Event) -> None:
        """Act on one event. Called with the lock held."""
        match event:
            case messages.BarCaptured():
                self._hear(event)
            case messages.ClockState():
                self._play_sent = False
                self._board.set(clock=event)
            case messages.Played():
                self._board.late(event.sent_ns - event.due_ns)
            case messages.PatternStarted():
                self._answers.started(event)
                self._board.touch()
            case messages.Pong():
                if (event.late_sends, event.dropped_input) != (
                    self._board.base.late_sends,
                    self._board.base.dropped_input,
                ):
                    self._board.set(late_sends=event.late_sends, dropped_input=event.dropped_input)
            case _:
                self._handle_ports(event)

    def _handle_ports(self, event: Event) -> None:
        match event:
            case messages.Ready():
                self._board.set(
                    backend=event.backend,
                    input_name=event.input_name,
                    output_name=event.output_name,
                    realtime=event.realtime,
                )
                self._board.untell("performer", "ports")
            case messages.PortLost():
                self._board.set(backend="")
                self._board.tell("ports", event.reason, event.remedy)
            case messages.PortBack():
                self._board.set(backend=event.backend)
                self._board.untell("ports")
            case messages.Fault():
                self._board.tell("fault", event.text)
            case messages.Bye():
                self._board.set(backend="")

    def _hear(self, bar: messages.BarCaptured) -> None:
        """Keep a bar; if it completes a phrase, that becomes the source."""
        self._history.add(bar)
        self._board.touch()
        if self._model is None or not self._following:
            return
        beats = self._model.representation.grid.beats_per_bar
        if bar.beats_per_bar != beats:
            self._board.tell(
                "metre",
                f"The bars have {bar.beats_per_bar:g} beats, {self._model.name} plays {beats}.",
                "Set the metre to match, or choose another model.",
            )
            return
        self._board.untell("metre")
        block = bar.bar - bar.bar % self._model.bars
        first_answer = self._heard is None or self._heard.first_bar == block
        heard = self._history.closed_phrase(self._model.bars, partial=first_answer)
        # Silence is no phrase to answer: the player listens, and the last phrase goes on.
        if heard is not None and heard.phrase.notes:
            self._set_source(heard)

    def _set_source(self, heard: HeardPhrase) -> None:
        self._board.touch()
        before, self._heard = self._heard, heard
        uses_it = self._bypass or HEARD in slots_of(self._edits.now.controls)
        if uses_it and (before is None or before.phrase != heard.phrase):
            self._request()

    # Requests --------------------------------------------------------------------------------

    def _request(self) -> None:
        """Ask the inference thread for what the present state sounds like."""
        self._board.touch()
        controls = self._edits.now.controls
        phrases = self._phrases()
        source = phrases.get(controls.source)
        request = Request(
            model=self._model,
            controls=counting(
                controls, self._features(), [attribute.name for attribute in self._attributes()]
            ),
            phrases=phrases,
            bypassed=source if self._bypass else None,
            anchor_beats=self._anchor_beats(),
            starts_at=self._starts_at,
            asked_ns=self._now_ns(),
        )
        if self._closed or (self._model is None and request.bypassed is None):
            return
        self._board.untell("slots")
        missing = [name for name in slots_of(controls) if name not in phrases]
        if request.bypassed is None and missing:
            self._tell_missing(missing)
            return
        self._answers.ask(request)

    def _anchor_beats(self) -> float:
        """Count an answer to what was heard from where that stood, another from the song's start.

        What continues it is counted from where it ended.
        """
        controls, heard = self._edits.now.controls, self._heard
        if heard is None or HEARD not in slots_of(controls):
            return 0.0
        follows = controls.mode == "continue" and not self._bypass
        return (heard.first_bar + follows * heard.phrase.bars) * heard.phrase.beats_per_bar

    def _attributes(self) -> tuple[Attribute, ...]:
        return self._model.bundle.manifest.attributes if self._model is not None else ()

    def _features(self) -> frozenset[str]:
        return (
            frozenset({PITCHES})
            if self._model is None or pitched(self._model.representation)
            else frozenset()
        )

    def _phrases(self) -> dict[str, Phrase]:
        heard: dict[str, Phrase] = {} if self._heard is None else {HEARD: self._heard.phrase}
        return {**self._edits.now.stored, **heard}

    def _tell_missing(self, missing: list[str]) -> None:
        stored = [name for name in missing if name != HEARD]
        if not stored:
            return  # nothing heard yet: the window says so anyway
        names = " and ".join(stored)
        text = f"Slot {names} is empty." if len(stored) == 1 else f"Slots {names} are empty."
        self._board.tell("slots", text, "Play a phrase, then store it there.", "hint")

    def _send(self, command: Command) -> bool:
        """Send a command from either thread; a performer that is gone becomes a notice."""
        try:
            with self._sending:
                self._client.send(command)
        except PerformerError as error:
            self._board.tell("performer", str(error))
            return False
        return True

    # State -----------------------------------------------------------------------------------

    def _rolling(self) -> bool:
        return self._board.base.clock is not None and self._board.base.clock.status in (
            "armed",
            "rolling",
            "flywheel",
        )

    def _fill(self) -> dict[str, Any]:
        """Return the snapshot's fields that are kept here."""
        model, edits, answers = self._model, self._edits, self._answers
        return {
            "model_name": model.name if model else "",
            "model_bars": model.bars if model else 0,
            "modes": model.modes if model else modes_of("autoencode"),
            "attributes": self._attributes(),
            "pitched": model is None or pitched(model.representation),
            "voices": model.bundle.manifest.voices if model else (),
            "precision": model.choice.used.precision if model else "",
            "provider": model.choice.used.provider if model else "",
            "heard": self._heard.phrase if self._heard else None,
            "playing": answers.sounding,
            "playing_since_beats": answers.since_beats,
            "coming": answers.coming,
            "controls": edits.now.controls,
            "slots": frozenset(edits.now.stored),
            "following": self._following,
            "bypass": self._bypass,
            "demo": self._demo,
            "can_undo": edits.can_undo,
            "can_redo": edits.can_redo,
            "bars_in_history": len(self._history),
        }


class _Outlet:
    """What the inference thread may do to a session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def play(self, pattern: messages.SetPattern) -> bool:
        return self._session._send(pattern)

    def answered(self, took_ms: float) -> None:
        self._session._board.untell("render")
        self._session._board.set(pattern_ms=took_ms)

    def failed(self, reason: str) -> None:
        self._session._board.tell("render", f"{reason}.", "The last pattern goes on.")
