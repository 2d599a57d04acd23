import pytest

from app import session_files


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """The file that the list of sessions opened lately is kept in."""
    monkeypatch.setattr(session_files, "sessions_folder", lambda: tmp_path / "sessions")
    return tmp_path / "recent.json"


def test_sessions_opened_lately_are_those_that_are_still_there(kept, tmp_path):
    there, gone = tmp_path / "a.antiphon", tmp_path / "b.antiphon"
    there.write_bytes(b"")
    session_files.remember((str(gone), str(there)))
    assert session_files.recent() == (str(there),)


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"{}",
        b"[1]",
        b'["/tmp/a.\xffntiphon"]',  # no UTF-8
        b'["/tmp/' + b"a" * 5000 + b'"]',  # a name that no system takes
        b'["/tmp/a\\u0000b", "/tmp/\\udcff"]',
        b"[" * 100_000,
    ],
)
def test_a_damaged_list_of_sessions_is_an_empty_one(kept, damage):
    kept.write_bytes(damage)
    assert session_files.recent() == ()
    assert session_files.last().document is None
