"""How exactly this machine lets a process sleep: run as a process of its own by `antiphon doctor`."""

import json
import sys
import time

from engine.midi.ports import now_ns
from engine.performer.priority import request_realtime
from engine.performer.realtime import quieten_collector

STEP_NS = 5_000_000


def lateness_ms(count: int, step_ns: int = STEP_NS) -> list[float]:
    """Sleep `count` times until a moment and return how much later the sleep ended, in order."""
    found = []
    due_ns = now_ns() + step_ns
    for _ in range(count):
        time.sleep(max(due_ns - now_ns(), 0) * 1e-9)
        found.append((now_ns() - due_ns) * 1e-6)
        due_ns += step_ns
    return found


def percentile(values: list[float], percent: float) -> float:
    """Return the value that `percent` of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def main(count: int) -> None:
    """Measure and print one line of JSON."""
    realtime = request_realtime()
    quieten_collector()
    late = lateness_ms(count)
    print(json.dumps({"realtime": realtime, "p50_ms": percentile(late, 50), "p99_ms": percentile(late, 99)}))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 300)
