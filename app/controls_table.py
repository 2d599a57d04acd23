"""The table of controls out of their declarations: as text, as JSON, and as the README has it."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from engine.inference.bundle.manifest import Attribute
from engine.inference.features import MODEL_FEATURES
from engine.inference.latent_space import offered
from engine.modes.catalogue import TOOLS, modes_with
from engine.parameter import Action, Choice, Parameter, Toggle, Value
from engine.session.bindings import name_of
from engine.session.default_map import DEFAULT_MAP
from engine.session.document import Binding
from engine.session.parameters import table_for

Row = Mapping[str, Value]
NUMBER_CONTROLLER = "CC 7 or 14 bits"
SWITCH_CONTROLLER = "CC from 64 on, note, program"
ACTION_CONTROLLER = "note, program, CC from 64 on"


SEVERAL = ("store", "store_answer", "recall", "clear", "swap", "pick_last")
"""Verbs with a thing each; the README has one row for them."""


def rows(model: str | None = None) -> list[Row]:
    """Return a row for each parameter and action, with the directions of a model if one is named.

    Raises:
        BundleError: there is no such model.
    """
    table = table_for(_attributes(model) if model else ())
    return [_row(entry) for entry in table]


def _attributes(model: str) -> tuple[Attribute, ...]:
    from app.model_library import load_model

    return offered(load_model(model, None).bundle.manifest)


def _row(entry: Parameter | Action) -> Row:
    if isinstance(entry, Action):
        return {
            "id": entry.id,
            "label": entry.label,
            "kind": "action",
            "range": "",
            "default": "",
            "key": entry.key,
            "option": "",
            "controller": ACTION_CONTROLLER,
            "tools": "",
            "group": entry.group,
            "help": entry.help,
        }
    switch = isinstance(entry, Toggle | Choice)
    modes = modes_with(entry)
    tools = "" if entry.needs <= MODEL_FEATURES else ", ".join(TOOLS[mode].label for mode in modes)
    return {
        **entry.as_row(),
        "controller": SWITCH_CONTROLLER if switch else NUMBER_CONTROLLER,
        "tools": tools,
    }


def as_json(table: Iterable[Row]) -> str:
    """Return the rows as a JSON array."""
    return json.dumps([dict(row) for row in table], indent=1)


def as_text(table: Iterable[Row]) -> str:
    """Return the rows as lines under the headings of their groups."""
    lines: list[str] = []
    group: Value = None
    for row in sorted(table, key=lambda row: str(row["group"])):
        if row["group"] != group:
            group = row["group"]
            lines += ["", str(group)]
        key = f"[{row['key']}]" if row["key"] else ""
        lines.append(f"  {row['id']!s:18} {row['range'] or 'action'!s}  {key} {row['option']}".rstrip())
        lines.append(f"  {'':18} {row['help']}")
    return "\n".join(lines[1:])


def as_markdown(table: Iterable[Row]) -> str:
    """Return the rows as the README's table."""
    lines = ["| control | key | tools | option | what it does |", "|---|---|---|---|---|"]
    for row in _folded(table):
        option = f"`{row['option']}`" if row["option"] else ""
        lines.append(f"| {row['label']} | {row['key']} | {row['tools']} | {option} | {row['help']} |")
    return "\n".join(lines)


def _folded(table: Iterable[Row]) -> list[Row]:
    """Return the rows with one for each verb that acts on several things, as Store in A, B, C, D."""
    folded: dict[str, Row] = {}
    for row in table:
        verb = str(row["id"]).partition(".")[0]
        name = verb if verb in SEVERAL else str(row["id"])
        if name in folded:
            first = folded[name]
            last = str(row["label"])
            for said in ("Store in ", "Store answer in ", "Recall ", "Clear ", "Swap ", "Take last "):
                last = last.removeprefix(said)
            keys = ", ".join(filter(None, (str(first["key"]), str(row["key"]))))
            label = f"{first['label']}, {last}"
            text = str(first["help"]).replace("slot A", "that slot").replace("last bar ", "last bars ")
            text = text.replace("slots A and B", "those slots")
            row = {**first, "label": label, "key": keys, "help": text}
        folded[name] = row
    return list(folded.values())


BEGIN, END = "<!-- controls: written by `make controls` -->", "<!-- end of controls -->"
MAP_BEGIN, MAP_END = "<!-- map: written by `make controls` -->", "<!-- end of map -->"


def map_as_markdown(bindings: Iterable[Binding] = DEFAULT_MAP) -> str:
    """Return a MIDI map as the README's table."""
    table = table_for()
    lines = ["| message | moves or does |", "|---|---|"]
    return "\n".join([*lines, *(f"| {name_of(each)} | {table.label(each.target)} |" for each in bindings)])


def with_table(text: str) -> str:
    """Return a text with the tables between their marks; ValueError where it has none."""
    text = _with_block(text, BEGIN, as_markdown(rows()), END)
    return _with_block(text, MAP_BEGIN, map_as_markdown(), MAP_END)


def _with_block(text: str, begin: str, block: str, end: str) -> str:
    head, mark, rest = text.partition(begin)
    _, closing, tail = rest.partition(end)
    if not mark or not closing:
        raise ValueError(f"there are no {begin!r} and {end!r}")
    return f"{head}{begin}\n{block}\n{end}{tail}"


def main() -> None:
    """Write the README's tables."""
    readme = Path(__file__).parents[1] / "README.md"
    readme.write_text(with_table(readme.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
