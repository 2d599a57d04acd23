"""`antiphon calibrate`: by ear with typed lines, and by a loop, on a performer of its own in this process."""

import queue

import pytest

from app import calibrate
from app.compose import LiveOptions
from engine.errors import AntiphonError, RenderError
from engine.performer import messages as m
from engine.session.document import Document
from engine.session.store import read_document, write_document


class Client:
    """A performer's client that keeps the commands and answers a measurement."""

    def __init__(self, back: int) -> None:
        self.sent, self.events, self.back = [], [], back

    def start(self):
        pass

    def send(self, command):
        self.sent.append(command)
        if isinstance(command, m.MeasureLoop):
            self.events.append(m.LoopMeasured((12.0,) * self.back, command.clicks))

    def poll(self):
        events, self.events = self.events, []
        return events

    def close(self):
        pass


def run(monkeypatch, *typed, back=0, **options):
    """Calibrate with what is typed; return the offset, what was said, and the commands."""
    client, said, lines = Client(back), [], queue.Queue()
    monkeypatch.setattr(calibrate, "make_client", lambda _options: client)
    monkeypatch.setattr(calibrate, "watch_for_end", lambda: lambda: False)
    for line in typed:
        lines.put(line)
    loop = options.pop("loop", False)
    offset_ms = calibrate.calibrate(LiveOptions(**options), loop=loop, say=said.append, lines=lines)
    return offset_ms, said, client.sent


def test_typed_lines_move_our_click_which_sounds_meanwhile(monkeypatch):
    offset_ms, said, sent = run(monkeypatch, "+\n", "-5\n", "what\n", "=7,5\n", "+ 2\n", "\n")
    assert offset_ms == 9.5
    assert any(isinstance(command, m.SetMetronome) and command.on for command in sent)
    assert [command.offset_ms for command in sent if isinstance(command, m.SetOffset)] == [
        1.0,
        -4.0,
        7.5,
        9.5,
    ]
    assert "'what' moves nothing; type +, -, +5, -5 or =12" in said
    assert said[-1] == "Output offset +9.5 ms: antiphon live --offset-ms 9.5"


def test_the_end_of_the_input_ends_it(monkeypatch):
    assert run(monkeypatch, "-\n", None)[0] == -1.0


@pytest.mark.parametrize("line", ["", "=", "x", "+x", "3"])
def test_other_lines_move_nothing(line):
    with pytest.raises(RenderError, match="moves nothing"):
        calibrate.moved(0.0, line)


def test_a_loop_is_measured(monkeypatch):
    offset_ms, said, _ = run(monkeypatch, loop=True, back=10)
    assert offset_ms == -6.0
    assert said[1].startswith("Out and back takes 12.0 ms")


def test_a_loop_that_is_not_closed_is_refused_with_the_remedy(monkeypatch):
    with pytest.raises(AntiphonError, match=r"0 of 10 clicks came back.*Antiphon In"):
        run(monkeypatch, loop=True)


def test_it_is_kept_with_the_session_that_is_named_and_nothing_else_changes(monkeypatch, tmp_path):
    file = tmp_path / "song.antiphon"
    before = Document(bindings=())
    write_document(file, before)
    run(monkeypatch, "=4\n", None, session=file)
    after = read_document(file)
    assert after.settings.offset_ms == 4.0
    assert (after.controls, after.bindings) == (before.controls, before.bindings)
