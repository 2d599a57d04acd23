"""What a training run is made of: one typed struct per table of the TOML file.

What a setting may be stands with it, and which kinds of model or loss it is for (training/setting_use.py).
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from engine.music.grid import SIXTEENTHS, Grid
from training import setting_use as use

# The ranges stand here and nowhere else; training/config_file.py reads them for its messages.
Count = Annotated[int, Meta(ge=1, le=1_000_000_000)]
CountOrNone = Annotated[int, Meta(ge=0, le=1_000_000_000)]
Size = Annotated[int, Meta(ge=1, le=65_536)]
Depth = Annotated[int, Meta(ge=1, le=64)]
DepthOrNone = Annotated[int, Meta(ge=0, le=64)]
Share = Annotated[float, Meta(ge=0, le=1)]
Dropout = Annotated[float, Meta(ge=0, lt=1)]
Rate = Annotated[float, Meta(ge=0, le=1)]
LONGEST_NAME = 100
NO_PATH = r"[^/\\\x00-\x1f]*"
Folder = Annotated[str, Meta(min_length=1, max_length=4096, pattern=r"^[^\x00-\x1f]*$")]
Name = Annotated[
    str, Meta(min_length=1, max_length=LONGEST_NAME, pattern=r"^[^/\\\x00-\x1f]*[^\W_][^/\\\x00-\x1f]*$")
]
Weight = Annotated[float, Meta(ge=0, le=1e6)]
Above0 = Annotated[float, Meta(gt=0, le=1e6)]


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of all config tables: frozen, ranges checked, and a misspelt key is an error."""


class EncoderConfig(Table, frozen=True):
    """The encoder; see training/models/encoders.py."""

    kind: Literal["mixer", "bilstm", "hier_bilstm"] = "mixer"
    channels: Size = 128
    bar_channels: Annotated[Size, use.ENCODER_MIXER] = 384
    step_depth: Annotated[DepthOrNone, use.ENCODER_MIXER] = 3
    bar_depth: Annotated[DepthOrNone, use.ENCODER_MIXER] = 2
    expansion: Annotated[Depth, use.ENCODER_MIXER] = 2
    hidden: Annotated[Size, use.ENCODER_LSTM] = 256
    layers: Annotated[Depth, use.ENCODER_LSTM] = 1
    dropout: Dropout = 0.0


class DecoderConfig(Table, frozen=True):
    """Conductor and core; see training/models/decoders.py."""

    kind: Literal["mixer", "lstm", "flat"] = "mixer"
    channels: Annotated[Size, use.DECODER_MIXER] = 128
    bar_channels: Annotated[Size, use.DECODER_BARS] = 384
    step_depth: Annotated[DepthOrNone, use.DECODER_MIXER] = 3
    bar_depth: Annotated[DepthOrNone, use.DECODER_MIXER] = 2
    expansion: Annotated[Depth, use.DECODER_MIXER] = 2
    conductor_layers: Annotated[Depth, use.DECODER_LSTM] = 1
    hidden: Size = 256
    layers: Depth = 1
    dropout: Dropout = 0.0
    fed_back: bool = True
    """Whether the core is fed what it wrote; a groove's hits are given, so that its feel can do without."""
    joint: bool = False
    """Whether all streams are written by one core with a head for each, and not by a core each."""


class ConditioningConfig(Table, frozen=True):
    """What the decoder of a groove is given besides its latent; see models/conditioning.py."""

    channels: Size = 16
    """Of a style, and of a drummer."""


class ContinuerConfig(Table, frozen=True):
    """The two GRUs of a continuation; see training/models/seq2seq.py."""

    hidden: Size = 256
    layers: Depth = 2
    decoder_layers: DepthOrNone = 0
    """Of the half that writes; 0 for as many as the half that hears."""
    channels: Size = 128
    dropout: Dropout = 0.0
    """On the input of every layer of both."""


class KeyChainConfig(Table, frozen=True):
    """A continuation that decides the keys of a step together; see training/models/key_chain.py."""

    hidden: Size = 256
    """GRU units."""
    channels: Size = 128
    """Of what a step is given."""
    key_channels: Size = 24
    """Of what each key is judged by."""
    chain: Size = 96
    """Units between the keys decided so far and the next one."""
    dropout: Dropout = 0.0
    """On what a step is given."""


class WordsConfig(Table, frozen=True):
    """Two bars of melody, drums or piano by a decoder with a language; see training/models/words.py."""

    coarse_rhythm: Size = 12
    """Latent dimensions of a phrase's kind of rhythm."""
    coarse_pitch: Size = 16
    fine_rhythm: Size = 6
    """Latent dimensions of each beat's rhythm."""
    fine_pitch: Size = 12
    rhythm_hidden: Size = 64
    """Units of the rhythm encoder."""
    pitch_hidden: Size = 128
    channels: Size = 128
    """Of what a step is given; of piano, of what a beat is."""
    hidden: Size = 320
    """LSTM units; of piano, units between a beat's fine latents and the keys they pin."""


class SentencesConfig(Table, frozen=True):
    """What goes over words; see training/models/sentences.py."""

    channels: Size = 128
    hidden: Size = 256
    """GRU units."""
    components: Depth = 12
    """Gaussians that a new word's coarse latent is drawn from."""


class VoiceConfig(Table, frozen=True):
    """One voice of an accompaniment; see training/models/accompaniment.py."""

    coarse: Size = 12
    """Latent dimensions of its style."""
    fine: Size = 10
    """Latent dimensions of each of its beats."""
    channels: Size = 96
    """Of what a step is given."""
    hidden: Size = 160
    """LSTM units."""


class AccompanimentConfig(Table, frozen=True):
    """Chords, bass and drums to a melody; see training/models/accompaniment.py."""

    chords: VoiceConfig = VoiceConfig()
    bass: VoiceConfig = VoiceConfig()
    drums: VoiceConfig = VoiceConfig(coarse=16, fine=12, hidden=192)
    melody_channels: Size = 32
    """Of a melody token, as the pitched voices are given it."""


class ModelConfig(Table, frozen=True):
    """A variational autoencoder over one representation, or (task `continue`) a continuation."""

    representation: Literal["melody", "drums", "groove", "trio", "pianoroll", "accompaniment"] = "melody"
    bars: Annotated[int, Meta(ge=1, le=64)] = 2
    z_size: Annotated[Size, use.PLAIN] = 128
    division: Literal[2, 3, 4, 6, 8, 12] = 4
    """Steps of a beat; a piano roll may have others than 4, from a corpus built with them."""
    task: Literal["autoencode", "humanize", "drumify", "continue", "accompany"] = "autoencode"
    """For `continue`, `bars` counts the given bars and the corpus gives as many again to write."""
    encoder: Annotated[EncoderConfig, use.PLAIN] = EncoderConfig()
    decoder: Annotated[DecoderConfig, use.PLAIN] = DecoderConfig()
    told: ConditioningConfig | None = None
    """Where given, a groove's decoder is conditioned on tempo, style and drummer, where they are known."""
    continuer: Annotated[ContinuerConfig, use.GRUS] = ContinuerConfig()
    key_chain: KeyChainConfig | None = None
    """Where given, a continuation is written by training/models/key_chain.py and not by two GRUs; beside
    `words`, the phrases of training/models/piano_words.py are."""
    sentences: SentencesConfig | None = None
    """Where given, the model goes over the words of a trained model of words, which `words` describes."""
    words: WordsConfig | None = None
    """Where given, the model is one of training/models/words.py, on a corpus of kind `words`; of drums one of
    training/models/drum_words.py, whose rhythm half is kick and snare and whose pitch half are the others; of
    a pianoroll one of training/models/piano_words.py, whose rhythm half is the left hand and whose pitch half
    is the right one."""
    accompaniment: AccompanimentConfig | None = None
    """The model of task `accompany`, of training/models/accompaniment.py."""

    def __post_init__(self) -> None:
        """Refuse a task its representation cannot do."""
        rolls = self.representation == "pianoroll"
        if (self.task == "continue" and not rolls) or (rolls and self.task not in ("continue", "autoencode")):
            raise ValueError(
                f"task {self.task} with representation {self.representation}: a piano roll is continued or "
                "autoencoded, and nothing else is continued"
            )
        if self.division != SIXTEENTHS.steps_per_beat and self.representation != "pianoroll":
            raise ValueError(f"division {self.division}: {self.representation} has 4 steps a beat")
        if self.decoder.joint and self.representation != "trio":
            raise ValueError(f"model.decoder.joint is for several streams; {self.representation} has one")
        continued = self.task == "continue" or self.words is not None
        if self.key_chain is not None and (not continued or self.division != 4):
            raise ValueError(
                "model.key_chain is for task continue, or beside model.words, and for division 4"
            )
        wholly = (
            self.accompaniment is not None,
            self.representation == "accompaniment",
            self.task == "accompany",
        )
        if any(wholly) and not (all(wholly) and self.bars == 2):
            raise ValueError(
                "model.accompaniment, representation accompaniment, task accompany and bars 2 belong together"
            )
        kinds = ("melody", "autoencode"), ("drums", "autoencode"), ("pianoroll", "autoencode")
        if self.words is not None and (self.representation, self.task) not in kinds:
            raise ValueError(
                "model.words is for representation melody, drums or pianoroll and task autoencode"
            )
        if self.words is not None and (self.key_chain is not None) != (self.representation == "pianoroll"):
            raise ValueError("model.words of a pianoroll needs model.key_chain, and of nothing else has it")
        if self.sentences is not None and (
            self.words is None or self.representation != "melody" or self.bars % 2
        ):
            raise ValueError("model.sentences needs model.words, and bars in words of two")
        if self.told is not None and self.representation != "groove":
            raise ValueError(f"model.told is for representation groove, not {self.representation}")
        if not self.decoder.fed_back and self.representation != "groove":
            raise ValueError(f"model.decoder.fed_back: {self.representation} is written by what came before")
        if self.task in ("humanize", "drumify") and self.representation != "groove":
            raise ValueError(f"task {self.task} needs representation groove, not {self.representation}")

    @property
    def corpus_kind(self) -> str:
        """The kind of corpus it is trained on."""
        return "words" if self.words is not None and self.representation == "melody" else self.representation

    @property
    def grid(self) -> Grid:
        """The grid of its music, in 4/4."""
        return Grid(self.division)

    @property
    def window_bars(self) -> int:
        """Bars of a training window."""
        return 2 * self.bars if self.task == "continue" else self.bars


class DataConfig(Table, frozen=True):
    """What is drawn from the corpus."""

    transpose: Annotated[int, Meta(ge=0, le=24), use.PITCHED] = 6
    """Largest transposition in semitones, drawn per window, both ways; 0 for drums."""
    octaves: Annotated[Share, use.PITCHED] = 0.0
    """Share of the windows that are moved by an octave besides, up or down, where they stay on the piano."""
    bars_moved: Annotated[Share, use.DRUMMED] = 0.0
    """Drums: share of the windows that begin at another of their bars and go round."""
    drums_left_out: Annotated[Share, use.DRUMMED] = 0.0
    """Drums: share of each window's drums that are left out, but not the last one that is hit."""
    velocity_change: Annotated[Share, use.GROOVE] = 0.0
    """Grooves: velocities of a window are multiplied by up to 1 and this, or divided by it."""
    batch: Annotated[int, Meta(ge=1, le=1_000_000)] = 128
    """Windows a step, over all ranks."""
    shares: tuple[Weight, ...] = ()
    """Share of the steps for each corpus, the first one's first; empty is by their windows."""


class LossConfig(Table, frozen=True):
    """The objective; see training/models/losses.py."""

    beta: Annotated[Weight, use.LATENT] = 0.2
    """Final weight of the KL term."""
    beta_warmup_steps: Annotated[CountOrNone, use.WARMED_UP] = 2000
    """Steps of the linear rise from 0."""
    beta_rate: Annotated[Share, use.LATENT] = 0.0
    """If above 0, beta rises as beta * (1 - beta_rate^step) instead, as MusicVAE's does."""
    free_bits: Annotated[Weight, use.LATENT] = 48.0
    """Bits of KL a phrase that cost nothing, on the sum over dimensions."""
    withhold: Annotated[Share, use.FED_BACK] = 0.2
    """Share of fed-back steps withheld, so that the latent is listened to."""
    own_share: Annotated[Share, use.FED_BACK] = 0.0
    """Largest share of fed-back steps that are the model's own, drawn from what it says (parallel scheduled
    sampling)."""
    own_schedule: Annotated[Literal["linear", "constant", "inverse_sigmoid", "exponential"], use.OWN] = (
        "linear"
    )
    """How the share rises to `own_share`; see training/schedules.py."""
    own_from: Annotated[Share, use.OWN_LINEAR] = 0.3
    """Linear: part of training after which the share rises, over the next fifth of it."""
    own_rate: Annotated[float, Meta(gt=0, le=1e9), use.OWN_RATE] = 1000.0
    """Inverse sigmoid: the rate k of 1 - k / (k + e^(step / k)). Exponential: the r of 1 - r^step."""
    teacher_forcing_ratio: Annotated[Share | None, use.TEACHER_FORCED] = None
    """If given, a constant share of steps that are fed the truth: another name for own_share = 1 - this."""
    stream_weights: Annotated[tuple[Weight, ...], use.STREAMS] = ()
    """Weight of each categorical stream against the KL and the others; empty is 1 for all."""
    fine_beta: Annotated[Weight, use.FINE] = 0.1
    """Words: weight of the KL of the fine latent, in beats that keep it."""
    fine_left_out: Annotated[tuple[Share, Share, Share, Share], use.FINE, use.HALVES] = (0.4, 0.08, 0.08, 0.3)
    """Words: shares of phrases written without the fine latent, without its pitch half, without its rhythm
    half, and without either in some of the beats; the rest has all of it."""
    chords_left_out: Annotated[Share, use.SURROUNDED] = 0.5
    """Words: share of phrases that are written without the chords that are known."""
    before_left_out: Annotated[Share, use.SURROUNDED] = 0.4
    """Words: share of phrases that are written without the bar before."""
    chords_moved: Annotated[Share, use.MELODY_WORDS] = 0.0
    """Words: share of phrases with known chords that are written at another pitch than the latent is of, with
    their chords, as a whole or from the middle on, so that the chords are followed and not the latent."""
    encoder_frozen: Annotated[bool, use.MELODY_WORDS] = False
    """Words: train the decoder alone, so that latents mean what they meant."""
    given_left_out: Annotated[Share, use.ACCOMPANIMENT] = 0.3
    """Accompaniments: share of phrases that are written without the melody, and those without accents,
    without fills, without drums to the bass."""
    from_nothing: Annotated[Share, use.GRUS] = 0.0
    """Continuations: share of phrases written from the zero state, so that starting from it is learned."""
    velocity_weight: Annotated[Weight, use.GROOVE] = 20.0
    offset_weight: Annotated[Weight, use.GROOVE] = 10.0
    feel_error: Annotated[Literal["squared", "absolute"], use.GROOVE] = "squared"
    """Grooves: of velocities and offsets. The absolute one, whose best guess is the median, counts an offset
    by its length at the tempo, in steps at 120 bpm, where the tempo is known."""
    spread_weight: Annotated[Weight, use.GROOVE] = 0.0
    """Grooves: weight of how differently velocities and offsets of a batch are spread from those played, in
    nats a bar; see training/models/losses.py."""
    told_left_out: Annotated[Share, use.CONDITIONED] = 0.3
    """Grooves: share of phrases whose tempo the decoder is not given; as much of those whose style, and of
    those whose drummer."""
    keys: Annotated[Literal["bce", "focal", "focal_plus"], use.KEYS] = "bce"
    """Loss of a piano key; see training/models/losses.py."""
    gamma: Annotated[float, Meta(ge=0, le=100), use.FOCAL] = 2.0
    """Focal losses: how much less an easy key counts, 0 and above."""
    alpha: Annotated[Share, use.FOCAL] = 0.5
    """Focal losses: weight of sounding keys, 0 to 1; silent ones get the rest."""

    def __post_init__(self) -> None:
        """Refuse two names for one thing, and a rate that does not fit its schedule."""
        if self.teacher_forcing_ratio is not None and self.own_share > 0:
            raise ValueError("teacher_forcing_ratio and own_share are two names for one thing; give one")
        if self.own_schedule == "exponential" and self.own_rate > 1:
            raise ValueError("own_rate is the base of own_schedule exponential: give a number up to 1")


class OptimConfig(Table, frozen=True):
    """AdamW with warm-up and decay, and an exponential moving average of the weights."""

    steps: Count = 20000
    learning_rate: Rate = 1e-3
    final_learning_rate: Rate = 2e-5
    """Where the learning rate ends: the last step of a cosine, the floor of an exponential."""
    schedule: Literal["cosine", "exponential"] = "cosine"
    decay_rate: Annotated[Share, use.EXPONENTIAL] = 0.9999
    """Exponential: what remains of the learning rate's distance from the floor after each step."""
    warmup_steps: CountOrNone = 300
    weight_decay: Weight = 0.01
    clip_norm: Above0 = 1.0
    ema: Dropout = 0.999
    """Decay of the averaged weights, which are what is evaluated and shipped; 0 for no averaging."""


class RunConfig(Table, frozen=True):
    """One training run."""

    name: Name
    """Of the run's folder and of the bundle made from it."""
    corpus: Folder
    """Folder of the corpus, relative to where the command runs."""
    further_corpora: tuple[Folder, ...] = ()
    """Folders of corpora in other metres to train on as well."""
    seed: Annotated[int, Meta(ge=0, le=2**31)] = 1
    model: ModelConfig = ModelConfig()
    data: DataConfig = DataConfig()
    loss: LossConfig = LossConfig()
    optim: OptimConfig = OptimConfig()
    device: Literal["auto", "cpu", "cuda"] = "auto"
    bf16: bool = False
    """Autocast to bfloat16; worth it on CPUs with AMX and on GPUs."""
    threads: Annotated[int, Meta(ge=0, le=4096)] = 0
    """Torch threads a process; 0 leaves torch's own choice."""
    evaluate_every_steps: Count = 1000
    evaluate_windows: Count = 2048
    patience: CountOrNone = 0
    """Stop after so many evaluations without a lower validation loss, and take the best weights; 0: never."""
    keep_every_steps: CountOrNone = 0
    """Keep the averaged weights of every so manieth step in `weights/`, to compare them; 0 keeps none."""
