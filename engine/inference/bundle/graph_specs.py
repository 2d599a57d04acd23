"""What the graphs of a bundle take and return: the contract between exporter and engine."""

import msgspec

from engine.inference.bundle.manifest import Condition, GraphSpec, LatentLayout, Task, TensorSpec
from engine.music.notes import Phrase
from engine.music.representation import Representation
from engine.music.words import FARTHEST_BACK


def graph_specs(
    representation: Representation,
    z_size: int,
    task: Task = "autoencode",
    conditions: tuple[Condition, ...] = (),
) -> tuple[GraphSpec, GraphSpec]:
    """Return what encoder and decoder take and return.

    `chords` is 1 for the pitch classes of each beat's chord and 0 throughout where none is known;
    `before` has the tokens of the bar before the phrase, -1 for none; `metre` is the place of a metre in the
    manifest's, and graphs with it leave steps, beats, Z and the bar before open; `heard` frames, in whole
    bars, none for nothing. An accompaniment's `melody` has melody tokens, `harmony` a chord's pitch
    classes and then that of its bass as one of twelve, `accents` 1 where a rhythm to follow has an onset,
    `fills` 1 in beats to fill; -1 throughout where they are not known, 0 for the harmony. A groove's `tempo`
    is in beats a minute, `style` and `drummer` are numbers; 0 where they are not known. A
    `ringing` is added, beside the perturbation, to the logits of letting piano keys that sound already sound
    on.

    The batch axis is dynamic. A graph may leave T dynamic as well; that of a continuation must, as it
    hears T steps and writes U, whatever both are.
    """
    silence = Phrase((), representation.bars, representation.grid.metre)
    tensor = representation.encode(silence)
    T: int | str
    U: int | str
    T, D = tensor.shape
    T, U = ("T", "U") if task == "continue" else (T, T)
    x = TensorSpec(name="x", dtype=tensor.dtype.name, shape=("B", T, D))
    mu = TensorSpec(name="mu", dtype="float32", shape=("B", z_size))
    z = TensorSpec(name="z", dtype="float32", shape=("B", z_size))
    noise = TensorSpec(name="perturbation", dtype="float32", shape=(U, "B", representation.width))
    tokens = TensorSpec(name="tokens", dtype=tensor.dtype.name, shape=(U, "B", D))
    sigma = msgspec.structs.replace(mu, name="sigma")
    grid = representation.grid
    beats = representation.bars * grid.beats_per_bar
    several = (len(representation.streams),) if len(representation.streams) > 1 else ()
    further = {
        "chords": TensorSpec(name="chords", dtype="float32", shape=("B", beats, 12)),
        "before": TensorSpec(name="before", dtype="int64", shape=("B", grid.steps_per_bar, *several)),
        "metre": TensorSpec(name="metre", dtype="int64", shape=("B",)),
        "heard": TensorSpec(name="heard", dtype="float32", shape=("B", "T", D)),
        "melody": TensorSpec(name="melody", dtype="int64", shape=("B", T)),
        "harmony": TensorSpec(name="harmony", dtype="float32", shape=("B", beats, 24)),
        "accents": TensorSpec(name="accents", dtype="int64", shape=("B", T)),
        "fills": TensorSpec(name="fills", dtype="int64", shape=("B", beats)),
        "tempo": TensorSpec(name="tempo", dtype="float32", shape=("B",)),
        "style": TensorSpec(name="style", dtype="int64", shape=("B",)),
        "drummer": TensorSpec(name="drummer", dtype="int64", shape=("B",)),
        "ringing": TensorSpec(name="ringing", dtype="float32", shape=("B", U, representation.width)),
    }
    decoder_inputs = (z, noise, *(further[name] for name in conditions))
    return (
        GraphSpec(inputs=(x,), outputs=(mu, sigma)),
        GraphSpec(inputs=decoder_inputs, outputs=(tokens,)),
    )


def sentence_spec(layout: LatentLayout, components: int) -> GraphSpec:
    """Return what a graph of sentences takes and returns: words so far to what the next one may be.

    A word is read as its coarse latent, how far back it is related (one of nine, 0 for not at all), and the
    beats that it has from there, in rhythm and in pitch; see `engine.inference.sentences`.
    """
    coarse, choices = layout.coarse_rhythm + layout.coarse_pitch, FARTHEST_BACK + 1
    shapes: dict[str, tuple[int | str, ...]] = {
        "back": ("B", choices),
        "kept": ("B", choices, 2 * layout.beats),
        "weights": ("B", components),
        "means": ("B", components, coarse),
        "deviations": ("B", components, coarse),
    }
    words = TensorSpec(name="words", dtype="float32", shape=("B", "N", coarse + choices + 2 * layout.beats))
    return GraphSpec(
        inputs=(words,),
        outputs=tuple(TensorSpec(name=name, dtype="float32", shape=shape) for name, shape in shapes.items()),
    )
