"""The `antiphon-train` command: corpora, runs and their evaluation."""

from pathlib import Path
from typing import Annotated

import typer

from engine.given_places import given_config, given_path
from engine.process.signals import stopped_status
from training.command_line import OneLineGroup, fail, folder_to_write

# Without rich's markup, which takes the brackets of "[default: ...]" for a style and swallows them.
app = typer.Typer(
    name="antiphon-train",
    cls=OneLineGroup,
    help="Turn folders of MIDI files into trained models.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
corpus_app = typer.Typer(help="Build and look at training data.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(corpus_app, name="corpus")


LARGEST_SEED = 2**31
"""As that of a config."""
Bars = Annotated[
    list[int] | None,
    typer.Option(
        help="Window length in bars; may be given several times "
        "[default: 2, 4 and 16 of melody, 2 and 16 of words, 16 of trio, 4 and 8 of pianoroll, 2 of "
        "accompaniment, 2 and 4 of drums]."
    ),
]
Weights = Annotated[
    str,
    typer.Option(
        help="Which of a run's weights: last, best, a step that was kept, or their mean (800+1000)."
    ),
]
Layout = Annotated[
    str,
    typer.Option(
        help="How the collection is laid out: auto, plain, manifest, groove, maestro, pop909 or lakh. "
        "It brings works, splits, drum kit, styles and players."
    ),
]
DrumKit = Annotated[
    str,
    typer.Option(
        help="Drum kit: auto (as the layout says, else gm), gm, gs, xg, roland, ezdrummer, superior "
        "or addictive."
    ),
]
Tracks = Annotated[
    list[str] | None,
    typer.Option(
        metavar="PATTERN", help="Read tracks of this name alone (*lead*); may be repeated [default: all]."
    ),
]
Programs = Annotated[
    str,
    typer.Option(metavar="LIST", help="Read these General MIDI programs alone: 0-7 is piano [default: all]."),
]
RayAddress = Annotated[
    str, typer.Option(help="Of a cluster, for --executor ray [default: RAY_ADDRESS, else a local one].")
]
ShippableOnly = Annotated[
    bool | None,
    typer.Option(
        "--shippable-only/--any-licence",
        help="Leave out files whose rights do not allow shipping a model "
        "[default: where a manifest.csv states the rights].",
    ),
]
SplitSeed = Annotated[
    int, typer.Option(min=0, max=LARGEST_SEED, help="Salt of the split where no manifest fixes it.")
]


@corpus_app.command("build")
def corpus_build(
    folders: Annotated[
        list[Path],
        typer.Argument(parser=given_path("folders"), help="Folders with MIDI files."),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "-o", "--output", parser=given_path("--output"), metavar="PATH", help="Folder of the corpus."
        ),
    ],
    kind: Annotated[
        str, typer.Option(help="melody, words, drums, groove, trio, accompaniment or pianoroll.")
    ] = "melody",
    metre: Annotated[str, typer.Option(help="4/4, 3/4, 6/8 or 2/4; other bars are left out.")] = "4/4",
    division: Annotated[
        int, typer.Option(help="Steps of a beat in a piano roll: 4 is 16ths; 2, 3, 4, 6, 8 or 12.")
    ] = 4,
    bars: Bars = None,
    layout: Layout = "auto",
    kit: DrumKit = "auto",
    tracks: Tracks = None,
    programs: Programs = "",
    executor: Annotated[str, typer.Option(help="serial, pool or ray.")] = "pool",
    ray_address: RayAddress = "",
    workers: Annotated[int, typer.Option(help="Processes; 0 means one for each CPU.")] = 0,
    seed: SplitSeed = 0,
    files_per_shard: Annotated[int, typer.Option(help="Files in one unit of work.")] = 256,
    file_timeout: Annotated[float, typer.Option(help="Seconds until a file is given up.")] = 60.0,
    shippable_only: ShippableOnly = None,
) -> None:
    """Read MIDI files into a memory-mapped corpus; safe to stop and run again."""
    from training.corpus.build.build import BuildOptions
    from training.corpus.build.command import build_with_progress
    from training.corpus.extract.selection import Selection, parse_programs

    try:
        build_with_progress(
            folders,
            folder_to_write(output),
            BuildOptions(
                kind=kind,
                metre=metre,
                division=division,
                bars=tuple(bars or ()),
                executor=executor,
                workers=workers,
                seed=seed,
                files_per_shard=files_per_shard,
                file_timeout_s=file_timeout,
                shippable_only=shippable_only,
                layout=layout,
                kit=kit,
                selection=Selection(tuple(tracks or ()), parse_programs(programs)),
                ray_address=ray_address,
            ),
        )
    except KeyboardInterrupt as stop:
        fail("antiphon-train", "stopped; the same command goes on from here", stopped_status(stop))


@corpus_app.command("report")
def corpus_report(
    corpus: Annotated[
        Path,
        typer.Argument(parser=given_path("corpus"), help="A corpus that `corpus build` made."),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "-o", "--output", parser=given_path("--output"), metavar="PATH", help="Folder of the report."
        ),
    ],
) -> None:
    """Show what is in a corpus: a page with plots, and the plots as PNG files."""
    from training.corpus.report.page import write_report

    print(write_report(corpus, folder_to_write(output)))


@app.command("run")
def run_command(
    config: Annotated[
        str,
        typer.Argument(
            parser=given_config, help="Name of a config that comes with the program, or a TOML file."
        ),
    ],
    overrides: Annotated[
        list[str] | None, typer.Argument(help="Changes to the file, as key=value (optim.steps=500).")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            parser=given_path("--output"),
            metavar="PATH",
            help="The run's folder [default: runs/NAME].",
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the folder's last checkpoint.")
    ] = False,
    finetune: Annotated[
        Path | None,
        typer.Option(
            parser=given_path("--finetune"),
            metavar="PATH",
            help="Start from the weights of a run, a bundle (folder, .zip or name), a .pt or a .safetensors "
            "[default: new weights].",
        ),
    ] = None,
) -> None:
    """Train a model. Ctrl+C saves and ends; --resume goes on to the same numbers."""
    from training.config_file import load_config
    from training.run_command import run_with_progress

    loaded = load_config(config, overrides or ())
    run = folder_to_write(output or Path("runs") / loaded.name)
    run_with_progress(loaded, run, resume=resume, finetune=finetune)


@app.command("evaluate")
def evaluate_run(
    model: Annotated[
        Path,
        typer.Argument(parser=given_path("model"), help="A run, or a bundle (folder, .zip or name)."),
    ],
    corpus: Annotated[
        Path | None,
        typer.Option(
            parser=given_path("--corpus"),
            metavar="PATH",
            help="Corpus to measure on [default: the one it was trained on].",
        ),
    ] = None,
    split: Annotated[str, typer.Option(help="train, valid or test.")] = "test",
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            parser=given_path("--output"),
            metavar="PATH",
            help="Folder of the report [default: RUN/evaluation/SPLIT].",
        ),
    ] = None,
    windows: Annotated[int, typer.Option(min=8, help="Held-out windows; more is slower.")] = 2048,
    seed: Annotated[int, typer.Option(min=0, max=LARGEST_SEED, help="Of everything that is drawn.")] = 0,
    weights: Weights = "last",
    recorded: Annotated[
        bool,
        typer.Option(
            "--record", help="Add the main numbers to what a run keeps of these weights, or to bundle.json."
        ),
    ] = False,
    audio: Annotated[
        bool | None,
        typer.Option("--audio/--no-audio", help="WAV samples [default: where FluidSynth is installed]."),
    ] = None,
) -> None:
    """Measure a model on held-out music: metrics.json and a page with pictures and samples."""
    from training.evaluation.command import evaluate_command
    from training.evaluation.evaluate import Options

    if output is not None:
        folder_to_write(output)
    evaluate_command(
        model, corpus, output, Options(split, windows, seed), recorded=recorded, audio=audio, weights=weights
    )


@app.command("listen")
def listen(
    model: Annotated[
        Path | None,
        typer.Argument(parser=given_path("model"), help="A run, or a bundle (folder, .zip or name)."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            parser=given_path("--output"),
            metavar="PATH",
            help="Folder of the test, which must be new [default: none, with --score].",
        ),
    ] = None,
    pairs: Annotated[int, typer.Option(min=1, max=999, help="Real and generated phrases to compare.")] = 12,
    corpus: Annotated[
        Path | None,
        typer.Option(
            parser=given_path("--corpus"),
            metavar="PATH",
            help="Where real phrases come from [default: what it was trained on].",
        ),
    ] = None,
    split: Annotated[str, typer.Option(help="train, valid or test.")] = "test",
    seed: Annotated[int, typer.Option(min=0, max=LARGEST_SEED, help="Of the draws and the order.")] = 0,
    bpm: Annotated[float, typer.Option(min=20, max=400, help="Tempo of all phrases.")] = 120.0,
    weights: Weights = "last",
    score: Annotated[
        Path | None,
        typer.Option(
            parser=given_path("--score"),
            metavar="PATH",
            help="Score this answers.json instead [default: write a test].",
        ),
    ] = None,
    key: Annotated[
        Path | None,
        typer.Option(
            parser=given_path("--key"),
            metavar="PATH",
            help="The test's key.json, for --score [default: none].",
        ),
    ] = None,
) -> None:
    """Write a blind listening test, real against generated, or score its answers."""
    from training.errors import ConfigError
    from training.evaluation.command import listen_command, score_command

    if score is not None and key is not None and model is None and output is None:
        score_command(score, key)
    elif score is None and key is None and model is not None and output is not None:
        listen_command(model, corpus, folder_to_write(output), split, pairs, seed, bpm, weights)
    else:
        raise ConfigError("listen: give MODEL and -o FOLDER, or --score ANSWERS and --key KEY")


@app.command("configs")
def configs() -> None:
    """List the configs that come with the program; `run` takes each by its name."""
    from training.config_file import config_names, first_comment

    for name, path in config_names().items():
        print(f"{name:44} {first_comment(path)}")


@app.command("recipe")
def recipe(
    name: Annotated[str, typer.Argument(help="A public data set [default: all are listed].")] = "",
) -> None:
    """Print where a public data set comes from, its licence, and the commands from it to a model."""
    from training.recipes import RECIPES, recipe_named, shown

    print(shown(recipe_named(name)) if name else "\n".join(f"{r.name:10} {r.title}" for r in RECIPES))


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
