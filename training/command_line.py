"""What the command lines of training and export share: every failure is one line and a non-zero status."""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup
from typer.exceptions import TyperException

from engine.errors import AntiphonError, reason_of
from engine.process.signals import stopped_status, terminable
from engine.text import failure_line, never_fail_on_text
from training.errors import ConfigError

DEBUG_VARIABLE = "ANTIPHON_DEBUG"
"""Set to see the traceback of an internal error."""
TORCH_OUT_OF_MEMORY = ("DefaultCPUAllocator", "CUDA out of memory")
"""How PyTorch says it, in errors of a type that it has for other faults too."""
FULL_DISK = (errno.ENOSPC, errno.EDQUOT)


class OneLineGroup(TyperGroup):
    """A group of commands whose errors end as one line on standard error."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for."""
        never_fail_on_text()
        with one_line_errors(self.name or ctx.info_name):
            return super().invoke(ctx)


class OneLineCommand(TyperCommand):
    """The same for a program that is a single command."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the arguments, among which names of places may be refused."""
        with one_line_errors(self.name or ctx.info_name):
            return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        never_fail_on_text()
        with one_line_errors(self.name or ctx.info_name):
            return super().invoke(ctx)


@contextmanager
def one_line_errors(program: str) -> Iterator[None]:
    """Turn every failure into one line and status 1; 130 after Ctrl+C and 143 after SIGTERM."""
    try:
        with terminable():
            yield
    except (TyperException, typer.Exit, typer.Abort):
        raise
    except KeyboardInterrupt as stop:
        fail(program, "stopped", stopped_status(stop))
    except AntiphonError as error:
        fail(program, str(error))
    except OSError as error:
        reason = reason_of(error)
        if error.errno in FULL_DISK:  # which file it was, the system does not say
            fail(program, f"the disk that is written to: {reason}; free some and run it again")
        fail(program, f"{error.filename or 'system'}: {reason}")
    except Exception as error:
        if isinstance(error, MemoryError) or any(sign in str(error) for sign in TORCH_OUT_OF_MEMORY):
            fail(program, "out of memory; take a smaller batch or model, or fewer workers")
        if os.environ.get(DEBUG_VARIABLE):
            raise
        detail = f"{type(error).__name__}: {error}"
        fail(program, f"internal error, {detail}; set {DEBUG_VARIABLE}=1 to see where")


def folder_to_write(path: Path) -> Path:
    """Return what `-o` names, where a folder is or can be made.

    Raises:
        ConfigError: it, or a part of its path, is something else.
    """
    for place in (path, *path.parents):
        if place.exists() and not place.is_dir():
            raise ConfigError(f"-o {path}: {'it' if place == path else place} is a file; name a folder")
    return path


def fail(program: str, text: str, status: int = 1) -> NoReturn:
    """Print one line to standard error and leave.

    Raises:
        typer.Exit: always.
    """
    print(failure_line(program, text), file=sys.stderr)
    raise typer.Exit(status) from None
