"""The int8 form of a decoder: its recurrent products on 8-bit numbers, everything else as it was.

An LSTM's output lies between -1 and 1, so it can be quantised with one constant scale, 1/127, around
a zero point of 128. A constant scale, unlike one taken from the data at hand, makes a phrase decode
the same alone and inside a batch.

Weights are symmetric, a scale for each column, and keep to 7 bits. Processors with AVX2 but without
VNNI add products of unsigned and signed bytes in pairs to 16 bits and saturate there; with weights of
at most 64 a pair is at most 2 · 255 · 64 = 32,640 and fits, so that every processor computes the same.
On such a processor the logits of a trained melody model were off by 0.006 (root mean square) with
weights to 64, and by 0.027 with weights to 127, which saturate.

The head stays in float32: it decides, and costs little. So does the conductor, which runs once. The
encoder has no 8-bit form: a mixer needs 0.3 ms for 2 bars and 1.4 ms for 16 as it is, and onnxruntime's
dynamically quantised operators take their scale from the whole batch, so that a phrase would be encoded
differently alone and among others.

Whether 8 bits pay depends on the size of the recurrent part: what fits the cache (128 units) gains
nothing, 512 units decode in half the time, two layers of 512 in a quarter (one thread, AVX2 without
VNNI). The measured times stand in the bundle, and the engine measures again where it runs.
"""

import time

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from engine.inference.bundle.manifest import INT8_GRAPHS
from engine.inference.model import Model
from engine.inference.runtime import onnxruntime
from engine.music.representation import Representation
from export.decoder_graph import decoder_graph
from export.graph import GraphBuilder
from export.layout import condition_of, rows_of
from export.matmul import Write
from export.vae_proof import Sample, compare, generated, same_alone
from training.models.vae import VAE

LARGEST_WEIGHT = 64
ACTIVATION_SCALE = 1 / 127
ACTIVATION_ZERO = 128
TIMED_RUNS = 20
FORCE = 1000.0
"""Nats that outweigh any logit, yet leave it its first four decimals."""


def quantised(weight: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float32]]:
    """Quantise a matrix `[K, N]` to -64 … 64 with one scale a column, `[N]`."""
    largest = np.abs(weight).max(axis=0)
    smallest = LARGEST_WEIGHT * np.finfo(np.float32).tiny  # below, the scale would underflow
    scale = np.where(largest > smallest, largest / LARGEST_WEIGHT, 1.0).astype(np.float32)
    return np.rint(weight / scale).astype(np.int8), scale


def int8_product(outer: GraphBuilder, weight: Tensor, stem: str) -> Write:
    """Prepare a product of numbers within -1 to 1 with a constant matrix `[K, N]`, on 8-bit numbers."""
    values, scale = quantised(weight.detach().numpy())
    names = [
        outer.constant(np.array(ACTIVATION_SCALE, np.float32), "activation_scale"),
        outer.constant(np.array(ACTIVATION_ZERO, np.uint8), "activation_zero"),
        outer.constant(values, f"{stem}_int8"),
        outer.constant(scale, f"{stem}_scale"),
        outer.constant(np.zeros(len(scale), np.int8), f"{stem}_zero"),
    ]

    def write(body: GraphBuilder, x: str, addend: str) -> str:
        activation_scale, activation_zero, matrix, scales, zeros = names
        bytes_of_x = body.node("QuantizeLinear", x, activation_scale, activation_zero)
        inputs = [bytes_of_x, matrix, activation_scale, scales, activation_zero, zeros]
        product = body.node("MatMulIntegerToFloat", *inputs, domain="com.microsoft")
        return body.node("Add", product, addend)

    return write


def int8_graphs(model: VAE, representation: Representation, conditions: GraphBuilder) -> dict[str, bytes]:
    """Return the int8 graphs that are worth having, by file name: the decoder."""
    return {INT8_GRAPHS[1]: decoder_graph(model, representation, conditions, int8_product)}


def measure_int8(
    model: VAE, representation: Representation, conditions: GraphBuilder, graphs: Model, drawn: list[Sample]
) -> dict[str, float]:
    """Measure how far the int8 decoder is from torch.

    Args:
        model: torch's side.
        representation: its representation.
        conditions: what `conditions_graph` returned.
        graphs: the int8 graphs, loaded.
        drawn: samples to decode.

    Returns:
        Shares of equal choices and of equal whole phrases, of phrases that decode the same alone
        and in a batch, the error of the logits where the past is the same, and the times of both
        forms for one phrase in milliseconds of processor time.
    """
    agreement = compare(model, graphs, drawn)
    rms, largest = logit_errors(model, representation, conditions, drawn[-1])
    return {
        "int8_choices": agreement.choices,
        "int8_same_choices": agreement.same / agreement.choices,
        "int8_same_phrases": agreement.same_phrases,
        "int8_same_alone": same_alone(graphs, drawn[-1]),
        "int8_logit_error_rms": rms,
        "int8_logit_error_max": largest,
        "float_decode_ms": decode_ms(decoder_graph(model, representation, conditions), drawn[0]),
        "int8_decode_ms": decode_ms(decoder_graph(model, representation, conditions, int8_product), drawn[0]),
    }


def decode_ms(graph: bytes, sample: Sample) -> float:
    """Return the processor time of one decoding on one thread, in ms: the least of some runs."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    feeds = sample.feeds
    times = []
    for _ in range(TIMED_RUNS):
        started = time.thread_time_ns()
        session.run(["tokens"], feeds)
        times.append(time.thread_time_ns() - started)
    return min(times) / 1e6


def logit_errors(
    model: VAE, representation: Representation, conditions: GraphBuilder, sample: Sample
) -> tuple[float, float]:
    """Return root mean square and largest error of the int8 decoder's logits.

    The perturbation forces it to write what torch writes, so that both have the same past.
    """
    graph = decoder_graph(model, representation, conditions, int8_product, logits=True)
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    written = generated(model, sample)  # [B, T, S or W]
    forced = _forcing(model, written)
    names = [f"logits_{index}" for index in range(len(model.cores))]
    feeds = sample.feeds | {"perturbation": forced.numpy()}
    theirs = [torch.from_numpy(part).transpose(0, 1) for part in session.run(names, feeds)]
    ours = model.logits(condition_of(model, sample.z, sample.conditioning), rows_of(model, written))
    shift = rows_of(model, forced.transpose(0, 1))
    width = shift.shape[-1]
    error = torch.cat(theirs, dim=-1)[..., :width] - shift - torch.cat(ours, dim=-1)[..., :width]
    return float(error.square().mean().sqrt()), float(error.abs().max())


def _forcing(model: VAE, written: Tensor) -> Tensor:
    """Return a perturbation `[T, B, V]` that leaves no choice but `written`."""
    if not model.streams:
        signs = 2 * (written[..., : model.choices] > 0).float() - 1
        return FORCE * signs.transpose(0, 1)
    parts = [functional.one_hot(written[..., s], size) for s, size in enumerate(model.streams)]
    return FORCE * torch.cat(parts, dim=-1).float().transpose(0, 1)
