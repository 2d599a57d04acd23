"""The OSC port over loopback sockets, alone and in a session."""

import socket
import struct
import time

import pytest
from hands import RecordingClient
from hypothesis import given
from hypothesis import strategies as st

from engine.session import osc
from engine.session.intents import OscMessage
from engine.session.osc import OscError, OscPort
from engine.session.session import Session
from engine.session.state import OscPlace

DEADLINE_S = 60.0


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def port():
    with_number = OscPort(OscPlace(0, False, None))
    yield with_number
    with_number.close()


@pytest.fixture
def hand():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.bind(("127.0.0.1", 0))
        made.settimeout(DEADLINE_S)
        yield made


def until(what):
    """Return what a function finds once it finds something."""
    end_s = time.monotonic() + DEADLINE_S
    while not (found := what()):
        assert time.monotonic() < end_s
        time.sleep(0.005)
    return found


# /antiphon/variation ,f 0.25 as the specification of OSC 1.0 lays it out, by hand
VARIATION = b"/antiphon/variation\0,f\0\0" + struct.pack(">f", 0.25)
BUNDLE = b"#bundle\0" + struct.pack(">Q", 1) + struct.pack(">i", len(VARIATION)) + VARIATION


@pytest.mark.parametrize("packet", [VARIATION, BUNDLE])
def test_a_packet_is_heard_with_its_sender(port, hand, packet):
    hand.sendto(packet, ("127.0.0.1", port.number))
    (message,) = until(port.receive)
    assert (message.address, message.arguments, message.refused) == ("/antiphon/variation", (0.25,), "")
    assert message.sender == hand.getsockname()


@pytest.mark.parametrize(
    ("packet", "reason"),
    [
        (b"\xff\xfe\xfd\xfc", "a packet that is no OSC message"),
        (b"/x\0\0,i\0\0\0", "a packet that is no OSC message"),
        (b"/x\0\0,b\0\0" + struct.pack(">i", 4) + b"abcd", "values are numbers and words"),
        (b"/" + b"x" * 9000, "a packet of more than 8192 bytes"),
        (b"#bundle\0" + b"\0" * 7, "a packet that is no OSC message"),
    ],
)
def test_what_is_no_message_is_named(port, hand, packet, reason):
    hand.sendto(packet, ("127.0.0.1", port.number))
    (message,) = until(port.receive)
    assert message.refused == reason


@given(st.binary(max_size=64), st.sampled_from((b"", b"/antiphon/x\0,", b"#bundle\0\0\0\0\0\0\0\0\1")))
def test_no_packet_raises(tail, head):
    for message in osc._messages(head + tail, ("127.0.0.1", 1)):
        assert message.refused or message.address


def test_messages_are_sent_as_the_specification_says(port, hand):
    port.send(
        (OscMessage("/antiphon/seed", (7,)), OscMessage("/antiphon/metre", ("3/4",))), hand.getsockname()
    )
    assert hand.recv(9000) == b"/antiphon/seed\0\0,i\0\0\0\0\0\7"
    assert hand.recv(9000) == b"/antiphon/metre\0,s\0\0" + b"3/4\0"
    port.send((OscMessage("/x"),), ("255.255.255.255", 9))  # broadcasting is not allowed to it
    assert port.unsent == 1


def test_this_machine_alone_is_heard_unless_the_network_is_asked_for(port):
    assert port._heard.getsockname()[0] == "127.0.0.1"
    open_port = OscPort(OscPlace(0, True, None))
    assert open_port._heard.getsockname()[0] == "0.0.0.0"
    open_port.close()
    open_port.close()


def test_a_port_that_is_taken_is_refused_in_one_line(port):
    with pytest.raises(
        OscError, match=rf"^OSC cannot be heard on port {port.number} .*choose another OSC port"
    ):
        OscPort(OscPlace(port.number, False, None))


def test_without_the_library_the_remedy_is_said(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pythonosc.osc_packet", None)
    with pytest.raises(OscError, match="pip install python-osc"):
        OscPort(OscPlace(0, False, None))


def test_a_session_is_moved_and_sends_its_changes(hand):
    number = free_port()
    with Session(RecordingClient()) as session:
        session.set("osc_port", number)
        session.set("osc_to", f"127.0.0.1:{hand.getsockname()[1]}")
        hand.sendto(VARIATION, ("127.0.0.1", number))
        session.poll()
        assert session.snapshot().live.osc.received == 0  # off by default
        session.set("osc", True)
        hand.recv(9000)  # says that it is on
        hand.sendto(VARIATION, ("127.0.0.1", number))
        until(lambda: session.poll() or session.snapshot().live.osc.received)
        assert session.snapshot().value("variation") == 0.25
        assert hand.recv(9000) == VARIATION
        session.set("osc", False)
        free_port_again = OscPort(OscPlace(number, False, None))
        free_port_again.close()


def test_a_session_whose_port_is_taken_says_so_and_is_off(port):
    with Session(RecordingClient()) as session:
        session.set("osc_port", port.number)
        session.set("osc", True)
        shown = session.snapshot()
        assert not shown.value("osc")
        assert [notice.about for notice in shown.live.notices] == ["osc"]
