"""The process that tries a bundle: `python -m engine.inference.trial_process PATH SECONDS BYTES`.

Its verdict is one JSON object on standard output: `hash` of a bundle that loads and runs, or `refused`
with the reason. No verdict at all means that it went beyond its limits or that the runtime crashed.
"""

import json
import os
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from engine.process.limits import forbid_writing, limit_memory, limit_time

LONGEST_REASON = 1000


def main(argv: Sequence[str]) -> int:
    """Try the bundle named by the arguments and return the exit status."""
    path, most_s, most_bytes = Path(argv[0]), float(argv[1]), int(argv[2])
    threading.Thread(target=_end_with_parent, daemon=True).start()
    limit_time(most_s)
    limit_memory(most_bytes)
    forbid_writing()
    verdict = _tried(path)
    os.write(1, json.dumps(verdict).encode())
    return 0


def _tried(path: Path) -> dict[str, str]:
    # Imported within the limits: what they load counts, and nothing of the bundle is read before.
    from engine.errors import AntiphonError
    from engine.inference.bundle.store import load_bundle
    from engine.inference.trial_run import try_graphs

    try:
        bundle = load_bundle(path)
        for precision in bundle.precisions:
            try_graphs(bundle, precision)
    except AntiphonError as error:
        return {"refused": str(error)[:LONGEST_REASON]}
    except MemoryError:
        return {"refused": f"{path}: needs more memory than a bundle may"}
    return {"hash": bundle.hash}


def _end_with_parent() -> None:
    """End when standard input closes, which happens when whoever started the trial ends."""
    while os.read(0, 1024):
        pass
    os._exit(1)


if __name__ == "__main__":
    code = main(sys.argv[1:])
    # Threads of the runtime may still be at work on what was tried.
    os._exit(code)
