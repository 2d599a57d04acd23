"""The output offset set from the terminal: by ear against the DAW's click, or by a loop through the DAW."""

import queue
import sys
import threading
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import msgspec
from msgspec.structs import replace

from app import session_files
from app.compose import LiveOptions, make_client
from app.notice_text import notice_line
from engine.errors import AntiphonError, RenderError, reason_of
from engine.process.signals import watch_for_end
from engine.session.document import Document
from engine.session.session import Session
from engine.session.snapshot import Snapshot
from engine.session.store import FileLock, refusal, write_document
from engine.text import printable

FRAME_S = 1 / 60
LONGEST_LOOP_S = 30.0
"""Ten clicks that all are lost take no longer."""
HELP = (
    "Switch the DAW's click on and press play there. Each line moves our click: + or - by a millisecond, "
    "+5 or -5 by more, =12 sets it; an empty line ends."
)
Say = Callable[[str], None]


def calibrate(options: LiveOptions, *, loop: bool, say: Say, lines: "queue.Queue[str | None]") -> float:
    """Find the output offset and keep it with the session that is named; return it in milliseconds.

    Args:
        options: ports, and the session to keep it with.
        loop: whether it is measured; else it is set by ear with `lines`.
        say: takes a line for the player.
        lines: what the player types; None at its end.

    Raises:
        AntiphonError: the ports or the session cannot be had, or the loop is not closed.
    """
    begun = session_files.named(options.session) if options.session else session_files.Begun()
    document = begun.document or Document()
    stopped = watch_for_end()
    client = make_client(options)
    client.start()
    # Its model is not needed, and its bound keys are the player's for this long.
    bare = msgspec.structs.replace(Document(), settings=document.settings)
    lock = FileLock(begun.file) if begun.file is not None else nullcontext()
    with lock, Session(client, document=bare) as session:
        session.start()
        (_measure if loop else _by_ear)(session, say, lines, stopped)
        offset_ms = float(session.snapshot().value("offset_ms"))
        say(f"Output offset {offset_ms:+.1f} ms: antiphon live --offset-ms {offset_ms:g}")
        if begun.file is not None:
            _keep(begun.file, document, offset_ms)
            say(f"Kept with {printable(str(begun.file))}")
    return offset_ms


def _measure(
    session: Session, say: Say, _lines: "queue.Queue[str | None]", stopped: Callable[[], bool]
) -> None:
    say("Ten clicks go out; let the DAW lead Antiphon Out back to Antiphon In.")
    session.do("offset.measure")
    end_s = time.monotonic() + LONGEST_LOOP_S
    while not (notices := [n for n in session.snapshot().live.notices if n.about == "offset"]):
        session.poll()
        if stopped() or time.monotonic() > end_s:
            raise AntiphonError("the clicks were not timed; `antiphon doctor` looks for the cause")
        time.sleep(FRAME_S)
    if notices[0].mood == "bad":
        raise AntiphonError(notice_line(notices[0]))
    say(notice_line(notices[0]))


def _by_ear(
    session: Session, say: Say, lines: "queue.Queue[str | None]", stopped: Callable[[], bool]
) -> None:
    session.set("metronome", True)
    say(HELP)
    clock = ""
    while not stopped():
        session.poll()
        clock = _said_clock(session.snapshot(), clock, say)
        try:
            line = lines.get_nowait()
        except queue.Empty:
            time.sleep(FRAME_S)
            continue
        if not (line or "").strip():
            return
        try:
            session.set("offset_ms", moved(float(session.snapshot().value("offset_ms")), str(line)))
        except RenderError as error:
            say(f"{error}")
        say(f"offset {session.snapshot().text('offset_ms')}")


def _said_clock(shown: Snapshot, before: str, say: Say) -> str:
    """Print how the clock stands if that has changed; return it."""
    live = shown.live.clock
    if live is None or live.source == "internal":
        now = "no clock comes in yet"
    else:
        now = f"following the DAW at {live.bpm:.0f} BPM" if shown.live.rolling else "the DAW stands still"
    if now.partition(" at ")[0] != before.partition(" at ")[0]:
        say(now)
    return now


def moved(offset_ms: float, line: str) -> float:
    """Return the offset that a typed line asks for; RenderError if it is none of the forms of `HELP`."""
    text = line.strip().replace(",", ".")
    sign, amount = text[:1], text[1:].strip() or "1"
    try:
        value = float(amount)
    except ValueError:
        value = None
    if sign not in ("+", "-", "=") or value is None or (sign == "=" and not text[1:].strip()):
        raise RenderError(f"{line.strip()!r} moves nothing; type +, -, +5, -5 or =12")
    return {"+": offset_ms + value, "-": offset_ms - value, "=": value}[sign]


def _keep(file: Path, document: Document, offset_ms: float) -> None:
    """Write the offset into the session's file."""
    settings = replace(document.settings, offset_ms=offset_ms)
    try:
        write_document(file, msgspec.structs.replace(document, settings=settings))
    except OSError as error:
        raise refusal(file, f"the offset cannot be saved ({reason_of(error)})") from None


def typed_lines() -> "queue.Queue[str | None]":
    """Return a queue of the lines of standard input, read beside; None at its end."""
    lines: queue.Queue[str | None] = queue.Queue()

    def read() -> None:
        for line in sys.stdin:
            lines.put(line)
        lines.put(None)

    threading.Thread(target=read, name="typed", daemon=True).start()
    return lines
