"""Words that were heard, as a model of sentences reads them, and what is written after them."""

import numpy as np
import pytest

from engine.inference.bundle.latent_places import coarse_places
from engine.inference.controls import Controls
from engine.inference.model import Model
from engine.inference.render import render, render_batch, render_each
from engine.inference.slots import encode_slot
from engine.inference.word_latents import layout_of
from engine.installed_bundles import SHIPPED
from engine.modes.sentence import heard_words, in_the_manner_of, one_word, plan_continuations, plan_sentences
from engine.music.key import Key
from engine.music.notes import Note, Phrase

RISING, FALLING = (60, 62, 64, 65, 67, 65, 64, 62), (72, 71, 69, 67, 65, 64, 62, 60)
"""Two bars in quarters each."""
C_MAJOR = Key(0)


@pytest.fixture(scope="module")
def sentences():
    return Model.load(SHIPPED / "sentences_16bar", precision="float")


def quarters(*pitches: int) -> Phrase:
    return Phrase.of([Note(beat, pitch, 1.0) for beat, pitch in enumerate(pitches)], -(-len(pitches) // 4))


def heard(model: Model, phrase: Phrase):
    return heard_words(model, encode_slot(model, phrase, C_MAJOR))


def test_a_word_that_comes_back_is_known_by_its_first(sentences):
    held = [Note(8.0 + 2 * at, pitch, 2.0) for at, pitch in enumerate((72, 69, 65, 60))]
    again = [Note(16.0 + at, pitch, 1.0) for at, pitch in enumerate(RISING)]
    words = heard(sentences, Phrase.of([*quarters(*RISING).notes, *held, *again], 6))
    assert [word.form.relation.back for word in words] == [0, 0, 2]
    assert [word.root for word in words] == [0, 1, 0]
    assert words[2].form.relation.rhythm.all() and words[2].form.relation.pitch.all()
    np.testing.assert_array_equal(words[0].tokens, words[2].tokens)


def test_every_word_has_its_own_latent_and_coarse_part(sentences):
    layout = one_word(layout_of(sentences))
    for word in heard(sentences, quarters(*RISING, *FALLING)):
        assert word.mu.shape == (layout.word_size,)
        np.testing.assert_array_equal(word.form.coarse, word.mu[coarse_places(layout)[0]])


def test_silence_at_the_end_is_no_word(sentences):
    sparse = Phrase.of(quarters(*RISING).notes, 4)
    assert len(heard(sentences, sparse)) == 1
    assert heard(sentences, Phrase.of((), 4)) == []


def test_the_first_of_three_bars_is_left_out(sentences):
    three = heard(sentences, quarters(48, 50, 52, 53, *RISING))
    two = heard(sentences, quarters(*RISING))
    assert len(three) == len(two) == 1
    np.testing.assert_array_equal(three[0].tokens, two[0].tokens)


def test_a_single_bar_is_heard_twice(sentences):
    (word,) = heard(sentences, quarters(60, 62, 64, 65))
    np.testing.assert_array_equal(word.tokens[:16], word.tokens[16:])


def test_the_layout_of_a_word_alone_is_that_of_one(sentences):
    layout = layout_of(sentences)
    assert layout.words > 1
    assert one_word(layout).words == 1
    assert one_word(layout).size == layout.word_size == layout.size // layout.words


def test_what_follows_is_as_loud_as_what_was_heard_and_on_its_channel():
    source = Phrase.of([Note(0.0, 60, 1.0, 60, 3), Note(1.0, 62, 1.0, 70, 3), Note(2.0, 64, 1.0, 80, 0)], 1)
    written = in_the_manner_of(quarters(72, 74), source)
    assert [(note.pitch, note.velocity, note.channel) for note in written.notes] == [(72, 70, 3), (74, 70, 3)]
    assert in_the_manner_of(written, None) is written
    assert in_the_manner_of(written, Phrase.of((), 1)) is written


@pytest.mark.parametrize("bars", [1, 3, 8])
def test_a_continuation_is_as_long_as_it_is_asked_to_be(sentences, bars):
    slot = encode_slot(sentences, quarters(*RISING, *FALLING), C_MAJOR)
    written = plan_continuations(sentences, slot, (Controls(mode="continue", bars=bars, seed=4),))[0].written
    assert written is not None
    assert written.bars == bars and written.notes
    assert all(note.end_beats <= bars * 4 for note in written.notes)


def test_without_a_length_it_is_as_long_as_what_was_played(sentences):
    slot = encode_slot(sentences, quarters(*RISING, *FALLING), C_MAJOR)
    written = plan_continuations(sentences, slot, (Controls(mode="continue", bars=0, seed=4),))[0].written
    assert written is not None and written.bars == 4


def test_a_sentence_from_nothing_belongs_to_its_seed(sentences):
    plans = plan_sentences(sentences, [Controls(seed=seed) for seed in (1, 1, 2)])
    first, again, other = (plan.written for plan in plans)
    assert first is not None and other is not None
    assert first == again and first != other
    assert first.bars == sentences.representation.bars


class Counted:
    """A model that counts how often it decodes, and the rows."""

    def __init__(self, model: Model) -> None:
        self._model, self.rows = model, []

    def __getattr__(self, name: str):
        return getattr(self._model, name)

    def decode(self, z, *given):
        self.rows.append(len(z))
        return self._model.decode(z, *given)


def test_takes_are_written_side_by_side_as_they_are_alone(sentences):
    takes = [Controls(mode="generate", seed=seed) for seed in range(5)]
    alone = tuple(render(sentences, {}, controls) for controls in takes)
    counted = Counted(sentences)
    assert render_batch(counted, {}, takes) == alone
    # Eight words of two bars, each at most once; a word that comes back whole needs no decoding.
    assert len(counted.rows) <= 8
    assert max(counted.rows) > 4, "four drafts are those of one take"


def test_continuations_are_written_side_by_side_as_they_are_alone(sentences):
    slots = {"heard": encode_slot(sentences, quarters(*RISING, *FALLING), C_MAJOR)}
    takes = [Controls(mode="continue", bars=4, seed=seed) for seed in range(4)]
    alone = tuple(render(sentences, slots, controls) for controls in takes)
    counted = Counted(sentences)
    assert render_batch(counted, slots, takes) == alone
    assert len(counted.rows) <= 2


def test_what_is_written_by_itself_leaves_the_others_in_one_batch(sentences):
    slots = {"heard": encode_slot(sentences, quarters(*RISING, *FALLING), C_MAJOR)}
    takes = [Controls(mode="vary", variation=0.5, seed=seed) for seed in range(3)]
    takes.insert(1, Controls(mode="generate", seed=3))
    alone = tuple(render(sentences, slots, controls) for controls in takes)
    counted = Counted(sentences)
    assert render_batch(counted, slots, takes) == alone
    assert counted.rows[-1] == 3


def test_each_phrase_of_slots_of_its_own_is_what_it_is_alone(sentences):
    first, second = (encode_slot(sentences, quarters(*tune), C_MAJOR) for tune in (RISING, FALLING))
    asked = [
        ({"heard": slot}, Controls(mode="vary", variation=0.6, seed=seed))
        for seed, slot in enumerate((first, second, first))
    ]
    alone = tuple(render(sentences, slots, controls) for slots, controls in asked)
    counted = Counted(sentences)
    assert render_each(counted, asked) == alone
    assert counted.rows == [3]
