"""A chain that decides keys together, as ONNX: a continuation's graphs, and the Scan that writes other music.

Both graphs of a continuation are one Scan over the steps. What a step looks back on is computed from the last
frames, which the Scan carries along; the encoder is given each frame, the decoder writes it. The passes over
the keys of a step (see `training.models.key_chain`) are written out one after the other: a step has
`most_strokes` at most.

Shape legend: B batch, R frames looked back on, K keys, L lags, G L + 1 glances back, F features of a key,
C channels of a step, E of a key, H units, D units of the chain.
"""

from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import onnx
import torch
from onnx import helper
from torch import Tensor

from engine.inference.bundle.graph_specs import graph_specs
from engine.inference.bundle.manifest import GRAPHS, Condition
from engine.music.representation import Representation
from export.continuation_graph import gru_cell
from export.graph import GraphBuilder, finished
from training.models.key_chain import (
    AGREEMENT,
    BAR,
    HELD,
    LAGS,
    MEMORY,
    KeyChain,
    fading_weights,
    same_pitch_class,
)

FLOAT, INT = onnx.TensorProto.FLOAT, onnx.TensorProto.INT64
CONDITIONS: tuple[Condition, ...] = ("heard", "ringing")
GLANCES = (1, *LAGS)


def key_chain_graphs(model: KeyChain, representation: Representation) -> dict[str, bytes]:
    """Return encoder and decoder of a model in evaluation mode, by file name."""
    specs = graph_specs(representation, model.gru.hidden_size, "continue", CONDITIONS)
    builders = _encoder(model), _decoder(model)
    return {
        name: finished(name.split(".")[0], builder, spec)
        for name, builder, spec in zip(GRAPHS, builders, specs, strict=True)
    }


@dataclass(frozen=True, slots=True)
class _Carried:
    """Names of what a step takes over from the one before."""

    frames: str
    """`[B, R, K]`, the newest last."""
    strokes: str
    """`[B, R, K]` where keys of them begin."""
    state: str
    """`[B, H]`."""
    count: str
    """`[1]` frames so far."""


def _encoder(model: KeyChain) -> GraphBuilder:
    builder = GraphBuilder()
    steps = builder.node("Transpose", "x", perm=[1, 0, 2])
    past = _silence(builder, model, "x")
    body = GraphBuilder("e_")
    now, frame = _carried(body), "e_frame"
    looked = _look_back(body, now)
    state = _state(body, model, now, looked)
    after = _pushed(body, now, looked, frame, state)
    ends = _scan(builder, body, (now, after), past, ((frame, steps),), ())
    builder.named("Identity", [ends[2]], "mu")
    zero = helper.make_tensor("value", FLOAT, [1], [0.0])
    builder.named("ConstantOfShape", [builder.node("Shape", "mu")], "sigma", value=zero)
    return builder


def _decoder(model: KeyChain) -> GraphBuilder:
    builder = GraphBuilder()
    silence = _silence(builder, model, "heard")
    body = GraphBuilder("d_")
    now, hold, strike = _carried(body), "d_hold", "d_strike"
    looked = _look_back(body, now)
    state = _state(body, model, now, looked)
    frame = _decided(body, model, now, looked, state, (hold, strike))
    after = _pushed(body, now, looked, frame, state)
    start = _remembered(builder, model, silence)
    written = body.node("Identity", frame)
    ringing = builder.node("Transpose", "ringing", perm=[1, 0, 2])
    given = (hold, builder.node("Add", "perturbation", ringing)), (strike, "perturbation")
    _scan(builder, body, (now, after), start, given, (written,))
    return builder


@dataclass(frozen=True, slots=True)
class Conditioning:
    """Names of what conditions a chain that writes after silence."""

    start: str
    """`[B, H]` the state before the first step."""
    steps: str
    """`[T, B, C]` what is added to what each step is given."""
    hold: str
    """`[T, B, K]` what is added to the logits of letting keys sound on."""
    strike: str
    """`[T, B, K]` what is added to the logits of striking keys."""


def write_keys(builder: GraphBuilder, model: KeyChain, conditioning: Conditioning) -> None:
    """Add the Scan that writes `tokens` `[T, B, K]` by what conditions the chain."""
    silence = _silence(builder, model, conditioning.start)
    body = GraphBuilder("d_")
    now = _carried(body)
    given = tuple(
        (body.name("in"), whole) for whole in (conditioning.steps, conditioning.hold, conditioning.strike)
    )
    (steps, _), (hold, _), (strike, _) = given
    looked = _look_back(body, now)
    state = _state(body, model, now, looked, steps)
    frame = _decided(body, model, now, looked, state, (hold, strike))
    after = _pushed(body, now, looked, frame, state)
    written = body.node("Identity", frame)
    _scan(builder, body, (now, after), replace(silence, state=conditioning.start), given, (written,))


def _silence(builder: GraphBuilder, model: KeyChain, like: str) -> _Carried:
    """Return what is carried before the first frame, for the batch of `like`."""
    batch = builder.node("Shape", like, start=0, end=1)
    zero = helper.make_tensor("value", FLOAT, [1], [0.0])

    def zeros(*sizes: int) -> str:
        shape = builder.node("Concat", batch, builder.ints(*sizes), axis=0)
        return builder.node("ConstantOfShape", shape, value=zero)

    frames = zeros(MEMORY, model.keys)
    return _Carried(frames, frames, zeros(model.gru.hidden_size), builder.constant(np.zeros(1, np.float32)))


def _remembered(builder: GraphBuilder, model: KeyChain, silence: _Carried) -> _Carried:
    """Return what is carried after `heard`, with the state `z`."""
    axis, end = builder.ints(1), builder.ints(np.iinfo(np.int64).max)
    whole = builder.node("Concat", silence.frames, silence.frames, "heard", axis=1)
    last = builder.node("Slice", whole, builder.ints(-MEMORY), end, axis)
    before = builder.node("Slice", whole, builder.ints(-MEMORY - 1), builder.ints(-1), axis)
    strokes = builder.node("Relu", builder.node("Sub", last, before))
    count = builder.node("Cast", builder.node("Shape", "heard", start=1, end=2), to=FLOAT)
    return _Carried(last, strokes, "z", count)


def _carried(body: GraphBuilder) -> _Carried:
    return _Carried(*(body.name(name) for name in ("frames", "strokes", "state", "count")))


def _scan(
    builder: GraphBuilder,
    body: GraphBuilder,
    carried: tuple[_Carried, _Carried],
    start: _Carried,
    given: tuple[tuple[str, str], ...],
    written: tuple[str, ...],
) -> list[str]:
    """Add the loop; returns the names of what is carried at its end.

    Args:
        builder: of the graph.
        body: of a step.
        carried: what the body takes over, and what it hands on.
        start: what is taken over at first.
        given: the body's names of what each step is given, with the tensors they are cut from along axis 0.
        written: the body's name of what becomes `tokens`, if it writes anything.
    """
    now, after = ([c.frames, c.strokes, c.state, c.count] for c in carried)
    graph = helper.make_graph(
        body.nodes,
        "step",
        _infos([*now, *(name for name, _ in given)]),
        _infos([*after, *written]),
        body.constants,
    )
    ends = [builder.name("end") for _ in now]
    outputs = [*ends, "tokens"] if written else ends
    inputs = [start.frames, start.strokes, start.state, start.count, *(whole for _, whole in given)]
    builder.nodes.append(helper.make_node("Scan", inputs, outputs, body=graph, num_scan_inputs=len(given)))
    return ends


def _infos(names: list[str]) -> list[onnx.ValueInfoProto]:
    return [helper.make_tensor_value_info(name, FLOAT, None) for name in names]


@dataclass(frozen=True, slots=True)
class _Looked:
    """Names of what a step looks back on."""

    sounded: str
    """`[B, K]` one step before."""
    frames: str
    """`[B, G, K]` at each glance."""
    strokes: str
    """`[B, G, K]`."""
    lags: str
    """`[B, 2L]` as `training.models.key_chain.Past.lags`."""


def _look_back(body: GraphBuilder, now: _Carried) -> _Looked:
    glances = body.ints(*(MEMORY - back for back in GLANCES))
    frames = body.node("Gather", now.frames, glances, axis=1)
    strokes = body.node("Gather", now.strokes, glances, axis=1)
    sounded = body.node("Gather", now.frames, body.constant(np.array(MEMORY - 1)), axis=1)
    return _Looked(sounded, frames, strokes, _agreement(body, now))


def _agreement(body: GraphBuilder, now: _Carried) -> str:
    """Return which lags are within the phrase, and how well the last bar agreed with each."""
    recent = np.arange(MEMORY - AGREEMENT, MEMORY)
    then = body.ints(*(int(step) - lag for lag in LAGS for step in recent))
    shape = body.ints(0, len(LAGS), AGREEMENT, -1)
    strokes = body.node("Reshape", body.node("Gather", now.strokes, then, axis=1), shape)
    here = body.node("Gather", now.strokes, body.ints(*recent.tolist()), axis=1)
    here = body.node("Unsqueeze", here, body.ints(1))
    # A step takes part in a lag's count if the step it is compared with is within the phrase.
    needed = np.array([[MEMORY - step + lag for step in recent] for lag in LAGS], np.float32)
    inside = body.node("Cast", body.node("GreaterOrEqual", now.count, body.constant(needed)), to=FLOAT)
    keys, steps = body.ints(3), body.ints(2)

    def counted(both: str) -> str:
        sums = body.node("ReduceSum", both, keys, keepdims=0)
        return body.node("ReduceSum", body.node("Mul", sums, inside), steps, keepdims=0)  # [B, L]

    agreed = counted(body.node("Mul", here, strokes))
    either = counted(body.node("Max", here, strokes))
    one = body.constant(np.ones(1, np.float32))
    share = body.node("Div", agreed, body.node("Add", either, one))
    lags = body.constant(np.array([LAGS], np.float32))
    known = body.node("Cast", body.node("GreaterOrEqual", now.count, lags), to=FLOAT)
    nothing = body.node("Mul", share, body.constant(np.zeros(1, np.float32)))
    return body.node("Concat", body.node("Add", nothing, known), share, axis=1)


def _state(
    body: GraphBuilder, model: KeyChain, now: _Carried, looked: _Looked, conditioning: str | None = None
) -> str:
    """Return the network's state `[B, H]` at this step, which may be conditioned `[B, C]` beside its past."""
    keys, c = model.keys, model.config.channels
    feed = model.feed.weight.reshape(c, keys, 2)
    recall = model.recall.weight.reshape(c, keys, len(LAGS))
    table = torch.cat([feed[..., 0], feed[..., 1], recall.transpose(1, 2).flatten(1)], dim=1)
    into, into_bias = _of(model.gru, "weight_ih_l0"), _of(model.gru, "bias_ih_l0")
    bias = into_bias + into @ model.feed.bias
    flat = body.node("Flatten", looked.strokes)
    fed = body.node("Concat", looked.sounded, flat, looked.lags, axis=1)
    weights = torch.cat([table, model.look_back.weight], dim=1)
    channels = body.node("MatMul", fed, body.weight(weights.T, "fed"))
    if conditioning is not None:
        channels = body.node("Add", channels, conditioning)
    gates = body.node("Gemm", channels, body.weight(into.T, "input"), body.constant(bias.detach().numpy()))
    places = body.weight(model.place.weight @ into.T, "places")
    place = body.node("Cast", _place_in_bar(body, now), to=INT)
    ours = body.node("Add", gates, body.node("Gather", places, place, axis=0))
    return _cell(body, model.gru, ours, now.state)


def _place_in_bar(body: GraphBuilder, now: _Carried) -> str:
    bar = body.constant(np.array([BAR], np.float32))
    bars = body.node("Floor", body.node("Div", now.count, bar))
    return body.node("Sub", now.count, body.node("Mul", bars, bar))


def _of(gru: torch.nn.GRU, name: str) -> Tensor:
    return cast(Tensor, getattr(gru, name))


def _cell(body: GraphBuilder, gru: torch.nn.GRU, ours: str, h: str) -> str:
    """Add a step of a GRU on the gates of its input `[rows, 3H]`; return the name of the new state."""
    theirs = body.node(
        "Gemm",
        h,
        body.weight(_of(gru, "weight_hh_l0").T, "recurrent"),
        body.weight(_of(gru, "bias_hh_l0"), "recurrent_bias"),
    )
    split = body.ints(2 * gru.hidden_size, gru.hidden_size)
    return gru_cell(body, ours, theirs, h, split)


def _decided(
    body: GraphBuilder,
    model: KeyChain,
    now: _Carried,
    looked: _Looked,
    state: str,
    shifts: tuple[str, str],
) -> str:
    """Return the frame `[B, K]`: keys released or held, then struck from the highest down.

    `shifts` are added to the logits of holding and of striking.
    """
    hold, strike = _bases(body, model, now, looked, state)
    zero = body.constant(np.zeros(1, np.float32))
    kept = body.node("Cast", body.node("Greater", body.node("Add", hold, shifts[0]), zero), to=FLOAT)
    frame = body.node("Mul", looked.sounded, kept)
    free = body.node("Sub", body.constant(np.ones(1, np.float32)), looked.sounded)
    strike = body.node("Add", strike, shifts[1])
    chain = body.node(
        "Gemm",
        state,
        body.weight(model.chain_state.weight.T, "chain"),
        body.weight(model.chain_state.bias, "b"),
    )
    from_keys = body.weight(model.chain_keys.weight.T, "chain_keys")
    head = body.weight(torch.cat([model.chain_head.weight.T, model.intervals()], dim=0), "chain_head")
    numbers = body.constant(np.arange(1, model.keys + 1, dtype=np.float32)[None])
    axis = body.ints(1)
    for _ in range(model.most_strokes):
        seen = body.node("Relu", body.node("Gemm", frame, from_keys, chain))
        logits = body.node("Gemm", body.node("Concat", seen, frame, axis=1), head, strike)
        chosen = body.node("Mul", body.node("Cast", body.node("Greater", logits, zero), to=FLOAT), free)
        ranked = body.node("Mul", chosen, numbers)
        highest = body.node("ReduceMax", ranked, axis, keepdims=1)
        top = body.node("Mul", chosen, body.node("Cast", body.node("Equal", ranked, highest), to=FLOAT))
        frame = body.node("Add", frame, top)
        below = body.node("Cast", body.node("Less", numbers, highest), to=FLOAT)
        free = body.node("Mul", free, below)
    return frame


def _bases(
    body: GraphBuilder, model: KeyChain, now: _Carried, looked: _Looked, state: str
) -> tuple[str, str]:
    """Return the logits `[B, K]` of holding each key, and of striking it before others are decided."""
    axis = body.ints(1)
    held = [
        body.node(
            "ReduceMin",
            body.node("Slice", now.frames, body.ints(MEMORY - length), body.ints(MEMORY), axis),
            axis,
            keepdims=1,
        )
        for length in HELD
    ]
    fading = body.constant(fading_weights().flip(0)[None].numpy())  # the oldest first
    late = body.node("Slice", now.frames, body.ints(MEMORY - LAGS[-1]), body.ints(MEMORY), axis)
    present = body.node("MatMul", fading, late)  # [B, 1, K]
    octaves = body.node("MatMul", present, body.weight(same_pitch_class(model.keys), "octaves"))
    features = body.node("Concat", looked.frames, looked.strokes, *held, present, octaves, axis=1)
    of_key = model.of_key.weight[:, _features_order()]
    keys = body.node("MatMul", body.weight(of_key, "of_key"), features)  # [B, E, K]
    general = body.node(
        "Gemm", state, body.weight(model.to_key.weight.T, "to_key"), body.weight(model.to_key.bias, "b")
    )
    keys = body.node("Relu", body.node("Add", keys, body.node("Unsqueeze", general, body.ints(2))))
    both = body.node("Flatten", body.node("MatMul", body.weight(model.key_head.weight, "key_head"), keys))
    heads = body.weight(model.head.weight.T, "head")
    of_state = body.node("Gemm", state, heads, body.weight(model.head.bias, "head_bias"))
    hold, strike = body.nodes_of("Split", [body.node("Add", both, of_state)], 2, axis=1, num_outputs=2)
    return hold, strike


def _features_order() -> list[int]:
    """Return where the features in the graph's order (frames, strokes, the rest) are in the model's."""
    pairs = 2 * len(GLANCES)
    rest = range(pairs, pairs + len(HELD) + 2)
    return [*range(0, pairs, 2), *range(1, pairs, 2), *rest]


def _pushed(body: GraphBuilder, now: _Carried, looked: _Looked, frame: str, state: str) -> _Carried:
    """Return what is handed on: the oldest frame goes, the new one comes."""
    onset = body.node("Relu", body.node("Sub", frame, looked.sounded))
    axis = body.ints(1)
    first, end = body.ints(1), body.ints(MEMORY)

    def moved(frames: str, newest: str) -> str:
        rest = body.node("Slice", frames, first, end, axis)
        return body.node("Concat", rest, body.node("Unsqueeze", newest, axis), axis=1)

    count = body.node("Add", now.count, body.constant(np.ones(1, np.float32)))
    return _Carried(moved(now.frames, frame), moved(now.strokes, onset), body.node("Identity", state), count)
