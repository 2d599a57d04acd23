"""What else an attribute slider moves, when it moves by one either way, through the running engine.

Shape legend: N phrases, A attributes.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.inference.constraints import Constraints
from engine.inference.controls import Controls
from engine.inference.latent_space import offered
from engine.inference.slots import LatentModel, encode_slot
from engine.music.notes import DRUM_CHANNEL, Phrase
from engine.music.representation import Representation
from training.evaluation.attributes import Definition, definitions, measure_all
from training.evaluation.musicality.held_out import HeldOut
from training.evaluation.musicality.key_sets import in_sets
from training.evaluation.musicality.lines import Line
from training.evaluation.musicality.played_phrases import play_takes

Floats = NDArray[np.float64]
MOST_PHRASES = 150


def slider_effects(model: LatentModel, played: HeldOut, seed: int) -> dict[str, dict[str, Any]]:
    """Measure every offered slider at +1 and -1 from variation 0: the model alone, and held in key.

    Returns:
        By slider and direction the measures of `effects_of`, with `own`: what the slider's own attribute
        moved by, and `side`: the farthest that another moved, in deviations of the held-out phrases. Beside
        them the row `another piece`, of a phrase in place of the answer; no row where the model offers no
        slider.
    """
    names = [attribute.name for attribute in offered(model.bundle.manifest)]
    sources, keys = played.phrases[:MOST_PHRASES], played.keys[:MOST_PHRASES]
    if not names:
        return {}
    takes = {
        f"{name} {amount:+.0f}{limit}": Controls(
            variation=0.0,
            attributes=((name, amount),),
            constraints=Constraints(in_key=bool(limit)),
            seed=seed,
        )
        for limit in (("", ", in key") if _is_pitched(model.representation) else ("",))
        for name in names
        for amount in (1.0, -1.0)
    }
    slots = [{"heard": encode_slot(model, phrase)} for phrase in sources]
    answers = play_takes(model, slots, [list(takes.values())] * len(slots))
    sets = {row: [answer[place] for answer in answers] for place, row in enumerate(takes)}
    sets["another piece"] = [*sources[len(sources) // 2 :], *sources[: len(sources) // 2]]
    found = {row: effects_of(sources, written, keys, model.representation) for row, written in sets.items()}
    for row, controls in takes.items():
        moved: dict[str, float] = found[row]["moved"]
        own = controls.attributes[0][0]
        others = [abs(value) for name, value in moved.items() if name != own and np.isfinite(value)]
        found[row] |= {"own": moved[own], "side": max(others, default=float("nan"))}
    return found


def effects_of(
    sources: Sequence[Phrase],
    written: Sequence[Phrase],
    keys: Sequence[NDArray[np.bool_]],
    representation: Representation,
) -> dict[str, Any]:
    """Compare phrases with what they were made from.

    Returns:
        `notes_kept` and `onsets_kept`, shares of the sources' notes that stand where they stood (on the same
        16th, on the same pitch or on any); of pitched music `key_kept`, the share of notes in the source's
        key over that of the sources themselves; and `moved`, the mean change of every attribute in
        deviations of the sources.
    """
    named = definitions(representation)
    before, after = (_values(named, phrases, representation) for phrases in (sources, written))
    spread = _over_phrases(before, np.nanstd)
    change = _over_phrases(after - before, np.nanmean)
    deviations = change / np.where(spread > 0, spread, np.nan)
    found: dict[str, Any] = {
        "notes_kept": _kept(sources, written, with_pitch=True),
        "onsets_kept": _kept(sources, written, with_pitch=False),
    }
    if _is_pitched(representation):
        of_sources, of_written = (in_sets(_lines(phrases), keys) for phrases in (sources, written))
        found["key_kept"] = of_written / of_sources if of_sources else float("nan")
    moved = zip((definition.name for definition in named), deviations.tolist(), strict=True)
    return found | {"moved": dict(moved)}


def _is_pitched(representation: Representation) -> bool:
    return representation.name not in ("drums", "groove")


def _values(
    named: tuple[Definition, ...], phrases: Sequence[Phrase], representation: Representation
) -> Floats:
    """Return the attributes of phrases, `[N, A]`; nan where one is undefined."""
    return measure_all(named, np.stack([representation.encode(phrase) for phrase in phrases]))


def _over_phrases(values: Floats, measure: Any) -> Floats:
    """Return a measure of each column of `[N, A]` that leaves nan out; nan where nothing else is there."""
    columns = [column[~np.isnan(column)] for column in values.T]
    return np.array([float(measure(column)) if len(column) else np.nan for column in columns])


def _lines(phrases: Sequence[Phrase]) -> list[Line]:
    return [Line.of(note for note in phrase.notes if note.channel != DRUM_CHANNEL) for phrase in phrases]


def _kept(sources: Sequence[Phrase], written: Sequence[Phrase], *, with_pitch: bool) -> float:
    """Return the share of the sources' notes, or onsets, that the written phrases have too."""
    kept = total = 0
    for source, phrase in zip(sources, written, strict=True):
        first, second = (
            {(round(n.start_beats * 4), n.channel, n.pitch if with_pitch else 0) for n in each.notes}
            for each in (source, phrase)
        )
        kept += len(first & second)
        total += len(first)
    return kept / total if total else float("nan")
