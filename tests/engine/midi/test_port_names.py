import pytest

from engine.errors import PortError
from engine.midi.port_names import UnknownPortError, match_port

PORTS = ["Ardour:MIDI Clock out", "Ardour:MIDI out", "Klavier für Elise"]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("Ardour:MIDI out", "Ardour:MIDI out"),
        ("clock", "Ardour:MIDI Clock out"),
        ("FÜR", "Klavier für Elise"),
    ],
)
def test_a_whole_name_or_a_part_that_fits_one_port(wanted, found):
    assert match_port(wanted, PORTS) == found


def test_the_whole_name_wins_over_names_that_contain_it():
    assert match_port("A", ["A", "AB"]) == "A"


def test_a_part_that_fits_several_is_refused_and_lists_them():
    with pytest.raises(
        PortError, match=r'"ardour" could be any of "Ardour:MIDI Clock out", "Ardour:MIDI out"'
    ):
        match_port("ardour", PORTS)


def test_an_unknown_name_lists_what_there_is():
    with pytest.raises(PortError, match='"Reaper" was not found; there are "Ardour:MIDI Clock out"'):
        match_port("Reaper", PORTS)
    with pytest.raises(PortError, match="there is none at all"):
        match_port("Reaper", [])


def test_a_port_is_found_again_when_its_number_has_changed():
    def bare(name):
        return name.rstrip("0123456789").rstrip()

    names = ("Keystation 3", "Keystation Mini 1")
    assert match_port("Keystation 2", names, bare) == "Keystation 3"
    with pytest.raises(UnknownPortError, match="was not found"):
        match_port("Keystation 2", ("Other 1",), bare)
