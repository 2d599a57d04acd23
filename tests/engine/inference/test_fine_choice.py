"""Which fine latents a dense word gets: the mean's, or those of a draw that gives more of it back."""

import numpy as np
import pytest

from engine.inference.bundle.latent_places import fine_places
from engine.inference.bundle.manifest import LatentLayout
from engine.inference.fine_choice import DRAWS, with_chosen_fine
from engine.inference.model import Model
from engine.inference.slots import encode_slot
from engine.installed_bundles import SHIPPED
from engine.music.key import Key
from engine.music.melody import FIRST_NOTE, NO_EVENT
from engine.music.notes import Note, Phrase

LAYOUT = LatentLayout(coarse_rhythm=2, fine_rhythm=1, coarse_pitch=1, fine_pitch=2, beats=2)
"""R R r r P p p p p."""
BEATS = [[2, 5, 6], [3, 7, 8]]
"""Dimensions of the fine parts of the two beats."""
DENSE = np.full((1, 8), FIRST_NOTE + 40)
MU, SIGMA = np.zeros((1, 9), np.float32), np.ones((1, 9), np.float32)


class Writer:
    """Writes tokens right but for some steps of some tries; the mean is try 0."""

    def __init__(self, wrong: dict[int, list[int]]) -> None:
        self.wrong, self.calls, self.tried = wrong, 0, np.zeros((0, 9))

    def __call__(self, z, of):
        self.calls, self.tried = self.calls + 1, z
        written = np.repeat(DENSE, len(z), axis=0)
        for attempt, steps in self.wrong.items():
            written[attempt, steps] += 1
        return written


def test_each_beat_is_that_of_the_try_that_gives_most_of_it_back():
    # The mean has two wrong steps in the first beat, draw 1 one, draw 2 none there but one in the second.
    every = {attempt: [0, 1, 2, 3, 4] for attempt in range(DRAWS + 1)}
    writer = Writer(every | {0: [0, 1], 1: [0, 4, 5], 2: [6]})
    chosen = with_chosen_fine(LAYOUT, DENSE, MU, SIGMA, writer)
    np.testing.assert_array_equal(chosen[0, BEATS[0]], writer.tried[2, BEATS[0]])
    np.testing.assert_array_equal(chosen[0, BEATS[1]], MU[0, BEATS[1]])
    assert np.abs(writer.tried[1:, BEATS[0]]).min() > 0
    assert writer.calls == 1 and len(writer.tried) == 1 + DRAWS
    np.testing.assert_array_equal(writer.tried[:, [0, 1, 4]], 0)  # the coarse part stays the mean's
    np.testing.assert_array_equal(writer.tried[0], MU[0])


def test_where_the_mean_is_right_it_stays():
    chosen = with_chosen_fine(LAYOUT, DENSE, MU + 1, SIGMA, Writer({attempt: [0] for attempt in range(1, 5)}))
    np.testing.assert_array_equal(chosen, MU + 1)


def test_words_with_few_notes_are_not_tried():
    sparse = DENSE.copy()
    sparse[0, 1::2] = NO_EVENT  # four notes in two beats

    def decode(z, of):
        raise AssertionError("nothing is to be decoded")

    np.testing.assert_array_equal(with_chosen_fine(LAYOUT, sparse, MU, SIGMA, decode), MU)


def test_of_several_words_only_the_dense_ones_are_tried_and_changed():
    tokens = np.concatenate([np.full((1, 8), NO_EVENT), DENSE])
    asked = []

    def decode(z, of):
        asked.extend(of.tolist())
        written = np.repeat(DENSE, len(z), axis=0)
        written[0] += 1
        return written

    mu = np.arange(18, dtype=np.float32).reshape(2, 9)
    chosen = with_chosen_fine(LAYOUT, tokens, mu, np.ones((2, 9), np.float32), decode)
    assert asked == [1] * (1 + DRAWS)
    np.testing.assert_array_equal(chosen[0], mu[0])
    assert (chosen[1] != mu[1])[[2, 3, 5, 6, 7, 8]].all()


@pytest.mark.parametrize("name", ["words_2bar", "sentences_16bar"])
def test_a_shipped_model_gives_a_dense_phrase_back_no_worse(name):
    model = Model.load(SHIPPED / name, precision="float")
    rng = np.random.default_rng(4)
    pitches = rng.integers(48, 84, 16 * model.bars)
    phrase = Phrase.of([Note(at / 4, int(pitch), 0.25) for at, pitch in enumerate(pitches)], model.bars)
    slot = encode_slot(model, phrase, Key(0))
    layout = model.bundle.manifest.latent_layout
    words, tokens = layout.words, slot.tensor[:, 0]
    mean, _ = model.encode(slot.tensor[None])
    before = np.vstack([np.full((1, 16), -1), tokens.reshape(words, -1)[:-1, -16:]])

    def right(mu):
        z = mu.reshape(words, -1)
        written = model.decode(z, np.zeros((32, words, 90), np.float32), None, before)[:, :, 0].T
        return int((written.reshape(-1) == tokens).sum())

    assert right(slot.mu) > right(mean[0])
    coarse = np.setdiff1d(np.arange(layout.size), np.concatenate([p.ravel() for p in fine_places(layout)]))
    np.testing.assert_array_equal(slot.mu[coarse], mean[0][coarse])
