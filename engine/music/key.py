"""Keys: a frozen value, its names, and what is known of a key that is followed."""

import re

import msgspec

from engine.music.scales import KEYS as KEYS
from engine.music.scales import SCALES as SCALES

LETTERS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
ACCIDENTALS = {"#": 1, "♯": 1, "b": -1, "♭": -1}

_REFERENCE = {"major": 0, "minor": 9, "harmonic minor": 9, "dorian": 2, "phrygian": 4, "lydian": 5}
_REFERENCE |= {"mixolydian": 7, "major pentatonic": 0, "minor pentatonic": 9, "blues": 9}
"""Pitch class of the tonic where the scale's notes are the white keys (a harmonic minor, a blues: all
but the altered one)."""


def pitch_class_named(text: str) -> int | None:
    """Return the pitch class, 0 to 11, of a note name such as `C`, `F#`, `Bb` or `Cb`; None if it is none."""
    if not text or text[0].upper() not in LETTERS or any(sign not in ACCIDENTALS for sign in text[1:]):
        return None
    return (LETTERS[text[0].upper()] + sum(ACCIDENTALS[sign] for sign in text[1:])) % 12


class Key(msgspec.Struct, frozen=True):
    """A tonic and a scale on it."""

    tonic: int
    """Pitch class, 0 (C) to 11 (B)."""
    scale: str = "major"
    """One of `SCALES`."""

    def __post_init__(self) -> None:
        if not 0 <= self.tonic <= 11 or self.scale not in SCALES:
            raise ValueError(f"key {self.tonic!r} {self.scale!r}: 0 to 11 and one of {', '.join(SCALES)}")

    @staticmethod
    def named(text: str) -> "Key":
        """Parse `C`, `Am`, `F# minor`, `Bb dorian` (ValueError if it is no key)."""
        found = re.fullmatch(r"\s*([A-Ga-g][#b♯♭]*)\s*(m|[a-z][a-z ]*)?\s*", text)
        tonic = pitch_class_named(found[1]) if found else None
        scale = {None: "major", "m": "minor"}.get(found[2], (found[2] or "").strip()) if found else ""
        if tonic is None or scale not in SCALES:
            raise ValueError(f"key {text!r} is unknown; write a note and a scale, such as C, Am or Eb dorian")
        return Key(tonic, scale)

    @property
    def name(self) -> str:
        """Such as `F# minor`."""
        return f"{KEYS[self.tonic]} {self.scale}"

    @property
    def pitch_classes(self) -> frozenset[int]:
        """The scale's pitch classes, 0 to 11."""
        return frozenset((self.tonic + degree) % 12 for degree in SCALES[self.scale])

    @property
    def is_minor(self) -> bool:
        """Whether the scale has a minor third."""
        return 3 in SCALES[self.scale]

    @property
    def semitones_to_reference(self) -> int:
        """Semitones, -6 to 5, that move the key's scale onto the white keys (major: to C, minor: to A)."""
        return (_REFERENCE[self.scale] - self.tonic + 6) % 12 - 6

    def allows(self, pitch: int) -> bool:
        """Return whether a MIDI pitch is in the scale."""
        return pitch % 12 in self.pitch_classes

    def transposed(self, semitones: int) -> "Key":
        """Return the same scale that many semitones higher (lower: negative)."""
        return Key((self.tonic + semitones) % 12, self.scale)


class KeyFollower(msgspec.Struct, frozen=True):
    """What is known of the key after some bars; `engine.music.key_finding.followed` returns the next one."""

    key: Key | None = None
    """None until two beats of pitched notes were heard."""
    weights: tuple[float, ...] = (0.0,) * 12
    """Beats of each pitch class, older ones counting less."""
    log_odds: tuple[float, ...] = (0.0,) * 24
    """Nats of each key, the likeliest at 0: 12 major keys, then 12 minor ones."""
