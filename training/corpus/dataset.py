"""A finished corpus, memory-mapped: windows by split, and batches with fresh transpositions."""

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import reason_of
from engine.music.melody import HIGHEST_PITCH, LOWEST_PITCH
from training.config import DataConfig
from training.corpus.augmentation import augmented_drums, further_uniforms, octaves_within
from training.corpus.build.merge import SCHEMA, content_hash
from training.corpus.build.sections import SECTIONS
from training.corpus.build.shards import WORK_FOLDER
from training.corpus.corpus_kinds import Kind, kind_named
from training.corpus.metres import FOUR_FOUR, METRES, Metre, metre_named
from training.corpus.sources import SPLITS
from training.corpus.windows import SEEN_IN_TRAIN, gather, positions
from training.errors import CorpusError


@dataclass(frozen=True, slots=True)
class Corpus:
    """Windows of one length over a corpus. B batch, T steps, S streams.

    A window is known by its id, its row in the window table; ids of a split come from
    `window_ids`, tensors from `batch`.
    """

    path: Path
    kind: Kind
    bars: int
    """Length of every window."""
    info: dict[str, Any]
    """The content of `corpus.json`."""
    data: NDArray[Any]
    """`[N, W]` all steps, memory-mapped."""
    segments: NDArray[np.void]
    """Stretches of one part, see `SEGMENT_DTYPE`."""
    table: NDArray[np.void]
    """One row a window, see `WINDOW_DTYPE`."""

    @staticmethod
    def open(
        path: Path | str,
        bars: int | None = None,
        *,
        kind: str = "",
        division: int | None = None,
        verify: bool = True,
    ) -> "Corpus":
        """Open a corpus for windows of `bars` bars (by default the first length it was built for).

        Args:
            path: folder of the corpus.
            bars: length of the windows.
            kind: what it must hold; empty for anything.
            division: steps a beat that it must have; None for any.
            verify: compare the content with its recorded hash, which reads all of it once.

        Raises:
            CorpusError: no corpus there, another schema, kind or grid, not built for that length, or damaged.
        """
        root = Path(path)
        try:
            corpus = _opened(root, bars, kind, verify)
        except FileNotFoundError as error:
            lacking = Path(error.filename).name
            raise CorpusError(f"{root}: lacks {lacking}; build it again with the same command") from error
        except OSError as error:
            raise CorpusError(
                f"{root}: cannot be read ({reason_of(error)}); name the folder of a corpus"
            ) from error
        except (EOFError, ValueError, KeyError, TypeError) as error:
            reason = " ".join(str(error).split())[:160]
            raise CorpusError(
                f"{root}: is damaged ({reason}); build it again with the same command"
            ) from error

        found = corpus.metre.grid.steps_per_beat
        if division not in (None, found):
            raise CorpusError(
                f"{root}: has {found} steps a beat, the model {division}; build it with "
                f"--division {division}, or train with model.division={found}"
            )
        return corpus

    @property
    def metre(self) -> Metre:
        """The metre of all its bars."""
        return metre_named(self.info["config"].get("metre", FOUR_FOUR.name))

    @property
    def steps(self) -> int:
        """T: steps in a window."""
        return self.bars * self.metre.grid.steps_per_bar

    @property
    def holds_sections_out(self) -> bool:
        """Whether valid and test are sections of pieces that are trained on, and not works of their own."""
        return bool(self.info["windows"][str(self.bars)].get("held_out") == SECTIONS)

    @property
    def sha256(self) -> str:
        """Hash of the corpus's content."""
        return str(self.info["sha256"])

    def window_ids(self, split: str, *, unseen: bool = False) -> NDArray[np.int64]:
        """Return the ids of a split's windows, in file order.

        Args:
            split: `train`, `valid` or `test`.
            unseen: leave out held-out windows flagged as known from training (groove).

        Raises:
            CorpusError: there is no such split.
        """
        if split not in SPLITS:
            raise CorpusError(f"split '{split}': unknown; choose one of {', '.join(SPLITS)}")
        chosen = self.table["split"] == SPLITS.index(split)
        if unseen:
            chosen &= self.table["flags"] & SEEN_IN_TRAIN == 0
        return np.flatnonzero(chosen)

    def spread_ids(self, split: str, count: int, *, unseen: bool = False) -> NDArray[np.int64]:
        """Return up to `count` ids of a split, spread evenly over it."""
        return spread(self.window_ids(split, unseen=unseen), count)

    def windows(self, split: str) -> NDArray[np.void]:
        """Return the table rows `(segment, first, ...)` of a split, aligned with `window_ids`."""
        return self.table[self.window_ids(split)]

    def batch(
        self,
        window_ids: NDArray[np.int64],
        rng: np.random.Generator | None = None,
        transpose: int = 0,
        *,
        uniforms: NDArray[np.float64] | None = None,
    ) -> NDArray[Any]:
        """Return windows as the model's tensor: `int64 [B, T, S]`, or `float32 [B, T, D]`.

        Args:
            window_ids: `[B]` ids.
            rng: draws each example's transposition; without it and `uniforms` nothing is moved.
            transpose: largest shift in semitones either way; only shifts that keep all notes of
                the window within 21 to 108 are drawn, uniformly.
            uniforms: `[B]` numbers in [0, 1) to use in place of `rng`.
        """
        rows = self.table[window_ids]
        if uniforms is None and rng is not None:
            uniforms = rng.random(len(rows))
        if transpose and uniforms is not None:
            return self._presented(rows, shifts_within(rows["low"], rows["high"], transpose, uniforms))
        return self._presented(rows, np.zeros(len(rows), np.int64))

    def training_batch(
        self, window_ids: NDArray[np.int64], data: DataConfig, uniforms: NDArray[np.float64]
    ) -> NDArray[Any]:
        """Return windows as the model's tensor, transposed and changed as `data` says.

        Args:
            window_ids: `[B]` ids.
            data: how far windows are transposed, and what else is changed of them.
            uniforms: `[B]` numbers in [0, 1), which decide for each window what comes of it.
        """
        drummed = data.bars_moved or data.drums_left_out or data.velocity_change
        if not (data.octaves or drummed):
            return self.batch(window_ids, transpose=data.transpose, uniforms=uniforms)
        rows, further = self.table[window_ids], further_uniforms(uniforms)
        low, high = rows["low"].astype(np.int64), rows["high"].astype(np.int64)
        shifts = shifts_within(low, high, data.transpose, uniforms)
        shifts += octaves_within(low + shifts, np.where(high > 0, high + shifts, 0), data.octaves, further)
        window = self._presented(rows, shifts)
        if not drummed:
            return window
        return augmented_drums(window, data, self.metre.grid.steps_per_bar, further)

    def _presented(self, rows: NDArray[np.void], shifts: NDArray[np.int64]) -> NDArray[Any]:
        """Return the windows of table rows `[B]` as the model's tensor, moved by so many semitones."""
        head = rows["head"][:, : self.kind.heads]
        block = gather(self.data, positions(self.segments, rows), self.steps, head)
        tensor = self.kind.present(block, shifts)
        if not self.kind.tells_metre:
            return tensor
        number = np.full((*tensor.shape[:2], 1), list(METRES).index(self.metre.name), tensor.dtype)
        return np.concatenate([tensor, number], axis=2)

    def batches(self, split: str, batch_size: int, *, unseen: bool = False) -> Iterator[NDArray[Any]]:
        """Yield a split once, in order and as it is; the last batch may be smaller."""
        ids = self.window_ids(split, unseen=unseen)
        for start in range(0, len(ids), batch_size):
            yield self.batch(ids[start : start + batch_size])

    def files_of(self, window_ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the number (row in `files.csv`) of the file each window is from. `[B]`"""
        files: NDArray[np.int64] = self.segments["file"][self.table["segment"][window_ids]].astype(np.int64)
        return files


def shifts_within(
    low: NDArray[Any], high: NDArray[Any], transpose: int, uniforms: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Return a shift in semitones for each window `[B]`, uniform over those that stay in range.

    A window without pitches (`high` 0) is not moved.
    """
    down = np.maximum(-transpose, LOWEST_PITCH - low.astype(np.int64))
    up = np.minimum(transpose, HIGHEST_PITCH - high.astype(np.int64))
    shifts = down + np.floor(uniforms * (up - down + 1)).astype(np.int64)
    return np.where(high > 0, shifts, 0)


def _opened(root: Path, bars: int | None, kind: str, verify: bool) -> Corpus:
    info = _info(root, kind)
    built = info["config"]["bars"]
    length = built[0] if bars is None else bars
    holds = info["config"]["kind"]
    if kind and holds != kind:
        raise CorpusError(
            f"{root}: holds {holds}, the model speaks {kind}; name a corpus of that kind, or build one with "
            f"--kind {kind}"
        )
    if length not in built:
        raise CorpusError(
            f"{root}: built for windows of {', '.join(map(str, built))} bars, not {length}; "
            f"build it again with --bars {length}"
        )
    if verify and content_hash(root, built) != info["sha256"]:
        raise CorpusError(f"{root}: is not what was built (its sha256 differs); build it again")
    return Corpus(
        path=root,
        kind=kind_named(holds),
        bars=length,
        info=info,
        data=np.load(root / "steps.npy", mmap_mode="r"),
        segments=np.load(root / "segments.npy"),
        table=np.load(root / f"windows_{length}.npy"),
    )


def _info(root: Path, kind: str) -> dict[str, Any]:
    path = root / "corpus.json"
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        root.stat()  # Python 3.14's exists() says no of a place that cannot be looked at
    if root.exists() and not root.is_dir():
        raise CorpusError(f"{root}: is a file; name the folder of a corpus")
    if not path.is_file():
        if root.is_dir() and any(each.name != WORK_FOLDER for each in root.iterdir()):
            raise CorpusError(f"{root}: holds something else than a corpus; name the folder of one")
        options = f"--kind {kind} -o {root}" if kind else f"-o {root}"
        raise CorpusError(f"{root}: no corpus there; make it: antiphon-train corpus build FOLDER {options}")
    info = json.loads(path.read_text(encoding="utf-8"))
    if info.get("schema") != SCHEMA:
        raise CorpusError(f"{root}: corpus schema {info.get('schema')}, not {SCHEMA}; build it again")
    return dict(info)


def spread(ids: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Take `count` ids spread evenly over a split, so that every work counts."""
    if len(ids) <= count:
        return ids
    return ids[np.linspace(0, len(ids) - 1, count).astype(np.int64)]
