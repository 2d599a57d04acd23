"""The demo phrase: two bars of our own, for a first sound without a DAW."""

from engine.music.notes import Note, Phrase

TEMPO_BPM = 104.0

# (onset, pitch, length in beats, velocity); D dorian, a call that leans over the bar line.
_MELODY = (
    (0.0, 62, 0.48, 96),
    (0.5, 65, 0.22, 70),
    (0.75, 67, 0.22, 78),
    (1.0, 69, 0.72, 104),
    (1.75, 67, 0.22, 66),
    (2.0, 65, 0.22, 74),
    (2.5, 69, 0.48, 92),
    (3.0, 72, 0.22, 100),
    (3.5, 71, 0.97, 108),
    (4.5, 67, 0.22, 72),
    (4.75, 69, 0.48, 84),
    (5.5, 65, 0.22, 76),
    (5.75, 64, 0.22, 68),
    (6.0, 60, 0.48, 88),
    (6.5, 64, 0.48, 80),
    (7.0, 62, 0.72, 98),
)

# How far each note is played from the grid, in beats: a relaxed hand, late on the off-beats.
_LEAN = (
    0.0,
    0.018,
    0.01,
    -0.006,
    0.014,
    0.0,
    0.02,
    0.004,
    0.022,
    0.016,
    0.008,
    0.02,
    0.012,
    0.0,
    0.018,
    0.004,
)


def demo_phrase() -> Phrase:
    """Return the demo phrase: 2 bars in 4/4, D dorian, with a player's timing and velocities."""
    notes = [
        Note(onset + lean, pitch, length, velocity)
        for (onset, pitch, length, velocity), lean in zip(_MELODY, _LEAN, strict=True)
    ]
    return Phrase.of(notes, bars=2)
