"""The `antiphon` command. Everything heavy is imported by the command that needs it."""

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from engine.errors import AntiphonError
from engine.text import never_fail_on_text, printable

DEBUG_VARIABLE = "ANTIPHON_DEBUG"
"""Set to see the traceback of an internal error."""
PERFORMER_FLAG = "--antiphon-performer"
SOUNDER_FLAG = "--antiphon-sounder"
TRIAL_FLAG = "--antiphon-trial"
"""As in the modules that start them: a frozen program starts itself as its children."""
DEFAULT_MODEL = "melody_2bar"
CONTINUING_MODEL = "pianoroll_continue"

application = typer.Typer(
    name="antiphon",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


class Backend(StrEnum):
    """MIDI systems."""

    AUTO = "auto"
    JACK = "jack"
    ALSA = "alsa"
    COREMIDI = "coremidi"
    WINMM = "winmm"


class Start(StrEnum):
    """What a continuation goes on from."""

    GUIDED = "guided"
    RANDOM = "random"
    ZERO = "zero"


class Precision(StrEnum):
    """Forms of a model."""

    FLOAT = "float"
    INT8 = "int8"


Model = Annotated[str, typer.Option(help="Name of an installed model, or the path of a bundle.")]
PrecisionOption = Annotated[
    Precision | None, typer.Option(help="Form of the model; left out, the quicker one is measured and used.")
]
FilePrecision = Annotated[
    Precision,
    typer.Option(help="Form of the model; the default gives the same music for a seed each time."),
]
Temperature = Annotated[
    float,
    typer.Option(min=0.0, max=2.0, help="How much chance is in a take: 0 none, 1 as the model learned."),
]
Seed = Annotated[
    int, typer.Option(min=0, max=2**32 - 1, help="Number of the take; the same number gives the same music.")
]
Output = Annotated[
    Path, typer.Option("--output", "-o", help="Folder for the files; made if it is not there.")
]
Track = Annotated[
    str | None,
    typer.Option(
        help="Track to take, by number or name; a trio takes several: melody=2,bass=3,drums=10. Left out, "
        "the likeliest for the model: melody, drums, all three of a trio, all that a piano could play."
    ),
]
Bar = Annotated[
    int | None,
    typer.Option(min=1, help="First bar to take, from 1; left out, the first that are full."),
]
Kit = Annotated[
    str | None,
    typer.Option(
        help="Drum kit the file is read by: gm, gs, xg, roland, ezdrummer, superior, addictive, or a drum "
        "map of your own, a .toml file; left out, the likeliest."
    ),
]
KeepPedal = Annotated[
    bool,
    typer.Option(
        "--keep-pedal",
        help="Leave notes as their keys were held and write the pedal; else it lengthens them.",
    ),
]
Controllers = Annotated[
    bool,
    typer.Option(
        "--controllers/--no-controllers", help="Write the controllers, pressure and bend of the source too."
    ),
]
MidiFile = Annotated[Path, typer.Argument(show_default=False, help="A MIDI file.")]


@application.callback(invoke_without_command=True)
def start(context: typer.Context) -> None:
    """Antiphon listens to what you play and answers with variations, locked to your DAW's bars.

    Without a command it opens the window: send your MIDI track to [bold]Antiphon In[/bold] and let an
    instrument listen to [bold]Antiphon Out[/bold]. No DAW at hand? Press D there for the demo phrase.
    """
    if context.invoked_subcommand is None:
        _start_live(headless=False, demo=None, for_s=None, log=None)


@application.command()
def live(
    headless: Annotated[
        bool, typer.Option("--headless", help="No window: one line a bar in the terminal.")
    ] = False,
    model: Model = DEFAULT_MODEL,
    variation: Annotated[
        float | None, typer.Option(min=0.0, max=1.0, help="0 plays back what you played, 1 goes furthest.")
    ] = None,
    temperature: Annotated[
        float | None, typer.Option(min=0.0, max=2.0, help="How much chance is in a take.")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, max=2**32 - 1, help="Number of the take.")] = None,
    for_seconds: Annotated[
        float | None, typer.Option("--for", metavar="SECONDS", min=0.0, help="Stop after so many seconds.")
    ] = None,
    log: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.jsonl",
            help="Write every event heard and played, as JSON lines; after 32 MB it goes on in a new file, "
            "and four older ones stay beside it (FILE.jsonl.1 and so on).",
        ),
    ] = None,
    midi_backend: Annotated[
        Backend, typer.Option(help="MIDI system; auto takes JACK where it runs.")
    ] = Backend.AUTO,
    connect_in: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Port to listen to, by name or part of it; repeatable."),
    ] = None,
    connect_out: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Port to play to, by name or part of it; repeatable."),
    ] = None,
    demo: Annotated[
        bool | None, typer.Option("--demo/--no-demo", help="Play the demo phrase into the input.")
    ] = None,
    tempo: Annotated[
        float | None, typer.Option(min=20.0, max=400.0, help="Tempo of the internal clock, in BPM.")
    ] = None,
    precision: PrecisionOption = None,
) -> None:
    """Listen and answer live, with the window or (--headless) as a stream in the terminal.

    Example: antiphon live --headless --variation 0.4 --seed 7 --for 60 --log session.jsonl
    """
    values = {"variation": variation, "temperature": temperature, "seed": seed, "tempo_bpm": tempo}
    _start_live(
        headless=headless,
        demo=demo,
        for_s=for_seconds,
        log=log,
        model=model,
        given={name: value for name, value in values.items() if value is not None},
        midi_backend=midi_backend.value,
        connect_in=tuple(connect_in or ()),
        connect_out=tuple(connect_out or ()),
        precision=precision.value if precision else None,
    )


@application.command()
def vary(
    file: MidiFile,
    output: Output,
    count: Annotated[int, typer.Option(min=1, max=1000, help="How many variations.")] = 8,
    variation: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="0 writes the phrase as it is, 1 goes furthest.")
    ] = 0.4,
    temperature: Temperature = 0.5,
    seed: Seed = 0,
    model: Model = DEFAULT_MODEL,
    track: Track = None,
    bar: Bar = None,
    kit: Kit = None,
    keep_pedal: KeepPedal = False,
    controllers: Controllers = True,
    precision: FilePrecision = Precision.FLOAT,
) -> None:
    """Write variations of a phrase in a MIDI file.

    With a model made for it, the variations are drums with a drummer's feel, or drums to a rhythm.

    Example: antiphon vary song.mid -o out --count 8 --variation 0.4 --seed 7
    """
    from app.file_commands import commands, sources

    loaded = _load(model, precision)
    asked = sources.Asked(track=track, first_bar=bar, kit=kit, keep_pedal=keep_pedal, controllers=controllers)
    source = sources.read_source(file, loaded, typer.echo, asked)
    commands.vary(
        loaded,
        source,
        output,
        typer.echo,
        count=count,
        variation=variation,
        temperature=temperature,
        seed=seed,
    )


@application.command("continue")
def carry_on(
    file: MidiFile,
    output: Output,
    bars: Annotated[int, typer.Option(min=1, max=64, help="Length of what follows, in bars.")] = 8,
    count: Annotated[int, typer.Option(min=1, max=1000, help="How many continuations.")] = 4,
    start: Annotated[
        Start,
        typer.Option(help="Go on from the file's bars (guided), from anywhere (random) or from nothing."),
    ] = Start.GUIDED,
    temperature: Temperature = 0.8,
    seed: Seed = 0,
    model: Model = CONTINUING_MODEL,
    track: Track = None,
    bar: Bar = None,
    kit: Kit = None,
    keep_pedal: KeepPedal = False,
    controllers: Controllers = True,
    precision: FilePrecision = Precision.FLOAT,
) -> None:
    """Write what could follow some bars of a MIDI file.

    At temperature 0 a chord is held, near 1 the lines are as lively as the music they follow.

    Example: antiphon continue song.mid -o out --bars 8 --count 4 --start guided
    """
    from app.file_commands import commands, sources

    loaded = _load(model, precision)
    asked = sources.Asked(track=track, first_bar=bar, kit=kit, keep_pedal=keep_pedal, controllers=controllers)
    source = sources.read_source(file, loaded, typer.echo, asked)
    commands.carry_on(
        loaded,
        source,
        output,
        typer.echo,
        bars=bars,
        count=count,
        start=start.value,
        temperature=temperature,
        seed=seed,
    )


@application.command()
def morph(
    first: MidiFile,
    second: MidiFile,
    output: Output,
    steps: Annotated[int, typer.Option(min=2, max=1000, help="How many files, both ends included.")] = 7,
    seed: Seed = 0,
    model: Model = DEFAULT_MODEL,
    kit: Kit = None,
    keep_pedal: KeepPedal = False,
    controllers: Controllers = True,
    precision: FilePrecision = Precision.FLOAT,
) -> None:
    """Write a walk from the phrase of one MIDI file to that of another.

    Example: antiphon morph a.mid b.mid -o out --steps 7
    """
    from app.file_commands import commands, sources

    loaded = _load(model, precision)
    asked = sources.Asked(kit=kit, keep_pedal=keep_pedal, controllers=controllers)
    start = sources.read_source(first, loaded, typer.echo, asked)
    end = sources.read_source(second, loaded, typer.echo, asked)
    commands.morph(loaded, start, end, output, typer.echo, steps=steps, seed=seed)


@application.command()
def generate(
    output: Output,
    count: Annotated[int, typer.Option(min=1, max=1000, help="How many phrases.")] = 4,
    temperature: Temperature = 0.5,
    seed: Seed = 0,
    tempo: Annotated[float, typer.Option(min=20.0, max=400.0, help="Tempo of the files, in BPM.")] = 120.0,
    model: Model = DEFAULT_MODEL,
    precision: FilePrecision = Precision.FLOAT,
) -> None:
    """Write new phrases from the model alone.

    Example: antiphon generate -o out --count 4
    """
    from app.file_commands import commands

    loaded = _load(model, precision)
    commands.generate(loaded, output, typer.echo, count=count, temperature=temperature, seed=seed, bpm=tempo)


@application.command()
def doctor(
    json: Annotated[bool, typer.Option("--json", help="The report as JSON.")] = False,
) -> None:
    """Check everything Antiphon needs; each line is ok or comes with its remedy."""
    from app import doctor as examiner

    checks = examiner.examine()
    if json:
        typer.echo(examiner.as_json(checks))
    else:
        _print_checks(checks)
    if not examiner.healthy(checks):
        raise typer.Exit(1)


@application.command()
def ports() -> None:
    """List the MIDI ports of other programs, as --connect-in and --connect-out take them."""
    from engine.midi.backends import list_ports, probe

    for status in probe():
        mark = "*" if status.chosen else " "
        typer.echo(f"{mark} {status.name}: {status.reason}")
    for port in list_ports():
        typer.echo(f"    {port.backend}  {'in ' if port.direction == 'source' else 'out'}  {port.name}")


def _print_checks(checks: "list[Check]") -> None:  # type: ignore[name-defined]  # noqa: F821
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    styles = {"ok": "green", "hint": "yellow", "bad": "bold red"}
    table = Table(box=None, show_header=False, pad_edge=False)
    for check in checks:
        remedy = f"\n[dim]-> {escape(check.remedy)}[/dim]" if check.remedy else ""
        table.add_row(
            f"[{styles[check.state]}]{check.state}[/]", check.name, f"{escape(check.detail)}{remedy}"
        )
    Console(highlight=False).print(table)


def _load(name: str, precision: Precision):  # type: ignore[no-untyped-def]
    from app.compose import LiveOptions, load_model

    return load_model(LiveOptions(model=name, precision=precision.value))


def _start_live(
    *, headless: bool, demo: bool | None, for_s: float | None, log: Path | None, **options_given: object
) -> None:
    """Open the window, or run the stream where that is asked for or no window can be."""
    from app.display_check import missing_display

    missing = "" if headless else missing_display()
    if missing:
        typer.echo(f"antiphon: {missing}; running the headless stream with the demo phrase", err=True)
        headless, demo = True, demo is not False
    from app.compose import LiveOptions

    options = LiveOptions(**options_given)  # type: ignore[arg-type]
    if headless:
        from app.line_writer import standard_output
        from app.live import run_headless

        with standard_output() as say:
            run_headless(options, demo=bool(demo), for_s=for_s, log=log, say=say)
    else:
        from app.launch import run_with_window

        raise typer.Exit(run_with_window(options, demo=bool(demo), for_s=for_s, log=log))


def _be_a_child() -> None:
    """Do the work of one of the program's own processes where a frozen program was started as one."""
    if sys.argv[1:2] == [PERFORMER_FLAG]:
        from engine.performer.process import main as perform

        sys.exit(perform(sys.argv[2:]))
    if sys.argv[1:2] == [SOUNDER_FLAG]:
        from app.audio.sounder import main as sound

        os._exit(sound())
    if sys.argv[1:2] == [TRIAL_FLAG]:
        from engine.inference.trial_process import main as try_bundle

        os._exit(try_bundle(sys.argv[2:]))


def main() -> NoReturn:
    """Run the command; every failure is one line on standard error and a non-zero status."""
    never_fail_on_text()
    try:
        _be_a_child()
        application()
    except AntiphonError as error:
        _fail(str(error))
    except OSError as error:
        _fail(f"{error.filename or 'system'}: {(error.strerror or str(error)).lower()}")
    except Exception as error:  # no traceback for a musician
        if os.environ.get(DEBUG_VARIABLE):
            raise
        _fail(f"internal error, {type(error).__name__}: {error}; set {DEBUG_VARIABLE}=1 to see where")
    sys.exit(0)


def _fail(text: str) -> NoReturn:
    print(f"antiphon: {printable(' '.join(text.split()))}", file=sys.stderr)
    sys.exit(1)
