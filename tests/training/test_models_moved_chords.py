"""Phrases that are moved with their chords keep how they stand to them."""

import torch

from engine.music.melody import FIRST_NOTE, LOWEST_PITCH, VOCABULARY
from training.models.moved_chords import moved_with_chords
from training.models.words import Surroundings


def example(rows: int) -> tuple[torch.Tensor, Surroundings]:
    generator = torch.Generator().manual_seed(1)
    tokens = torch.randint(FIRST_NOTE + 20, VOCABULARY - 20, (rows, 32), generator=generator)
    tokens[:, 1::3] = 0
    chords = torch.zeros(rows, 8, 12)
    chords[:, :4, [0, 4, 7]] = 1
    chords[:, 4:, [7, 11, 2]] = 1
    return tokens, Surroundings(chords, torch.full((rows, 16), -1), 0)


def in_scale_tones(tokens: torch.Tensor, chords: torch.Tensor) -> torch.Tensor:
    """Return whether each step begins a tone of its chord."""
    pitch_class = (tokens - FIRST_NOTE + LOWEST_PITCH) % 12
    own = chords.repeat_interleave(4, dim=1)
    return (own.gather(2, pitch_class.clamp_min(0)[..., None])[..., 0] > 0) & (tokens >= FIRST_NOTE)


def test_moved_phrases_keep_their_tones_of_chords_and_their_rhythm() -> None:
    tokens, around = example(96)
    uniforms = torch.rand(96, 3, generator=torch.Generator().manual_seed(2))
    moved, given, which = moved_with_chords(tokens, around, uniforms, 0.5)
    assert 24 < int(which.sum()) < 72
    assert torch.equal(moved[~which], tokens[~which])
    assert torch.equal(given.chords[~which], around.chords[~which])
    assert torch.equal(moved < FIRST_NOTE, tokens < FIRST_NOTE)
    assert bool((moved[which] != tokens[which]).any(1).all())
    before, after = in_scale_tones(tokens, around.chords), in_scale_tones(moved, given.chords)
    assert torch.equal(before & ~after, torch.zeros_like(before))  # none is lost


def test_half_of_them_move_from_the_middle_on() -> None:
    tokens, around = example(1)
    uniforms = torch.tensor([[0.0, 0.0, 0.9]])  # the first way: six semitones down, from the middle on
    moved, given, which = moved_with_chords(tokens, around, uniforms, 1.0)
    assert which.tolist() == [True]
    assert torch.equal(moved[:, :16], tokens[:, :16])
    notes = tokens[:, 16:] >= FIRST_NOTE
    assert torch.equal(moved[:, 16:][notes], tokens[:, 16:][notes] - 6)
    assert given.chords[0, 0].nonzero()[:, 0].tolist() == [0, 4, 7]
    assert given.chords[0, 7].nonzero()[:, 0].tolist() == [1, 5, 8]


def test_without_chords_nothing_is_moved() -> None:
    tokens, around = example(4)
    bare = around._replace(chords=torch.zeros_like(around.chords))
    moved, _, which = moved_with_chords(tokens, bare, torch.zeros(4, 3), 1.0)
    assert not which.any()
    assert torch.equal(moved, tokens)
