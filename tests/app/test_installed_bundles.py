"""Models by name: the program's, then the user's own, and none of them trusted before it is loaded."""

import json
import shutil
import zipfile

import pytest

from app.bundle_cards import card_of
from engine.errors import BundleError
from engine.installed_bundles import SHIPPED, find_bundle, installed, is_shipped, user_folder


@pytest.fixture
def own(monkeypatch, tmp_path):
    """A user's folder with nothing in it."""
    monkeypatch.setattr("platformdirs.user_data_dir", lambda *_, **__: str(tmp_path))
    user_folder().mkdir()
    return user_folder()


def test_the_users_own_are_listed_after_those_of_the_program(own, tiny_bundle):
    shipped = installed()
    shutil.copytree(tiny_bundle, own / "mine")
    with zipfile.ZipFile(own / "packed.zip", "w") as archive:
        for file in tiny_bundle.iterdir():
            archive.write(file, file.name)
    assert list(installed()) == [*shipped, "packed", "mine"]
    assert find_bundle("mine") == own / "mine"
    assert not is_shipped(find_bundle("mine"))
    assert card_of("packed", own / "packed.zip").modes == ("vary", "morph", "generate")


def test_a_bundle_of_ones_own_does_not_take_the_place_of_the_programs(own, tiny_bundle):
    shutil.copytree(tiny_bundle, own / "melody_2bar")
    assert find_bundle("melody_2bar") == SHIPPED / "melody_2bar"
    assert find_bundle("melody_2bar (own)") == own / "melody_2bar"


def test_a_folder_that_is_not_there_is_empty(own):
    own.rmdir()
    assert set(installed()) == {path.name for path in SHIPPED.iterdir()}


def test_a_name_that_is_not_there_is_named_with_those_that_are(tiny_bundle):
    assert find_bundle("tiny", tiny_bundle.parent) == tiny_bundle
    assert find_bundle(str(tiny_bundle), tiny_bundle / "none") == tiny_bundle
    with pytest.raises(BundleError, match="installed: tiny"):
        find_bundle("huge", tiny_bundle.parent)


def test_a_card_never_fails_and_shows_text_as_text(own):
    bomb, damaged, strange = own / "bomb.zip", own / "damaged.zip", own / "strange"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bundle.json", b" " * (64 << 20))
    damaged.write_bytes(b"PK\5\6")
    strange.mkdir()
    head = {"title": "\x1b[2J" + "x" * 500, "task": "dance", "bars": 2, "representation": {"name": "melody"}}
    (strange / "bundle.json").write_text(json.dumps(head))
    assert "unpacks to more than 20 times its size" in card_of("bomb", bomb).fault
    assert "damaged.zip: is neither" in card_of("damaged", damaged).fault
    shown = card_of("strange", strange)
    assert (shown.title[:8], len(shown.title), shown.modes, shown.fault) == ("\\x1b[2Jx", 100, (), "")
    (strange / "bundle.json").write_text("[" * 100_000)
    assert card_of("strange", strange).fault


def test_a_bundle_that_knows_sentences_says_that_it_continues(own):
    bundle = own / "sentences"
    bundle.mkdir()
    head = {"task": "autoencode", "bars": 16, "representation": {"name": "melody"}, "sentence": None}
    (bundle / "bundle.json").write_text(json.dumps(head))
    assert "continue" not in card_of("sentences", bundle).modes
    (bundle / "bundle.json").write_text(json.dumps(head | {"sentence": {"inputs": [], "outputs": []}}))
    assert card_of("sentences", bundle).modes == ("vary", "morph", "generate", "continue")


def test_what_ships_is_named_as_its_folder_and_small_enough_to_travel():
    sizes = []
    for path in SHIPPED.iterdir():
        assert json.loads((path / "bundle.json").read_text())["name"] == path.name
        sizes.append(sum(file.stat().st_size for file in path.iterdir()))
    assert max(sizes) < 30e6
    assert sum(sizes) < 130e6
