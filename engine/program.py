"""Starts a program so that Ctrl+C while its modules still load ends it in one line too."""

import importlib
import sys
from typing import NoReturn

INTERRUPTED = 130
"""The exit status that shells expect after Ctrl+C."""


def run(name: str, module: str) -> NoReturn:
    """Load a module, call its `main` and end the process.

    Args:
        name: of the program, for what it says.
        module: where its `main` is; loaded here, since that takes longer than the rest of a short command.
    """
    try:
        sys.exit(importlib.import_module(module).main())
    except KeyboardInterrupt:
        print(f"{name}: stopped", file=sys.stderr)
        sys.exit(INTERRUPTED)
