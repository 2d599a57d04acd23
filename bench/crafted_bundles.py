"""What an ill-meaning author of a bundle might try, made from a bundle that is right.

`crafted` is used by `bundle_attacks.py`; each is meant to be refused, but for those that say so.
"""

import io
import json
import zipfile
from collections.abc import Callable, Iterator

import numpy as np
from bundle_files import Files, with_hashes
from crafted_graphs import changed, hidden_files, hidden_graphs
from onnx import TensorProto, helper, load_from_string, numpy_helper


def crafted(files: Files) -> Iterator[tuple[str, Files | bytes]]:
    """Yield what an ill-meaning author might try, by name: files of a folder, or a whole .zip."""
    decoder = files["decoder.onnx"]

    def graph(change: Callable[..., None]) -> Files:
        model = load_from_string(decoder)
        change(model)
        return with_hashes({**files, "decoder.onnx": model.SerializeToString()})

    def manifest(**fields: object) -> Files:
        return {**files, "bundle.json": json.dumps({**json.loads(files["bundle.json"]), **fields}).encode()}

    def node(*arguments: object, **attributes: object) -> Callable[..., None]:
        made = helper.make_node(*arguments, **attributes)  # type: ignore[arg-type]
        return lambda model: model.graph.node.insert(0, made)

    loop = helper.make_graph([], "body", [], [])
    yield "a second graph, which a parser merges", with_hashes({**files, "decoder.onnx": decoder + b":\0"})
    yield "a loop of 2^62 steps", graph(node("Loop", ["many"], ["y"], body=loop))
    yield "a branch", graph(node("If", ["c"], ["y"], then_branch=loop, else_branch=loop))
    yield "an operator of a foreign domain", graph(node("Add", ["z", "z"], ["y"], domain="evil.corp"))
    values = helper.make_tensor("v", TensorProto.FLOAT, [1], [1.0])
    values.data_location = TensorProto.EXTERNAL
    sparse = helper.make_sparse_tensor(values, helper.make_tensor("i", TensorProto.INT64, [1], [0]), [4])
    yield "a sparse constant in another file", graph(node("Constant", [], ["y"], sparse_value=sparse))
    yield "weights in another file", graph(lambda model: external(model.graph.initializer[0]))
    yield "weights that are not numbers", graph(lambda model: not_a_number(model.graph))
    yield "a tensor of 2^40 values from one", graph(grow(1 << 40))
    yield "a tensor of 2^29 values from one", graph(grow(1 << 29))
    yield "a scan within a scan of 2^18 steps each", graph(nested_scan(1 << 18))
    yield (
        "a graph of 100,000 nodes",
        graph(lambda model: model.graph.node.extend([helper.make_node("Identity", ["z"], ["y"])] * 100_000)),
    )
    yield "latents of 2 GB in 2 MB", with_hashes({**files, "latents.npz": packed_latents()})
    yield "latents with a pickle", with_hashes({**files, "latents.npz": pickled_latents()})
    yield "a .zip of 2 GB in 2 MB", bomb(zipfile.ZIP_DEFLATED)
    yield "a .zip with LZMA", bomb(zipfile.ZIP_LZMA)
    yield "a .zip of a million files", many_members()
    yield "markup as a title (loads: it is shown as plain text)", manifest(title="<img src='/etc/passwd'>")
    yield "an escape sequence as a title", manifest(title="\x1b]0;evil\x07")
    yield "bars beyond all memory", manifest(bars=10**9, steps=16 * 10**9)
    yield "a manifest of a million brackets", {**files, "bundle.json": b"[" * 10**6}
    yield "an endless curve", manifest(variation_curve=[0.0, *([0.5] * 10**5), 0.4, 1.0])
    yield "a channel of 10^9", manifest(voices=[{"name": "x", "channel": 10**9}])
    for name, change in hidden_graphs():
        yield name, changed(files, change)
    yield from hidden_files(files)


def external(tensor: TensorProto) -> None:
    """Let a tensor be read from a file elsewhere."""
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "/etc/passwd"


def not_a_number(graph: object) -> None:
    """Put a NaN into the last tensor of numbers."""
    tensors = graph.initializer  # type: ignore[attr-defined]
    weights = [tensor for tensor in tensors if tensor.data_type in (1, 10)][-1]
    array = numpy_helper.to_array(weights).copy()
    array.flat[0] = np.nan
    weights.CopyFrom(numpy_helper.from_array(array, weights.name))


def grow(size: int) -> Callable[..., None]:
    """Return what makes a large tensor and adds its sum to z."""

    def change(model: object) -> None:
        graph = model.graph  # type: ignore[attr-defined]
        for node in graph.node:
            node.input[:] = ["grown_z" if name == "z" else name for name in node.input]
        one = helper.make_tensor("v", TensorProto.FLOAT, [1], [1e-30])
        for made in (
            helper.make_node("Add", ["z", "grown_sum"], ["grown_z"]),
            helper.make_node("ReduceSum", ["grown"], ["grown_sum"], keepdims=0),
            helper.make_node("ConstantOfShape", ["grown_size"], ["grown"], value=one),
        ):
            graph.node.insert(0, made)
        graph.initializer.append(numpy_helper.from_array(np.array([size]), "grown_size"))

    return change


def nested_scan(steps: int) -> Callable[..., None]:
    """Return what adds z's walk through `steps` times `steps` steps to z."""
    info, node = helper.make_tensor_value_info, helper.make_node
    ins = [info("a", TensorProto.FLOAT, [1]), info("b", TensorProto.FLOAT, [])]
    outs = [info("c", TensorProto.FLOAT, [1]), info("d", TensorProto.FLOAT, [1])]
    keep = node("Identity", ["a"], ["d"])
    inner = helper.make_graph([node("Add", ["a", "b"], ["c"]), keep], "inner", ins, outs)
    again = node("Scan", ["a", "ones"], ["c", "all"], body=inner, num_scan_inputs=1)
    outer = helper.make_graph([again, keep], "outer", ins, outs)

    def change(model: object) -> None:
        graph = model.graph  # type: ignore[attr-defined]
        for node in graph.node:
            node.input[:] = ["walked_z" if name == "z" else name for name in node.input]
        graph.node.insert(0, helper.make_node("Add", ["z", "walked"], ["walked_z"]))
        walk = helper.make_node("Scan", ["state", "ones"], ["walked", "all"], body=outer, num_scan_inputs=1)
        graph.node.insert(0, walk)
        graph.initializer.append(numpy_helper.from_array(np.zeros(steps, np.float32), "ones"))
        graph.initializer.append(numpy_helper.from_array(np.zeros(1, np.float32), "state"))

    return change


def packed_latents() -> bytes:
    """Return latents that unpack a thousandfold."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("prior_weights", "prior_means", "prior_deviations", "directions"):
            with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                np.lib.format.write_array_header_1_0(
                    file, {"descr": "<f4", "fortran_order": False, "shape": (1 << 27,)}
                )
                for _ in range(512 if name == "directions" else 1):
                    file.write(bytes(1 << 20))
    return buffer.getvalue()


def pickled_latents() -> bytes:
    """Return latents that hold Python objects."""
    buffer = io.BytesIO()
    np.savez(buffer, prior_weights=np.array([print], dtype=object), allow_pickle=True)
    return buffer.getvalue()


def bomb(compression: int) -> bytes:
    """Return a small .zip that unpacks to 2 GB."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        archive.writestr("bundle.json", b"{}")
        with archive.open("decoder.onnx", "w", force_zip64=True) as file:
            for _ in range(200 if compression == zipfile.ZIP_LZMA else 2000):
                file.write(bytes(1 << 20))
    return buffer.getvalue()


def many_members() -> bytes:
    """Return a .zip whose directory alone is large."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number in range(1_000_000):
            archive.writestr(f"{number}", b"")
    return buffer.getvalue()
