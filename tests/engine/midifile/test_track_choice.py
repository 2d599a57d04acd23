"""Which track, and why."""

import pytest
from songs import song, track

from engine.errors import MidiFileError
from engine.midifile.track_choice import (
    choose_drums,
    choose_melody,
    choose_piano,
    choose_pitched,
    choose_trio,
    find_track,
    single_line,
)

LINE = [(beat, 72, 0.5) for beat in range(16)]
CHORDS = [(beat, pitch, 1.0) for beat in range(16) for pitch in (84, 88, 91)]
LOW = [(beat, 40, 0.5) for beat in range(16)]


def test_a_name_decides_whatever_is_higher() -> None:
    tracks = track(CHORDS, "Flute"), track(LINE, "Lead Vocals", 1)
    assert choose_melody(song(*tracks)) == ((tracks[1],), "by its name")
    brass = track(LINE, "Alto Trombone"), track(LINE, "Violin I", 1)
    assert choose_melody(song(*brass)).tracks == (brass[1],)


def test_without_a_name_the_highest_single_line() -> None:
    bass, line, chords = track([(0, 40, 1)] * 9), track(LINE, chunk=1), track(CHORDS, chunk=2)
    assert choose_melody(song(bass, line, chords)) == ((line,), "the highest single line")
    assert single_line(line) == 1.0
    assert single_line(chords) < 0.5


def test_a_few_high_notes_are_no_melody() -> None:
    bell, line = track([(0, 100, 1.0)]), track(LINE, chunk=1)
    assert choose_melody(song(bell, line)).tracks == (line,)


@pytest.mark.parametrize("few", [1, 2, 3])
def test_a_channel_of_a_few_notes_is_no_melody_whatever_its_name(few: int) -> None:
    """Of a file of one chunk all channels have its name; a short melody is one still."""
    short = [(beat, 60, 1.5) for beat in range(2 * few)]  # overlaps, so that a few notes are the purer line
    bell, line = track([(beat, 96, 0.5) for beat in range(few)], "Melody"), track(short, "Melody", channel=1)
    assert choose_melody(song(bell, line)).tracks == (line,)
    apart = track([(beat, 96, 0.5) for beat in range(few)], "Melody", 1)
    assert choose_melody(song(line, apart)).tracks == (line,)


def test_the_name_of_a_chunk_says_nothing_of_its_channels() -> None:
    low, line, chords = (
        track(notes, "Melody", channel=channel) for channel, notes in enumerate((LOW, LINE, CHORDS))
    )
    assert choose_melody(song(low, line, chords)) == ((line,), "the highest single line")


def test_two_short_lines_are_chosen_by_height() -> None:
    low, high = track(LINE[:3]), track([(beat, 80, 0.5) for beat in range(2)], chunk=1)
    assert choose_melody(song(low, high)).tracks == (high,)


def test_drums_are_on_their_channel() -> None:
    few, many = track(LINE[:3], channel=9), track(LINE, chunk=1, channel=9)
    assert choose_drums(song(track(LINE), many)) == ((many,), "the only drum track")
    assert choose_drums(song(track(LINE), few, many)) == ((few, many), "all drum tracks together")
    with pytest.raises(MidiFileError, match=r"x\.mid: only drums, no melody"):
        choose_melody(song(few))
    with pytest.raises(
        MidiFileError, match=r"drum channel 10; name the track to take, perhaps track 1 'Drums"
    ):
        choose_drums(song(track(LINE, "Drums")))
    with pytest.raises(MidiFileError, match="no notes"):
        choose_melody(song())


def test_tracks_are_found_by_number_or_name() -> None:
    made = song(track(LINE, "Piano"), track(LINE, "Piano", 1), track(LINE, "Oboe", 4))
    assert find_track(made, "5") == ((made.tracks[2],), "as asked")
    assert find_track(made, "obo").tracks == (made.tracks[2],)
    with pytest.raises(
        MidiFileError, match=r"'piano' means track 1 .* track 2 .*; name one of them by its number"
    ):
        find_track(made, "piano")
    with pytest.raises(MidiFileError, match=r"no track 'harp'; there are: track 1 'Piano'"):
        find_track(made, "harp")


def test_tracks_of_one_chunk_are_found_by_channel() -> None:
    made = song(track(LINE, "Band"), track(LOW, "Band", channel=1), track(LINE, "Band", channel=9))
    for wanted in ("10", "channel 10", "Ch10"):
        assert find_track(made, wanted).tracks == (made.tracks[2],)
    with pytest.raises(
        MidiFileError, match=r"'1' means .*; name one of them by its channel, as in 'channel 1'"
    ):
        find_track(made, "1")


def test_a_piano_takes_all_that_is_pitched() -> None:
    right, left = track(LINE, "Right"), track(CHORDS, "Left", 1)
    waves, drums = track(LINE, "Waves", 2, program=122), track(LINE, "Drums", 3, 9)
    assert choose_pitched(song(right, left, waves, drums)) == ((right, left), "all pitched tracks together")
    assert choose_pitched(song(right, drums)) == ((right,), "the only pitched track")
    assert choose_pitched(song(waves)).tracks == (waves,)
    with pytest.raises(MidiFileError, match=r"x\.mid: only drums, nothing for a piano"):
        choose_pitched(song(drums))
    many = choose_pitched(song(*[track(LINE, f"Part {number}", number) for number in range(10)]))
    assert many.label.startswith("track 1 'Part 0' (channel 1), track 2 'Part 1'")
    assert many.label.endswith("track 8 'Part 7' (channel 1) and 2 more")


def test_a_piano_player_is_found_by_the_names_of_hands_or_instrument() -> None:
    right, left, lead = track(LINE, "R.H."), track(CHORDS, "Left hand", 1), track(LINE, "Lead", 2)
    assert choose_piano(song(right, left, lead)) == ((right, left), "both hands by their names")
    brass = track(CHORDS * 2, "Brass", 3, program=61)
    piano = track(CHORDS, "PIANO", 4)
    assert choose_piano(song(lead, brass, piano)) == ((piano,), "by its name")
    upper = track(LINE, "Piano", 5)
    assert choose_piano(song(lead, piano, upper)) == ((piano, upper), "by their names")


def test_a_piano_player_without_a_name_is_the_one_with_chords() -> None:
    line, bass = track(LINE, "Lead"), track(LOW, "Bass", 1, program=33)
    few, many = track(CHORDS, "A", 2, program=4), track([*CHORDS, (16, 60, 1)], "B", 3, program=0)
    strings = track(CHORDS * 3, "Strings", 4, program=48)
    assert choose_piano(song(line, bass, few, many, strings)) == ((many,), "the busiest with chords")
    assert choose_piano(song(line, bass, strings)).tracks == (strings,)
    assert choose_piano(song(line, bass)) == ((line, bass), "all pitched tracks together")
    assert choose_piano(song(line)) == ((line,), "the only pitched track")
    with pytest.raises(MidiFileError, match=r"x\.mid: only drums, nothing for a piano"):
        choose_piano(song(track(LINE, channel=9)))


def test_a_band_has_three_parts() -> None:
    keys, lead = track(CHORDS, "Keys"), track(LINE, "Lead", 1)
    bass = track(LOW, "E-Bass", 2, 1, 33)
    kick, hat = track(LINE, "Kick", 3, 9), track(LINE, "Hat", 4, 9)
    assert choose_trio(song(keys, lead, bass, kick, hat)) == {
        "melody": ((lead,), "by its name"),
        "bass": ((bass,), "by its name"),
        "drums": ((kick, hat), "all drum tracks together"),
    }


@pytest.mark.parametrize(
    ("name", "program", "is_bass"),
    [
        ("Slap Bass 1", 0, True),
        ("Contrabasso", 0, True),
        ("", 32, True),
        ("", 39, True),
        ("", 40, False),
        ("Bassoon", 70, False),
        ("Bass drum", 0, False),
        ("Lead", 33, False),
    ],
)
def test_name_and_program_make_a_bass_whatever_it_plays(name: str, program: int, is_bass: bool) -> None:
    high, other = track(LINE, name, program=program), track(CHORDS, chunk=1)
    parts = choose_trio(song(high, other))
    assert ("bass" in parts) == is_bass
    assert parts["melody"].tracks == ((other,) if is_bass else (high,))


def test_else_a_low_line_below_the_melody_is_the_bass() -> None:
    violin, cello = track(LINE, "Violin 1"), track(LOW, "Violoncello", 1, 1, 42)
    assert choose_trio(song(violin, cello))["bass"] == ((cello,), "the lowest single line")
    viola = track([(beat, 60, 0.5) for beat in range(16)], "Viola", 1)
    left = track([(beat, pitch, 1.0) for beat in range(16) for pitch in (36, 43, 48)], "Piano", 1)
    for no_bass in (viola, left):
        assert choose_trio(song(violin, no_bass)) == {"melody": ((violin,), "by its name")}


def test_parts_of_a_trio_may_be_missing_but_not_all() -> None:
    bass, drums = track(LOW, "Bass"), track(LINE, channel=9)
    assert set(choose_trio(song(bass, drums))) == {"bass", "drums"}
    alone = track(LOW)
    assert choose_trio(song(alone)) == {"melody": ((alone,), "the only pitched track")}
    with pytest.raises(
        MidiFileError, match=r"x\.mid: no notes; choose a file with a melody, a bass or drums"
    ):
        choose_trio(song())


BAND = song(
    track(LINE, "Lead"),
    track(LOW, "Bass", 1, 1),
    track(LOW, "Low strings, muted", 2, 2),
    track(CHORDS, "Keys", 3, 3),
    track(LINE, "Drums", 4, 9),
)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("melody=4,bass=3,drums=10", [3, 2, 4]),
        ("bass = low strings, muted, melody=keys", [3, 2, 4]),
        ("keys", [3, 1, 4]),
        ("Low strings, muted", [2, 1, 4]),
        ("bass=lead", [2, 0, 4]),
        ("drums=keys", [0, 1, 3]),
        ("drums", [0, 1, 4]),
    ],
)
def test_parts_can_be_named_and_the_rest_is_chosen(wanted: str, expected: list[int]) -> None:
    parts = choose_trio(BAND, wanted)
    assert [parts[name].tracks for name in ("melody", "bass", "drums")] == [
        (BAND.tracks[index],) for index in expected
    ]


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ("lead=1", "no part 'lead' in a trio; name melody, bass or drums, as in --track melody=2,bass=3"),
        ("melody=9", "no track '9'; there are: track 1 'Lead'"),
        ("bass=drums", r"track 5 'Drums' \(channel 10\) is on the drum channel, no bass; name another"),
        ("melody=1,melody=4", "the melody is named twice"),
    ],
)
def test_a_wrong_part_is_refused(wanted: str, words: str) -> None:
    with pytest.raises(MidiFileError, match=f"^x.mid: {words}"):
        choose_trio(BAND, wanted)
