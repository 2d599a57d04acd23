"""From a request to a pattern on its way: the inference thread's half of the session.

`ask` is called on the session's thread, the rest happens on the one started here. The newest
request wins; one that was overtaken before its turn is never computed.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from engine.errors import AntiphonError, RenderError
from engine.inference.controls import Controls
from engine.inference.render import render
from engine.inference.slots import Slot, encode_slot
from engine.inference.worker import LatestWorker
from engine.modes.catalogue import slots_of
from engine.music.notes import Note, Phrase
from engine.performer.messages import NoteData, PatternStarted, SetPattern, StartAt

if TYPE_CHECKING:  # onnxruntime takes its time to load; the window need not wait for it
    from engine.inference.model import Model

LATENTS_KEPT = 32
"""Encoded phrases the inference thread remembers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the music depends on; all values, so that nothing changes under the computation."""

    model: "Model | None"
    controls: Controls
    phrases: Mapping[str, Phrase]
    """By slot name."""
    bypassed: Phrase | None
    """Play this as it is."""
    anchor_beats: float
    """Song position the answer's first beat is counted from: where its source stood."""
    starts_at: StartAt
    asked_ns: int


class Outlet(Protocol):
    """Where answers go; called from the inference thread."""

    def play(self, pattern: SetPattern) -> bool:
        """Send a pattern to the performer; False if it is gone."""

    def answered(self, took_ms: float) -> None:
        """A pattern is on its way, so long after it was asked for."""

    def failed(self, reason: str) -> None:
        """There is no answer to a request; one line."""


class Answers:
    """Computes answers and knows which of them sounds and which is coming."""

    def __init__(self, outlet: Outlet, now_ns: Callable[[], int]) -> None:
        self._outlet, self._now_ns = outlet, now_ns
        self._lock = threading.Lock()
        self._closed = False
        self._last_id = 0
        self._sent: OrderedDict[int, Phrase] = OrderedDict()
        self._sounding: Phrase | None = None
        self._since_beats = 0.0
        self._latents = _Latents()
        self._worker: LatestWorker[Request] = LatestWorker(self._answer)

    @property
    def sounding(self) -> Phrase | None:
        """The pattern that sounds."""
        return self._sounding

    @property
    def since_beats(self) -> float:
        """Song position its first beat is counted from."""
        return self._since_beats

    @property
    def coming(self) -> Phrase | None:
        """The newest pattern that was sent and has not begun."""
        with self._lock:
            return next(reversed(self._sent.values())) if self._sent else None

    def ask(self, request: Request) -> None:
        """Compute an answer in place of one that waits."""
        self._worker.submit(request)

    def started(self, event: PatternStarted) -> None:
        """Note that a pattern sounds; the ones before it never will."""
        with self._lock:
            self._sounding = self._sent.get(event.pattern_id, self._sounding)
            self._since_beats = event.anchor_beats
            for number in [number for number in self._sent if number <= event.pattern_id]:
                del self._sent[number]

    def wait_idle(self, timeout_s: float) -> bool:
        """Wait until nothing is computed or waits; return False if the time ran out."""
        return self._worker.wait_idle(timeout_s)

    def close(self) -> None:
        """Send nothing any more and end the thread."""
        with self._lock:
            self._closed = True
        self._worker.close()

    # On the inference thread -----------------------------------------------------------------

    def _answer(self, request: Request) -> None:
        try:
            phrase = request.bypassed or self._render(request)
        except AntiphonError as error:
            self._outlet.failed(str(error))
        except Exception as error:  # a defect must not end the thread that makes the music
            self._outlet.failed(f"the model failed: {type(error).__name__}: {error}")
        else:
            self._hand_over(request, phrase)

    def _render(self, request: Request) -> Phrase:
        if request.model is None:
            raise RenderError("no model is loaded yet")
        slots = {
            name: self._latents.slot(request.model, request.phrases[name])
            for name in slots_of(request.controls)
        }
        return render(request.model, slots, request.controls)

    def _hand_over(self, request: Request, phrase: Phrase) -> None:
        with self._lock:
            if self._closed:
                return
            first = self._sounding is None and not self._sent
            self._last_id += 1
            self._sent[self._last_id] = phrase
        starts_at: StartAt = "bar" if first else request.starts_at
        pattern = SetPattern(self._last_id, wire(phrase), phrase.bars, starts_at, request.anchor_beats)
        if self._outlet.play(pattern):
            self._outlet.answered((self._now_ns() - request.asked_ns) / 1e6)


class _Latents:
    """Encoded phrases of one model, the ones used last. Touched by the inference thread only."""

    def __init__(self) -> None:
        self._model: Model | None = None
        self._slots: OrderedDict[Phrase, Slot] = OrderedDict()

    def slot(self, model: "Model", phrase: Phrase) -> Slot:
        """Return the phrase encoded, from memory if possible."""
        if model is not self._model:
            self._model, self._slots = model, OrderedDict()
        if phrase not in self._slots:
            self._slots[phrase] = encode_slot(model, phrase)
            if len(self._slots) > LATENTS_KEPT:
                self._slots.popitem(last=False)
        self._slots.move_to_end(phrase)
        return self._slots[phrase]


def wire(phrase: Phrase) -> tuple[NoteData, ...]:
    """Return a phrase's notes as they travel to the performer."""
    return tuple(_note_data(note) for note in phrase.notes)


def _note_data(note: Note) -> NoteData:
    return NoteData(note.start_beats, note.pitch, note.duration_beats, note.velocity, note.channel)
