"""The standard streams of a child process, where a library may print at any time."""

import os
import sys


def claim_stdout() -> int:
    """Keep standard output for frames and return its descriptor; what is printed goes to standard error.

    A program without a console has no standard error: what is printed is dropped there.
    """
    _open_stderr()
    frames = os.dup(1)
    os.dup2(2, 1)
    if sys.platform == "win32":
        import msvcrt

        msvcrt.setmode(frames, os.O_BINARY)
        msvcrt.setmode(0, os.O_BINARY)
    return frames


def _open_stderr() -> None:
    """Let descriptor 2 lead nowhere where it leads to nothing, before another file takes its number."""
    try:
        os.fstat(2)
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        if nowhere != 2:
            os.dup2(nowhere, 2)
            os.close(nowhere)


def flush_stderr() -> None:
    """Flush what was printed; a program without a console has nothing to flush."""
    if sys.stderr is not None:
        sys.stderr.flush()
