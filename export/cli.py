"""The `antiphon-export` command: runs into bundles, and bundles proven again."""

import shutil
import zipfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from engine.given_places import given_path
from engine.installed_bundles import SHIPPED, user_folder
from engine.staging import staging_folder
from export.errors import ExportError
from training.command_line import OneLineCommand

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


Output = Annotated[
    Path | None,
    typer.Option(
        "-o",
        "--output",
        parser=given_path("--output"),
        metavar="PATH",
        help="The bundle: a folder, or a .zip with --zip [default: with --install, none beside it].",
    ),
]
Metres = Annotated[
    list[str] | None,
    typer.Option(
        help="Of a model trained in several metres: one of this bundle, the usual first; may be given "
        "several times [default: 4/4]."
    ),
]
Weights = Annotated[
    str,
    typer.Option(
        help="Which of the run's weights: last, best, a step that was kept, or their mean (800+1000)."
    ),
]
Checked = Annotated[
    Path | None,
    typer.Option(
        parser=given_path("--check"),
        metavar="PATH",
        help="Prove a bundle again instead: hashes, shapes, tokens against torch [default: none].",
    ),
]


@app.command("antiphon-export", cls=OneLineCommand)
def export(
    run: Annotated[
        Path | None,
        typer.Argument(
            parser=given_path("run"),
            help="Folder of the training run; left out with --check alone.",
        ),
    ] = None,
    output: Output = None,
    corpus: Annotated[
        Path | None,
        typer.Option(
            parser=given_path("--corpus"),
            metavar="PATH",
            help="Corpus of the run [default: the one its config names].",
        ),
    ] = None,
    latents: Annotated[
        bool, typer.Option("--latents/--no-latents", help="Measure prior and attributes on the corpus.")
    ] = True,
    int8: Annotated[bool, typer.Option("--int8/--no-int8", help="Write the 8-bit decoder.")] = True,
    zipped: Annotated[bool, typer.Option("--zip", help="Write one .zip file.")] = False,
    name: Annotated[str, typer.Option(help="Name of the bundle [default: that of its folder or file].")] = "",
    title: Annotated[str, typer.Option(help="Title for people [default: its name].")] = "",
    metre: Metres = None,
    weights: Weights = "last",
    install: Annotated[
        bool,
        typer.Option(
            "--install", help="Put the bundle where antiphon finds it by name, instead of or beside -o."
        ),
    ] = False,
    check: Checked = None,
) -> None:
    """Turn a training run into a bundle for the app, proven against torch."""
    console = Console(stderr=True)
    if check is not None:
        if run is not None or output is not None or install:
            raise ExportError("--check proves a bundle that is there; leave RUN, -o and --install out")
        check_command(check, console)
        return
    if run is None or (output is None and not install):
        raise typer.BadParameter("give RUN and -o BUNDLE (or --install), or --check BUNDLE")
    if corpus is not None and not latents:
        raise ExportError("--corpus: nothing is measured on it with --no-latents; leave one of them out")
    if output is not None and (output.suffix.lower() == ".zip") != zipped:
        raise ExportError(f"{output}: with --zip the bundle is a .zip, and without it a folder; name one")
    home = installed_place(name or (output or run.resolve()).stem, zipped) if install else None
    place = output or home
    assert place is not None
    metres = tuple(metre or ("4/4",))
    export_command(run, place, home, corpus, latents, int8, zipped, name, title, metres, weights, console)
    if home is not None:
        install_bundle(place, home)
        typer.echo(f"installed as {home.stem}: antiphon live --model {loaded_by(home)}")


def export_command(
    run: Path,
    output: Path,
    home: Path | None,
    corpus: Path | None,
    latents: bool,
    int8: bool,
    zipped: bool,
    name: str,
    title: str,
    metres: tuple[str, ...],
    weights: str,
    console: Console,
) -> None:
    """Export, and show what came out."""
    from export.bundle import Options, export_run
    from export.bundle_place import check_place
    from export.manifest import bundle_name
    from export.report import said_of_unmeasured, show_bundle, shown_stages
    from export.run import load_run, open_corpus

    options = Options(
        int8=int8, zipped=zipped, name=bundle_name(name or output.stem), title=title, metres=metres
    )
    for place in (output, home or output):
        check_place(place)
    loaded = load_run(run, metres[0], weights)
    opened = open_corpus(loaded, corpus, metres[0]) if latents else None
    with shown_stages(console) as begin:
        manifest = export_run(loaded, opened, output, options, begin)
    unmeasured = "" if loaded.metrics else said_of_unmeasured(run, weights)
    show_bundle(output, manifest, console, unmeasured)


def installed_place(name: str, zipped: bool) -> Path:
    """Return where antiphon finds a bundle of that name: a folder, or a .zip, among the user's own."""
    from export.manifest import bundle_name

    return user_folder() / (bundle_name(name) + (".zip" if zipped else ""))


def loaded_by(home: Path) -> Path | str:
    """Return what loads an installed bundle: its name, or its path where a shipped one bears that name."""
    return home if (SHIPPED / home.stem).exists() else home.stem


def install_bundle(bundle: Path, home: Path) -> None:
    """Copy a bundle to its place among the user's own, in one move, unless it is there already.

    A folder replaces a .zip of that name and the other way round, so that the name means one bundle.
    """
    from export.bundle_place import remove

    other = home.with_suffix("") if home.suffix else home.with_name(home.name + ".zip")
    if bundle.resolve() != home.resolve():
        home.parent.mkdir(parents=True, exist_ok=True)
        with staging_folder(home.parent) as folder:
            staged = folder / home.name
            (shutil.copytree if bundle.is_dir() else shutil.copyfile)(bundle, staged)
            remove(home)
            staged.replace(home)
    if is_bundle(other):
        remove(other)


def is_bundle(path: Path) -> bool:
    """Return whether a bundle is at a place."""
    from engine.inference.bundle.manifest import MANIFEST

    return zipfile.is_zipfile(path) if path.is_file() else (path / MANIFEST).is_file()


def check_command(path: Path, console: Console) -> None:
    """Prove a bundle again."""
    from export.bundle_check import check_bundle
    from export.report import show_check

    with console.status("proving"):
        result = check_bundle(path)
    show_check(path, result, console)


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
