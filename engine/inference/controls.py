"""What a rendering depends on besides model and slots: frozen values, one declaration each.

Each field's declaration says its range, text, key and help, and which features of mode and model it needs
to count.
"""

from collections.abc import Mapping
from operator import attrgetter
from typing import Annotated, Any, Literal

import msgspec
from msgspec.structs import replace

from engine.errors import RenderError
from engine.inference.constraints import CONSTRAINTS, UNCONSTRAINED, Constraints, Lock
from engine.inference.features import (
    ACCOMPANIMENT,
    CONTINUATION,
    DIRECTIONS,
    DISTANCE,
    DRUMMER_CHOICE,
    FEEL,
    HALVES,
    KEYS_ALONE,
    LIMITS,
    NOTES_TO_KEEP,
    PITCHES,
    SOURCE,
    STYLE,
    TWO_SLOTS,
)
from engine.music.drum_styles import DRUM_STYLES, DRUMMERS, STYLE_WORDS
from engine.music.style import NO_STYLE, Style
from engine.parameter import Choice, Number, Parameter, Text, Toggle, Whole, check_of, declared

Mode = Literal["vary", "morph", "generate", "groove", "drumify", "continue", "accompany"]
"""Names of the modes; `engine.modes.catalogue` holds them."""
Start = Literal["guided", "zero", "random"]
MorphBy = Literal["line", "pad"]
SlotName = Literal["heard", "A", "B", "C", "D"]
LONGEST_BARS = 64

LOCKED = "locked"
"""Name under which rendering finds the phrase that locks are parts of."""
HEARD: SlotName = "heard"
"""The slot that follows what was played last."""
STORED: tuple[SlotName, ...] = ("A", "B", "C", "D")
"""The slots a phrase can be stored in."""
SLOT_NAMES = (HEARD, *STORED)

LARGEST_SEED = 2**32 - 1
MOST_NUDGES = 64
FARTHEST_ATTRIBUTE = 3.0
"""Steps along a direction of the latent space, either way."""


def _read_chords(text: str) -> object:
    """Read typed chords; ValueError with the reason. Its import waits: numpy comes with it."""
    from engine.music.chords import parse_chords

    return parse_chords(text)


class Controls(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that decides a rendering besides the model and the slots."""

    mode: Annotated[
        Mode,
        Choice(
            label="Tool",
            group="Tool",
            help="What the answer is made of; picking one loads a model that does it.",
        ),
    ] = "vary"
    variation: Annotated[
        float,
        Number(
            label="Variation",
            key="V",
            needs=frozenset({DISTANCE}),
            help="How far to go from what was played: 0 plays it back as it was, 1 goes furthest in the "
            "model's latent space and is least held to your own notes.",
        ),
    ] = 0.3
    vary_rhythm: Annotated[
        float,
        Number(
            label="Vary rhythm",
            needs=frozenset({DISTANCE, NOTES_TO_KEEP, HALVES}),
            help="How much of Variation the rhythm takes part in: 0 leaves it as it was played.",
        ),
    ] = 1.0
    vary_pitch: Annotated[
        float,
        Number(
            label="Vary pitch",
            needs=frozenset({DISTANCE, NOTES_TO_KEEP, HALVES}),
            help="How much of Variation the pitches take part in: 0 leaves the tune as it was played.",
        ),
    ] = 1.0
    morph: Annotated[
        float,
        Number(
            label="Morph",
            key="M",
            needs=frozenset({TWO_SLOTS}),
            help="From the phrase of one slot (0) to the phrase of the other (1); between them a path of "
            "music leads from one to the other.",
        ),
    ] = 0.5
    temperature: Annotated[
        float,
        Number(
            label="Temperature",
            key="T",
            high=2.0,
            shown="{:.2f}",
            step=0.02,
            help="How much chance is in a take: 0 is the model's first choice, higher is more adventurous.",
        ),
    ] = 0.5
    seed: Annotated[
        int,
        Whole(
            label="Seed",
            high=LARGEST_SEED,
            group="Take",
            help="Number of the take: the same seed and settings give the same music again.",
        ),
    ] = 0
    source: Annotated[
        SlotName,
        Choice(
            label="Source",
            values=SLOT_NAMES,
            words={"heard": "what is heard"},
            group="Take",
            needs=frozenset({SOURCE}),
            help="Where the answer starts from: what is heard, or the phrase in a slot.",
            no_option="slots are filled while playing; a command on files takes its source by name",
        ),
    ] = HEARD
    morph_by: Annotated[
        MorphBy,
        Choice(
            label="Morph by",
            words={"line": "line", "pad": "pad"},
            needs=frozenset({TWO_SLOTS}),
            help="Blend two slots along a line, or all that are filled inside a square with A to D at its "
            "corners.",
            no_option="slots are filled while playing; `pad` takes its corners as files",
        ),
    ] = "line"
    pad_x: Annotated[
        float,
        Number(
            label="Pad across",
            needs=frozenset({TWO_SLOTS}),
            help="Place on the pad from A and C at the left (0) to B and D at the right (1).",
        ),
    ] = 0.5
    pad_y: Annotated[
        float,
        Number(
            label="Pad down",
            needs=frozenset({TWO_SLOTS}),
            help="Place on the pad from A and B at the top (0) to C and D at the bottom (1).",
        ),
    ] = 0.5
    morph_from: Annotated[
        SlotName,
        Choice(
            label="Morph from",
            values=SLOT_NAMES,
            words={"heard": "what is heard"},
            needs=frozenset({TWO_SLOTS}),
            help="Slot at morph 0.",
            no_option="slots are filled while playing; `morph` takes its ends as files",
        ),
    ] = "A"
    morph_to: Annotated[
        SlotName,
        Choice(
            label="Morph to",
            values=SLOT_NAMES,
            words={"heard": "what is heard"},
            needs=frozenset({TWO_SLOTS}),
            help="Slot at morph 1.",
            no_option="slots are filled while playing; `morph` takes its ends as files",
        ),
    ] = "B"
    start: Annotated[
        Start,
        Choice(
            label="Start from",
            words={"guided": "Played", "zero": "Nothing", "random": "Random"},
            keys={"guided": "7", "zero": "8", "random": "9"},
            helps={
                "guided": "Go on from what you played: the model hears it first.",
                "zero": "Begin with nothing in mind; nothing need be played.",
                "random": "Begin anywhere: as if something had been heard that the seed makes up.",
            },
            needs=frozenset({CONTINUATION}),
            help="Go on from what was played (guided), from nothing (zero) or from anywhere (random).",
        ),
    ] = "guided"
    bars: Annotated[
        int,
        Whole(
            label="Length",
            key="L",
            high=LONGEST_BARS,
            shown="{} bars",
            words={0: "as heard", 1: "1 bar"},
            needs=frozenset({CONTINUATION}),
            help="How many bars to write; 0 writes as many as the model hears.",
        ),
    ] = 0
    threshold: Annotated[
        float,
        Number(
            label="Threshold",
            high=0.99,
            shown="{:.2f}",
            needs=frozenset({CONTINUATION, KEYS_ALONE}),
            help="Play every key whose probability is above this, whatever the temperature; 0 draws the keys "
            "by chance.",
        ),
    ] = 0.0
    attributes: tuple[tuple[str, float], ...] = ()
    """Steps along the bundle's attribute directions, -3 to 3 each, by name. A bundle declares them."""
    chords: Annotated[
        str,
        Text(
            label="Chords",
            needs=frozenset({LIMITS, PITCHES}),
            group="Limits",
            example="Am F C G",
            empty="as heard",
            reader=_read_chords,
            help="Chords by name, one a bar or with bar lines (Am F | C G); empty for those that are heard.",
        ),
    ] = ""
    style_amount: Annotated[
        float,
        Number(
            label="Style",
            needs=frozenset({STYLE, PITCHES}),
            group="Style",
            help="How far takes are pulled towards the style that was learned, from what was heard or from "
            "files: their kind of phrase, when notes begin, which of the scale they are, and their order.",
        ),
    ] = 0.5
    style: Style = NO_STYLE
    """What takes are pulled to; empty for nothing."""
    drum_style: Annotated[
        str | None,
        Choice(
            label="Drum style",
            values=(None, *DRUM_STYLES),
            words=STYLE_WORDS,
            needs=frozenset({FEEL, DRUMMER_CHOICE}),
            group="Style",
            help="The style that a drummer's feel is of: rock, jazz, funk; any leaves it to the hits.",
        ),
    ] = None
    drummer: Annotated[
        int,
        Whole(
            label="Drummer",
            high=DRUMMERS,
            words={0: "any"},
            needs=frozenset({FEEL, DRUMMER_CHOICE}),
            group="Style",
            help="Which of ten drummers the feel is of, by number: each plays earlier or later and louder or "
            "softer in ways of their own; 0 is nobody in particular.",
        ),
    ] = 0
    nudges: Annotated[
        int,
        Whole(
            label="Nudges",
            high=MOST_NUDGES,
            group="Take",
            words={0: "none"},
            help="How many single things of the take are changed, one after the other: a note's pitch, when "
            "it begins, a note more or less. The same number gives the same changes.",
        ),
    ] = 0
    with_chords: Annotated[
        bool,
        Toggle(
            label="Comping",
            key="E",
            needs=frozenset({ACCOMPANIMENT}),
            group="Voices",
            help="Let the accompaniment play chords.",
        ),
    ] = True
    with_bass: Annotated[
        bool,
        Toggle(
            label="Bass",
            key="W",
            needs=frozenset({ACCOMPANIMENT}),
            group="Voices",
            help="Let the accompaniment play a bass line.",
        ),
    ] = True
    with_drums: Annotated[
        bool,
        Toggle(
            label="Drums",
            key="Q",
            needs=frozenset({ACCOMPANIMENT}),
            group="Voices",
            help="Let the accompaniment play drums.",
        ),
    ] = True
    locks: tuple[Lock, ...] = ()
    """Parts of the phrase in the slot `LOCKED` that every rendering keeps."""
    constraints: Constraints = UNCONSTRAINED

    def __post_init__(self) -> None:
        _check(self)
        for name, amount in self.attributes:
            attribute_parameter(name).check(amount)


def attribute_parameter(name: str, help: str = "") -> Number:
    """Return the parameter of a direction in a model's latent space."""
    return Number(
        id=f"attribute.{name}",
        label=name.replace("_", " ").capitalize(),
        help=help or f"More {name.replace('_', ' ')} to the right, less to the left.",
        low=-FARTHEST_ATTRIBUTE,
        high=FARTHEST_ATTRIBUTE,
        shown="{:+.1f}",
        step=0.1,
        needs=frozenset({DIRECTIONS}),
        group="Character",
        default=0.0,
    )


_OF_CONTROLS = {name: parameter for name, parameter in declared(Controls).items() if name not in CONSTRAINTS}
_check = check_of(_OF_CONTROLS)
CONTROLS: Mapping[str, Parameter] = {**_OF_CONTROLS, **CONSTRAINTS}
"""Parameters of `Controls` and its `Constraints` by id, in the order of their fields."""
_OWN = frozenset(Controls.__struct_fields__)
all_but_seed = attrgetter(*sorted(_OWN - {"seed"}))
"""Returns the values of controls besides their seed: equal for takes that differ in nothing else."""


def control(name: str) -> Parameter | None:
    """Return the declaration of a control or of an attribute by its id; None if it is neither."""
    if name.startswith("attribute."):
        return attribute_parameter(name.removeprefix("attribute."))
    return CONTROLS.get(name)


def changed(controls: Controls, **changes: Any) -> Controls:
    """Return controls with some fields changed.

    Fields of `Constraints` may be given by their own names.

    Raises:
        RenderError: a name is unknown or a value out of range.
    """
    for name in changes:
        if name not in _OWN and name not in CONSTRAINTS:
            raise RenderError(
                f"control {name!r} is unknown; the controls are {', '.join(sorted(_OWN | set(CONTROLS)))}"
            )
    inner = {name: value for name, value in changes.items() if name in CONSTRAINTS}
    own = {name: value for name, value in changes.items() if name in _OWN}
    if inner:
        own["constraints"] = replace(own.get("constraints", controls.constraints), **inner)
    return replace(controls, **own)


def value_of(controls: Controls, name: str) -> Any:
    """Return a control's value by the id of its parameter; KeyError if there is none."""
    if name in CONSTRAINTS:
        return getattr(controls.constraints, name)
    if name.startswith("attribute."):
        return dict(controls.attributes).get(name.removeprefix("attribute."), 0.0)
    return getattr(controls, CONTROLS[name].id)


def with_value(controls: Controls, name: str, value: Any) -> Controls:
    """Return controls with one value changed by the id of its parameter.

    A range whose ends would cross moves the other end along.

    Raises:
        RenderError: the name is unknown or the value out of range.
    """
    if name.startswith("attribute."):
        amounts = {**dict(controls.attributes), name.removeprefix("attribute."): value}
        kept = tuple((each, amount) for each, amount in amounts.items() if amount)
        return changed(controls, attributes=kept)
    limits = controls.constraints
    if name == "lowest_pitch" and limits.highest_pitch < CONTROLS[name].check(value):
        return changed(controls, lowest_pitch=value, highest_pitch=value)
    if name == "highest_pitch" and limits.lowest_pitch > CONTROLS[name].check(value):
        return changed(controls, lowest_pitch=value, highest_pitch=value)
    return changed(controls, **{name: value})
