"""What an accompaniment writes to held-out melodies through the player's engine, beside the real voices."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from msgspec.structs import replace
from numpy.typing import NDArray

from engine.inference.bundle.manifest import VoiceLatent
from engine.inference.bundle.store import Bundle
from engine.inference.controls import Controls
from engine.inference.harmony import notes_on_chord
from engine.inference.slots import LatentModel, encode_slot
from engine.music.accompaniment import PITCHED_CHANNELS
from engine.music.chords import Chord, Harmony
from engine.music.key import Key
from engine.music.melody import FIRST_NOTE, MelodyRepresentation
from engine.music.notes import Phrase
from engine.music.representation import Representation
from training.corpus.dataset import Corpus, spread
from training.evaluation.loaded_model import Subject
from training.evaluation.musicality.lines import Line
from training.evaluation.musicality.played_model import Floats, bundle_of
from training.evaluation.musicality.played_phrases import play_each
from training.evaluation.musicality.real_chords import known_chords
from training.evaluation.musicality.traits import melody_traits
from training.evaluation.musicality.two_sample import telling_apart
from training.models.accompaniment import VOICES, Accompaniment, Surroundings
from training.models.words import BEAT_STEPS

MOST_WINDOWS = 1200
"""Held-out windows; half of them are accompanied, half stand for music."""
MELODY, CHORD, CHORD_BASS = 0, 4, 5
"""Columns of a window."""


class PlayedAccompaniment:
    """The weights of a subject behind `engine.inference.slots.LatentModel`."""

    def __init__(self, subject: Subject) -> None:
        if not isinstance(subject.model, Accompaniment):
            raise TypeError(f"{subject.path}: is no accompaniment")
        self._model, self.representation = subject.model, subject.representation
        beats = self.representation.steps // BEAT_STEPS
        plain = bundle_of(subject, sum(subject.model.sizes(beats)))
        configs = [subject.model.writer(voice).config for voice in range(len(VOICES))]
        latents = tuple(
            VoiceLatent(name=name, coarse=config.coarse, fine=config.fine)
            for name, config in zip(VOICES, configs, strict=True)
        )
        self.bundle: Bundle = replace(
            plain, manifest=replace(plain.manifest, key_normalised=True, voice_latents=latents)
        )

    @torch.no_grad()
    def encode(self, x: NDArray[Any]) -> tuple[Floats, Floats]:
        """Encode voices `[B, T, 3]` to mu and sigma, `[B, Z]` each."""
        posterior = self._model.encode(torch.as_tensor(x))
        return posterior.mu.float().numpy(), posterior.sigma.float().numpy()

    @torch.no_grad()
    def decode(self, z: Floats, perturbation: Floats, *unheard: Any, **given: Any) -> NDArray[Any]:
        """Decode `[B, Z]` under `[T, B, V]`, given melody, harmony, accents and fills, to `[T, B, 3]`."""
        before = torch.full((len(z), self.representation.grid.steps_per_bar, len(VOICES)), -1)
        around = Surroundings(**{name: torch.as_tensor(part) for name, part in given.items()}, before=before)
        written = self._model.generate(torch.as_tensor(z), around, torch.as_tensor(perturbation))
        return written.transpose(0, 1).numpy()

    def next_word(self, words: Floats) -> Mapping[str, Floats]:
        """Refuse: no accompaniment knows sentences."""
        raise TypeError(f"{self.bundle.path}: knows no sentences")


def accompaniment_measures(
    model: LatentModel, corpus: Corpus, split: str, windows: int, seed: int
) -> dict[str, dict[str, float]]:
    """Accompany held-out melodies with every setting at its default, and compare the pitched voices.

    Returns:
        By voice and row (`written`, `held-out music`, `training music`, `another piece`): `c2st`, how often
        trees tell it from the other half of the held-out windows; `notes` a window; and `on_chord`, the share
        of notes on beats that are tones of the chord. A voice that no window has is left out.
    """
    held = _with_melody(corpus.batch(spread(corpus.window_ids(split), min(windows, MOST_WINDOWS))))
    played, real = held[0::2], held[1::2]
    harmonies, representation = [harmony_of(window) for window in played], model.representation
    asked = []
    for index, (window, harmony) in enumerate(zip(played, harmonies, strict=True)):
        melody = MelodyRepresentation(representation.bars, representation.grid).decode(window[:, [MELODY]])
        slot = encode_slot(model, melody, Key(0), harmony)
        asked.append(({"heard": slot}, Controls(mode="accompany", seed=seed + index)))
    training = _with_melody(corpus.batch(spread(corpus.window_ids("train"), len(held))))[: len(played)]
    own = _decoded(representation, played)
    sets = {
        "written": play_each(model, asked),
        "held-out music": own,
        "training music": _decoded(representation, training),
        "another piece": [*own[len(own) // 2 :], *own[: len(own) // 2]],
    }
    music = _decoded(representation, real)
    return {
        f"{name}, {row}": _measured(phrases, music, harmonies if row != "training music" else [], voice, seed)
        for voice, name in enumerate(VOICES[: len(PITCHED_CHANNELS)])
        if (held[:, 0, 1 + voice] >= 0).any()
        for row, phrases in sets.items()
        if phrases
    }


def harmony_of(window: NDArray[Any]) -> Harmony:
    """Return the chord of each beat of a window `[T, 9]`, with its bass; None where none is known."""
    (chords,), basses = known_chords(window[None], CHORD), window[::BEAT_STEPS, CHORD_BASS]
    return tuple(
        chord
        if chord is None or bass in (0, chord.root + 1)
        else Chord(chord.root, chord.quality, int(bass) - 1)
        for chord, bass in zip(chords, basses, strict=True)
    )


def _with_melody(windows: NDArray[Any]) -> NDArray[np.int64]:
    """Return the windows in which a melody and a pitched voice play."""
    melody, voices = windows[..., MELODY] >= FIRST_NOTE, windows[..., 1:3] >= FIRST_NOTE
    return windows[melody.any(axis=1) & voices.any(axis=(1, 2))].astype(np.int64)


def _decoded(representation: Representation, windows: NDArray[np.int64]) -> list[Phrase]:
    """Return the voices of windows; of chords the highest notes."""
    return [representation.decode(np.maximum(window[:, 1:4], 0)) for window in windows]


def _measured(
    phrases: list[Phrase], music: list[Phrase], harmonies: list[Harmony], voice: int, seed: int
) -> dict[str, float]:
    lines, real = ([_line(phrase, voice) for phrase in each] for each in (phrases, music))
    ours, theirs = (np.stack([melody_traits(line, music[0].bars) for line in each]) for each in (lines, real))
    found = {
        "c2st": telling_apart(theirs, ours, seed),
        "notes": float(np.mean([len(line.onset) for line in lines])),
    }
    if harmonies:
        channel = PITCHED_CHANNELS[voice]
        counts = np.array(
            [
                notes_on_chord([note for note in phrase.notes if note.channel == channel], harmony)
                for phrase, harmony in zip(phrases, harmonies, strict=True)
            ]
        ).sum(axis=0)
        found["on_chord"] = float(counts[0] / max(counts[1], 1))
    return found


def _line(phrase: Phrase, voice: int) -> Line:
    """Return a voice: of notes that are struck together the highest."""
    line = Line.of(note for note in phrase.notes if note.channel == PITCHED_CHANNELS[voice])
    top = np.flatnonzero(np.diff(line.onset, append=np.iinfo(np.int64).max) > 0)
    return Line(line.onset[top], line.end[top], line.pitch[top])
