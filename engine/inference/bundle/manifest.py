"""bundle.json as one msgspec struct."""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from engine.music.metre import Metre

SCHEMA_VERSION = 1
MANIFEST = "bundle.json"
LATENTS = "latents.npz"
WEIGHTS = "weights.safetensors"
GRAPHS = ("encoder.onnx", "decoder.onnx")
INT8_GRAPHS = ("encoder.int8.onnx", "decoder.int8.onnx")
SENTENCE = "sentence.onnx"
FILE_NAMES = (*GRAPHS, *INT8_GRAPHS, SENTENCE, LATENTS, WEIGHTS)
LARGEST_MANIFEST_BYTES = 4 << 20
LONGEST_TEXT = 100
LARGEST_Z = 4096

Kind = Literal["vae", "seq2seq"]
Task = Literal["autoencode", "humanize", "drumify", "continue", "accompany"]
TASK_REPRESENTATIONS: Mapping[Task, tuple[str, ...]] = {
    "autoencode": ("melody", "drums", "groove", "trio", "pianoroll"),
    "humanize": ("groove",),
    "drumify": ("groove",),
    "continue": ("pianoroll",),
    "accompany": ("accompaniment",),
}
"""Which tensors each task is defined on."""
Precision = Literal["float", "int8"]
Condition = Literal[
    "chords",
    "before",
    "metre",
    "heard",
    "melody",
    "harmony",
    "accents",
    "fills",
    "tempo",
    "style",
    "drummer",
    "ringing",
]
"""What a decoder can be given besides its latent: the chord of each beat, the bar before the phrase, which of
the metres it is in, all that was heard before a continuation; of accompaniments the melody, the chord of
each beat with its bass, and for the drums accents and beats to fill; of grooves the tempo, the style and who
plays, by their numbers in engine/music/drum_styles.py; of a piano what counts for keys that sound already."""
UNKNOWN: Mapping[str, int] = {"before": -1, "melody": -1, "accents": -1, "fills": -1}
"""What stands in a condition where nothing is known, if not 0."""


class _Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of the parts of bundle.json: frozen, and strict about unknown fields."""


class TensorSpec(_Record, frozen=True, kw_only=True):
    """One input or output of a graph."""

    name: str
    dtype: str
    """`float32` or `int64`."""
    shape: tuple[int | str, ...]
    """Sizes; by name those that vary: `"B"` the batch, in continuations `"T"` and `"U"` steps."""


class GraphSpec(_Record, frozen=True, kw_only=True):
    """What a graph takes and returns, in order."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]


class RepresentationRef(_Record, frozen=True, kw_only=True):
    """Which tensors the model speaks, and the hash of everything that changes them."""

    name: str
    bars: int
    steps_per_beat: int = 4
    beats_per_bar: int = 4
    hash: str


class FileEntry(_Record, frozen=True, kw_only=True):
    """A file of the bundle as it must be."""

    sha256: str
    size_bytes: int


class Voice(_Record, frozen=True, kw_only=True):
    """Where one part of the music goes."""

    name: str
    channel: int = 0
    """MIDI channel, 0 to 15."""
    program: int | None = None
    """General MIDI program 0 to 127 that suits it; None for drums or no preference."""


class DataSource(_Record, frozen=True, kw_only=True):
    """One collection the model was trained on."""

    name: str
    licence: str
    works: int
    url: str = ""


class TrainingRecord(_Record, frozen=True, kw_only=True):
    """How the weights came to be."""

    data: tuple[DataSource, ...]
    data_hash: str
    """Hash of the corpus, as `antiphon-train corpus build` reports it."""
    config: dict[str, Any]
    """The whole training configuration."""
    seed: int
    steps: int
    notes: str = ""
    """Hardware, hours, commit: for people."""


class Attribute(_Record, frozen=True, kw_only=True):
    """A direction in latent space, and what one unit along it was measured to change."""

    name: str
    unit: str
    """Unit of the attribute itself, such as `onsets per step` or `semitones`."""
    effects: dict[str, float]
    """Measured change of every attribute, by name, in its own unit."""
    effects_percent: dict[str, float] = {}
    """The same as a percentage of the attribute's mean over the same latents; one whose mean is 0 is
    left out."""

    def __hash__(self) -> int:
        """Return the hash of its name: equal attributes have the same, so tables of them are remembered."""
        return hash(self.name)


class LatentLayout(_Record, frozen=True, kw_only=True):
    """Where the parts of a latent are that says coarsely what kind of phrase and finely which notes.

    The rhythm half comes first, then the pitch half; in each first the coarse part, then the fine part
    of every beat. A longer phrase is several words of that form, one after another. A beat whose fine
    values of a half are all 0 is free in that half: the decoder writes it from what surrounds it.
    """

    coarse_rhythm: int
    fine_rhythm: int
    """Of each beat."""
    coarse_pitch: int
    fine_pitch: int
    """Of each beat."""
    beats: int
    """Of a word."""
    words: int = 1

    @property
    def rhythm(self) -> int:
        """Size of a word's rhythm half."""
        return self.coarse_rhythm + self.beats * self.fine_rhythm

    @property
    def word_size(self) -> int:
        """Size of a word's latent."""
        return self.rhythm + self.coarse_pitch + self.beats * self.fine_pitch

    @property
    def size(self) -> int:
        """Z."""
        return self.words * self.word_size


class VoiceLatent(_Record, frozen=True, kw_only=True):
    """The part of a latent that is one voice's: first its style, then a fine part for every beat.

    A beat whose fine values are all 0 is free: the decoder writes it from style and surroundings.
    """

    name: str
    coarse: int
    """Numbers of the style."""
    fine: int
    """Numbers of each beat."""


class BundleManifest(_Record, frozen=True, kw_only=True):
    """What bundle.json holds."""

    schema_version: int = SCHEMA_VERSION
    name: str
    """Lower-case letters, digits and underscores, such as `melody_2bar`."""
    kind: Kind = "vae"
    """`vae`: a latent to and from a phrase; `seq2seq`: the state between given music and what follows."""
    task: Task = "autoencode"
    """What the encoder hears and what the decoder writes: the same phrase, quantised drums to played
    ones, taps to drums, or given bars to the bars that follow."""
    title: str = ""
    representation: RepresentationRef
    bars: int
    steps: int
    """T."""
    streams: tuple[int, ...]
    """Vocabulary of each categorical stream; empty for float tensors."""
    width: int
    """V, the last axis of the perturbation."""
    z_size: int
    """Z."""
    voices: tuple[Voice, ...]
    encoder: GraphSpec
    decoder: GraphSpec
    files: dict[str, FileEntry] = {}
    """Filled by `save_bundle`."""
    training: TrainingRecord
    metrics: dict[str, float]
    """Measured on held-out works, such as `free_running_accuracy`, `note_f1`, `kl_bits`."""
    parity: dict[str, float] = {}
    """What the exporter measured of the graphs against torch."""
    attributes: tuple[Attribute, ...] = ()
    """In the order of `Latents.directions`."""
    prior_components: int = 0
    """K of the prior mixture in `latents.npz`; 0 means the standard normal."""
    variation_curve: tuple[float, ...] = ()
    """Share of the way to walk at equally spaced slider values, from 0 to 1, measured by
    `engine.inference.calibration` so that the music changes evenly; empty for a common one."""
    morph_curve: tuple[float, ...] = ()
    """The same for morphs."""
    density_curve: tuple[float, ...] = ()
    """Continuations: nats to favour every key by at `DENSITY_TEMPERATURES`, measured so that at each of
    them as many keys sound as in real music; a piano's draws: to favour strokes by, so that as many are
    struck; empty for none."""
    key_normalised: bool = False
    """Whether it knows music in C major and A minor only, and phrases are to be moved there and back."""
    conditions: tuple[Condition, ...] = ()
    """Further inputs of the decoder, in order."""
    metres: tuple[str, ...] = ()
    """Metres it was trained on, such as `6/8`; empty for any of its beats a bar. With the condition `metre`
    its graphs are of all of them, else of the first; lengths in the manifest are those of the first."""
    temperature_scale: float = 1.0
    """What the temperature is multiplied by, so that at its default the music is nearest to real music."""
    default_temperature: float | None = None
    """Temperature that takes of this model start from, 0 to 2; None for the instrument's own."""
    sentence: GraphSpec | None = None
    """Of `sentence.onnx`, where the bundle can say how words follow each other."""
    voice_latents: tuple[VoiceLatent, ...] = ()
    """Where a latent has a part for each voice: those parts, in the order of the streams."""
    latent_layout: LatentLayout | None = None
    """Where a latent has a coarse part and fine ones; None for one without parts."""

    @property
    def known_metres(self) -> tuple[Metre, ...]:
        """Metres whose bars its graphs take; the first is that of its representation."""
        beats = self.representation.beats_per_bar
        named = tuple(Metre.named(name) for name in self.metres) or (Metre(beats),)
        return named if "metre" in self.conditions else named[:1]

    @property
    def by_word(self) -> bool:
        """Whether encoder and decoder take one word at a time, of phrases of any number of them."""
        return self.latent_layout is not None and self.latent_layout.words > 1


def decides_keys_alone(manifest: BundleManifest) -> bool:
    """Return whether a continuation decides each key of a step for itself, without hearing the other keys."""
    return manifest.task == "continue" and "heard" not in manifest.conditions


DENSITY_TEMPERATURES = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Where a `density_curve` is measured; between them it is a straight line, beyond them it stays."""
