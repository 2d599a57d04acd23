from engine.midi.recording_ports import RecordingBackend
from engine.performer.ledger import Ledger
from engine.performer.outbox import Left, Outbox


class Desk:
    """An outbox on a recording port with 1,000 ns of lead."""

    def __init__(self, lead_ns: int = 1000):
        self.now_ns = 0
        self.port = RecordingBackend(lambda: self.now_ns, lead_ns).output
        self.outbox = Outbox(self.port, Ledger())

    def sent(self) -> list[tuple[int, str]]:
        self.port.take_sent()
        return [(sent, data.hex()) for _, sent, data in self.port.log]


def test_what_left_is_reported_with_its_position():
    desk = Desk()
    desk.outbox.note_on(100, 2.5, 0, 60, 90)
    desk.outbox.poll(50)
    assert desk.outbox.take_left() == []
    desk.now_ns = 200
    desk.outbox.poll(200)
    assert desk.outbox.take_left() == [Left(100, 100, 2.5, bytes((0x90, 60, 90)))]
    assert not desk.outbox.pending


def test_a_note_off_without_its_note_is_not_sent():
    desk = Desk()
    desk.outbox.note_off(100, 0.0, 0, 60)
    desk.now_ns = 200
    assert desk.sent() == []


def test_recall_takes_back_what_has_not_left_and_the_ledger_with_it():
    desk = Desk()
    desk.outbox.note_on(100, 0.0, 0, 60, 90)
    desk.outbox.note_off(300, 0.0, 0, 60)
    desk.outbox.note_on(400, 0.0, 0, 62, 90)
    desk.now_ns = 200
    taken_back = desk.outbox.recall(200)
    assert [message.data[1] for message in desk.outbox.take_left()] == [60]
    assert desk.outbox.take_left() == []
    assert [(message.due_ns, message.data[1]) for message in taken_back] == [(300, 60), (400, 62)]
    assert desk.outbox.ledger.planned == {(0, 60)}


def test_silence_switches_off_what_sounds_and_nothing_else():
    desk = Desk()
    desk.outbox.note_on(100, 0.0, 0, 60, 90)
    desk.outbox.note_on(400, 0.0, 0, 62, 90)
    desk.now_ns = 200
    desk.outbox.silence(200, 0.0)
    desk.now_ns = 1000
    assert desk.sent() == [(100, "903c5a"), (200, "803c00")]


def test_silence_keeps_our_clock_unless_it_is_void():
    for keep, expected in ((True, [(400, "f8")]), (False, [])):
        desk = Desk()
        desk.outbox.send(400, 0.0, b"\xf8")
        desk.outbox.silence(200, 0.0, keep_clock=keep)
        desk.now_ns = 1000
        assert desk.sent() == expected


def test_another_port_is_silenced_first_for_all_that_may_sound():
    desk = Desk()
    desk.outbox.note_on(100, 0.0, 3, 60, 90)
    desk.now_ns = 150
    desk.outbox.poll(150)
    desk.outbox.note_off(160, 0.0, 3, 60)  # nobody knows whether the old port sent it
    desk.outbox.mute()
    desk.outbox.note_on(170, 0.0, 3, 64, 90)  # goes nowhere
    fresh = RecordingBackend(lambda: desk.now_ns, 0).output
    desk.outbox.replace(fresh, 500, 0.0)
    assert [data.hex() for _, _, data in fresh.log] == ["833c00", "b34000", "b37b00", "b37800", "e30040"]


def test_a_port_that_never_reports_does_not_fill_the_memory():
    class Mute:
        name, lead_ns = "mute", 0

        def send(self, due_ns, data): ...
        def cancel(self): ...
        def take_sent(self):
            return []

        def close(self): ...

    outbox = Outbox(Mute(), Ledger())
    for index in range(100):
        outbox.note_on(index * 100_000_000, 0.0, 0, index, 90)
        outbox.poll(index * 100_000_000)
    assert len(outbox.pending) <= 11
    assert len(outbox.ledger.sounding) >= 88


class Hesitating:
    """A port that never says what it sent, and sends what is due although it is cancelled."""

    name, lead_ns = "slow", 30_000

    def __init__(self):
        self.sent = []

    def send(self, due_ns, data):
        self.sent.append(data.hex())

    def cancel(self):
        pass

    def take_sent(self):
        return []


def test_a_note_that_is_due_but_not_known_to_have_left_is_silenced():
    """It may be on its way: a note-off too many does no harm, one too few hangs a note."""
    port = Hesitating()
    outbox = Outbox(port, Ledger())
    outbox.note_on(1_000, 0.0, 0, 60, 90)
    outbox.note_on(9_000, 0.0, 0, 64, 90)  # not due yet: surely cancelled
    outbox.silence(2_000, 0.0)
    assert port.sent[2:] == ["803c00"]


def test_the_players_notes_go_on_through_a_silence_and_end_with_their_own_note_offs():
    desk = Desk(0)
    desk.outbox.pass_on(0, 0.0, b"\x90\x3c\x40")
    desk.outbox.note_on(0, 0.0, 0, 64, 90)
    desk.outbox.silence(0, 0.0)
    desk.outbox.pass_on(0, 0.0, b"\x80\x40\x00")  # ours, and not theirs to end
    desk.outbox.pass_on(0, 0.0, b"\x80\x3c\x05")
    assert [data for _, data in desk.sent()] == ["903c40", "90405a", "804000", "803c05"]


def test_a_key_that_our_pattern_plays_is_not_struck_again_by_the_player():
    desk = Desk(0)
    desk.outbox.note_on(0, 0.0, 0, 60, 90)
    desk.outbox.pass_on(0, 0.0, b"\x90\x3c\x40")
    desk.outbox.pass_on(0, 0.0, b"\x80\x3c\x00")
    assert [data for _, data in desk.sent()] == ["903c5a"]


def test_letting_go_ends_the_players_notes():
    desk = Desk(0)
    desk.outbox.pass_on(0, 0.0, b"\x91\x3c\x40")
    desk.outbox.let_go(0, 0.0)
    desk.outbox.let_go(0, 0.0)
    assert [data for _, data in desk.sent()] == ["913c40", "813c00"]


def test_our_note_takes_a_key_over_from_the_player_whose_note_off_then_ends_nothing():
    desk = Desk(0)
    desk.outbox.pass_on(0, 0.0, b"\x92\x3c\x40")
    desk.outbox.note_on(0, 0.0, 2, 60, 90)
    desk.outbox.pass_on(0, 0.0, b"\x82\x3c\x00")
    desk.outbox.note_off(0, 1.0, 2, 60)
    assert [data for _, data in desk.sent()] == ["923c40", "823c00", "923c5a", "823c00"]


def test_a_panic_ends_the_players_notes_too_and_resets_every_channel_in_use():
    desk = Desk(0)
    desk.outbox.pass_on(0, 0.0, b"\x92\x3c\x40")
    desk.outbox.send(0, 0.0, b"\xe5\x00\x10")  # a bend on a channel without notes
    desk.outbox.panic(0, 0.0)
    desk.outbox.pass_on(0, 0.0, b"\x82\x3c\x00")
    resets = [f"b{channel}{controller}00" for channel in "25" for controller in ("40", "7b", "78")]
    sent = [data for _, data in desk.sent()][2:]
    assert sent[0] == "823c00"
    assert sorted(sent[1:]) == sorted([*resets, "e20040", "e50040"])


def test_what_was_taken_back_goes_out_again_but_for_our_notes():
    desk = Desk()
    desk.outbox.send(600, 0.5, b"\xb0\x07\x40")
    desk.outbox.send(700, 0.6, b"\xf8")
    desk.outbox.note_on(650, 0.5, 0, 60, 90)
    desk.outbox.pass_on(660, 0.5, b"\x91\x40\x50")
    desk.outbox.panic(200, 0.0)
    desk.now_ns = 5_000
    after = [data for due, data in desk.sent() if due >= 600]
    assert "b00740" in after and "f8" in after
    assert "903c5a" not in after


def test_messages_of_others_on_the_port_change_what_sounds_and_are_not_reported():
    desk = Desk(0)
    desk.outbox.note_on(0, 0.0, 0, 60, 90)
    desk.port.send(0, b"\x80\x3c\x00")
    desk.outbox.poll(0)
    assert [left.data.hex() for left in desk.outbox.take_left()] == ["903c5a"]
    assert desk.outbox.ledger.sounding == set()
