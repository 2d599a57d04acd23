from pathlib import Path

import pytest
from corpus_files import Part, tune, write_midi

from training.corpus.sources import find_sources
from training.errors import CorpusError

COLUMNS = "path,set,licence,rights,work_id,split_group,split,vocal_tracks"


def collection(root: Path, rows: dict[str, str]) -> Path:
    for number, name in enumerate(rows):
        write_midi(root / name, [Part(tune([60 + number] * 8))])
    lines = [COLUMNS, *(f"{name},{row}" for name, row in rows.items())]
    (root / "manifest.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return root


def test_the_manifest_gives_licence_work_split_and_sung_parts(tmp_path: Path) -> None:
    root = collection(tmp_path, {"songs/a.mid": "songs,CC0-1.0,ok,w/1,w/0,valid,1:Voice|4:Voice: II"})
    (source,) = find_sources([root / "songs"]).files
    assert (source.name, source.set, source.licence, source.rights) == (
        "songs/a.mid",
        "songs",
        "CC0-1.0",
        "ok",
    )
    assert (source.work, source.split, source.parts) == ("w/0", "valid", ("Voice", "Voice: II"))


def test_rights_decide_what_is_kept_where_a_manifest_names_them(tmp_path: Path) -> None:
    root = collection(tmp_path, {"a.mid": "s,MIT,ok,a,a,train,", "b.mid": "s,?,unclear,b,b,train,"})
    write_midi(root / "unlisted.mid", [Part(tune([70] * 8))])
    sources = find_sources([root])
    assert [source.name for source in sources.files] == ["a.mid"]
    assert {entry.name: entry.reason for entry in sources.rejected} == {
        "b.mid": "rights 'unclear' not cleared for shipping a model",
        "unlisted.mid": "rights 'unknown' not cleared for shipping a model",
    }
    assert len(find_sources([root], shippable_only=False).files) == 3


def test_without_a_manifest_everything_is_kept_with_licence_unknown(tmp_path: Path) -> None:
    write_midi(tmp_path / "mine" / "b.MID", [Part(tune([60] * 8))])
    write_midi(tmp_path / "mine" / "deep" / "a.midi", [Part(tune([62] * 8))])
    (tmp_path / "mine" / "notes.txt").write_text("no music")
    sources = find_sources([tmp_path / "mine"])
    assert sorted(source.name for source in sources.files) == ["mine/b.MID", "mine/deep/a.midi"]
    assert {source.licence for source in sources.files} == {"unknown"}


def test_files_come_in_order_of_content_and_equal_ones_once(tmp_path: Path) -> None:
    for name, pitch in (("a", 60), ("b", 62), ("c", 60)):
        write_midi(tmp_path / f"{name}.mid", [Part(tune([pitch] * 8))])
    sources = find_sources([tmp_path])
    assert [source.sha256 for source in sources.files] == sorted(source.sha256 for source in sources.files)
    (twin,) = sources.rejected
    assert (Path(twin.name).name, twin.reason) == ("c.mid", "same bytes as another file")
    assert twin.detail.endswith("a.mid")


def test_missing_and_empty_folders_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="nowhere: no such file or folder"):
        find_sources([tmp_path / "nowhere"])
    with pytest.raises(CorpusError, match="no MIDI files there"):
        find_sources([tmp_path])


def test_folders_behind_links_are_read_once_and_loops_end(tmp_path: Path) -> None:
    root = collection(tmp_path / "set", {"songs/a.mid": "s,MIT,ok,a,a,train,"})
    write_midi(tmp_path / "elsewhere" / "deep" / "b.mid", [Part(tune([70] * 8))])
    (root / "linked").symlink_to(tmp_path / "elsewhere")  # outside the named folder
    (root / "again").symlink_to(root / "songs")  # sorts before what the table names
    (root / "songs" / "up").symlink_to(root)
    (tmp_path / "elsewhere" / "back").symlink_to(root / "songs")
    sources = find_sources([root], shippable_only=False)
    assert {source.name for source in sources.files} == {"songs/a.mid", "linked/deep/b.mid"}
    assert sources.rejected == ()
