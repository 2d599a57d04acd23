"""Calls into MIDI systems that never return."""

import subprocess
import sys
import threading

import pytest

from engine.errors import PortError
from engine.midi.system_thread import SystemThread, UnansweredError, system_thread

SOON_S = 0.05
FOR_EVER_S = 3600.0


@pytest.fixture
def release():
    """Lets the calls of a test that block end; at its end at the latest."""
    event = threading.Event()
    yield event
    event.set()


def test_a_call_returns_what_the_system_answers():
    assert SystemThread("jack").ask(lambda: 7, FOR_EVER_S) == 7


def test_what_a_call_raises_reaches_who_asked():
    def refuse():
        raise PortError("JACK: no server runs")

    with pytest.raises(PortError, match=r"^JACK: no server runs$"):
        SystemThread("jack").ask(refuse, FOR_EVER_S)


@pytest.mark.parametrize(
    ("system", "line"),
    [
        ("jack", "JACK: the server does not answer; end it and start it again, or use another back end"),
        (
            "alsa",
            "ALSA: the sequencer does not answer; unplug the device that hangs, or use another back end",
        ),
        (
            "coremidi",
            "CoreMIDI: its server does not answer; unplug the device that hangs, or log in again",
        ),
        ("winmm", "WinMM: a driver does not answer; unplug its device and plug it in again"),
    ],
)
def test_a_call_that_does_not_return_is_one_line_with_its_remedy(release, system, line):
    with pytest.raises(UnansweredError) as caught:
        SystemThread(system).ask(release.wait, SOON_S)
    assert str(caught.value) == line


def test_while_one_is_overdue_the_next_is_refused_at_once_and_made_all_the_same(release):
    thread, made = SystemThread("jack"), threading.Event()
    with pytest.raises(UnansweredError):
        thread.ask(release.wait, SOON_S)
    with pytest.raises(UnansweredError):
        thread.ask(made.set, FOR_EVER_S)
    assert not made.is_set()
    release.set()
    assert made.wait(FOR_EVER_S)


def test_once_it_has_returned_the_system_is_asked_again(release):
    thread = SystemThread("jack")
    call = thread.begin(release.wait)
    with pytest.raises(UnansweredError):
        thread.answer(call, SOON_S)
    release.set()
    assert call.returned(FOR_EVER_S)
    assert thread.answer(call, 0.0) is True
    assert thread.ask(lambda: 8, FOR_EVER_S) == 8


def test_what_is_asked_on_the_thread_itself_is_simply_done():
    thread = SystemThread("jack")
    assert (
        thread.ask(lambda: thread.ask(threading.current_thread, FOR_EVER_S).name, FOR_EVER_S) == "midi-jack"
    )


def test_all_calls_of_a_system_come_from_one_thread():
    idents = {system_thread("alsa").ask(threading.get_ident, FOR_EVER_S) for _ in range(3)}
    assert len(idents) == 1
    assert system_thread("jack").ask(threading.get_ident, FOR_EVER_S) not in idents


def test_a_call_that_never_returns_does_not_keep_the_program_from_ending():
    code = (
        "import threading; from engine.midi.system_thread import *\n"
        "system_thread('jack').ask(threading.Event().wait, 0.05)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=600)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(
        "engine.midi.system_thread.UnansweredError: JACK: the server does not answer"
    )
