"""The commands on MIDI files; loaded by `app.cli` only when one of them is asked for."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from msgspec.structs import replace

from app.cli_options import (
    ContinuingModel,
    FilePrecision,
    Model,
    Precision,
    StyleFrom,
)
from app.default_models import (
    ACCOMPANY_MODEL,
    CONTINUING_LINES,
    CONTINUING_MODEL,
    DEFAULT_MODEL,
    DRUMIFY_MODEL,
    GROOVE_MODEL,
)
from app.file_commands import commands, sources
from app.file_commands.asked_options import with_asked
from app.options import with_parameters
from engine.given_places import given_path
from engine.inference.controls import CONTROLS, Controls, Mode, with_value
from engine.inference.features import MODEL_FEATURES
from engine.inference.latent_space import check_attributes
from engine.inference.model import Model as LoadedModel
from engine.modes.catalogue import TOOLS, check_mode, counts
from engine.music.metre import Metre
from engine.music.notes import is_line
from engine.music.style import Style
from engine.parameter import Parameter, Value
from engine.session.model_facts import facts_of
from engine.session.parameters import SETTINGS

application = typer.Typer()

Output = Annotated[
    Path,
    typer.Option(
        "--output",
        "-o",
        parser=given_path("--output"),
        metavar="PATH",
        help="Folder for the files; made if it is not there.",
    ),
]
MidiFile = Annotated[Path, typer.Argument(parser=given_path("file"), show_default=False, help="A MIDI file.")]
FirstFile = Annotated[
    Path, typer.Argument(parser=given_path("first"), show_default=False, help="A MIDI file.")
]
SecondFile = Annotated[
    Path,
    typer.Argument(parser=given_path("second"), show_default=False, help="A MIDI file."),
]
Count = Annotated[int, typer.Option(min=1, max=commands.LARGEST_COUNT, help="How many files.")]
Given = Mapping[str, Value]
FROM_NOTHING = SETTINGS["tempo_bpm"], SETTINGS["metre"]
"""What music that goes on from no file takes from nobody else."""


def parameters_of(mode: Mode, *without: str) -> tuple[Parameter, ...]:
    """Return the parameters with an option that count in a mode, but for the mode itself and some others."""
    counting = [
        parameter
        for name, parameter in CONTROLS.items()
        if name not in ("mode", *without) and counts(parameter, mode, MODEL_FEATURES)
    ]
    return (*counting, SETTINGS["transpose"])


@application.command()
@with_parameters(parameters_of("vary"), attributes=True, defaults={"variation": 0.4})
@with_asked()
def vary(
    file: MidiFile,
    output: Output,
    given: Given,
    asked: sources.Asked,
    count: Count = 8,
    model: Model = DEFAULT_MODEL,
    precision: FilePrecision = Precision.FLOAT,
    style: StyleFrom = None,
) -> None:
    """Write variations of a phrase in a MIDI file.

    With a model made for it, the variations are drums with a drummer's feel, or drums to a rhythm.

    Example: antiphon vary song.mid -o out --count 8 --variation 0.4 --seed 7
    """
    loaded = load(model, precision)
    drummers: tuple[Mode, ...] = ("groove", "drumify")
    mode: Mode = next((each for each in drummers if each in loaded.modes), "vary")
    _from_source(loaded, mode, file, output, given, count, asked, style)


@application.command()
@with_parameters(parameters_of("groove"), defaults={"variation": 1.0})
@with_asked()
def groove(
    file: MidiFile,
    output: Output,
    given: Given,
    asked: sources.Asked,
    count: Count = 4,
    model: Model = GROOVE_MODEL,
    precision: FilePrecision = Precision.FLOAT,
) -> None:
    """Write the drums of a MIDI file with a drummer's feel: timing and velocities, no hit more or less.

    Example: antiphon groove beat.mid -o out --variation 1 --temperature 0.5
    """
    _from_source(load(model, precision), "groove", file, output, given, count, asked)


@application.command()
@with_parameters(parameters_of("drumify"), attributes=True)
@with_asked()
def drumify(
    file: MidiFile,
    output: Output,
    given: Given,
    asked: sources.Asked,
    count: Count = 4,
    model: Model = DRUMIFY_MODEL,
    precision: FilePrecision = Precision.FLOAT,
) -> None:
    """Write drums to the rhythm of a track in a MIDI file.

    Example: antiphon drumify tune.mid -o out --track bass --count 4
    """
    _from_source(load(model, precision), "drumify", file, output, given, count, asked)


@application.command()
@with_parameters(parameters_of("accompany"))
@with_asked("kit", length=16)
def accompany(
    file: MidiFile,
    output: Output,
    given: Given,
    asked: sources.Asked,
    count: Count = 4,
    model: Model = ACCOMPANY_MODEL,
    precision: FilePrecision = Precision.FLOAT,
) -> None:
    """Write chords, bass and drums to a melody of a MIDI file, with the melody.

    The chords are those of the file's other tracks, or --chords, or what the melody suggests.

    Example: antiphon accompany song.mid -o out --count 4 --no-with-drums
    """
    _from_source(load(model, precision), "accompany", file, output, given, count, asked)


@application.command("continue")
@with_parameters((*parameters_of("continue"), *FROM_NOTHING), defaults={"bars": 8})
@with_asked()
def carry_on(
    output: Output,
    given: Given,
    asked: sources.Asked,
    file: Annotated[
        Path | None,
        typer.Argument(
            parser=given_path("file"),
            show_default=False,
            help="A MIDI file; left out, the music begins by itself, from --start random unless it is zero.",
        ),
    ] = None,
    count: Count = 4,
    model: ContinuingModel = None,
    precision: FilePrecision = Precision.FLOAT,
) -> None:
    """Write what could follow some bars of a MIDI file, or music that begins by itself.

    It stays as busy and as full as the music it follows; without --temperature it starts at the model's own.
    A melody is continued by a model whose themes come back, anything else by one that writes chords.

    Example: antiphon continue song.mid -o out --bars 8 --count 4 --start guided
    """
    values = dict(given)
    loaded = load(model or CONTINUING_MODEL, precision)
    if file is None:
        if values.setdefault("start", "random") == "guided":
            raise typer.BadParameter("--start guided goes on from a MIDI file: name one, or begin at random")
        _new(loaded, "continue", output, values, count)
        return
    for each in FROM_NOTHING:
        if values.pop(each.id, None) is not None:
            typer.echo(f"{each.option}: music that follows a file has the file's; left out")
    if model is None and is_line(sources.read_source(file, loaded, lambda line: None, asked).slot.phrase):
        loaded = load(CONTINUING_LINES, precision)
    _from_source(loaded, "continue", file, output, values, count, asked)


@application.command()
@with_parameters(parameters_of("morph", "morph"), attributes=True)
@with_asked()
def morph(
    first: FirstFile,
    second: SecondFile,
    output: Output,
    given: Given,
    asked: sources.Asked,
    steps: Annotated[int, typer.Option(min=2, max=1000, help="How many files, both ends included.")] = 7,
    model: Model = DEFAULT_MODEL,
    second_track: Annotated[
        str | None, typer.Option(help="Track of the second file; left out, as --track says.")
    ] = None,
    second_bar: Annotated[
        int | None, typer.Option(min=1, help="First bar of the second file; left out, as --bar says.")
    ] = None,
    third: Annotated[
        Path | None,
        typer.Option(
            parser=given_path("--third"),
            metavar="PATH",
            help="File for the pad's corner C, below the first; left out, none.",
        ),
    ] = None,
    fourth: Annotated[
        Path | None,
        typer.Option(
            parser=given_path("--fourth"),
            metavar="PATH",
            help="File for the corner D, below the second; left out, none.",
        ),
    ] = None,
    precision: FilePrecision = Precision.FLOAT,
    style: StyleFrom = None,
) -> None:
    """Write a walk from the phrase of one MIDI file to that of another, or a place on the pad of up to four.

    A third or a fourth file, --pad-x or --pad-y choose the pad: one file is written then.

    Example: antiphon morph a.mid b.mid -o out --steps 7
    """
    loaded = load(model, precision)
    transpose, controls = controls_of(loaded, "morph", given, style)
    start = sources.read_source(first, loaded, typer.echo, asked, "morph")
    of_second = replace(asked, track=second_track or asked.track, first_bar=second_bar or asked.first_bar)
    end = sources.read_source(second, loaded, typer.echo, of_second, "morph")
    further = {"C": third, "D": fourth}
    if any(further.values()) or {"pad_x", "pad_y"} & set(given):
        below = {
            name: sources.read_source(path, loaded, typer.echo, asked, "morph")
            for name, path in further.items()
            if path is not None
        }
        corners = {"A": start, "B": end, **below}
        commands.pad(loaded, corners, output, typer.echo, controls=controls, transpose=transpose)
        return
    commands.morph(
        loaded, start, end, output, typer.echo, steps=steps, controls=controls, transpose=transpose
    )


@application.command()
@with_parameters((*parameters_of("generate"), *FROM_NOTHING), attributes=True)
def generate(
    output: Output,
    given: Given,
    count: Count = 4,
    model: Model = DEFAULT_MODEL,
    precision: FilePrecision = Precision.FLOAT,
    style: StyleFrom = None,
) -> None:
    """Write new phrases from the model alone.

    Example: antiphon generate -o out --count 4 --key A --scale minor
    """
    values = dict(given)
    _new(load(model, precision), "generate", output, values, count, style)


def _new(
    model: LoadedModel,
    mode: Mode,
    output: Path,
    given: Given,
    count: int,
    style: Path | None = None,
) -> None:
    """Write phrases that go on from none, at the tempo and in the metre that are given, or the usual ones."""
    values = dict(given)
    bpm, metre = (values.pop(each.id, None) for each in FROM_NOTHING)
    tempo = float(SETTINGS["tempo_bpm"].default if bpm is None else bpm)  # type: ignore[arg-type]
    transpose, controls = controls_of(model, mode, values, style)
    commands.generate(
        model,
        output,
        typer.echo,
        count=count,
        controls=controls,
        bpm=tempo,
        metre=None if metre is None else Metre.named(str(metre)),
        transpose=transpose,
    )


def load(name: str, precision: Precision) -> LoadedModel:
    """Load a model by name or path."""
    from app.model_library import load_model

    return load_model(name, precision.value)


def controls_of(
    model: LoadedModel, mode: Mode, given: Given, style: Path | None = None
) -> tuple[int, Controls]:
    """Return the transposition and the controls of a mode; what the model has no use for is said.

    Args:
        model: a loaded model.
        mode: what it is to do.
        given: values by id.
        style: files to learn a style from; None for none.

    Raises:
        RenderError: the model does not do the mode or has no such attribute, or a value is out of range.
    """
    check_mode(model.bundle, mode)
    names = [name.removeprefix("attribute.") for name in given if name.startswith("attribute.")]
    check_attributes(model.bundle, names)
    features = facts_of(model).features
    controls, transpose = Controls(mode=mode), 0
    usual = model.bundle.manifest.default_temperature
    if usual is not None:
        controls = with_value(controls, "temperature", usual)
    for name, value in given.items():
        if name == "transpose":
            transpose = int(value or 0)
            continue
        parameter = CONTROLS.get(name)
        if parameter is not None and not counts(parameter, mode, features):
            if value != parameter.default:
                option = parameter.option.partition("/")[0]
                typer.echo(f"{option}: means nothing to {TOOLS[mode].label} with {model.name}; left out")
            continue
        controls = with_value(controls, name, value)
    if style is not None:
        controls = replace(controls, style=_style(model, mode, style))
    return transpose, controls


def _style(model: LoadedModel, mode: Mode, files: Path) -> Style:
    """Read a style; one that the model has no use for is said and left out."""
    from engine.midifile.style_files import read_style

    if not counts(CONTROLS["style_amount"], mode, facts_of(model).features):
        typer.echo(f"--style: means nothing to {TOOLS[mode].label} with {model.name}; left out")
        return Style()
    return read_style(files, typer.echo)


def _from_source(
    model: LoadedModel,
    mode: Mode,
    file: Path,
    output: Path,
    given: Given,
    count: int,
    asked: sources.Asked,
    style: Path | None = None,
) -> None:
    transpose, controls = controls_of(model, mode, given, style)
    source = sources.read_source(file, model, typer.echo, asked, mode)
    commands.from_source(
        model, source, output, typer.echo, count=count, controls=controls, transpose=transpose
    )


@application.command()
def render(
    files: Annotated[list[Path], typer.Argument(parser=given_path("files"), help="MIDI files.")],
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            parser=given_path("--output"),
            metavar="PATH",
            help="A .wav for all of them in a row, or a folder for a WAV of each.",
        ),
    ],
) -> None:
    """Write MIDI files as sound, by a soundfont where one is installed, else by the built-in tones.

    Example: antiphon render out/*.mid -o out.wav
    """
    from app.audio.render import render_files

    render_files(files, output, typer.echo)


SessionLog = Annotated[
    Path,
    typer.Argument(
        parser=given_path("session"),
        show_default=False,
        help="A session, NAME.antiphon, with its log beside it.",
    ),
]
Performance = Annotated[
    int,
    typer.Option(
        "--performance", min=1, help="Which performance of the log: 1 is the last, 2 the one before it."
    ),
]


@application.command()
def replay(
    session: SessionLog,
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", parser=given_path("--output"), metavar="PATH", help="The MIDI file to write."
        ),
    ],
    from_bar: Annotated[
        int | None,
        typer.Option(min=1, help="Bar the file begins with; left out, the first of the performance."),
    ] = None,
    change: Annotated[
        str | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="One thing that is to be otherwise, as variation=0.6; `antiphon controls` lists names. "
            "Left out, nothing.",
        ),
    ] = None,
    change_bar: Annotated[
        int | None,
        typer.Option("--set-from", min=1, help="Bar the change holds from; left out, that of --from-bar."),
    ] = None,
    render: Annotated[
        bool, typer.Option("--render", help="Render answers again without a change too, and compare them.")
    ] = False,
    heard: Annotated[
        bool, typer.Option("--heard/--no-heard", help="Write what was heard as tracks beside the answers.")
    ] = True,
    performance: Performance = 1,
) -> None:
    """Write a performance again from its log, from a bar on, as it was or with one thing changed.

    What lies before the change is what sounded, note for note.

    Example: antiphon replay tonight.antiphon --from-bar 37 --set variation=0.6 -o again.mid
    """
    from app.file_commands import session_log
    from engine.session.replay_change import Change

    session_log.replay(
        session,
        output,
        typer.echo,
        _progress,
        from_bar=from_bar,
        change=None if change is None else Change.read(change),
        change_bar=change_bar,
        render=render,
        with_heard=heard,
        which=performance,
    )


@application.command()
def history(session: SessionLog, output: Output, performance: Performance = 1) -> None:
    """Write every answer that sounded in a performance to a MIDI file of its own, from the session's log.

    Example: antiphon history tonight.antiphon -o out
    """
    from app.file_commands import session_log

    session_log.history(session, output, typer.echo, performance)


def _progress(done: int, of: int) -> None:
    """Show on a terminal how many answers are rendered; elsewhere nothing."""
    if sys.stderr.isatty():
        print(f"\rrendering {done} of {of}", end="\n" if done == of else "", file=sys.stderr, flush=True)
