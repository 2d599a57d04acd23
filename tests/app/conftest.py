"""Window tests run offscreen, whatever display there is; Qt's warnings fail the test they fall in."""

import os
from collections.abc import Iterator

import pytest

os.environ["QT_QPA_PLATFORM"] = "offscreen"
HARMLESS = ("This plugin does not support propagateSizeHints()", "This plugin does not support raise()")


@pytest.fixture
def qt_messages(request: pytest.FixtureRequest) -> Iterator[list[str]]:
    """Fail the test when Qt warned of anything."""
    from PyQt6.QtCore import qInstallMessageHandler

    warnings: list[str] = []
    before = qInstallMessageHandler(lambda kind, context, text: warnings.append(text or ""))
    yield warnings
    qInstallMessageHandler(before)
    serious = [text for text in warnings if text not in HARMLESS]
    assert not serious, f"Qt warned: {serious}"
