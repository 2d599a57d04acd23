from types import SimpleNamespace

import pytest

from engine.errors import PortError
from engine.midi import backends, jack, rtmidi
from engine.midi.backends import (
    BackendStatus,
    NoPortsError,
    PortInfo,
    candidates,
    list_ports,
    open_backend,
    probe,
)
from engine.midi.port_names import UnknownPortError
from engine.midi.rtmidi import Listing

NO_SERVER = "JACK: no server runs; start one"
NO_ALSA = "ALSA: no sequencer; load it"


@pytest.fixture
def systems(monkeypatch):
    """Both doors replaced: `refuse` says which systems do not answer, `opened` what was opened how."""

    state = SimpleNamespace(refuse={}, opened=[], jack_client=True)

    def opener(kind):
        def open_it(name="jack", **options):
            if name in state.refuse:
                raise state.refuse[name]
            state.opened.append((kind, name, options))
            return f"{kind} {name}"

        return open_it

    class Lister:
        def __init__(self, name):
            self.name = name

        def list(self):
            if self.name in state.refuse:
                raise state.refuse[self.name]
            return Listing(("Keys 20:0",), ("Synth 28:0", "Pad 32:0"))

    def jack_names():
        if "jack" in state.refuse:
            raise state.refuse["jack"]
        return ["Ardour:MIDI Clock out"], []

    monkeypatch.setattr(jack, "has_package", lambda: state.jack_client)
    monkeypatch.setattr(jack, "JackBackend", opener("client"))
    monkeypatch.setattr(jack, "list_jack_ports", jack_names)
    monkeypatch.setattr(rtmidi, "RtMidiBackend", opener("rtmidi"))
    monkeypatch.setattr(rtmidi, "load", lambda: None)
    monkeypatch.setattr(rtmidi, "lister", lambda _module, name: Lister(name))
    return state


@pytest.mark.parametrize(
    ("platform", "order"),
    [("linux", ("jack", "alsa")), ("darwin", ("coremidi", "jack")), ("win32", ("winmm",))],
)
def test_the_order_of_a_platform(platform, order):
    assert candidates(platform) == order


def test_linux_takes_jack_where_a_server_runs(systems):
    assert open_backend(platform="linux") == "client jack"


def test_linux_takes_alsa_where_none_runs(systems):
    systems.refuse["jack"] = PortError(NO_SERVER)
    assert open_backend(platform="linux") == "rtmidi alsa"


def test_jack_without_jack_client_goes_through_rtmidi(systems):
    systems.jack_client = False
    assert open_backend("jack", platform="linux") == "rtmidi jack"


def test_where_none_answers_the_line_is_about_the_first_and_every_reason_is_kept(systems):
    systems.refuse = {"jack": PortError(NO_SERVER), "alsa": PortError(NO_ALSA)}
    with pytest.raises(NoPortsError) as caught:
        open_backend(platform="linux")
    assert str(caught.value) == f"No MIDI ports can be opened. {NO_SERVER}"
    assert caught.value.tried == (NO_SERVER, NO_ALSA)


def test_a_single_choice_gives_its_own_line(systems):
    systems.refuse["alsa"] = PortError(NO_ALSA)
    with pytest.raises(PortError, match=f"^{NO_ALSA}$"):
        open_backend("alsa", platform="linux")


def test_a_port_that_is_not_there_is_not_sought_elsewhere(systems):
    systems.refuse["jack"] = UnknownPortError('Port "Reaper" was not found')
    with pytest.raises(UnknownPortError):
        open_backend(platform="linux", connect_in=["Reaper"])
    assert systems.opened == []


@pytest.mark.parametrize(
    ("choice", "says"),
    [
        ("tin can", 'MIDI back end "tin can" is unknown'),
        ("winmm", "winmm: not on this system; choose jack, alsa"),
    ],
)
def test_an_impossible_choice_says_what_there_is(systems, choice, says):
    with pytest.raises(PortError, match=says):
        open_backend(choice, platform="linux")


def test_what_was_asked_reaches_the_back_end(systems):
    asked = {"client_name": "Two", "connect_in": ["a"], "connect_out": ["b"], "patient": True}
    open_backend("jack", platform="linux", **asked)
    ((kind, _, options),) = systems.opened
    assert kind == "client"
    options.pop("on_input")
    assert options == asked


def test_ports_of_every_system_that_answers(systems):
    assert list_ports("linux") == [
        PortInfo("jack", "source", "Ardour:MIDI Clock out"),
        PortInfo("alsa", "source", "Keys 20:0"),
        PortInfo("alsa", "sink", "Synth 28:0"),
        PortInfo("alsa", "sink", "Pad 32:0"),
    ]
    systems.refuse["alsa"] = PortError(NO_ALSA)
    assert [port.backend for port in list_ports("linux")] == ["jack"]


def test_the_probe_says_what_auto_would_take_and_why_not_the_others(systems):
    systems.refuse["jack"] = PortError(NO_SERVER)
    assert probe("linux") == [
        BackendStatus("jack", False, NO_SERVER, chosen=False),
        BackendStatus("alsa", True, "1 port to hear, 2 to play to", chosen=True),
    ]


def test_without_a_server_the_real_jack_door_never_starts_one(monkeypatch):
    monkeypatch.setenv("JACK_DEFAULT_SERVER", "antiphon-there-is-no-such-server")
    if not backends._has_jack_client():
        pytest.skip("JACK-Client is missing")
    with pytest.raises(PortError, match=r"^JACK: (no server runs|its library is not installed)"):
        open_backend("jack")
