"""What `corpus build` shows: a progress bar while it reads, a summary at its end."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from engine.text import printable
from training.corpus.build.build import BuildOptions, build_corpus
from training.corpus.sources import SPLITS


def build_with_progress(folders: Sequence[Path], corpus: Path, options: BuildOptions) -> None:
    """Build a corpus with a progress bar and print what came of it."""
    console = Console(stderr=True, markup=False)
    columns = (TextColumn("reading"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    began_s = time.monotonic()
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("reading", total=None)
        info = build_corpus(
            folders,
            corpus,
            options,
            started=lambda total, done: progress.update(task, total=total, completed=done),
            advance=lambda files: progress.advance(task, files),
        )
    print_summary(Console(markup=False), corpus, info)
    console.print(f"{time.monotonic() - began_s:.1f} s")


def print_summary(console: Console, corpus: Path, info: Mapping[str, Any]) -> None:
    """Print counts of files, reasons of rejection, and windows by split."""
    rejected = info["rejected"]
    total = info["files"] + sum(rejected.values())
    console.print(
        f"{printable(str(corpus))}: {info['config']['kind']}, {info['files']} of {total} files used",
        soft_wrap=True,
    )
    if rejected:
        table = Table("files", "rejected because", box=None)
        for reason, count in rejected.items():
            table.add_row(str(count), reason)
        console.print(table)
    table = Table("bars", "candidates", *SPLITS, "dropped", "duplicates", box=None)
    for bars, entry in info["windows"].items():
        dropped, repeated = sum(entry["dropped"].values()), sum(entry["duplicates"].values())
        numbers = [entry["candidates"], *(entry[split] for split in SPLITS), dropped, repeated]
        table.add_row(bars, *map(str, numbers))
    console.print(table)
    console.print(f"rejects.csv names every rejected file; content sha256 {info['sha256']}", soft_wrap=True)
