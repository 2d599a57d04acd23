import io
import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.text import failure_line, json_bytes, json_value, never_fail_on_text, one_line, printable

ANY_TEXT = st.text(st.characters(exclude_categories=()))
"""Lone surrogates and control characters included."""


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b"caf\xe9.mid", "caf\\xe9.mid"),
        ("café.mid".encode(), "café.mid"),
        (b"a\nb\x1b[31m", "a\\x0ab\\x1b[31m"),
        (b"\xff", "\\xff"),
        ("a\u202egpj.mid".encode(), "a\\u202egpj.mid"),
        ("a\u2028b\u2029c".encode(), "a\\u2028b\\u2029c"),
        ("👩\u200d🎤 עברית".encode(), "👩\u200d🎤 עברית"),
    ],
)
def test_a_file_name_of_any_bytes_is_shown_in_one_line(raw: bytes, shown: str) -> None:
    assert printable(raw.decode("utf-8", "surrogateescape")) == shown


def test_a_surrogate_that_is_no_byte_is_shown_by_its_number() -> None:
    assert printable("\ud800") == "\\ud800"


@given(ANY_TEXT)
def test_what_is_shown_encodes_and_stays_in_its_line(text: str) -> None:
    shown = printable(text)
    shown.encode("utf-8")
    assert shown.splitlines() in ([], [shown])


@given(st.binary())
def test_names_of_any_bytes_survive_json(raw: bytes) -> None:
    name = raw.decode("utf-8", "surrogateescape")
    back = json_value(json_bytes({"name": name}))["name"]
    assert back.encode("utf-8", "surrogateescape") == raw


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a\n  b\tc ", "a b c"),
        ("a\x1b[2J", "a\\x1b[2J"),
        ("0123456789", "0123456789"),
        ("0123456789a", "012345678…"),
    ],
)
def test_what_others_say_is_shown_in_one_line_of_some_length(text: str, line: str) -> None:
    assert one_line(text, 10) == line


def test_paths_of_this_system_can_be_written(tmp_path) -> None:
    name = os.fsdecode(b"l\xf6we.mid")
    assert json.loads(json_bytes([name])) == [name]


@pytest.mark.parametrize("data", [b"", b"{", b"NaN", b"[Infinity]", b"[1e999]", b"-1e999", b"\xff", b'"\n"'])
def test_what_is_no_json_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):
        json_value(data)


@given(ANY_TEXT)
def test_a_stream_of_any_encoding_writes_any_text(text: str) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    never_fail_on_text(stream)
    print(text, file=stream, flush=True)


def test_a_refusal_is_one_line_and_shortens_a_name_that_is_far_too_long() -> None:
    assert failure_line("antiphon", "no\nsuch  file: \x1b") == "antiphon: no such file: \\x1b"
    assert failure_line("antiphon", "x" * 400 + " missing") == f"antiphon: {'x' * 400} missing"
    shortened = failure_line("antiphon", f"{'a' * 300}{'b' * 300}: missing")
    assert shortened == f"antiphon: {'a' * 200}...{'b' * 199}: missing"
