"""Prints the pins for constraints.txt from pip's own resolution.

usage: python -m pip install --dry-run --ignore-installed --report report.json -e '.[train,export,dev]'
       python scripts/pins.py report.json > pins.txt
"""

import json
import sys
from pathlib import Path


def pins(report: dict) -> list[str]:
    """Return the resolved packages as `name==version` lines, local version parts (`+cpu`) left off."""
    found = {item["metadata"]["name"]: item["metadata"]["version"] for item in report["install"]}
    found.pop("antiphon", None)
    return [f"{name}=={found[name].split('+')[0]}" for name in sorted(found, key=str.lower)]


if __name__ == "__main__":
    for path in sys.argv[1:] or sys.exit(__doc__):
        print(*pins(json.loads(Path(path).read_text())), sep="\n")
