"""The `antiphon-export` command: runs into bundles, and bundles proven again."""

import shutil
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from engine.inference.bundle.places import user_folder
from training.command_line import OneLineCommand

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.command("antiphon-export", cls=OneLineCommand)
def export(
    run: Annotated[Path | None, typer.Argument(help="Folder of the training run.")] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="The bundle: a folder, or a .zip with --zip.")
    ] = None,
    corpus: Annotated[
        Path | None, typer.Option(help="Corpus of the run [default: the one its config names].")
    ] = None,
    latents: Annotated[
        bool, typer.Option("--latents/--no-latents", help="Measure prior and attributes on the corpus.")
    ] = True,
    int8: Annotated[bool, typer.Option("--int8/--no-int8", help="Write the 8-bit decoder.")] = True,
    zipped: Annotated[bool, typer.Option("--zip", help="Write one .zip file.")] = False,
    name: Annotated[str, typer.Option(help="Name of the bundle [default: that of its folder or file].")] = "",
    title: Annotated[str, typer.Option(help="Title for people.")] = "",
    metre: Annotated[
        str, typer.Option(help="Of a model trained in several metres: the one of this bundle.")
    ] = "4/4",
    weights: Annotated[
        str, typer.Option(help="Which of the run's weights: last, best, or a step that was kept.")
    ] = "last",
    install: Annotated[
        bool,
        typer.Option(
            "--install", help="Put the bundle where antiphon finds it by name, instead of or beside -o."
        ),
    ] = False,
    check: Annotated[
        Path | None, typer.Option(help="Prove a bundle again instead: hashes, shapes, tokens against torch.")
    ] = None,
) -> None:
    """Turn a training run into a bundle for the app, proven against torch."""
    console = Console(stderr=True)
    if check is not None:
        check_command(check, console)
        return
    if run is None or (output is None and not install):
        raise typer.BadParameter("give RUN and -o BUNDLE (or --install), or --check BUNDLE")
    from export.bundling import bundle_name

    place = output or user_folder() / bundle_name(name or run.resolve().name)
    export_command(run, place, corpus, latents, int8, zipped, name, title, metre, weights, console)
    if install and output is not None:
        place = installed(output)
    if install:
        typer.echo(f"installed as {place.stem}: antiphon live --model {place.stem}")


def export_command(
    run: Path,
    output: Path,
    corpus: Path | None,
    latents: bool,
    int8: bool,
    zipped: bool,
    name: str,
    title: str,
    metre: str,
    weights: str,
    console: Console,
) -> None:
    """Export, and show what came out."""
    from export.bundling import Options, bundle_name, check_place, export_run
    from export.reporting import show_bundle
    from export.run import load_run, open_corpus

    check_place(output)
    loaded = load_run(run, metre, weights)
    opened = open_corpus(loaded, corpus, metre) if latents else None
    options = Options(
        int8=int8, zipped=zipped, name=name or bundle_name(output.stem), title=title, metre=metre
    )
    with console.status("exporting") as status:
        manifest = export_run(loaded, opened, output, options, status.update)
    show_bundle(output, manifest, console)


def installed(bundle: Path) -> Path:
    """Copy a bundle to where antiphon finds it by name; return the place."""
    place = user_folder() / bundle.name
    if bundle.is_dir():
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(bundle, place)
    else:
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(bundle, place)
    return place


def check_command(path: Path, console: Console) -> None:
    """Prove a bundle again."""
    from export.checking import check_bundle
    from export.reporting import show_check

    with console.status("proving"):
        result = check_bundle(path)
    show_check(path, result, console)


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
