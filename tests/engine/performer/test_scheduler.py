"""Patterns on the internal clock at 120 BPM: what is sent, at which beat."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.music.metre import Metre
from engine.performer import messages as m
from engine.performer.offline import OfflinePerformer

BEAT = 500_000_000
LEADS = pytest.mark.parametrize("lead_ns", [0, 30_000_000])


class Stage:
    """A performer that plays from beat 0."""

    def __init__(self, lead_ns: int = 0, pattern: m.SetPattern | None = None):
        self.offline = OfflinePerformer(lead_ns=lead_ns)
        if pattern:
            self.offline.handle(pattern)
        self.offline.handle(m.Play())
        self.start_ns = self.offline.now_ns + lead_ns + 5_000_000

    def run_to(self, beats: float) -> None:
        self.offline.run_until(self.start_ns + round(beats * BEAT))

    def sent(self) -> list[tuple[float, str, int]]:
        """`(beat it was due at, on or off, pitch)`."""
        names = {0x90: "on", 0x80: "off"}
        return [
            (round((due - self.start_ns) / BEAT, 3), names[data[0] & 0xF0], data[1])
            for due, _, data in self.offline.backend.output.log
            if data[0] & 0xF0 in names
        ]

    def ons(self) -> list[tuple[float, int]]:
        return [(beat, pitch) for beat, kind, pitch in self.sent() if kind == "on"]


def notes(*placed: tuple[float, int, float]) -> tuple[m.NoteData, ...]:
    return tuple(m.NoteData(start, pitch, length, 80, 0) for start, pitch, length in placed)


@LEADS
@pytest.mark.parametrize(
    ("starts_at", "line"), [("step", 1.25), ("beat", 2.0), ("bar", 4.0), ("phrase", 16.0)]
)
def test_the_next_pattern_begins_at_its_line_and_cuts_the_old_notes_first(lead_ns, starts_at, line):
    stage = Stage(lead_ns, m.SetPattern(1, notes((0.0, 40, 16.0)), 4))
    stage.run_to(1.1)
    busy = notes(*[(step / 4, 60 + step, 0.1) for step in range(16)])
    stage.offline.handle(m.SetPattern(2, busy, 1, starts_at))
    stage.run_to(line + 0.2)
    first = 60 + round(line % 4 * 4)
    assert stage.sent() == [
        (0.0, "on", 40),
        (line, "off", 40),
        (line, "on", first),
        (line + 0.1, "off", first),
    ]
    assert stage.offline.of(m.PatternStarted)[-1].at_beats == line


@LEADS
def test_a_pattern_played_once_rests_once_all_of_it_was_heard(lead_ns):
    stage = Stage(lead_ns, m.SetPattern(1, notes((0.0, 40, 1.0), (3.5, 41, 2.0)), 1, once=True))
    stage.run_to(9.1)
    assert stage.sent() == [(0.0, "on", 40), (1.0, "off", 40), (3.5, "on", 41), (4.0, "off", 41)]
    stage.offline.handle(m.SetPattern(2, notes((0.0, 50, 1.0), (2.0, 52, 1.0)), 1, "beat", 8.0, once=True))
    stage.run_to(17.0)
    whole = [(12.0, "on", 50), (13.0, "off", 50), (14.0, "on", 52), (15.0, "off", 52)]
    assert stage.sent()[4:] == [(10.0, "on", 52), (11.0, "off", 52), *whole]
    stage.run_to(20.4)
    stage.offline.handle(m.SetPattern(3, notes((2.0, 53, 1.0)), 1, "step", 20.0, once=True))
    stage.run_to(29.0)
    assert stage.sent()[10:] == [(22.0, "on", 53), (23.0, "off", 53)]


@LEADS
@given(first_steps=st.integers(0, 15), late_steps=st.integers(0, 15))
def test_the_first_note_of_a_pattern_played_once_is_never_missed(lead_ns, first_steps, late_steps):
    """A bar of one note that comes in some steps after the bar line, where it takes over at the next step."""
    stage = Stage(lead_ns, m.SetPattern(1, (), 1))
    stage.run_to(8.0 + late_steps / 4 - 0.1)
    stage.offline.handle(m.SetPattern(2, notes((first_steps / 4, 60, 0.1)), 1, "step", once=True))
    stage.run_to(24.0)
    first_beats = 8.0 + first_steps / 4
    at_beats = first_beats if late_steps <= first_steps else first_beats + 4.0
    assert [each for each in stage.sent() if each[1] == "on"] == [(at_beats, "on", 60)]


def test_a_pattern_of_the_same_length_keeps_the_phase():
    stage = Stage(0, m.SetPattern(1, notes(), 2))
    stage.run_to(5.1)
    stage.offline.handle(m.SetPattern(2, notes((0.0, 60, 0.5), (6.0, 66, 0.5)), 2, "beat"))
    stage.run_to(9.0)
    assert stage.ons() == [(6.0, 66), (8.0, 60)]


def test_a_pattern_of_another_length_is_counted_from_the_bar_it_starts_in():
    stage = Stage(0, m.SetPattern(1, notes(), 1))
    stage.run_to(5.1)
    stage.offline.handle(m.SetPattern(2, notes((2.0, 62, 0.5), (4.0, 64, 0.5)), 2, "beat"))
    stage.run_to(9.0)
    assert stage.ons() == [(6.0, 62), (8.0, 64)]


def test_the_controllers_anchor_wins():
    stage = Stage(0)
    stage.run_to(5.1)
    pattern = m.SetPattern(2, notes((0.0, 60, 0.5), (4.0, 64, 0.5)), 2, "bar", anchor_beats=4.0)
    stage.offline.handle(pattern)
    stage.run_to(13.0)
    assert stage.ons() == [(8.0, 64), (12.0, 60)]


@LEADS
def test_an_early_first_note_sounds_before_the_wrap_and_at_the_start(lead_ns):
    stage = Stage(lead_ns, m.SetPattern(1, notes((-0.05, 60, 0.5)), 1))
    stage.run_to(8.2)
    assert stage.ons() == [(0.0, 60), (3.95, 60), (7.95, 60)]


@LEADS
def test_an_early_first_note_of_the_next_pattern_comes_before_its_line(lead_ns):
    stage = Stage(lead_ns, m.SetPattern(1, notes((0.0, 40, 1.0), (-0.1, 41, 1.0)), 1))
    stage.run_to(3.0)
    stage.offline.handle(m.SetPattern(2, notes((-0.08, 60, 0.5)), 1, "bar"))
    stage.run_to(5.0)
    assert stage.ons() == [(0.0, 41), (0.0, 40), (3.92, 60)]
    assert (4.42, "off", 60) in stage.sent()


def test_a_note_that_the_next_pattern_has_too_rings_on():
    stage = Stage(0, m.SetPattern(1, notes((0.0, 60, 2.0), (0.0, 64, 2.0)), 1))
    stage.run_to(1.1)
    stage.offline.handle(m.SetPattern(2, notes((0.0, 60, 3.0), (0.0, 65, 2.0)), 1))
    stage.run_to(3.5)
    assert stage.sent() == [
        (0.0, "on", 60),
        (0.0, "on", 64),
        (1.25, "off", 64),
        (3.0, "off", 60),
    ]


def test_the_newest_pattern_wins_when_several_wait():
    stage = Stage(0, m.SetPattern(1, notes((0.0, 40, 0.5)), 1))
    stage.run_to(1.0)
    for number in (2, 3, 4):
        stage.offline.handle(m.SetPattern(number, notes((0.0, 60 + number, 0.5)), 1, "bar"))
    stage.run_to(4.2)
    assert stage.ons() == [(0.0, 40), (4.0, 64)]
    assert [event.pattern_id for event in stage.offline.of(m.PatternStarted)] == [1, 4]


def test_a_note_struck_while_it_sounds_is_switched_off_first():
    stage = Stage(0, m.SetPattern(1, notes((0.0, 60, 2.0), (1.0, 60, 0.5)), 1))
    stage.run_to(3.0)
    assert stage.sent() == [(0.0, "on", 60), (1.0, "off", 60), (1.0, "on", 60), (1.5, "off", 60)]


@LEADS
def test_clearing_silences_at_once(lead_ns):
    stage = Stage(lead_ns, m.SetPattern(1, notes((0.0, 60, 4.0)), 1))
    stage.run_to(1.0)
    stage.offline.handle(m.ClearPattern())
    stage.run_to(9.0)
    assert stage.sent() == [(0.0, "on", 60), (1.0, "off", 60)]


def test_a_tempo_change_times_anew_what_has_not_left():
    stage = Stage(30_000_000, m.SetPattern(1, notes((0.0, 60, 0.5), (1.0, 62, 0.5)), 1))
    stage.run_to(0.96)  # beat 1 is 20 ms away and handed over
    stage.offline.handle(m.SetTempo(60.0))
    stage.offline.run_for(300_000_000)
    due, sent, _ = next(entry for entry in stage.offline.backend.output.log if entry[2][1] == 62)
    expected = stage.start_ns + round(0.96 * BEAT + 0.04 * 2 * BEAT)
    assert due == sent == pytest.approx(expected, abs=10)
    assert len(stage.ons()) == 2


@pytest.mark.parametrize("offset_ms", [-20.0, 20.0])
def test_the_offset_moves_what_is_sent(offset_ms):
    stage = Stage(30_000_000, m.SetPattern(1, notes((1.0, 60, 0.5)), 1))
    stage.offline.handle(m.SetOffset(offset_ms))
    stage.run_to(1.2)
    assert stage.ons() == [(round(1.0 + offset_ms / 500, 3), 60)]


def test_after_a_pause_of_ours_the_missed_notes_are_left_out():
    stage = Stage(0, m.SetPattern(1, notes(*[(step / 4, 60 + step, 0.1) for step in range(16)]), 1))
    stage.run_to(1.1)
    stage.offline.now_ns += 10 * 1_000_000_000  # the machine slept
    stage.run_to(21.4)
    late = [pitch for beat, pitch in stage.ons() if beat > 1.1]
    assert late == [65]  # beat 21.25 is step 5 of its bar
    assert stage.offline.performer.late_sends == 0


def test_three_four_time_shortens_the_bar():
    stage = Stage(0, m.SetPattern(1, notes((0.0, 60, 0.5)), 1))
    stage.offline.handle(m.SetMetre(Metre(3, 4)))
    stage.run_to(6.5)
    assert [beat for beat, _ in stage.ons()] == [0.0, 3.0, 6.0]


def test_lateness_is_counted():
    offline = OfflinePerformer(wake_late_ns=6_000_000)
    offline.handle(m.SetPattern(1, notes((0.0, 60, 0.5), (1.0, 62, 0.5)), 1))
    offline.handle(m.Play())
    offline.run_for(900_000_000)
    lateness_ns = [sent - due for due, sent, _ in offline.backend.output.log]
    assert len(lateness_ns) == 4
    assert offline.performer.late_sends == sum(late > 2_000_000 for late in lateness_ns) > 0
    assert offline.performer.worst_lateness_ns == max(lateness_ns)


@pytest.mark.parametrize(
    ("command", "refusal"),
    [
        (m.SetTempo(5.0), "Tempo 5: choose 20 to 400 BPM"),
        (m.SetMetre(Metre(0, 4)), "Metre 0/4: choose another, such as 4/4 or 6/8"),
        (m.SetOffset(900.0), "Output offset 900 ms: choose -500 to 500 ms"),
        (m.SetPattern(3, (), 0), "Pattern 3: 0 bars; send 1 or more"),
        (m.SetPattern(4, notes((0.0, 200, 1.0)), 1), "Pattern 4: "),
    ],
)
def test_a_command_out_of_range_is_refused_with_its_range(command, refusal):
    stage = Stage()
    stage.offline.handle(command)
    (fault,) = stage.offline.of(m.Fault)
    assert fault.text.startswith(refusal)
    stage.run_to(1.0)
    assert stage.offline.of(m.ClockState)[-1].bpm == 120.0


def test_panic_resets_the_channels_in_use_and_the_pattern_goes_on():
    pattern = m.SetPattern(1, (m.NoteData(0.0, 60, 3.0, 80, 2), m.NoteData(2.0, 62, 1.0, 80, 2)), 1)
    stage = Stage(0, pattern)
    stage.run_to(1.0)
    stage.offline.handle(m.Panic())
    sent = [data.hex() for _, _, data in stage.offline.backend.output.log]
    assert sent == ["923c50", "823c00", "b24000", "b27b00", "b27800", "e20040"]
    stage.run_to(2.5)
    assert stage.ons() == [(0.0, 60), (2.0, 62)]


def test_shutdown_silences_says_goodbye_and_finishes():
    stage = Stage(30_000_000, m.SetPattern(1, notes((0.0, 60, 4.0)), 1))
    stage.run_to(1.0)
    stage.offline.handle(m.Shutdown())
    assert stage.offline.performer.finished
    assert stage.offline.of(m.Bye) == [m.Bye()]
    stage.run_to(1.1)
    assert stage.offline.sounding() == set()


def test_a_port_that_refuses_is_reported_once_and_music_goes_on_at_the_next():
    stage = Stage(0, m.SetPattern(1, notes((0.0, 60, 0.5)), 1))
    stage.run_to(0.1)
    stage.offline.backend.kill()
    stage.run_to(6.0)
    assert [fault.text for fault in stage.offline.of(m.Fault)] == [
        "Antiphon Out: the port is gone; reconnect it"
    ]
    stage.offline.attach(stage.offline.new_backend())
    stage.run_to(8.2)
    assert stage.sent()[0] == (6.0, "off", 60)
    assert stage.ons() == [(8.0, 60)]


def test_ping_is_answered():
    stage = Stage()
    stage.offline.handle(m.Ping(7))
    assert stage.offline.of(m.Pong) == [m.Pong(7, 0, 0)]


@LEADS
def test_an_answer_begins_at_its_line_and_ends_at_its_end(lead_ns):
    stage = Stage(lead_ns)
    stage.run_to(1.0)
    answer = notes((0.0, 60, 1.0), (3.5, 64, 4.0))
    stage.offline.handle(m.SetPattern(1, answer, 1, "step", 8.0, at_beats=8.0, until_beats=12.0))
    stage.run_to(17.0)
    assert stage.sent() == [(8.0, "on", 60), (9.0, "off", 60), (11.5, "on", 64), (12.0, "off", 64)]
    assert [each.at_beats for each in stage.offline.of(m.PatternStarted)] == [8.0]


@LEADS
def test_a_remade_answer_replaces_the_one_that_waits_for_its_line(lead_ns):
    stage = Stage(lead_ns)
    stage.run_to(1.0)
    stage.offline.handle(
        m.SetPattern(1, notes((0.0, 60, 1.0)), 1, "step", 4.0, at_beats=4.0, until_beats=8.0)
    )
    stage.run_to(3.9)
    stage.offline.handle(
        m.SetPattern(2, notes((0.0, 62, 1.0)), 1, "step", 4.0, at_beats=4.0, until_beats=8.0)
    )
    stage.run_to(9.0)
    assert stage.ons() == [(4.0, 62)]


def test_an_answer_that_comes_after_its_line_goes_on_in_its_place():
    stage = Stage(0)
    stage.run_to(5.1)
    late = notes((0.0, 60, 0.5), (2.0, 62, 0.5))
    stage.offline.handle(m.SetPattern(1, late, 1, "step", 4.0, at_beats=4.0, until_beats=8.0))
    stage.run_to(9.0)
    assert stage.ons() == [(6.0, 62)]


def test_an_answer_given_while_stopped_waits_for_its_span():
    offline = OfflinePerformer(lead_ns=0)
    offline.handle(m.SetPattern(1, notes((0.0, 60, 0.5)), 1, "step", 4.0, at_beats=4.0, until_beats=8.0))
    stage = Stage.__new__(Stage)
    stage.offline = offline
    offline.handle(m.Play())
    stage.start_ns = offline.now_ns + 5_000_000
    stage.run_to(9.0)
    assert stage.ons() == [(4.0, 60)]
