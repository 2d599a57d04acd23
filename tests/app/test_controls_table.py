import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app import cli, controls_table
from engine.session.default_map import DEFAULT_MAP

README = Path(__file__).parents[2] / "README.md"


def test_the_readme_has_the_table_as_it_is_declared():
    text = README.read_text(encoding="utf-8")
    assert controls_table.with_table(text) == text, "run `make controls`"


def test_a_text_without_the_marks_is_refused():
    with pytest.raises(ValueError, match="there are no"):
        controls_table.with_table("nothing here")


def test_the_default_map_names_message_and_control():
    lines = controls_table.map_as_markdown().splitlines()
    assert lines[2] == "| CC 20 on channel 1 | Variation |"
    assert "| program 2 on channel 1 | Tool: Morph |" in lines
    assert len(lines) == 2 + len(DEFAULT_MAP)


def test_the_table_as_json_names_range_key_controller_and_option():
    done = CliRunner().invoke(cli.application, ["controls", "--json"])
    rows = {row["id"]: row for row in json.loads(done.output)}
    assert rows["variation"]["range"] == "a number from 0 to 1"
    assert (rows["variation"]["key"], rows["variation"]["option"]) == ("V", "--variation")
    assert rows["variation"]["tools"] == "Vary, Groove, Drumify, Accompany"
    assert rows["keep_rhythm"]["option"] == "--keep-rhythm/--no-keep-rhythm"
    assert (rows["panic"]["kind"], rows["panic"]["key"]) == ("action", "Esc")
    assert all(row["label"] and row["help"] and row["controller"] for row in rows.values())


def test_the_table_as_text_has_every_control_once():
    done = CliRunner().invoke(cli.application, ["controls"])
    firsts = [line.split()[0] for line in done.output.splitlines() if line[:3].strip()]
    assert "Limits" in firsts
    lines = [line.split()[0] for line in done.output.splitlines() if line[2:3].strip() and line[:2] == "  "]
    assert {"variation", "store.A", "mode.groove", "tempo_bpm"} <= set(lines)
    assert len(lines) == len(set(lines))


def test_a_models_directions_are_listed_with_it(tiny_bundle):
    done = CliRunner().invoke(cli.application, ["controls", "--json", "--model", str(tiny_bundle)])
    assert "attribute.density" in {row["id"] for row in json.loads(done.output)}
