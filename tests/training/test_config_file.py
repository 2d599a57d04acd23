import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import inspect

from training.config import RunConfig
from training.config_file import config_names, first_comment, load_config
from training.errors import ConfigError


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("optim.steps=-5", "optim.steps = -5: give a whole number from 1 to 1,000,000,000"),
        ("model.z_size=0", "model.z_size = 0: give a whole number from 1 to 65,536"),
        ("loss.withhold=1.5", "loss.withhold = 1.5: give a number from 0 to 1"),
        ("loss.own_share=1.5", "loss.own_share = 1.5: give a number from 0 to 1"),
        ("loss.gamma=-3", "loss.gamma = -3: give a number from 0 to 100"),
        ("loss.gamma=nan", "loss.gamma = nan: give a number from 0 to 100"),
        ("optim.learning_rate=inf", "give a number from 0 to 1"),
        ("data.batch=0", "data.batch = 0: give a whole number from 1"),
        ("evaluate_every_steps=0", "evaluate_every_steps = 0: give a whole number from 1"),
        ("model.encoder.dropout=1", "model.encoder.dropout = 1: give a number from 0 to below 1"),
        ("model.encoder.kind=foo", "choose one of bilstm, hier_bilstm, mixer"),
        ("device=gpu", "device = 'gpu': choose one of auto, cpu, cuda"),
        ("optim.stepz=3", "optim: no setting stepz; there are steps, learning_rate"),
        ("teacher_forcing_ratio=1", "no setting teacher_forcing_ratio; it is loss.teacher_forcing_ratio"),
        (
            "model.decoder_layers=1",
            "model: no setting decoder_layers; it is model.continuer.decoder_layers",
        ),
        ("bf16=1", "bf16 = 1: give true or false"),
        ("loss.stream_weights=[1, -2]", "loss.stream_weights[1] = -2: give a number from 0"),
        ("name=a/b", "name = 'a/b': give a short text with a letter or a digit, without slashes"),
        ("name=..", "name = '..': give a short text with a letter or a digit, without slashes"),
        ("corpus=", "corpus = '': give a folder, without control characters"),
        ('corpus="a\\u0000b"', "corpus = 'a\\x00b': give a folder, without control characters"),
        ("optim=3", "optim = 3: is a table; give its settings one by one, as optim.steps=..."),
        ("model..z_size=3", "'model..z_size=3' is not of the form key=value"),
        ("further_corpora=[corpora/a]", """give a list, as '["a", "b"]'; each: give a folder"""),
        ("data.shares=1", "give a list, as [1, 2]; each: give a number from 0"),
        ("loss.fine_left_out=1", "loss.fine_left_out = 1: give a list of 4; each: give a number from 0 to 1"),
        ("loss.fine_left_out=[0, 0, 2, 0]", "loss.fine_left_out[2] = 2: give a number from 0 to 1"),
        ("name.x=3", "name is a value"),
        ("nonsense", "not of the form key=value"),
    ],
)
def test_what_is_not_allowed_is_named_with_what_is(override: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config("melody_2bar", [override])
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


MINE = """name = "mine"
corpus = "c"
[optim]
steps = -1
[model]
z_size = 8
"""


@pytest.mark.parametrize(
    ("changes", "environment", "said"),
    [
        (["seed=2"], "", "mine.toml: optim.steps = -1: give"),
        (["optim.warmup_steps=5"], "", "mine.toml: optim.steps = -1: give"),
        (["optim.steps=0"], "", "command line: optim.steps = 0: give"),
        (["optim.steps=0"], "optim.steps=-7", "ANTIPHON_OVERRIDES: optim.steps = -7: give"),
        (["optim.steps=3", "loss.gama=1"], "", "command line: loss: no setting gama; there are"),
        (["optim.steps=3"], "loss.gama=1", "ANTIPHON_OVERRIDES: loss: no setting gama; there are"),
        (["optim.steps=3", "model.task=continue"], "", "command line: model: task continue with"),
        (["optim.steps=3", "loss.stream_weights=[1, -2]"], "", "command line: loss.stream_weights[1] = -2:"),
        (["optim=3"], "", "command line: optim"),
        (["steps"], "", "command line: 'steps' is not of the form key=value"),
        (["optim.steps=3", "name.x=3"], "", "command line: 'name.x=3': name is a value"),
    ],
)
def test_who_is_to_blame_is_named(tmp_path: Path, monkeypatch, changes, environment: str, said: str) -> None:
    (tmp_path / "mine.toml").write_text(MINE, encoding="utf-8")
    monkeypatch.setenv("ANTIPHON_OVERRIDES", environment)
    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path / "mine.toml", changes)
    assert str(caught.value).removeprefix(f"{tmp_path}/").startswith(said)


def test_a_number_may_begin_or_end_with_its_point() -> None:
    config = load_config("melody_2bar", ["loss.beta=.5", "loss.free_bits=2.", "optim.learning_rate=.5e-3"])
    assert (config.loss.beta, config.loss.free_bits, config.optim.learning_rate) == (0.5, 2.0, 0.0005)


def numbers(kind: inspect.Type, path: str = "") -> list[tuple[str, inspect.IntType | inspect.FloatType]]:
    """Return every number that a config has, by its dotted name."""
    if isinstance(kind, inspect.StructType):
        inner = [(f"{path}.{field.name}".strip("."), field.type) for field in kind.fields]
        return [found for name, type_ in inner for found in numbers(type_, name)]
    return [(path, kind)] if isinstance(kind, inspect.IntType | inspect.FloatType) else []


@pytest.mark.parametrize(("name", "kind"), numbers(inspect.type_info(RunConfig)))
def test_every_number_has_both_ends(name: str, kind: inspect.IntType | inspect.FloatType) -> None:
    assert kind.ge is not None or kind.gt is not None, name
    assert kind.le is not None or kind.lt is not None, name


@given(st.sampled_from(numbers(inspect.type_info(RunConfig))), st.floats(allow_nan=False))
def test_a_number_outside_its_range_is_refused_and_one_inside_is_taken(declared, value) -> None:
    name, kind = declared
    value = int(value) if isinstance(kind, inspect.IntType) and abs(value) < 1e18 else value
    low = kind.ge is None or value >= kind.ge
    inside = low and (kind.gt is None or value > kind.gt)
    inside = inside and (kind.le is None or value <= kind.le) and (kind.lt is None or value < kind.lt)
    if isinstance(kind, inspect.IntType) and not isinstance(value, int):
        inside = False
    try:
        load_config("melody_2bar", [f"{name}={value!r}"])
    except ConfigError as error:
        assert not inside or f"; leave it out, or add {name}=" in str(error)  # it is for another kind
        assert name in str(error)
    else:
        assert inside


@pytest.mark.parametrize("name", sorted(config_names()))
def test_every_shipped_config_is_valid_and_named_like_its_file(name: str) -> None:
    assert load_config(name).name == name


def test_the_list_of_configs_says_each_in_a_whole_sentence() -> None:
    assert [name for name, path in config_names().items() if not first_comment(path).endswith(".")] == []


def test_a_config_is_found_by_name_or_by_path(tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text('name = "mine"\ncorpus = "c"\n')
    assert load_config(mine).name == "mine"
    assert load_config("melody_2bar", ["seed=7"]).seed == 7
    with pytest.raises(ConfigError, match="melody_2bar"):
        load_config("melody_2barr")


def test_a_config_survives_its_own_json() -> None:
    config = load_config("trio_16bar")
    assert msgspec.json.decode(msgspec.json.encode(config), type=RunConfig) == config


def test_the_config_of_every_shipped_bundle_is_read() -> None:
    for manifest in (Path(__file__).parents[2] / "engine" / "bundles").glob("*/bundle.json"):
        config = json.loads(manifest.read_text(encoding="utf-8"))["training"]["config"]
        assert msgspec.convert(config, RunConfig).name
