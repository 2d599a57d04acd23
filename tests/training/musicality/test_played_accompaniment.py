"""Accompaniments measured as they are played: by the engine with the weights in torch, and rows by hand."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from engine.inference.controls import Controls
from engine.inference.model import Model
from engine.inference.render import render
from engine.inference.slots import encode_slot
from engine.installed_bundles import SHIPPED
from engine.music.chords import parse_chord
from engine.music.key import Key
from engine.music.melody import FIRST_NOTE, LOWEST_PITCH
from engine.music.notes import Note, Phrase
from training.evaluation.loaded_model import load_subject
from training.evaluation.musicality.played_accompaniment import (
    PlayedAccompaniment,
    accompaniment_measures,
    harmony_of,
)

C, F = 0b000010010001, 0b001000100001
"""Pitch classes 0, 4, 7 and 0, 5, 9."""
TUNE = Phrase.of([Note(float(beat), 60 + 2 * beat, 1.0) for beat in range(8)], 2)


@pytest.fixture(scope="module")
def played():
    return PlayedAccompaniment(load_subject(Path("accompany_2bar")))


def window(bass: tuple[int, ...] = (36,) * 8, chords: tuple[int, ...] = (C,) * 4 + (F,) * 4) -> np.ndarray:
    """Return a window with a note of melody and of bass on every beat, and no other voice."""
    made = np.full((32, 9), -1, np.int64)
    made[:, :3] = 0
    made[::4, 0] = 72 - LOWEST_PITCH + FIRST_NOTE
    made[:, 1] = -1
    made[::4, 2] = np.array(bass) - LOWEST_PITCH + FIRST_NOTE
    made[:, 4] = np.repeat(chords, 4)
    made[:, 5] = 0
    return made


class Windows(SimpleNamespace):
    def window_ids(self, split):
        return np.arange(len(self.held))

    def batch(self, ids):
        return self.held[ids]


def test_the_chord_of_a_beat_has_the_bass_that_is_known():
    chords = window()
    chords[16:, 5] = 1  # C in the bass of F
    assert harmony_of(chords) == (parse_chord("C"),) * 4 + (parse_chord("F/C"),) * 4
    chords[:, 4] = 0
    assert harmony_of(chords) == (None,) * 8


def test_the_weights_in_torch_play_what_the_graphs_play(played):
    model = Model.load(SHIPPED / "accompany_2bar", precision="float")
    harmony = (parse_chord("C"),) * 4 + (parse_chord("F/C"),) * 4
    for seed in range(3):
        controls = Controls(mode="accompany", seed=seed)
        ours, theirs = (
            render(each, {"heard": encode_slot(each, TUNE, Key(0), harmony)}, controls)
            for each in (played, model)
        )
        assert ours.notes and ours == theirs


def test_rows_are_of_the_voices_that_windows_have(played):
    on, off = window(), window(bass=(37,) * 8)
    found = accompaniment_measures(played, Windows(held=np.stack([on, off] * 12)), "test", 24, 0)
    rows = ("written", "held-out music", "training music", "another piece")
    assert list(found) == [f"bass, {row}" for row in rows]
    assert all(found[row]["notes"] == 8 for row in list(found)[1:])
    # Every other window is accompanied: those whose bass is C, a tone of both chords.
    assert found["bass, held-out music"]["on_chord"] == 1
    assert "on_chord" not in found["bass, training music"]
    assert found["bass, written"]["on_chord"] > 0.8
    assert 0 <= found["bass, written"]["c2st"] <= 1
