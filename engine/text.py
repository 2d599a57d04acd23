"""Text from outside, such as file names, made safe to show and to store as JSON.

A file name that is not UTF-8 reaches Python with lone surrogates in it (PEP 383). Printing it or encoding it
raises UnicodeEncodeError, which is a ValueError and escapes every handler of OSError.
"""

import io
import json
import math
import sys
import unicodedata
from typing import Any, TextIO

import msgspec

ESCAPED = ("Cc", "Cs", "Zl", "Zp")
"""Categories of Unicode: controls, lone surrogates, ends of lines and of paragraphs."""
TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""What makes text after it run the other way."""


LONGEST_WORD = 400
"""Characters of a name that a refusal repeats; a path of usual depth has fewer."""


def printable(text: str) -> str:
    r"""Return `text` with everything that cannot be shown in one line written as an escape.

    The byte 0xE9 of a name that is not UTF-8 becomes the four characters `\xe9`; other lone surrogates become
    `\ud800`, control characters, which a terminal would obey, `\x1b`; so do those that end a line or turn the
    direction of writing. All other text stays as it is, so the result always encodes to UTF-8.
    """
    return "".join(_escape(c) if unicodedata.category(c) in ESCAPED or c in TURNING else c for c in text)


def one_line(text: object, most: int = 300) -> str:
    """Return a text as one line that can be shown, of `most` characters at most, then with an ellipsis."""
    line = printable(" ".join(str(text).split()))
    return line if len(line) <= most else f"{line[: most - 1]}…"


def failure_line(program: str, text: str) -> str:
    """Return what a command says as it fails: one line, each word of 400 characters at most."""
    half = LONGEST_WORD // 2
    words = [
        word if len(word) <= LONGEST_WORD else f"{word[:half]}...{word[-half:]}" for word in text.split()
    ]
    return printable(f"{program}: {' '.join(words)}")


def _escape(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that was not UTF-8
        code -= 0xDC00
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def counted(number: int, noun: str) -> str:
    """Return a number of things in words: `1 note`, `2 notes`, `2 processes`."""
    plural = f"{noun}es" if noun.endswith("s") else f"{noun}s"
    return f"{number} {noun if number == 1 else plural}"


def json_bytes(value: Any, *, indent: int | None = None) -> bytes:
    """Encode builtins, dataclasses or msgspec structs as UTF-8 JSON. It never fails on text.

    A lone surrogate is written as its JSON escape, so `json.loads` gives the same string back.
    """
    text = json.dumps(msgspec.to_builtins(value), ensure_ascii=False, indent=indent)
    return text.encode("utf-8", "backslashreplace")


def json_value(data: bytes) -> Any:
    """Decode JSON that `json_bytes` wrote, lone surrogates included.

    Raises:
        ValueError: it is no JSON in UTF-8, or holds a number that is not finite.
    """
    return json.loads(data.decode("utf-8"), parse_constant=_refuse_constant, parse_float=_finite)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):  # 1e999
        raise ValueError(f"{text} is too large a number")
    return number


def never_fail_on_text(*streams: TextIO) -> None:
    """Let output streams (of none: stdout and stderr) write as escapes what their encoding has not."""
    for stream in streams or (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
