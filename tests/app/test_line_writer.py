"""Lines are written beside: what cannot take them holds nobody up."""

import os
import subprocess
import sys
import threading
from pathlib import Path

from app.line_writer import LineWriter, write_to

ROOT = Path(__file__).resolve().parents[2]


def test_lines_keep_their_order():
    said = []
    writer = LineWriter(said.append, said.append, "test")
    for number in range(100):
        writer.put(str(number))
    writer.close()
    assert said == [str(number) for number in range(100)]


def test_a_failure_is_reported_once_and_what_follows_is_dropped():
    tried, reported = [], []

    def full(line):
        tried.append(line)
        raise OSError(28, "No space left on device")

    writer = LineWriter(full, reported.append, "test")
    for line in "abc":
        writer.put(line)
    writer.close()
    assert (tried, reported) == (["a"], ["no space left on device"])


def test_a_stalled_reader_holds_up_neither_who_writes_nor_the_end(monkeypatch):
    monkeypatch.setattr("app.line_writer.MOST_WAITING", 3)
    stalled, never = threading.Event(), threading.Event()

    def stall(line):
        stalled.set()
        never.wait(60)

    writer = LineWriter(stall, lambda _: None, "test")
    writer.put("first")
    assert stalled.wait(60)
    for _ in range(5):
        writer.put("another")
    assert writer.dropped == 2
    writer.close(0.01)
    never.set()


def test_names_of_any_bytes_and_control_characters_are_written_as_escapes():
    reader, writer = os.pipe()
    write_to(writer)("caf\udce9 \x1b[2J")
    os.close(writer)
    assert os.read(reader, 100) == b"caf\\xe9 \\x1b[2J\n"
    os.close(reader)


def test_the_program_ends_while_its_terminal_is_stalled():
    code = (
        "from app.line_writer import standard_output\n"
        "with standard_output() as say:\n"
        "    for _ in range(5_000): say('x' * 100)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE) as child:
        assert child.wait(120) == 0  # nobody reads, and the pipe holds far less


def test_the_program_goes_on_when_its_output_is_closed():
    code = (
        "import sys, time\n"
        "from app.line_writer import standard_output\n"
        "with standard_output() as say:\n"
        "    sys.stdin.read(); say('a'); say('b')\n"
        "print('went on', file=sys.stderr)\n"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    child.stdout.close()
    child.stdin.close()
    said = child.stderr.read()
    child.stderr.close()
    assert child.wait(120) == 0
    assert said.splitlines() == [
        "antiphon: standard output has ended (broken pipe); the music goes on", "went on",
    ]  # fmt: skip
