"""Files on disk: hard ones, written ones, and the way round."""

import csv
from pathlib import Path

import mido
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import MidiFileError
from engine.midifile.read import read_midi, song_of_bytes
from engine.midifile.track_choice import choose_melody
from engine.midifile.window import window, window_of_run
from engine.midifile.write import Part, write_midi, write_phrase
from engine.music.metre import Metre
from engine.music.notes import Note, Phrase

HARD = Path(__file__).resolve().parents[2] / "data" / "hardcases"
with (HARD / "EXPECTED.csv").open(encoding="utf-8", newline="") as table:
    CASES = list(csv.DictReader(table))


@pytest.mark.parametrize("case", CASES, ids=[case["path"] for case in CASES])
def test_hard_files_read_or_are_refused_in_one_line(case: dict[str, str]) -> None:
    try:
        song = read_midi(HARD / case["path"])
    except MidiFileError as error:
        assert case["verdict"] != "ok"
        assert str(error).startswith(Path(case["path"]).name + ": ")
        assert "\n" not in str(error)
        return
    assert case["verdict"] != "error"
    assert int(case["notes_min"]) <= sum(map(len, song.tracks)) <= int(case["notes_max"])
    for track in song.tracks:
        assert (track.end_ticks > track.start_ticks).all()
        assert (track.start_ticks[1:] >= track.start_ticks[:-1]).all()
        for run in song.runs()[:1]:
            assert window_of_run(song, run, 0, 1).phrase(track).bars == 1


def hard(name: str):
    return read_midi(HARD / "made" / f"{name}.mid")


def test_a_file_of_one_track_is_split_by_channel() -> None:
    song = hard("type0_melody_and_drums")
    assert [(track.channel, track.is_drum, len(track)) for track in song.tracks] == [
        (0, False, 32),
        (9, True, 32),
    ]
    assert choose_melody(song).why == "the only pitched track"


def test_the_bars_in_4_4_of_a_file_that_changes_metre() -> None:
    runs = [run for run in hard("metre_changes").runs() if str(run.metre) == "4/4"]
    assert [(run.first_bar + 1, run.bars) for run in runs if run.bars > 1] == [(6, 2), (9, 2)]
    song = hard("pickup_bar")
    assert song.bar(1).start_ticks == song.ppq
    first = window(song, 1, 2).phrase(song.tracks[0]).notes[0]
    assert (first.start_beats, first.pitch, first.duration_beats) == (0.0, 60, 0.5)


def test_notes_of_no_length_and_tempo_0() -> None:
    song = hard("zero_length")
    assert {note.duration_beats for note in song.tracks[0].notes} == {round(song.ppq / 64) / song.ppq}
    assert song.warnings == ("track 1: notes of no length given 1/64 of a beat",)
    assert hard("tempo_0").bpm == 120.0
    assert hard("tempo_1us").bpm == 1000.0


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        MidiFileError, match=r"^none.mid: cannot be read \(no such file or directory\); check"
    ):
        read_midi(tmp_path / "none.mid")
    with pytest.raises(MidiFileError, match="cannot be read"):
        read_midi(tmp_path)


PHRASE = Phrase.of(
    [
        Note(-0.05, 60, 1.0, 100),
        Note(1.0, 64, 9.0, 90),
        Note(2.0, 40, 1.0, 80, 1),
        Note(3.5, 38, 0.25, 70, 9),
    ],
    2,
)


def test_a_written_phrase_has_its_tempo_bars_channels_and_programs(tmp_path: Path) -> None:
    path = tmp_path / "a.mid"
    write_phrase(path, PHRASE, bpm=96.5, name="Größe", programs={1: 33})
    file = mido.MidiFile(path)
    assert [sum(message.time for message in track) for track in file.tracks] == [8 * 480] * 4
    song = read_midi(path)
    assert (song.bars, str(song.metres[0]), song.warnings) == (2, "4/4", ())
    assert song.bpm == pytest.approx(96.5, abs=1e-3)
    assert [(track.name, track.channel, track.program) for track in song.tracks] == [
        ("Größe 1", 0, 0),
        ("Größe 2", 1, 33),
        ("Größe 10", 9, 0),
    ]
    assert [len(track) for track in song.tracks] == [2, 1, 1]
    early, held = song.tracks[0].notes
    assert (early.start_beats, early.end_beats) == (0.0, pytest.approx(0.95, abs=1e-3))
    assert held.end_beats == 8.0


def test_the_tracks_of_channels_can_be_named(tmp_path: Path) -> None:
    path = tmp_path / "band.mid"
    write_phrase(path, PHRASE, names={0: "Melody", 9: "Drums"})
    assert [track.name for track in read_midi(path).tracks] == ["Melody", "Antiphon 2", "Drums"]


def test_a_file_ends_at_a_bar_line_of_its_metre(tmp_path: Path) -> None:
    path = tmp_path / "waltz.mid"
    write_midi(path, [Part("", [Note(3.0, 60, 3.5)])], 180, (3, 4))
    song = read_midi(path)
    assert (song.length_ticks, song.bars, str(song.metres[0])) == (9 * 480, 3, "3/4")
    write_phrase(path, Phrase.of([], 1, Metre(7, 8)))
    assert (read_midi(path).length_ticks, str(read_midi(path).metres[0])) == (1680, "7/8")


def test_what_cannot_be_written_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.mid"
    with pytest.raises(MidiFileError, match=r"a tempo of 0 bpm; choose 3\.6 to 1000"):
        write_midi(path, [], 0)
    with pytest.raises(MidiFileError, match="a metre of 4/5"):
        write_midi(path, [], 120, (4, 5))
    with pytest.raises(MidiFileError, match="several channels; make a part of each"):
        write_midi(path, [Part("p", PHRASE.notes)])
    with pytest.raises(MidiFileError, match=r"nowhere.a\.mid: cannot be written \(no such file"):
        write_phrase(tmp_path / "nowhere" / "a.mid", PHRASE)
    assert not path.exists()


def on_ticks(low: int, high: int) -> st.SearchStrategy[float]:
    return st.integers(low, high).map(lambda tick: tick / 480)


part_notes = st.lists(
    st.builds(
        Note,
        start_beats=on_ticks(0, 8 * 480 - 1),
        pitch=st.integers(0, 127),
        duration_beats=on_ticks(1, 480),
        velocity=st.integers(1, 127),
        channel=st.sampled_from([0, 5, 9]),
    ),
    max_size=20,
    unique_by=lambda note: (note.channel, note.pitch),
)


@given(part_notes)
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, notes: list[Note]) -> None:
    path = tmp_path_factory.getbasetemp() / "round.mid"
    write_phrase(path, Phrase.of(notes, 3))
    song = song_of_bytes(path.read_bytes(), "round.mid")
    assert (song.warnings, song.length_ticks) == ((), 12 * 480)
    read = sorted(note for track in song.tracks for note in track.notes)
    wanted = sorted(notes)
    assert [(n.pitch, n.velocity, n.channel) for n in read] == [
        (n.pitch, n.velocity, n.channel) for n in wanted
    ]
    assert [n.start_beats for n in read] == pytest.approx([n.start_beats for n in wanted])
    assert [n.duration_beats for n in read] == pytest.approx([n.duration_beats for n in wanted])


def test_a_phrase_in_six_eight_is_written_as_one_with_clicks_on_dotted_beats(tmp_path) -> None:
    for metre, clocks in ((Metre(6, 8), 36), (Metre(3, 4), 24), (Metre(7, 8), 12)):
        path = tmp_path / "x.mid"
        write_phrase(path, Phrase.of([Note(0, 60, 1)], 2, metre))
        (signature,) = (each for each in mido.MidiFile(path).tracks[0] if each.type == "time_signature")
        assert (signature.numerator, signature.denominator, signature.clocks_per_click) == (*metre, clocks)
        assert str(read_midi(path).metres[0]) == str(metre)
