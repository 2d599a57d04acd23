"""Writes an evaluation down: `metrics.json`, one self-contained page, pictures and samples."""

import base64
import io
import json
import math
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2

from engine.midifile.write import write_phrase
from engine.music.notes import Phrase
from engine.text import counted
from training.evaluation import sound
from training.evaluation.evaluate import Results

CORE_NAMES = (
    ("windows", "windows"),
    ("free_running", "step accuracy, free running"),
    ("free_running_0", "melody, free running"),
    ("free_running_1", "bass, free running"),
    ("free_running_2", "drums, free running"),
    ("free_running_chords", "chords, free running"),
    ("free_running_bass", "bass, free running"),
    ("free_running_drums", "drums, free running"),
    ("teacher_forced", "step accuracy, teacher-forced"),
    ("free_running_events", "step accuracy without the no-event class, free running"),
    ("note_f1", "note F1, free running"),
    ("exact", "phrases without any fault, free running"),
    ("note_f1_chords", "of the chords"),
    ("note_f1_bass", "of the bass"),
    ("note_f1_drums", "of the drums"),
    ("chord_fit", "drawn bass on beats: tones of the chord"),
    ("music_chord_fit", "the same of the real bass"),
    ("root_fit", "drawn bass on beats: the chord's lowest note"),
    ("music_root_fit", "the same of the real bass"),
    ("velocity_mae", "velocity error where both hit, 0 to 1"),
    ("offset_mae", "timing error where both hit, half steps"),
    ("cross_entropy_nats", "cross entropy, teacher-forced, nats a step"),
    ("kl_bits", "KL to the prior, bits a phrase"),
    ("coarse_bits", "of these in the coarse part"),
    ("coarse_nats_a_note", "nats a note, written from the coarse part alone"),
    ("coarse_nats_a_hit", "nats a hit, written from the coarse part alone"),
    ("coarse_nats_a_stroke", "nats a stroke, written from the coarse part alone"),
    ("strokes_a_bar", "strokes a bar, played"),
    ("coarse_strokes_a_bar", "strokes a bar, drawn from the coarse part alone"),
    ("sounding_keys", "sounding keys a step, played"),
    ("coarse_sounding_keys", "sounding keys a step, drawn from the coarse part alone"),
    ("back_nats", "nats a word of how far back it comes from"),
    ("back_nats_by_place", "the same by its place alone"),
    ("coarse_nats", "nats of a new word's coarse latent"),
    ("related_share", "share of words that come from one before"),
    ("active_units", "active latent units"),
    (
        "mutual_information_bits",
        "mutual information of phrase and latent, bits (at most log2 of the windows, of 1,024)",
    ),
    ("bce_nats", "cross entropy, teacher-forced, nats a step over all keys"),
    ("teacher_forced_f1", "key F1, teacher-forced"),
    ("free_running_f1", "key F1, free running"),
    ("repeat_f1", "key F1 of repeating the given bars"),
    ("density", "sounding keys a step, played"),
    ("density_greedy", "sounding keys a step, greedy"),
    ("density_sampled", "sounding keys a step, sampled"),
)
MUSIC_NAMES = (
    ("notes", "notes"),
    ("sounding_keys", "sounding keys"),
    ("own_key", "own key"),
    ("source_key", "source's key"),
    ("critic", "critic"),
    ("c2st", "told apart"),
    ("note_f1", "note F1 to source"),
    ("repeated_bars", "repeated bars"),
    ("extra_leap", "extra leap at seams"),
)
SLIDER_NAMES = (
    ("own", "own"),
    ("side", "side"),
    ("notes_kept", "notes kept"),
    ("onsets_kept", "onsets kept"),
    ("key_kept", "key kept"),
)
SEED_NAMES = (
    ("differing", "differing"),
    ("ms", "timing, ms"),
    ("velocities", "velocity, of 127"),
    ("shared_hits", "hits in both"),
)
FEEL_NAMES = (
    ("hits", "hits"),
    ("mae_ms", "timing MAE, ms"),
    ("mse_sixteenths", "timing MSE, 16ths²"),
    ("timing_kl_nats", "timing KL"),
    ("velocity_kl_nats", "velocity KL"),
    ("velocity_mae", "velocity MAE, of 127"),
)


def write_evaluation(results: Results, output: Path, *, audio: bool | None = None) -> Path:
    """Write an evaluation's folder and return its page.

    Args:
        results: what was found.
        output: the folder, made if missing.
        audio: write WAV files; by default where FluidSynth is installed.
    """
    audio = sound.has_fluidsynth() if audio is None else audio
    (output / "samples").mkdir(parents=True, exist_ok=True)
    metrics = json.dumps(_finite(results.metrics), indent=2, allow_nan=False)
    (output / "metrics.json").write_text(f"{metrics}\n", encoding="utf-8")
    shown = {}
    for name, figure in results.pictures.items():
        picture = io.BytesIO()
        figure.savefig(picture, format="png")
        (output / f"{name}.png").write_bytes(picture.getvalue())
        shown[name] = base64.b64encode(picture.getvalue()).decode("ascii")
    sounds = {
        name: [_write_sample(output, name, number, phrase, audio) for number, phrase in enumerate(phrases, 1)]
        for name, phrases in results.samples.items()
    }
    page = output / "index.html"
    page.write_text(_page(results.metrics, shown, sounds, audio), encoding="utf-8")
    return page


def _finite(value: Any) -> Any:
    """Return metrics with null for a number that JSON does not know: infinity, not a number."""
    if isinstance(value, dict):
        return {name: _finite(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _write_sample(output: Path, name: str, number: int, phrase: Phrase, audio: bool) -> str:
    """Write a phrase as MIDI (and WAV) and return its path in the folder, without ending."""
    words = "".join(letter if letter.isalnum() else " " for letter in name).split()
    stem = f"samples/{'_'.join(words).lower()}_{number}"
    write_phrase(output / f"{stem}.mid", phrase)
    if audio:
        sound.write_wav(output / f"{stem}.wav", sound.render(phrase))
    return stem


def number(value: Any) -> str:
    """Return a number as a reader wants it; a dash where there is none.

    What is whole has no decimals, what is 100 or more two, and anything else four digits in all.
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    if isinstance(value, int) or (abs(value) >= 100 and value.is_integer()):
        return f"{int(value):,}"
    if abs(value) < 1e-9:  # what is left of adding up
        return "0"
    return f"{value:.2f}" if abs(value) >= 100 else f"{value:.4g}"


def template(name: str) -> jinja2.Template:
    """Return a page's template from this package."""
    text = (resources.files("training.evaluation") / name).read_text(encoding="utf-8")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    return environment.from_string(text, globals={"counted": counted})


def _has(rows: dict[str, dict[str, float]], name: str) -> bool:
    return any(name in row for row in rows.values())


def _page(metrics: dict[str, Any], shown: dict[str, str], sounds: dict[str, list[str]], audio: bool) -> str:
    return template("report.html").render(
        m=metrics,
        pictures=shown,
        sounds=sounds,
        audio=audio,
        number=number,
        core_names=CORE_NAMES,
        feel_names=FEEL_NAMES,
        slider_names=SLIDER_NAMES,
        seed_names=[names for names in SEED_NAMES if _has(metrics.get("seeds", {}), names[0])],
        music_names=[names for names in MUSIC_NAMES if _has(metrics.get("music", {}), names[0])],
        hint="" if sound.has_fluidsynth() else f"No instruments: {sound.HINT}",
    )
