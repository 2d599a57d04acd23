"""Chords: a frozen value, and names as musicians write them.

A harmony is one chord (or None, no chord) for each pulse of a phrase, the beat that is felt: a quarter in
4/4, a dotted one in 6/8.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

import msgspec

from engine.music.key import KEYS, pitch_class_named
from engine.music.metre import FOUR_FOUR, Metre

QUALITIES: dict[str, tuple[int, ...]] = {
    "": (0, 4, 7),
    "m": (0, 3, 7),
    "dim": (0, 3, 6),
    "aug": (0, 4, 8),
    "sus2": (0, 2, 7),
    "sus4": (0, 5, 7),
    "5": (0, 7),
    "6": (0, 4, 7, 9),
    "m6": (0, 3, 7, 9),
    "7": (0, 4, 7, 10),
    "maj7": (0, 4, 7, 11),
    "m7": (0, 3, 7, 10),
    "mmaj7": (0, 3, 7, 11),
    "m7b5": (0, 3, 6, 10),
    "dim7": (0, 3, 6, 9),
    "aug7": (0, 4, 8, 10),
    "augmaj7": (0, 4, 8, 11),
    "7b5": (0, 4, 6, 10),
    "7sus4": (0, 5, 7, 10),
    "7sus2": (0, 2, 7, 10),
    "add9": (0, 2, 4, 7),
    "madd9": (0, 2, 3, 7),
    "69": (0, 2, 4, 7, 9),
    "m69": (0, 2, 3, 7, 9),
    "9": (0, 2, 4, 7, 10),
    "maj9": (0, 2, 4, 7, 11),
    "m9": (0, 2, 3, 7, 10),
    "9sus4": (0, 2, 5, 7, 10),
    "7b9": (0, 1, 4, 7, 10),
    "7#9": (0, 3, 4, 7, 10),
    "7#11": (0, 4, 6, 7, 10),
    "7b13": (0, 4, 7, 8, 10),
    "maj7#11": (0, 4, 6, 7, 11),
    "m11": (0, 2, 3, 5, 7, 10),
    "13": (0, 2, 4, 7, 9, 10),
    "m13": (0, 2, 3, 7, 9, 10),
    "maj13": (0, 2, 4, 7, 9, 11),
}
"""Semitones above the root, by the suffix that names a chord."""
NO_CHORD = ("N", "N.C.", "NC", "-")
REPEAT = "%"
LEAST_PITCH_CLASSES = 3
"""Different pitch classes in the notes without which no chord is named."""


_NUMBERS: dict[str, dict[int, int]] = {
    "6": {6: 9},
    "69": {6: 9, 9: 2},
    "7": {7: 10},
    "9": {7: 10, 9: 2},
    "11": {7: 10, 9: 2, 11: 5},
    "13": {7: 10, 9: 2, 13: 9},
    "2": {9: 2},
}
"""What the number in a chord's name adds: semitones above the root by degree."""
_DEGREES = {2: 2, 3: 4, 4: 5, 5: 7, 6: 9, 7: 11, 9: 14, 11: 17, 13: 21}
"""Semitones of the degrees of a major scale."""
_SIGNS = {"b": -1, "#": 1, "+": 1, "-": -1}
_ROOT = re.compile(r"([A-G](?:[#♯]+|[b♭]+)?)(.*)")
_HEAD = re.compile(
    r"(?P<half>hdim7?|ø7?)?(?P<minor>min|mi|m(?!a(?!dd))|-|−)?(?P<major>maj|ma|M|Δ|\^)?"
    r"(?P<triad>dim|°|o|aug|\+(?!5))?(?P<number>69|6|7|9|11|13|5|2|4(?!\d))?"
)
_CHANGE = re.compile(
    r"(?P<sus>sus(?P<by>24|2|4)?)|add(?P<add>[b#]?\d+)|no(?P<no>[35])|(?P<alt>alt)"
    r"|(?P<major>maj|M)(?P<seventh>7|9)|(?P<sign>[b#+-])(?P<degree>13|11|9|7|6|5)|(?P<more>13|11|9|7|6)"
)


def _plain(suffix: str) -> str:
    """Return a suffix without what only groups its parts."""
    return re.sub(r"[(),: ]", "", suffix.replace("♯", "#").replace("♭", "b"))


@lru_cache(maxsize=512)
def _intervals_of(suffix: str) -> tuple[int, ...] | None:
    """Return the ascending semitones above the root of a suffix such as `m7b5`; None if it is none."""
    text = _plain(suffix)
    head = _HEAD.match(text)
    assert head is not None  # every part of it is optional
    degrees = _degrees_of_head(head)
    place = head.end()
    while place < len(text):
        change = _CHANGE.match(text, place)
        if change is None:
            return None
        _change(degrees, change)
        place = change.end()
    return tuple(sorted({0, *(semitones % 12 for semitones in degrees.values())}))


def _degrees_of_head(head: re.Match[str]) -> dict[int, int]:
    """Return the semitones of each degree above the root that the first part of a suffix means."""
    number = head["number"] or ("7" if head["major"] in ("Δ", "^") else "")
    if head["half"]:
        return {3: 3, 5: 6, 7: 10}
    degrees = {3: 3 if head["minor"] else 4, 5: 7}
    if head["triad"]:
        degrees = {3: 4, 5: 8} if head["triad"] in ("aug", "+") else {3: 3, 5: 6}
    degrees |= _NUMBERS.get(number, {})
    if 7 in degrees and head["major"]:
        degrees[7] = 11
    elif 7 in degrees and head["triad"] in ("dim", "°", "o"):
        degrees[7] = 9
    if number == "5" or (number == "11" and not head["minor"]):
        del degrees[3]
    if number == "4":
        degrees[3] = 5
    return degrees


def _change(degrees: dict[int, int], change: re.Match[str]) -> None:
    """Apply one alteration, such as `sus4`, `b9`, `add9` or `no3`, to the degrees of a chord."""
    if change["sus"]:
        degrees[3] = 2 if change["by"] == "2" else 5
        degrees |= {9: 2} if change["by"] == "24" else {}
    elif change["add"]:
        degree = int(change["add"].lstrip("b#"))
        degrees[degree + 20] = _DEGREES.get(degree, 0) + _SIGNS.get(change["add"][0], 0)
    elif change["no"]:
        degrees.pop(int(change["no"]), None)
    elif change["alt"]:
        degrees |= {5: 8, 7: 10, 9: 1, 29: 3}
    elif change["seventh"]:
        degrees |= {7: 11, 9: 2} if change["seventh"] == "9" else {7: 11}
    elif change["sign"]:
        degree = int(change["degree"])
        # A flat five may stand beside a sharp one, as in 7b5#5; other degrees of one name replace each other.
        degrees[degree] = _DEGREES[degree] + _SIGNS[change["sign"]]
    else:
        degrees |= {int(change["more"]): 10 if change["more"] == "7" else _DEGREES[int(change["more"])]}


_NAMES = {intervals: name for name, intervals in reversed(QUALITIES.items())}
"""The usual suffix of a set of semitones."""


class Chord(msgspec.Struct, frozen=True):
    """A chord: its root, what stands on it, and its bass where that is another note."""

    root: int
    """Pitch class, 0 (C) to 11 (B)."""
    quality: str = ""
    """A suffix such as `m7b5`; one of `QUALITIES` wherever the chord is one of those."""
    bass: int | None = None
    """Pitch class of the lowest note; None for the root."""

    @property
    def name(self) -> str:
        """Such as `F#m7b5` or `G7/B`."""
        over = "" if self.bass is None else f"/{KEYS[self.bass]}"
        altered = self.quality[:1] in ("b", "#")  # C(b5) is not Cb5
        return f"{KEYS[self.root]}{f'({self.quality})' if altered else self.quality}{over}"

    @property
    def pitch_classes(self) -> frozenset[int]:
        """The chord's pitch classes, its bass among them."""
        tones = {(self.root + semitones) % 12 for semitones in _intervals_of(self.quality) or (0,)}
        return frozenset(tones if self.bass is None else tones | {self.bass})

    def has(self, pitch: int) -> bool:
        """Return whether a MIDI pitch is one of its tones."""
        return pitch % 12 in self.pitch_classes

    def transposed(self, semitones: int) -> "Chord":
        """Return the same chord that many semitones higher (lower: negative)."""
        bass = None if self.bass is None else (self.bass + semitones) % 12
        return Chord((self.root + semitones) % 12, self.quality, bass)


Harmony = tuple[Chord | None, ...]
"""One chord a pulse (see `Metre`; a quarter note in most); None where there is none."""


def parse_chord(text: str) -> Chord | None:
    """Parse a chord's name: `Am`, `G7/B`, `F#m7b5`, also `B:min7/b7`; `N.C.` is None.

    Raises:
        ValueError: it is no chord.
    """
    if text.strip() in NO_CHORD:
        return None
    found = _ROOT.fullmatch(text.strip().replace("6/9", "69"))
    if found is None:
        raise ValueError(f"chord {text!r} is unknown; write a root and a kind, such as Am, G7/B or F#m7b5")
    root, (suffix, stroke, under) = pitch_class_named(found[1]), found[2].partition("/")
    intervals = _intervals_of(suffix)
    bass = _bass(under, root or 0)
    if root is None or intervals is None or (stroke and bass is None):
        raise ValueError(f"chord {text!r} is unknown; write a root and a kind, such as Am, G7/B or F#m7b5")
    return Chord(root, _NAMES.get(intervals, _plain(suffix)), None if bass == root else bass)


def _bass(under: str, root: int) -> int | None:
    """Return the pitch class of a note or a degree (`b7`) under the stroke; None if it is neither."""
    degree = re.fullmatch(r"([b#]*)(\d+)", under)
    if degree and int(degree[2]) in _DEGREES:
        return (root + _DEGREES[int(degree[2])] + degree[1].count("#") - degree[1].count("b")) % 12
    return pitch_class_named(under)


def parse_chords(text: str) -> tuple[Harmony, ...]:
    """Parse a line of chords into the chords of each bar.

    Without bar lines every chord is a bar (`Am F C G`); with them the chords between two share the
    bar (`Am F | C G`). `%` repeats what was before, `N.C.` is no chord.

    Raises:
        ValueError: a name is unknown, or there is none.
    """
    written = text.strip().strip("|")
    bars = written.split("|") if "|" in written else written.split()
    parsed: list[Harmony] = []
    for bar in bars:
        names = bar.split() or [REPEAT]
        if names == [REPEAT]:
            if not parsed:
                raise ValueError(f"chords {text!r}: the first bar has no chord to repeat; name one")
            parsed.append(parsed[-1])
            continue
        row: list[Chord | None] = []
        for name in names:
            before = row[-1] if row else (parsed[-1][-1] if parsed else None)
            row.append(before if name == REPEAT else parse_chord(name))
        parsed.append(tuple(row))
    if not parsed:
        raise ValueError("no chords are named; write them one a bar, such as Am F C G")
    return tuple(parsed)


def by_pulse(bars: Sequence[Harmony], length_bars: int, metre: Metre = FOUR_FOUR) -> Harmony:
    """Return the chord of each pulse of `length_bars` bars: the bars of chords in turn, again and again.

    The chords of a bar share it evenly; a pulse has the chord that sounds where it begins.
    """
    rows = (bars[bar % len(bars)] for bar in range(length_bars))
    return tuple(row[place * len(row) // metre.pulses] for row in rows for place in range(metre.pulses))


def by_quarter(harmony: Harmony, metre: Metre) -> Harmony:
    """Return the chord of each quarter, the one that sounds where it begins, of a harmony in some metre."""
    quarters = round(len(harmony) * metre.pulse_beats)
    return tuple(harmony[int(quarter / metre.pulse_beats + 1e-9)] for quarter in range(quarters))


def changes(harmony: Harmony) -> tuple[tuple[int, Chord | None], ...]:
    """Return where chords begin: which pulse, and the chord from there on."""
    return tuple(
        (beat, chord) for beat, chord in enumerate(harmony) if beat == 0 or chord != harmony[beat - 1]
    )
