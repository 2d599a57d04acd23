"""The `antiphon` command. Everything heavy is imported by the command that needs it."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

import app.one_blas_thread  # noqa: F401 - before anything that imports numpy
from app.cli_options import (
    ActiveSensing,
    Backend,
    ConnectIn,
    ConnectOut,
    ForSeconds,
    Headless,
    LiveModel,
    Log,
    Map,
    MidiBackend,
    PrecisionOption,
    SessionFile,
    StyleFrom,
)
from app.options import with_parameters
from engine.errors import AntiphonError, reason_of
from engine.given_places import given_model, given_path
from engine.inference.controls import CONTROLS
from engine.parameter import Value, declared
from engine.process.signals import stopped_status, terminable
from engine.session.settings import Settings, Switches
from engine.text import failure_line, never_fail_on_text

SETTINGS, SWITCHES = declared(Settings), declared(Switches)

DEBUG_VARIABLE = "ANTIPHON_DEBUG"
"""Set to see the traceback of an internal error."""
PERFORMER_FLAG = "--antiphon-performer"
SOUNDER_FLAG = "--antiphon-sounder"
TRIAL_FLAG = "--antiphon-trial"
"""As in the modules that start them: a frozen program starts itself as its children."""

FILE_COMMANDS = (
    *("vary", "morph", "generate", "continue", "groove", "drumify", "accompany"),
    *("replay", "history", "render"),
)
"""Those of `app.file_commands.cli`, which is loaded when one of them is asked for: it takes its time."""


class Commands(TyperGroup):
    """All commands, those on files loaded late."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command; one that Ctrl+C or SIGTERM stops says so, and leaves nothing half written."""
        try:
            with terminable():
                return super().invoke(ctx)
        except KeyboardInterrupt as stop:
            print("antiphon: stopped", file=sys.stderr)
            raise typer.Exit(stopped_status(stop)) from None

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of the commands in the order of the help."""
        live, *others = super().list_commands(ctx)
        return [live, *FILE_COMMANDS, *others]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command by name; None if there is none."""
        if cmd_name not in FILE_COMMANDS:
            return super().get_command(ctx, cmd_name)
        from app.file_commands.cli import application as of_files

        group = typer.main.get_group(of_files)
        return group.commands[cmd_name]


application = typer.Typer(
    name="antiphon",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    cls=Commands,
)


@application.callback(invoke_without_command=True)
def start(context: typer.Context) -> None:
    """Antiphon listens to what you play and answers with variations, locked to your DAW's bars.

    Without a command it opens the window: send your MIDI track to [bold]Antiphon In[/bold]
    and let an instrument listen to [bold]Antiphon Out[/bold].
    No DAW at hand? Press D there for the demo phrase.
    """
    if context.invoked_subcommand is None:
        _start_live(headless=False, demo=None, for_s=None, log=None)


@application.command()
@with_parameters(
    (*CONTROLS.values(), *SETTINGS.values(), *(each for each in SWITCHES.values() if not each.no_option)),
    attributes=True,
)
def live(
    given: Mapping[str, Value],
    headless: Headless = False,
    model: LiveModel = None,
    session: SessionFile = None,
    for_seconds: ForSeconds = None,
    log: Log = None,
    midi_backend: MidiBackend = Backend.AUTO,
    connect_in: ConnectIn = None,
    connect_out: ConnectOut = None,
    active_sensing: ActiveSensing = False,
    map: Map = None,
    precision: PrecisionOption = None,
    style: StyleFrom = None,
) -> None:
    """Listen and answer live, with the window or (--headless) as a stream in the terminal.

    What is left out is as the session has it; the defaults are those of a new session.

    Example: antiphon live --headless --variation 0.4 --seed 7 --for 60 --log session.jsonl
    """
    values = dict(given)
    switches = {name: bool(values.pop(name)) for name in SWITCHES if name in values}
    demo = switches.pop("demo", None)
    _start_live(
        headless=headless,
        demo=demo,
        for_s=for_seconds,
        log=log,
        model=model,
        session=session,
        given=values,
        switches=switches,
        midi_backend=midi_backend.value,
        connect_in=tuple(connect_in or ()),
        connect_out=tuple(connect_out or ()),
        active_sensing=active_sensing,
        midi_map=map.value if map else None,
        precision=precision.value if precision else None,
        style=style,
    )


@application.command()
def calibrate(
    loop: Annotated[
        bool, typer.Option("--loop", help="Measure the way out through the DAW and back, instead of by ear.")
    ] = False,
    session: Annotated[
        Path | None,
        typer.Option(
            parser=given_path("--session"),
            metavar="FILE.antiphon",
            help="Session to keep the offset with; left out, it is only said.",
        ),
    ] = None,
    midi_backend: MidiBackend = Backend.AUTO,
    connect_in: ConnectIn = None,
    connect_out: ConnectOut = None,
) -> None:
    """Find the output offset that lets answers sound together with the DAW.

    By ear: our click sounds on the DAW's beat; type + or - and Enter to move it
    until it and the DAW's own click are one. An empty line ends.
    """
    from app.calibrate import calibrate as find
    from app.calibrate import typed_lines
    from app.compose import LiveOptions

    options = LiveOptions(
        midi_backend=midi_backend.value,
        connect_in=tuple(connect_in or ()),
        connect_out=tuple(connect_out or ()),
        session=session,
    )
    find(options, loop=loop, say=typer.echo, lines=typed_lines())


@application.command()
def controls(
    json: Annotated[bool, typer.Option("--json", help="The table as JSON.")] = False,
    model: Annotated[
        str | None,
        typer.Option(
            parser=given_model,
            metavar="MODEL",
            help="Model whose own directions are listed too, by name or path; left out, none.",
        ),
    ] = None,
) -> None:
    """List every control: name, range, key, controller, option and meaning."""
    from app import controls_table

    rows = controls_table.rows(model)
    typer.echo(controls_table.as_json(rows) if json else controls_table.as_text(rows))


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
        _fail(f"{error.filename or 'system'}: {reason_of(error)}")
    except Exception as error:  # no traceback for a musician
        if os.environ.get(DEBUG_VARIABLE):
            raise
        _fail(f"internal error, {type(error).__name__}: {error}; set {DEBUG_VARIABLE}=1 to see where")
    sys.exit(0)


def _fail(text: str) -> NoReturn:
    print(failure_line("antiphon", text), file=sys.stderr)
    sys.exit(1)
