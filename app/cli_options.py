"""Options that several commands share and that are no parameters of the instrument."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from app.default_models import CONTINUING_LINES, CONTINUING_MODEL, DEFAULT_MODEL
from engine.given_places import given_model, given_path


class Backend(StrEnum):
    """MIDI systems."""

    AUTO = "auto"
    JACK = "jack"
    ALSA = "alsa"
    COREMIDI = "coremidi"
    WINMM = "winmm"


class Precision(StrEnum):
    """Forms of a model."""

    FLOAT = "float"
    INT8 = "int8"


class MidiMap(StrEnum):
    """What MIDI messages move at first."""

    DEFAULT = "default"
    NONE = "none"


Map = Annotated[
    MidiMap | None,
    typer.Option(
        help="What MIDI controllers and programs move: the default map of the README, or none. Left out, a "
        "new session has the default and another what it had."
    ),
]
ContinuingModel = Annotated[
    str | None,
    typer.Option(
        parser=given_model,
        metavar="MODEL",
        help=f"Name of an installed model, or the path of a bundle; left out, {CONTINUING_LINES} for a "
        f"melody and {CONTINUING_MODEL} for anything else.",
    ),
]
Model = Annotated[
    str,
    typer.Option(
        parser=given_model, metavar="MODEL", help="Name of an installed model, or the path of a bundle."
    ),
]
LiveModel = Annotated[
    str | None,
    typer.Option(
        parser=given_model,
        metavar="MODEL",
        help=f"Name of an installed model, or the path of a bundle; left out, that of the session, at first "
        f"{DEFAULT_MODEL}.",
    ),
]
PrecisionOption = Annotated[
    Precision | None, typer.Option(help="Form of the model; left out, the quicker one is measured and used.")
]
FilePrecision = Annotated[
    Precision,
    typer.Option(help="Form of the model; the default gives the same music for a seed each time."),
]
Headless = Annotated[bool, typer.Option("--headless", help="No window: one line a bar in the terminal.")]
SessionFile = Annotated[
    Path | None,
    typer.Option(
        parser=given_path("--session"),
        metavar="FILE.antiphon",
        help="Session to go on with, and to keep; made if it is not there. Left out, the window goes on "
        "with the last one and the stream keeps none.",
    ),
]
ForSeconds = Annotated[
    float | None,
    typer.Option("--for", metavar="SECONDS", min=0.0, help="Stop after so many seconds; left out, never."),
]
Log = Annotated[
    Path | None,
    typer.Option(
        parser=given_path("--log"),
        metavar="FILE.jsonl",
        help="Write every event heard and played, as JSON lines; after 32 MB it goes on in a new file, "
        "and four older ones stay beside it (FILE.jsonl.1 and so on). Left out, nothing is written.",
    ),
]
MidiBackend = Annotated[Backend, typer.Option(help="MIDI system; auto takes JACK where it runs.")]
ConnectIn = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME", help="Port to listen to, by name or part of it; repeatable. Left out, none."
    ),
]
ConnectOut = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME", help="Port to play to, by name or part of it; repeatable. Left out, none."),
]
ActiveSensing = Annotated[
    bool,
    typer.Option(
        "--active-sensing",
        help="Send active sensing, so that an instrument that knows it falls silent should all of "
        "Antiphon die at once.",
    ),
]
StyleFrom = Annotated[
    Path | None,
    typer.Option(
        "--style",
        parser=given_path("--style"),
        metavar="FILE|FOLDER",
        help="Melodies to pull towards: a .mid file, or a folder of them; left out, none.",
    ),
]
