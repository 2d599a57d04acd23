"""Changes a bundle at random, byte by byte or where it has structure, for `bundle_attacks.py`.

Changed bytes mostly break the form, which the readers refuse; changes of structure (a value of
bundle.json, a field of a graph, an array of the latents) keep the form and so reach what comes after.
"""

import contextlib
import io
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from bundle_files import Files, with_hashes, write_folder, zipped
from google.protobuf.message import Message
from onnx import load_from_string

ODD_VALUES: tuple[Any, ...] = (
    None, True, 0, 1, -1, 3, 2**31, 2**63, -(2**63), 10**30, 0.5, -0.0, 1e308, "", "x", "\n", "\x1b[2J",
    "../../etc/passwd", "/etc/passwd", "é" * 300, "a" * 10**5, [], {}, [[]], [0] * 1000, {"": {}}, [None],
)  # fmt: skip
"""What may stand in bundle.json instead of what is meant."""
ODD_NUMBERS = (0, 1, -1, 2, 7, 127, 128, 2**31 - 1, 2**31, 2**32, 2**62, -(2**63))
ODD_TEXTS = ("", "x", "z", "tokens", "../x", "/etc/passwd", "If", "Loop", "Gemm", "\x00", "ü" * 100)


def changed(data: bytes, rng: random.Random) -> bytes:
    """Change, cut, double or insert a few bytes, mostly near the ends, where structure is."""
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 5))):
        near = rng.randrange(min(len(out), 4000))
        at = rng.choice((near, near, len(out) - 1 - near, rng.randrange(len(out))))
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


def changed_json(data: bytes, rng: random.Random) -> bytes:
    """Change, remove, double or exchange a value somewhere in a JSON document."""
    document = json.loads(data)
    for _ in range(rng.choice((1, 1, 1, 2))):
        holder, key = rng.choice(list(_places(document)))
        match rng.randrange(4):
            case 0:
                del holder[key]
            case 1:
                holder[key] = rng.choice(ODD_VALUES)
            case 2:
                other, name = rng.choice(list(_places(document)))
                holder[key] = json.loads(json.dumps(other[name]))
            case _:
                _nudge(holder, key, rng)
        if not document:
            break
    return json.dumps(document).encode()


def _places(value: Any) -> Any:
    """Yield every (object or array, key or index) of a document."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in inside:
        yield value, key
        yield from _places(part)


def _nudge(holder: Any, key: Any, rng: random.Random) -> None:
    """Make a value a little different of its own kind."""
    value = holder[key]
    if isinstance(value, bool):
        holder[key] = not value
    elif isinstance(value, int):
        holder[key] = value + rng.choice((-1, 1, 16, 1 << 20))
    elif isinstance(value, float):
        holder[key] = value * rng.choice((-1, 0, 2, 1e300))
    elif isinstance(value, str):
        holder[key] = rng.choice((value.upper() + "s", value[:-1], value * 50))
    elif isinstance(value, list):
        holder[key] = rng.choice((value * 2, value[::-1], value[:-1], [value]))
    elif isinstance(value, dict):
        value[rng.choice(("", "extra", "name"))] = rng.choice(ODD_VALUES)


def changed_graph(data: bytes, rng: random.Random) -> bytes:
    """Change, remove, double or reorder fields of an ONNX model, which stays a valid protobuf message."""
    model = load_from_string(data)
    for _ in range(rng.choice((1, 1, 1, 3))):
        message: Message = model.graph if rng.random() < 0.9 else model
        while rng.random() < 0.8 and (inner := _inner(message)):
            message = rng.choice(inner)
        fields = message.ListFields()
        if fields:
            _change_field(message, rng.choice(fields)[0], rng)
    return bytes(model.SerializeToString())


def _inner(message: Message) -> list[Message]:
    inside: list[Message] = []
    for field, value in message.ListFields():
        if field.message_type is not None:
            inside += list(value) if _repeated(field) else [value]
    return inside


def _repeated(field: Any) -> bool:
    return bool(field.is_repeated)


def _change_field(message: Any, field: Any, rng: random.Random) -> None:
    value = getattr(message, field.name)
    if field.message_type is not None and _repeated(field):
        at = rng.randrange(len(value))
        kept = list(value)
        made = [kept[:at] + kept[at + 1 :], [*kept, kept[at]], kept[at:] + kept[:at]]
        copies = [type(part).FromString(part.SerializeToString()) for part in rng.choice(made)]
        message.ClearField(field.name)
        getattr(message, field.name).extend(copies)
    elif field.message_type is not None or rng.random() < 0.15:
        message.ClearField(field.name)
    elif _repeated(field):
        at = rng.randrange(len(value))
        value[at] = _odd(value[at], rng)
    else:
        with contextlib.suppress(ValueError):  # a number that is none of the field's names
            setattr(message, field.name, _odd(value, rng))


def _odd(value: Any, rng: random.Random) -> Any:
    """Return another value that the field can hold, as far as a guess goes; else the same."""
    if isinstance(value, str):
        return rng.choice(ODD_TEXTS)
    if isinstance(value, bytes):
        return changed(value, rng) if value else b"x"
    if isinstance(value, float):
        return rng.choice((0.0, -1.0, 1e30, float("nan"), float("inf")))
    number = rng.choice(ODD_NUMBERS)
    return number if abs(number) < 2**31 and value is not True else value + 1


def changed_latents(data: bytes, rng: random.Random) -> bytes:
    """Change an array of the latents: its values, type, shape or name."""
    with np.load(io.BytesIO(data)) as file:
        arrays = dict(file)
    name = rng.choice(list(arrays))
    array = arrays[name]
    match rng.randrange(6):
        case 0:
            del arrays[name]
        case 1:
            arrays[rng.choice(("x", "../x", name.upper()))] = arrays.pop(name)
        case 2:
            arrays[name] = array.astype(
                rng.choice(("float64", "float16", "int64", "bool", "complex64", "S4"))
            )
        case 3:
            arrays[name] = rng.choice((array[None], array[..., None], array.ravel(), array[:0], array[:-1]))
        case 4:
            arrays[name] = np.full_like(array, rng.choice((0.0, -1.0, 1e30, np.nan, np.inf)))
        case _:
            arrays[name] = np.concatenate([array, array])
    out = io.BytesIO()
    np.savez(out, **arrays)
    return out.getvalue()


class Mutants:
    """Writes mutants of one bundle; the same seed and number make the same one, whatever came before."""

    def __init__(self, files: Files, seed: int) -> None:
        self._files = files
        self._zip = zipped(files)
        self._seed = seed

    def write(self, number: int, folder: Path) -> tuple[Path, str]:
        """Write one mutant and return where it is and what was changed."""
        rng = random.Random(f"{self._seed}/{number}")
        graphs = [name for name in self._files if name.endswith(".onnx")]
        name, change = rng.choice(
            [
                ("bundle.json", changed),
                ("bundle.json", changed_json),
                ("b.zip", changed),
                (rng.choice(graphs), changed),
                (rng.choice(graphs), changed_graph),
                (rng.choice(graphs), changed_graph),
                ("latents.npz", changed),
                ("latents.npz", changed_latents),
            ]
        )
        how = f"{name}, {'bytes' if change is changed else 'structure'}"
        if name == "b.zip":
            return write_folder(folder, {name: changed(self._zip, rng)}) / name, how
        return write_folder(folder, self._changed(name, change, rng)), how

    def _changed(
        self, name: str, change: Callable[[bytes, random.Random], bytes], rng: random.Random
    ) -> Files:
        files = {**self._files, name: change(self._files[name], rng)}
        return files if name == "bundle.json" else with_hashes(files)
