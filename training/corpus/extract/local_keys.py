"""The key around every bar of a line: the likeliest path through the keys (Viterbi), heard with all parts."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engine.music.key_finding import KEYS, LONGEST_BEATS, key_scores, key_transitions
from training.corpus.extract.bars import STEPS_PER_BEAT, Run, on_grid
from training.corpus.extract.reader import Piece, Track

LINE_WEIGHT = 2.0
"""How much more the line's own notes count than those of all parts together."""
BEATS_A_BAR = 4.0
"""Sounding beats that an average bar counts with, whatever the number of parts."""
CHANGE = 0.05
"""Probability that the key changes at a bar line, to a near key more than to a far one."""


def bar_tonics(piece: Piece, run: Run, line: Track) -> NDArray[np.int64]:
    """Return for each bar of a run the major tonic, 0 to 11, of the line's key signature (A minor: 0)."""
    pitched = [track for track in piece.tracks if not track.is_drum]
    heard = _weights(pitched, run, piece) + LINE_WEIGHT * _weights([line], run, piece)
    signature = np.array([-key.semitones_to_reference % 12 for key in KEYS])
    return signature[_likeliest_path(key_scores(np.sqrt(heard).T).T)]


def _weights(tracks: Sequence[Track], run: Run, piece: Piece) -> NDArray[np.float64]:
    """Return how long each pitch class sounds in each bar, `[bars, 12]`, `BEATS_A_BAR` on average."""
    weights = np.zeros((run.bars, 12))
    for track in tracks:
        notes = on_grid(track, run, piece.ticks_per_beat)
        bar = np.clip(notes.onset_steps, 0, None) // run.bar_steps
        beats = (notes.end_steps - notes.onset_steps) / STEPS_PER_BEAT
        np.add.at(weights, (bar, notes.pitch % 12), np.minimum(beats, LONGEST_BEATS))
    return weights * (BEATS_A_BAR * run.bars / (weights.sum() + 1e-9))


def _likeliest_path(scores: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the likeliest key of each bar by the scores of all, `[bars, 24]` in nats."""
    moves, best = np.log(key_transitions(CHANGE)), scores[0]
    came = np.zeros(scores.shape, np.int64)
    for bar in range(1, len(scores)):
        reached = best[:, None] + moves
        came[bar] = reached.argmax(axis=0)
        best = reached.max(axis=0) + scores[bar]
    path = np.full(len(scores), int(best.argmax()))
    for bar in range(len(scores) - 1, 0, -1):
        path[bar - 1] = came[bar, path[bar]]
    return path
