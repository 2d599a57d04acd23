"""Graphs and archives by an ill-meaning author that look harmless from outside: see `crafted_bundles.py`."""

import io
import itertools
import json
import stat
import zipfile
from collections.abc import Callable, Iterator

import numpy as np
from bundle_files import Files, with_hashes
from onnx import ModelProto, TensorProto, helper, load_from_string, numpy_helper

Change = Callable[[ModelProto], None]


def hidden_graphs() -> Iterator[tuple[str, Change]]:
    """Yield what is changed in a decoder, by name."""
    yield "a size that a rare value of z decides", sized_by_z(3.5)
    yield "a loop within a scan within a scan", scanned(helper.make_node("Loop", ["a"], ["c"], body=empty()))
    yield "weights in another file within a scan", scanned(external=True)
    yield "graphs in graphs, twelve deep", scanned(deep=12)
    yield "a tensor that doubles 40 times", before_z(doubled(40))
    yield "an Expand to 2^60", before_z(sized("Expand", [1 << 30, 1 << 30]))
    yield "a ConstantOfShape of 2^60", before_z(sized("ConstantOfShape", [1 << 30, 1 << 30]))
    yield "a Pad of 2^40", before_z(sized("Pad", [1 << 40, 0]))
    yield "a Reshape to -2^62", before_z(sized("Reshape", [-(1 << 62)]))
    yield "a size that an input may override", overridden
    yield "a tensor of text", lambda model: with_tensor(model, helper.make_tensor("t", 8, [1], [b"x"]))
    yield "a tensor of 200,000 axes", many_axes
    yield "a name of 5 MB in a refused tensor", long_name
    yield "a name with line breaks in a failing node", broken_name
    yield "a sequence as an input", sequence_input
    yield "an optional as an input", optional_input
    yield "a function of its own", own_function
    yield "a million metadata properties", metadata
    yield "a value that two nodes make", lambda model: model.graph.node.extend([identity(), identity()])
    yield "every axis named B (may load: names bind nothing)", renamed_axis
    yield "an operator set of version 2^62", lambda model: setattr(model.opset_import[0], "version", 1 << 62)
    yield "100,000 inputs", many_inputs
    yield "a tensor of the fifth power of the batch", before_z(power_of_the_batch)
    yield "a size of the weights that a later node makes anew of z", made_anew
    yield "a size that a scan's body makes anew of z behind its use", made_anew_within
    yield "a size that a scan's body makes of its state", sized_within
    yield "a state that doubles at every step of a scan over the batch", doubling_state


def hidden_files(files: Files) -> Iterator[tuple[str, Files | bytes]]:
    """Yield archives and manifests, by name."""
    yield "a .zip with a link", zipped(files, link="encoder.onnx")
    yield "a .zip with an absolute name", zipped(files, also=("/etc/cron.d/x", b""))
    yield "a .zip with a name that climbs", zipped(files, also=("a/../../x", b""))
    yield "a .zip that holds bundle.json twice", zipped(files, also=("bundle.json", b"{}"))
    yield "a .zip that says 10 bytes of 400 MB", lying(files)
    yield "a .zip whose entries share one packed stream", shared_stream(files)
    yield "a manifest with every key twice", {**files, "bundle.json": twice(files["bundle.json"])}
    yield "a manifest with numbers of 10^6 digits", numbered(files, b"9" * 10**6)
    yield "a manifest with 1e999", numbered(files, b"1e999")
    yield "a manifest with half a surrogate", numbered(files, b'"\\ud800"')
    yield "a manifest that is null", {**files, "bundle.json": b"null"}


# Graphs ---------------------------------------------------------------------------------------


def empty() -> object:
    return helper.make_graph([], "body", [], [])


def identity() -> object:
    return helper.make_node("Identity", ["z"], ["made_twice"])


def with_tensor(model: ModelProto, tensor: TensorProto) -> None:
    """Add a tensor and use it, so that no optimiser drops it."""
    model.graph.initializer.append(tensor)
    model.graph.node.insert(0, helper.make_node("Identity", [tensor.name], ["kept"]))


def before_z(nodes_and_tensors: Callable[[], tuple[list[object], dict[str, np.ndarray]]]) -> Change:
    """Return what adds the sum of the tensor `much` to z, made by some nodes first."""

    def change(model: ModelProto) -> None:
        graph = model.graph
        for node in graph.node:
            node.input[:] = ["much_z" if name == "z" else name for name in node.input]
        nodes, tensors = nodes_and_tensors()
        last = [
            helper.make_node("ReduceSum", ["much"], ["much_sum"], keepdims=0),
            helper.make_node("Add", ["z", "much_sum"], ["much_z"]),
        ]
        for made in reversed([*nodes, *last]):
            graph.node.insert(0, made)
        graph.initializer.extend(numpy_helper.from_array(array, name) for name, array in tensors.items())

    return change


def doubled(times: int) -> Callable[[], tuple[list[object], dict[str, np.ndarray]]]:
    """Return what joins a tensor to itself again and again."""

    def made() -> tuple[list[object], dict[str, np.ndarray]]:
        names = [f"twice{number}" for number in range(times)] + ["much"]
        nodes = [
            helper.make_node("Concat", [one, one], [two], axis=0) for one, two in itertools.pairwise(names)
        ]
        return nodes, {"twice0": np.zeros(1, np.float32)}

    return made


def sized(operator: str, sizes: list[int]) -> Callable[[], tuple[list[object], dict[str, np.ndarray]]]:
    """Return a node whose output is as large as a constant says."""

    def made() -> tuple[list[object], dict[str, np.ndarray]]:
        inputs = ["size"] if operator == "ConstantOfShape" else ["one", "size"]
        tensors = {"one": np.zeros(1, np.float32), "size": np.array(sizes, np.int64)}
        return [helper.make_node(operator, inputs, ["much"])], tensors

    return made


def sized_by_z(above: float) -> Change:
    """Return what makes a tensor of 2^40 values as soon as one of z is above a number; else one of one."""

    def made() -> tuple[list[object], dict[str, np.ndarray]]:
        nodes = [
            helper.make_node("ReduceMax", ["z"], ["highest"], keepdims=0),
            helper.make_node("Greater", ["highest", "above"], ["rare"]),
            helper.make_node("Where", ["rare", "large", "small"], ["size"]),
            helper.make_node("ConstantOfShape", ["size"], ["much"]),
        ]
        large, small = np.array([1 << 40], np.int64), np.array([1], np.int64)
        return nodes, {"above": np.array(above, np.float32), "large": large, "small": small}

    return before_z(made)


def scanned(inner: object | None = None, *, external: bool = False, deep: int = 2) -> Change:
    """Return what puts a node, or a tensor in another file, into a scan within scans."""
    info = helper.make_tensor_value_info
    values = [info("a", TensorProto.FLOAT, [1]), info("b", TensorProto.FLOAT, [])]
    outputs = [info("c", TensorProto.FLOAT, [1]), info("d", TensorProto.FLOAT, [1])]
    keep = helper.make_node("Identity", ["a"], ["d"])
    body = helper.make_graph(
        [inner or helper.make_node("Identity", ["a"], ["c"]), keep], "inner", values, outputs
    )
    if external:
        tensor = helper.make_tensor("away", TensorProto.FLOAT, [1], [1.0])
        tensor.ClearField("float_data")
        tensor.data_location = TensorProto.EXTERNAL
        entry = tensor.external_data.add()
        entry.key, entry.value = "location", "/etc/passwd"
        body.initializer.append(tensor)
    for _ in range(deep - 1):
        scan = helper.make_node("Scan", ["a", "steps"], ["c", "all"], body=body, num_scan_inputs=1)
        body = helper.make_graph([scan, keep], "outer", values, outputs)

    def change(model: ModelProto) -> None:
        scan = helper.make_node("Scan", ["state", "steps"], ["walked", "rows"], body=body, num_scan_inputs=1)
        model.graph.node.insert(0, scan)
        for name, size in (("steps", 4), ("state", 1)):
            model.graph.initializer.append(numpy_helper.from_array(np.zeros(size, np.float32), name))

    return change


def overridden(model: ModelProto) -> None:
    """Let a size be a default that whoever runs the graph may replace."""
    sized_change = before_z(sized("ConstantOfShape", [1]))
    sized_change(model)
    model.graph.input.append(helper.make_tensor_value_info("size", TensorProto.INT64, [1]))


def power_of_the_batch() -> tuple[list[object], dict[str, np.ndarray]]:
    """Return what is small for a batch of one and takes all memory for a large one."""
    nodes = [
        helper.make_node("Shape", ["z"], ["of_batch"], start=0, end=1),
        helper.make_node("Concat", ["of_batch"] * 5, ["to_the_fifth"], axis=0),
        helper.make_node("Expand", ["one", "to_the_fifth"], ["much"]),
    ]
    return nodes, {"one": np.zeros(1, np.float32)}


def size_of(value: str) -> list[object]:
    """Return nodes that make `size` of a value."""
    return [
        helper.make_node("ReduceMax", [value], ["highest"], keepdims=0),
        helper.make_node("Cast", ["highest"], ["whole"], to=TensorProto.INT64),
        helper.make_node("Unsqueeze", ["whole", "first"], ["size"]),
    ]


def made_anew(model: ModelProto) -> None:
    """Let weights be a size as the nodes are read, and z decide it as they are run."""
    before_z(sized("ConstantOfShape", [1]))(model)
    model.graph.initializer.append(numpy_helper.from_array(np.zeros(1, np.int64), "first"))
    model.graph.node.extend(size_of("z"))


def scan_of(body: list[object], outputs: list[object]) -> Change:
    """Return what runs a body once a row of z: `a` is its state, `b` the row."""
    info = helper.make_tensor_value_info
    inputs = [info("a", TensorProto.FLOAT, None), info("b", TensorProto.FLOAT, None)]
    graph = helper.make_graph(body, "body", inputs, outputs)

    def change(model: ModelProto) -> None:
        scan = helper.make_node("Scan", ["state", "z"], ["walked"], body=graph, num_scan_inputs=1)
        model.graph.node.insert(0, scan)
        tensors = {
            "state": np.ones(1, np.float32),
            "size": np.ones(1, np.int64),
            "first": np.zeros(1, np.int64),
        }
        model.graph.initializer.extend(
            numpy_helper.from_array(array, name) for name, array in tensors.items()
        )

    return change


def made_anew_within(model: ModelProto) -> None:
    used = [helper.make_node("ConstantOfShape", ["size"], ["c"]), *size_of("b")]
    scan_of(used, [helper.make_tensor_value_info("c", TensorProto.FLOAT, None)])(model)


def sized_within(model: ModelProto) -> None:
    used = [*size_of("a"), helper.make_node("ConstantOfShape", ["size"], ["c"])]
    scan_of(used, [helper.make_tensor_value_info("c", TensorProto.FLOAT, None)])(model)


def doubling_state(model: ModelProto) -> None:
    doubled = [helper.make_node("Concat", ["a", "a"], ["c"], axis=0)]
    scan_of(doubled, [helper.make_tensor_value_info("c", TensorProto.FLOAT, None)])(model)


def many_axes(model: ModelProto) -> None:
    tensor = helper.make_tensor("t", TensorProto.FLOAT, [1], [1.0])
    tensor.dims[:] = [1 << 30] * 200_000
    with_tensor(model, tensor)


def long_name(model: ModelProto) -> None:
    with_tensor(model, helper.make_tensor("n" * 5_000_000, TensorProto.FLOAT, [1], [float("nan")]))


def broken_name(model: ModelProto) -> None:
    name = "\n\x1b[2Jline\u2028" * 1000
    model.graph.node.insert(0, helper.make_node("Add", ["z", "nowhere"], ["y"], name=name))


def sequence_input(model: ModelProto) -> None:
    kind = helper.make_sequence_type_proto(helper.make_tensor_type_proto(TensorProto.FLOAT, [1]))
    model.graph.input.append(helper.make_value_info("s", kind))


def optional_input(model: ModelProto) -> None:
    kind = helper.make_optional_type_proto(helper.make_tensor_type_proto(TensorProto.FLOAT, [1]))
    model.graph.input.append(helper.make_value_info("s", kind))


def own_function(model: ModelProto) -> None:
    function = helper.make_function(
        "", "Add", ["a", "b"], ["c"], [helper.make_node("Mul", ["a", "b"], ["c"])], model.opset_import
    )
    model.functions.append(function)


def metadata(model: ModelProto) -> None:
    helper.set_model_props(model, {f"key{number}": "x" for number in range(1_000_000)})


def renamed_axis(model: ModelProto) -> None:
    for value in model.graph.input:
        for axis in value.type.tensor_type.shape.dim:
            axis.dim_param = "B"


def many_inputs(model: ModelProto) -> None:
    model.graph.input.extend(
        helper.make_tensor_value_info(f"in{number}", TensorProto.FLOAT, [1]) for number in range(100_000)
    )


def changed(files: Files, change: Change) -> Files:
    """Return a bundle with a change in its decoder and right hashes."""
    model = load_from_string(files["decoder.onnx"])
    change(model)
    return with_hashes({**files, "decoder.onnx": model.SerializeToString()})


# Files ----------------------------------------------------------------------------------------


def zipped(files: Files, *, link: str = "", also: tuple[str, bytes] | None = None) -> bytes:
    """Return a .zip of a bundle, one of whose files is a link, or with one more."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            member = zipfile.ZipInfo(name)
            if name == link:
                member.external_attr = (stat.S_IFLNK | 0o777) << 16
            archive.writestr(member, b"/etc/passwd" if name == link else data)
        if also is not None:
            archive.writestr(*also)
    return buffer.getvalue()


def lying(files: Files) -> bytes:
    """Return a .zip whose list says that its large file has ten bytes, packed and unpacked."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, bytes(400 << 20) if name == "decoder.onnx" else data)
        archive.getinfo("decoder.onnx").file_size = 10
    return buffer.getvalue()


def shared_stream(files: Files) -> bytes:
    """Return a .zip whose files but the manifest all point at one stream of 20 MB in 1 MB."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bundle.json", files["bundle.json"])
        archive.writestr("decoder.onnx", np.random.default_rng(0).bytes(1 << 20) + bytes(19 << 20))
        whole = archive.getinfo("decoder.onnx")
        for number in range(90):
            member = zipfile.ZipInfo(f"{number}.onnx")
            for field in ("header_offset", "CRC", "compress_size", "file_size", "compress_type"):
                setattr(member, field, getattr(whole, field))
            archive.filelist.append(member)
    return buffer.getvalue()


def twice(manifest: bytes) -> bytes:
    """Return a manifest whose every key comes twice, first with null."""
    fields = json.loads(manifest)
    nothing = ", ".join(f"{json.dumps(name)}: null" for name in fields)
    return f"{{{nothing}, {json.dumps(fields)[1:]}".encode()


def numbered(files: Files, value: bytes) -> Files:
    """Return a bundle whose number of bars is what JSON text says."""
    fields = json.loads(files["bundle.json"])
    fields["bars"] = "HERE"
    return {**files, "bundle.json": json.dumps(fields).encode().replace(b'"HERE"', value)}
