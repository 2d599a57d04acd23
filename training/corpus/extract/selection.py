"""Which tracks of a file are read: by name or by General MIDI program."""

import fnmatch
from dataclasses import dataclass, replace

from training.corpus.extract.reader import Piece, Track
from training.errors import CorpusError


@dataclass(frozen=True, slots=True)
class Selection:
    """What `--tracks` and `--programs` ask for; nothing asked for selects everything."""

    tracks: tuple[str, ...] = ()
    """Patterns of track names as in a shell (`*`, `?`), upper and lower case alike; one must match."""
    programs: tuple[int, ...] = ()
    """General MIDI programs, 0 to 127. Drum tracks have none and are kept."""

    def of(self, piece: Piece) -> Piece:
        """Return the piece with the selected tracks alone."""
        return replace(piece, tracks=tuple(filter(self._has, piece.tracks)))

    def _has(self, track: Track) -> bool:
        name = track.name.lower()
        named = not self.tracks or any(fnmatch.fnmatchcase(name, form.lower()) for form in self.tracks)
        return named and (not self.programs or track.is_drum or track.program in self.programs)


EVERYTHING = Selection()


def parse_programs(text: str) -> tuple[int, ...]:
    """Read `0-7,24` as the programs 0 to 7 and 24.

    Raises:
        CorpusError: it is no such list, or a number is not 0 to 127.
    """
    found: set[int] = set()
    for part in filter(None, text.replace(" ", "").split(",")):
        first, _, last = part.partition("-")
        last = last or first
        if not (first.isdecimal() and last.isdecimal() and int(first) <= int(last) <= 127):
            raise CorpusError(f"programs '{text}': give numbers from 0 to 127 and ranges, as in 0-7,24")
        found.update(range(int(first), int(last) + 1))
    return tuple(sorted(found))
