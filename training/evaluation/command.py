"""`antiphon-train evaluate` and `antiphon-train listen` as a person sees them."""

from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table

from engine.errors import MidiFileError, reason_of
from engine.given_places import output_folder
from engine.staging import move_files, staging_folder
from engine.text import counted
from training.errors import ConfigError
from training.evaluation import sound
from training.evaluation.evaluate import Options, Results, evaluate
from training.evaluation.listening_test import questions, score_answers, verdict, write_test
from training.evaluation.loaded_model import Subject, load_subject
from training.evaluation.recorded import known_numbers, record
from training.evaluation.report import CORE_NAMES, FEEL_NAMES, number, write_evaluation

SHOWN_MUSIC = ("held-out music", "training music", "prior, T 0.5", "vary 0.4", "morph .5")


def evaluate_command(
    path: Path,
    corpus: Path | None,
    output: Path | None,
    options: Options,
    *,
    recorded: bool,
    audio: bool | None,
    weights: str = "last",
) -> None:
    """Measure a run or a bundle, write its report, and show the main numbers.

    Raises:
        ConfigError: the model or the options cannot be used.
        CorpusError: the corpus cannot be used.
    """
    console = Console()
    torch.set_flush_denormal(True)
    subject = load_subject(path, weights)
    _as_trained(subject)
    path = subject.path
    if recorded and path.is_file():
        raise ConfigError(f"{path}: --record does not write into a .zip; unpack it and name the folder")
    if recorded:
        known_numbers(path, weights)  # it is written to after minutes
    if output is None and subject.is_bundle:
        raise ConfigError(f"{path}: a bundle is not written into; name a folder for the report with -o")
    opened, target = subject.open_corpus(corpus), output or path / "evaluation" / options.split
    with output_folder(target), staging_folder(target) as folder:
        with console.status("evaluating") as status:
            results = evaluate(subject, opened, options, lambda what: status.update(f"measuring {what}"))
        _show(console, results)  # minutes went into it, whatever becomes of the page
        page = _write_whole(results, folder, target, audio)
    if recorded:
        record(path, weights, results.metrics)
    console.print(f"Report: {page}", soft_wrap=True)


def _as_trained(subject: Subject) -> None:
    """Use as many threads as the run says: most of what is measured are small steps, which several threads
    spend waiting for each other where other programs run."""
    if subject.config.threads:
        torch.set_num_threads(subject.config.threads)


def _write_whole(results: Results, staged: Path, target: Path, audio: bool | None) -> Path:
    """Write an evaluation into one folder and move it to another on the same disk; return its page there.

    Raises:
        ConfigError: it cannot be written; what was in the other folder stays as it was.
    """
    try:
        page = write_evaluation(results, staged, audio=audio)
        move_files(staged, target)
    except MidiFileError as error:
        raise ConfigError(str(error).replace(str(staged), str(target))) from error
    except OSError as error:
        raise ConfigError(
            f"{target}: the report cannot be written ({reason_of(error)}); choose another place with -o"
        ) from error
    return target / page.relative_to(staged)


def _show(console: Console, results: Results) -> None:
    m = results.metrics
    table = Table(title=f"{m['name']}, {m['split']} split", title_justify="left", box=None)
    table.add_column("measure")
    table.add_column("value", justify="right")
    for row in SHOWN_MUSIC:
        if row in m.get("music", {}):
            table.add_row(f"music, {row}: own key | critic | told apart", _music(m["music"][row]))
    for name, text in CORE_NAMES:
        if name in m["core"]:
            table.add_row(text, number(m["core"][name]))
    for name, text in FEEL_NAMES if "humanising" in m else ():
        values = [number(row[name]) if name in row else "" for row in m["humanising"].values()]
        table.add_row(text, " | ".join(values))
    if "interpolation" in m:
        walk = m["interpolation"]
        table.add_row(
            "cost between, latent walk | step by step", _pair(walk, "cost_between", "cost_naive_between")
        )
        table.add_row("walk: distance from even | largest step", _pair(walk, "off_diagonal", "largest_step"))
    for name, likeness in m.get("likeness", {}).items():
        table.add_row(f"overlapped area, {name}", number(likeness["mean_overlapped_area"]))
    console.print(table)


def _music(values: dict[str, float]) -> str:
    return " | ".join(number(values.get(name)) for name in ("own_key", "critic", "c2st"))


def _pair(values: dict[str, float], first: str, second: str) -> str:
    return f"{number(values[first])} | {number(values[second])}"


def listen_command(
    path: Path,
    corpus: Path | None,
    output: Path,
    split: str,
    pairs: int,
    seed: int,
    bpm: float,
    weights: str = "last",
) -> None:
    """Write a blind listening test.

    Raises:
        ConfigError: the model or the options cannot be used.
        CorpusError: the corpus cannot be used.
    """
    console = Console()
    subject = load_subject(path, weights)
    asked = questions(subject, subject.open_corpus(corpus), split, pairs, seed)
    with console.status("rendering") as status:
        page = write_test(
            output,
            asked,
            subject.config.name,
            seed=seed,
            bpm=bpm,
            say=lambda done: status.update(f"rendering pair {done} of {pairs}"),
        )
    if not sound.has_fluidsynth():
        console.print(f"Sound: {sound.HINT}", soft_wrap=True)
    console.print(f"Hand out the folder {page.parent}, keep {output / 'key.json'}", soft_wrap=True)


def score_command(answers: Path, key: Path) -> None:
    """Score a listening test.

    Raises:
        ConfigError: the files do not fit each other.
    """
    score = score_answers(answers, key)
    Console().print(
        f"{score.model}: the real phrase was found in {score.right} of {counted(score.answered, 'pair')} "
        f"({score.share:.0%}, 95 % interval {score.low:.0%} to {score.high:.0%}), p = {score.p_value:.3g}: "
        f"{verdict(score)}",
        soft_wrap=True,
    )
