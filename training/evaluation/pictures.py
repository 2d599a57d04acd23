"""The pictures of a report, and those that a run shows as it goes."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray

from engine.music.notes import Phrase
from engine.music.representation import Representation
from training.corpus.dataset import Corpus, spread
from training.corpus.labels import conditions_of
from training.encoder_input import heard_and_target, heard_of
from training.evaluation.humanising import given_hits
from training.evaluation.interpolation import held_out_pairs, walk
from training.evaluation.rolls import STYLE, roll_grid
from training.models.seq2seq import Continuer
from training.models.vae import VAE

BLUE, ORANGE, GREEN, GREY = "#3b6fb6", "#d9822b", "#4c9a6a", "#b8bec6"
STRIP_SHARES = np.linspace(0, 1, 6)
WRITTEN = {"autoencode": "reconstructed", "humanize": "humanised", "drumify": "drumified"}
MOST_NUMBERS = 12
"""A matrix with more rows shows colours alone."""


@torch.no_grad()
def reconstructions(
    model: VAE | Continuer, corpus: Corpus, representation: Representation, split: str, count: int
) -> tuple[list[list[Phrase]], list[str]]:
    """Return rows of phrases and their names: originals, what was heard if it differs, what was written."""
    ids = spread(corpus.window_ids(split), count)
    window = torch.as_tensor(corpus.batch(ids), device=next(model.parameters()).device)
    if isinstance(model, Continuer):
        given, following = heard_and_target(window, model.config)
        silent = torch.zeros(following.shape[1], len(ids), model.keys, device=window.device)
        written = torch.cat([given, model.generate(model.encode(given), silent)], dim=1)
        return [_phrases(window, representation), _phrases(written, representation)], ["played", "continued"]
    heard = heard_of(window, model.config)
    rows, names = [_phrases(window, representation)], ["original"]
    if model.config.task != "autoencode":
        rows.append(_phrases(heard, representation))
        names.append("heard")
    rows.append(_phrases(_written(model, corpus, ids, heard), representation))
    return rows, [*names, WRITTEN[model.config.task]]


def _written(model: VAE, corpus: Corpus, ids: NDArray[np.int64], heard: torch.Tensor) -> torch.Tensor:
    """Return what a model writes of windows that were heard; a humanising one writes just their hits."""
    hits = given_hits(heard) if model.config.task == "humanize" else None
    conditioning = None
    if model.told is not None:
        conditioning = torch.as_tensor(conditions_of(corpus, ids), device=heard.device)
    return model.generate(model.encode(heard).mu, hits, conditioning)


def _phrases(tensors: Any, representation: Representation) -> list[Phrase]:
    return [representation.decode(array) for array in tensors.cpu().numpy()]


def reconstruction_picture(
    model: VAE | Continuer, corpus: Corpus, representation: Representation, split: str, count: int = 4
) -> Figure:
    """Draw originals above their reconstructions."""
    rows, names = reconstructions(model, corpus, representation, split, count)
    return roll_grid(rows, names)


def interpolation_picture(
    model: VAE, corpus: Corpus, representation: Representation, split: str, pairs: int = 3
) -> Figure | None:
    """Draw walks between held-out phrases, one a row, from A on the left to B."""
    first, second = held_out_pairs(corpus, split, 4 * pairs)
    if not len(first):
        return None
    decoded = walk(model, first[:pairs], second[:pairs], STRIP_SHARES).path
    rows = [[representation.decode(array) for array in strip] for strip in decoded]
    titles = [f"{share:.1f}" for share in STRIP_SHARES]
    return roll_grid(rows, [f"pair {number + 1}" for number in range(len(rows))], titles, together="row")


def samples_picture(sets: Mapping[str, Sequence[Phrase]], columns: int = 4) -> Figure:
    """Draw a few phrases of each set, one set a row, as many as the smallest set has."""
    shown = min(columns, *(len(phrases) for phrases in sets.values()))
    rows = [list(phrases[:shown]) for phrases in sets.values()]
    return roll_grid(rows, list(sets), together="none")


def _axes(width: float = 5.2, height: float = 3.0) -> tuple[Figure, Any]:
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.add_subplot()
    axes.grid(color="#e3e6ea")
    axes.set_axisbelow(True)
    return figure, axes


def walk_curves(measured: Mapping[str, Any]) -> Figure:
    """Draw distance to A and plausibility along the way."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9.0, 3.0), layout="constrained")
        left, right = figure.subplots(1, 2)
        shares = measured["shares"]
        left.plot(shares, shares, color=GREY, linestyle="--", label="even")
        left.plot(shares, measured["hamming"], color=BLUE, marker="o", markersize=3, label="latent walk")
        left.set(xlabel="share of the way to B", ylabel="distance to A (1: as far as B)", ylim=(0, 1.1))
        right.axhline(1.0, color=GREY, linestyle="--", label="the music itself")
        right.plot(shares, measured["cost"], color=BLUE, marker="o", markersize=3, label="latent walk")
        right.plot(
            shares, measured["cost_naive"], color=ORANGE, marker="o", markersize=3, label="step by step"
        )
        right.set(xlabel="share of the way to B", ylabel="cost under a 5-gram model")
        for axes in (left, right):
            axes.grid(color="#e3e6ea")
            axes.legend(frameon=False)
    return figure


def effects_picture(names: Sequence[str], in_deviations: NDArray[np.float64]) -> Figure:
    """Draw the matrix of effects `[A, A]` in standard deviations of the data; rows are directions."""
    with mpl.rc_context(STYLE):
        size = 1.6 + 0.62 * len(names)
        figure = Figure(figsize=(size + 1.0, size), layout="constrained")
        axes = figure.add_subplot()
        limit = float(np.nanmax(np.abs(in_deviations), initial=1.0))
        image = axes.imshow(in_deviations, cmap="RdBu_r", vmin=-limit, vmax=limit)
        axes.set_xticks(range(len(names)), names, rotation=35, ha="right")
        axes.set_yticks(range(len(names)), names)
        axes.set(xlabel="what changes", ylabel="direction")
        if len(names) <= MOST_NUMBERS:
            for (row, column), value in np.ndenumerate(in_deviations):
                axes.text(
                    column,
                    row,
                    f"{value:+.2f}" if np.isfinite(value) else "",
                    ha="center",
                    va="center",
                    fontsize=7,
                    color="white" if abs(value) > 0.6 * limit else "black",
                )
        figure.colorbar(image, ax=axes, shrink=0.7, label="standard deviations")
    return figure


def overlap_picture(compared: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> Figure:
    """Draw the overlapped area of every feature, a bar for each set."""
    names = list(next(iter(compared.values())))
    with mpl.rc_context(STYLE):
        figure, axes = _axes(7.2, 0.9 + 0.3 * len(names))
        height = 0.8 / len(compared)
        for number, ((label, rows), colour) in enumerate(
            zip(compared.items(), (GREY, BLUE, ORANGE, GREEN), strict=False)
        ):
            places = np.arange(len(names)) + (number - (len(compared) - 1) / 2) * height
            values = [rows[name]["overlapped_area"] for name in names]
            axes.barh(places, values, height * 0.9, color=colour, label=label)
        axes.set_yticks(range(len(names)), names)
        axes.invert_yaxis()
        axes.set(xlim=(0, 1), xlabel="overlapped area with held-out music")
        figure.legend(frameon=False, loc="outside upper center", ncols=len(compared))
    return figure


def learning_curve(history: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw what the run's evaluations found as it went."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9.0, 3.0), layout="constrained")
        left, right = figure.subplots(1, 2)
        steps = [entry["step"] for entry in history]
        shown = {
            "free_running": "steps, free running",
            "note_f1": "notes (F1)",
            "teacher_forced_f1": "keys (F1), teacher-forced",
            "free_running_f1": "keys (F1), free running",
        }
        for name, colour in zip(shown, (BLUE, ORANGE, GREEN, GREY), strict=True):
            if name in history[0]:
                left.plot(
                    steps, [entry[name] for entry in history], color=colour, marker=".", label=shown[name]
                )
        left.set(xlabel="step", ylabel="held out")
        left.legend(frameon=False)
        for name, colour, label in (("train_loss", BLUE, "training"), ("loss", ORANGE, "held out")):
            curve = [(entry["step"], entry[name]) for entry in history if name in entry]
            if curve:
                right.plot(*zip(*curve, strict=True), color=colour, marker=".", label=label)
        right.set(xlabel="step", ylabel="loss, nats a phrase")
        right.legend(frameon=False)
        for axes in (left, right):
            axes.xaxis.get_major_locator().set_params(integer=True)
            axes.grid(color="#e3e6ea")
    return figure
