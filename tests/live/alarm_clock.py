"""Sleep 2 ms again and again; for each line on standard input answer the worst delay so far, in ms.

It is a process of its own, for in the test's the interpreter's lock would count as a delay of the machine.
"""

import sys
import threading
import time

SLEEP_NS = 2_000_000


class Sleeper(threading.Thread):
    """Sleeps and remembers the longest time that it was woken too late."""

    def __init__(self):
        super().__init__(daemon=True)
        self.worst_ns = 0

    def run(self):
        while True:
            before_ns = time.monotonic_ns()
            time.sleep(SLEEP_NS / 1e9)
            self.worst_ns = max(self.worst_ns, time.monotonic_ns() - before_ns - SLEEP_NS)


if __name__ == "__main__":
    sleeper = Sleeper()
    sleeper.start()
    for _ in sys.stdin:
        print(sleeper.worst_ns / 1e6, flush=True)
