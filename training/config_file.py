"""Reads a run's TOML file, found by path or by name, and applies overrides; says what is allowed."""

import difflib
import os
import re
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import inspect

from training.config import LONGEST_NAME, RunConfig
from training.errors import ConfigError
from training.setting_use import Unused, unused_settings

BARE_POINT = re.compile(r"[-+]?(\d+\.|\.\d+)([eE][-+]?\d+)?")
"""A number as people type it and TOML does not: .5 or 5."""
COMMAND_LINE, OVERRIDES_VARIABLE = "command line", "ANTIPHON_OVERRIDES"
CONFIGS = Path(__file__).parent / "configs"
_UNKNOWN = re.compile(r"unknown field `([^`]*)`")


def config_names() -> dict[str, Path]:
    """Return the configs that come with the program, by name."""
    return {path.stem: path for path in sorted(CONFIGS.rglob("*.toml"))}


def first_comment(path: Path) -> str:
    """Return what a config says it is, in its first line."""
    with path.open(encoding="utf-8") as stream:
        return stream.readline().lstrip("# ").strip()


def find_config(name: str) -> Path:
    """Return the TOML file at the path `name`, or the shipped config of that name.

    Raises:
        ConfigError: there is neither; the message lists the names that come nearest.
    """
    path = Path(name)
    if path.is_file():
        return path
    names = config_names()
    if path.name in names and path.suffix != ".toml":
        return names[path.name]
    near = difflib.get_close_matches(path.stem, names, 3, 0.4) or names
    fault = "a folder" if path.is_dir() else "no file to read" if path.exists() else "no such file"
    raise ConfigError(
        f"{name}: {fault}, and no config of that name; there are {', '.join(near)} "
        "('antiphon-train configs' lists all)"
    )


def load_config(path: Path | str, overrides: Sequence[str] = ()) -> RunConfig:
    """Read a run's TOML file and apply `key.sub=value` overrides (TOML values, bare words allowed).

    Args:
        path: a file, or the name of a shipped config.
        overrides: changes, the last one of a key winning; those in the environment variable
            ANTIPHON_OVERRIDES, separated by blanks, come after them.

    Raises:
        ConfigError: unreadable file, unknown key, a value that is not allowed, or a setting that the kind of
            model and of loss does not use.
    """
    file = find_config(str(path))
    try:
        text = file.read_text(encoding="utf-8")
        tables = tomllib.loads(text)
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror}; name a TOML file or a shipped config") from error
    except ValueError as error:
        raise ConfigError(f"{file}: {error}; mend it, or name a shipped config") from error
    from_environment = os.environ.get(OVERRIDES_VARIABLE, "").split()
    changes = [(COMMAND_LINE, change) for change in overrides]
    changes += [(OVERRIDES_VARIABLE, change) for change in from_environment]
    for origin, change in changes:
        try:
            _override(tables, change)
        except ValueError as error:
            raise ConfigError(f"{origin}: {error}") from error
    try:
        config = msgspec.convert(tables, RunConfig)
    except msgspec.ValidationError as error:
        origin = _blamed(str(error), tomllib.loads(text), changes) or str(file)
        raise ConfigError(f"{origin}: {_explained(str(error), tables)}") from error
    unused = list(unused_settings(config))
    if unused:
        raise ConfigError(f"{_giver(unused[0].name, changes) or file}: {_refused(unused)}")
    return config


def _giver(name: str, changes: Sequence[tuple[str, str]]) -> str:
    """Return where a setting was changed last; empty where it is the file's own."""
    return next((origin for origin, change in reversed(changes) if _key(change) == name), "")


def _refused(unused: Sequence[Unused]) -> str:
    """Return what each setting that does not count is for, and what to write in its place."""
    wanted: dict[str, list[str]] = {}
    for setting in unused:
        wanted.setdefault(setting.wanted, []).append(setting.name)
    said = [f"{', '.join(names)}: for {purpose}" for purpose, names in wanted.items()]
    usual = " ".join(f"{setting.name}={_typed(setting.instead)}" for setting in unused)
    return f"{'; '.join(said)}; leave {'it' if len(unused) == 1 else 'them'} out, or add {usual}"


def _typed(value: Any) -> str:
    """Return a value as it is typed on the command line."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _key(change: str) -> str:
    return change.partition("=")[0].strip()


def _blamed(message: str, tables: dict[str, Any], changes: Sequence[tuple[str, str]]) -> str:
    """Return which changes brought a fault in; empty where it is the file's own.

    Args:
        message: msgspec's.
        tables: the file's, without changes.
        changes: where each is from, and what it says.
    """
    _, place = _parted(message)
    unknown = _UNKNOWN.search(message)
    place = ".".join(filter(None, (place, unknown.group(1)))) if unknown else place
    keys = [(origin, _key(change)) for origin, change in changes]
    given = [origin for origin, key in keys if f"{place}.".startswith((f"{key}.", f"{key}["))]
    if given:
        return given[-1]
    touched = [origin for origin, key in keys if not place or key.startswith(f"{place}.")]
    try:
        msgspec.convert(tables, RunConfig)
    except msgspec.ValidationError as error:
        return "" if str(error) == message else "".join(touched[-1:])
    return "".join(touched[-1:])


def _override(tables: dict[str, Any], text: str) -> None:
    key, equals, value = text.partition("=")
    if not equals or not all(name.strip() for name in key.split(".")):
        raise ValueError(f"{text!r} is not of the form key=value, as in optim.steps=500")
    if BARE_POINT.fullmatch(value.strip()):
        value = str(float(value))
    try:
        parsed = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        parsed = value
    *path, last = key.strip().split(".")
    for name in path:
        tables = tables.setdefault(name, {})
        if not isinstance(tables, dict):
            raise ValueError(f"{text!r}: {name} is a value and has no settings of its own")
    tables[last] = parsed


def _explained(message: str, tables: dict[str, Any]) -> str:
    """Turn msgspec's message into: the key, its value, what is allowed."""
    text, where = _parted(message)
    steps = [step for step in re.split(r"[.\[\]]+", where) if step and step != "..."]
    try:
        declared, value = _declared(steps), _value(tables, steps)
    except (KeyError, IndexError, TypeError):
        return message
    if isinstance(declared, inspect.StructType) and not isinstance(value, dict):
        first = declared.fields[0].name
        return f"{where} = {value!r}: is a table; give its settings one by one, as {where}.{first}=..."
    if isinstance(declared, inspect.StructType):
        known = ", ".join(field.name for field in declared.fields)
        name = _UNKNOWN.search(text)
        if name:
            elsewhere = [each for each in _settings() if each.rsplit(".", 1)[-1] == name.group(1)]
            there = f"it is {' or '.join(elsewhere)}" if elsewhere else f"there are {known}"
            return f"{where + ': ' if where else ''}no setting {name.group(1)}; {there}"
        return f"{where + ': ' if where else ''}{text[0].lower() + text[1:]}"
    return f"{where} = {value!r}: {allowed(declared)}"


def _parted(message: str) -> tuple[str, str]:
    """Return msgspec's message without its place, and the place as a dotted key."""
    found = re.search(r"(.*?)(?: - at `\$\.?([^`]*)`)?$", message)
    return (found.group(1), found.group(2) or "") if found else (message, "")


def _settings(kind: inspect.Type | None = None, before: str = "") -> Iterator[str]:
    """Yield the names of all settings, as in `loss.beta`."""
    kind = inspect.type_info(RunConfig) if kind is None else kind
    for part in kind.types if isinstance(kind, inspect.UnionType) else (kind,):
        if isinstance(part, inspect.StructType):
            for field in part.fields:
                yield f"{before}{field.name}"
                yield from _settings(field.type, f"{before}{field.name}.")


def _declared(steps: list[str]) -> inspect.Type:
    """Return the type at a path of field names (an index stands for a tuple's item)."""
    kind: inspect.Type = inspect.type_info(RunConfig)
    for step in steps:
        if isinstance(kind, inspect.StructType):
            kind = {field.name: field.type for field in kind.fields}[step]
        elif isinstance(kind, inspect.VarTupleType):
            kind = kind.item_type
        elif isinstance(kind, inspect.TupleType):
            kind = kind.item_types[int(step)]
    return kind


def _value(tables: Any, steps: list[str]) -> Any:
    for step in steps:
        tables = tables[int(step)] if isinstance(tables, list) else tables[step]
    return tables


def allowed(kind: inspect.Type) -> str:
    """Return what a setting may be: `give a whole number from 1 to 64`, `choose one of cpu, cuda`."""
    if isinstance(kind, inspect.LiteralType):
        return f"choose one of {', '.join(map(str, kind.values))}"
    if isinstance(kind, inspect.IntType):
        return f"give a whole number{_range(kind)}"
    if isinstance(kind, inspect.FloatType):
        return f"give a number{_range(kind)}"
    if isinstance(kind, inspect.BoolType):
        return "give true or false"
    if isinstance(kind, inspect.VarTupleType):
        example = """'["a", "b"]'""" if isinstance(kind.item_type, inspect.StrType) else "[1, 2]"
        return f"give a list, as {example}; each: {allowed(kind.item_type)}"
    if isinstance(kind, inspect.TupleType):
        return f"give a list of {len(kind.item_types)}; each: {allowed(kind.item_types[0])}"
    if isinstance(kind, inspect.UnionType):
        return " or ".join(allowed(part) for part in kind.types if not isinstance(part, inspect.NoneType))
    if isinstance(kind, inspect.StrType):
        folder = "give a folder, without control characters"
        named = "give a short text with a letter or a digit, without slashes"
        return folder if (kind.max_length or 0) > LONGEST_NAME else named
    return "give a table"


def _range(kind: inspect.IntType | inspect.FloatType) -> str:
    bounds = (("from", kind.ge), ("above", kind.gt), ("to", kind.le), ("to below", kind.lt))
    return "".join(f" {word} {bound:,.10g}" for word, bound in bounds if bound is not None)
