"""What is typical of some melodies: when notes begin, which degrees they are, how they go on."""

import itertools
import math
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

from engine.music.grid import SIXTEENTHS
from engine.music.notes import DRUM_CHANNEL, Note, Phrase

if TYPE_CHECKING:  # numpy comes with it; controls hold a style, and the window need not wait
    from engine.music.key import Key
from engine.music.metre import FOUR_FOUR, Metre

STEPS_PER_BEAT = SIXTEENTHS.steps_per_beat
WIDEST = 12
"""Larger intervals count as this."""
LONGEST = 8
"""Steps; notes farther apart in time count as this."""
MOVES_KEPT = 160
"""Kinds of move that are kept, the most frequent."""
UNSEEN = 0.5
"""Added to every count, so that what was never seen is unlikely and not impossible."""

USUAL_ONSETS = (
    0.817, 0.034, 0.237, 0.081, 0.491, 0.041, 0.357, 0.087,
    0.643, 0.037, 0.295, 0.095, 0.592, 0.050, 0.368, 0.096,
)  # fmt: skip
"""Share of bars with an onset at each 16th of 4/4, of 512 phrases that `words_2bar` wrote from nothing."""
USUAL_DEGREES = {
    "major": (0.298, 0.0, 0.123, 0.0, 0.17, 0.078, 0.0, 0.199, 0.0, 0.058, 0.0, 0.073),
    "minor": (0.247, 0.0, 0.133, 0.154, 0.0, 0.119, 0.0, 0.263, 0.035, 0.0, 0.047, 0.0),
}
"""Share of each semitone above the tonic, likewise."""

PHRASE_BARS = 2
PHRASES_KEPT = 24
"""Phrases that are kept of those heard, spread evenly over them."""
FEWEST_NOTES = 8
"""Music with fewer notes is too little to learn a style from."""
LEAST_NOTES = 4
"""A phrase with fewer notes is none to follow."""

StylePhrase = tuple[tuple[int, int, int], ...]
"""Step, steps long and pitch of each note of two bars, moved to C major or A minor."""
Move = tuple[int, int]
"""Interval to the next note in semitones, and the steps between the two onsets."""


class Style(msgspec.Struct, frozen=True):
    """What was counted in some melodies; an empty one pulls nothing."""

    name: str = ""
    """Where they came from, as the player sees it."""
    bars: int = 0
    """How many bars were counted; 0 for none."""
    notes: int = 0
    onsets: tuple[int, ...] = ()
    """Bars in which a note begins, at each 16th of a bar."""
    classes: tuple[int, ...] = ()
    """Notes of each pitch class, moved to C major or A minor."""
    moves: tuple[tuple[int, int, int], ...] = ()
    """Interval, steps and how often, of the most frequent moves."""
    phrases: tuple[StylePhrase, ...] = ()
    metre: Metre = FOUR_FOUR
    """Of the phrases."""

    def as_phrases(self) -> list[Phrase]:
        """Return the phrases as notes."""
        return [
            Phrase.of(
                (
                    Note(step / STEPS_PER_BEAT, pitch, length / STEPS_PER_BEAT)
                    for step, length, pitch in phrase
                ),
                PHRASE_BARS,
                self.metre,
            )
            for phrase in self.phrases
        ]

    def onset_nats(self, step: int, steps_per_bar: int) -> float:
        """Return how much likelier an onset is at a step of a bar than it usually is, in nats.

        Bars of another length than the style's are compared beat by beat.
        """
        usual = _logit(_at(USUAL_ONSETS, step, steps_per_bar))
        share = _at([count + UNSEEN for count in self.onsets], step, steps_per_bar) / (self.bars + 2 * UNSEEN)
        return _logit(share) - usual

    def class_nats(self, pitch: int, key: "Key") -> float:
        """Return how much likelier a pitch is in a key than it usually is, in nats."""
        usual = USUAL_DEGREES["minor" if key.is_minor else "major"][(pitch - key.tonic) % 12]
        place = (pitch + key.semitones_to_reference) % 12
        share = (self.classes[place] + UNSEEN) / (self.notes + 12 * UNSEEN)
        return math.log(share / (usual + 0.01))

    def likeness(self, phrase: Phrase) -> float:
        """Return how much the moves of a phrase are those of the style, 0 (chance) to 1 (as its own are)."""
        moves, counts = moves_of(line_of(phrase)), {(move[0], move[1]): move[2] for move in self.moves}
        kinds = (2 * WIDEST + 1) * LONGEST
        total = sum(counts.values()) + UNSEEN * kinds
        if not moves or not counts:
            return 0.0

        def nats(move: Move) -> float:
            return math.log((counts.get(move, 0) + UNSEEN) / total * kinds)

        own = sum(count * nats(move) for move, count in counts.items()) / sum(counts.values())
        found = sum(nats(move) for move in moves) / len(moves)
        return min(1.0, max(0.0, found / own)) if own > 0 else 0.0


NO_STYLE = Style()


def style_of(heard: Iterable["tuple[Phrase, Key | None]"], name: str) -> Style:
    """Count what is typical of phrases, each with the key it is in; an empty style where no note is.

    Args:
        heard: phrases of any length; their highest notes are the melody, drums are left out.
        name: what the player calls it.
    """
    onsets, classes, moves = Counter[int](), Counter[int](), Counter[Move]()
    phrases = list[StylePhrase]()
    bars, steps, metre = 0, 0, FOUR_FOUR
    for phrase, key in heard:
        line = line_of(phrase)
        if not line:
            continue
        metre = metre if bars else phrase.metre
        bars, steps = bars + phrase.bars, max(1, round(metre.beats_per_bar * STEPS_PER_BEAT))
        bar_steps = phrase.beats_per_bar * STEPS_PER_BEAT
        onsets.update(round(step % bar_steps) % steps for step, _ in line)
        if key is not None:
            classes.update((pitch + key.semitones_to_reference) % 12 for _, pitch in line)
            phrases += _phrases(phrase, key) if phrase.metre == metre else []
        moves.update(moves_of(line))
    if not bars:
        return Style()
    kept = sorted(((*move, count) for move, count in moves.items()), key=lambda each: (-each[2], each))
    return Style(
        name,
        bars,
        sum(classes.values()),
        tuple(min(onsets[step], bars) for step in range(steps)),
        tuple(classes[place] for place in range(12)),
        tuple(kept[:MOVES_KEPT]),
        tuple(phrases[at * len(phrases) // PHRASES_KEPT] for at in range(PHRASES_KEPT))
        if len(phrases) > PHRASES_KEPT
        else tuple(phrases),
        metre,
    )


def _phrases(phrase: Phrase, key: "Key") -> list[StylePhrase]:
    """Return the melody of each two bars of a phrase, moved to C major or A minor."""
    found = []
    for bar in range(0, phrase.bars - PHRASE_BARS + 1, PHRASE_BARS):
        window = phrase.window(bar, PHRASE_BARS)
        lengths = {
            (_step(n), n.pitch): max(1, round(n.duration_beats * STEPS_PER_BEAT)) for n in window.notes
        }
        home = key.semitones_to_reference
        line = [(step, lengths[step, pitch], pitch + home) for step, pitch in line_of(window)]
        if len(line) >= LEAST_NOTES and all(0 <= pitch <= 127 for _, _, pitch in line):
            found.append(tuple(line))
    return found


def line_of(phrase: Phrase) -> list[tuple[int, int]]:
    """Return step and pitch of the highest note that begins at each step; drums are left out."""
    line: dict[int, int] = {}
    for note in phrase.notes:
        if note.channel != DRUM_CHANNEL:
            step = _step(note)
            line[step] = max(line.get(step, 0), note.pitch)
    return sorted(line.items())


def _step(note: Note) -> int:
    return max(0, math.floor(note.start_beats * STEPS_PER_BEAT + 0.5))


def moves_of(line: list[tuple[int, int]]) -> list[Move]:
    """Return the moves from each note of a line to the next; what lies more than a bar apart is none."""
    found = []
    for (step, pitch), (next_step, next_pitch) in itertools.pairwise(line):
        if next_step - step <= 4 * STEPS_PER_BEAT:
            interval = min(max(next_pitch - pitch, -WIDEST), WIDEST)
            found.append((interval, min(next_step - step, LONGEST)))
    return found


def _at(values: "tuple[float, ...] | list[float]", step: int, steps_per_bar: int) -> float:
    """Return the value at a step of a bar; of another length the mean over the beats at that place.

    Bars shorter than a beat may have no such place: then it is the mean over all.
    """
    if len(values) == steps_per_bar:
        return values[step % steps_per_bar]
    alike = [value for place, value in enumerate(values) if place % STEPS_PER_BEAT == step % STEPS_PER_BEAT]
    alike = alike or list(values)
    return sum(alike) / len(alike)


def _logit(share: float) -> float:
    bounded = min(max(share, 0.01), 0.99)
    return math.log(bounded / (1 - bounded))
