"""Drum kits: which pitches play which of the nine classes, from the maps their makers publish.

Every kit lists the pitches of each class, the one it is written with first. Sources:

- General MIDI: GM System Level 1, percussion key map (MMA RP-003), as reduced to nine classes by
  MusicVAE's drum models (note-seq, `DEFAULT_DRUM_TYPE_PITCHES`).
- GS and XG: the standard drum sets of Roland's SC-88 and Yamaha's MU90, as named in the MIDNAM files of
  Ardour 7; they add snares, a kick and taps below the General MIDI range.
- Roland TD: a TD-11 as played in the Groove MIDI Dataset (note-seq, `ROLAND_DRUM_PITCH_CLASSES`).
- Addictive Drums 2: XLN Audio's keymap of 2 June 2021, as tabulated by groovebin 0.8; the older map of
  MusE 4.1 agrees.
- EZdrummer and Superior Drummer: General MIDI with Toontrack's hi-hats at 21 to 26 and 60 to 65 and its
  snare strokes at 66 to 71.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cached_property

import msgspec
from msgspec.structs import replace

CLASS_NAMES = (
    "kick",
    "snare",
    "closed hi-hat",
    "open hi-hat",
    "low tom",
    "mid tom",
    "high tom",
    "crash",
    "ride",
)
NO_CLASS = -1
HATS = (2, 3)
BACKBONE = (0, 1, 2, 3, 8)
"""Classes that most of a drummer's hits are of: kick, snare, hats, ride."""
CLEARLY = 0.25
"""A kit is recognised if it finds so much larger a share of backbone in the hits than General MIDI."""
RARELY = 0.05
"""Other kits have other drums at the pitches of General MIDI's hi-hats; they strike them this rarely."""

Pitches = tuple[int, ...]


class DrumKit(msgspec.Struct, frozen=True, dict=True):
    """The pitches of a kit by class."""

    name: str
    """What it is asked for by."""
    label: str
    classes: tuple[Pitches, ...]
    """MIDI pitches of each of the nine classes, the one that is written first; none is in two."""

    @cached_property
    def table(self) -> tuple[int, ...]:
        """The class of each of the 128 MIDI pitches, or -1."""
        by_pitch = {pitch: index for index, pitches in enumerate(self.classes) for pitch in pitches}
        return tuple(by_pitch.get(pitch, NO_CLASS) for pitch in range(128))

    @property
    def exemplars(self) -> Pitches:
        """The pitch each class is written with."""
        return tuple(pitches[0] for pitches in self.classes)

    def led_by(self, played: Iterable[int]) -> "DrumKit":
        """Return the kit writing each class with the pitch of it that was played most, where any was."""
        counts = Counter(played)
        classes = (sorted(pitches, key=lambda pitch: -counts[pitch]) for pitches in self.classes)
        return replace(self, classes=tuple(map(tuple, classes)))


GM_CLASSES: tuple[Pitches, ...] = (
    (36, 35),
    (38, 27, 28, 31, 32, 33, 34, 37, 39, 40, 56, 65, 66, 75, 85),
    (42, 44, 54, 68, 69, 70, 71, 73, 78, 80, 22),
    (46, 67, 72, 74, 79, 81, 26),
    (45, 29, 41, 43, 61, 64, 84),
    (48, 47, 60, 63, 77, 86, 87),
    (50, 30, 62, 76, 83),
    (49, 52, 55, 57, 58),
    (51, 53, 59, 82),
)
ROLAND_CLASSES: tuple[Pitches, ...] = (
    (36,),
    (38, 37, 40),
    (42, 22, 44),
    (46, 26),
    (43, 58),
    (47, 45),
    (50, 48),
    (49, 52, 55, 57),
    (51, 53, 59),
)


def _changed(base: Sequence[Pitches], changes: Mapping[str, Pitches]) -> tuple[Pitches, ...]:
    """Return classes of a base with some pitches moved into other classes, behind those that were there."""
    moved = {pitch for pitches in changes.values() for pitch in pitches}
    return tuple(
        (*(pitch for pitch in pitches if pitch not in moved), *changes.get(name, ()))
        for name, pitches in zip(CLASS_NAMES, base, strict=True)
    )


GM = DrumKit("gm", "General MIDI", GM_CLASSES)
KITS = {
    kit.name: kit
    for kit in (
        GM,
        DrumKit("gs", "Roland GS", _changed(GM_CLASSES, {"snare": (25, 26)})),
        DrumKit(
            "xg",
            "Yamaha XG",
            _changed(
                GM_CLASSES,
                {
                    "kick": (33,),
                    "snare": (*range(15, 33), 34),
                    "low tom": (14,),
                    "mid tom": (13,),
                },
            ),
        ),
        DrumKit("roland", "Roland TD", ROLAND_CLASSES),
        DrumKit(
            "toontrack",
            "EZdrummer and Superior Drummer",
            _changed(
                GM_CLASSES,
                {
                    "kick": (34,),
                    "snare": (33, 66, 67, 68, 69, 70, 71),
                    "closed hi-hat": (21, 22, 61, 62, 63, 64, 65),
                    "open hi-hat": (23, 24, 25, 26, 60),
                },
            ),
        ),
        DrumKit(
            "addictive",
            "Addictive Drums 2",
            (
                (36,),
                (38, 37, 39, 40, 41, 42, 43, 44, 26, 28, 29, 30, 31, 32, 33, 34, 35),
                (49, 48, 50, 51, 52, 53),
                (55, 54, 56, 57, 58, 59),
                (65, 66),
                (67, 68, 69, 70),
                (71, 72),
                (77, 46, 79, 81),
                (60, 45, 61, 62),
            ),
        ),
    )
}
ALIASES = {"ezdrummer": "toontrack", "superior": "toontrack", "td": "roland", "general": "gm"}


def drum_kit(kit: str | DrumKit) -> DrumKit:
    """Return a kit by its name; ValueError for an unknown one."""
    if isinstance(kit, DrumKit):
        return kit
    known = KITS.get(ALIASES.get(kit, kit))
    if known is None:
        raise ValueError(f"drum kit {kit!r}: unknown; choose one of {', '.join((*KITS, *ALIASES))}")
    return known


OTHER_LANE = len(CLASS_NAMES)
"""Lane of drums that are of no class."""


def lane_of(pitch: int) -> int:
    """Return the lane that a General MIDI drum is shown in: its class, or `OTHER_LANE`."""
    known = GM.table[pitch]
    return known if known >= 0 else OTHER_LANE


def kit_of_classes(name: str, classes: Mapping[str, Sequence[int]], base: str | None = None) -> DrumKit:
    """Return a kit that somebody wrote down.

    Args:
        name: what it is called.
        classes: MIDI pitches by class name, the one that is written first.
        base: name of a kit whose other pitches it has too; without it every class must be there.

    Raises:
        ValueError: a class or kit is unknown or missing, or a pitch is no MIDI pitch or in two classes.
    """
    unknown = [key for key in classes if key not in CLASS_NAMES]
    if unknown:
        raise ValueError(f"no drum class {unknown[0]!r}; the classes are {', '.join(CLASS_NAMES)}")
    listed = [pitch for pitches in classes.values() for pitch in pitches]
    for pitch in listed:
        if isinstance(pitch, bool) or not isinstance(pitch, int) or not 0 <= pitch <= 127:
            raise ValueError(f"{pitch!r} is no MIDI pitch; give whole numbers from 0 to 127")
        if listed.count(pitch) > 1:
            raise ValueError(f"pitch {pitch} is in two places; keep it in one class")
    others = drum_kit(base).classes if base is not None else ((),) * len(CLASS_NAMES)
    whole = tuple(
        (*classes.get(key, ()), *(pitch for pitch in pitches if pitch not in listed))
        for key, pitches in zip(CLASS_NAMES, others, strict=True)
    )
    for key, pitches in zip(CLASS_NAMES, whole, strict=True):
        if not pitches:
            raise ValueError(f"class {key!r} has no pitch; give it one, or a base kit that has")
    return DrumKit(name, name, whole)


def recognised(pitches: Sequence[int]) -> DrumKit:
    """Return the kit that drums were most likely played on, General MIDI unless another fits clearly better.

    Another fits if General MIDI finds no hi-hat in them while they have its kick or snare, and the other
    reads a clearly larger share of the hits as kick, snare, hats and ride.

    Args:
        pitches: MIDI pitches of all hits.
    """
    played = Counter(pitches)
    core = any(pitch in played for pitch in (35, 36, 38, 40))
    hats = sum(played[pitch] for pitch in (42, 44, 46))
    if not core or hats > RARELY * len(pitches):
        return GM
    shares = {name: _share(kit, BACKBONE, played) for name, kit in KITS.items()}
    best = max(shares, key=lambda name: (shares[name], name == "gm"))
    fits = _share(KITS[best], HATS, played) > 0 and shares[best] >= shares["gm"] + CLEARLY
    return KITS[best] if fits else GM


def _share(kit: DrumKit, classes: Collection[int], played: Counter[int]) -> float:
    """Return the share of hits, counted by pitch, that a kit reads as some classes."""
    return sum(hits for pitch, hits in played.items() if kit.table[pitch] in classes) / played.total()
