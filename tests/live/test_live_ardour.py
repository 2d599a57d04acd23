"""The round trip through a real DAW, by hand: `pytest -m ardour tests/live`."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from headless_ardour import find_ardour

pytestmark = pytest.mark.ardour
BENCH = Path(__file__).resolve().parents[2] / "bench" / "ardour_roundtrip.py"
PERIOD_MS = 1000 * 256 / 48_000


@pytest.fixture
def results(request):
    """What the round trip measured, by the name of the comparison."""
    if "ardour" not in request.config.getoption("markexpr"):
        pytest.skip("runs by hand: pytest -m ardour")
    if find_ardour() is None:
        pytest.skip("Ardour is missing: install ardour")
    done = subprocess.run([sys.executable, str(BENCH), "--json"], capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stderr
    return {result["what"]: result for result in json.loads(done.stdout)}


def test_ardour_hears_the_pattern_on_its_grid_and_we_hear_ardour(results):
    assert len(results) == 6
    for result in results.values():
        assert result["found"] == result["expected"], result
        assert result["wrong_velocities"] == 0, result
        assert result["p50_ms"] <= 1, result
        assert result["p99_ms"] <= PERIOD_MS + 1, result
