"""A performance played again: what sounded, and from some bar on what would have with one thing changed.

What lies before the change is what left the output then, message for message. From its bar line on every
answer is rendered again, from the seed, settings and phrases it had, with the change, and takes over where
it did.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from engine.errors import RenderError
from engine.inference.controls import with_value
from engine.midi.messages import is_note_off, is_note_on, note_off
from engine.modes.catalogue import counting, counts
from engine.music.metre import Metre
from engine.music.notes import Note, Phrase
from engine.performer.looped_pattern import HALF_STEP_BEATS
from engine.performer.messages import SetPattern
from engine.performer.unrolled import unrolled
from engine.session.answers import as_notes
from engine.session.captured_bars import phrase_of
from engine.session.model_facts import facts_of
from engine.session.renderer import Renderer
from engine.session.replay_change import Change, changeable
from engine.session.request import Request
from engine.session.session_log import LoggedTake, Performance, Stretch

if TYPE_CHECKING:  # onnxruntime takes its time to load; the window need not wait for it
    from engine.inference.model import Model

SHORTEST_BEATS = 1 / 64
ModelFor = Callable[[str, str], "Model"]
"""From what a model was loaded by, and its hash, to the model; AntiphonError where it is not there."""


class Replay(msgspec.Struct, frozen=True):
    """Music of a performance from one bar on; times in beats from that bar's line."""

    heard: Phrase
    """What the player played."""
    answers: Phrase
    """What Antiphon played."""
    tempos: tuple[tuple[float, float], ...]
    """Position and BPM at the start and at each change."""
    metres: tuple[Metre, ...]
    """Of each stretch; the phrases have that of the first."""


class Rendered:
    """Answers of a performance rendered again with a change, one at a time."""

    def __init__(
        self, performance: Performance, change: Change | None, from_bar: int, model_for: ModelFor
    ) -> None:
        """Prepare.

        Args:
            performance: what happened.
            change: what is to be otherwise; None for nothing.
            from_bar: bar of the performance, from 0, from which it holds.
            model_for: finds models.
        """
        self._change, self._model_for, self._renderer = change, model_for, Renderer()
        self.patterns = tuple(_patterns_from(performance, from_bar))
        """Those that sounded from that bar on."""
        self._performance = performance
        self.phrases: dict[int, Phrase] = {}
        """What came of them, as it is sent, by pattern."""
        self.unlike = 0
        """How many came out otherwise than they were logged."""
        self.untouched = 0
        """How many the change means nothing to."""

    def steps(self) -> Iterator[int]:
        """Render one pattern after the other; yields how many are done.

        Raises:
            AntiphonError: a model is not there, or an answer cannot be rendered with the change.
        """
        for done, pattern in enumerate(self.patterns, start=1):
            self.phrases[pattern] = self._again(self._performance.takes[pattern])
            yield done

    def _again(self, take: LoggedTake) -> Phrase:
        model = None
        request = take.request
        if request.bypassed is None:
            model = self._model_for(take.model, request.model)
            request = self._changed(model, take)
        phrase = self._renderer.answer(model, request)
        self.unlike += phrase != take.phrase
        transpose = take.transpose
        if self._change is not None and self._change.name == "transpose":
            transpose = int(self._change.value or 0)
        return take.looped(phrase.transposed(transpose))

    def _changed(self, model: "Model", take: LoggedTake) -> Request:
        request, change = take.request, self._change
        if change is None or change.name == "transpose":
            return request
        facts = facts_of(model)
        attributes = [attribute.name for attribute in facts.attributes]
        unknown = change.name.startswith("attribute.") and change.name.partition(".")[2] not in attributes
        if unknown or not counts(changeable(change.name), request.controls.mode, facts.features):
            self.untouched += 1
            return request
        controls = counting(
            with_value(request.controls, change.name, change.value), facts.features, attributes
        )
        return msgspec.structs.replace(request, controls=controls)


def _patterns_from(performance: Performance, from_bar: int) -> list[int]:
    """Return the answers that sounded from a bar on, each once, in order."""
    found: dict[int, None] = {}
    for stretch in performance.stretches:
        if stretch.end_bar <= from_bar:
            continue
        line = max(stretch.line_beats(from_bar), stretch.from_beats)
        for start, end in _spans(stretch):
            if end > line and stretch.starts[start].pattern in performance.takes:
                found[stretch.starts[start].pattern] = None
    return list(found)


def _spans(stretch: Stretch) -> list[tuple[int, float]]:
    """Return the index of each start with the position at which the next takes over."""
    ends = [each.at_beats for each in stretch.starts[1:]] + [math.inf]
    return list(zip(range(len(stretch.starts)), ends, strict=False))  # a stretch may have none


def replayed(
    performance: Performance,
    from_bar: int,
    *,
    change_bar: int | None = None,
    phrases: Mapping[int, Phrase] | None = None,
) -> Replay:
    """Return a performance's music from a bar on.

    Args:
        performance: what happened.
        from_bar: bar of the performance, from 0.
        change_bar: bar from which `phrases` sound; None for none.
        phrases: what answers are then, by pattern.

    Raises:
        RenderError: the performance has no such bar.
    """
    if not performance.first_bar <= from_bar < performance.end_bar:
        has = f"{performance.first_bar + 1} to {performance.end_bar}"
        raise RenderError(f"bar {from_bar + 1} is not in this performance; it has bars {has}")
    heard, answers, tempos = list[Note](), list[Note](), list[tuple[float, float]]()
    stretches = [stretch for stretch in performance.stretches if stretch.end_bar > from_bar]
    at_beats, next_bar = 0.0, from_bar
    for stretch in stretches:
        first = max(from_bar, stretch.first_bar)
        at_beats += (first - next_bar) * stretch.beats_per_bar  # bars of the song that were skipped
        origin = stretch.line_beats(first)
        changed = _messages(performance, stretch, change_bar, phrases or {})
        for notes, found in ((answers, _paired(changed, stretch.until_beats)), (heard, _heard(stretch))):
            notes += _moved(found, origin, at_beats)
        tempos += _tempos(stretch, origin, at_beats)
        at_beats += (stretch.end_bar - first) * stretch.beats_per_bar
        next_bar = stretch.end_bar
    metres = tuple(stretch.metre for stretch in stretches)
    bars = math.ceil(at_beats / metres[0].beats_per_bar - 1e-9)
    return Replay(
        Phrase.of(heard, bars, metres[0]), Phrase.of(answers, bars, metres[0]), _runs(tempos), metres
    )


def _messages(
    performance: Performance, stretch: Stretch, change_bar: int | None, phrases: Mapping[int, Phrase]
) -> list[tuple[float, bytes]]:
    """Return what a stretch sends: what it sent until the change, and what it would have from there on."""
    changes = change_bar is not None and change_bar < stretch.end_bar
    line = stretch.until_beats
    if changes and change_bar is not None:
        line = max(stretch.line_beats(change_bar), stretch.from_beats)
    sent = stretch.sent
    if not sent:  # without a port nothing left us: what was heard then was the patterns' sound
        sent = _unrolled(performance, stretch, stretch.from_beats, {})
    if not changes:
        return sent
    before = [(beats, data) for beats, data in sent if beats < line]
    return [*before, *_ended_at(before, line), *_unrolled(performance, stretch, line, phrases)]


def _unrolled(
    performance: Performance, stretch: Stretch, line_beats: float, phrases: Mapping[int, Phrase]
) -> list[tuple[float, bytes]]:
    """Return what the patterns of a stretch send from a position on, some with other phrases."""
    patterns = []
    for index, end in _spans(stretch):
        start = stretch.starts[index]
        take = performance.takes.get(start.pattern)
        if end <= line_beats:
            continue
        phrase = phrases.get(start.pattern, take.sent_phrase if take else Phrase((), 1))
        at, until = max(start.at_beats, line_beats), take.request.until_beats if take else None
        notes = as_notes(phrase)
        patterns.append(
            SetPattern(
                start.pattern,
                notes,
                phrase.bars,
                "step",
                start.anchor_beats,
                at,
                until,
                take is not None and take.once,
            )
        )
    return unrolled(patterns, line_beats, stretch.until_beats, stretch.metre)


def _ended_at(messages: Sequence[tuple[float, bytes]], beats: float) -> list[tuple[float, bytes]]:
    """Return note-offs at a position for what sounds after some messages."""
    sounding: dict[tuple[int, int], None] = {}
    for _, data in messages:
        key = (data[0] & 0x0F, data[1])
        if is_note_on(data):
            sounding[key] = None
        elif is_note_off(data):
            sounding.pop(key, None)
    return [(beats, note_off(channel, pitch)) for channel, pitch in sounding]


def _paired(messages: Sequence[tuple[float, bytes]], until_beats: float) -> list[Note]:
    """Return the notes that messages switch on and off; what sounds at the end is ended there."""
    notes, began = list[Note](), dict[tuple[int, int], tuple[float, int]]()

    def end(key: tuple[int, int], beats: float) -> None:
        start, velocity = began.pop(key)
        notes.append(Note(start, key[1], max(beats - start, SHORTEST_BEATS), velocity, key[0]))

    for beats, data in messages:
        key = (data[0] & 0x0F, data[1])
        if key in began:
            end(key, beats)
        if is_note_on(data):
            began[key] = (beats, data[2])
    for key in list(began):
        end(key, until_beats)
    return notes


def _heard(stretch: Stretch) -> list[Note]:
    """Return what was heard, in beats of the song; notes over bar lines are whole."""
    notes: list[Note] = []
    run = list(stretch.bars[:1])
    for bar in (*stretch.bars[1:], None):
        if bar is not None and run and bar.bar == run[-1].bar + 1:
            run.append(bar)
            continue
        if run:
            start = run[0].bar * run[0].beats_per_bar
            notes += [replace(note, start_beats=note.start_beats + start) for note in phrase_of(run).notes]
        run = [bar] if bar is not None else []
    return notes


def _moved(notes: Sequence[Note], origin: float, at_beats: float) -> list[Note]:
    """Return the notes from a position of the song on, with that position at another.

    One up to half a step before it is an early first note; others before it are left out.
    """
    return [
        replace(note, start_beats=note.start_beats - origin + at_beats)
        for note in notes
        if note.start_beats > origin - HALF_STEP_BEATS
    ]


def _tempos(stretch: Stretch, origin: float, at_beats: float) -> list[tuple[float, float]]:
    """Return position and BPM at the start of a stretch and of its bars."""
    lines = [(bar.bar * bar.beats_per_bar - origin, bar.bpm) for bar in stretch.bars]
    return [(at_beats, stretch.bpm), *((line + at_beats, bpm) for line, bpm in lines if line > 0)]


def _runs(tempos: Sequence[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    """Return tempos without those that are within a half per cent of the one before."""
    kept: list[tuple[float, float]] = []
    for at, bpm in sorted(tempos):
        if not kept or abs(bpm / kept[-1][1] - 1) > 0.005:
            kept.append((at, bpm))
    return tuple(kept)
