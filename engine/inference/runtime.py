"""The only door to onnxruntime, which sends telemetry unless it is switched off before the import.

`ORT_DISABLE_TELEMETRY` is the library's own switch (its Privacy.md): with it neither the uploader nor
the lasting device identifier is ever created. Its other switch, `disable_telemetry_events()`, comes too
late, after the import has sent its first event. Child processes inherit the variable.
"""

import os

# Before the import: afterwards it counts no more.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime

__all__ = ["onnxruntime"]
