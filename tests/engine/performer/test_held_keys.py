"""Note-offs and note-ons of one key paired: notes are names here, times in milliseconds."""

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.performer.held_keys import HeldKeys

MS = 1_000_000
KEY, OTHER = (0, 60), (0, 64)


class Hands:
    """Presses and lets go, and keeps when each note ended."""

    def __init__(self) -> None:
        self.held: HeldKeys[str] = HeldKeys()
        self.ends: dict[str, int] = {}

    def on(self, ms: int, note: str, key: tuple[int, int] = KEY) -> None:
        self._end(ms, self.held.struck_again(key))
        self.held.press(key, note, ms * MS)

    def off(self, ms: int, key: tuple[int, int] = KEY) -> None:
        self._end(ms, self.held.release(key, ms * MS))

    def pedal(self, ms: int, *, down: bool, channel: int = 0, controller: int = 64) -> None:
        self._end(ms, self.held.pedal(channel, controller, down))

    def _end(self, ms: int, ended) -> None:
        for held in ended:
            self.ends[held.note] = ms
            if not held.ended:
                held.note = None


def test_legato_on_one_key():
    hands = Hands()
    for index, name in enumerate("abc"):
        hands.on(index * 500, name)
        if index:
            hands.off(index * 500 + 59)
    hands.off(1500)
    assert hands.ends == {"a": 500, "b": 1000, "c": 1500}
    assert hands.held.sounding() == []


def test_a_late_note_off_may_be_the_only_one_until_another_comes():
    hands = Hands()
    hands.on(0, "a")
    hands.on(500, "b")
    hands.off(560)
    assert hands.ends == {"a": 500, "b": 560}
    assert hands.held.sounding() == []
    hands.off(900)
    assert hands.ends["b"] == 900


def test_a_key_ended_by_a_doubtful_note_off_is_struck_anew_as_any_other():
    hands = Hands()
    hands.on(0, "a")
    hands.on(500, "b")
    hands.off(700)
    hands.on(1000, "c")
    assert hands.ends == {"a": 500, "b": 700}
    hands.off(1200)
    hands.off(1300)
    assert hands.ends["c"] == 1300


def test_the_pedal_holds_only_its_channel_and_only_what_was_let_go():
    hands = Hands()
    hands.pedal(0, down=True)
    hands.on(0, "a")
    hands.off(10)
    hands.on(0, "x", (1, 60))
    hands.off(20, (1, 60))
    hands.on(30, "b", OTHER)
    assert hands.ends == {"x": 20}
    hands.pedal(100, down=False, channel=1)
    assert hands.ends == {"x": 20}
    hands.pedal(200, down=False)
    assert hands.ends == {"x": 20, "a": 200}
    assert [held.note for held in hands.held.sounding()] == ["b"]


def test_sostenuto_holds_the_keys_that_were_down_as_it_was_pressed_and_no_other():
    hands = Hands()
    hands.on(0, "caught")
    hands.on(0, "let go before", OTHER)
    hands.off(50, OTHER)
    hands.pedal(100, down=True, controller=66)
    hands.on(200, "later", OTHER)
    hands.pedal(250, down=True, controller=66)  # again, without having come up: nothing more is caught
    hands.off(300, OTHER)
    hands.off(300)
    assert hands.ends == {"let go before": 50, "later": 300}
    hands.pedal(400, down=False, channel=1, controller=66)
    assert [held.note for held in hands.held.sounding()] == ["caught"]
    hands.pedal(500, down=False, controller=66)
    assert hands.ends == {"let go before": 50, "later": 300, "caught": 500}


def test_a_key_that_sostenuto_holds_is_held_when_it_is_struck_again():
    hands = Hands()
    hands.on(0, "a")
    hands.pedal(100, down=True, controller=66)
    hands.off(200)
    hands.on(300, "b")
    hands.off(400)
    hands.pedal(900, down=False, controller=66)
    hands.on(1000, "c")
    hands.off(1100)
    assert hands.ends == {"a": 300, "b": 900, "c": 1100}


def test_what_both_pedals_hold_ends_with_the_later_of_them():
    for first, second in ((64, 66), (66, 64)):
        hands = Hands()
        hands.on(0, "a")
        hands.pedal(10, down=True, controller=64)
        hands.pedal(20, down=True, controller=66)
        hands.off(30)
        hands.pedal(40, down=False, controller=first)
        assert hands.ends == {}
        hands.pedal(50, down=False, controller=second)
        assert hands.ends == {"a": 50}


def test_note_offs_without_a_note_on_end_nothing():
    hands = Hands()
    hands.off(5)
    hands.on(10, "a")
    hands.off(20)
    hands.off(30)
    assert hands.ends == {"a": 20}


def test_letting_all_go_forgets_the_pedals():
    hands = Hands()
    hands.pedal(0, down=True)
    hands.on(0, "a")
    hands.on(0, "b", (3, 50))
    ended = hands.held.release_all(0)
    assert [held.note for held in ended] == ["a"]
    assert [held.note for held in hands.held.release_all()] == ["b"]
    hands.on(50, "c")
    hands.off(60)
    assert hands.ends == {"c": 60}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(100, 400), st.integers(0, 3)), min_size=1, max_size=12))
def test_notes_that_do_not_overlap_end_with_their_own_note_off(played):
    """Whatever keys: on and off in turn, so that each note's end is known."""
    hands, now, expected = Hands(), 0, {}
    for number, (length, pitch) in enumerate(played):
        name = f"n{number}"
        hands.on(now, name, (0, 60 + pitch))
        hands.off(now + length, (0, 60 + pitch))
        expected[name] = now + length
        now += length
    assert hands.ends == expected
    assert hands.held.sounding() == []


def test_releases_let_go_every_key_and_pedal_that_is_down():
    hands = Hands()
    hands.on(0, "a")
    hands.on(0, "b", (3, 50))
    hands.pedal(5, down=True, channel=3)
    hands.pedal(5, down=True, channel=1)
    hands.pedal(6, down=False, channel=1)
    hands.pedal(7, down=True, controller=66)
    assert [data.hex() for data in hands.held.releases()] == ["803c00", "833200", "b04200", "b34000"]
    hands.held.release_all()
    assert hands.held.releases() == []
