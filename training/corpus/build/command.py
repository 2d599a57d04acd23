"""What `corpus build` shows: a progress bar while it reads, a summary at its end."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from engine.text import counted, printable
from training.corpus.build.build import BuildOptions, BuildProgress, build_corpus
from training.corpus.build.sections import SECTIONS
from training.corpus.metres import metres_among
from training.corpus.sources import SPLITS

MOST_METRES = 6
"""Metres that are named of those that files were left out for."""


class _Shown(BuildProgress):
    """Shows each stage as a bar of its own, which moves only while something does."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._task = bars.add_task("", visible=False)

    def stage(self, name: str, total: int | None = None, done: int = 0) -> None:
        """Begin a stage."""
        self._bars.remove_task(self._task)
        self._task = self._bars.add_task(name, total=total, completed=done)

    def advance(self, units: int) -> None:
        """Count finished units."""
        self._bars.advance(self._task, units)

    def remark(self, text: str) -> None:
        """Print a line above the bars."""
        if text:
            self._bars.console.print(text, soft_wrap=True)


def build_with_progress(folders: Sequence[Path], corpus: Path, options: BuildOptions) -> None:
    """Build a corpus with a progress bar and print what came of it."""
    console = Console(stderr=True, markup=False)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    began_s = time.monotonic()
    with Progress(*columns, console=console, transient=True) as progress:
        info = build_corpus(folders, corpus, options, _Shown(progress))
    print_summary(Console(markup=False), corpus, info)
    for remark in remarks(info):
        console.print(remark, soft_wrap=True)
    console.print(f"{time.monotonic() - began_s:.1f} s")


def remarks(info: Mapping[str, Any]) -> list[str]:
    """Return what a person should know about the splits before training on them."""
    said = [_said_of_metres(info["other_metres"])] if info["other_metres"] else []
    if any(
        entry["held_out"] == SECTIONS and entry["valid"] + entry["test"] for entry in info["windows"].values()
    ):
        said.append(
            "Too few works to hold whole ones out: valid and test are sections of the same pieces, which no "
            "training window overlaps or repeats. Numbers on them say less than numbers on works never heard."
        )
    for bars, entry in info["windows"].items():
        for split in SPLITS:
            if not entry[split]:
                leaked = entry["duplicates"].get(f"{split}: also in train", 0)
                because = f" ({leaked} of its windows are in train too)" if leaked else ""
                remedy = "add files, or take shorter windows with --bars"
                said.append(f"No {split} windows of {counted(int(bars), 'bar')}{because}: {remedy}.")
    return said


def _said_of_metres(found: Mapping[str, int]) -> str:
    """Return which metres files were left out for, by name and number, and which of them can be asked for."""
    names = [f"{name} ({count})" for name, count in found.items()]
    shown = ", ".join(names[:MOST_METRES]) + " ..." * (len(names) > MOST_METRES)
    known = [metre.name for metre in metres_among(found)]
    remedy = "no corpus holds these"
    if known:
        remedy = f"a corpus of theirs: --metre {' or --metre '.join(known)}, with another -o"
    return f"Files left out for their metre, by what most of them is in: {shown}; {remedy}."


def print_summary(console: Console, corpus: Path, info: Mapping[str, Any]) -> None:
    """Print counts of files, reasons of rejection, and windows by split."""
    rejected = info["rejected"]
    total = info["files"] + sum(rejected.values())
    console.print(
        f"{printable(str(corpus))}: {info['config']['kind']}, {info['files']} of "
        f"{counted(total, 'file')} used",
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
