"""The part of the window that moves by itself: rolls, bars, lamps, clock; shown sixty times a second."""

from collections.abc import Sequence

from app.window.activity import Activity
from app.window.pages.play import PlayPage
from app.window.pages.top_bar import TopBar
from app.window.presenter import style_text
from app.window.score import StripBar, free_bar, roll_music, source_ids, strip_bar
from app.window.view import bar_and_beat, lamp_of, place_in, port_name
from engine.modes.catalogue import slots_of
from engine.modes.pad import pad_weights
from engine.performer.messages import Event
from engine.session.captured_bars import CapturedBars
from engine.session.document import HeardPhrase
from engine.session.snapshot import Snapshot


class LiveView:
    """Shows in the top bar and on the play page what happens now."""

    def __init__(self, top: TopBar, play: PlayPage) -> None:
        self._top, self._play = top, play
        self._activity = Activity()
        self._bars: tuple[CapturedBars, tuple[StripBar, ...]] = CapturedBars(), ()
        self._source: tuple[CapturedBars | None, HeardPhrase | None, tuple[int, int]] = None, None, (0, 0)

    def follow(
        self, events: Sequence[Event], snapshot: Snapshot, at_ns: int, position_beats: float | None
    ) -> None:
        """Show one frame.

        Args:
            events: what the performer said since the last one.
            snapshot: the state.
            at_ns: now, monotonic.
            position_beats: song position now; None while nothing rolls or nothing can sound.
        """
        self._activity.take(events, snapshot.live.clock)
        self._show_music(snapshot, position_beats)
        self._show_ports(snapshot, at_ns)
        self._show_strip(snapshot, at_ns, position_beats)

    def show_state(self, snapshot: Snapshot) -> None:
        """Show what changes with the state only: slots, takes, the clock's lamp."""
        slots = snapshot.document.slots
        self._play.slots.show_slots(slots, slots_of(snapshot.document.controls, slots))
        controls = snapshot.document.controls
        self._play.slots.pad.square.show_shares(pad_weights(controls.pad_x, controls.pad_y, slots))
        self._play.bottom.chips.show_sounded(snapshot.live.sounded, snapshot.document.favourites)
        self._play.shape.style_panel.show_source(style_text(snapshot))
        shift = snapshot.document.settings.transpose
        self._play.takes.show_takes(snapshot.live.takes, controls.seed, shift)
        live = snapshot.live
        self._top.show_lamp(lamp_of(live.clock, bool(live.ports.backend), live.link))

    def forget_rows(self) -> None:
        """Begin with new rows in the roll: other music is to come, from another model."""
        self._play.roll.forget_rows()

    def _show_music(self, snapshot: Snapshot, position_beats: float | None) -> None:
        sounding, clock = snapshot.live.playing, snapshot.live.clock
        self._play.roll.show_music(roll_music(snapshot, position_beats))
        place = place_in(sounding.phrase, position_beats, sounding.since_beats) if sounding else None
        self._play.roll.show_position(place)
        if clock is not None:
            beats = clock.position_beats if position_beats is None else position_beats
            self._top.show_position(bar_and_beat(beats, clock.metre))

    def _show_ports(self, snapshot: Snapshot, at_ns: int) -> None:
        ports = snapshot.live.ports
        for lamp, direction, name in (
            (self._top.inputs, "in", ports.input_name),
            (self._top.outputs, "out", ports.output_name),
        ):
            port = self._activity.port(direction, at_ns)
            ignored = sum(snapshot.live.activity.ignored.values()) if direction == "in" else 0
            text = port_name(name) if ports.backend else "no port"
            lamp.show_activity(text, port.last, port.lit, ignored, "" if ports.backend else "bad")

    def _show_strip(self, snapshot: Snapshot, at_ns: int, position_beats: float | None) -> None:
        captured, clock, panel = snapshot.live.captured, snapshot.live.clock, self._play.strip_panel
        if captured is not self._bars[0]:
            self._bars = captured, tuple(strip_bar(bar) for bar in captured)
        bars, source = self._bars[1], snapshot.document.source
        if captured is not self._source[0] or source is not self._source[1]:
            self._source = captured, source, source_ids(snapshot)
        panel.strip.show_bars(bars, self._source[2])
        if clock is not None and position_beats is not None:
            panel.strip.show_live(*self._activity.live_bar(clock, position_beats))
        else:
            panel.strip.show_live(*free_bar(snapshot, at_ns))
        panel.show_range(f"{len(bars)} bar{'s' * (len(bars) != 1)}" if bars else "")
