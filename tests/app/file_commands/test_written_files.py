"""What `vary` at variation 0 writes is the file's own: ticks, tempo map, channel, program, controllers."""

import os
from pathlib import Path

import mido
import pytest
import tinybundle
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.file_commands import commands, sources
from app.file_commands.kit_choice import read_drum_map
from engine.errors import MidiFileError
from engine.inference.controls import Controls
from engine.inference.model import Model
from engine.installed_bundles import installed
from engine.midifile.read import read_midi
from engine.midifile.song import Song
from engine.music.metre import Metre

Event = tuple[int, list[int]]
"""Tick and the bytes of a message."""


@pytest.fixture(scope="module")
def melody(tmp_path_factory) -> Model:
    """Two bars of 4/4."""
    return Model.load(tinybundle.write(tmp_path_factory.mktemp("melody") / "bundle"))


@pytest.fixture(scope="module")
def groove(tmp_path_factory) -> Model:
    return Model.load(tinybundle.write_task(tmp_path_factory.mktemp("groove") / "bundle", "humanize"))


def write(path: Path, events: list[Event], *metas: tuple[int, mido.MetaMessage], ppq: int = 480) -> Path:
    """Write one track of messages at ticks."""
    file = mido.MidiFile(type=0, ticks_per_beat=ppq)
    all_ = [(tick, message) for tick, message in metas]
    all_ += [(tick, mido.Message.from_bytes(data)) for tick, data in events]
    now, line = 0, mido.MidiTrack()
    for tick, message in sorted(all_, key=lambda event: event[0]):
        line.append(message.copy(time=tick - now))
        now = tick
    file.tracks.append(line)
    file.save(path)
    return path


def note(start: int, end: int, pitch: int, channel: int = 0, velocity: int = 80) -> list[Event]:
    return [(start, [0x90 | channel, pitch, velocity]), (end, [0x80 | channel, pitch, 0])]


def varied(path: Path, model: Model, variation: float = 0.0, **asked) -> tuple[Song, Path, list[str]]:
    """Return what is written of a file, where, and the lines that are said."""
    said: list[str] = []
    source = sources.read_source(path, model, said.append, sources.Asked(**asked))
    mode = next((each for each in model.modes if each in ("groove", "drumify")), "vary")
    near = Controls(mode=mode, variation=variation, seed=1)
    out = path.parent / "out"
    (written,) = commands.from_source(model, source, out, said.append, count=1, controls=near)
    return read_midi(written, keep_pedal=True), written, said


def ticks_of(song: Song) -> list[tuple[int, int, int, int]]:
    """Return start, end, pitch and velocity of all notes."""
    columns = ("start_ticks", "end_ticks", "pitch", "velocity")
    rows = [row for t in song.tracks for row in zip(*(getattr(t, c).tolist() for c in columns), strict=True)]
    return sorted(rows)


def messages(path: Path, *kinds: str) -> list[tuple[int, mido.Message]]:
    """Return the messages of some kinds of a written file, with their ticks."""
    found = []
    for line in mido.MidiFile(path).tracks:
        now = 0
        for message in line:
            now += message.time
            if message.type in kinds:
                found.append((now, message.copy(time=0)))
    return found


# Notes -----------------------------------------------------------------------------------------


@st.composite
def files(draw) -> tuple[int, list[tuple[int, int, int, int]], int]:
    """Draw a resolution, written notes (start, end, pitch, velocity) in ticks, and a first bar from 1."""
    ppq = draw(st.sampled_from([48, 96, 120, 192, 384, 480, 960, 1920]))
    places = [tick for part in (16, 24) for tick in range(0, 16 * ppq) if tick * part % ppq == 0]
    notes = []
    for pitch in draw(st.lists(st.integers(30, 90), min_size=1, max_size=5, unique=True)):
        starts = sorted(draw(st.sets(st.sampled_from(places), min_size=1, max_size=6)))
        for start, following in zip(starts, [*starts[1:], 16 * ppq], strict=True):
            end = draw(st.integers(start + 1, following))
            notes.append((start, end, pitch, draw(st.integers(1, 127))))
    return ppq, sorted(notes), draw(st.integers(1, 3))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(files())
def test_variation_0_of_every_window_equals_the_source_s_notes(tmp_path, melody, drawn) -> None:
    ppq, notes, bar = drawn
    begin, end = 4 * ppq * (bar - 1), 4 * ppq * (bar + 1)
    expected = [
        (max(start, begin) - begin, min(stop, end) - begin, pitch, velocity)
        for start, stop, pitch, velocity in notes
        if start < end and stop > begin
    ]
    if not expected:
        return
    events = [event for start, stop, pitch, v in notes for event in note(start, stop, pitch, 0, v)]
    events.sort(key=lambda event: (event[0], event[1][0]))
    # the last bar is whole, and something sounds in the song at its end
    events += note(16 * ppq - ppq // 4, 16 * ppq, 20)
    if bar == 3:
        expected.append((8 * ppq - ppq // 4, 8 * ppq, 20, 80))
    song, _, _ = varied(write(tmp_path / "a.mid", events, ppq=ppq), melody, first_bar=bar)
    factor = song.ppq // ppq
    assert song.ppq == ppq * factor and (factor == 1 or ppq < 96)
    assert ticks_of(song) == sorted((a * factor, b * factor, p, v) for a, b, p, v in expected)


def test_a_triplet_that_ends_on_the_line_leaves_no_ghost(tmp_path, melody) -> None:
    events = note(1760, 1920, 72) + note(1920 + 480, 1920 + 960, 60) + note(3840, 4320, 62)
    song, _, _ = varied(write(tmp_path / "a.mid", events), melody, first_bar=2)
    assert ticks_of(song) == [(480, 960, 60, 80), (1920, 2400, 62, 80)]


@pytest.mark.parametrize(
    ("ppq", "written"), [(960, 960), (1920, 1920), (480, 480), (24, 96), (150, 300), (1, 96)]
)
def test_the_resolution_is_the_source_s_or_a_multiple_of_a_coarse_one(ppq, written, tmp_path, melody) -> None:
    song, _, _ = varied(
        write(tmp_path / "a.mid", note(0, ppq, 60) + note(4 * ppq, 5 * ppq, 62), ppq=ppq), melody
    )
    assert song.ppq == written


# Tempo, metre, channel, program --------------------------------------------------------------------


def test_the_tempo_map_of_the_bars_is_written(tmp_path, melody) -> None:
    tempos = [(0, 500_000), (1920, 833_333), (1920 + 960, 700_000), (9000, 300_000)]
    metas = [(tick, mido.MetaMessage("set_tempo", tempo=tempo)) for tick, tempo in tempos]
    path = write(tmp_path / "a.mid", note(1920, 2400, 60) + note(3840, 4320, 62), *metas)
    _, written, said = varied(path, melody, first_bar=2)
    found = [(tick, message.tempo) for tick, message in messages(written, "set_tempo")]
    assert found == [(0, 833_333), (960, 700_000)]
    assert "bars 2 to 3, as asked; 72.0 bpm, a change of tempo" in said[0]


def test_the_program_and_channel_at_the_bars_are_written(tmp_path, melody) -> None:
    events = [
        (0, [0xC3, 5]),
        *note(0, 480, 60, 3),
        (1900, [0xC3, 73]),
        *note(1920, 2400, 60, 3),
        *note(3840, 4320, 62, 3),
    ]
    song, _, _ = varied(write(tmp_path / "a.mid", events), melody, variation=1.0, first_bar=2)
    assert [(line.channel, line.program) for line in song.tracks] == [(3, 73)]


@pytest.mark.parametrize(
    ("metre", "bars", "beats"),
    [((2, 4), 4, 8), ((3, 4), 2, 6), ((6, 8), 2, 6), ((2, 2), 2, 8), ((12, 8), 1, 6), ((5, 4), 1, 5)],
)
def test_other_metres_are_answered_in_their_own_bars(metre, bars, beats, tmp_path, melody) -> None:
    meta = (0, mido.MetaMessage("time_signature", numerator=metre[0], denominator=metre[1]))
    events = [event for beat in range(24) for event in note(480 * beat, 480 * beat + 240, 60 + beat % 5)]
    song, _, said = varied(write(tmp_path / "a.mid", events, meta), melody)
    assert (song.bars, str(song.metres[0]), song.length_ticks) == (
        bars,
        f"{metre[0]}/{metre[1]}",
        beats * 480,
    )
    assert len(ticks_of(song)) == beats
    notice = f"The music is in {metre[0]}/{metre[1]}, the model plays 4/4"
    assert any(notice in line for line in said) == (metre != (2, 2))


def test_a_single_bar_is_repeated_and_said(tmp_path, melody) -> None:
    song, _, said = varied(write(tmp_path / "a.mid", note(0, 480, 60)), melody)
    assert [row[0] for row in ticks_of(song)] == [0, 1920]
    assert "a.mid: 1 bar only, repeated to the 2 bars that the model takes" in said


def test_a_sequence_of_format_2_has_its_own_map(tmp_path, melody) -> None:
    file = mido.MidiFile(type=2, ticks_per_beat=480)
    for tempo, numerator, pitch in ((500_000, 7, 60), (600_000, 4, 72)):
        line = mido.MidiTrack()
        line.append(mido.MetaMessage("set_tempo", tempo=tempo))
        line.append(mido.MetaMessage("time_signature", numerator=numerator, denominator=4))
        for _ in range(16):
            line.append(mido.Message("note_on", note=pitch, velocity=80, time=240))
            line.append(mido.Message("note_off", note=pitch, time=240))
        file.tracks.append(line)
    file.save(tmp_path / "a.mid")
    song, _, _ = varied(tmp_path / "a.mid", melody, track="2")
    assert (song.tempos[0].microseconds, str(song.metres[0])) == (600_000, "4/4")
    assert {row[2] for row in ticks_of(song)} == {72}
    song, _, _ = varied(tmp_path / "a.mid", melody, track="1")
    assert (song.tempos[0].microseconds, str(song.metres[0]), song.bars) == (500_000, "7/4", 1)


# Pedal and controllers --------------------------------------------------------------------------


PEDALLED = [
    *note(0, 100, 60), (10, [0xB0, 64, 127]), *note(480, 580, 64), (960, [0xB0, 64, 0]),
    *note(960, 1060, 67), *note(1920, 2400, 62),
]  # fmt: skip


def test_the_pedal_lengthens_notes(tmp_path, melody) -> None:
    song, written, said = varied(write(tmp_path / "a.mid", PEDALLED), melody)
    assert [row[:3] for row in ticks_of(song)] == [
        (0, 960, 60),
        (480, 960, 64),
        (960, 1060, 67),
        (1920, 2400, 62),
    ]
    assert messages(written, "control_change") == []
    assert "a.mid: 2 notes lengthened by the pedals" in said


def test_the_pedal_may_be_kept(tmp_path, melody) -> None:
    song, written, _ = varied(write(tmp_path / "a.mid", PEDALLED), melody, keep_pedal=True)
    assert [row[:3] for row in ticks_of(song)] == [
        (0, 100, 60),
        (480, 580, 64),
        (960, 1060, 67),
        (1920, 2400, 62),
    ]
    assert [(tick, m.control, m.value) for tick, m in messages(written, "control_change")] == [
        (10, 64, 127),
        (960, 64, 0),
    ]


CAUGHT = [(tick, [0xB0, 66, data[2]] if data[0] == 0xB0 else data) for tick, data in PEDALLED]


def test_sostenuto_lengthens_the_keys_it_caught_and_may_be_kept(tmp_path, melody) -> None:
    song, written, said = varied(write(tmp_path / "a.mid", CAUGHT), melody)
    assert [row[:2] for row in ticks_of(song)] == [(0, 960), (480, 580), (960, 1060), (1920, 2400)]
    assert messages(written, "control_change") == []
    assert "a.mid: 1 note lengthened by the pedals" in said
    song, written, said = varied(tmp_path / "a.mid", melody, keep_pedal=True)
    assert [row[:2] for row in ticks_of(song)] == [(0, 100), (480, 580), (960, 1060), (1920, 2400)]
    assert [(tick, m.control, m.value) for tick, m in messages(written, "control_change")] == [
        (10, 66, 127),
        (960, 66, 0),
    ]


CONTROLLED = [
    (0, [0xB2, 7, 100]), (0, [0xE2, 0, 64]), (100, [0xB2, 7, 90]), (1000, [0xE2, 0, 80]),
    *note(0, 480, 60, 2), *note(1920, 2400, 60, 2), (2000, [0xE2, 0, 64]), (2100, [0xD2, 40]),
    (2200, [0xA2, 60, 30]), (2300, [0xB2, 123, 0]), *note(3840, 4320, 62, 2),
]  # fmt: skip


def test_controllers_pass_through_with_their_state_at_the_start(tmp_path, melody) -> None:
    _, written, said = varied(write(tmp_path / "a.mid", CONTROLLED), melody, first_bar=2)
    kinds = ("control_change", "pitchwheel", "aftertouch", "polytouch")
    assert [(tick, message.bytes()) for tick, message in messages(written, *kinds)] == [
        (0, [0xB2, 7, 90]), (0, [0xE2, 0, 80]), (80, [0xE2, 0, 64]), (180, [0xD2, 40]), (280, [0xA2, 60, 30])
    ]  # fmt: skip
    assert "a.mid: 5 controller messages of the source written too" in said
    _, written, _ = varied(tmp_path / "a.mid", melody, first_bar=2, controllers=False)
    assert messages(written, *kinds) == []


def test_a_bend_range_set_before_the_bars_is_set_again(tmp_path, melody) -> None:
    entered = [
        (0, [0xB0, 101, 0]),
        (0, [0xB0, 100, 0]),
        (0, [0xB0, 6, 12]),
        (1, [0xB0, 101, 127]),
        (1, [0xB0, 100, 127]),
    ]
    events = [*entered, *note(0, 480, 60), *note(1920, 2400, 60), *note(3840, 4320, 60)]
    _, written, _ = varied(write(tmp_path / "a.mid", events), melody, first_bar=2)
    found = [(message.control, message.value) for _, message in messages(written, "control_change")]
    assert found == [(101, 0), (100, 0), (6, 12), (101, 127), (100, 127)]


# What is ignored, and kits ------------------------------------------------------------------------


def test_what_the_model_does_not_hear_is_counted(tmp_path, melody) -> None:
    events = note(0, 480, 60) + note(0, 480, 64) + note(0, 480, 67) + note(1920, 2400, 12)
    _, _, said = varied(write(tmp_path / "a.mid", events), melody)
    beside = "a.mid: not heard by the model: 2 notes under or beside the one that is heard of their step"
    assert f"{beside}; chords are heard by --model piano_2bar" in said
    assert "a.mid: not heard by the model: 1 note outside a piano's range, moved by octaves" in said


def test_chords_name_an_installed_model_that_hears_them_and_does_what_is_wanted(
    tmp_path, melody, monkeypatch
):
    path = write(tmp_path / "a.mid", note(0, 480, 60) + note(0, 480, 64) + note(1920, 2400, 60))

    def remedy(mode):
        said = []
        sources.read_source(path, melody, said.append, mode=mode)
        return said[-1].partition(" of their step")[2]

    assert remedy("vary") == "; chords are heard by --model piano_2bar"
    assert remedy("continue") == "; chords are heard by --model pianoroll_continue"
    assert remedy("accompany") == ""
    shipped = installed()
    own = {"my grand (own)": shipped["piano_2bar"]}
    monkeypatch.setattr("app.model_library.installed", lambda: own)
    assert remedy("vary") == "; chords are heard by --model 'my grand (own)'"
    monkeypatch.setattr("app.model_library.installed", dict)
    assert remedy("vary") == ""


def drums(*pitches: int) -> list[Event]:
    """Return a hit every half beat of two bars."""
    return [e for hit in range(16) for e in note(240 * hit, 240 * hit + 60, pitches[hit % len(pitches)], 9)]


def test_drum_notes_outside_the_kit_are_counted_and_named(tmp_path, groove) -> None:
    _, _, said = varied(write(tmp_path / "a.mid", drums(36, 42, 38, 93)), groove)
    lost = "a.mid: not heard by the model: 4 notes of drum pitches without a class (4 x 93)"
    assert f"{lost}; --kit names another kit or a map of your own" in said


def test_a_kit_is_recognised_said_and_may_be_asked_for(tmp_path, groove) -> None:
    path = write(tmp_path / "a.mid", drums(36, 62, 38, 60))
    _, _, said = varied(path, groove)
    assert any("drums read as EZdrummer and Superior Drummer by what is played" in line for line in said)
    source = sources.read_source(path, groove, said.append, sources.Asked(kit="gm"))
    assert source.slot.tensor[:, [2, 3]].sum() == 0
    source = sources.read_source(path, groove, said.append)
    assert source.slot.tensor[:, [2, 3]].sum() == 8


def test_a_kit_may_be_a_map_of_one_s_own(tmp_path, groove) -> None:
    path = write(tmp_path / "a.mid", drums(36, 93, 38, 93))
    (tmp_path / "mine.toml").write_text('base = "gm"\n[classes]\n"open hi-hat" = [46, 93]\n')
    said: list[str] = []
    source = sources.read_source(path, groove, said.append, sources.Asked(kit=str(tmp_path / "mine.toml")))
    assert source.slot.tensor[:, 3].sum() == 8
    assert "a.mid: drums read by the map mine.toml" in said


def test_a_drum_map_of_a_thousand_brackets_is_refused_in_one_line(tmp_path) -> None:
    (tmp_path / "deep.toml").write_bytes(b"base = " + b"[" * 10_000)
    with pytest.raises(MidiFileError, match=r"deep\.toml: no drum map"):
        read_drum_map(tmp_path / "deep.toml")


def test_pitched_notes_never_pass_through_a_drum_model(tmp_path, groove) -> None:
    events = drums(36, 42) + note(0, 480, 60) + note(1920, 2400, 62, 3)
    song, _, _ = varied(write(tmp_path / "a.mid", events), groove)
    assert {line.channel for line in song.tracks} == {9}
    # a track on another channel that is asked for is taken for drums
    pads = [e for hit in range(16) for e in note(240 * hit, 240 * hit + 60, (36, 42, 38, 100)[hit % 4], 2)]
    song, _, _ = varied(write(tmp_path / "b.mid", pads), groove, track="1")
    assert {line.channel for line in song.tracks} == {9}
    assert {row[2] for row in ticks_of(song)} == {36, 42, 38}


def test_a_track_chosen_plays_in_the_bars_chosen(tmp_path, melody) -> None:
    metas = [
        (0, mido.MetaMessage("time_signature", numerator=7, denominator=8)),
        (4 * 1680, mido.MetaMessage("time_signature", numerator=4, denominator=4)),
    ]
    high = [e for hit in range(16) for e in note(210 * hit, 210 * hit + 100, 80, 0)]
    low = [e for hit in range(8) for e in note(6720 + 480 * hit, 6720 + 480 * hit + 240, 60, 1)]
    song, _, said = varied(write(tmp_path / "a.mid", high + low, *metas), melody)
    assert {row[2] for row in ticks_of(song)} == {60}
    assert "channel 2" in said[0]


@pytest.mark.parametrize("more", [0, 1])
def test_bars_of_more_notes_than_an_answer_can_be_waited_for_are_refused(tmp_path, melody, more) -> None:
    # two bars of 3,840 ticks may have 8,000 notes; each lasts a tick, at a place and key of its own
    events = [e for hit in range(8000 + more) for e in note(hit % 3839, hit % 3839 + 1, 60 + hit // 3839, 0)]
    path = write(tmp_path / "a.mid", events)
    if not more:
        varied(path, melody)
        return
    line = r"^a\.mid: 8001 notes in bars 1 to 2, 8000 at most; thin them out in an editor$"
    with pytest.raises(MidiFileError, match=line):
        varied(path, melody)


def test_a_remedy_of_a_refusal_exists(tmp_path, melody) -> None:
    events = note(0, 480, 60) + note(1920, 2400, 62) + note(4 * 1920, 4 * 1920 + 10, 60, 9)
    path = write(tmp_path / "a.mid", events)
    with pytest.raises(
        MidiFileError, match=r"bars 3 to 4 of .* are silent; choose others with --bar, such as --bar 1$"
    ):
        varied(path, melody, first_bar=3)


@pytest.mark.parametrize(("bars", "bar", "has"), [(1, 1, "1 bar"), (3, 3, "1 bar"), (3, 2, None)])
def test_a_bar_that_is_asked_for_is_taken_to_the_end_of_the_file_and_repeated(
    tmp_path, melody, bars, bar, has
) -> None:
    events = [each for tick in range(0, 1920 * bars, 960) for each in note(tick, tick + 480, 60)]
    path = write(tmp_path / "a.mid", [*events, (1920 * bars, [0xB0, 7, 100])])
    song, _, said = varied(path, melody, first_bar=bar)
    assert ticks_of(song) == [(tick, tick + 480, 60, 80) for tick in (0, 960, 1920, 2880)]
    repeated = [f"a.mid: {has} only, repeated to the 2 bars that the model takes"] if has else []
    assert [line for line in said if "repeated" in line] == repeated


@pytest.mark.parametrize("straight", [1920 - 40, 1920 - 30], ids=["32nd triplet", "64th"])
def test_the_last_stroke_before_the_end_of_a_repeated_bar_is_there(tmp_path, melody, straight) -> None:
    bar = [(0, 240, 60), (480, 720, 62), (straight, 1920, 64)]
    events = [
        each for n in range(3) for start, end, p in bar for each in note(n * 1920 + start, n * 1920 + end, p)
    ]
    song, _, said = varied(write(tmp_path / "a.mid", events), melody, length=4)
    assert "a.mid: 3 bars only, repeated to the 4 bars that the model takes" in said
    assert ticks_of(song) == [
        (n * 1920 + start, n * 1920 + end, p, 80) for n in range(4) for start, end, p in bar
    ]


def test_triplets_in_bars_too_long_for_the_model_as_triplets_come_back(tmp_path) -> None:
    """5/4 in triplets is 15/8, three bars of the 6/8 that triplets are heard in: the model has two."""
    model = Model.load(installed()["words_2bar"], precision="float")
    events = [each for tick in range(0, 4800, 160) for each in note(tick, tick + 120, 60 + tick // 160)]
    metre = (0, mido.MetaMessage("time_signature", numerator=5, denominator=4))
    song, _, _ = varied(write(tmp_path / "a.mid", events, metre), model)
    assert ticks_of(song) == [(tick, tick + 120, 60 + tick // 160, 80) for tick in range(0, 4800, 160)][:15]


def test_music_longer_than_the_model_comes_back_whole(tmp_path, melody) -> None:
    events = [event for beat in range(26) for event in note(480 * beat, 480 * beat + 700, 60 + beat % 7)]
    song, _, _ = varied(write(tmp_path / "a.mid", events), melody, length=6)
    assert song.bars == 6
    expected = [(480 * beat, min(480 * beat + 700, 24 * 480), 60 + beat % 7, 80) for beat in range(24)]
    assert ticks_of(song) == expected


@pytest.mark.parametrize(
    "name", ["a" * 251, "b" + "\u00fc" * 125, "c" + "\U0001f3b9" * 62, "d" + "\udce9" * 250]
)
def test_a_name_as_long_as_a_name_can_be_leaves_room_for_the_number(name, tmp_path, melody) -> None:
    try:
        path = write(tmp_path / f"{name}.mid", note(0, 480, 60) + note(1920, 2400, 62))
    except OSError:
        pytest.skip("the file system takes no such name")
    _, written, _ = varied(path, melody)
    assert written.name[0] == name[0] and written.name.endswith("-vary-1.mid")
    assert "..." in written.name and len(os.fsencode(written.name)) < 255


LONG_BARS = {"nine": (9, 4), "seventeen": (17, 8)}


def in_long_bars(folder: Path, name: str, channel: int = 0) -> Path:
    """Write five bars of a metre whose bars take three of 4/4."""
    numerator, denominator = LONG_BARS[name]
    metre = (0, mido.MetaMessage("time_signature", numerator=numerator, denominator=denominator))
    beats = int(5 * numerator * 4 / denominator)
    pitch = 36 if channel == 9 else 60
    events = [event for beat in range(beats) for event in note(480 * beat, 480 * beat + 240, pitch, channel)]
    return write(folder / f"{name}{channel}.mid", events, metre)


@pytest.mark.parametrize(("name", "metre"), [("nine", "9/4"), ("seventeen", "17/8")])
def test_bars_too_long_for_a_model_name_one_that_hears_them(tmp_path, name, metre) -> None:
    models = installed()

    def refusal(model: str, channel: int = 0, **asked) -> str:
        path = in_long_bars(tmp_path, name, channel)
        loaded = Model.load(models[model], precision="float")
        with pytest.raises(MidiFileError) as caught:
            sources.read_source(path, loaded, lambda line: None, sources.Asked(**asked))
        return str(caught.value).removeprefix(f"{path.name}: ")

    too_long = f"no whole bar that fits into 2 of 4/4 (it is in {metre}); "
    assert refusal("words_2bar") == f"{too_long}--model sentences_16bar hears them"
    assert refusal("words_2bar", length=16) == f"{too_long}--model sentences_16bar hears them"
    assert refusal("drums_2bar", channel=9) == f"{too_long}--model groove_4bar hears them"
    nothing = "no model that is installed hears bars as long; choose another file"
    assert refusal("groove_humanize_2bar", channel=9) == f"{too_long}{nothing}"
    assert refusal("accompany_2bar", length=16) == f"{too_long}{nothing}"
    assert refusal("sentences_16bar", length=2) == f"{too_long}take as many with --length 3"
    as_asked = f"bar 2 is in {metre}, longer than 2 bars of 4/4; --model sentences_16bar hears them"
    assert refusal("words_2bar", first_bar=2) == as_asked


@pytest.mark.parametrize("name", LONG_BARS)
def test_the_model_that_is_named_hears_long_bars(tmp_path, name) -> None:
    path = in_long_bars(tmp_path, name)
    model = Model.load(installed()["sentences_16bar"], precision="float")
    source = sources.read_source(path, model, lambda line: None)
    assert source.slot.phrase.bars == 5
    assert source.slot.phrase.metre == Metre(*LONG_BARS[name])
