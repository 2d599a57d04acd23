"""What the command shows: a bundle's files, its proof, and what its directions do."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

from engine.inference.bundle.manifest import BundleManifest

LARGEST_BUNDLE_BYTES = 30_000_000
"""What ships inside the package should stay below."""


@contextmanager
def shown_stages(console: Console) -> Iterator[Callable[[str], None]]:
    """Yield what takes a stage's name: it turns while it lasts, and leaves a line with its seconds."""
    began_s, current = time.monotonic(), ""

    def finish() -> None:
        if current:
            console.print(f"{time.monotonic() - began_s:6.1f} s  {current}", soft_wrap=True, highlight=False)

    def begin(stage: str) -> None:
        nonlocal began_s, current
        finish()
        began_s, current = time.monotonic(), stage
        status.update(stage)

    with console.status("exporting") as status:
        yield begin
    finish()


def show_bundle(output: Path, manifest: BundleManifest, console: Console, unmeasured: str = "") -> None:
    """Show a bundle that was just written, and what to do where its weights were never measured."""
    files = Table("file", "bytes", title=f"{output}", title_justify="left")
    for name, entry in manifest.files.items():
        files.add_row(name, f"{entry.size_bytes:,}")
    total = sum(entry.size_bytes for entry in manifest.files.values())
    files.add_row("together", f"{total:,}")
    console.print(files)
    if total > LARGEST_BUNDLE_BYTES:
        console.print(f"larger than the {LARGEST_BUNDLE_BYTES:,} bytes that a shipped bundle should keep to")
    if unmeasured:
        console.print(unmeasured, soft_wrap=True)
    show_numbers("parity", manifest.parity, console)
    if manifest.metrics:
        show_numbers("metrics", manifest.metrics, console)
    if manifest.attributes:
        show_effects(manifest, console)


def said_of_unmeasured(run: Path, weights: str) -> str:
    """Return the line that says how the quality of weights that were not measured gets into a bundle."""
    chosen = "" if weights == "last" else f" --weights {weights}"
    return (
        f"{run}: nothing was measured on these weights; 'antiphon-train evaluate {run}{chosen} "
        "--record', and "
        "exporting again, publishes their quality"
    )


def show_check(path: Path, measured: dict[str, float], console: Console) -> None:
    """Show what a check found; it only gets here if the bundle holds."""
    show_numbers(f"{path}: proven", measured, console)


def show_numbers(title: str, numbers: dict[str, float], console: Console) -> None:
    """Show numbers by name."""
    table = Table("what", "value", title=title, title_justify="left")
    for name, value in numbers.items():
        table.add_row(name, f"{value:.6g}")
    console.print(table)


def show_effects(manifest: BundleManifest, console: Console) -> None:
    """Show the matrix: rows are directions, columns what one step along them changes."""
    names = [attribute.name for attribute in manifest.attributes]
    table = Table("one step of", *names, title="effect, in percent of the mean", title_justify="left")
    for attribute in manifest.attributes:
        cells = [attribute.effects_percent.get(name) for name in names]
        table.add_row(attribute.name, *("–" if cell is None else f"{cell:+.0f}" for cell in cells))
    console.print(table)
