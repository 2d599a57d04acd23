"""The maps of drum kits, their recognition, and those that users write."""

import pytest

from engine.music.kits import ALIASES, CLASS_NAMES, KITS, drum_kit, kit_of_classes, recognised


def classes(kit: str, *pitches: int) -> list[str]:
    table = drum_kit(kit).table
    return [CLASS_NAMES[table[pitch]] if table[pitch] >= 0 else "none" for pitch in pitches]


@pytest.mark.parametrize("kit", [*KITS, *ALIASES])
def test_no_pitch_is_in_two_classes_and_exemplars_are_in_their_own(kit) -> None:
    pitches = [pitch for of_class in drum_kit(kit).classes for pitch in of_class]
    assert len(pitches) == len(set(pitches))
    assert [drum_kit(kit).table[pitch] for pitch in drum_kit(kit).exemplars] == list(range(9))


def test_the_kits_disagree_where_the_toms_do() -> None:
    assert classes("roland", 45, 48, 58) == ["mid tom", "high tom", "low tom"]
    assert classes("gm", 45, 48, 58) == ["low tom", "mid tom", "crash"]
    assert drum_kit("roland").exemplars == (36, 38, 42, 46, 43, 47, 50, 49, 51)
    assert drum_kit("gm").exemplars == (36, 38, 42, 46, 45, 48, 50, 49, 51)


def test_the_training_kit_knows_the_pitches_of_its_data() -> None:
    played = [22, 26, 36, 37, 38, 40, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 55, 57, 58, 59]
    assert [pitch for pitch, drum in enumerate(drum_kit("roland").table) if drum >= 0] == played


def test_what_other_kits_have_elsewhere() -> None:
    assert classes("ezdrummer", 62, 60, 22, 26, 66, 42) == [
        "closed hi-hat", "open hi-hat", "closed hi-hat", "open hi-hat", "snare", "closed hi-hat",
    ]  # fmt: skip
    assert classes("addictive", 49, 55, 48, 60, 77) == [
        "closed hi-hat", "open hi-hat", "closed hi-hat", "ride", "crash",
    ]  # fmt: skip
    assert classes("addictive", 65, 71, 42, 64) == ["low tom", "high tom", "snare", "none"]
    assert classes("xg", 33, 31, 29, 13, 42) == ["kick", "snare", "snare", "mid tom", "closed hi-hat"]
    assert classes("gs", 25, 26) == ["snare", "snare"]


EZD = [36, 62, 60, 62, 38, 60, 62, 60]


def test_a_kit_is_recognised_by_hats_that_general_midi_has_not() -> None:
    assert recognised(EZD).name == "toontrack"
    assert recognised([36, 49, 49, 38, 49, 55]).name == "addictive"


@pytest.mark.parametrize(
    "pitches",
    [
        [],
        [36, 42, 38, 42, 46, 51],
        [36, 51, 38, 51],
        [60, 62, 63, 64, 60, 62],
        [36, 42, 38, 42, 60, 62, 63, 64],
        [36, 38, 36, 38],
    ],
    ids=["nothing", "rock", "ride", "congas", "congas beside a kit", "kick and snare"],
)
def test_all_else_is_general_midi(pitches) -> None:
    assert recognised(pitches).name == "gm"


def test_a_kit_written_down_moves_pitches_into_its_classes() -> None:
    kit = kit_of_classes("mine", {"kick": [24], "crash": [36]}, base="gm")
    assert (kit.table[24], kit.table[36], kit.table[35], kit.table[38]) == (0, 7, 0, 1)
    assert kit.exemplars[0] == 24


@pytest.mark.parametrize(
    ("written", "base", "words"),
    [
        ({"bass drum": [36]}, "gm", "no drum class 'bass drum'; the classes are kick, snare"),
        ({"kick": [128]}, "gm", "128 is no MIDI pitch"),
        ({"kick": ["C1"]}, "gm", "'C1' is no MIDI pitch"),
        ({"kick": [36], "snare": [36]}, "gm", "pitch 36 is in two places"),
        ({"kick": [36]}, None, "class 'snare' has no pitch"),
        (
            {"kick": [38, 40, 27, 28, 31, 32, 33, 34, 37, 39, 56, 65, 66, 75, 85]},
            "gm",
            "class 'snare' has no",
        ),
    ],
)
def test_a_wrong_map_is_refused(written, base, words) -> None:
    with pytest.raises(ValueError, match=words):
        kit_of_classes("mine", written, base)


def test_a_kit_writes_what_was_played_most() -> None:
    kit = drum_kit("toontrack").led_by([62, 62, 42, 60, 36])
    assert (kit.exemplars[2], kit.exemplars[3], kit.exemplars[0], kit.exemplars[1]) == (62, 60, 36, 38)
    assert kit.table == drum_kit("toontrack").table
