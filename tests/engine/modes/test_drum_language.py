"""The shipped drums: exact ends, a backbone that is let go last, and draws that have one."""

import numpy as np
import pytest

from engine.inference.controls import Controls
from engine.inference.model import Model
from engine.inference.render import render, render_batch
from engine.inference.slots import encode_slot
from engine.installed_bundles import SHIPPED
from engine.music.notes import DRUM_CHANNEL, Note, Phrase

KICK, SNARE, HAT, CRASH, TOM = 36, 38, 42, 49, 45
ROCK = tuple((float(beat), SNARE if beat % 2 else KICK) for beat in range(8)) + tuple(
    (step / 2, HAT) for step in range(16)
)


@pytest.fixture(scope="module")
def model() -> Model:
    return Model.load(SHIPPED / "drums_2bar", precision="float")


def drums(*hits: tuple[float, int]) -> Phrase:
    return Phrase.of([Note(beats, pitch, 0.25, 80, DRUM_CHANNEL) for beats, pitch in hits], 2)


def hits(phrase: Phrase, *pitches: int) -> set[tuple[float, int]]:
    return {(note.start_beats, note.pitch) for note in phrase.notes if not pitches or note.pitch in pitches}


def any_drums(seed: int) -> Phrase:
    rng = np.random.default_rng(seed)
    struck = np.argwhere(rng.random((32, 5)) < 0.15).tolist()
    return drums(*((step / 4, (KICK, SNARE, HAT, CRASH, TOM)[drum]) for step, drum in struck))


@pytest.mark.parametrize("seed", range(6))
def test_variation_0_and_both_ends_of_a_morph_are_what_was_played(model: Model, seed: int) -> None:
    one, two = any_drums(seed), any_drums(seed + 100)
    slots = {"heard": encode_slot(model, one), "A": encode_slot(model, one), "B": encode_slot(model, two)}
    assert hits(render(model, slots, Controls(variation=0.0, seed=seed))) == hits(one)
    for share, end in ((0.0, one), (1.0, two)):
        assert hits(render(model, slots, Controls(mode="morph", morph=share, seed=seed))) == hits(end)


def test_kick_and_snare_stay_where_only_others_are_let_go(model: Model) -> None:
    played = any_drums(3)
    slots = {"heard": encode_slot(model, played)}
    takes = render_batch(model, slots, [Controls(variation=0.16, seed=seed) for seed in range(16)])
    assert all(hits(take, KICK, SNARE) == hits(played, KICK, SNARE) for take in takes)
    assert any(hits(take) != hits(played) for take in takes)
    far = render_batch(model, slots, [Controls(variation=1.0, seed=seed) for seed in range(16)])
    assert all(hits(take, KICK, SNARE) != hits(played, KICK, SNARE) for take in far)


def test_the_same_seed_plays_the_same_and_draws_differ(model: Model) -> None:
    draws = render_batch(model, {}, [Controls(mode="generate", seed=seed) for seed in (1, 1, 2)])
    assert draws[0] == draws[1] != draws[2]


def test_most_draws_have_a_kick_on_one(model: Model) -> None:
    draws = render_batch(model, {}, [Controls(mode="generate", seed=seed) for seed in range(40)])
    assert sum((0.0, KICK) in hits(draw) for draw in draws) > 20


def test_density_adds_hits_and_takes_them_away(model: Model) -> None:
    slots = {"heard": encode_slot(model, drums(*ROCK))}
    more, less = (
        render(model, slots, Controls(variation=0.0, attributes=(("density", amount),))) for amount in (1, -1)
    )
    assert len(less.notes) <= len(ROCK) < len(more.notes)
