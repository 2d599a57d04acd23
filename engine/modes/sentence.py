"""Words written one after another: Generate and Continue by a model of sentences.

The model says how a word comes from those before it, and the decoder writes it after the bar before. A word
that keeps all beats of an earlier one is that word again. Of every other several drafts are written in one
batch, and the one that goes best with what was written is kept. Several takes are written side by side, the
drafts of all of them in one batch.

Shape legend: N words, t steps of a word, K beats of a word, V width of a melody's perturbation, D drafts.
"""

from collections import Counter
from collections.abc import Generator, Sequence
from typing import TypeVar

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec.structs import replace

from engine.inference import perturbation
from engine.inference.bundle.latent_places import coarse_places
from engine.inference.bundle.manifest import LatentLayout
from engine.inference.controls import Controls
from engine.inference.density import density_of, leaning
from engine.inference.home_key import moved_bias, moved_tokens
from engine.inference.latent_space import Floats
from engine.inference.register import in_register
from engine.inference.sentences import Written, next_words
from engine.inference.slots import LatentModel, Slot
from engine.inference.style import pull_of, pulled, set_key, style_bias
from engine.inference.word_latents import Pinned, assembled, layout_of
from engine.modes.base import Plan, harmony_of, typed_chords
from engine.modes.words import heard_chords, heat_of, key_to_write_in, lean_to_register, limits_left
from engine.music.key import Key
from engine.music.melody import FIRST_NOTE
from engine.music.notes import Phrase
from engine.music.representation import Representation, representation
from engine.music.words import Relation, relations

Ints = npt.NDArray[np.int64]

DRAFTS = 4
"""Of every word that is written."""
CONTEXT = 7
"""Words that the model reads, as many as it was trained to."""
REMEMBERED = 3
"""Of these, words heard last, which stay within reach however long the music grows."""
LATELY = 8
"""Words over which it counts which themes were taken up, and the density is kept level."""
THEME_NATS = 4.0
"""By which an answer to what was heard rather takes a theme up than begins a new one."""
TAKEN_UP_NATS = 1.5
"""By which a theme is favoured less for each time that it was taken up lately: others come back as well."""
USUAL_LEAP = 4
"""Semitones from the last note of a word to the first of the next that cost nothing."""
REGISTER = 5
"""Semitones by which a word may lie above or below what was heard at no cost."""
BEGUN_BEFORE = 2
"""Words that are written and dropped where music begins anywhere."""

_FORM_STREAM = 4
_SEED_STEP, _DRAFT_STEP = 7919, 1_000_003
"""Between the seeds of the noise of two words, and of two drafts of one."""


class Word(msgspec.Struct, frozen=True, eq=False):
    """A word that was heard or written, in the model's key."""

    form: Written
    """How it comes from the words before it, and its coarse latent."""
    mu: Floats | None
    """Its whole latent; None until a word comes from it."""
    tokens: Ints
    """`[t]`."""
    root: int
    """Number of the first word that it comes from; related words share their noise."""


class Asked(msgspec.Struct, frozen=True, eq=False):
    """Drafts of a word that are to be decoded."""

    z: Floats
    """`[D, Z]`."""
    bias: Floats
    """`[t, D, V]`."""
    chords: Floats
    """`[D, K, 12]`; zeros where none are known."""
    before: Ints
    """`[D, M]` the bar before; -1 where there is none."""


_Result = TypeVar("_Result")
Writing = Generator[Asked, Ints, _Result]
"""Asks for drafts to be decoded, is sent their tokens `[D, t]`, and returns what it wrote in the end."""


def plan_sentences(model: LatentModel, takes: Sequence[Controls]) -> list[Plan]:
    """Prepare phrases of the model's length from nothing, written side by side."""
    bars = model.representation.bars
    phrases = side_by_side(model, [_writing(model, take, [], bars, None) for take in takes])
    return [Plan.done(in_register(each, take, None)) for each, take in zip(phrases, takes, strict=True)]


def plan_continuations(model: LatentModel, source: Slot | None, takes: Sequence[Controls]) -> list[Plan]:
    """Prepare what follows a slot's phrase, or nothing (`start` zero), or anything at all (`random`), written
    side by side."""
    heard = [] if source is None else heard_words(model, source)
    usual = (source.played_bars if source else 0) or model.representation.bars
    phrases = side_by_side(
        model, [_writing(model, take, heard, take.bars or usual, source) for take in takes]
    )
    played = None if source is None else source.phrase
    return [Plan.done(in_the_manner_of(phrase, played)) for phrase in phrases]


def side_by_side(model: LatentModel, writings: Sequence[Writing[_Result]]) -> list[_Result]:
    """Let several write at once: each time what all of them ask for is decoded in one call."""
    written: dict[int, _Result] = {}
    asked: dict[int, Asked] = {}

    def go_on(place: int, tokens: Ints | None) -> None:
        try:  # a generator that has not begun is sent None
            asked[place] = next(writings[place]) if tokens is None else writings[place].send(tokens)
        except StopIteration as end:
            written[place] = end.value

    for place in range(len(writings)):
        go_on(place, None)
    while asked:
        decoded = zip(asked, _decoded(model, list(asked.values())), strict=True)
        asked = {}
        for place, tokens in decoded:
            go_on(place, tokens)
    return [written[place] for place in range(len(writings))]


def _decoded(model: LatentModel, asked: Sequence[Asked]) -> list[Ints]:
    """Return the tokens `[D, t]` of the drafts of each that asks."""
    z, chords, before = (
        np.concatenate([getattr(each, name) for each in asked]) for name in ("z", "chords", "before")
    )
    tokens = model.decode(z, np.concatenate([each.bias for each in asked], axis=1), chords, before)[:, :, 0].T
    return np.split(tokens, np.cumsum([len(each.z) for each in asked])[:-1])


def _writing(
    model: LatentModel, controls: Controls, heard: list[Word], bars: int, source: Slot | None
) -> Writing[Phrase]:
    """Write bars after words heard, in the key of the source or the one to write in."""
    layout, grid = layout_of(model), model.representation.grid
    follows = controls.constraints.follow_chords > 0
    chords = typed_chords(controls, bars, grid.metre) if follows else ()
    key = key_to_write_in(controls, chords) if source is None else source.key
    home = source.semitones_home if source else (key or Key(0)).semitones_to_reference
    dropped = BEGUN_BEFORE if controls.mode == "continue" and controls.start == "random" else 0
    words = dropped + -(-bars * grid.beats_per_bar // layout.beats)
    pulses = layout.beats * grid.metre.pulses // grid.beats_per_bar
    harmony = (None,) * (dropped * pulses) + chords + (None,) * (words * pulses)
    harmony = harmony[: words * pulses]
    long = _of_bars(model.representation, words * layout.beats // grid.beats_per_bar)
    limits = limits_left(controls)
    bias = perturbation.constrain(long, limits, None) + leaning(long, density_of(controls))
    bias = bias + harmony_of(long, limits, key, harmony, [] if source is None else [source])
    if source is not None:
        bias = bias + lean_to_register(long, [(source, 1.0)])
    bias = bias + style_bias(long, controls.style, controls.style_amount, set_key(limits) or key)
    chroma = heard_chords(harmony, grid.metre, home, controls.constraints.follow_chords)
    writer = _Writer(model, controls, moved_bias(bias, home), chroma, heard)
    own = yield from writer.write(words)
    tokens = np.concatenate([word.tokens for word in own[dropped:]])
    written = _of_bars(model.representation, bars)
    return written.decode(moved_tokens(tokens[: written.steps, None], -home))


def _of_bars(own: Representation, bars: int) -> Representation:
    return representation(own.name, bars, own.grid)


def heard_words(model: LatentModel, slot: Slot) -> list[Word]:
    """Return the words of what was played into a slot, without silence at its end.

    Of an odd number of bars the first is left out; a single bar is heard twice.
    """
    layout, grid = layout_of(model), model.representation.grid
    steps = layout.beats * grid.steps_per_beat
    tokens = moved_tokens(slot.tensor, slot.semitones_home)[:, 0]
    played = (slot.played_bars or model.representation.bars) * grid.steps_per_bar
    first = played % steps if played > steps else 0
    words = tokens[first : max(played, steps)].reshape(-1, steps)
    last = np.flatnonzero((words >= FIRST_NOTE).any(axis=1))
    words = words[: last[-1] + 1] if len(last) else words[:0]
    mu = model.encode(words.reshape(1, -1, 1))[0].reshape(len(words), -1) if len(words) else words
    coarse = mu[:, coarse_places(one_word(layout))[0]] if len(words) else mu
    heard: list[Word] = []
    for number, relation in enumerate(relations(words) if len(words) else []):
        root = heard[number - relation.back].root if relation.back else number
        heard.append(Word(Written(relation, coarse[number]), mu[number], words[number], root))
    return heard


def one_word(layout: LatentLayout) -> LatentLayout:
    """Return the layout of a word alone."""
    return msgspec.structs.replace(layout, words=1)


class _Writer:
    """Writes words after those that were heard.

    Args:
        model: of sentences.
        controls: of temperature and seed.
        bias: `[N·t, V]` that every word is held to, in the model's key.
        chords: `[N·K, 12]` in the model's key; None where none are known.
        heard: the words so far.
    """

    def __init__(
        self,
        model: LatentModel,
        controls: Controls,
        bias: Floats,
        chords: Floats | None,
        heard: Sequence[Word],
    ) -> None:
        self._model, self._controls, self._layout = model, controls, one_word(layout_of(model))
        word_bars = model.representation.bars // layout_of(model).words
        self._representation = _of_bars(model.representation, word_bars)
        self._bias, self._chords = bias, chords
        self._heard, self._words = list(heard), list(heard)
        seeds = np.random.SeedSequence((controls.seed, _FORM_STREAM))
        self._rng = np.random.Generator(np.random.PCG64(seeds))

    def write(self, count: int) -> Writing[list[Word]]:
        """Return the next `count` words."""
        for number in range(count):
            word = yield from self._next(number)
            self._words.append(word)
        return self._words[len(self._heard) :]

    def _next(self, number: int) -> Writing[Word]:
        context = self._context()
        favoured = [self._favoured(word) for word in reversed(context)] if self._heard else ()
        drafts = next_words(self._model, [word.form for word in context], DRAFTS, self._rng, favoured)
        if drafts[0].relation.back == 0:
            return (yield from self._chosen(number, len(self._words), self._in_style(number, drafts), None))
        sources = [context[-draft.relation.back] for draft in drafts]
        best = min(range(len(drafts)), key=lambda draft: self._misfit(sources[draft].tokens))
        draft, source = drafts[best], sources[best]
        if draft.relation.rhythm.all() and draft.relation.pitch.all():
            return replace(source, form=draft)
        return (yield from self._chosen(number, source.root, [draft] * DRAFTS, source))

    def _in_style(self, number: int, drafts: Sequence[Written]) -> list[Written]:
        """Return drafts of a new word whose kind of phrase is pulled to a style, each to a phrase of it."""
        pull, at = pull_of(self._controls), coarse_places(self._layout)[0]
        seed = self._controls.seed + _SEED_STEP * number
        seeds = [(seed + _DRAFT_STEP * draft) % 2**32 for draft in range(len(drafts))]
        drawn = [
            pulled(self._model, self._latent(each, None), seed, pull)
            for each, seed in zip(drafts, seeds, strict=True)
        ]
        return [replace(each, coarse=z[at]) for each, z in zip(drafts, drawn, strict=True)]

    def _context(self) -> list[Word]:
        """Return the words that the model reads: the last ones, and of those heard some."""
        if len(self._words) <= CONTEXT:
            return self._words
        kept = self._heard[-REMEMBERED:]
        return kept + self._words[len(kept) - CONTEXT :]

    def _chosen(
        self, number: int, root: int, drafts: Sequence[Written], source: Word | None
    ) -> Writing[Word]:
        """Write drafts and return the fittest as a word."""
        tokens = yield self._asked(number, root, drafts, source)
        best = min(range(len(drafts)), key=lambda draft: self._misfit(tokens[draft]))
        return Word(drafts[best], None, tokens[best], root)

    def _asked(self, number: int, root: int, drafts: Sequence[Written], source: Word | None) -> Asked:
        """Return what is to be decoded of drafts that come from a word, or from none."""
        steps, beats = self._representation.steps, self._layout.beats
        heat = heat_of(self._model, self._controls)
        seed = self._controls.seed + _SEED_STEP * root
        seeds = [(seed + _DRAFT_STEP * draft) % 2**32 for draft in range(len(drafts))]
        noise = np.stack([perturbation.noise(self._representation, each) for each in seeds], axis=1)
        bias = heat * noise + self._bias[number * steps : (number + 1) * steps, None]
        mu = None if source is None else self._latent_of(source)
        z = np.stack([self._latent(draft, mu) for draft in drafts])
        if source is not None:
            bias = bias + self._held(drafts[0].relation, source)[:, None]
        chords = np.zeros((len(drafts), beats, 12), np.float32)
        if self._chords is not None:
            chords[:] = self._chords[number * beats : (number + 1) * beats]
        return Asked(z, bias.astype(np.float32), chords, self._before(len(drafts)))

    def _latent_of(self, word: Word) -> Floats:
        return word.mu if word.mu is not None else self._model.encode(word.tokens[None, :, None])[0][0]

    def _latent(self, draft: Written, mu: Floats | None) -> Floats:
        """Return the latent `[Z]` of a draft, with what it keeps of that of the word it comes from."""
        coarse = np.zeros(self._layout.size, np.float32)
        coarse[coarse_places(self._layout)[0]] = draft.coarse
        if mu is None:
            return assembled(self._layout, coarse, ())
        return assembled(self._layout, coarse, (Pinned(mu, draft.relation.rhythm, draft.relation.pitch),))

    def _held(self, relation: Relation, source: Word) -> Floats:
        """Return the bias `[t, V]` that holds what is kept of a word to its tokens."""
        kept = np.repeat(relation.rhythm & relation.pitch, self._representation.grid.steps_per_beat)
        anchor = perturbation.anchor(self._representation, source.tokens[:, None], perturbation.HOLD)
        return np.where(kept[:, None], anchor, np.float32(0))

    def _before(self, drafts: int) -> Ints:
        """Return the bar before for every draft, `[D, M]`; -1 where nothing is."""
        steps = self._representation.grid.steps_per_bar
        bar = self._words[-1].tokens[-steps:] if self._words else np.full(steps, -1, np.int64)
        return np.repeat(bar[None], drafts, axis=0)

    def _misfit(self, tokens: Ints) -> float:
        """Return how badly a draft `[t]` goes on: leap, and register and density beside what was heard."""
        notes = tokens[tokens >= FIRST_NOTE]
        if not len(notes):
            return 10.0
        cost, last = 0.0, _notes(self._words[-1]) if self._words else notes
        if len(last):
            cost += max(0, abs(int(notes[0]) - int(last[-1])) - USUAL_LEAP) / 4
        if heard := [own for word in self._heard if len(own := _notes(word))]:
            middle = float(np.mean([own.mean() for own in heard]))
            cost += max(0.0, abs(float(notes.mean()) - middle) - REGISTER) / 4
            cost += 4 * abs(float(np.log((len(notes) + 1) / (self._wanted() + 1))))
        return cost

    def _favoured(self, source: Word) -> float:
        """Return the nats by which a word from an earlier one is favoured over a new one."""
        lately = self._words[len(self._heard) :][-LATELY:]
        theme = THEME_NATS if any(word.root == source.root for word in self._heard) else 0.0
        return theme - TAKEN_UP_NATS * sum(word.root == source.root for word in lately)

    def _wanted(self) -> float:
        """Return how many notes keep the next word, with the last ones, as dense as what was heard."""
        usual = float(np.mean([len(_notes(word)) for word in self._heard]))
        last = [len(_notes(word)) for word in self._words[len(self._heard) :][-LATELY:]]
        return min(max(usual * (1 + len(last)) - sum(last), 0.5 * usual), 1.5 * usual)


def _notes(word: Word) -> Ints:
    return word.tokens[word.tokens >= FIRST_NOTE]


def in_the_manner_of(phrase: Phrase, source: Phrase | None) -> Phrase:
    """Give a phrase without velocities the mean velocity of its source, and the source's channel."""
    if source is None or not source.notes:
        return phrase
    velocity = round(float(np.mean([note.velocity for note in source.notes])))
    channel = Counter(note.channel for note in source.notes).most_common(1)[0][0]
    notes = (replace(note, velocity=velocity, channel=channel) for note in phrase.notes)
    return Phrase.of(notes, phrase.bars, phrase.metre)
