"""A setting that a kind of model or of loss does not use is refused, and no other is."""

import functools
import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch
from msgspec import inspect
from msgspec.structs import replace

from training import schedules
from training.config import RunConfig
from training.config_file import config_names, load_config
from training.encoder_input import heard_and_target
from training.errors import ConfigError
from training.models.build import build_model, build_objective, latent_size
from training.models.losses import Noise, choices_of
from training.setting_use import unused_settings

BENCH = Path(__file__).parents[2] / "bench" / "training_steps.py"
SELECT_THE_KIND = {"representation", "bars", "division", "task", "kind", "joint", "fed_back"}
SIZES = {"channels": 6, "bar_channels": 6, "hidden": 6, "z_size": 6, "chain": 6, "layers": 2}
STEPS = 10
BATCH = 8


@pytest.mark.parametrize(
    ("config", "change", "said"),
    [
        ("piano_2bar", "loss.withhold=0.5", "loss.withhold: for decoders that are fed what they wrote: the"),
        ("piano_2bar", "loss.keys=focal", "loss.keys: for piano rolls whose keys are decided one by one:"),
        (
            "piano_2bar",
            "loss.chords_left_out=0.1",
            "loss.chords_left_out: for models of words of a melody (without model.sentences) and "
            "accompaniments; leave it out, or add loss.chords_left_out=0.5",
        ),
        ("melody_2bar", "loss.spread_weight=3", "loss.spread_weight: for representation groove; leave it"),
        ("groove_2bar", "loss.told_left_out=0.1", "loss.told_left_out: for grooves with model.told"),
        ("pianoroll_continue", "loss.from_nothing=0.2", "loss.from_nothing: for task continue without"),
        ("words_2bar", "loss.given_left_out=0.2", "loss.given_left_out: for task accompany; leave it out"),
        ("words_2bar", "model.encoder.dropout=0.5", "model.encoder.dropout: for the autoencoder, not for"),
        ("words_2bar", "model.z_size=64", "model.z_size: for the autoencoder, not for model.words"),
        ("words_2bar", "loss.own_share=0.5", "loss.own_share: for decoders that are fed what they wrote"),
        ("sentences_16bar", "loss.fine_beta=0.5", "loss.fine_beta: for models of words (without model.sent"),
        ("melody_2bar", "model.continuer.layers=3", "model.continuer.layers: for task continue without mod"),
        ("melody_2bar", "model.encoder.hidden=9", 'model.encoder.hidden: for model.encoder.kind = "bilstm"'),
        (
            "melody_2bar",
            "optim.decay_rate=0.5",
            'optim.decay_rate: for optim.schedule = "exponential"; leave',
        ),
        ("melody_2bar", "loss.own_rate=9", "loss.own_rate: for loss.own_share above 0 with loss.own_sch"),
        ("pianoroll_2bar", "loss.gamma=1", 'loss.gamma: for loss.keys = "focal" or "focal_plus", which'),
        ("drums_2bar", "data.transpose=3", "data.transpose: for models with pitches, not for drums and"),
        ("drums_2bar", "data.octaves=0.3", "data.octaves: for models with pitches, not for drums and"),
        ("melody_2bar", "data.bars_moved=0.3", "data.bars_moved: for representations drums and groove; leav"),
        ("trio_16bar", "data.drums_left_out=1", "data.drums_left_out: for representations drums and groove"),
        ("drums_2bar", "data.velocity_change=0.3", "data.velocity_change: for representation groove; leave"),
        ("groove_humanize_2bar", "loss.withhold=0.5", "loss.withhold: for decoders that are fed what they"),
        (
            "accompany_2bar",
            "loss.fine_left_out=[0.5, 0.1, 0, 0.2]",
            "loss.fine_left_out: for models of words (its second and third share: an accompaniment's latent "
            "has no halves; give 0 for both); leave it out, or add loss.fine_left_out=[0.4,0.08,0.08,0.3]",
        ),
    ],
)
def test_a_setting_that_would_be_ignored_is_refused(config: str, change: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(config, [change])
    assert str(caught.value).startswith(f"command line: {said}")


def test_what_another_kind_makes_useless_is_listed_whole_with_what_to_add() -> None:
    changes = ["model.decoder.kind=flat"]
    with pytest.raises(ConfigError) as caught:
        load_config("drums_2bar_vae", changes)
    said, remedy = str(caught.value).split("; leave them out, or add ")
    place, names = said.split(": ", 1)
    assert place.endswith("drums_2bar_vae.toml")
    assert names.startswith("model.decoder.channels, model.decoder.step_depth, model.decoder.bar_depth: for ")
    assert remedy == ("model.decoder.channels=128 model.decoder.step_depth=3 model.decoder.bar_depth=2")
    assert load_config("drums_2bar_vae", [*changes, *remedy.split()]).model.decoder.kind == "flat"


@pytest.mark.parametrize(
    ("config", "change"),
    [
        ("words_2bar", "loss.withhold=0"),
        ("drums_2bar", "loss.teacher_forcing_ratio=1"),
        ("groove_2bar", "data.transpose=0"),
        ("piano_2bar", "loss.keys=bce"),
        ("accompany_2bar", "loss.fine_left_out=[0.5, 0, 0, 0.2]"),
        ("cat-mel_2bar_small", "loss.beta_warmup_steps=0"),
    ],
)
def test_a_value_that_says_what_is_so_anyway_is_taken(config: str, change: str) -> None:
    load_config(config, [change])


def test_a_run_that_was_trained_with_what_did_not_count_can_still_be_read() -> None:
    saved = msgspec.to_builtins(load_config("piano_2bar"))
    saved["loss"]["withhold"] = 0.7
    assert msgspec.convert(saved, RunConfig).loss.withhold == 0.7


def kind_of(config: RunConfig) -> tuple[object, ...]:
    """Return what decides which settings count."""
    model, loss = config.model, config.loss
    tables = (model.words, model.sentences, model.key_chain, model.accompaniment, model.told)
    kinds = (model.encoder.kind, model.decoder.kind, model.decoder.fed_back)
    chosen = loss.keys == "bce", loss.beta_rate > 0, loss.own_share > 0
    given = tuple(table is not None for table in tables)
    spoken = model.representation if model.encoder.kind == "mixer" else model.decoder.joint
    return (spoken, model.task == "continue", given, kinds, chosen, config.optim.schedule)


def kinds() -> list[str]:
    """Return a shipped config of each kind: every shipped config is of one of these."""
    first: dict[tuple[object, ...], str] = {}
    for name in config_names():
        first.setdefault(kind_of(load_config(name)), name)
    return list(first.values())


@pytest.mark.parametrize("name", kinds())
def test_the_settings_that_change_a_training_step_are_those_that_are_taken(name: str) -> None:
    config = shrunk(load_config(name))
    known, wrong, count = Training(config), dict[str, str](), 0
    for setting, changed in variants(config):
        count += 1
        refused = setting.split("[")[0] in {unused.name for unused in unused_settings(changed)}
        counts = known.differs_with(changed)
        if refused == counts:
            wrong[setting] = "refused, but counts" if counts else "taken, but ignored"
    assert wrong == {}
    assert count > 50


def shrunk(config: RunConfig) -> RunConfig:
    """Return a config of the same kind whose steps take milliseconds, and where all that rises is rising."""
    model, loss = small(config.model), config.loss
    bars = 4 if model.sentences is not None else 2 if model.words or model.accompaniment else 1
    own_rate = 3.0 if loss.own_schedule == "inverse_sigmoid" else loss.own_rate
    warmup = loss.beta_warmup_steps if loss.beta_rate else 2 * STEPS
    return replace(
        config,
        model=replace(model, bars=bars),
        loss=replace(loss, beta_warmup_steps=warmup, own_rate=own_rate, free_bits=0.01),
        optim=replace(config.optim, steps=STEPS, warmup_steps=1),
    )


def small(table: Any) -> Any:
    """Return a table with small sizes, also in its tables."""
    changes: dict[str, Any] = {}
    for field in table.__struct_fields__:
        value = getattr(table, field)
        if isinstance(value, msgspec.Struct):
            changes[field] = small(value)
        elif field in SIZES or field.endswith(("_hidden", "_channels")):
            changes[field] = SIZES.get(field, 6)
    return replace(table, **changes)


def variants(config: RunConfig) -> Iterator[tuple[str, RunConfig]]:
    """Yield the config with one setting changed, for each setting of model, loss and learning rate.

    Each item of `loss.fine_left_out` is changed by itself.
    """
    other_name = ["loss.teacher_forcing_ratio"] if config.loss.own_share else []
    other_name += [] if config.loss.teacher_forcing_ratio is None else ["loss.own_share"]
    for setting, value, kind, rebuilt in leaves(config, inspect.type_info(RunConfig), "", lambda new: new):
        top, last = setting.split(".")[0], setting.split(".")[-1]
        if last in SELECT_THE_KIND or (top not in ("model", "loss") and setting != "optim.decay_rate"):
            continue
        if setting == "loss.stream_weights":
            streams = 3 if config.model.representation == "trio" else 1
            yield setting, rebuilt((2.0, 5.0, 3.0)[:streams])
        elif setting == "loss.fine_left_out":
            for place in range(len(value)):
                yield (
                    f"{setting}[{place}]",
                    rebuilt((*value[:place], 0.9 - value[place], *value[place + 1 :])),
                )
        elif setting not in other_name:
            yield setting, rebuilt(other(setting, value, kind))


def leaves(
    table: Any, kind: inspect.StructType, before: str, rebuilt: Callable[[Any], RunConfig]
) -> Iterator[tuple[str, Any, inspect.Type, Callable[[Any], RunConfig]]]:
    """Yield each setting's name, value and type, and what makes a config with another value."""
    for field in kind.fields:
        value, name = getattr(table, field.name), f"{before}{field.name}"

        def with_value(new: Any, field: str = field.name) -> RunConfig:
            return rebuilt(replace(table, **{field: new}))

        types = field.type.types if isinstance(field.type, inspect.UnionType) else (field.type,)
        structs = [each for each in types if isinstance(each, inspect.StructType)]
        if structs and value is not None:
            yield from leaves(value, structs[0], f"{name}.", with_value)
        elif not structs:
            yield name, value, types[0], with_value


def other(setting: str, value: Any, kind: inspect.Type) -> Any:
    """Return another value of a setting that its range allows."""
    if setting == "loss.own_rate":
        return 30.0
    if isinstance(kind, inspect.LiteralType):
        return next(each for each in kind.values if each != value)
    if isinstance(kind, inspect.BoolType):
        return not value
    if isinstance(kind, inspect.IntType):
        return value + 3
    return 0.85 if value is None or abs(value - 0.85) > 0.2 else 0.15


class Training:
    """What a config makes of training: the model's parts; loss, gradient and learning rate of two steps."""

    def __init__(self, config: RunConfig) -> None:
        torch.manual_seed(1)
        self.config, self.data = config, bench().windows(config, BATCH)
        self.model = build_model(config.model).eval()  # without dropout, which shows among the parts
        self.steps = {step: self.taken(config, step) for step in (4, STEPS - 1)}

    def differs_with(self, changed: RunConfig) -> bool:
        """Return whether another config of the same kind makes something else of it."""
        if changed.model != self.config.model:
            with torch.device("meta"):  # its parts without their numbers
                return repr(build_model(changed.model)) != repr(self.model)
        return any(self.taken(changed, step) != known for step, known in self.steps.items())

    def taken(self, config: RunConfig, step: int) -> tuple[float, ...]:
        """Return loss, size of the gradient and learning rate of a step."""
        generator, model = torch.Generator().manual_seed(step), self.model
        heard, target = heard_and_target(self.data, config.model, generator)
        size = latent_size(model, config.model, target.shape[1])
        noise = Noise.draw(generator, BATCH, size, target.shape[1], choices_of(model))
        conditioning = (torch.tensor([[100.0, 1, 2]] * BATCH),) if config.model.told else ()
        beta, own = (
            schedules.beta(step, config.loss),
            schedules.own_share(step, config.loss, config.optim),
        )
        loss = build_objective(model, config.loss)(heard, target, noise, beta, own, *conditioning).loss
        model.zero_grad()
        loss.backward()
        gradient = sum(float(w.grad.abs().sum()) for w in model.parameters() if w.grad is not None)
        return float(loss.detach()), gradient, schedules.learning_rate(step, config.optim)


@functools.cache
def bench() -> Any:
    """Return the benchmark of training steps, whose random windows any kind of model takes."""
    spec = importlib.util.spec_from_file_location("training_steps", BENCH)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
