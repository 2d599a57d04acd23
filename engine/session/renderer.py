"""The inference thread's side of an answer: encoded phrases remembered, one rendering at a time."""

from collections import Counter, OrderedDict
from collections.abc import Generator, Mapping
from typing import TYPE_CHECKING

from msgspec.structs import replace

from engine.errors import RenderError
from engine.inference.controls import HEARD
from engine.inference.ranking import best_first, takes_from
from engine.inference.render import render, render_batch
from engine.inference.windows import AnySlot, LongSlot, encode_phrase, laid_back
from engine.music.kits import GM, drum_kit
from engine.music.left_out import left_out
from engine.music.metre_fit import fit_to
from engine.music.notes import Phrase
from engine.session.document import UNKNOWN, Surroundings
from engine.session.live import Take
from engine.session.request import Request

if TYPE_CHECKING:  # onnxruntime takes its time to load; the window need not wait for it
    from engine.inference.model import Model

LATENTS_KEPT = 32
"""Encoded phrases that are remembered."""
TAKES_A_SLICE = 8
"""Takes rendered at once: an answer that is wanted meanwhile waits for no more than these."""


class Renderer:
    """Renders requests. Touched by the inference thread only."""

    def __init__(self) -> None:
        self._model: Model | None = None
        self._plain: Model | None = None
        self._kitted: Model | None = None
        self._kit = ""
        self._fitting: tuple[Model, float, Model] | None = None
        """The last one that was brought to a tempo, the tempo, and what it was then."""
        self._unheard: Counter[str] = Counter()
        self._slots: OrderedDict[tuple[Phrase, Surroundings], AnySlot] = OrderedDict()

    def answer(self, model: "Model | None", request: Request) -> Phrase:
        """Return the phrase a request asks for; RenderError where there is none."""
        if request.bypassed is not None:
            return request.bypassed
        if model is None:
            raise RenderError("no model is loaded yet")
        model = self._fitted(model, request)
        phrase = render(model, self.slots(model, request), request.controls_in_key)
        if request.phrases or phrase.metre == request.metre:
            return phrase
        return laid_back(phrase, fit_to(model.representation, request.metre))

    def takes(self, model: "Model", request: Request, count: int) -> Generator[None, None, tuple[Take, ...]]:
        """Return takes with the seeds from the request's on, best first; yield after every few of them.

        A take is the same however many are rendered with it, so that an answer may come between.
        """
        model = self._fitted(model, request)
        slots, takes = self.slots(model, request), takes_from(request.controls_in_key, count)
        phrases: list[Phrase] = []
        for first in range(0, len(takes), TAKES_A_SLICE):
            phrases += render_batch(model, slots, takes[first : first + TAKES_A_SLICE])
            yield
        found = best_first(model, slots, takes, phrases)
        limits = request.controls.constraints
        return tuple(
            Take(replace(each.controls, constraints=limits), each.phrase, each.fit) for each in found
        )

    def unheard(self) -> Mapping[str, int]:
        """Return by reason how many notes heard since the last call the model has no place for."""
        found, self._unheard = self._unheard, Counter()
        return found

    def _fitted(self, model: "Model", request: Request) -> "Model":
        """Return a model that reads drums by the request's kit, in the felt metre of what it starts from.

        It is at the song's tempo too, where it is conditioned on one.
        """
        kitted = self._with_kit(model, request.drum_kit)
        phrase = next(iter(request.phrases.values()), None)
        fitted = kitted.in_metre(request.metre) if phrase is None else kitted.for_phrase(phrase)
        if not request.bpm:
            return fitted
        if self._fitting is None or self._fitting[0] is not fitted or self._fitting[1] != request.bpm:
            self._fitting = fitted, request.bpm, fitted.at_tempo(request.bpm)
        return self._fitting[2]

    def _with_kit(self, model: "Model", kit: str) -> "Model":
        """Return a model that reads drums by a kit, the same object for the same two."""
        if kit == GM.name:  # as it was loaded
            return model
        if self._kitted is None or model is not self._plain or kit != self._kit:
            self._plain, self._kit, self._kitted = model, kit, model.with_kit(drum_kit(kit))
        return self._kitted

    def _count_unheard(self, model: "Model", slot: AnySlot, phrase: Phrase) -> None:
        heard = [window.phrase for window in slot.windows] if isinstance(slot, LongSlot) else [phrase]
        for each in heard:
            for lost in left_out(each, model.representation):
                self._unheard[lost.reason] += lost.notes

    def slots(self, model: "Model", request: Request) -> dict[str, AnySlot]:
        """Return the request's phrases encoded, by slot name; from memory where possible."""
        slots = {}
        for name, phrase in request.phrases.items():
            known = request.surroundings.get(name, UNKNOWN)
            is_new = (phrase, known) not in self._slots
            slots[name] = self._slot(model, phrase, known)
            if is_new and name == HEARD:
                self._count_unheard(model, slots[name], phrase)
        return slots

    def _slot(self, model: "Model", phrase: Phrase, known: Surroundings) -> AnySlot:
        if model is not self._model:
            self._model, self._slots = model, OrderedDict()
        place = (phrase, known)
        if place not in self._slots:
            self._slots[place] = encode_phrase(model, phrase, known.key, known.harmony)
            if len(self._slots) > LATENTS_KEPT:
                self._slots.popitem(last=False)
        self._slots.move_to_end(place)
        return self._slots[place]
