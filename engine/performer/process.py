"""The performer's process: `python -m engine.performer.process`, started by its client.

It asks for real-time scheduling before anything else. On a busy machine the imports alone would
take seconds without it; and a thread started earlier, without priority, could be put to sleep while
it holds the interpreter and hold up all the others.
"""

import os
import sys
from collections.abc import Sequence

from engine.performer.priority import request_realtime
from engine.process.streams import flush_stderr


def main(argv: Sequence[str]) -> int:
    """Play until the controller says or shows that it is over; return the exit status."""
    realtime = request_realtime()
    from engine.performer.main import run

    return run(argv, realtime=realtime)


if __name__ == "__main__":
    code = main(sys.argv[1:])
    flush_stderr()
    # Driver threads may still be inside a callback; an orderly interpreter end could wait for them.
    os._exit(code)
