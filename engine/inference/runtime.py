"""The only door to onnxruntime, which sends telemetry unless it is switched off before the import.

`ORT_DISABLE_TELEMETRY` is the library's own switch (its Privacy.md): with it neither the uploader nor
the lasting device identifier is ever created. Its other switch, `disable_telemetry_events()`, comes too
late, after the import has sent its first event. Child processes inherit the variable.
"""

import ctypes
import os
import sys

# Before the import: afterwards it counts no more.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime

__all__ = ["has_driver", "onnxruntime"]

CUDA = "CUDAExecutionProvider"
CUDA_DRIVERS = {"linux": "libcuda.so.1", "win32": "nvcuda.dll"}
"""Libraries that the driver of an NVIDIA card brings, by system."""


def has_driver(provider: str) -> bool:
    """Return False where the driver that an execution provider needs is missing.

    onnxruntime finds that out too, but reads the whole graph first; most machines have its GPU build and no
    such card.
    """
    library = CUDA_DRIVERS.get(sys.platform) if provider == CUDA else None
    if library is None:
        return True
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True
