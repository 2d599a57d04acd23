"""Songs written down in beats, for the tests of this folder."""

from collections.abc import Sequence

import numpy as np

from engine.midifile.song import NO_MESSAGES, Song, Tempo, Track, metre_spans

PPQ = 480


def track(
    notes: Sequence[tuple[float, int, float]],
    name: str = "",
    chunk: int = 0,
    channel: int = 0,
    program: int = 0,
    ppq: int = PPQ,
) -> Track:
    """Build a track of (start, pitch, duration), times in beats."""
    start, pitch, duration = (np.array(column) for column in zip(*notes, strict=True))
    starts = np.round(start * ppq).astype(np.int64)
    ends = np.round((start + duration) * ppq).astype(np.int64)
    velocity = np.full(len(pitch), 90)
    return Track(name, chunk, channel, program, ppq, starts, ends, pitch, velocity, ends, NO_MESSAGES)


def song(
    *tracks: Track,
    changes: Sequence[tuple[float, int, int]] = (),
    length: float = 16.0,
    tempos: Sequence[tuple[float, int]] = ((0.0, 500_000),),
    ppq: int = PPQ,
) -> Song:
    """Build a song; metre changes and tempos at beats."""
    metres = [(round(at * ppq), top, bottom) for at, top, bottom in changes]
    map_ = tuple(Tempo(round(at * ppq), microseconds) for at, microseconds in tempos)
    ticks = round(length * ppq)
    return Song("x.mid", 1, ppq, map_, metre_spans(metres, ticks, ppq), tracks, ticks)
