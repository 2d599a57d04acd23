"""What the command lines of training and export share: every failure is one line and a non-zero status."""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup
from typer.exceptions import TyperException

from engine.errors import AntiphonError
from engine.text import never_fail_on_text, printable

DEBUG_VARIABLE = "ANTIPHON_DEBUG"
"""Set to see the traceback of an internal error."""
INTERRUPTED_STATUS = 130
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

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        never_fail_on_text()
        with one_line_errors(self.name or ctx.info_name):
            return super().invoke(ctx)


@contextmanager
def one_line_errors(program: str) -> Iterator[None]:
    """Turn every failure into one line on standard error and status 1, or 130 after Ctrl+C."""
    try:
        yield
    except (TyperException, typer.Exit, typer.Abort):
        raise
    except KeyboardInterrupt:
        fail(program, "stopped", INTERRUPTED_STATUS)
    except AntiphonError as error:
        fail(program, str(error))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        if error.errno in FULL_DISK:  # which file it was, the system does not say
            fail(program, f"the disk that is written to: {reason}; free some and run it again")
        fail(program, f"{error.filename or 'system'}: {reason}")
    except MemoryError:
        fail(program, "out of memory; take a smaller batch or model, or fewer workers")
    except Exception as error:
        if os.environ.get(DEBUG_VARIABLE):
            raise
        detail = f"{type(error).__name__}: {error}"
        fail(program, f"internal error, {detail}; set {DEBUG_VARIABLE}=1 to see where")


def fail(program: str, text: str, status: int = 1) -> NoReturn:
    """Print one line to standard error and leave.

    Raises:
        typer.Exit: always.
    """
    print(f"{program}: {printable(' '.join(text.split()))}", file=sys.stderr)
    raise typer.Exit(status) from None
