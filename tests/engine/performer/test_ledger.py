from engine.midi.messages import note_off, note_on
from engine.performer.ledger import Ledger


def test_a_note_sounds_from_its_note_on_to_its_note_off():
    ledger = Ledger()
    ledger.left(note_on(2, 60, 90))
    assert ledger.sounding == {(2, 60)}
    ledger.left(note_off(2, 60))
    assert ledger.sounding == set()


def test_velocity_zero_is_a_note_off():
    ledger = Ledger()
    ledger.left(note_on(0, 60, 1))
    ledger.left(bytes((0x90, 60, 0)))
    assert ledger.sounding == set()


def test_rollback_forgets_what_was_only_planned():
    ledger = Ledger()
    ledger.plan(note_on(0, 60, 90))
    ledger.left(note_on(0, 60, 90))
    ledger.plan(note_on(0, 64, 90))
    ledger.plan(note_off(0, 60))
    assert ledger.planned == {(0, 64)}
    ledger.rollback()
    assert ledger.planned == {(0, 60)}


def test_panic_names_every_note_and_every_used_channel():
    ledger = Ledger()
    ledger.plan(note_on(9, 36, 90))
    ledger.left(note_on(9, 36, 90))
    assert [data.hex() for data in ledger.panic()] == [
        "892400",  # note-off
        "b94000",  # pedal up
        "b97b00",  # all notes off
        "b97800",  # all sound off
        "e90040",  # bend to the centre
    ]


def test_a_note_off_comes_for_what_sounds_and_for_what_is_planned_but_for_some():
    ledger = Ledger()
    ledger.plan(note_on(0, 64, 90))  # handed over, not left
    ledger.left(note_on(1, 60, 90))  # left, its note-off is handed over
    ledger.left(note_on(2, 36, 90))
    assert [data.hex() for data in ledger.note_offs(but={(2, 36)})] == ["804000", "813c00"]
