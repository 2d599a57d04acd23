"""What a model of words is asked, part by part: latents, heat, chords and key of a plan."""

import numpy as np
import pytest
from msgspec.structs import replace

from engine.inference.bundle.latent_places import fine_places
from engine.inference.constraints import Constraints
from engine.inference.controls import Controls
from engine.inference.model import Model
from engine.inference.slots import encode_slot
from engine.installed_bundles import SHIPPED
from engine.modes.words import (
    Variation,
    chord_bias_left,
    chords_heard,
    draw,
    heard_chords,
    heat_of,
    key_to_write_in,
    limits_left,
    morph,
)
from engine.music.chords import by_pulse, parse_chords
from engine.music.key import Key
from engine.music.metre import FOUR_FOUR, Metre
from engine.music.notes import Note, Phrase

LINE = Phrase.of([Note(beat / 2, pitch, 0.5) for beat, pitch in enumerate((60, 62, 64, 65) * 4)], 2)
OTHER = Phrase.of([Note(beat, pitch, 1.0) for beat, pitch in enumerate((67, 64, 60, 64) * 2)], 2)
STILL = Controls(variation=0.0, temperature=0.0, constraints=Constraints(in_key=False))


@pytest.fixture(scope="module")
def words():
    return Model.load(SHIPPED / "words_2bar", precision="float")


def harmony(text: str):
    """Return chords of a bar each."""
    return by_pulse(parse_chords(text), len(text.split()), FOUR_FOUR)


@pytest.mark.parametrize(
    ("limits", "chords", "key"),
    [
        (Constraints(key="A", scale="minor"), "D G A D", Key(9, "minor")),
        (Constraints(), "D G A D", Key(2, "major")),
        (Constraints(), "", Key(0, "major")),
    ],
)
def test_music_from_nothing_is_in_the_key_that_is_set_else_in_that_of_the_chords_else_in_c(
    limits, chords, key
):
    assert key_to_write_in(Controls(constraints=limits), harmony(chords) if chords else ()) == key


def test_what_hears_chords_is_hardly_leant_towards_them_below_the_top():
    assert [chord_bias_left(follow) for follow in (0.0, 0.5, 1.0)] == [0.0, 1 / 1024, 1.0]
    limits = Constraints(follow_chords=0.5, keep_rhythm=True)
    assert limits_left(Controls(constraints=limits)) == replace(limits, follow_chords=1 / 1024)


def test_chords_are_given_in_quarters_and_in_the_models_key():
    chroma = heard_chords(harmony("C Am"), FOUR_FOUR, 2)
    assert chroma is not None
    assert [sorted(np.flatnonzero(beat)) for beat in chroma] == [[2, 6, 9]] * 4 + [[2, 6, 11]] * 4
    waltz = by_pulse(parse_chords("G"), 1, Metre(6, 8))
    assert len(heard_chords(waltz, Metre(6, 8), 0)) == 3
    assert heard_chords((), FOUR_FOUR, 2) is None


@pytest.mark.parametrize(
    ("follow", "loud"), [(0.0, 0.0), (0.25, 0.43), (0.5, 0.86), (0.75, 0.93), (1.0, 1.0)]
)
def test_chords_are_given_as_loud_as_they_are_to_be_followed(follow, loud):
    given = heard_chords(harmony("C Am"), FOUR_FOUR, 0, follow)
    assert given.dtype == np.float32
    assert given[0].tolist() == pytest.approx([loud, 0, 0, 0, loud, 0, 0, loud, 0, 0, 0, 0])


def test_chords_that_are_not_followed_are_not_given(words):
    asked = Controls(chords="C Am", constraints=Constraints(follow_chords=0.0))
    assert chords_heard(asked, None, words.representation) == ()
    followed = replace(asked, constraints=Constraints(follow_chords=0.1))
    assert len(chords_heard(followed, None, words.representation)) == 8


def test_heat_is_more_for_which_note_than_for_whether_one_begins(words):
    scale = words.bundle.manifest.temperature_scale
    heat = heat_of(words, Controls(temperature=0.5))
    assert heat[:2] == pytest.approx([0.5 * scale] * 2)
    assert heat[2:] == pytest.approx([0.6 * scale] * (len(heat) - 2))


def test_a_variation_of_nothing_is_the_latent_of_the_source(words):
    source = encode_slot(words, LINE)
    plan = Variation(words, source, STILL).for_seed(7)
    np.testing.assert_array_equal(plan.z, source.mu)
    assert plan.chords is None


def test_at_the_far_end_no_beat_is_pinned_but_a_kept_rhythm(words):
    source = encode_slot(words, LINE)
    rhythm, pitch = fine_places(words.bundle.manifest.latent_layout)
    far = replace(STILL, variation=1.0)
    free = Variation(words, source, far).for_seed(7).z
    assert not free[rhythm].any() and not free[pitch].any()
    kept = Variation(
        words, source, replace(far, constraints=Constraints(in_key=False, keep_rhythm=True))
    ).for_seed(7)
    np.testing.assert_array_equal(kept.z[rhythm], source.mu[rhythm])
    assert not kept.z[pitch].any()


def test_the_seeds_of_a_variation_let_other_beats_go_first(words):
    source = encode_slot(words, LINE)
    half = Variation(words, source, replace(STILL, variation=0.3))
    _, pitch = fine_places(words.bundle.manifest.latent_layout)
    gone = {seed: tuple((half.for_seed(seed).z[pitch] == 0).all(axis=1)) for seed in range(6)}
    assert len(set(gone.values())) > 1
    assert all(0 < sum(each) < len(each) for each in gone.values())


def test_the_ends_of_a_morph_are_the_latents_of_its_slots(words):
    one, two = encode_slot(words, LINE), encode_slot(words, OTHER)
    for shares, own in (((1.0, 0.0), one), ((0.0, 1.0), two)):
        plan = morph(words, list(zip((one, two), shares, strict=True)), STILL)(3)
        np.testing.assert_allclose(plan.z, own.mu, atol=1e-6)


def test_in_the_middle_of_a_morph_no_pitch_is_pinned_and_every_rhythm_is_of_one_slot(words):
    one, two = encode_slot(words, LINE), encode_slot(words, OTHER)
    z = morph(words, [(one, 0.5), (two, 0.5)], STILL)(3).z
    rhythm, pitch = fine_places(words.bundle.manifest.latent_layout)
    assert not z[pitch].any()
    for beat in rhythm:
        assert any(np.array_equal(z[beat], slot.mu[beat]) for slot in (one, two))


def test_a_draw_leaves_every_beat_to_the_decoder(words):
    for_seed = draw(words, STILL)
    rhythm, pitch = fine_places(words.bundle.manifest.latent_layout)
    first, again, other = for_seed(1).z, for_seed(1).z, for_seed(2).z
    assert not first[rhythm].any() and not first[pitch].any()
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
