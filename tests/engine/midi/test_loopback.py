import pytest

from engine.errors import PortError
from engine.midi.loopback import bare_name, choose_loopbacks, loops

A, B = "Default App Loopback (A) 0", "Default App Loopback (B) 1"
ONE, TWO = "loopMIDI Port 2", "loopMIDI Port 1 3"
SYNTH = "Microsoft GS Wavetable Synth 0"


@pytest.mark.parametrize(
    ("source", "sink", "looping"),
    [
        (A, B, True),
        (B, A, True),
        (B, B, False),
        (ONE, "loopMIDI Port 4", True),
        (ONE, TWO, False),
        ("UM-ONE 1", "UM-ONE 2", False),
    ],
)
def test_which_pairs_give_back_what_is_sent(source, sink, looping):
    assert loops("winmm", source, sink) is looping


def test_a_macos_bus_loops_only_onto_itself():
    assert loops("coremidi", "IAC Driver Bus 1", "IAC Driver Bus 1")
    assert not loops("coremidi", "IAC Driver Bus 1", "IAC Driver Bus 2")


def test_the_number_that_the_library_appends_is_taken_off_once():
    assert bare_name("winmm", "loopMIDI Port 1 3") == "loopmidi port 1"
    assert bare_name("alsa", "Midi Through:Midi Through Port-0 14:0") == "midi through:midi through port-0"
    assert bare_name("coremidi", "IAC Driver Bus 1") == "iac driver bus 1"


def test_our_end_of_the_systems_pair_comes_first():
    assert choose_loopbacks([ONE, TWO, A, B], [SYNTH, ONE, TWO, A, B]) == (B, B)


def test_two_different_one_way_loopbacks_without_a_pair():
    assert choose_loopbacks([ONE, TWO], [SYNTH, ONE, TWO]) == (ONE, TWO)


def test_a_port_that_was_named_is_kept_and_completed():
    assert choose_loopbacks([ONE, TWO], [ONE, TWO], source=TWO) == (TWO, ONE)
    assert choose_loopbacks([A, B], [A, B], sink=A) == (A, A)
    assert choose_loopbacks(["Keys 0"], [SYNTH], "Keys 0", SYNTH) == ("Keys 0", SYNTH)


@pytest.mark.parametrize(("sources", "sinks"), [([], []), ([ONE], [ONE]), (["Keys 0"], [SYNTH])])
def test_without_two_ports_it_says_how_to_get_them(sources, sinks):
    with pytest.raises(PortError, match=r"App Loopback of Windows MIDI Services, or install loopMIDI"):
        choose_loopbacks(sources, sinks)
