"""Collections in the form in which their publishers ship them."""

import csv
from pathlib import Path

import numpy as np
import pytest
from corpus_files import Part, tune, write_midi
from typer.testing import CliRunner

from training.cli import app
from training.corpus.build.build import BuildOptions, build_corpus
from training.corpus.dataset import Corpus
from training.corpus.extract.selection import Selection, parse_programs
from training.corpus.report.page import write_report
from training.corpus.report.survey import survey
from training.corpus.sources import find_sources
from training.errors import CorpusError

GROOVE_COLUMNS = (
    "drummer,session,id,style,bpm,beat_type,time_signature,midi_filename,audio_filename,duration,split"
)
HIGH_TOM, MID_TOM = 6, 5
"""Bits of the drum token."""


def write_groove(root: Path) -> Path:
    """Write three performances whose one tom is pitch 48: the high tom of the Roland kit, a mid one in GM."""
    lines = [GROOVE_COLUMNS]
    for number, split in enumerate(("train", "validation", "test")):
        name = f"drummer{number}/session1/1_funk-groove{number}_120_beat_4-4.mid"
        beats = [(beat + 0.25 * number, 0.1, pitch) for beat in range(16) for pitch in (36, 48)]
        write_midi(root / name, [Part(beats, "Drums", channel=9)])
        row = f"drummer{number},drummer{number}/session1,x,funk/groove{number},120,beat,4-4,{name},a.wav,8.0"
        lines.append(f"{row},{split}")
    (root / "info.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (root / "LICENSE").write_text(
        "This work is licensed under the Creative Commons Attribution 4.0 International"
    )
    return root


def tokens(corpus: Path, split: str) -> set[int]:
    opened = Corpus.open(corpus)
    return set(np.unique(opened.batch(opened.window_ids(split))).tolist())


def test_groove_is_read_with_its_kit_its_split_its_drummers_and_its_styles(tmp_path: Path) -> None:
    sources = find_sources([write_groove(tmp_path / "groove")])
    found = {(s.split, s.player, s.style, s.kit, s.licence) for s in sources.files}
    assert found == {
        ("train", "drummer0", "funk", "roland", "CC-BY-4.0"),
        ("valid", "drummer1", "funk", "roland", "CC-BY-4.0"),
        ("test", "drummer2", "funk", "roland", "CC-BY-4.0"),
    }


def test_a_groove_corpus_has_the_high_tom_and_the_publishers_split(tmp_path: Path) -> None:
    root = write_groove(tmp_path / "groove")
    options = BuildOptions(kind="drums", bars=(2,), executor="serial")
    info = build_corpus([root], tmp_path / "corpus", options)
    assert {entry["held_out"] for entry in info["windows"].values()} == {"works"}
    for split in ("train", "valid", "test"):
        assert tokens(tmp_path / "corpus", split) == {0, 1 | 1 << HIGH_TOM}
    with (tmp_path / "corpus" / "labels.csv").open(encoding="utf-8") as stream:
        assert {row["player"] for row in csv.DictReader(stream)} == {"drummer0", "drummer1", "drummer2"}


def test_performances_without_a_row_are_of_the_same_kit_and_licence(tmp_path: Path) -> None:
    root = write_groove(tmp_path / "groove")
    lines = (root / "info.csv").read_text(encoding="utf-8").splitlines()
    (root / "info.csv").write_text("\n".join((*lines[:2], lines[2].replace("1_", "9_", 1))), encoding="utf-8")
    sources = find_sources([root])
    assert sorted((s.name.split("/")[0], s.kit, s.licence, s.player, s.split) for s in sources.files) == [
        ("drummer0", "roland", "CC-BY-4.0", "drummer0", "train"),
        ("drummer1", "roland", "CC-BY-4.0", "", ""),
        ("drummer2", "roland", "CC-BY-4.0", "", ""),
    ]
    (said,) = sources.remarks
    missing = "drummer1/session1/9_funk-groove1_120_beat_4-4.mid"
    assert said.startswith(f"{root}: laid out as groove; 1 file ({missing}) in its table, not in the folder;")
    assert said.endswith(
        "2 files (drummer1/session1/1_funk-groove1_120_beat_4-4.mid ...) in the folder, not in its table"
    )


def rewritten(root: Path, form: str) -> None:
    """Write the table anew as other systems and spreadsheets do."""
    table = root / "info.csv"
    text, encoding = table.read_text(encoding="utf-8"), "utf-8"
    if form == "columns in another order":
        rows = list(csv.DictReader(text.splitlines()))
        lines = [",".join(reversed(rows[0])), *(",".join(reversed(row.values())) for row in rows)]
        text = "\n".join(lines)
    elif form in ("utf-8-sig", "utf-16"):
        encoding = form
    elif form == "another name":
        table = table.replace(root / "e-gmd-v1.0.0.csv")
    else:
        old, new = {
            "semicolons": (",", ";"),
            "tabs": (",", "\t"),
            "CRLF": ("\n", "\r\n"),
            "empty lines": ("\n", "\n\n"),
            "backslashes": ("/session1/1_", "\\session1\\1_"),
            "a dot before": ("4-4,drummer", "4-4,./drummer"),
            "blanks": (",", " , "),
            "capitals": ("train", "Train"),
        }[form]
        text = text.replace(old, new)
    table.write_bytes(text.encode(encoding))


FORMS = ("columns in another order", "utf-8-sig", "utf-16", "another name", "semicolons", "tabs", "CRLF")
MORE_FORMS = ("empty lines", "backslashes", "a dot before", "blanks", "capitals")


@pytest.mark.parametrize("form", FORMS + MORE_FORMS)
def test_a_table_is_known_however_it_was_saved(tmp_path: Path, form: str) -> None:
    root = write_groove(tmp_path / "groove")
    rewritten(root, form)
    found = {(s.split, s.player, s.style, s.kit) for s in find_sources([root]).files}
    assert found == {
        ("train", "drummer0", "funk", "roland"),
        ("valid", "drummer1", "funk", "roland"),
        ("test", "drummer2", "funk", "roland"),
    }


def test_a_row_that_ends_early_says_as_much_as_it_has(tmp_path: Path) -> None:
    root = write_groove(tmp_path / "groove")
    table = root / "info.csv"
    table.write_text(table.read_text(encoding="utf-8").removesuffix(",a.wav,8.0,test\n"), encoding="utf-8")
    assert {(s.player, s.split) for s in find_sources([root]).files} == {
        ("drummer0", "train"),
        ("drummer1", "valid"),
        ("drummer2", ""),
    }


def test_a_damaged_line_is_named_with_the_way_around_it(tmp_path: Path) -> None:
    root = write_groove(tmp_path / "groove")
    with (root / "info.csv").open("a", encoding="utf-8") as table:
        table.write("x" * 200_000)
    with pytest.raises(CorpusError, match=r"info.csv: line 5: field larger .*; mend it, or .*--layout plain"):
        find_sources([root])
    assert len(find_sources([root], layout="plain").files) == 3


def test_collections_below_the_folder_are_each_known_and_what_lies_beside_them_is_plain(
    tmp_path: Path,
) -> None:
    write_groove(tmp_path / "downloads" / "groove-v1.0.0-midionly" / "groove")
    for number, name in enumerate(("POP909-Dataset-master/POP909/001/001.mid", "clean_midi/ABBA/a.mid")):
        write_midi(tmp_path / "downloads" / name, [Part(tune([60 + number] * 8))])
    write_midi(tmp_path / "downloads" / "mine.mid", [Part(tune([70] * 8))])
    sources = find_sources([tmp_path / "downloads"])
    assert sorted((s.set, s.kit, s.work) for s in sources.files) == [
        ("", "", ""),
        ("gmd", "roland", ""),
        ("gmd", "roland", ""),
        ("gmd", "roland", ""),
        ("lakh", "", "lakh/ABBA"),
        ("pop909", "", "pop909/001"),
    ]
    assert [said.rsplit(": ")[1] for said in sources.remarks] == [
        "laid out as pop909",
        "laid out as lakh",
        "laid out as groove",
    ]
    assert len(find_sources([tmp_path / "downloads"], layout="groove").files) == 6


def test_the_kit_can_be_given_by_hand(tmp_path: Path) -> None:
    root = write_groove(tmp_path / "groove")
    arguments = ["corpus", "build", str(root), "-o", str(tmp_path / "corpus"), "--kind", "drums"]
    more = ["--bars", "2", "--executor", "serial", "--kit", "gm"]
    shown = CliRunner().invoke(app, [*arguments, *more])
    assert shown.exit_code == 0, shown.output
    assert tokens(tmp_path / "corpus", "train") == {0, 1 | 1 << MID_TOM}
    as_played = CliRunner().invoke(app, [*arguments, *more[:-1], "td"])  # another name of the Roland kit
    assert as_played.exit_code == 0, as_played.output
    assert tokens(tmp_path / "corpus", "train") == {0, 1 | 1 << HIGH_TOM}
    refused = CliRunner().invoke(app, [*arguments, "--kit", "tin"])
    assert "kit 'tin': unknown; choose one of auto, gm" in refused.output


def test_one_drummers_folder_is_still_known_by_the_table_above_it(tmp_path: Path) -> None:
    root = write_groove(tmp_path / "groove")
    (source,) = find_sources([root / "drummer1"]).files
    assert (source.split, source.kit) == ("valid", "roland")


def test_maestro_gives_composer_and_title_as_the_work_and_its_split(tmp_path: Path) -> None:
    root, lines = tmp_path / "maestro", ["canonical_composer,canonical_title,split,year,midi_filename"]
    for number, (title, split) in enumerate(
        (("Ballade", "train"), ("Ballade", "train"), ("Étude", "validation"))
    ):
        write_midi(root / "2018" / f"{number}.midi", [Part(tune([60 + number] * 8))])
        lines.append(f"Chopin,{title},{split},2018,2018/{number}.midi")
    (root / "maestro-v3.0.0.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    sources = find_sources([root])
    assert sorted((s.work, s.split) for s in sources.files) == [
        ("Chopin: Ballade", "train"),
        ("Chopin: Ballade", "train"),
        ("Chopin: Étude", "valid"),
    ]
    assert {s.set for s in sources.files} == {"maestro"}


def test_the_versions_of_a_pop909_song_are_one_work(tmp_path: Path) -> None:
    root = tmp_path / "POP909"
    for number, name in enumerate(("001/001.mid", "001/versions/001-v1.mid", "002/002.mid")):
        write_midi(root / name, [Part(tune([60 + number] * 8))])
    sources = find_sources([root])
    assert sorted(s.work for s in sources.files) == ["pop909/001", "pop909/001", "pop909/002"]


def test_pop909_is_known_where_a_song_has_lost_its_file(tmp_path: Path) -> None:
    root = tmp_path / "POP909"
    names = ("001/001.mid", "002/versions/002-v1.mid", "003/003.mid")
    for number, name in enumerate(names):
        write_midi(root / name, [Part(tune([60 + number] * 8))])
    assert sorted(s.work for s in find_sources([root]).files) == ["pop909/001", "pop909/002", "pop909/003"]


def test_lakhs_clean_set_keeps_an_artist_together_and_its_matched_set_a_track(tmp_path: Path) -> None:
    clean, matched = tmp_path / "clean_midi", tmp_path / "lmd_matched"
    track = "A/B/C/TRABCDE128F9326C7A"
    names = ["ABBA/Fernando.mid", "ABBA/Fernando.1.mid", "Queen/Bicycle.mid"]
    for number, name in enumerate(names):
        write_midi(clean / name, [Part(tune([60 + number] * 8))])
    for number in range(2):
        write_midi(matched / track / f"{number:032x}.mid", [Part(tune([70 + number] * 8))])
    assert sorted(s.work for s in find_sources([clean]).files) == ["lakh/ABBA", "lakh/ABBA", "lakh/Queen"]
    assert {s.work for s in find_sources([matched]).files} == {"lakh/TRABCDE128F9326C7A"}


def test_folders_of_ones_own_are_no_artists_unless_asked_for(tmp_path: Path) -> None:
    for number, name in enumerate(("live/a.mid", "live/b.mid", "studio/c.mid")):
        write_midi(tmp_path / "mine" / name, [Part(tune([60 + number] * 8))])
    assert {s.work for s in find_sources([tmp_path / "mine"]).files} == {""}
    asked = find_sources([tmp_path / "mine"], layout="lakh")
    assert sorted(s.work for s in asked.files) == ["lakh/live", "lakh/live", "lakh/studio"]


def test_a_layout_that_is_not_there_is_refused(tmp_path: Path) -> None:
    write_midi(tmp_path / "a.mid", [Part(tune([60] * 8))])
    with pytest.raises(CorpusError, match="is not laid out as maestro"):
        find_sources([tmp_path], layout="maestro")
    with pytest.raises(CorpusError, match="one of auto, plain, manifest, groove, maestro, pop909, lakh"):
        find_sources([tmp_path], layout="magic")


# Tracks and programs ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "programs"), [("0-2,24", (0, 1, 2, 24)), ("5", (5,)), ("", ()), ("3, 3-4", (3, 4))]
)
def test_programs_are_numbers_and_ranges(text: str, programs: tuple[int, ...]) -> None:
    assert parse_programs(text) == programs


@pytest.mark.parametrize("text", ["piano", "7-3", "0-128", "-3", "1;2"])
def test_other_programs_are_refused(text: str) -> None:
    with pytest.raises(CorpusError, match="give numbers from 0 to 127"):
        parse_programs(text)


def selected(tmp_path: Path, selection: Selection) -> set[int]:
    parts = [
        Part(tune([60] * 16), "Lead", program=80, channel=0),
        Part(tune([50, 52] * 8), "Grand Piano", program=0, channel=1),
        Part(tune([36] * 16), "Drums", channel=9),
    ]
    write_midi(tmp_path / "in" / "a.mid", parts)
    options = BuildOptions(kind="melody", bars=(1,), executor="serial", selection=selection)
    build_corpus([tmp_path / "in"], tmp_path / "corpus", options)
    opened = Corpus.open(tmp_path / "corpus")
    return {token - 2 + 21 for token in np.unique(opened.data).tolist() if token >= 2}


def test_tracks_and_programs_choose_what_is_read(tmp_path: Path) -> None:
    assert selected(tmp_path / "1", Selection()) == {50, 52, 60}
    assert selected(tmp_path / "2", Selection(programs=(0, 1))) == {50, 52}
    assert selected(tmp_path / "3", Selection(tracks=("*lead*",))) == {60}
    with pytest.raises(CorpusError, match="no track of those asked for"):
        selected(tmp_path / "4", Selection(tracks=("Bass",)))


def test_the_report_counts_styles_and_players_by_split(tmp_path: Path) -> None:
    root = write_groove(tmp_path / "groove")
    build_corpus([root], tmp_path / "corpus", BuildOptions(kind="groove", bars=(2,), executor="serial"))
    numbers = survey(Corpus.open(tmp_path / "corpus"))
    assert numbers.styles == {"train": {"funk": 1}, "valid": {"funk": 1}, "test": {"funk": 1}}
    assert numbers.players == {"train": {"drummer0": 1}, "valid": {"drummer1": 1}, "test": {"drummer2": 1}}
    page = write_report(tmp_path / "corpus", tmp_path / "report")
    assert {"styles.png", "players.png"} <= {path.name for path in page.parent.iterdir()}
