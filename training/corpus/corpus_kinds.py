"""The kinds of corpora: how each is extracted, stored, judged and compared."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.music.drums import CLASSES
from training.corpus import fingerprints, to_model_tensor
from training.corpus.extract import accompaniments, drum_tracks, melodies, pianorolls, trios, words
from training.corpus.extract.reader import Piece
from training.corpus.extract.streams import OFF_GRID, POLYPHONIC, Segment
from training.corpus.metres import Metre
from training.corpus.sources import SourceFile
from training.errors import CorpusError

Block = NDArray[Any]
"""`[n, T, W]` windows in the stored form, with held notes put at their first step."""
Extract = Callable[[Piece, SourceFile, Metre], list[Segment]]
Bounds = Callable[[Block], tuple[NDArray[np.uint8], NDArray[np.uint8]]]
Present = Callable[[Block, NDArray[np.int64]], NDArray[Any]]
Fingerprint = Callable[[Block], NDArray[np.uint64]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of corpus. W is `width`, H `heads`."""

    name: str
    """Name of the representation it serves."""
    dtype: str
    """Of the stored steps."""
    width: int
    """Values stored a step."""
    heads: int
    """How many of the first columns are melody tokens, which transpose and hold over bar lines."""
    fault_marks: int
    """Marks of an onset that counts as a fault; 0 where the kind has none."""
    max_fault_share: float
    """A window is dropped if a larger share of its onsets is faulty."""
    extract: Extract
    bounds: Bounds
    """Lowest and highest pitch of each window `[n]`, 0 and 0 where nothing is pitched."""
    fingerprint: Fingerprint
    """Equal for windows that are the same up to transposition. `[n]`"""
    present: Present
    """From stored windows and shifts in semitones to the model's tensor."""
    default_bars: tuple[int, ...]
    """Window lengths where none is asked for."""
    tells_metre: bool = False
    """Whether the tensor has the number of the metre in `METRES` as one more column."""
    loose_fingerprint: Fingerprint | None = None
    """A coarser one: held-out windows that match a training window are flagged, not removed."""


_ALL = (
    Kind(
        name="melody",
        dtype="uint8",
        width=1,
        heads=1,
        fault_marks=OFF_GRID | POLYPHONIC,
        max_fault_share=0.1,
        extract=melodies.melody_segments,
        bounds=fingerprints.token_bounds(1),
        fingerprint=fingerprints.token_fingerprint(1),
        present=to_model_tensor.present_tokens(1),
        default_bars=(2, 4, 16),
    ),
    Kind(
        name="words",
        dtype="uint16",
        width=4,
        heads=1,
        fault_marks=OFF_GRID | POLYPHONIC,
        max_fault_share=0.1,
        extract=words.words_segments,
        bounds=fingerprints.words_bounds,
        fingerprint=fingerprints.words_fingerprint,
        present=to_model_tensor.present_words,
        tells_metre=True,
        default_bars=(2, 16),
    ),
    Kind(
        name="drums",
        dtype="uint16",
        width=1,
        heads=0,
        fault_marks=0,
        max_fault_share=0.0,
        extract=drum_tracks.drums_segments,
        bounds=fingerprints.no_bounds,
        fingerprint=fingerprints.plain_fingerprint,
        present=to_model_tensor.present_tokens(0),
        default_bars=(2, 4),
    ),
    Kind(
        name="groove",
        dtype="int16",
        width=2 * CLASSES,
        heads=0,
        fault_marks=0,
        max_fault_share=0.0,
        extract=drum_tracks.groove_segments,
        bounds=fingerprints.no_bounds,
        fingerprint=fingerprints.plain_fingerprint,
        present=to_model_tensor.present_groove,
        default_bars=(2, 4),
        loose_fingerprint=fingerprints.hits_fingerprint,
    ),
    Kind(
        name="trio",
        dtype="uint16",
        width=3,
        heads=2,
        fault_marks=OFF_GRID | POLYPHONIC,
        max_fault_share=0.1,
        extract=trios.trio_segments,
        bounds=fingerprints.token_bounds(2),
        fingerprint=fingerprints.token_fingerprint(2),
        present=to_model_tensor.present_tokens(2),
        default_bars=(16,),
    ),
    Kind(
        name="accompaniment",
        dtype="uint16",
        width=accompaniments.WIDTH,
        heads=0,
        fault_marks=0,
        max_fault_share=0.0,
        extract=accompaniments.accompaniment_segments,
        bounds=fingerprints.accompaniment_bounds,
        fingerprint=fingerprints.accompaniment_fingerprint,
        present=to_model_tensor.present_accompaniment,
        default_bars=(2,),
    ),
    Kind(
        name="pianoroll",
        dtype="uint8",
        width=pianorolls.PACKED_KEYS,
        heads=0,
        fault_marks=OFF_GRID,
        max_fault_share=0.25,
        extract=pianorolls.pianoroll_segments,
        bounds=pianorolls.pianoroll_bounds,
        fingerprint=pianorolls.pianoroll_fingerprint,
        present=pianorolls.present_pianoroll,
        default_bars=(4, 8),
    ),
)
KINDS: Mapping[str, Kind] = {kind.name: kind for kind in _ALL}


def kind_named(name: str) -> Kind:
    """Return a kind.

    Raises:
        CorpusError: the name is unknown.
    """
    if name not in KINDS:
        raise CorpusError(f"kind '{name}': unknown; choose one of {', '.join(sorted(KINDS))}")
    return KINDS[name]
