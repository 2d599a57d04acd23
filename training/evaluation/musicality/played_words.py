"""A model of words, or of sentences over them, as the player's engine uses one; the weights are torch's."""

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.inference.bundle.graph_specs import sentence_spec
from engine.inference.bundle.manifest import LatentLayout
from engine.inference.bundle.store import Bundle
from engine.music.representation import Representation
from training.corpus.metres import FOUR_FOUR
from training.evaluation.loaded_model import Subject
from training.evaluation.musicality.played_model import Floats, bundle_of
from training.models import sentences, words
from training.models.sentences import Sentences
from training.models.words import BEAT_STEPS, WORD_BARS, Surroundings, Words, write_words


class PlayedWords:
    """The weights of a subject behind `engine.inference.slots.LatentModel`, in 4/4."""

    def __init__(self, subject: Subject) -> None:
        model = subject.model
        if not isinstance(model, Words | Sentences):
            raise TypeError(f"{subject.path}: is no model of words")
        self._sentences = model if isinstance(model, Sentences) else None
        self._words = model.words if isinstance(model, Sentences) else model
        self.representation: Representation = subject.representation
        count = max(1, self.representation.bars // WORD_BARS)
        sizes = self._words.layout(self.representation.bars * FOUR_FOUR.grid.beats_per_bar // count)
        self._layout = LatentLayout(**sizes._asdict(), words=count)
        self.bundle: Bundle = self._bundle(subject)

    def _bundle(self, subject: Subject) -> Bundle:
        bundle, layout = bundle_of(subject, self._layout.size), self._layout
        scale, spec = words.TEMPERATURE_SCALE, None
        if self._sentences is not None:
            scale, spec = sentences.TEMPERATURE_SCALE, sentence_spec(layout, self._sentences.components)
        manifest = msgspec.structs.replace(
            bundle.manifest,
            key_normalised=True,
            conditions=("chords",),
            latent_layout=layout,
            temperature_scale=scale,
            sentence=spec,
        )
        return Bundle(bundle.path, manifest, bundle.representation, bundle.latents, {}, "")

    @torch.no_grad()
    def encode(self, x: NDArray[Any]) -> tuple[Floats, Floats]:
        """Encode `[B, T, 1]` to mu and sigma, `[B, Z]` each."""
        tokens = torch.as_tensor(x)[..., 0].reshape(-1, self._layout.beats * BEAT_STEPS)
        posterior = self._words.encode(tokens)
        mu, sigma = (part.reshape(len(x), -1).float().numpy() for part in posterior)
        return mu, sigma

    @torch.no_grad()
    def decode(
        self,
        z: Floats,
        perturbation: Floats,
        chords: Floats | None = None,
        before: NDArray[np.int64] | None = None,
        heard: Floats | None = None,
        **further: NDArray[Any] | None,
    ) -> NDArray[Any]:
        """Decode `[B, Z]` under `[T, B, V]`, with chords `[B, beats, 12]` and the bar before `[B, M]`, to
        `[T, B, 1]`."""
        words = z.shape[1] // self._layout.word_size
        given = np.zeros((len(z), words * self._layout.beats, 12), np.float32) if chords is None else chords
        bar = np.full((len(z), FOUR_FOUR.grid.steps_per_bar), -1) if before is None else before
        around = Surroundings(torch.as_tensor(given), torch.as_tensor(bar), 0)
        latent, shift = torch.as_tensor(z), torch.as_tensor(perturbation)
        written: Tensor = write_words(self._words, latent, shift, around, words)
        return written.T.unsqueeze(-1).numpy()

    @torch.no_grad()
    def next_word(self, words: Floats) -> Mapping[str, Floats]:
        """Return what may come after words `[N, F]`."""
        assert self._sentences is not None  # asked only where the manifest has a graph of sentences
        rows = np.zeros((1, 1 + len(words), self._sentences.read.in_features), np.float32)
        if len(words):
            rows[0, 1:] = words
        following = self._sentences.after_the_last(torch.as_tensor(rows))
        return {name: part[0, 0].numpy() for name, part in following._asdict().items()}
