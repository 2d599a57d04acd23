"""Rendering under every representation, with a model in a few lines of numpy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_bundle import plain_bundle

from engine.inference.constraints import Constraints
from engine.inference.controls import Controls
from engine.inference.render import render
from engine.inference.slots import encode_slot
from engine.music.notes import Note, Phrase
from engine.music.representation import representation

Z = 16
NAMES = ("melody", "drums", "trio", "groove", "pianoroll")


class PlainModel:
    """Logits are z times fixed random weights: no feedback, but the whole contract."""

    def __init__(self, name):
        self.representation = representation(name, 2)
        shape = self.representation.encode(Phrase((), 2)).shape
        rng = np.random.default_rng(4)
        self.inward = rng.normal(0, 0.05, (shape[0] * shape[1], Z))
        self.outward = rng.normal(0, 1, (Z, shape[0], self.representation.width))
        self.bundle = plain_bundle(name, "autoencode", Z)

    def encode(self, x):
        mu = np.tanh(x.reshape(len(x), -1) @ self.inward).astype(np.float32)
        return mu, np.full_like(mu, 0.5)

    def decode(self, z, perturbation):
        logits = np.einsum("bz,ztv->tbv", z, self.outward) + perturbation
        if self.representation.streams:
            edges = np.cumsum(self.representation.streams)[:-1]
            parts = [part.argmax(axis=-1) for part in np.split(logits, edges, axis=-1)]
            return np.stack(parts, axis=-1)
        hits = (logits > 0).astype(np.float32)
        if self.representation.name == "pianoroll":
            return hits
        return np.concatenate([hits, 0.9 * hits, 0.5 * hits], axis=-1)


MODELS = {name: PlainModel(name) for name in NAMES}

notes = st.builds(
    Note,
    start_beats=st.floats(-0.1, 7.8),
    pitch=st.integers(30, 90),
    duration_beats=st.floats(0.05, 2),
    velocity=st.integers(1, 127),
    channel=st.sampled_from([0, 1, 9]),
)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=25)
@given(played=st.lists(notes, max_size=16), seed=st.integers(0, 1000))
def test_the_ends_are_exact_in_every_representation(name, played, seed):
    model = MODELS[name]
    source = encode_slot(model, Phrase.of(played, 2))
    other = encode_slot(model, Phrase.of([Note(1.0, 40, 1.0, 99, 9), Note(2.0, 62, 1.0, 33)], 2))
    slots = {"heard": source, "A": source, "B": other}
    assert render(model, slots, Controls(variation=0.0, seed=seed)) == source.phrase
    assert render(model, slots, Controls(mode="morph", morph=0.0, seed=seed)) == source.phrase
    assert render(model, slots, Controls(mode="morph", morph=1.0, seed=seed)) == other.phrase


@pytest.mark.parametrize("name", NAMES)
def test_every_representation_varies_and_generates(name):
    model = MODELS[name]
    source = encode_slot(model, Phrase.of([Note(i / 2, 36 + i, 0.4, 80, 9 * (i % 2)) for i in range(16)], 2))
    assert render(model, {"heard": source}, Controls(variation=1.0)) != source.phrase
    assert render(model, {}, Controls(mode="generate")).notes


def beat(velocity, lean):
    """Kick and snare on the beats."""
    return Phrase.of([Note(i + lean, 36 + 2 * (i % 2), 0.25, velocity, 9) for i in range(8)], 2)


def kicks(phrase):
    return [note for note in phrase.notes if note.pitch == 36 and abs(note.start_beats % 1 - 0.5) > 0.4]


def test_a_groove_eases_from_the_players_feel_to_the_models():
    model = MODELS["groove"]
    source = encode_slot(model, beat(40, 0.05))
    held = Constraints(keep_rhythm=True, keep_pitches=True)
    means = []
    for variation in (0.0, 0.05, 0.4, 1.0):
        result = render(model, {"heard": source}, Controls(variation=variation, constraints=held))
        means.append(np.mean([note.velocity for note in kicks(result)]))
    assert means[0] == 40
    assert means[0] < means[1] < means[2] < means[3] == pytest.approx(0.9 * 127, abs=1)


def test_drums_may_only_use_the_players_kit_if_asked():
    model = MODELS["drums"]
    source = encode_slot(model, beat(90, 0.0))
    free = render(model, {"heard": source}, Controls(variation=1.0))
    kept = render(
        model, {"heard": source}, Controls(variation=1.0, constraints=Constraints(keep_pitches=True))
    )
    assert {note.pitch for note in free.notes} - {36, 38}
    assert {note.pitch for note in kept.notes} <= {36, 38}
