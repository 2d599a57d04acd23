"""What an answer may not do: key, scale, range, what is kept of the source or locked, how busy it is."""

from collections.abc import Mapping
from typing import Annotated

import msgspec

from engine.errors import RenderError
from engine.inference.features import LIMITS, NOTES_TO_KEEP, PITCHES, RHYTHM_TO_KEEP
from engine.music.grid import EARLY_BEATS
from engine.music.notes import DRUM_CHANNEL, Note
from engine.music.scales import KEYS, PITCH_NAMES, SCALES
from engine.parameter import Choice, Number, Parameter, Toggle, Whole, check_of, declared


class Constraints(msgspec.Struct, frozen=True, kw_only=True):
    """What the answer may not do. Hard ones hold even at variation 0; `density` only leans."""

    key: Annotated[
        str | None,
        Choice(
            label="Key",
            key="K",
            values=(None, *KEYS),
            words={None: "any key"},
            needs=frozenset({LIMITS, PITCHES}),
            group="Limits",
            help="Let the answer use the notes of a key alone; what was played is moved to its nearest ones.",
        ),
    ] = None
    scale: Annotated[
        str,
        Choice(
            label="Scale",
            key="S",
            values=tuple(SCALES),
            needs=frozenset({LIMITS, PITCHES}),
            group="Limits",
            help="Which notes the key has; choose a key first.",
        ),
    ] = "major"
    in_key: Annotated[
        bool,
        Toggle(
            label="In key",
            key="I",
            needs=frozenset({LIMITS, PITCHES}),
            group="Limits",
            help="Where no key is chosen, keep the answer in the key of what was played; your own notes are "
            "always allowed.",
        ),
    ] = True
    follow_chords: Annotated[
        float,
        Number(
            label="Follow chords",
            needs=frozenset({LIMITS, PITCHES}),
            group="Limits",
            help="How firmly the notes on the beats belong to the chords, where chords are known: 0 not at "
            "all, 1 altogether. The scale follows the chords too.",
        ),
    ] = 0.5
    lowest_pitch: Annotated[
        int,
        Whole(
            label="Lowest note",
            words=PITCH_NAMES,
            needs=frozenset({LIMITS, PITCHES}),
            group="Limits",
            help="No note of the answer is lower.",
        ),
    ] = 0
    highest_pitch: Annotated[
        int,
        Whole(
            label="Highest note",
            words=PITCH_NAMES,
            needs=frozenset({LIMITS, PITCHES}),
            group="Limits",
            help="No note of the answer is higher.",
        ),
    ] = 127
    keep_rhythm: Annotated[
        bool,
        Toggle(
            label="Keep rhythm",
            key="R",
            needs=frozenset({RHYTHM_TO_KEEP}),
            group="Limits",
            help="Notes stay when you played them; only which notes they are changes.",
        ),
    ] = False
    keep_pitches: Annotated[
        bool,
        Toggle(
            label="Keep notes",
            key="P",
            needs=frozenset({NOTES_TO_KEEP}),
            group="Limits",
            help="Only notes (or drums) you played; when they come may change.",
        ),
    ] = False
    density: Annotated[
        float,
        Number(
            label="Busyness",
            low=-1.0,
            shown="{:+.0%}",
            needs=frozenset({LIMITS}),
            group="Limits",
            help="Lean towards more notes or fewer at every step, without moving in the model's latent "
            "space; what Variation 0 holds stays.",
        ),
    ] = 0.0

    def __post_init__(self) -> None:
        _check(self)
        if self.lowest_pitch > self.highest_pitch:
            raise RenderError(
                f"lowest_pitch {self.lowest_pitch} lies above highest_pitch {self.highest_pitch}"
            )

    def allows(self, pitch: int) -> bool:
        """Return whether key, scale and range admit a MIDI pitch."""
        if not self.lowest_pitch <= pitch <= self.highest_pitch:
            return False
        return self.key is None or (pitch - KEYS.index(self.key)) % 12 in SCALES[self.scale]


CONSTRAINTS: Mapping[str, Parameter] = declared(Constraints)
"""Parameters of `Constraints` by id, in the order of its fields."""
_check = check_of(CONSTRAINTS)

UNCONSTRAINED = Constraints()


LAST_BEAT = 1e6
"""Beyond the end of any phrase: five days at 120 BPM."""


class Lock(msgspec.Struct, frozen=True, order=True):
    """A part of a phrase that new takes keep: what begins in a span of time, or some of it.

    With all pitches, lanes and channels it holds everything, else either pitches or drum lanes.
    """

    start_beats: float
    """From the start of the phrase."""
    end_beats: float
    lowest_pitch: int = 0
    highest_pitch: int = 127
    lanes: tuple[int, int] | None = None
    """First and last lane of the drums that it holds, as `kits.lane_of` counts them; None for none."""
    channel: int | None = None
    """Of the voice whose pitches it holds; None for those of all voices."""

    def __post_init__(self) -> None:
        if not 0 <= self.start_beats < self.end_beats <= LAST_BEAT:
            raise RenderError(f"a lock from beat {self.start_beats:g} to {self.end_beats:g} holds nothing")
        if not 0 <= self.lowest_pitch <= self.highest_pitch <= 127:
            raise RenderError(f"a lock of pitches {self.lowest_pitch} to {self.highest_pitch} holds nothing")
        if self.lanes is not None and not 0 <= self.lanes[0] <= self.lanes[1]:
            raise RenderError(f"a lock of drum lanes {self.lanes[0]} to {self.lanes[1]} holds nothing")

    @property
    def all_pitches(self) -> bool:
        """Whether everything that begins in the span is held."""
        whole = (self.lowest_pitch, self.highest_pitch) == (0, 127)
        return whole and self.lanes is None and self.channel is None

    def holds(self, note: Note) -> bool:
        """Return whether a note begins in it; one up to half a step early counts to what it is early for."""
        early = float(EARLY_BEATS)
        begins = self.start_beats - early < note.start_beats < self.end_beats - early
        return begins and (self.all_pitches or self.is_of(note))

    def is_of(self, note: Note) -> bool:
        """Return whether a note is of the drums, or of the pitches and the voice, that it holds."""
        if note.channel == DRUM_CHANNEL:
            from engine.music.kits import lane_of  # numpy, which a command's --help does without

            return self.lanes is not None and self.lanes[0] <= lane_of(note.pitch) <= self.lanes[1]
        in_reach = self.lowest_pitch <= note.pitch <= self.highest_pitch
        return self.lanes is None and in_reach and self.channel in (None, note.channel)
