"""The stream without a window: one line a bar, a log if asked, silence at the end."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from app import session_files
from app.compose import LiveOptions, make_client, make_session
from app.event_log import opened
from app.model_library import load_model
from app.notice_text import notice_line
from engine.inference.features import DISTANCE
from engine.midi.ports import now_ns
from engine.modes.catalogue import TOOLS
from engine.performer.client import PerformerClient
from engine.performer.messages import BarCaptured, ClearPattern, Event, Panic
from engine.process.signals import watch_for_end
from engine.session.edits import check_mode
from engine.session.live import ROLLING, Notice
from engine.session.session import Session
from engine.session.snapshot import Snapshot

FRAME_S = 1 / 60
LAST_WORDS_S = 0.2
FIRST_CLOCK_S = 0.5
"""How long the demo waits for a DAW's clock before it starts the internal one."""

Say = Callable[[str], None]


class Stream:
    """Follows a session and says what happens, once a bar."""

    def __init__(self, say: Say, keep_free: Callable[[BarCaptured], None] = lambda _: None) -> None:
        """Begin.

        Args:
            say: takes each line.
            keep_free: takes each bar that was heard while nothing rolled; the performer says nothing of them.
        """
        self._say, self._keep_free = say, keep_free
        self._bar: int | None = None
        self._last_id = 0
        """Of the bars that were heard."""
        self._shown_notices: tuple[Notice, ...] = ()
        self._backend = ""
        self.heard_notes = 0

    def on_event(self, event: Event) -> None:
        """Count what was heard."""
        if isinstance(event, BarCaptured):
            self.heard_notes = len(event.notes)

    def follow(self, snapshot: Snapshot, now_ns: int) -> None:
        """Say what is new: ports, notices, and each bar as it begins."""
        ports, model = snapshot.live.ports, snapshot.model
        if ports.backend and ports.backend != self._backend:
            realtime = "real-time scheduling" if ports.realtime else "no real-time scheduling"
            names = f"{ports.input_name} -> {ports.output_name}"
            loaded = model.name if model else "not loaded"
            self._say(f"ports    {ports.backend}: {names} ({realtime}), model {loaded}")
        self._backend = ports.backend
        for notice in snapshot.live.notices:
            if notice not in self._shown_notices:
                self._say(f"notice   {notice_line(notice)}")
        self._shown_notices = snapshot.live.notices
        self._follow_free_bars(snapshot)
        self._follow_bars(snapshot, now_ns)

    def _follow_free_bars(self, snapshot: Snapshot) -> None:
        """Say and keep the bars that were heard while nothing rolled."""
        for each in snapshot.live.captured:
            if each.id > self._last_id and each.free:
                self._keep_free(each.bar)
                notes = len(each.bar.notes)
                self._say(
                    f"free {each.bar.bar + 1:3}  {each.bar.bpm:6.1f} bpm  nothing rolls   heard {notes:3}"
                )
        self._last_id = snapshot.live.captured.next_id - 1

    def _follow_bars(self, snapshot: Snapshot, now_ns: int) -> None:
        clock = snapshot.live.clock
        position = snapshot.position_beats(now_ns)
        if clock is None or position is None or clock.status not in ROLLING:
            self._bar = None
            return
        bar = int(position // clock.beats_per_bar)
        if bar != self._bar and bar >= 0:
            self._bar = bar
            self._say(bar_line(bar, snapshot, self.heard_notes))


def bar_line(bar: int, snapshot: Snapshot, heard_notes: int) -> str:
    """Return the line of a bar that begins."""
    clock, controls = snapshot.live.clock, snapshot.document.controls
    assert clock is not None
    playing = len(snapshot.live.playing.phrase.notes) if snapshot.live.playing else 0
    amount = f" {controls.variation:.2f}" if DISTANCE in TOOLS[controls.mode].offers else ""
    replay = snapshot.live.replay
    replayed = f"replay {replay.bar_at(clock.position_beats)} of {replay.bars}  " if replay else ""
    late_ms = snapshot.live.health.late_ms
    late = "-" if late_ms is None else f"{late_ms:.2f} ms"
    return (
        f"bar {bar + 1:4}  {clock.bpm:6.1f} bpm  {clock.source} clock  heard {heard_notes:3}  "
        f"plays {playing:3}  {replayed}{controls.mode}{amount} seed {controls.seed}  late p99 {late}"
    )


def run_headless(
    options: LiveOptions, *, demo: bool, for_s: float | None, log: Path | None, say: Say
) -> None:
    """Run until the time is over or a signal comes; everything is silent afterwards.

    Raises:
        AntiphonError: the model, the ports or the log file cannot be had.
    """
    stopped = watch_for_end()
    with ExitStack() as stack:
        written = stack.enter_context(opened(log)) if log else None
        stream = Stream(say, written.write_free) if written is not None else Stream(say)

        def on_event(event: Event) -> None:
            stream.on_event(event)
            if written is not None:
                written.write(event)

        begun = session_files.named(options.session) if options.session else None
        document = options.document(begun.document if begun else None)
        reference = document.model.name
        model = load_model(reference, options.precision)
        client = make_client(options)
        stack.callback(client.close)
        client.start(patient=demo)  # the demo needs no ports; a DAW does
        session = stack.enter_context(make_session(options, client, begun, on_event))
        if written is not None:
            written.on_failure(session.notify)
        session.start(model, reference)
        _check_given(session.snapshot(), options, say)
        _loop(session, stream, demo, for_s, stopped)
        _quieten(client, on_event)
    say("silent   all notes are off")


def _check_given(shown: Snapshot, options: LiveOptions, say: Say) -> None:
    """Refuse a value for something that the model has not (RenderError); say what means nothing now."""
    for name, value in options.given.items():
        parameter = shown.table.parameter(name)
        if name == "mode":
            check_mode(shown.model, value)
        elif why := shown.why_not(parameter):
            tool = TOOLS[shown.document.controls.mode].label
            say(f"notice   {parameter.text(value)} of {parameter.label} means nothing to {tool}: {why}.")


def _loop(
    session: Session, stream: Stream, demo: bool, for_s: float | None, stopped: Callable[[], bool]
) -> None:
    began_s = time.monotonic()
    fed = not demo
    while not stopped():
        session.poll()
        snapshot = session.snapshot()
        stream.follow(snapshot, now_ns())
        elapsed_s = time.monotonic() - began_s
        if not fed and (
            elapsed_s > FIRST_CLOCK_S or (snapshot.live.clock and snapshot.live.clock.source == "external")
        ):
            fed = True
            session.set("demo", True)
        if for_s is not None and elapsed_s >= for_s:
            return
        time.sleep(FRAME_S)


def _quieten(client: PerformerClient, on_event: Callable[[Event], None]) -> None:
    """Silence the performer and follow its last words, so that the log holds every note's end."""
    client.send(ClearPattern())
    client.send(Panic())
    until_s = time.monotonic() + LAST_WORDS_S
    while time.monotonic() < until_s:
        for event in client.poll():
            on_event(event)
        time.sleep(FRAME_S)
