"""A continuation as the engine uses one: keys favoured, themes recalled, as dense as what was heard."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from msgspec.structs import replace
from numpy.typing import NDArray

from engine.inference.bundle.store import Bundle
from engine.music.representation import Representation, representation
from training.evaluation.loaded_model import Subject
from training.evaluation.musicality.played_model import Floats, bundle_of
from training.models.key_chain import KeyChain
from training.models.seq2seq import Continuer


class PlayedContinuation:
    """The weights of a subject behind `engine.inference.slots.LatentModel`."""

    def __init__(self, subject: Subject) -> None:
        if not isinstance(subject.model, Continuer | KeyChain):
            raise TypeError(f"{subject.path}: is no continuation")
        self._model, model = subject.model, subject.config.model
        self.representation: Representation = representation(model.representation, model.bars, model.grid)
        state = self._model.encode(torch.zeros(1, self.representation.steps, self.representation.width))
        plain = bundle_of(subject, state.shape[1])
        conditions = ("heard", "ringing") if isinstance(self._model, KeyChain) else ()
        self.bundle: Bundle = replace(plain, manifest=replace(plain.manifest, conditions=conditions))

    @torch.no_grad()
    def encode(self, x: NDArray[Any]) -> tuple[Floats, Floats]:
        """Encode frames `[B, T, K]` to the state after them `[B, Z]`; nothing of it is left open."""
        state = self._model.encode(torch.as_tensor(x, dtype=torch.float32)).numpy()
        return state, np.zeros_like(state)

    @torch.no_grad()
    def decode(
        self,
        z: Floats,
        perturbation: Floats,
        *unheard: Any,
        heard: Floats | None = None,
        ringing: Floats | None = None,
        **further: Any,
    ) -> NDArray[Any]:
        """Write frames `[U, B, K]` from states `[B, Z]` under `[U, B, K]`, after those `heard` `[B, T, K]`.

        `ringing` `[B, U, K]` is what is added where a key may be held.
        """
        state, shift = torch.as_tensor(z), torch.as_tensor(perturbation)
        if isinstance(self._model, Continuer):
            return self._model.generate(state, shift).transpose(0, 1).numpy()
        before = np.zeros((len(z), 0, shift.shape[2]), np.float32) if heard is None else heard
        held = torch.zeros_like(shift.transpose(0, 1)) if ringing is None else torch.as_tensor(ringing)
        pinned = held, torch.zeros_like(held)
        written = self._model.generate(state, shift, torch.as_tensor(before), pinned=pinned)
        return written.transpose(0, 1).numpy()

    def next_word(self, words: Floats) -> Mapping[str, Floats]:
        """Refuse: no continuation of keys knows sentences."""
        raise TypeError(f"{self.bundle.path}: knows no sentences")
