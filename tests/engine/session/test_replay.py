"""A performance is played again out of its log: as it sounded, and with one thing changed from a bar on."""

import json

import pytest
from test_session_performer import DEMO, Rig, S

from engine.errors import RenderError, SessionFileError
from engine.inference.controls import Controls
from engine.music.notes import Phrase
from engine.performer.messages import Play, Stop
from engine.session.autosave import log_path
from engine.session.intents import Noticed
from engine.session.live import Replaying
from engine.session.replay import Rendered, replayed
from engine.session.replay_change import Change
from engine.session.session_log import read_performance

BEAT_NS = S // 2


class Performance:
    """A session with a file on its own clock, and what left its output."""

    def __init__(self, model, file, **settings):
        self.file, self.model = file, model
        self.rig = Rig(model, Controls(variation=0.6, temperature=1.0, seed=3), demo_phrase=DEMO, file=file)
        self.session, self.offline = self.rig.session, self.rig.offline
        for name, value in settings.items():
            self.session.set(name, value)
        self.session.set("demo", True)

    def run_beats(self, beats):
        end_ns = self.offline.now_ns + round(beats * BEAT_NS)
        while self.offline.now_ns < end_ns:
            self.offline.run_until(min(self.offline.now_ns + 20_000_000, end_ns))
            self.session.poll()
            assert self.session.wait_idle()

    def close(self):
        self.session.close()
        return read_performance(self.file)

    def notes_sent(self, from_ns, until_ns=None):
        """(start, pitch, velocity, length) in beats of the notes that left the output from a time on."""
        sounding, found = {}, []
        for due, _, data in self.offline.backend.output.log:
            if data[0] & 0xE0 != 0x80 or due < from_ns or (until_ns and due > until_ns):
                continue
            if data[1] in sounding:
                start, velocity = sounding.pop(data[1])
                found.append((start, data[1], velocity, (due - from_ns) / BEAT_NS - start))
            if data[0] & 0xF0 == 0x90 and data[2]:
                sounding[data[1]] = ((due - from_ns) / BEAT_NS, data[2])
        return sorted((round(a, 3), b, c, round(d, 3)) for a, b, c, d in found)


def notes_of(phrase: Phrase, until=1e9):
    rows = ((n.start_beats, n.pitch, n.velocity, n.duration_beats) for n in phrase.notes)
    return sorted((round(a, 3), b, c, round(d, 3)) for a, b, c, d in rows if a < until)


@pytest.fixture
def performance(model, tmp_path):
    made = Performance(model, tmp_path / "tonight.antiphon")
    yield made
    made.session.close()


def start_ns(performance):
    return performance.offline.performer.transport.time_of(0.0)


def rendered(found, change, from_bar, model):
    again = Rendered(found, change, from_bar, lambda reference, digest: model)
    assert list(again.steps()) == list(range(1, len(again.patterns) + 1))
    return again


def test_a_performance_is_what_left_the_output_and_renders_so_again(performance, model):
    performance.run_beats(18)
    performance.session.set("variation", 0.9)
    performance.run_beats(9)
    performance.session.set("transpose", 2)
    performance.run_beats(9)
    sent = performance.notes_sent(start_ns(performance))
    found = performance.close()
    assert len(sent) > 20
    as_it_was = replayed(found, 0)
    assert notes_of(as_it_was.answers, 35) == [note for note in sent if note[0] < 35]
    assert notes_of(as_it_was.heard, 8)[:4] == [
        (0.02, 60, 70, 0.5),
        (1.02, 61, 71, 0.5),
        (2.02, 62, 72, 0.5),
        (3.02, 63, 73, 0.5),
    ]
    again = rendered(found, None, 0, model)
    assert again.unlike == 0
    assert notes_of(replayed(found, 0, change_bar=0, phrases=again.phrases).answers, 35) == notes_of(
        as_it_was.answers, 35
    )


def test_a_change_leaves_what_lies_before_it_and_reaches_what_lies_behind(performance, model):
    performance.run_beats(40)
    found = performance.close()
    as_it_was = replayed(found, 0)
    again = rendered(found, Change.read("seed=77"), 5, model)
    changed = replayed(found, 0, change_bar=5, phrases=again.phrases)
    assert notes_of(changed.answers, 19.9) == notes_of(as_it_was.answers, 19.9)
    assert notes_of(changed.answers) != notes_of(as_it_was.answers)
    assert again.unlike == len(again.patterns) > 0
    shifted = rendered(found, Change.read("transpose=+12"), 5, model)
    up = replayed(found, 5, change_bar=5, phrases=shifted.phrases)
    was = replayed(found, 5)
    assert shifted.unlike == 0
    ons = [(round(n.start_beats, 3), n.pitch - 12) for n in up.answers.notes if n.start_beats > 0.2]
    assert ons == [(round(n.start_beats, 3), n.pitch) for n in was.answers.notes if n.start_beats > 0.2]


def test_a_song_begun_anew_goes_on_in_bars_of_its_own(performance):
    performance.run_beats(14)
    performance.rig.client.send(Stop())
    performance.run_beats(3)
    performance.rig.client.send(Play())
    performance.run_beats(13)
    second = start_ns(performance)
    sent = performance.notes_sent(second)
    found = performance.close()
    first, again = found.stretches
    assert (first.first_bar, first.end_bar, again.first_bar) == (0, 4, 4)
    assert notes_of(replayed(found, 4).answers, 12) == [note for note in sent if note[0] < 12]
    both = notes_of(replayed(found, 2).answers, 20)
    assert [note for note in both if note[0] >= 8] == [(n[0] + 8, *n[1:]) for n in sent if n[0] < 12]


def test_the_last_performance_of_a_log_is_read_and_a_line_cut_off_left_out(performance, model, tmp_path):
    performance.run_beats(18)
    performance.close()
    with log_path(performance.file).open("ab") as file:
        file.write(b'{"at_s": 1.0, "sent": [3.')
    assert read_performance(performance.file).end_bar == 5
    with pytest.raises(SessionFileError, match="holds 1 performance, not 2"):
        read_performance(performance.file, 2)


def test_what_cannot_be_replayed_is_refused_in_one_line(performance, tmp_path):
    with pytest.raises(SessionFileError, match="only a session with a file keeps one"):
        read_performance(tmp_path / "none.antiphon")
    (tmp_path / "old.antiphon.log").write_text(json.dumps({"at_s": 1, "bar": {"bar": 0}}) + "\n")
    with pytest.raises(SessionFileError, match="nothing that was played while the clock ran"):
        read_performance(tmp_path / "old.antiphon")
    performance.run_beats(18)
    found = performance.close()
    with pytest.raises(RenderError, match="bar 99 is not in this performance; it has bars 1 to 5"):
        replayed(found, 98)
    for text, reason in {
        "variation": "is not NAME=VALUE",
        "tempo_bpm=90": "nothing to replay with",
        "mode=morph": "nothing to replay with",
        "variation=7": "is not a number from 0 to 1",
    }.items():
        with pytest.raises(RenderError, match=reason):
            Change.read(text)


def clock(at_beats: str, bpm: str = "120", metre: str = "[4, 4]") -> str:
    fields = {"at_beats": at_beats, "bpm": bpm, "metre": metre, "rolling": "true"}
    return '{"clock": {' + ", ".join(f'"{name}": {value}' for name, value in fields.items()) + "}}"


@pytest.mark.parametrize(
    "damage",
    [
        '{"clock": []}',
        clock("0", metre="[0, 4]"),
        clock("0", metre="[4, 0]"),
        clock("0").replace('"metre": [4, 4]', '"beats_per_bar": 0'),
        clock("0").replace('"metre": [4, 4]', '"beats_per_bar": 1.234'),
        clock("0", bpm="-1"),
        clock("1e12"),  # would be replayed for years
        clock("1" + 400 * "0"),
        '{"sent": []}',
        '{"sent": {"0": 1}}',
        '{"sent": [1e300, "903c40"]}',
        '{"sent": [0, "xy"]}',
        '{"sent": [0, ""]}',
        '{"sent": [0, "903c"]}',
        '{"sent": [0, "90ff40"]}',
        '{"sent": [0, "3c40"]}',
        '{"started": 3}',
        '{"started": {"pattern": "x", "at_beats": 0, "anchor_beats": 0}}',
        '{"take": null}',
        '{"bar": [[]]}',
    ],
)
def test_a_log_with_a_damaged_record_is_refused_in_one_line(tmp_path, damage):
    (tmp_path / "a.antiphon.log").write_text(f"{clock('0')}\n{damage}\n")
    with pytest.raises(SessionFileError, match=r"a\.antiphon\.log: is no log of this version") as caught:
        read_performance(tmp_path / "a.antiphon")
    assert str(caught.value).isprintable()


def test_a_performance_is_replayed_from_a_bar_on_and_then_answered_on(performance):
    performance.run_beats(22)
    begin = start_ns(performance)
    was = [note for note in performance.notes_sent(begin) if 12 <= note[0] < 21.5]
    performance.run_beats(1)
    performance.session.set("replay_from_bar", 4)
    performance.session.set("replay_heard", False)
    performance.session.do("replay")
    performance.run_beats(12)
    again = [note for note in performance.notes_sent(begin) if note[0] >= 24]
    assert [(round(n[0] - 12, 3), *n[1:3]) for n in again if n[0] < 33.5] == [n[:3] for n in was]
    assert performance.session.snapshot().live.replay == Replaying(24.0, 3, 36.0)
    performance.run_beats(4)
    assert performance.session.snapshot().live.replay is None
    count = len(performance.notes_sent(begin))
    performance.run_beats(8)
    assert len(performance.notes_sent(begin)) > count


def test_putting_a_replay_together_says_how_far_it_is(performance, monkeypatch):
    performance.run_beats(26)
    said = []
    apply = performance.session._workers._report
    monkeypatch.setattr(
        performance.session._workers, "_report", lambda what: (said.append(what), apply(what))
    )
    performance.session.set("replay_with", "seed=99")
    performance.session.do("replay")
    performance.run_beats(1)
    counts = [what.text for what in said if isinstance(what, Noticed)]
    assert counts[0] == f"The replay is being put together: 1 of {len(counts)} answers."
    assert counts[-1] == f"The replay is being put together: {len(counts)} of {len(counts)} answers."
    assert len(counts) > 1
    assert [
        notice for notice in performance.session.snapshot().live.notices if notice.about == "replay"
    ] == []


@pytest.mark.parametrize(
    ("beats", "bar"), [(23.9, 0), (24.0, 1), (27.99, 1), (28.0, 2), (35.9, 3), (40.0, 3)]
)
def test_a_replay_counts_its_bars(beats, bar):
    assert Replaying(24.0, 3, 36.0).bar_at(beats) == bar


def test_a_replay_is_ended_by_asking_once_more_and_refused_without_a_file(performance, model):
    performance.run_beats(18)
    performance.session.set("replay_with", "seed=99")
    performance.session.do("replay")
    said = performance.session.snapshot().live.notices[-1]
    assert (said.text, said.mood) == ("The replay is being put together.", "waiting")
    performance.run_beats(2)
    assert performance.session.snapshot().live.replay is not None
    performance.session.do("replay")
    assert performance.session.snapshot().live.replay is None
    without = Rig(model, Controls())
    without.session.do("replay")
    assert "Only a session with a file" in without.session.snapshot().live.notices[-1].text
    without.session.close()
