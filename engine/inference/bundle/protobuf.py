"""Reads one protobuf message by a table of the fields it may have, and refuses everything else.

Parsers of protobuf merge a message that comes twice and take the last of two numbers; what is checked
here could then differ from what a runtime reads. So a field that the table does not name, one of
another wire type, and a single one that comes twice are refused.
"""

import struct
from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

Form = Literal["int", "float", "bytes", "text"]
Message = dict[str, Any]
"""Values by field name: of a single field its value, of a repeated one a list; absent ones are missing."""

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_WIRE: Mapping[Form, int] = {"int": _VARINT, "float": _FIXED32, "bytes": _BYTES, "text": _BYTES}
_LARGEST_KEY = (1 << 32) - 1
_LARGEST_VARINT = (1 << 64) - 1


class Field(NamedTuple):
    """One field that a message may have."""

    name: str
    form: Form
    """`int` an unsigned varint, `float` four bytes, `bytes` a part of the file, `text` UTF-8."""
    repeated: bool = False
    """Whether it may come more than once; numbers may be packed then."""


def read_message(data: memoryview, fields: Mapping[int, Field]) -> Message:
    """Return the values of a message by field name.

    Args:
        data: the message's bytes.
        fields: what it may hold, by field number.

    Raises:
        ValueError: it holds anything else, or is damaged.
    """
    found: Message = {}
    for number, wire, value in _entries(data):
        field = fields.get(number)
        if field is None:
            raise ValueError(f"field {number} has no use in a bundle")
        values = _values(field, wire, value)
        if field.repeated:
            found.setdefault(field.name, []).extend(values)
        elif field.name in found:
            raise ValueError(f"{field.name} comes twice")
        else:
            (found[field.name],) = values
    return found


def _values(field: Field, wire: int, value: int | memoryview) -> list[Any]:
    """Return what one entry holds: one value, or of packed numbers all of them."""
    if wire == _BYTES and field.repeated and field.form in ("int", "float"):
        assert isinstance(value, memoryview)
        return _varints(value) if field.form == "int" else _floats(value)
    if wire != _WIRE[field.form]:
        raise ValueError(f"{field.name} is of another type")
    if isinstance(value, int) or field.form == "bytes":
        return [value]
    return _floats(value) if field.form == "float" else [bytes(value).decode("utf-8")]


def _entries(data: memoryview) -> Iterator[tuple[int, int, int | memoryview]]:
    """Yield field number, wire type and value: an int, or the bytes of what is inside."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, wire = key >> 3, key & 7
        if not number or key > _LARGEST_KEY:
            raise ValueError(f"field number {number}")
        if wire == _VARINT:
            value, at = _varint(data, at)
            yield number, wire, value
            continue
        if wire == _BYTES:
            size, at = _varint(data, at)
        elif wire in (_FIXED32, _FIXED64):
            size = 4 if wire == _FIXED32 else 8
        else:
            raise ValueError(f"wire type {wire}")
        if at + size > len(data):
            raise ValueError("cut short")
        yield number, wire, data[at : at + size]
        at += size


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise ValueError("cut short")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            if value > _LARGEST_VARINT:
                break
            return value, at
    raise ValueError("a number longer than 64 bits")


def _varints(data: memoryview) -> list[int]:
    values, at = [], 0
    while at < len(data):
        value, at = _varint(data, at)
        values.append(value)
    return values


def _floats(data: memoryview) -> list[float]:
    if len(data) % 4:
        raise ValueError("cut short")
    return list(struct.unpack(f"<{len(data) // 4}f", data))
