"""The `antiphon-export` command as it is installed: what is loaded before Ctrl+C is heard."""

from typing import NoReturn

from engine.program import run


def main() -> NoReturn:
    """Run the command line."""
    run("antiphon-export", "export.cli")
