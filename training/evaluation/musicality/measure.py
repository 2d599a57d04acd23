"""Every measure of music for one model, in rows to be read beside held-out music and plain baselines."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from msgspec.structs import replace

from engine.inference.constraints import Constraints
from engine.inference.controls import Controls
from engine.inference.ranking import best_first, takes_from
from engine.inference.slots import LatentModel, Slot, encode_slot
from engine.music.notes import DRUM_CHANNEL, Phrase
from training.corpus.dataset import Corpus, spread
from training.evaluation.musicality.backbone import DrumCritic, backbone
from training.evaluation.musicality.baselines import crossfaded, nudged
from training.evaluation.musicality.critic import Critic
from training.evaluation.musicality.form import extra_leap, repeated_bars
from training.evaluation.musicality.held_out import CRITIC_WINDOWS, HeldOut, held_out, teach_critic
from training.evaluation.musicality.key_sets import in_sets, own_key
from training.evaluation.musicality.lines import Line
from training.evaluation.musicality.played_phrases import play_takes
from training.evaluation.musicality.traits import traits
from training.evaluation.musicality.two_sample import telling_apart, telling_apart_by_piece

VARIATIONS = tuple(tenth / 10 for tenth in range(11))
IN_KEY = (0.2, 0.4, 0.6, 0.8, 1.0)
TEMPERATURES = (0.0, 0.5, 0.8)
TAKES = 8
BEST_OF = {
    "vary 0.4": Controls(mode="vary", variation=0.4),
    "vary 0.8": Controls(mode="vary", variation=0.8),
    "prior": Controls(mode="generate"),
}
"""What is played as the first of several ranked takes."""
RANKED_PHRASES = 150
"""Sources of such takes: they cost several decodes each."""
TOLD_APART: tuple[str, ...] = (
    *("held-out music", "training music", "notes nudged in the scale", "note crossfade .5", "morph .5"),
    *(f"vary {value:.1f}" for value in (0.2, 0.4, 0.6, 0.8)),
    *("vary 0.4, in key", "vary 0.8, in key", "morph .5, in key", "prior, in key"),
    *(f"prior, T {value:g}" for value in TEMPERATURES),
)
"""Rows that trees learn to separate from music, which takes seconds each."""
NUDGED_SHARE = 0.4
MOST_PHRASES = 800
"""Held-out phrases of each half; the one half is played on, the other stands for music."""
DRUMS = ("drums", "groove")
"""Representations without a pitched voice."""
LONG_BARS = 8
"""From this length on form is measured."""


@dataclass(frozen=True, slots=True, eq=False)
class Yardstick:
    """What rows are measured with."""

    bars: int
    channel: int | None
    """MIDI channel of the voice that key, critic and form are of; None for drums alone."""
    critic: Critic | None = None
    drum_critic: DrumCritic | None = None
    polyphonic: bool = False
    """Whether many keys sound together, so that how many is measured."""


@dataclass(slots=True)
class Rows:
    """Sets of phrases by name, each with what it was made from."""

    phrases: dict[str, list[Phrase]] = field(default_factory=dict)
    made_from: dict[str, list[int]] = field(default_factory=dict)
    """Index of each phrase's source in the held-out half; empty for a row without sources."""

    def add(self, name: str, phrase: Phrase, source: int | None = None) -> None:
        """Add a phrase to a row."""
        self.phrases.setdefault(name, []).append(phrase)
        self.made_from.setdefault(name, [])
        if source is not None:
            self.made_from[name].append(source)


def measure_music(
    model: LatentModel,
    corpus: Corpus,
    split: str,
    windows: int,
    seed: int = 0,
    say: Callable[[str], None] = lambda what: None,
) -> tuple[dict[str, dict[str, float]], Rows]:
    """Measure what a model plays: from nothing, along the variation slider, and half-way between phrases.

    Args:
        model: a model with a latent space.
        corpus: where held-out phrases of its length come from.
        split: which of them.
        windows: how many phrases at most; half of them are played on, half stand for music.
        seed: decides takes, baselines and folds.
        say: called with what is being measured now.

    Returns:
        Measures by row and name, and the phrases of every row.
    """
    representation = model.representation
    held = held_out(corpus, representation, split, min(windows, 2 * MOST_PHRASES))
    played, real = _halves(held)
    channel = None if representation.name in DRUMS else 0
    rows = _baselines(played, channel, seed)
    training = held_out(
        corpus, representation, "train", CRITIC_WINDOWS if channel is None else len(played.phrases)
    )
    _add_training(rows, training, len(played.phrases))
    if channel is None:
        critic = DrumCritic(training.phrases) if training.phrases else None
        yardstick = Yardstick(representation.bars, None, drum_critic=critic)
    else:
        critic_of_lines = teach_critic(corpus, representation, channel)
        yardstick = Yardstick(
            representation.bars, channel, critic_of_lines, polyphonic=representation.name == "pianoroll"
        )
    say("what it plays")
    _play(model, played, rows, seed)
    real_traits = np.stack([traits(phrase, representation.name) for phrase in real.phrases])
    found = {}
    for row, phrases in rows.phrases.items():
        say(f"music: {row}")
        found[row] = measure_row(phrases, yardstick, played, rows.made_from[row])
        if row in TOLD_APART and phrases:
            written = np.stack([traits(phrase, representation.name) for phrase in phrases])
            if channel is None:
                pieces = _pieces(row, len(phrases), played)
                found[row]["c2st"] = telling_apart_by_piece(
                    (real_traits, real.pieces), (written, pieces), seed
                )
            else:
                found[row]["c2st"] = telling_apart(real_traits, written, seed)
    return found, rows


def _add_training(rows: Rows, training: HeldOut, count: int) -> None:
    """Add a row of training phrases: how far held-out works are from those that were heard.

    A model that wrote just like the training split would be told apart as easily.
    """
    for index in spread(np.arange(len(training.phrases)), count):
        rows.add("training music", training.phrases[index])


def _pieces(row: str, count: int, played: HeldOut) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Return the piece of each phrase of a row; phrases that were made from none are of one each."""
    return np.arange(count) if row.startswith(("prior", "training")) else played.pieces[:count]


def _halves(held: HeldOut) -> tuple[HeldOut, HeldOut]:
    """Return every other phrase, and the rest: the same works in both, so that only the making differs."""
    return held.part(np.arange(0, len(held.phrases), 2)), held.part(np.arange(1, len(held.phrases), 2))


def _baselines(played: HeldOut, channel: int | None, seed: int) -> Rows:
    """Return rows of held-out music itself and of what needs no model."""
    rows, rng = Rows(), np.random.default_rng(seed)
    count = len(played.phrases)
    for index, phrase in enumerate(played.phrases):
        other = (index + count // 2) % count
        rows.add("held-out music", phrase, index)
        rows.add("another piece", played.phrases[other], index)
        if channel is not None:
            rows.add(
                "notes nudged in the scale", nudged(phrase, played.keys[index], NUDGED_SHARE, rng), index
            )
        rows.add("note crossfade .5", crossfaded(phrase, played.phrases[other], 0.5, rng))
    return rows


def _play(model: LatentModel, played: HeldOut, rows: Rows, seed: int) -> None:
    """Add what the model plays to the rows."""
    slots = [encode_slot(model, phrase) for phrase in played.phrases]
    count, takes = len(slots), _takes(model.representation.name not in DRUMS)
    named = [
        {"heard": slot, "A": slot, "B": slots[(index + count // 2) % count]}
        for index, slot in enumerate(slots)
    ]
    seeded = [[replace(controls, seed=seed + index) for controls in takes.values()] for index in range(count)]
    for index, phrases in enumerate(play_takes(model, named, seeded)):
        for row, phrase in zip(takes, phrases, strict=True):
            rows.add(row, phrase, index if row.startswith("vary") else None)
    _play_best(model, named[:RANKED_PHRASES], rows, seed)


def _play_best(model: LatentModel, named: Sequence[Mapping[str, Slot]], rows: Rows, seed: int) -> None:
    """Add the first of several ranked takes of each source to the rows."""
    for row, controls in BEST_OF.items():
        takes = [takes_from(replace(controls, seed=seed + index), TAKES) for index in range(len(named))]
        for index, phrases in enumerate(play_takes(model, named, takes)):
            best = best_first(model, named[index], takes[index], phrases)[0]
            rows.add(f"{row}, best of {TAKES}", best.phrase, index if row.startswith("vary") else None)


def _takes(in_key: bool) -> dict[str, Controls]:
    """Return what is played, by row: the model's own first, then as the player hears it by default in key."""
    free = Constraints(in_key=False)
    takes = {
        f"vary {value:.1f}": Controls(mode="vary", variation=value, constraints=free) for value in VARIATIONS
    }
    takes["morph .5"] = Controls(mode="morph", morph=0.5, constraints=free)
    takes |= {
        f"prior, T {temperature:g}": Controls(mode="generate", temperature=temperature, constraints=free)
        for temperature in TEMPERATURES
    }
    if not in_key:
        return takes
    takes |= {f"vary {value:.1f}, in key": Controls(mode="vary", variation=value) for value in IN_KEY}
    takes["morph .5, in key"] = Controls(mode="morph", morph=0.5)
    takes["prior, in key"] = Controls(mode="generate")
    return takes


def measure_row(
    phrases: Sequence[Phrase], yardstick: Yardstick, played: HeldOut, made_from: Sequence[int]
) -> dict[str, float]:
    """Return the measures of one set of phrases; of drums those of `backbone`, and the critic in nats a step.

    `notes` a phrase; `own_key`, `source_key` (where they have sources); `critic` in nats a note; `note_f1` to
    their sources (onset and pitch); of music of many keys `sounding_keys`, how many sound together on average
    over the whole phrase; from eight bars on `repeated_bars` and `extra_leap` in semitones.
    """
    found = {
        "phrases": float(len(phrases)),
        "notes": float(np.mean([len(phrase.notes) for phrase in phrases])),
    }
    if made_from:
        sources = [played.phrases[index] for index in made_from]
        found["note_f1"] = note_f1(sources, phrases)
    if yardstick.channel is None:
        found |= backbone(phrases)
        if yardstick.drum_critic is not None:
            found["critic"] = yardstick.drum_critic.mean_nats(phrases)
        return found
    lines = [line_on(phrase, yardstick.channel) for phrase in phrases]
    found["own_key"] = own_key(lines)
    if made_from:
        found["source_key"] = in_sets(lines, [played.keys[index] for index in made_from])
    if yardstick.polyphonic:
        held = sum(note.duration_beats for phrase in phrases for note in phrase.notes)
        found["sounding_keys"] = held / sum(phrase.length_beats for phrase in phrases)
    if yardstick.critic is not None:
        found["critic"] = yardstick.critic.mean_nats(lines)
    if yardstick.bars >= LONG_BARS:
        found["repeated_bars"] = repeated_bars(lines, yardstick.bars)
        found["extra_leap"] = extra_leap(lines, 2)
    return found


def line_on(phrase: Phrase, channel: int) -> Line:
    """Return the voice of a phrase on a MIDI channel; on channel 0 of a phrase of one voice, that voice."""
    own = [note for note in phrase.notes if note.channel == channel]
    return Line.of(own or [note for note in phrase.notes if note.channel != DRUM_CHANNEL])


def note_f1(sources: Sequence[Phrase], written: Sequence[Phrase]) -> float:
    """Return F1 of notes by onset step, pitch and channel, counted over all pairs."""
    hits = total = 0
    for source, phrase in zip(sources, written, strict=True):
        keys = [{(round(n.start_beats * 4), n.pitch, n.channel) for n in p.notes} for p in (source, phrase)]
        hits += len(keys[0] & keys[1])
        total += len(keys[0]) + len(keys[1])
    return 2 * hits / max(total, 1)
