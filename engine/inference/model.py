"""A bundle's graphs, ready to run, and which form of them was chosen.

A session runs on whatever thread calls it and releases the interpreter while it computes. It must
never be called on the thread that plays.
"""

import time
from collections.abc import Callable
from copy import copy
from typing import Any, TypeVar

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec.structs import replace

from engine.errors import BundleError, RenderError
from engine.inference.bundle.manifest import Precision
from engine.inference.bundle.metres import bundle_in
from engine.inference.bundle.store import Bundle, load_bundle
from engine.inference.controls import Mode
from engine.inference.graphs import (
    CPU,
    SILENT,
    Floats,
    GraphOpener,
    Graphs,
    check_outputs,
    check_shape,
    dummy_inputs,
    dummy_run,
    nothing_given,
    within_range,
)
from engine.inference.runtime import CUDA, onnxruntime
from engine.inference.word_by_word import decode_words, encode_words, narrowed, of_words, widened
from engine.modes.catalogue import modes_of
from engine.music.accompaniment import AccompanimentRepresentation
from engine.music.drums import DrumsRepresentation
from engine.music.groove import GrooveRepresentation
from engine.music.kits import DrumKit
from engine.music.metre import Metre, nearest
from engine.music.metre_fit import fit_of
from engine.music.notes import Phrase
from engine.music.representation import Representation
from engine.music.trio import TrioRepresentation
from engine.music.triplets import felt_metre
from engine.text import one_line

ACCELERATORS = (CUDA, "CoreMLExecutionProvider", "DmlExecutionProvider")
"""Tried besides the CPU, with the float graphs, where onnxruntime was built with them."""
SWITCH_GAIN = 0.75
"""An alternative must take less than this share of the time of the one before it, so that noise
in the measurement does not make the same machine choose differently from day to day."""
MEASURED_RUNS = 5
"""On a loaded machine nine choose no steadier, and take a tenth of the time until a model is loaded."""

_Result = TypeVar("_Result")


class Timing(msgspec.Struct, frozen=True):
    """One form of the model at batch 1: the best of a few runs, since other programs only add time."""

    provider: str
    precision: Precision
    encode_ms: float
    decode_ms: float
    refused: str = ""
    """Why it could not be used; empty if it could. Its times are 0 then."""

    @property
    def total_ms(self) -> float:
        """Encode and decode together."""
        return self.encode_ms + self.decode_ms


class Choice(msgspec.Struct, frozen=True):
    """The form in use, and all that were tried, in order."""

    used: Timing
    tried: tuple[Timing, ...]


class Model:
    """A loaded bundle. `encode` and `decode` may be called from any thread.

    Results depend on the bundle, the precision and the inputs only; int8 and float differ slightly.
    """

    def __init__(self, bundle: Bundle, graphs: Graphs, choice: Choice) -> None:
        self.bundle = bundle
        self.choice = choice
        self._graphs = graphs
        self._representation = bundle.representation
        self._bpm = 0.0
        """Tempo of the music, for a model conditioned on it; 0 where it is not known."""
        self._in_metres: dict[Metre, Model] = {}
        """The same model in further metres, as far as they were asked for."""

    @staticmethod
    def load(
        bundle: Bundle | str,
        precision: Precision | None = None,
        provider: str | None = None,
        threads: int = 1,
    ) -> "Model":
        """Load a bundle's graphs, measure the forms that can run here, and keep the fastest.

        Args:
            bundle: a verified bundle, or where it is.
            precision: force `float` or `int8`.
            provider: force an execution provider by onnxruntime's name.
            threads: threads within one operator; more than one only pays on an idle machine.

        Raises:
            BundleError: the bundle is not usable, or what was forced is not available.
        """
        if not isinstance(bundle, Bundle):
            bundle = load_bundle(bundle)
        if threads < 1:
            raise BundleError(f"{bundle.path}: threads {threads} is not 1 or more")
        onnxruntime.set_default_logger_severity(SILENT)
        return _fastest(bundle, _candidates(bundle, precision, provider), threads)

    @property
    def name(self) -> str:
        """The bundle's name."""
        return self.bundle.manifest.name

    @property
    def representation(self) -> Representation:
        """Between phrases and this model's tensors."""
        return self._representation

    def with_kit(self, kit: DrumKit) -> "Model":
        """Return the same model reading and writing drums by another kit; one without drums is itself."""
        if not isinstance(
            self._representation,
            DrumsRepresentation | GrooveRepresentation | TrioRepresentation | AccompanimentRepresentation,
        ):
            return self
        other = copy(self)
        other._representation = replace(self._representation, kit=kit)
        return other

    def at_tempo(self, bpm: float) -> "Model":
        """Return the same model for music of so many beats a minute; another model is itself."""
        if bpm == self._bpm or "tempo" not in self.bundle.manifest.conditions:
            return self
        other = copy(self)
        other._bpm, other._in_metres = bpm, {}
        return other

    @property
    def metres(self) -> tuple[Metre, ...]:
        """Metres whose bars it knows; the first is its usual one."""
        return self.bundle.manifest.known_metres

    def in_metre(self, metre: Metre) -> "Model":
        """Return the model for music in a metre: in bars of that one, or of the nearest it knows."""
        own = nearest(metre, self.metres)
        if own == self._representation.grid.metre:
            return self
        if own not in self._in_metres:
            other = copy(self)
            other.bundle = bundle_in(self.bundle, own)
            other._representation = other.bundle.representation
            self._in_metres[own] = other
        return self._in_metres[own]

    def for_phrase(self, phrase: Phrase) -> "Model":
        """Return the model for a phrase: in the metre that it is felt in, else in the one that is written."""
        felt = self.in_metre(felt_metre(phrase))
        return felt if fit_of(felt.representation, phrase).triplets else self.in_metre(phrase.metre)

    @property
    def bars(self) -> int:
        """Bars it takes and returns."""
        return self.bundle.representation.bars

    @property
    def modes(self) -> tuple[Mode, ...]:
        """What it can be asked for; the first is the usual one."""
        manifest = self.bundle.manifest
        return modes_of(manifest.task, manifest.sentence is not None)

    def encode(self, x: npt.NDArray[Any]) -> tuple[Floats, Floats]:
        """Encode a batch.

        Args:
            x: `int64 [B, T, S]` tokens (or `float32 [B, T, D]`); of any T for a continuation, of any number
                of words where the bundle takes them one by one.

        Returns:
            `mu` and `sigma` (a standard deviation), `float32 [B, Z]` each.

        Raises:
            RenderError: the shape does not fit or the model failed.
        """
        spec, steps = self.bundle.manifest.encoder.inputs[0], x.shape[1] if x.ndim == 3 else 0
        if not self.bundle.manifest.by_word:
            check_shape(self.name, x, spec, len(x))
            mu, sigma = self._guard("encode", lambda: self._graphs.encode(x))
        else:
            word = int(spec.shape[1])
            check_shape(self.name, x, of_words(spec, max(1, steps // word)), len(x))
            mu, sigma = self._guard("encode", lambda: encode_words(self._graphs.encode, x, word))
        if not (np.isfinite(mu).all() and np.isfinite(sigma).all()):
            raise RenderError(f"{self.name}: the encoder returned a value that is not a number")
        return mu, sigma

    def decode(
        self,
        z: Floats,
        perturbation: Floats,
        chords: Floats | None = None,
        before: npt.NDArray[np.int64] | None = None,
        heard: Floats | None = None,
        **further: npt.NDArray[Any] | None,
    ) -> npt.NDArray[Any]:
        """Decode a batch.

        Args:
            z: `float32 [B, Z]`.
            perturbation: `float32 [T, B, V]`, added to the logits before the choice at each step;
                of any length for a continuation, and of as many words as `z`.
            chords: `float32 [B, beats, 12]`, 1 for the pitch classes of each beat's chord; None, as
                zeros, for none known. A model without that condition does not listen to it.
            before: `int64 [B, M]` tokens of the bar before, None, as -1, for none; likewise.
                `[B, M, S]` where there are several streams.
            heard: `float32 [B, T, D]` what a continuation follows, None for nothing; likewise.
            further: other conditions by name, see `graph_specs`; likewise.

        Returns:
            `int64 [T, B, S]` tokens (or `float32 [T, B, D]`).

        Raises:
            RenderError: a shape does not fit or the model failed.
        """
        given = {"z": z, "perturbation": perturbation, "chords": chords, "before": before, "heard": heard}
        given |= further
        if "metre" in self.bundle.manifest.conditions:
            place = self.metres.index(self._representation.grid.metre)
            given["metre"] = np.full(len(z), place, np.int64)
        given.setdefault("tempo", np.full(len(z), self._bpm, np.float32))
        feeds, words = {}, 1
        if self.bundle.manifest.by_word:
            words = max(1, z.shape[-1] // int(self.bundle.manifest.decoder.inputs[0].shape[1]))
        for one in self.bundle.manifest.decoder.inputs:
            spec, array = of_words(one, words), given.get(one.name)
            steps = 0 if spec.name == "heard" else len(perturbation)
            feeds[spec.name] = nothing_given(spec, len(z), steps) if array is None else array
            check_shape(self.name, feeds[spec.name], spec, len(z))
        tokens = self._guard("decode", lambda: decode_words(self._graphs.decode, feeds, words))
        if not within_range(tokens, self.bundle.manifest.streams):
            raise RenderError(f"{self.name}: the decoder wrote a value that its music does not have")
        return tokens

    def next_word(self, words: Floats) -> dict[str, Floats]:
        """Return what the word after `words` `[N, F]` may be; see `engine.inference.sentences`.

        Raises:
            RenderError: the bundle has no graph of sentences, or it failed.
        """
        spec, graph = self.bundle.manifest.sentence, self._graphs.sentence
        if spec is None or graph is None:
            raise RenderError(f"{self.name}: knows nothing of sentences; choose another model")
        names = [output.name for output in spec.outputs]
        read_beats, beats = int(spec.outputs[names.index("kept")].shape[2]) // 2, self._word_beats()
        rows = np.zeros((1, 1 + len(words), int(spec.inputs[0].shape[2])), np.float32)  # 0: the start
        if len(words):
            rows[0, 1:] = widened(words, beats, read_beats)
        outputs = self._guard("sentence", lambda: graph.run(names, {"words": rows}))
        if not all(np.isfinite(output).all() for output in outputs):
            raise RenderError(f"{self.name}: the next word came out with a value that is not a number")
        found = {name: output[0] for name, output in zip(names, outputs, strict=True)}
        return {**found, "kept": narrowed(found["kept"], beats, read_beats)}

    def _word_beats(self) -> int:
        layout = self.bundle.manifest.latent_layout
        assert layout is not None  # `check_specs` saw that it goes with `sentence`
        return layout.beats

    def warm_up(self, batch_sizes: tuple[int, ...]) -> None:
        """Run once at each batch size, since a first run takes two to three times as long."""
        for size in batch_sizes:
            dummy_run(self.bundle, self._graphs, size)

    def _guard(self, what: str, run: Callable[[], _Result]) -> _Result:
        try:
            return run()
        except Exception as error:  # onnxruntime raises RuntimeError, ValueError and types of its own
            raise RenderError(f"{self.name}: {what} failed ({one_line(error)})") from error


def _candidates(
    bundle: Bundle, precision: Precision | None, provider: str | None
) -> list[tuple[str, Precision]]:
    """List what to try: float on the CPU first, as it is exact and always there; the others must be
    clearly faster. 8-bit graphs hold operators for the CPU only."""
    available = onnxruntime.get_available_providers()
    if provider is not None and provider not in available:
        raise BundleError(f"provider {provider!r} is not in this onnxruntime; it has {', '.join(available)}")
    if precision is not None:
        bundle.graph_names(precision)
    pairs: list[tuple[str, Precision]] = [(CPU, form) for form in reversed(bundle.precisions)]
    pairs += [(name, "float") for name in ACCELERATORS if name in available]
    if provider is not None and precision is not None:
        return [(provider, precision)]
    if provider is not None and provider not in {name for name, _ in pairs}:
        return [(provider, "float")]
    return [(name, form) for name, form in pairs if provider in (None, name) and precision in (None, form)]


def _fastest(bundle: Bundle, candidates: list[tuple[str, Precision]], threads: int) -> Model:
    tried: list[Timing] = []
    opener = GraphOpener(bundle, threads)
    best: tuple[Graphs, Timing] | None = None
    for provider, precision in candidates:
        try:
            graphs = opener.open(provider, precision)
            timing = _measure(bundle, graphs, provider, precision)
        except BundleError as error:
            tried.append(Timing(provider, precision, 0.0, 0.0, refused=str(error)))
            continue
        tried.append(timing)
        if best is None or timing.total_ms < SWITCH_GAIN * best[1].total_ms:
            best = graphs, timing
    if best is None:
        raise BundleError("; ".join(timing.refused for timing in tried))
    return Model(bundle, best[0], Choice(best[1], tuple(tried)))


def _measure(bundle: Bundle, graphs: Graphs, provider: str, precision: Precision) -> Timing:
    """Warm up, check what comes out, and take the best of a few runs at batch 1."""
    what = f"{bundle.path}: {precision} graphs on {provider}"
    try:
        check_outputs(bundle, dummy_run(bundle, graphs, 1), 1, what)
        runs = [_timed_run(bundle, graphs) for _ in range(MEASURED_RUNS)]
    except BundleError:
        raise
    except Exception as error:  # onnxruntime raises RuntimeError, ValueError and types of its own
        raise BundleError(f"{what}: cannot be run ({one_line(error)})") from error
    encode_ms, decode_ms = (min(times) for times in zip(*runs, strict=True))
    return Timing(provider, precision, encode_ms, decode_ms)


def _timed_run(bundle: Bundle, graphs: Graphs) -> tuple[float, float]:
    x, feeds = dummy_inputs(bundle, 1)
    started = time.perf_counter()
    graphs.encode(x)
    between = time.perf_counter()
    graphs.decode(feeds)
    return (between - started) * 1e3, (time.perf_counter() - between) * 1e3
