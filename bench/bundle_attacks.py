"""Tries bundles that somebody changed or made with ill intent: none may do more than be refused.

usage: python bench/bundle_attacks.py [--no-crafted] [--mutated 4000] [--seed 0] [BUNDLE]

Mutated ones: a bundle (the shipped melody_2bar if none is named) with bytes of its bundle.json, its graphs or
its latents changed, hashes put right so that the later checks are reached, or its .zip changed. A worker
with the limits of a trial loads and runs each; should it die, it is started again and the death counted.
Crafted ones go through `load_model`, as the program loads a stranger's bundle.

Prints how many were refused, loaded (the change did no harm), brought the worker down, and escaped with
anything but a `BundleError`, which should be none; and for each crafted one the line a player would see.
"""

import argparse
import contextlib
import hashlib
import io
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, load_from_string, numpy_helper

from engine.errors import BundleError
from engine.inference.bundle.places import SHIPPED
from engine.inference.trial import TRIAL_BYTES, TRIAL_S, load_model
from engine.process.child import child_environment

Files = dict[str, bytes]
WORKER = """
import json, signal, sys
from pathlib import Path
from engine.process.limits import limit_memory, forbid_writing
from engine.errors import BundleError
from engine.inference.bundle.store import load_bundle
from engine.inference.model import try_graphs
limit_memory(int(sys.argv[1]))
for line in sys.stdin:
    signal.alarm(int(sys.argv[2]))  # ends this process
    try:
        bundle = load_bundle(Path(json.loads(line)))
        for precision in bundle.precisions: try_graphs(bundle, precision)
        verdict = "loaded"
    except BundleError: verdict = "refused"
    except BaseException as error: verdict = "escaped: " + repr(error)[:300]
    signal.alarm(0)
    print(json.dumps(verdict), flush=True)
"""


class Worker:
    """A process that loads one bundle after another; it is replaced when it dies or takes too long."""

    def __init__(self) -> None:
        self._start()

    def _start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", WORKER, str(TRIAL_BYTES), str(round(TRIAL_S))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=child_environment(),
        )

    def verdict(self, path: Path) -> str:
        """Return what became of a bundle."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            print(json.dumps(str(path)), file=self._process.stdin, flush=True)
        line = self._process.stdout.readline()
        if line:
            return str(json.loads(line))
        status = self._process.wait()
        self._start()
        return f"worker died (status {status})"


def read_files(folder: Path) -> Files:
    """Return the files of a bundle folder but the weights, which the engine does not look into."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix != ".safetensors"}


def with_hashes(files: Files) -> Files:
    """Put sizes and hashes right, so that the checks after them are reached."""
    manifest = json.loads(files["bundle.json"])
    manifest["files"] = {
        name: {"sha256": hashlib.sha256(data).hexdigest(), "size_bytes": len(data)}
        for name, data in files.items()
        if name != "bundle.json"
    }
    return {**files, "bundle.json": json.dumps(manifest).encode()}


def write_folder(folder: Path, files: Files) -> Path:
    """Write a bundle folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


def zipped(files: Files) -> bytes:
    """Return a bundle as a .zip."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


# Mutations ----------------------------------------------------------------------------------


def changed(data: bytes, rng: random.Random) -> bytes:
    """Change, cut, double or insert a few bytes, mostly near the start, where structure is."""
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 5))):
        at = rng.randrange(len(out)) if rng.random() < 0.5 else rng.randrange(min(len(out), 4000))
        match rng.randrange(5):
            case 0:
                out[at] = rng.randrange(256)
            case 1:
                out[at] ^= 1 << rng.randrange(8)
            case 2:
                del out[at : at + rng.choice((1, 2, 50))]
            case 3:
                out[at:at] = rng.randbytes(rng.choice((1, 2, 9)))
            case _:
                out[at:at] = out[at : at + rng.choice((4, 40, 400))]
        if not out:
            return bytes(out)
    return bytes(out)


def mutated(files: Files, folder: Path, rng: random.Random) -> Path:
    """Write one mutated bundle and return where it is."""
    kind = rng.randrange(4)
    if kind == 0:
        return write_folder(folder, {**files, "bundle.json": changed(files["bundle.json"], rng)})
    if kind == 1:
        path = folder / "b.zip"
        folder.mkdir(parents=True, exist_ok=True)
        path.write_bytes(changed(zipped(files), rng))
        return path
    names = ["latents.npz"] if kind == 3 else [name for name in files if name.endswith(".onnx")]
    name = rng.choice(names)
    return write_folder(folder, with_hashes({**files, name: changed(files[name], rng)}))


def run_mutated(files: Files, count: int, seed: int, place: Path) -> Counter[str]:
    """Try many mutated bundles and return how many came to what."""
    rng, worker, found = random.Random(seed), Worker(), Counter[str]()
    for number in range(count):
        folder = place / f"{number}"
        verdict = worker.verdict(mutated(files, folder, rng))
        found[verdict] += 1
        if verdict not in ("loaded", "refused"):
            print(f"{number}: {verdict}", flush=True)
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()
    return found


# Crafted ones -------------------------------------------------------------------------------


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


def external(tensor: TensorProto) -> None:
    """Let a tensor be read from a file elsewhere."""
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "/etc/passwd"


def not_a_number(graph: object) -> None:
    """Put a NaN into the first matrix."""
    tensors = graph.initializer  # type: ignore[attr-defined]
    matrix = next(tensor for tensor in tensors if len(tensor.dims) == 2 and tensor.data_type in (1, 10))
    array = numpy_helper.to_array(matrix).copy()
    array[0, 0] = np.nan
    matrix.CopyFrom(numpy_helper.from_array(array, matrix.name))


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


def run_crafted(files: Files, place: Path) -> None:
    """Load each crafted bundle as the program does and print what a player would see."""
    for number, (name, made) in enumerate(crafted(files)):
        path = place / f"crafted{number}"
        if isinstance(made, bytes):
            path = path.with_suffix(".zip")
            path.write_bytes(made)
        else:
            write_folder(path, made)
        began_s, before = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        try:
            load_model(path)
            verdict = "LOADED"
        except BundleError as error:
            verdict = f"refused: {str(error).replace(str(path), 'BUNDLE')[:150]}"
        took_s = time.monotonic() - began_s
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024
        print(f"{name:55} {took_s:6.1f} s  +{grown} MB here  {verdict}", flush=True)


def main() -> None:
    """Run both series."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("bundle", nargs="?", type=Path, default=SHIPPED / "melody_2bar")
    parser.add_argument("--mutated", type=int, default=4000)
    parser.add_argument("--crafted", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    files = with_hashes(read_files(options.bundle))
    with tempfile.TemporaryDirectory() as place:
        if options.crafted:
            print(f"crafted (a trial may take {TRIAL_S:g} s and {TRIAL_BYTES >> 20} MB):")
            run_crafted(files, Path(place))
        found = run_mutated(files, options.mutated, options.seed, Path(place))
    print(f"mutated: {dict(found.most_common())}")


if __name__ == "__main__":
    main()
