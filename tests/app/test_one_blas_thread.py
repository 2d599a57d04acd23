"""What the command loads before the window shows, each in a process of its own."""

import os
import subprocess
import sys

import pytest


def said_by(program: str, **variables: str) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    run = [sys.executable, "-c", program]
    done = subprocess.run(run, env={**environment, **variables}, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_the_command_computes_matrices_on_one_thread() -> None:
    pytest.importorskip("threadpoolctl")
    program = (
        "import app.cli, numpy, threadpoolctl\n"
        "print([each['num_threads'] for each in threadpoolctl.threadpool_info()"
        " if each['internal_api'] == 'openblas'])"
    )
    assert said_by(program) in ("[1]", "[]")  # macOS may bring another library


def test_a_number_of_threads_that_is_set_already_counts() -> None:
    program = "import app.cli, os; print(os.environ['OPENBLAS_NUM_THREADS'])"
    assert said_by(program, OPENBLAS_NUM_THREADS="2") == "2"


def test_chance_and_onnxruntime_are_not_loaded_for_the_window() -> None:
    program = (
        "import sys, app.launch, engine.session.session, app.bundle_cards\n"
        "print([name for name in ('numpy.random', 'onnxruntime') if name in sys.modules])"
    )
    assert said_by(program) == "[]"
