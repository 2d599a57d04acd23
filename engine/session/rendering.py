"""The inference thread's side of an answer: encoded phrases remembered, one rendering at a time."""

from collections import OrderedDict
from typing import TYPE_CHECKING

from engine.errors import RenderError
from engine.inference.latent_space import offered
from engine.inference.perturbation import pitched
from engine.inference.ranking import ranked
from engine.inference.render import render
from engine.inference.windows import AnySlot, encode_phrase, laid_back
from engine.music.metre_fit import MetreFit
from engine.music.notes import Phrase
from engine.session.document import UNKNOWN, Surroundings
from engine.session.live import Take
from engine.session.request import Request
from engine.session.snapshot import ModelFacts

if TYPE_CHECKING:  # onnxruntime takes its time to load; the window need not wait for it
    from engine.inference.model import Model

LATENTS_KEPT = 32
"""Encoded phrases that are remembered."""


class Renderer:
    """Renders requests. Touched by the inference thread only."""

    def __init__(self) -> None:
        self._model: Model | None = None
        self._slots: OrderedDict[tuple[Phrase, Surroundings], AnySlot] = OrderedDict()

    def answer(self, model: "Model | None", request: Request) -> Phrase:
        """Return the phrase a request asks for; RenderError where there is none."""
        if request.bypassed is not None:
            return request.bypassed
        if model is None:
            raise RenderError("no model is loaded yet")
        phrase = render(model, self.slots(model, request), request.controls)
        if request.phrases or phrase.beats_per_bar == request.beats_per_bar:
            return phrase
        return laid_back(phrase, MetreFit(request.beats_per_bar, phrase.beats_per_bar))

    def takes(self, model: "Model", request: Request, count: int) -> tuple[Take, ...]:
        """Return takes with the seeds from the request's on, best first."""
        found = ranked(model, self.slots(model, request), request.controls, count)
        return tuple(Take(each.controls, each.phrase, each.fit) for each in found)

    def slots(self, model: "Model", request: Request) -> dict[str, AnySlot]:
        """Return the request's phrases encoded, by slot name; from memory where possible."""
        known = request.surroundings
        return {
            name: self._slot(model, phrase, known.get(name, UNKNOWN))
            for name, phrase in request.phrases.items()
        }

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


def facts_of(model: "Model", reference: str = "") -> ModelFacts:
    """Return what window and update need to know of a model that was loaded by a name or path."""
    manifest, representation = model.bundle.manifest, model.representation
    return ModelFacts(
        name=model.name,
        reference=reference or model.name,
        hash=model.bundle.hash,
        task=manifest.task,
        bars=model.bars,
        beats_per_bar=float(representation.grid.beats_per_bar),
        representation=representation.name,
        pitched=pitched(representation),
        attributes=offered(manifest),
        voices=manifest.voices,
        precision=model.choice.used.precision,
        provider=model.choice.used.provider,
    )
