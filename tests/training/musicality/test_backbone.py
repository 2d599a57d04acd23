"""What holds drums up, counted by hand; pieces told apart by one window each; drums faded into each other."""

import numpy as np
import pytest

from engine.music.notes import DRUM_CHANNEL, Note, Phrase
from training.evaluation.musicality.backbone import DrumCritic, backbone
from training.evaluation.musicality.baselines import crossfaded
from training.evaluation.musicality.two_sample import telling_apart, telling_apart_by_piece

KICK, SNARE, HAT = 36, 38, 42


def drums(*hits: tuple[float, int]) -> Phrase:
    return Phrase.of([Note(beats, pitch, 0.25, 80, DRUM_CHANNEL) for beats, pitch in hits], 2)


ROCK = drums(
    *((float(beat), KICK) for beat in (0, 2, 4, 6)),
    *((float(beat), SNARE) for beat in (1, 3, 5, 7)),
)


def test_the_backbone_of_a_beat_and_of_half_a_beat() -> None:
    assert backbone([ROCK]) == {
        "kick_on_1": 1.0,
        "snare_on_2_and_4": 1.0,
        "hits_a_step": 8 / 32,
        "bar_repeated": 1.0,
    }
    # The first bar without a snare on 4, the second without a kick and with a hat: 3 and 3 hits, 2 in common.
    half = drums((0, KICK), (1, SNARE), (2, KICK), (5, SNARE), (6, KICK), (7, HAT))
    assert backbone([ROCK, half]) == {
        "kick_on_1": pytest.approx(3 / 4),
        "snare_on_2_and_4": pytest.approx(2 / 4),
        "hits_a_step": pytest.approx(14 / 64),
        "bar_repeated": pytest.approx((1 + 2 / 4) / 2),
    }


def test_the_critic_of_drums_prefers_what_it_knows() -> None:
    critic = DrumCritic([ROCK] * 20)
    odd = drums(*((step / 4, (KICK, SNARE, HAT, 46, 49)[step * 7 % 5]) for step in range(32)))
    assert critic.mean_nats([ROCK]) < 0.3
    assert critic.mean_nats([odd]) > 3


def test_few_pieces_of_many_windows_are_not_told_apart_by_their_pieces() -> None:
    rng = np.random.default_rng(1)
    pieces = np.repeat(np.arange(50), 4)
    means = rng.normal(0, 1, (2, 50, 3))
    first, second = (each[pieces] + rng.normal(0, 0.05, (200, 3)) for each in means)
    assert telling_apart(first, second) > 0.8
    assert abs(telling_apart_by_piece((first, pieces), (second, pieces)) - 0.5) < 0.12
    assert telling_apart_by_piece((first, pieces), (second + 3, pieces)) > 0.9


def test_drums_that_sound_together_stay_together_in_a_crossfade() -> None:
    both = drums((0, KICK), (0, HAT), (1, SNARE), (1, HAT))
    faded = crossfaded(both, both, 0.5, np.random.default_rng(0))
    assert {(note.start_beats, note.pitch) for note in faded.notes} <= {
        (note.start_beats, note.pitch) for note in both.notes
    }
    assert crossfaded(both, ROCK, 0.0, np.random.default_rng(0)) == both
    assert crossfaded(both, ROCK, 1.0, np.random.default_rng(0)) == ROCK
