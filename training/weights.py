"""Weights as `.safetensors` files that notice a changed byte: their header holds a hash of the tensors."""

import hashlib
import json
from collections.abc import Mapping

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, uint8

HASH = "sha256"
"""The header's entry. Files of other programs have none, and are read without."""
LENGTH_BYTES = 8
"""Of the header's length, little-endian, before the header."""


def packed(weights: Mapping[str, Tensor]) -> bytes:
    """Return weights as the content of a file that holds their hash."""
    held = {name: weight.detach().cpu().contiguous() for name, weight in weights.items()}
    return save(held, metadata={HASH: _digest(held)})


def unpacked(data: bytes) -> dict[str, Tensor]:
    """Return the weights in a file's content.

    Raises:
        ValueError: says in one line what is wrong: no safetensors, or not the tensors that were written.
    """
    try:
        weights = load(data)
    except (SafetensorError, ValueError) as error:
        raise ValueError(" ".join(str(error).split())[:160]) from error
    expected = _metadata(data).get(HASH)
    if expected is not None and expected != _digest(weights):
        raise ValueError("its numbers are not those that were written: their sha256 differs")
    return weights


def _metadata(data: bytes) -> dict[str, str]:
    length = int.from_bytes(data[:LENGTH_BYTES], "little")
    header = json.loads(data[LENGTH_BYTES : LENGTH_BYTES + length])
    return dict(header.get("__metadata__", {}))


def _digest(weights: Mapping[str, Tensor]) -> str:
    """Return the sha256 of all names, kinds, shapes and bytes, whatever the order."""
    digest = hashlib.sha256()
    for name, weight in sorted(weights.items()):
        digest.update(f"{name} {weight.dtype} {tuple(weight.shape)}\n".encode())
        digest.update(weight.contiguous().reshape(-1).view(uint8).numpy().data)
    return digest.hexdigest()
