"""The shipped piano: exact ends, a harmony that is let go last, and draws that are piano music."""

import numpy as np
import pytest

from engine.inference.constraints import Constraints
from engine.inference.controls import Controls
from engine.inference.model import Model
from engine.inference.render import render, render_batch
from engine.inference.slots import encode_slot
from engine.installed_bundles import SHIPPED
from engine.music.key import Key
from engine.music.notes import Note, Phrase

CHORDS = ((45, 52, 57, 60), (41, 48, 53, 57), (36, 43, 48, 52), (43, 50, 55, 59))
TUNE = (76, 74, 72, 74, 72, 69, 72, 69, 67, 72, 76, 79, 74, 71, 74, 79)
"""Eighths over Am, F, C and G, a half note each."""
SPLIT = 60


@pytest.fixture(scope="module")
def model() -> Model:
    return Model.load(SHIPPED / "piano_2bar", precision="float")


def played(moved: int = 0) -> Phrase:
    left = [Note(2.0 * at, key + moved, 2.0, 64) for at, chord in enumerate(CHORDS) for key in chord]
    right = [Note(at / 2, key + moved, 0.5, 90) for at, key in enumerate(TUNE)]
    return Phrase.of([*left, *right], 2)


def onsets(phrase: Phrase, low: int = 0, high: int = 127) -> set[tuple[float, int]]:
    return {(round(n.start_beats * 4), n.pitch) for n in phrase.notes if low <= n.pitch <= high}


def alike(one: Phrase, two: Phrase) -> float:
    mine, yours = onsets(one), onsets(two)
    return 2 * len(mine & yours) / (len(mine) + len(yours))


def test_variation_0_and_both_ends_of_a_morph_are_what_was_played(model: Model) -> None:
    one, two = played(), played(5)
    slots = {"heard": encode_slot(model, one), "A": encode_slot(model, one), "B": encode_slot(model, two)}
    takes = [Controls(variation=0.0, seed=1)]
    takes += [Controls(mode="morph", morph=share, seed=1) for share in (0.0, 1.0)]
    assert render_batch(model, slots, takes) == (one, one, two)


def test_a_phrase_is_given_back_by_its_latent_alone(model: Model) -> None:
    heard = model.representation.encode(played())
    mu, _ = model.encode(heard[None])
    back = model.decode(mu, np.zeros((32, 1, 88), np.float32))[:, 0]
    assert alike(model.representation.decode(back), played()) > 0.9


def test_the_further_the_slider_the_less_of_the_phrase_and_the_tune_goes_first(model: Model) -> None:
    slots = {"heard": encode_slot(model, played())}
    kept = []
    for variation in (0.15, 0.4, 0.7):
        takes = render_batch(model, slots, [Controls(variation=variation, seed=seed) for seed in range(12)])
        kept.append(float(np.mean([alike(take, played()) for take in takes])))
        if variation < 0.2:
            assert all(onsets(take, high=SPLIT - 1) == onsets(played(), high=SPLIT - 1) for take in takes)
    assert 1 > kept[0] > kept[1] > kept[2]


@pytest.mark.parametrize("moved", [0, 3])
def test_variations_stay_in_the_key_that_was_played(model: Model, moved: int) -> None:
    key = Key(moved)
    slots = {"heard": encode_slot(model, played(moved), key)}
    takes = render_batch(model, slots, [Controls(variation=0.8, seed=seed) for seed in range(12)])
    assert all(key.allows(note.pitch) for take in takes for note in take.notes)


def test_draws_have_two_hands_and_about_as_many_notes_as_piano_music(model: Model) -> None:
    draws = render_batch(model, {}, [Controls(mode="generate", seed=seed) for seed in range(40)])
    notes = [len(draw.notes) / 2 for draw in draws]
    assert 9 < np.mean(notes) < 20
    both = [bool(onsets(draw, high=SPLIT - 1)) and bool(onsets(draw, low=SPLIT)) for draw in draws]
    assert np.mean(both) > 0.8
    assert draws[3] == render(model, {}, Controls(mode="generate", seed=3))


def test_busyness_adds_notes_and_takes_them_away(model: Model) -> None:
    def written(amount: float) -> float:
        limits = Constraints(density=amount)
        takes = [Controls(mode="generate", seed=seed, constraints=limits) for seed in range(12)]
        return float(np.mean([len(take.notes) for take in render_batch(model, {}, takes)]))

    assert written(-0.4) < written(0.0) < written(0.4)


def test_a_higher_density_adds_notes_between_those_played_and_a_lower_one_leaves_some_out(
    model: Model,
) -> None:
    slots = {"heard": encode_slot(model, played(), Key(0))}

    def written(amount: float) -> list[set[tuple[float, int]]]:
        takes = [Controls(variation=0.0, seed=seed, attributes=(("density", amount),)) for seed in range(6)]
        return [onsets(take) for take in render_batch(model, slots, takes)]

    source = onsets(played())
    more, most = written(0.5), written(1.0)
    assert all(source <= take for take in more + most)
    assert sum(map(len, most)) > sum(map(len, more)) >= 6 * len(source)
    less, least = written(-0.5), written(-1.0)
    assert all(take <= source for take in less + least)
    assert sum(map(len, least)) < sum(map(len, less)) < 6 * len(source)


def test_density_counts_in_draws_and_register_moves_both_hands_on_the_scale(model: Model) -> None:
    def drawn(**asked: float) -> list[Phrase]:
        limits = Constraints(key="E")
        takes = [
            Controls(mode="generate", seed=seed, attributes=tuple(asked.items()), constraints=limits)
            for seed in range(8)
        ]
        return render_batch(model, {}, takes)

    plain, busy, high = drawn(), drawn(density=1.0), drawn(register=1.0)
    assert sum(len(take.notes) for take in busy) > sum(len(take.notes) for take in plain)
    for low, moved in zip(plain, high, strict=True):
        assert [n.pitch + 12 for n in low.notes if n.pitch <= 96] == [
            n.pitch for n in moved.notes if n.pitch <= 108
        ]
    slots = {"heard": encode_slot(model, played(), Key(0))}
    half = render(model, slots, Controls(variation=0.0, attributes=(("register", 0.5),)))
    assert {n.start_beats for n in half.notes} == {n.start_beats for n in played().notes}
    assert all(Key(0).allows(note.pitch) for note in half.notes)
