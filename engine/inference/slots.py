"""Slots: phrases made ready for a model, with their tensors, latents and feel.

Shape legend: B batch, T steps, S streams, D values of a step, V width of the perturbation, Z latent size.
"""

from collections.abc import Mapping
from itertools import cycle, islice
from typing import TYPE_CHECKING, Any, Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from engine.errors import RenderError
from engine.inference.bundle.manifest import Task
from engine.inference.fine_choice import with_chosen_fine
from engine.inference.home_key import moved_tokens, moved_voices, semitones_home
from engine.inference.latent_space import Floats
from engine.music.chords import Harmony
from engine.music.feel import Feel
from engine.music.groove import GrooveRepresentation, quantised
from engine.music.key import Key
from engine.music.key_finding import key_of
from engine.music.melody import VOCABULARY
from engine.music.notes import Phrase
from engine.music.representation import Representation
from engine.text import counted

if TYPE_CHECKING:  # how a bundle is read and checked is not needed before one is
    from engine.inference.bundle.store import Bundle


class LatentModel(Protocol):
    """What rendering needs of a model; `engine.inference.model.Model` is one."""

    bundle: "Bundle"

    @property
    def representation(self) -> Representation:
        """Between phrases and the model's tensors."""

    def encode(self, x: npt.NDArray[Any]) -> tuple[Floats, Floats]:
        """Encode `[B, T, S]` to `mu` and `sigma`, `[B, Z]` each."""

    def decode(
        self,
        z: Floats,
        perturbation: Floats,
        chords: Floats | None = None,
        before: npt.NDArray[np.int64] | None = None,
        heard: Floats | None = None,
        **further: npt.NDArray[Any] | None,
    ) -> npt.NDArray[Any]:
        """Decode `[B, Z]`, `[T, B, V]` and further inputs to `[T, B, S]`; see `engine.inference.model`."""

    def next_word(self, words: Floats) -> Mapping[str, Floats]:
        """Return what may come after words `[N, F]`, by a model that knows sentences."""


class Slot(msgspec.Struct, frozen=True, eq=False):
    """A phrase with all a rendering needs of it; made by `encode_slot`."""

    phrase: Phrase
    """Of the model's length."""
    tensor: npt.NDArray[Any]
    """`[T, S]` tokens, or `float32 [T, D]`; of taps what was tapped."""
    mu: Floats
    """`[Z]`."""
    sigma: Floats
    """`[Z]`."""
    feel: Feel
    key: Key | None = None
    """Of the music around the phrase, or of the phrase itself; None where none is known."""
    harmony: Harmony = ()
    """Chord of each pulse; empty where none are known."""
    semitones_home: int = 0
    """Semitones by which the phrase was moved before it was encoded, into the key that the model knows."""
    rest: npt.NDArray[np.bool_] | None = None
    """`[T]` steps at which nothing may begin, where bars of another metre leave a rest; None for none."""
    played_bars: int = 0
    """Bars that were played, which the phrase repeats where they are fewer than the model takes."""


def fit(representation: Representation, phrase: Phrase) -> Phrase:
    """Return the phrase at a representation's length: a shorter one is repeated.

    Raises:
        RenderError: it is longer, or in another metre.
    """
    metre = representation.grid.metre
    if phrase.metre != metre:
        raise RenderError(f"the phrase is in {phrase.metre}, the model in {metre}; choose another model")
    if phrase.bars > representation.bars:
        raise RenderError(
            f"the phrase has {counted(phrase.bars, 'bar')}, the model takes {representation.bars}; "
            "choose fewer bars"
        )
    return phrase if phrase.bars == representation.bars else phrase.tiled(representation.bars)


def heard_by(task: Task, representation: Representation, phrase: Phrase) -> npt.NDArray[Any]:
    """Return what a model with that task hears of a phrase: `[T, S]` tokens or `float32 [T, D]`."""
    if task == "humanize":
        return quantised(representation.encode(phrase))
    if task == "drumify" and isinstance(representation, GrooveRepresentation):
        return representation.taps(phrase)
    return representation.encode(phrase)


def encode_slot(model: LatentModel, phrase: Phrase, key: Key | None = None, harmony: Harmony = ()) -> Slot:
    """Encode a phrase; a shorter one is repeated to the model's length.

    Args:
        model: a loaded model.
        phrase: what was played.
        key: of the music around it; None for the key of the phrase alone.
        harmony: chord of each pulse, as far as they are known; shorter ones go round.

    Raises:
        RenderError: its length or metre does not fit, or the model failed.
    """
    task, representation = model.bundle.manifest.task, model.representation
    played_bars, phrase = phrase.bars, fit(representation, phrase)
    if task != "drumify":  # a rhythm may be tapped on anything
        phrase = representation.admitted(phrase)
    heard = heard_by(task, representation, phrase)
    key, home = key or key_of(phrase), 0
    if task == "accompany":
        home = 0 if key is None else (key.semitones_to_reference + 6) % 12 - 6
        heard = moved_voices(heard, home)
    elif model.bundle.manifest.key_normalised:
        home = semitones_home(heard, key)
        heard = moved_tokens(heard, home)
    mu, sigma = model.encode(heard[None])
    if model.bundle.manifest.latent_layout is not None and VOCABULARY in representation.streams:
        mu = _chosen_fine(model, heard[:, 0], mu, sigma)
    tensor = heard if task == "drumify" else representation.encode(phrase)
    feel = Feel.of(phrase, representation)
    chords = tuple(islice(cycle(harmony), phrase.pulses)) if harmony else ()
    return Slot(phrase, tensor, mu[0], sigma[0], feel, key, chords, home, played_bars=played_bars)


def _chosen_fine(model: LatentModel, tokens: npt.NDArray[np.int64], mu: Floats, sigma: Floats) -> Floats:
    """Return that latent `[1, Z]` of a phrase of words, tokens `[T]`, from which most comes back.

    Each word is tried after the bar before it, without chords.
    """
    layout, per_bar = model.bundle.manifest.latent_layout, model.representation.grid.steps_per_bar
    assert layout is not None  # asked only where there is one
    words, parts = tokens.reshape(layout.words, -1), (layout.words, layout.word_size)
    before = np.vstack([np.full((1, per_bar), -1), words[:-1, -per_bar:]])

    def decode(z: Floats, of: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        nothing = np.zeros((words.shape[1], len(z), VOCABULARY), np.float32)
        return np.asarray(model.decode(z, nothing, None, before[of])[:, :, 0].T, np.int64)

    one = msgspec.structs.replace(layout, words=1)
    return with_chosen_fine(one, words, mu.reshape(parts), sigma.reshape(parts), decode).reshape(mu.shape)
