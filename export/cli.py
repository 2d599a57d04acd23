"""The `antiphon-export` command: runs into bundles, and bundles proven again."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

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
    name: Annotated[str, typer.Option(help="Name of the bundle [default: the run's].")] = "",
    title: Annotated[str, typer.Option(help="Title for people.")] = "",
    metre: Annotated[
        str, typer.Option(help="Of a model trained in several metres: the one of this bundle.")
    ] = "4/4",
    check: Annotated[
        Path | None, typer.Option(help="Prove a bundle again instead: hashes, shapes, tokens against torch.")
    ] = None,
) -> None:
    """Turn a training run into a bundle for the app, proven against torch."""
    console = Console(stderr=True)
    if check is not None:
        check_command(check, console)
        return
    if run is None or output is None:
        raise typer.BadParameter("give RUN and -o BUNDLE, or --check BUNDLE")
    export_command(run, output, corpus, latents, int8, zipped, name, title, metre, console)


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
    console: Console,
) -> None:
    """Export, and show what came out."""
    from export.bundling import Options, check_place, export_run
    from export.reporting import show_bundle
    from export.run import load_run, open_corpus

    check_place(output)
    loaded = load_run(run, metre)
    opened = open_corpus(loaded, corpus, metre) if latents else None
    options = Options(int8=int8, zipped=zipped, name=name, title=title, metre=metre)
    with console.status("exporting") as status:
        manifest = export_run(loaded, opened, output, options, status.update)
    show_bundle(output, manifest, console)


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
