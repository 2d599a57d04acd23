"""`update` under random events and intents; by hand with more: ANTIPHON_EXAMPLES=5000 pytest FILE."""

import os

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import AntiphonError
from engine.inference.bundle.manifest import Attribute
from engine.inference.controls import STORED
from engine.modes.catalogue import modes_of
from engine.music.metre import FOUR_FOUR, Metre
from engine.music.notes import Note, Phrase
from engine.performer import messages as m
from engine.session import intents as i
from engine.session.document import Document
from engine.session.live import Kept, Take
from engine.session.parameters import table_for
from engine.session.request import Request
from engine.session.snapshot import ModelFacts
from engine.session.state import Effect, Render, RenderTakes, State
from engine.session.store import encoded
from engine.session.update import opening, update

EXAMPLES = int(os.environ.get("ANTIPHON_EXAMPLES", "200"))
DENSITY = Attribute(name="density", unit="onsets", effects={})
TABLE = table_for((DENSITY,))

pitches, channels = st.integers(0, 127), st.integers(0, 15)
beats = st.floats(-1, 64, allow_nan=False)
notes = st.builds(
    m.NoteData, st.floats(-0.1, 3.9), pitches, st.floats(0.01, 4), st.integers(1, 127), channels
)
phrases = st.builds(
    lambda data, bars: Phrase.of([Note(*msgspec.structs.astuple(each)) for each in data], bars),
    st.lists(notes, max_size=4),
    st.integers(1, 4),
)
data_bytes = st.one_of(
    st.tuples(st.integers(0x80, 0xEF), st.integers(0, 127), st.integers(0, 127)).map(bytes),
    st.tuples(st.integers(0xB0, 0xBF), st.sampled_from((1, 21, 53, 64)), st.integers(0, 127)).map(bytes),
    st.binary(max_size=3),
)
statuses = st.sampled_from(("stopped", "armed", "rolling", "flywheel", "lost"))
events = st.one_of(
    st.builds(m.Ready, st.just("jack"), st.just("In"), st.just("Out"), st.booleans()),
    st.builds(
        lambda bar, data, metre: m.BarCaptured(bar, tuple(data), (), 120.0, metre, 0),
        st.integers(0, 8),
        st.lists(notes, max_size=4),
        st.sampled_from((FOUR_FOUR, Metre(6, 8))),
    ),
    st.builds(
        lambda status, source, position, metre: m.ClockState(
            status, source, 120.0, position, metre, 0, 0.0, True, 0, 0
        ),
        statuses,
        st.sampled_from(("internal", "external")),
        beats,
        st.sampled_from((FOUR_FOUR, Metre(6, 8))),
    ),
    st.builds(m.Heard, st.integers(0, 10**10), beats, data_bytes),
    st.builds(m.Played, st.integers(0, 10**9), st.integers(0, 10**9), beats, st.just(b"\x90<@")),
    st.builds(m.PatternStarted, st.integers(0, 20), beats, st.just(0), beats),
    st.builds(
        m.LinkState, st.booleans(), st.integers(0, 2), st.floats(10, 999), st.sampled_from(("", "missing"))
    ),
    st.builds(m.PortLost, st.just("gone"), st.just("bring it back")),
    st.builds(m.PortBack, st.just("alsa")),
    st.builds(m.Connections, st.just(("a",)), st.just(("b",))),
    st.builds(m.Fault, st.just("oops")),
    st.builds(m.Pong, st.integers(0, 9), st.integers(0, 9), st.integers(0, 9)),
    st.just(m.Bye()),
)


@st.composite
def values(draw):
    """A parameter and a value of its own, or one that is out of place."""
    parameter = draw(st.sampled_from(list(TABLE.parameters.values())))
    legal = st.floats(0, 1).map(parameter.at)
    wrong = st.one_of(st.integers(-999, 999), st.text(max_size=3), st.none(), st.booleans())
    return i.Set(parameter.id, draw(st.one_of(legal, legal, legal, wrong)))


tasks = st.sampled_from(("autoencode", "humanize", "drumify", "continue"))
models = st.builds(
    lambda task, bars, pitched, attributes: ModelFacts(
        name=task, hash=task, task=task, bars=bars, pitched=pitched, attributes=attributes
    ),
    tasks,
    st.sampled_from((1, 2, 16)),
    st.booleans(),
    st.sampled_from(((), (DENSITY,))),
)
slots = st.sampled_from((*STORED, "E"))
targets = st.sampled_from([entry.id for entry in TABLE])
actions = st.sampled_from([action.id for action in TABLE.actions.values() if not action.asks])
intents = st.one_of(
    values(),
    values(),
    st.builds(i.Do, actions, st.integers(0, 2**31 - 1)),
    st.builds(i.Do, st.sampled_from(("undo", "redo", "new_take", "hold", "bypass", "demo"))),
    st.builds(i.Begin, targets),
    st.just(i.End()),
    st.builds(i.Store, slots, phrases),
    st.builds(i.Pick, st.integers(0, 12), st.integers(0, 5)),
    st.builds(i.KeepTake, st.integers(-1, 2)),
    st.builds(i.Learn, st.one_of(targets, st.just(""))),
    st.builds(i.Unbind, targets),
    st.builds(i.ChooseModel, tasks),
    st.builds(i.ModelLoaded, models),
    st.builds(i.ModelRefused, st.just("broken")),
    st.just(i.Installed((("autoencode", modes_of("autoencode")), ("continue", modes_of("continue"))))),
    st.builds(i.Failed, st.just("no memory")),
    st.builds(i.PerformerGone, st.just("gone")),
    st.builds(i.Opened, st.just(Document()), st.just(Kept(path="x"))),
    st.builds(i.Saved, st.just("x"), st.booleans(), st.sampled_from(("", "full"))),
    st.builds(
        i.OscReceived,
        st.just(("127.0.0.1", 5000)),
        st.builds("/antiphon/{}".format, targets),
        st.lists(st.one_of(st.floats(), st.integers(-9, 9), st.text(max_size=3)), max_size=2).map(tuple),
    ),
    st.just(i.Tick()),
)
steps = st.lists(st.tuples(st.one_of(events, intents), st.integers(0, 2 * 10**9)), max_size=25)


class Drive:
    """Feeds a state and answers what it asks for, as a session does."""

    def __init__(self) -> None:
        self.state = State(demo_phrase=Phrase.of([Note(0.0, 60, 1.0)], 1), takes_wanted=True)
        self.now_ns = 0
        self.take(opening(self.state, 0))

    def take(self, updated: tuple[State, tuple[Effect, ...]]) -> None:
        self.state, effects = updated
        for effect in effects:
            if isinstance(effect, Render):
                self.answer(effect.request)
            if isinstance(effect, RenderTakes):
                take = Take(effect.request.controls, Phrase.of([Note(0.0, 67, 1.0)], 2), 0.5)
                self.take(update(self.state, i.TakesComputed(effect.request, (take,)), self.now_ns))

    def answer(self, request: Request) -> None:
        phrase = request.bypassed or Phrase.of([Note(0.0, 64, 1.0)], 2)
        self.take(update(self.state, i.Answered(request, phrase, 1.0), self.now_ns))

    def give(self, what: object, later_ns: int) -> None:
        self.now_ns += later_ns
        before = self.state
        try:
            self.take(update(self.state, what, self.now_ns))
        except AntiphonError as error:
            assert "\n" not in str(error)
            assert self.state is before


def driven(given_steps):
    drive = Drive()
    for what, later_ns in given_steps:
        drive.give(what, later_ns)
    return drive


def test_a_save_that_failed_leaves_the_document_unsaved_whatever_was_reported_before():
    drive = driven([(i.Opened(Document(), Kept(path="x")), 0), (i.Saved("x", True, ""), 0)])
    assert drive.state.live.kept.saved
    drive.give(i.Saved("x", False, "x: the session cannot be saved (no space left on device)"), 0)
    assert not drive.state.live.kept.saved


def test_a_session_opened_after_learning_forgets_the_fine_half_that_might_have_followed():
    opened = i.Opened(Document(), Kept(path="x"))
    heard = m.Heard(0, 0.0, bytes((0xB0, 1, 0)))
    state = driven([(i.Learn("variation"), 0), (heard, 0), (opened, 0), (heard, 0)]).state
    assert (state.document.bindings, state.live.learning) == ((), "")


def test_a_message_cut_short_is_no_part_of_a_turn():
    rolling = m.ClockState("armed", "internal", 120.0, 0.0, FOUR_FOUR, 0, 0.0, True, 0, 0)
    drive = driven([(i.Set("turns", "cue"), 0), (rolling, 0)])
    before = drive.state.open_bar
    for data in (b"", b"\x90", b"\x90\x3c"):
        drive.give(m.Heard(0, 0.0, data), 0)
    assert drive.state.open_bar == before


@settings(max_examples=EXAMPLES)
@given(steps)
def test_nothing_that_comes_in_breaks_the_session(given_steps):
    state = driven(given_steps).state
    controls, live = state.document.controls, state.live
    if state.model is not None and not live.loading:
        assert controls.mode in state.model.modes
    assert controls.constraints.lowest_pitch <= controls.constraints.highest_pitch
    assert len({notice.about for notice in live.notices}) == len(live.notices)
    assert (live.undo_label, live.redo_label) == (state.undo.undo_label, state.undo.redo_label)
    assert live.coming is None or live.coming in state.sent.values()


@settings(max_examples=EXAMPLES)
@given(steps)
def test_a_document_saved_and_opened_is_equal(given_steps):
    document = driven(given_steps).state.document
    assert msgspec.json.decode(encoded(document), type=Document) == document


@settings(max_examples=EXAMPLES)
@given(steps, st.integers(1, 5))
def test_undo_and_redo_are_inverse(given_steps, depth):
    drive = driven(given_steps)
    drive.give(i.End(), 0)
    # What is on its way would go on with what undo leaves; here nothing is.
    taken_back = min(depth, len(drive.state.undo.past))
    documents = [drive.state.document]
    for _ in range(taken_back):
        drive.give(i.Do("undo"), 0)
        documents.append(drive.state.document)
    for expected in reversed(documents[:-1]):
        drive.give(i.Do("redo"), 0)
        assert drive.state.document == expected


@settings(max_examples=EXAMPLES)
@given(steps)
def test_the_same_steps_lead_to_the_same_state(given_steps):
    assert driven(given_steps).state == driven(given_steps).state
