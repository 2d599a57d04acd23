"""A tiny but genuine bundle: real ONNX graphs under the real contract, with fixed random weights.

The encoder is an embedding mean through two matrices; the decoder is a Scan over the steps whose
state is the token chosen last. Nothing about it is musical, everything about it is deterministic.
"""

from pathlib import Path

import numpy as np
from msgspec.structs import replace
from onnx import TensorProto, helper, numpy_helper

from engine.inference.bundle.graph_specs import graph_specs
from engine.inference.bundle.latents import Latents
from engine.inference.bundle.manifest import (
    Attribute,
    BundleManifest,
    DataSource,
    RepresentationRef,
    TrainingRecord,
    Voice,
)
from engine.inference.bundle.store import save_bundle
from engine.music.representation import representation

Z = 8
EMBEDDING = 6
OPSET = 20


def representation_of(bars: int = 2):
    return representation("melody", bars)


def _model(graph):
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
    model.ir_version = 10
    return model


def _weights(seed: int, **shapes: tuple[int, ...]):
    rng = np.random.default_rng(seed)
    return [
        numpy_helper.from_array(rng.normal(0, 1 / np.sqrt(shape[0]), shape).astype(np.float32), name)
        for name, shape in shapes.items()
    ]


def encoder_model(bars: int = 2, z_size: int = Z, seed: int = 1):
    """x [B, T, 1] → embedding [B, T*E] → mu, sigma [B, Z]."""
    T, vocabulary = representation_of(bars).steps, representation_of(bars).width
    node = helper.make_node
    nodes = [
        node("Squeeze", ["x", "last_axis"], ["tokens"]),
        node("Gather", ["embedding", "tokens"], ["embedded"]),
        node("Reshape", ["embedded", "flat"], ["features"]),
        node("MatMul", ["features", "to_mu"], ["raw"]),
        node("Mul", ["raw", "gain"], ["mu"]),
        node("MatMul", ["features", "to_sigma"], ["raw_sigma"]),
        node("Softplus", ["raw_sigma"], ["sigma"]),
    ]
    constants = [
        numpy_helper.from_array(np.array([2], np.int64), "last_axis"),
        numpy_helper.from_array(np.array([0, T * EMBEDDING], np.int64), "flat"),
        numpy_helper.from_array(np.array(3.0, np.float32), "gain"),
    ]
    weights = _weights(
        seed,
        embedding=(vocabulary, EMBEDDING),
        to_mu=(T * EMBEDDING, z_size),
        to_sigma=(T * EMBEDDING, z_size),
    )
    graph = helper.make_graph(
        nodes,
        "encoder",
        [helper.make_tensor_value_info("x", TensorProto.INT64, ["B", T, 1])],
        [
            helper.make_tensor_value_info("mu", TensorProto.FLOAT, ["B", z_size]),
            helper.make_tensor_value_info("sigma", TensorProto.FLOAT, ["B", z_size]),
        ],
        constants + weights,
    )
    return _model(graph)


def _scan_body(vocabulary: int):
    """One step: logits from z and the last token, plus the step's perturbation."""
    node = helper.make_node
    nodes = [
        node("Gather", ["token_table", "last"], ["from_token"]),
        node("Add", ["from_z", "from_token"], ["logits"]),
        node("Add", ["logits", "bias"], ["biased"]),
        node("ArgMax", ["biased"], ["next"], axis=1, keepdims=0),
        node("Identity", ["next"], ["chosen"]),
    ]
    info = helper.make_tensor_value_info
    return helper.make_graph(
        nodes,
        "step",
        [info("last", TensorProto.INT64, ["B"]), info("bias", TensorProto.FLOAT, ["B", vocabulary])],
        [info("next", TensorProto.INT64, ["B"]), info("chosen", TensorProto.INT64, ["B"])],
    )


def decoder_model(bars: int = 2, z_size: int = Z, seed: int = 2):
    """z [B, Z], perturbation [T, B, V] → tokens [T, B, 1] by a Scan."""
    T, vocabulary = representation_of(bars).steps, representation_of(bars).width
    node = helper.make_node
    nodes = [
        node("MatMul", ["z", "z_table"], ["from_z"]),
        node("Shape", ["z"], ["batch"], end=1),
        node(
            "ConstantOfShape",
            ["batch"],
            ["start"],
            value=helper.make_tensor("v", TensorProto.INT64, [1], [0]),
        ),
        node(
            "Scan",
            ["start", "perturbation"],
            ["end", "sequence"],
            body=_scan_body(vocabulary),
            num_scan_inputs=1,
        ),
        node("Unsqueeze", ["sequence", "last_axis"], ["tokens"]),
    ]
    constants = [numpy_helper.from_array(np.array([2], np.int64), "last_axis")]
    weights = _weights(seed, z_table=(z_size, vocabulary), token_table=(vocabulary, vocabulary))
    table = numpy_helper.to_array(weights[1]) * 6
    table[:, 0] += 2  # holding on is common, as in real melodies
    weights[1] = numpy_helper.from_array(table.astype(np.float32), "token_table")
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "decoder",
        [
            info("z", TensorProto.FLOAT, ["B", z_size]),
            info("perturbation", TensorProto.FLOAT, [T, "B", vocabulary]),
        ],
        [info("tokens", TensorProto.INT64, [T, "B", 1])],
        constants + weights,
    )
    return _model(graph)


def latents(z_size: int = Z) -> Latents:
    rng = np.random.default_rng(3)
    return Latents(
        prior_weights=np.array([0.25, 0.75], np.float32),
        prior_means=rng.normal(size=(2, z_size)).astype(np.float32),
        prior_deviations=np.full((2, z_size), 0.8, np.float32),
        directions=np.eye(1, z_size, dtype=np.float32),
    )


def manifest(bars: int = 2, z_size: int = Z) -> BundleManifest:
    ours = representation_of(bars)
    encoder, decoder = graph_specs(ours, z_size)
    return BundleManifest(
        name="tiny_melody",
        representation=RepresentationRef(name="melody", bars=bars, hash=ours.hash),
        bars=bars,
        steps=ours.steps,
        streams=ours.streams,
        width=ours.width,
        z_size=z_size,
        voices=(Voice(name="melody"),),
        encoder=encoder,
        decoder=decoder,
        training=TrainingRecord(
            data=(DataSource(name="none", licence="CC0-1.0", works=0),),
            data_hash="",
            config={"layers": 1},
            seed=1,
            steps=0,
        ),
        metrics={"note_f1": 0.0},
        attributes=(Attribute(name="density", unit="onsets per step", effects={"density": 0.1}),),
        prior_components=2,
    )


def files(bars: int = 2) -> dict[str, bytes]:
    """The float graphs, and as their int8 forms graphs of other weights, to be told apart."""
    return {
        "encoder.onnx": encoder_model(bars).SerializeToString(),
        "decoder.onnx": decoder_model(bars).SerializeToString(),
        "encoder.int8.onnx": encoder_model(bars).SerializeToString(),
        "decoder.int8.onnx": decoder_model(bars, seed=4).SerializeToString(),
        "latents.npz": latents().to_bytes(),
    }


def write(folder: Path, bars: int = 2) -> Path:
    """Write the whole bundle and return its folder."""
    save_bundle(folder, manifest(bars), files(bars))
    return folder


# Models of other tasks ----------------------------------------------------------------------


def _graph(name, nodes, spec, constants):
    kinds = {"float32": TensorProto.FLOAT, "int64": TensorProto.INT64}
    sides = [
        [helper.make_tensor_value_info(t.name, kinds[t.dtype], list(t.shape)) for t in side]
        for side in (spec.inputs, spec.outputs)
    ]
    named = [numpy_helper.from_array(np.asarray(value), key) for key, value in constants.items()]
    return _model(helper.make_graph(nodes, name, *sides, named)).SerializeToString()


def _task_files(task: str, specs) -> dict[str, bytes]:
    """mu says which keys sounded (1) and which did not (-1); hits are where mu + perturbation is above 0."""
    node, width = helper.make_node, specs[1].outputs[0].shape[-1]
    f32 = np.float32
    encoder = [
        node("ReduceMax", ["x", "time"], ["heard"], keepdims=0),
        node("Mul", ["heard", "two"], ["double"]),
        node("Sub", ["double", "one"], ["mu"]),
        node("Sub", ["mu", "mu"], ["sigma"]),
    ]
    decoder = [
        node("Slice", ["z", "from", "to", "last"], ["keys"]),
        node("Add", ["keys", "perturbation"], ["logits"]),
        node("Greater", ["logits", "zero"], ["above"]),
        node("Cast", ["above"], ["hits"], to=TensorProto.FLOAT),
        *(
            _conditioned_nodes()
            if len(specs[1].inputs) > 2
            else [
                node("Mul", ["hits", "zero"], ["none"]),
                node("Concat", ["hits", "hits", "none"], ["frame"], axis=2),
            ]
        ),
        node("Identity", ["frame" if task != "continue" else "hits"], ["tokens"]),
    ]
    columns = 9 if task != "continue" else width
    constants = {"from": np.array([0]), "to": np.array([columns]), "last": np.array([1]), "zero": f32(0)}
    if len(specs[1].inputs) > 2:
        constants |= {"tenth": f32(0.1), "thousandth": f32(0.001), "hundredth": f32(0.01)}
    return {
        "encoder.onnx": _graph(
            "encoder", encoder, specs[0], {"time": np.array([1]), "two": f32(2), "one": f32(1)}
        ),
        "decoder.onnx": _graph("decoder", decoder, specs[1], constants),
    }


def _conditioned_nodes():
    """Velocity is a tenth of the drummer's number; hits are early by a thousandth of the tempo and a 100th of
    the style, in half steps."""
    node = helper.make_node
    cast = [node("Cast", [name], [f"{name}_f"], to=TensorProto.FLOAT) for name in ("style", "drummer")]
    return [
        *cast,
        node("Mul", ["drummer_f", "tenth"], ["loud"]),
        node("Mul", ["tempo", "thousandth"], ["by_tempo"]),
        node("Mul", ["style_f", "hundredth"], ["by_style"]),
        node("Add", ["by_tempo", "by_style"], ["early"]),
        *(node("Unsqueeze", [name, "last"], [f"{name}_b"]) for name in ("loud", "early")),
        node("Mul", ["hits", "loud_b"], ["velocities"]),
        node("Mul", ["hits", "early_b"], ["offsets"]),
        node("Concat", ["hits", "velocities", "offsets"], ["frame"], axis=2),
    ]


def write_task(folder: Path, task: str, conditions=()) -> Path:
    """Write a bundle that hums, drums or plays on: deterministic, and as plain as the contract allows.

    A drummer plays on the line at velocity 127 whatever it holds to; a continuation holds every key it
    heard for as long as it is asked to write. One that is conditioned plays as `_conditioned_nodes` has it.
    """
    name = "pianoroll" if task == "continue" else "groove"
    ours = representation(name, 2)
    z_size = 88 if task == "continue" else 27
    encoder, decoder = graph_specs(ours, z_size, task, conditions)
    base = manifest()
    written = replace(
        base,
        name=f"tiny_{task}",
        kind="seq2seq" if task == "continue" else "vae",
        task=task,
        representation=RepresentationRef(name=name, bars=2, hash=ours.hash),
        streams=(),
        width=ours.width,
        z_size=z_size,
        voices=(Voice(name=name),),
        encoder=encoder,
        decoder=decoder,
        conditions=conditions,
        attributes=(),
        prior_components=0,
    )
    save_bundle(folder, written, _task_files(task, (encoder, decoder)))
    return folder


def _trio_files(specs, streams, steps: int) -> dict[str, bytes]:
    """mu is a random projection of the tokens; each stream is the token that z and perturbation like best."""
    node, width = helper.make_node, sum(streams)
    rng, edges = np.random.default_rng(6), np.cumsum((0, *streams))
    encoder = [
        node("Cast", ["x"], ["numbers"], to=TensorProto.FLOAT),
        node("Reshape", ["numbers", "flat"], ["features"]),
        node("MatMul", ["features", "to_mu"], ["raw"]),
        node("Tanh", ["raw"], ["mu"]),
        node("Exp", ["mu"], ["sigma"]),
    ]
    decoder = [node("MatMul", ["z", "from_z"], ["liked"]), node("Add", ["liked", "perturbation"], ["logits"])]
    for number in range(len(streams)):
        cut = ["logits", f"edge{number}", f"edge{number + 1}", "last"]
        decoder.append(node("Slice", cut, [f"logits{number}"]))
        decoder.append(node("ArgMax", [f"logits{number}"], [f"stream{number}"], axis=2, keepdims=1))
    decoder.append(node("Concat", [f"stream{n}" for n in range(len(streams))], ["tokens"], axis=2))
    to_mu = rng.normal(0, 0.01, (steps * len(streams), Z)).astype(np.float32)
    from_z = rng.normal(0, 1, (Z, width)).astype(np.float32)
    constants = {f"edge{number}": np.array([edge]) for number, edge in enumerate(edges)}
    flat = np.array([-1, steps * len(streams)])
    return {
        "encoder.onnx": _graph("encoder", encoder, specs[0], {"flat": flat, "to_mu": to_mu}),
        "decoder.onnx": _graph(
            "decoder", decoder, specs[1], constants | {"last": np.array([2]), "from_z": from_z}
        ),
        "latents.npz": latents().to_bytes(),
    }


def write_trio(folder: Path, bars: int = 2) -> Path:
    """Write a bundle that plays melody, bass and drums."""
    ours = representation("trio", bars)
    encoder, decoder = graph_specs(ours, Z)
    written = replace(
        manifest(bars),
        name="tiny_trio",
        representation=RepresentationRef(name="trio", bars=bars, hash=ours.hash),
        streams=ours.streams,
        width=ours.width,
        voices=(
            Voice(name="melody"),
            Voice(name="bass", channel=1, program=33),
            Voice(name="drums", channel=9),
        ),
        encoder=encoder,
        decoder=decoder,
    )
    save_bundle(folder, written, _trio_files((encoder, decoder), ours.streams, ours.steps))
    return folder
