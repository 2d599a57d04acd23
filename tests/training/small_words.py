"""The smallest model with coarse and fine latents, for tests of words, drums and two hands."""

from training.config import WordsConfig

SMALL_WORDS = WordsConfig(
    coarse_rhythm=3,
    coarse_pitch=4,
    fine_rhythm=2,
    fine_pitch=3,
    rhythm_hidden=8,
    pitch_hidden=8,
    channels=8,
    hidden=12,
)
