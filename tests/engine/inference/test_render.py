import numpy as np
import pytest
import tinybundle
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import RenderError
from engine.inference.controls import Controls, changed
from engine.inference.latent_space import great_circle, prior_draw, slerp
from engine.inference.model import Model
from engine.inference.render import render, render_batch
from engine.inference.slots import encode_slot, fit
from engine.modes.planners import PLANNERS
from engine.music.key import Key
from engine.music.metre import Metre
from engine.music.notes import Note, Phrase
from engine.music.representation import representation

A = Phrase.of([Note(0.5 * i + 0.02, 60 + i % 7, 0.45, 70 + i) for i in range(16)], 2)
B = Phrase.of([Note(1.0 * i - 0.03, 72 - i, 0.8, 90 - i) for i in range(8)], 2)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return Model.load(str(tinybundle.write(tmp_path_factory.mktemp("bundle"))), precision="float")


@pytest.fixture(scope="module")
def slots(model):
    return {"heard": encode_slot(model, A), "A": encode_slot(model, A), "B": encode_slot(model, B)}


def vary(variation, **changes):
    return changed(Controls(variation=variation, seed=3), **changes)


def morph(amount, **changes):
    return changed(Controls(mode="morph", morph=amount, seed=3), **changes)


notes = st.builds(
    Note,
    start_beats=st.floats(-0.1, 7.8),
    pitch=st.integers(0, 127),
    duration_beats=st.floats(0.05, 3),
    velocity=st.integers(1, 127),
)


@settings(max_examples=40)
@given(st.lists(notes, max_size=20), st.integers(0, 2**32 - 1), st.floats(0, 2))
def test_variation_zero_is_the_source_whatever_was_played(model, played, seed, temperature):
    source = encode_slot(model, Phrase.of(played, 2))
    controls = Controls(variation=0.0, seed=seed, temperature=temperature)
    assert render(model, {"heard": source}, controls) == source.phrase


def test_variation_one_knows_key_and_register_of_the_source_and_nothing_else(model):
    pitches = (60, 64, 67, 72)
    first, second, elsewhere = (
        encode_slot(
            model, Phrase.of((Note(i * beats, p + up, 0.5) for i, p in enumerate(row)), 2), Key(up % 12)
        )
        for row, beats, up in ((pitches, 1, 0), (pitches[::-1], 1.5, 0), (pitches, 1, 7))
    )
    decoded = [model.decode(*_inputs(model, slot, 1.0)) for slot in (first, second, elsewhere)]
    np.testing.assert_array_equal(decoded[0], decoded[1])
    assert (decoded[0] != decoded[2]).any()


def _inputs(model, slot, variation):
    planned = PLANNERS["vary"].plan(model, {"heard": slot}, vary(variation))
    return planned.z[None], planned.perturbation[:, None]


def test_the_way_from_the_source_starts_near_and_ends_far(model, slots):
    def distance(variation):
        return sum(_tokens(render(model, slots, vary(variation))) != slots["A"].tensor[:, 0])

    def _tokens(phrase):
        return model.representation.encode(phrase)[:, 0]

    assert distance(0.0) == 0
    assert distance(0.02) == 0
    assert distance(1.0) > 10
    steps = [distance(v / 50) for v in range(51)]
    assert sum(steps[:10]) < sum(steps[20:30]) < sum(steps[41:])


def test_rendering_is_deterministic(model, slots):
    for controls in (vary(0.6), morph(0.4), Controls(mode="generate", seed=9)):
        assert render(model, slots, controls) == render(model, slots, controls)


def test_another_seed_is_another_take(model, slots):
    takes = {render(model, slots, vary(1.0, seed=seed)) for seed in range(5)}
    assert len(takes) == 5
    generated = {render(model, {}, Controls(mode="generate", seed=seed)) for seed in range(5)}
    assert len(generated) == 5


def test_a_batch_is_the_same_as_its_parts(model, slots):
    takes = [vary(0.1), vary(0.7), morph(0.5), Controls(mode="generate", seed=4)]
    assert render_batch(model, slots, takes) == tuple(render(model, slots, take) for take in takes)
    assert render_batch(model, slots, ()) == ()


def test_morph_ends_are_exact(model, slots):
    assert render(model, slots, morph(0.0, temperature=2.0)) == A
    assert render(model, slots, morph(1.0, temperature=2.0)) == B
    middle = render(model, slots, morph(0.5))
    assert middle not in (A, B)


def test_morph_is_the_same_read_from_the_other_end_of_the_latents(model, slots):
    there = slerp(slots["A"].mu, slots["B"].mu, 0.3)
    back = slerp(slots["B"].mu, slots["A"].mu, 0.7)
    np.testing.assert_allclose(there, back, atol=1e-6)


def test_a_changed_note_takes_the_feel_of_what_was_played_in_its_place(model, slots):
    played = {round(note.start_beats * 4): note for note in A.notes}
    result = render(model, slots, vary(0.3, key="Eb", keep_rhythm=True))
    assert len(result.notes) == len(A.notes)
    assert result != A
    for note in result.notes:
        own = played[round(note.start_beats * 4)]
        assert (note.start_beats, note.velocity) == (pytest.approx(own.start_beats), own.velocity)


def test_constraints_hold_at_every_variation(model, slots):
    for variation in (0.0, 0.4, 1.0):
        controls = vary(variation, key="F", scale="minor", lowest_pitch=50, highest_pitch=70)
        pitches = {note.pitch for note in render(model, slots, controls).notes}
        assert pitches
        assert all(controls.constraints.allows(pitch) for pitch in pitches)


def test_variation_zero_in_a_scale_is_the_source_moved_into_it(model, slots):
    result = render(model, slots, vary(0.0, key="C"))
    nearest = {60: 60, 61: 60, 62: 62, 63: 62, 64: 64, 65: 65, 66: 65}
    assert [note.pitch for note in result.notes] == [nearest[note.pitch] for note in A.notes]


def test_density_makes_it_busier(model):
    counts = [
        sum(
            len(render(model, {}, changed(Controls(mode="generate", seed=s), density=density)).notes)
            for s in range(5)
        )
        for density in (-1, 0, 1)
    ]
    assert counts[0] < counts[1] < counts[2]


def test_an_attribute_moves_the_latent_and_loosens_the_anchor(model, slots):
    still = PLANNERS["vary"].plan(model, slots, vary(0.0))
    moved = PLANNERS["vary"].plan(model, slots, vary(0.0, attributes=(("density", 0.5),)))
    np.testing.assert_allclose(moved.z - still.z, [0.5] + [0] * 7, atol=1e-6)
    assert moved.finish.args[-1] == 0.5  # of the way to forgetting how it was played
    with pytest.raises(RenderError, match="it has: density"):
        render(model, slots, vary(0.0, attributes=(("groove", 0.5),)))


def test_generate_draws_from_the_mixture(model):
    draws = np.stack([prior_draw(model.bundle.latents, seed) for seed in range(2000)])
    mixture = tinybundle.latents()
    np.testing.assert_allclose(draws.mean(axis=0), mixture.prior_weights @ mixture.prior_means, atol=0.1)


def test_generated_music_sits_on_the_grid(model):
    result = render(model, {}, Controls(mode="generate", seed=1))
    assert result.bars == 2
    assert all(note.start_beats % 0.25 == 0 for note in result.notes)


def test_shorter_phrases_are_repeated_longer_and_foreign_ones_refused():
    two_bars = representation("melody", 2)
    one = Phrase.of([Note(0.0, 60, 1.0)], 1)
    assert [note.start_beats for note in fit(two_bars, one).notes] == [0.0, 4.0]
    assert fit(two_bars, A) is A
    with pytest.raises(RenderError, match="3 bars, the model takes 2"):
        fit(two_bars, Phrase((), 3))
    with pytest.raises(RenderError, match="is in 3/4, the model in 4/4"):
        fit(two_bars, Phrase((), 2, Metre(3, 4)))


def test_an_empty_slot_is_named(model, slots):
    with pytest.raises(RenderError, match="slot D is empty"):
        render(model, slots, morph(0.5, morph_to="D"))


def test_walks_through_latent_space():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 4000)).astype(np.float32)
    for share in (0.0, 0.3, 0.5, 1.0):
        assert great_circle(a, b, share).std() == pytest.approx(1, abs=0.04)
    np.testing.assert_array_equal(great_circle(a, b, 0), a)
    np.testing.assert_allclose(great_circle(a, b, 1), b, atol=1e-6)
    np.testing.assert_allclose(slerp(a, b, 0), a, atol=1e-5)
    np.testing.assert_allclose(slerp(a, b, 1), b, atol=1e-5)
    assert np.linalg.norm(slerp(a, b, 0.5)) == pytest.approx(np.linalg.norm(a), rel=0.05)


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_slerp_survives_equal_opposite_and_empty_latents(share):
    a = np.arange(5, dtype=np.float32)
    np.testing.assert_allclose(slerp(a, a, share), a, atol=1e-6)
    zero = np.zeros(5, np.float32)
    assert np.isfinite(slerp(a, -a, share)).all()
    np.testing.assert_allclose(slerp(zero, a, share), share * a, atol=1e-6)
