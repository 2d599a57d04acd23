"""What a training run is made of: one typed struct per table of the TOML file."""

import tomllib
from pathlib import Path
from typing import Any, Literal

import msgspec


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of all config tables: frozen, and a misspelt key is an error."""


class EncoderConfig(Table):
    """The encoder; see training/models/encoders.py."""

    kind: Literal["mixer", "bilstm", "hier_bilstm"] = "mixer"
    channels: int = 128
    bar_channels: int = 384
    step_depth: int = 3
    bar_depth: int = 2
    expansion: int = 2
    hidden: int = 256
    layers: int = 1
    dropout: float = 0.0


class DecoderConfig(Table):
    """Conductor and core; see training/models/decoders.py."""

    kind: Literal["mixer", "lstm", "flat"] = "mixer"
    channels: int = 128
    bar_channels: int = 384
    step_depth: int = 3
    bar_depth: int = 2
    expansion: int = 2
    conductor_layers: int = 1
    hidden: int = 256
    layers: int = 1
    dropout: float = 0.0


class ContinuerConfig(Table):
    """The two GRUs of a continuation; see training/models/seq2seq.py."""

    hidden: int = 256
    layers: int = 2
    channels: int = 128


class ModelConfig(Table):
    """A variational autoencoder over one representation, or (task `continue`) a continuation."""

    representation: Literal["melody", "drums", "groove", "trio", "pianoroll"] = "melody"
    bars: int = 2
    z_size: int = 128
    task: Literal["autoencode", "humanize", "drumify", "continue"] = "autoencode"
    """For `continue`, `bars` counts the given bars and the corpus gives as many again to write."""
    encoder: EncoderConfig = EncoderConfig()
    decoder: DecoderConfig = DecoderConfig()
    continuer: ContinuerConfig = ContinuerConfig()

    def __post_init__(self) -> None:
        """Refuse a task its representation cannot do."""
        if (self.task == "continue") != (self.representation == "pianoroll"):
            raise ValueError(
                f"task {self.task} with representation {self.representation}: a piano roll is continued, "
                "the others are not"
            )
        if self.task in ("humanize", "drumify") and self.representation != "groove":
            raise ValueError(f"task {self.task} needs representation groove, not {self.representation}")

    @property
    def window_bars(self) -> int:
        """Bars of a training window."""
        return 2 * self.bars if self.task == "continue" else self.bars


class DataConfig(Table):
    """What is drawn from the corpus."""

    transpose: int = 6
    """Largest transposition in semitones, drawn per window, both ways; 0 for drums."""
    batch: int = 128
    """Windows a step, over all ranks."""


class LossConfig(Table):
    """The objective; see training/models/losses.py."""

    beta: float = 0.2
    """Final weight of the KL term."""
    beta_warmup_steps: int = 2000
    free_bits: float = 48.0
    """Bits of KL a phrase that cost nothing, on the sum over dimensions."""
    withhold: float = 0.2
    """Share of fed-back steps withheld, so that the latent is listened to."""
    own_share: float = 0.0
    """Final share of fed-back steps that are the model's own (parallel scheduled sampling)."""
    own_from: float = 0.3
    """Part of training after which `own_share` ramps up, 0 to 1."""
    stream_weights: tuple[float, ...] = ()
    """Weight of each categorical stream against the KL and the others; empty is 1 for all."""
    from_nothing: float = 0.0
    """Continuations: share of phrases written from the zero state, so that starting from it is learned."""
    velocity_weight: float = 20.0
    offset_weight: float = 10.0
    keys: Literal["bce", "focal", "focal_plus"] = "bce"
    """Loss of a piano key; see training/models/losses.py."""
    gamma: float = 2.0
    """Focal losses: how much less an easy key counts, 0 and above."""
    alpha: float = 0.5
    """Focal losses: weight of sounding keys, 0 to 1; silent ones get the rest."""


class OptimConfig(Table):
    """AdamW with warm-up and cosine decay, and an exponential moving average of the weights."""

    steps: int = 20000
    learning_rate: float = 1e-3
    final_learning_rate: float = 2e-5
    warmup_steps: int = 300
    weight_decay: float = 0.01
    clip_norm: float = 1.0
    ema: float = 0.999


class RunConfig(Table):
    """One training run."""

    name: str
    corpus: str
    """Folder of the corpus, relative to where the command runs."""
    seed: int = 1
    model: ModelConfig = ModelConfig()
    data: DataConfig = DataConfig()
    loss: LossConfig = LossConfig()
    optim: OptimConfig = OptimConfig()
    device: Literal["auto", "cpu", "cuda"] = "auto"
    bf16: bool = False
    """Autocast to bfloat16; worth it on CPUs with AMX and on GPUs."""
    threads: int = 0
    """Torch threads a process; 0 leaves torch's own choice."""
    evaluate_every_steps: int = 1000
    evaluate_windows: int = 2048
    patience: int = 0
    """Stop after so many evaluations without a better free-running accuracy; 0 never stops early."""


class ConfigError(Exception):
    """A config that cannot be used; the message names file, key and what is allowed."""


def load_config(path: Path, overrides: list[str] | None = None) -> RunConfig:
    """Read a run's TOML file and apply `key.sub=value` overrides (TOML values, bare words allowed).

    Raises:
        ConfigError: unreadable file, unknown key or a value of the wrong type.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
        for override in overrides or []:
            _override(tables, override)
        return msgspec.convert(tables, RunConfig)
    except OSError as error:
        raise ConfigError(
            f"{path}: {error.strerror}; name a TOML file like those in training/configs"
        ) from error
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, ValueError) as error:
        raise ConfigError(f"{path}: {error}; see the comments in training/configs") from error


def _override(tables: dict[str, Any], text: str) -> None:
    key, equals, value = text.partition("=")
    if not equals:
        raise ValueError(f"override {text!r} is not of the form key=value")
    try:
        parsed = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        parsed = value
    *path, last = key.split(".")
    for name in path:
        tables = tables.setdefault(name, {})
    tables[last] = parsed
