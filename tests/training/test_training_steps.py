"""What the benchmark of training steps measures and says; its times are nobody's expectation."""

import importlib.util
import math
from pathlib import Path
from types import ModuleType

import pytest
from msgspec.structs import replace

from training.config_file import load_config


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    place = Path(__file__).parents[2] / "bench" / "training_steps.py"
    spec = importlib.util.spec_from_file_location("training_steps", place)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("alone", [False, True])
def test_every_number_is_one_and_only_what_was_measured_is_said(bench: ModuleType, alone: bool) -> None:
    config = load_config("groove_2bar", ["data.batch=2"])
    row = bench.measure(replace(config, name="tiny"), 1, 1, alone=alone)
    assert all(math.isfinite(value) for value in row.values())
    said = bench.compared(row, 50.0)
    assert (said == "") is alone
    assert ("straightforward form" in said) is not alone
