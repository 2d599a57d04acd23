"""What of a phrase a model does not hear, in numbers and words."""

import pytest

from engine.music.left_out import left_out
from engine.music.notes import Note, Phrase
from engine.music.representation import representation


def lost(name: str, *notes: Note) -> list[str]:
    return [str(each) for each in left_out(Phrase.of(notes, 2), representation(name, 2))]


CHORD = [Note(1.0, pitch, 1.0) for pitch in (60, 64, 67)]


@pytest.mark.parametrize(
    ("name", "notes", "said"),
    [
        ("melody", CHORD, ["2 notes under or beside the one that is heard of their step"]),
        ("melody", [Note(0, 36, 1, channel=9)], ["1 note on the drum channel"]),
        ("melody", [Note(0, 12, 1)], ["1 note outside a piano's range, moved by octaves"]),
        ("pianoroll", CHORD, []),
        ("pianoroll", [Note(0, 12, 1), Note(1, 12, 1)], ["2 notes outside the range (2 x 12)"]),
        ("drums", [Note(0, 36, 1, channel=9), Note(1, 60, 1)], ["1 note beside the drum channel"]),
        ("drums", [Note(0, 93, 1, channel=9)], ["1 note of drum pitches without a class (1 x 93)"]),
        ("drums", [Note(0, 36, 1), Note(1, 100, 1)], ["1 note of drum pitches without a class (1 x 100)"]),
        (
            "groove",
            [Note(0, 38, 0.1, channel=9), Note(0.1, 38, 0.1, channel=9)],
            ["1 note nearer than a step to another of the same drum"],
        ),
        ("trio", [Note(0, 60, 1, channel=4)], ["1 note on other channels (channels 5)"]),
        ("trio", [Note(0, 93, 1, channel=9)], ["1 note of drum pitches without a class (1 x 93)"]),
    ],
)
def test_what_is_not_heard_is_counted_and_named(name, notes, said) -> None:
    assert lost(name, *notes) == said


def test_many_pitches_are_named_in_short() -> None:
    (said,) = lost("drums", *(Note(step / 4, 90 + step, 0.1, channel=9) for step in range(8)))
    assert said.endswith("(1 x 90, 1 x 91, 1 x 92, 1 x 93, 1 x 94, 1 x 95 and 2 more)")
