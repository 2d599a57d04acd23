"""Options that several commands share and that are no parameters of the instrument."""

from enum import StrEnum
from typing import Annotated

import typer

DEFAULT_MODEL = "words_2bar"
CONTINUING_MODEL = "pianoroll_continue"
GROOVE_MODEL = "groove_humanize_2bar"
DRUMIFY_MODEL = "groove_drumify_2bar"


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


Model = Annotated[str, typer.Option(help="Name of an installed model, or the path of a bundle.")]
LiveModel = Annotated[
    str | None,
    typer.Option(
        help=f"Name of an installed model, or the path of a bundle; left out, that of the session, at first "
        f"{DEFAULT_MODEL}."
    ),
]
PrecisionOption = Annotated[
    Precision | None, typer.Option(help="Form of the model; left out, the quicker one is measured and used.")
]
FilePrecision = Annotated[
    Precision,
    typer.Option(help="Form of the model; the default gives the same music for a seed each time."),
]
