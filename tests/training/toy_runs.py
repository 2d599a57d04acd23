"""A tiny melody corpus and tiny configs, for tests of models and the loop."""

import json
import random
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import msgspec
from corpus_files import Part, write_midi

from training.config import RunConfig
from training.config_file import load_config
from training.corpus.build.build import BuildOptions, build_corpus
from training.errors import ConfigError

SCALE = (60, 62, 64, 65, 67, 69, 71, 72)
SPLIT_SEED = 0
"""One that holds some of the tunes back for validation."""
SMALL_MIXER = {"channels": 8, "bar_channels": 16, "step_depth": 1, "bar_depth": 1}
SMALL = {**SMALL_MIXER, "hidden": 16}


def melody_corpus(folder: Path, files: int = 24) -> Path:
    """Build a corpus of two-bar windows from different tunes of six bars."""
    for number in range(files):
        draw = random.Random(number)
        notes = [(beat + 0.5 * (draw.random() < 0.3), 0.5, draw.choice(SCALE)) for beat in range(24)]
        write_midi(folder / "midi" / f"tune_{number:02}.mid", [Part(notes)])
    build_corpus(
        [folder / "midi"], folder / "corpus", BuildOptions(kind="melody", bars=(2,), executor="serial")
    )
    return folder / "corpus"


TOY: dict[str, object] = {
    "device": "cpu",
    "threads": 1,
    "evaluate_every_steps": 2,
    "evaluate_windows": 16,
    "model": {"z_size": 8, "encoder": SMALL_MIXER, "decoder": SMALL},
    "data": {"batch": 8},
    "loss": {"own_share": 0.5, "own_from": 0.2},
    "optim": {"steps": 6, "warmup_steps": 1},
}


def changes_for(config: str, settings: Mapping[str, object]) -> str:
    """Return those settings that a shipped config takes, as ANTIPHON_OVERRIDES holds them."""
    taken = []
    for change in (f"{name}={value}" for name, value in settings.items()):
        with suppress(ConfigError):  # of another kind of model
            load_config(config, [change])
            taken.append(change)
    return " ".join(taken)


def toy_config(corpus: Path, **changes: object) -> RunConfig:
    """Return a config that trains in a second; `changes` are whole tables."""
    return msgspec.convert({"name": "toy", "corpus": str(corpus), **TOY, **changes}, RunConfig)


def write_config(folder: Path, corpus: Path, **changes: object) -> Path:
    """Write the toy config as a TOML file, as a person would; `changes` as in `toy_config`."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "toy.toml"
    tables = {"name": "toy", **TOY, "corpus": str(corpus), **changes}
    file.write_text("\n".join(_toml(tables)) + "\n", encoding="utf-8")
    return file


def _toml(tables: Mapping[str, object], prefix: str = "") -> list[str]:
    """Return nested tables as lines of TOML; what is no table first."""
    plain = [
        f"{key} = {json.dumps(value)}" for key, value in tables.items() if not isinstance(value, Mapping)
    ]
    nested = [(prefix + key, value) for key, value in tables.items() if isinstance(value, Mapping)]
    return plain + [line for name, value in nested for line in (f"[{name}]", *_toml(value, f"{name}."))]
