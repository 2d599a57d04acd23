"""Everything measured about one model on one split: `antiphon-train evaluate`.

Every model gets the same sections where they mean something: a continuation has no latent prior to
walk in, so it has no interpolation, attributes and prior, and what is compared with held-out music is
what it writes after held-out bars.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from engine.inference.perturbation import pitched
from engine.music import representation as representations
from engine.music.notes import Phrase
from engine.text import counted
from training.corpus.dataset import Corpus, spread
from training.errors import ConfigError
from training.evaluation import pictures
from training.evaluation.accompaniment import accompaniment_seeds
from training.evaluation.attributes import (
    CALIBRATION_LATENTS,
    calibrated,
    definitions,
    deviations_of,
    directions,
    measure_all,
    measure_effects,
)
from training.evaluation.core_metrics import core_metrics
from training.evaluation.features import measure_phrases
from training.evaluation.feel_by_label import LABELS, curves_picture, errors_by, feel_curves
from training.evaluation.humanising import humanised, measure_humanising
from training.evaluation.interpolation import NGRAM_WINDOWS, fit_ngrams, held_out_pairs, measure_walks, walk
from training.evaluation.loaded_model import Sliders, Subject
from training.evaluation.model_output import decode, encode, generated_sets
from training.evaluation.musicality.continued import continuation_measures, go_on, played_on
from training.evaluation.musicality.control_measures import control_measures
from training.evaluation.musicality.followed_chords import MOST_PHRASES, chord_measures
from training.evaluation.musicality.held_out import held_out as phrases_of
from training.evaluation.musicality.measure import Rows, measure_music
from training.evaluation.musicality.played_accompaniment import PlayedAccompaniment, accompaniment_measures
from training.evaluation.musicality.played_continuation import PlayedContinuation
from training.evaluation.musicality.played_model import PlayedModel
from training.evaluation.musicality.played_words import PlayedWords
from training.evaluation.musicality.seed_differences import differences
from training.evaluation.rolls import roll_grid
from training.evaluation.similarity import compare_sets, mean_overlap
from training.models.accompaniment import Accompaniment
from training.models.drum_words import DrumWords
from training.models.key_chain import KeyChain
from training.models.piano_words import PianoWords
from training.models.sentences import Sentences
from training.models.seq2seq import Continuer
from training.models.vae import VAE, Autoencoder
from training.models.words import Words

EFFECT_LATENTS = 256
MOST_PAIRS = 512
MOST_COMPARED = 400
"""Phrases of each set that are compared by their features; distances grow with the square."""
MOST_CONTINUED = 60
"""Phrases that a continuation goes on from twice, which writes each unit in many ways to keep one."""
MOST_DIRECTION_WINDOWS = 16_384
SHOWN = 4
"""Phrases of a row of music that are drawn."""
SHOWN_ROWS = ("held-out music", "vary 0.2", "vary 0.4", "vary 0.6", "morph .5", "prior, T 0", "prior, T 0.5")
"""Rows that are drawn one below the other: variations under their sources."""


@dataclass(frozen=True, slots=True)
class Options:
    """What to measure on."""

    split: str = "test"
    windows: int = 2048
    """Held-out windows of the core measures; the others scale with it."""
    seed: int = 0


@dataclass(slots=True)
class Results:
    """What was found."""

    metrics: dict[str, Any] = field(default_factory=dict)
    pictures: dict[str, Figure] = field(default_factory=dict)
    """By file name without ending."""
    samples: dict[str, list[Phrase]] = field(default_factory=dict)
    """Phrases to listen to, by file name without number and ending."""


def evaluate(
    subject: Subject, corpus: Corpus, options: Options, say: Callable[[str], None] = lambda what: None
) -> Results:
    """Measure a model.

    Args:
        subject: the model.
        corpus: where the windows come from, of the model's length.
        options: split, size and seed.
        say: called with what is being measured now.

    Raises:
        ConfigError: the split has too few windows.
    """
    held_out = len(corpus.window_ids(options.split))
    if held_out < 4:
        raise ConfigError(
            f"{corpus.path}: {counted(held_out, 'window')} of {counted(corpus.bars, 'bar')} in the "
            f"split '{options.split}'; "
            "4 or more are needed; choose another with --split, or add files"
        )
    results = Results(_heading(subject, corpus, options, held_out))
    if isinstance(subject.model, Words | Sentences | DrumWords | PianoWords):
        _words(subject, corpus, options, results, say)
        _history(subject, results)
        return results
    say("reconstruction")
    _core(subject, corpus, options, results)
    if isinstance(subject.model, Accompaniment):
        results.metrics["seeds"] = accompaniment_seeds(
            subject.model, corpus, options.split, options.windows, options.seed
        )
        say("what it plays")
        results.metrics["music"] = accompaniment_measures(
            PlayedAccompaniment(subject), corpus, options.split, options.windows, options.seed
        )
        _history(subject, results)
        return results
    if isinstance(subject.model, VAE):
        say("interpolation")
        _interpolation(subject, subject.model, corpus, options, results)
        say("attributes")
        found = _attributes(subject, subject.model, corpus, options, results)
        subject = replace(subject, sliders=subject.sliders or found)
        if subject.config.model.task == "autoencode":
            _play(PlayedModel(subject), corpus, options, results, say)
        else:
            _control(PlayedModel(subject), corpus, options, results, say)
    _continued(subject, corpus, options, results)
    say("likeness to held-out music")
    _likeness(subject, corpus, options, results)
    if subject.config.model.task == "humanize" and isinstance(subject.model, VAE):
        say("feel")
        _feel(subject.model, corpus, options, results)
    _history(subject, results)
    return results


def _heading(subject: Subject, corpus: Corpus, options: Options, held_out: int) -> dict[str, Any]:
    model = subject.config.model
    return {
        "name": subject.config.name,
        "form": "bundle" if subject.is_bundle else "run",
        "task": model.task,
        "representation": model.representation,
        "bars": model.bars,
        "parameters": sum(weights.numel() for weights in subject.model.parameters()),
        "corpus": corpus.path.name,
        "corpus_sha256": corpus.sha256,
        "split": options.split,
        "split_windows": held_out,
        "seed": options.seed,
    }


def _core(subject: Subject, corpus: Corpus, options: Options, results: Results) -> None:
    results.metrics["core"] = core_metrics(subject.model, corpus, options.split, options.windows)
    if corpus.kind.loose_fingerprint is not None and len(corpus.window_ids(options.split, unseen=True)):
        results.metrics["core_unseen"] = core_metrics(
            subject.model, corpus, options.split, options.windows, unseen=True
        )
    if not isinstance(subject.model, VAE | Continuer):
        return
    rows, names = pictures.reconstructions(subject.model, corpus, subject.representation, options.split, 4)
    results.pictures["reconstruction"] = roll_grid(rows, names)
    results.samples |= dict(zip(names, rows, strict=True))


def _interpolation(subject: Subject, model: VAE, corpus: Corpus, options: Options, results: Results) -> None:
    count = min(MOST_PAIRS, max(2, options.windows // 4))
    first, second = held_out_pairs(corpus, options.split, count, options.seed)
    if not len(first) or not len(corpus.window_ids("train")):
        return
    windows = min(NGRAM_WINDOWS, 50 * options.windows)
    ngrams = fit_ngrams(corpus, subject.representation, subject.config.data.transpose, windows)
    pairs = walk(model, first, second)
    measured = measure_walks(pairs, subject.representation, ngrams, options.seed)
    results.metrics["interpolation"] = measured
    results.pictures["interpolation_curves"] = pictures.walk_curves(measured)
    strip = pictures.interpolation_picture(model, corpus, subject.representation, options.split)
    if strip is not None:
        results.pictures["interpolation"] = strip
    results.samples["walk"] = [subject.representation.decode(array) for array in pairs.path[0, ::2]]


def _words(
    subject: Subject, corpus: Corpus, options: Options, results: Results, say: Callable[[str], None]
) -> None:
    """Measure a model of words: what it foresees, and what the engine plays with it."""
    say("reconstruction")
    results.metrics["core"] = core_metrics(subject.model, corpus, options.split, options.windows)
    if isinstance(subject.model, DrumWords | PianoWords):
        if isinstance(subject.model, DrumWords):  # the sliders of two hands need no directions
            say("attributes")
            found = _attributes(subject, subject.model, corpus, options, results)
            subject = replace(subject, sliders=subject.sliders or found)
        played: PlayedModel | PlayedWords = PlayedModel(subject)
    else:
        played = PlayedWords(subject)
    rows = _play(played, corpus, options, results, say)
    if isinstance(subject.model, Sentences):
        say("what follows")
        held = phrases_of(corpus, subject.representation, options.split, options.windows)
        results.metrics["continuation"] = played_on(played, held.phrases, options.seed)
    say("likeness to held-out music")
    real, representation = rows.phrases["held-out music"], subject.representation
    sets = {"other held-out music": real[1::2], "draws": rows.phrases["prior, T 0.5"]}
    _compare(real[::2], sets, representation.name, results)


def _play(
    model: PlayedModel | PlayedWords,
    corpus: Corpus,
    options: Options,
    results: Results,
    say: Callable[[str], None],
) -> Rows:
    """Measure and draw what a model plays, as the player's engine plays it, beside music and baselines.

    Returns the rows of phrases.
    """
    measured, rows = measure_music(model, corpus, options.split, options.windows, options.seed, say)
    results.metrics["music"] = measured
    drawn = {name: rows.phrases[name][:SHOWN] for name in SHOWN_ROWS if name in rows.phrases}
    results.pictures["music"] = pictures.samples_picture(drawn)
    results.samples |= {f"music {name}": phrases for name, phrases in drawn.items()}
    if pitched(model.representation):
        say("chords")
        played = phrases_of(corpus, model.representation, options.split, min(options.windows, MOST_PHRASES))
        results.metrics["chords"] = chord_measures(model, played, options.seed)
    _control(model, corpus, options, results, say)
    return rows


def _control(
    model: PlayedModel | PlayedWords,
    corpus: Corpus,
    options: Options,
    results: Results,
    say: Callable[[str], None],
) -> None:
    """Measure what sliders, another seed and the chords of songs do."""
    say("sliders and seeds")
    results.metrics |= control_measures(model, corpus, options.split, options.windows, options.seed)


def _continued(subject: Subject, corpus: Corpus, options: Options, results: Results) -> None:
    """Measure motifs and density of what a continuation writes after held-out bars, as it is played."""
    if not isinstance(subject.model, Continuer | KeyChain):
        return
    ids = spread(corpus.window_ids(options.split), min(options.windows, MOST_CONTINUED))
    model, windows, half = PlayedContinuation(subject), corpus.batch(ids), corpus.steps // 2
    prompts, real = (
        [model.representation.decode(array) for array in arrays]
        for arrays in (windows[:, :half], windows[:, half:])
    )
    answers, others = (go_on(model, prompts, options.seed + take * len(prompts)) for take in (0, 1))
    results.metrics["continuation"] = continuation_measures(prompts, real, answers)
    results.metrics["seeds"] = {
        "continuation": differences(answers, others, model.representation),
        "another piece": differences(real, [*real[1:], *real[:1]], model.representation),
    }


def _feel(model: VAE, corpus: Corpus, options: Options, results: Results) -> None:
    """Measure timing and velocities, over all performances and for each drummer and style."""
    of = humanised(model, corpus, options.split)
    results.metrics["humanising"] = measure_humanising(of)
    results.metrics["humanising_by"] = {label: errors_by(of, label) for label in LABELS}
    for label in LABELS:
        curves = feel_curves(of, label)
        if curves:
            results.pictures[f"feel_by_{label}"] = curves_picture(curves, label)


def _attributes(
    subject: Subject, model: Autoencoder, corpus: Corpus, options: Options, results: Results
) -> Sliders | None:
    """Measure attribute directions in the latent space, and return them; None where there are none."""
    named = definitions(subject.representation)
    found, transpose = subject.directions, subject.config.data.transpose
    training = corpus.window_ids("train")
    if not named or (found is None and not len(training)):
        return None
    if found is None:
        ids = spread(training, min(MOST_DIRECTION_WINDOWS, 8 * options.windows))
        phrases = corpus.batch(ids, np.random.default_rng(options.seed), transpose)
        z, values = encode(model, phrases, options.seed, drawn=True), measure_all(named, phrases)
        tried = spread(np.arange(len(z)), CALIBRATION_LATENTS)
        found = directions(z, values)
        found = calibrated(named, found, deviations_of(values), z[tried], lambda z: decode(model, z))
    held = corpus.batch(spread(corpus.window_ids(options.split), min(EFFECT_LATENTS, options.windows)))
    latents = encode(model, held, options.seed, drawn=True)
    effects = measure_effects(named, found, latents, lambda z: decode(model, z))
    spread_of = deviations_of(measure_all(named, held))
    relative = effects.change / np.where(spread_of > 0, spread_of, np.nan)
    names = [definition.name for definition in named]
    results.metrics["attributes"] = {
        "latents": len(latents),
        "directions": "the bundle's" if subject.directions is not None else "measured on the training split",
        "units": {definition.name: definition.unit for definition in named},
        "deviations": dict(zip(names, spread_of.tolist(), strict=True)),
        "change": _matrix(names, effects.change),
        "percent": _matrix(names, effects.percent),
        "in_deviations": _matrix(names, relative),
    }
    results.pictures["attributes"] = pictures.effects_picture(names, relative)
    return Sliders(tuple(names), found)


def _matrix(names: list[str], values: NDArray[np.float64]) -> dict[str, dict[str, float | None]]:
    """Return a matrix by names; what is undefined is None."""
    rows = [[value if np.isfinite(value) else None for value in row] for row in values.tolist()]
    return {name: dict(zip(names, row, strict=True)) for name, row in zip(names, rows, strict=True)}


def _likeness(subject: Subject, corpus: Corpus, options: Options, results: Results) -> None:
    """Compare what the model writes from nothing with held-out music, and held-out music with itself."""
    count = min(MOST_COMPARED, max(2, options.windows // 4))
    ids = spread(corpus.window_ids(options.split), 2 * count)
    halves = corpus.batch(ids[::2]), corpus.batch(ids[1::2])
    sets = {"other held-out music": halves[1], **generated_sets(subject, halves[1], options.seed)}
    if subject.is_continuer:
        half = corpus.steps // 2
        halves = halves[0][:, half:], halves[1][:, half:]
        sets = {name: windows[:, -half:] for name, windows in sets.items()}
    representation = subject.representation
    if subject.is_continuer:  # what is written is half of a window
        representation = representations.representation(
            representation.name, subject.config.model.bars, representation.grid
        )
    phrases = {name: [representation.decode(array) for array in tensors] for name, tensors in sets.items()}
    _compare([representation.decode(array) for array in halves[0]], phrases, representation.name, results)


def _compare(
    held: list[Phrase], phrases: dict[str, list[Phrase]], representation: str, results: Results
) -> None:
    """Compare sets of phrases with held-out ones by their features."""
    reference = measure_phrases(held, representation)
    compared = {
        name: compare_sets(reference, measure_phrases(members, representation))
        for name, members in phrases.items()
    }
    results.metrics["likeness"] = {
        name: {"phrases": len(phrases[name]), "mean_overlapped_area": mean_overlap(rows), "features": rows}
        for name, rows in compared.items()
    }
    results.metrics["likeness_reference_phrases"] = len(held)
    results.pictures["likeness"] = pictures.overlap_picture(compared)
    results.pictures["samples"] = pictures.samples_picture(phrases)
    results.samples |= {f"sample {name}": members[:4] for name, members in phrases.items()}


def _history(subject: Subject, results: Results) -> None:
    path = subject.path / "history.jsonl"
    if subject.is_bundle or not path.is_file():
        return
    history = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    if len(history) > 1:
        results.pictures["learning"] = pictures.learning_curve(history)
