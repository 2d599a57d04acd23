"""How often the last note before a line is part of what is answered, and whether an answer is late.

    python bench/turns.py [--turns 10000] [--model engine/bundles/melody_2bar] [--own-time]

A player trades two bars with the session, the last note of each turn somewhere in its last beat. The song
is simulated; each answer is computed for real, and counts as sent at the simulated moment its question came
plus the time that session and model took by the clock; with --own-time, their CPU time, which other work on
the machine lengthens less. A note less than half a step before the line is an early first note of the next
bar, as everywhere.
"""

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from engine.inference.controls import Controls
from engine.inference.model import Model
from engine.music.metre import FOUR_FOUR
from engine.performer.messages import BarCaptured, ClockState, Event, Heard, NoteData, SetPattern
from engine.session.document import Document
from engine.session.intents import Answered
from engine.session.model_facts import facts_of
from engine.session.renderer import Renderer
from engine.session.settings import Settings
from engine.session.state import Render, Send, State
from engine.session.update import update

BPM = 120.0
BEAT_S = 60 / BPM
BAR_BEATS = 4.0
TURN_BARS = 2
EARLY_BEATS = 0.125
PIPE_S = 0.002
"""Allowed for the way to the performer and its wake-up."""


class Player:
    """A session that is fed by hand, and the answers that left it."""

    def __init__(self, model: Model, now_s: Callable[[], float]) -> None:
        """Take the model, and the time by which computing is counted, in seconds."""
        chosen = Settings(turns="trade", turn_bars=TURN_BARS)
        document = Document(controls=Controls(variation=0.4), settings=chosen)
        self.state = State(document=document, model=facts_of(model))
        self._model, self._renderer, self._now_s = model, Renderer(), now_s
        self.answers: list[tuple[float, SetPattern, int]] = []
        """Beat at which each left, its pattern, and how many notes it answers."""
        self.took_ms: list[float] = []
        """From the message that asked for an answer to the answer on its way."""

    def feed(self, what: Event, beats: float) -> None:
        """Hand in an event; what is asked for is computed at once and takes its real time."""
        began_s = self._now_s()
        self.state, effects = update(self.state, what, 0)
        for effect in effects:
            if not isinstance(effect, Render):
                continue
            phrase = self._renderer.answer(self._model, effect.request)
            self.state, more = update(self.state, Answered(effect.request, phrase, 0.0), 0)
            took_s = self._now_s() - began_s
            self.took_ms.append(1e3 * took_s)
            (heard,) = effect.request.phrases.values()
            sent = [each.command for each in more if isinstance(each, Send)]
            left_beats = beats + (took_s + PIPE_S) / BEAT_S
            self.answers += [
                (left_beats, each, len(heard.notes)) for each in sent if isinstance(each, SetPattern)
            ]

    def clock(self, beats: float) -> None:
        """Say where the song is."""
        self.feed(ClockState("rolling", "internal", BPM, beats, FOUR_FOUR, 0, 0.0, True, 0, 0), beats)

    def play(self, start: float, notes: list[tuple[float, int]]) -> None:
        """Play a turn of staccato notes from a bar line on; its bars are captured as they end."""
        for bar in range(TURN_BARS):
            line = bar * BAR_BEATS
            self.clock(start + line)
            inside = [note for note in notes if line - EARLY_BEATS < note[0] < line + BAR_BEATS - EARLY_BEATS]
            for beats, pitch in notes:
                if not line <= beats < line + BAR_BEATS:
                    continue
                self.feed(Heard(0, start + beats, bytes((0x90, pitch, 80))), start + beats)
                self.feed(Heard(0, start + beats + 0.06, bytes((0x80, pitch, 0))), start + beats + 0.06)
            data = tuple(NoteData(beats - line, pitch, 0.06, 80, 0) for beats, pitch in inside)
            end = start + line + BAR_BEATS
            self.clock(end)
            self.feed(BarCaptured(round(end / BAR_BEATS) - 1, data, (), BPM, FOUR_FOUR, 0), end + 0.04)


def trade(model: Model, turns: int, seed: int, now_s: Callable[[], float]) -> tuple[int, int, list[float]]:
    """Play turns; return how many had their last note answered, how many began late, and the times in ms."""
    rng = np.random.default_rng(seed)
    player = Player(model, now_s)
    answered = late = 0
    length = TURN_BARS * BAR_BEATS
    for number in range(turns):
        start, line = 2 * number * length, (2 * number + 1) * length
        last = length - rng.uniform(EARLY_BEATS + 0.001, 1.0)
        onsets = [0.0, *sorted(rng.uniform(0.2, length - 1.2, 6)), last]
        player.answers.clear()
        player.play(start, [(float(onset), int(rng.integers(55, 80))) for onset in onsets])
        in_time = [each for each in player.answers if each[1].at_beats == line and each[0] <= line]
        late += not in_time
        answered += bool(in_time) and in_time[-1][2] == len(onsets)
        player.clock(line + length)
    return answered, late, player.took_ms


def main() -> None:
    """Print the share of last notes that were answered and the times."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--turns", type=int, default=10_000)
    parser.add_argument("--model", default=str(Path(__file__).parents[1] / "engine/bundles/melody_2bar"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--own-time", action="store_true", help="count CPU time instead of the clock's")
    asked = parser.parse_args()
    now_s = time.thread_time if asked.own_time else time.perf_counter
    answered, late, took_ms = trade(Model.load(asked.model), asked.turns, asked.seed, now_s)
    p50, p99 = np.percentile(took_ms, (50, 99))
    print(f"{asked.turns} turns of {TURN_BARS} bars at {BPM:g} BPM")
    print(f"last note answered in {answered / asked.turns:.2%}; {late} answers began late")
    print(f"note to answer: p50 {p50:.1f} ms, p99 {p99:.1f} ms ({len(took_ms)})")


if __name__ == "__main__":
    main()
