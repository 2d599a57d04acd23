import pytest

from engine.errors import PortError
from engine.midi.ports import InputEvent
from engine.midi.recording_ports import RecordingBackend


class Time:
    def __init__(self):
        self.now_ns = 100

    def __call__(self):
        return self.now_ns


def test_input_arrives_at_its_time_oldest_first():
    time = Time()
    port = RecordingBackend(time).input
    port.play(300, b"\x90\x40\x50")
    port.play(150, b"\xf8")
    assert port.drain() == []
    assert port.next_ns() == 150
    time.now_ns = 400
    assert port.drain() == [InputEvent(150, b"\xf8"), InputEvent(300, b"\x90\x40\x50")]
    assert port.next_ns() is None


def test_without_lead_a_message_leaves_when_it_is_handed_over():
    port = RecordingBackend(Time()).output
    port.send(50, b"\xf8")
    assert port.take_sent() == [(50, 100, b"\xf8")]
    assert port.take_sent() == []


def test_with_lead_a_message_leaves_when_it_is_due_and_equal_ones_in_order():
    time = Time()
    port = RecordingBackend(time, lead_ns=1000).output
    port.send(500, b"\x80\x40\x00")
    port.send(500, b"\x90\x40\x50")
    port.send(300, b"\xf8")
    assert port.take_sent() == []
    time.now_ns = 600
    assert port.take_sent() == [
        (300, 300, b"\xf8"),
        (500, 500, b"\x80\x40\x00"),
        (500, 500, b"\x90\x40\x50"),
    ]


def test_cancel_keeps_what_has_left_and_forgets_the_rest():
    time = Time()
    port = RecordingBackend(time, lead_ns=1000).output
    port.send(200, b"\xf8")
    port.send(400, b"\xfc")
    time.now_ns = 300
    port.cancel()
    time.now_ns = 500
    assert port.log == [(200, 200, b"\xf8")]
    assert port.take_sent() == [(200, 200, b"\xf8")]


def test_a_dead_backend_refuses_to_send_and_says_so():
    backend = RecordingBackend(Time())
    assert backend.alive()
    backend.kill()
    assert not backend.alive()
    with pytest.raises(PortError, match="Antiphon Out"):
        backend.output.send(0, b"\xf8")


def test_closing_twice_is_harmless():
    backend = RecordingBackend(Time())
    backend.close()
    backend.close()
    assert not backend.alive()
