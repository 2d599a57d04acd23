"""Which tracks of a file make the parts that a model takes, and why."""

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from engine.errors import MidiFileError
from engine.midifile.song import Song, Track
from engine.music.notes import BASS_CHANNEL, DRUM_CHANNEL, MELODY_CHANNEL

MELODY_NAMES = (
    r"melod|vocal|\bvox\b|voice|voix|stimme\b|gesang|chant\b|canto\b|\bsing|\blead\b|\btune\b",
    r"\b(soprano?|tenore?|contralto|alto|baritone?)\b(?!.*(sax|trom|horn|clar))",
    r"\bsolo\b|principal",
    r"violin[eo]? *(1|i)\b",
)
"""Words in track names, the surest first."""
BASS_NAMES = r"bass(?!oon|et| *drum)|\bbajo\b|\bbaixo\b"
BASS_PROGRAMS = range(32, 40)
"""General MIDI basses, counted from 0."""
HAND_NAMES = (
    r"\bright|\brh\b|\br\.? ?h\.|rechts|rechte|droite|derecha|destra",
    r"\bleft|\blh\b|\bl\.? ?h\.|links|linke|gauche|izquierda|sinistra",
)
"""Words in the names of tracks of a right and of a left hand."""
PIANO_NAMES = r"piano|klavier|keyboard|\bkeys\b|\bpno\b|flügel|clavier|tasti"
PIANO_PROGRAMS = range(0, 8)
"""General MIDI pianos, counted from 0."""
UNPITCHED_PROGRAMS = frozenset({47, *range(112, 128)})
"""Timpani, percussive instruments and sound effects."""
SINGLE_LINE = 0.7
"""Share of notes that start after the one before has ended, from which a track is a single line."""
OVERLAP_BEATS = 0.125
"""Legato players let notes overlap by so much."""
FEW_NOTES = 4
"""Fewer notes are no part where another track has twice as many."""
HIGHEST_BASS = 55.0
"""A line of a higher mean pitch (G3) is no bass unless its name or program says so."""
TRIO_CHANNELS = {"melody": MELODY_CHANNEL, "bass": BASS_CHANNEL, "drums": DRUM_CHANNEL}
"""Parts of a trio and the channels of its representation."""
LISTED = 8
"""A line names so many tracks at most."""


class Chosen(NamedTuple):
    """Tracks that make one part, and why they were taken."""

    tracks: tuple[Track, ...]
    why: str

    @property
    def label(self) -> str:
        """What the tracks are called."""
        more = len(self.tracks) - LISTED
        return _listed(self.tracks) + (f" and {more} more" if more > 0 else "")


# Tracks -------------------------------------------------------------------------------------


def choose_melody(song: Song) -> Chosen:
    """Choose by name, else the highest of the single lines; MidiFileError if nothing is pitched."""
    return _melody(_pitched_of(song, "no melody"), "the only pitched track")


def choose_pitched(song: Song) -> Chosen:
    """Choose all tracks that one player could have at a piano; MidiFileError if nothing is pitched."""
    tracks = tuple(_pitched_of(song, "nothing for a piano"))
    return Chosen(tracks, "the only pitched track" if len(tracks) == 1 else "all pitched tracks together")


def choose_piano(song: Song) -> Chosen:
    """Choose what one player plays with both hands: two hands by name, a piano, or the busiest with chords.

    Raises:
        MidiFileError: nothing is pitched.
    """
    tracks = _pitched_of(song, "nothing for a piano")
    right, left = ([t for t in tracks if re.search(words, t.name.casefold())] for words in HAND_NAMES)
    if right and left:
        return Chosen(tuple(t for t in tracks if t in right or t in left), "both hands by their names")
    named = [track for track in tracks if re.search(PIANO_NAMES, track.name.casefold())]
    if named:
        return Chosen(tuple(named), "by its name" if len(named) == 1 else "by their names")
    pianos = [track for track in tracks if track.program in PIANO_PROGRAMS]
    for among in (pianos, tracks) if len(tracks) > 2 else ():
        chordal = [track for track in _busy(among) if single_line(track) < SINGLE_LINE]
        if chordal:
            return Chosen((max(chordal, key=len),), "the busiest with chords")
    return choose_pitched(song)


def choose_drums(song: Song) -> Chosen:
    """Choose all tracks on the drum channel; MidiFileError if there is none on channel 10."""
    drums = _drums(song)
    if drums is None:
        named = [track.label for track in song.tracks if "drum" in track.name.casefold()]
        remedy = f"name the track to take, perhaps {named[0]}" if named else "name the track to take"
        raise MidiFileError(f"{song.name}: no track on the drum channel 10; {remedy}")
    return drums


def choose_trio(song: Song, wanted: str | None = None) -> dict[str, Chosen]:
    """Choose the melody, the bass and the drums of a song, as far as it has them.

    Args:
        song: one that has notes.
        wanted: parts to take as they are named (`melody=2,bass=Low strings`, by number or name); a
            track alone is taken for what it looks like. The others are chosen among what is left.

    Returns:
        The parts that there are, one or more, by their names in `TRIO_CHANNELS`.

    Raises:
        MidiFileError: the song has no notes, or no such part or track.
    """
    if not song.tracks:
        raise MidiFileError(f"{song.name}: no notes; choose a file with a melody, a bass or drums")
    named = _named_parts(song, wanted) if wanted else {}
    taken = [track for chosen in named.values() for track in chosen.tracks]
    left = [track for track in pitched(song) if track not in taken]
    others = [track for track in left if not _is_bass(track)]
    only = "the only pitched track" if len(left) == 1 else "the only one that is no bass"
    melody = named.get("melody") or (_melody(others, only) if others else None)
    parts = {
        "melody": melody,
        "bass": named.get("bass") or _bass(left, melody),
        "drums": named.get("drums") or _drums(song),
    }
    return {name: chosen for name, chosen in parts.items() if chosen}


def pitched(song: Song) -> list[Track]:
    """Return the tracks of pitched instruments; where all the programs are odd, all but the drums."""
    tracks = [track for track in song.tracks if not track.is_drum]
    return [track for track in tracks if track.program not in UNPITCHED_PROGRAMS] or tracks


def _pitched_of(song: Song, lack: str) -> list[Track]:
    tracks = pitched(song)
    if not tracks:
        what = "only drums" if song.tracks else "no notes"
        raise MidiFileError(f"{song.name}: {what}, {lack}; choose a file with a pitched track")
    return tracks


def _melody(tracks: Sequence[Track], only: str) -> Chosen:
    """Choose the melody of one or more tracks; `only` is why a single one is taken."""
    if len(tracks) == 1:
        return Chosen((tracks[0],), only)
    for words in MELODY_NAMES:
        named = [track for track in tracks if re.search(words, track.name.casefold())]
        if len(named) > 1 and len({track.chunk for track in named}) == 1:
            return _highest_line(
                named
            )  # the channels of one chunk share its name, which says nothing of them
        if named:
            surest = max(_busy(named), key=lambda track: (single_line(track), len(track)))
            return Chosen((surest,), "by its name")
    return _highest_line(tracks)


def _highest_line(tracks: Sequence[Track]) -> Chosen:
    busy = _busy(tracks)
    lines = [track for track in busy if single_line(track) >= SINGLE_LINE]
    highest = max(lines or busy, key=_mean_pitch)
    return Chosen((highest,), "the highest single line" if lines else "the highest track")


def _bass(tracks: Sequence[Track], melody: Chosen | None) -> Chosen | None:
    """Choose by name or program, else the lowest single line if it is low and below the melody."""
    basses = [track for track in tracks if _is_bass(track)]
    if basses:
        bass = max(basses, key=lambda track: (single_line(track) >= SINGLE_LINE, len(track)))
        return Chosen((bass,), "by its name" if _has_bass_name(bass) else "by its program")
    if melody is None:
        return None
    ceiling = min(HIGHEST_BASS, *(_mean_pitch(track) for track in melody.tracks))
    low = [track for track in _busy(tracks) if _mean_pitch(track) < ceiling]
    low = [track for track in low if single_line(track) >= SINGLE_LINE]
    return Chosen((min(low, key=_mean_pitch),), "the lowest single line") if low else None


def _drums(song: Song) -> Chosen | None:
    drums = tuple(track for track in song.tracks if track.is_drum)
    if not drums:
        return None
    return Chosen(drums, "the only drum track" if len(drums) == 1 else "all drum tracks together")


def _is_bass(track: Track) -> bool:
    """Return whether name or program says bass."""
    lead = any(re.search(words, track.name.casefold()) for words in MELODY_NAMES)
    return _has_bass_name(track) or (track.program in BASS_PROGRAMS and not lead)


def _has_bass_name(track: Track) -> bool:
    return re.search(BASS_NAMES, track.name.casefold()) is not None


def _busy(tracks: Sequence[Track]) -> list[Track]:
    """Return the tracks that have more than a few notes beside the busiest."""
    most = max((len(track) for track in tracks), default=0)
    return [track for track in tracks if len(track) >= min(max(most / 10, FEW_NOTES), most // 2 + 1)]


def _mean_pitch(track: Track) -> float:
    return float(np.mean(track.pitch))


def single_line(track: Track) -> float:
    """Return the share of notes that start when the one before has ended, 1 for a pure melody."""
    if len(track) < 2:
        return 1.0
    starts, ends = track.start_ticks, track.release_ticks
    overlap = np.minimum(int(OVERLAP_BEATS * track.ppq), (ends - starts)[:-1] // 2)
    free = starts[1:] >= ends[:-1] - overlap
    return float(np.mean(free))


# Tracks by name -----------------------------------------------------------------------------


def find_track(song: Song, wanted: str) -> Chosen:
    """Find a track by its number in the file, its name, or its channel (`channel 3`).

    Raises:
        MidiFileError: there is none, or the name means several; the line lists them.
    """
    name = wanted.strip().casefold()
    channel = re.fullmatch(r"(?:ch(?:annel)? *)?(\d+)", name)
    for matches in (
        [track for track in song.tracks if str(track.chunk + 1) == name],
        [track for track in song.tracks if track.name.casefold() == name],
        [track for track in song.tracks if channel and track.channel + 1 == int(channel[1])],
        [track for track in song.tracks if name and name in track.name.casefold()],
    ):
        if len(matches) == 1:
            return Chosen((matches[0],), "as asked")
        if matches:
            raise MidiFileError(f"{song.name}: {wanted!r} means {_listed(matches)}; {_one_of(matches)}")
    there = _listed(song.tracks) or "none with notes"
    raise MidiFileError(f"{song.name}: no track {wanted!r}; there are: {there}")


def _listed(tracks: Sequence[Track]) -> str:
    return ", ".join(track.label for track in tracks[:LISTED])


def _one_of(matches: Sequence[Track]) -> str:
    if len({track.chunk for track in matches}) == len(matches):
        return "name one of them by its number"
    return f"name one of them by its channel, as in 'channel {matches[0].channel + 1}'"


def _named_parts(song: Song, wanted: str) -> dict[str, Chosen]:
    """Read `melody=2,bass=Low strings,drums=10`; a track alone is taken for what it looks like."""
    named: dict[str, Chosen] = {}
    for piece in re.split(r",(?=\s*\w+\s*=)", wanted):
        before, equals, after = piece.partition("=")
        chosen = find_track(song, after) if equals else find_track(song, piece)
        part = before.strip().casefold() if equals else _part_of(chosen.tracks[0])
        _check_part(song, part, chosen.tracks[0], named)
        named[part] = chosen
    return named


def _part_of(track: Track) -> str:
    return "drums" if track.is_drum else "bass" if _is_bass(track) else "melody"


def _check_part(song: Song, part: str, track: Track, named: dict[str, Chosen]) -> None:
    if part not in TRIO_CHANNELS:
        raise MidiFileError(
            f"{song.name}: no part {part!r} in a trio; name melody, bass or drums, "
            "as in --track melody=2,bass=3,drums=10"
        )
    if part in named:
        raise MidiFileError(f"{song.name}: the {part} is named twice; name one track for each part")
    if track.is_drum and part != "drums":
        raise MidiFileError(f"{song.name}: {track.label} is on the drum channel, no {part}; name another")
