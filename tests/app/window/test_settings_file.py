"""Whatever stands in the settings file, the window comes up; where it cannot be written, one line says so."""

import os
import sys
from pathlib import Path

import pytest
from fake_instrument import FakeInstrument
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PyQt6.QtCore import QByteArray, QSettings

from app.window.application import _keep
from app.window.settings_file import read_setting, set_scale
from app.window.window import InstrumentWindow

pytestmark = pytest.mark.window  # Qt may warn of what it cannot read

VALUES = [
    "hello", "1, 2, 3", "@Invalid()", "@ByteArray(junk)", "@Rect(1 2 3 4)", "@Size(0 0)", "@Point(1 1)",
    "@Variant(\\0\\0\\0\\x7f\\0\\0\\0\\x12PyQt_PyObject\\0junk)", "@Variant(junk)", "@DateTime(junk)",
    "1e999", "true", "",
]  # fmt: skip


def opened(path: Path) -> InstrumentWindow:
    window = InstrumentWindow(FakeInstrument(), settings=QSettings(str(path), QSettings.Format.IniFormat))
    window.show()
    window.close()
    window.deleteLater()
    return window


@pytest.mark.parametrize("value", VALUES)
def test_the_window_comes_up_with_any_value(qapp, tmp_path, value):
    (tmp_path / "s.ini").write_text(f"[General]\ngeometry={value}\nmore={value}\n")
    assert opened(tmp_path / "s.ini").width() >= 300


@given(st.binary(max_size=200))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_window_comes_up_with_any_geometry(qapp, tmp_path, data):
    kept = QSettings(str(tmp_path / "g.ini"), QSettings.Format.IniFormat)
    kept.setValue("geometry", QByteArray(data))
    kept.sync()
    assert opened(tmp_path / "g.ini").width() >= 300


@given(st.binary(max_size=300))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_window_comes_up_with_a_file_of_any_bytes(qapp, tmp_path, data):
    (tmp_path / "b.ini").write_bytes(data)
    assert opened(tmp_path / "b.ini").width() >= 300


@pytest.mark.skipif(sys.platform == "win32", reason="a folder in its place cannot be made there")
def test_settings_that_cannot_be_written_are_one_line(tmp_path, capsys):
    path = tmp_path / "taken"
    path.mkdir()
    kept = QSettings(str(path), QSettings.Format.IniFormat)
    kept.setValue("geometry", QByteArray(b"x"))
    _keep(kept)
    said = capsys.readouterr().err
    assert said.startswith(f"antiphon: {os.fspath(path)}: the window's size and place cannot be kept")
    assert said.count("\n") == 1


def test_the_text_size_scales_everything_from_the_next_start_on(window, settings):
    page = window.pages.open("Settings")
    page.text_size.edited.emit("text_size", "large")
    environment: dict[str, str] = {}
    set_scale(environment, read_setting(settings, "text_size", "normal"))
    assert environment == {"QT_SCALE_FACTOR": "1.2"}
    set_scale(environment, "small")  # as if the player had set it for Qt
    assert environment == {"QT_SCALE_FACTOR": "1.2"}
    for nothing in ("normal", "enormous"):
        untouched: dict[str, str] = {}
        set_scale(untouched, nothing)
        assert untouched == {}
