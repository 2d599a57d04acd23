import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
import torch
from safetensors.torch import load_file
from toy_runs import melody_corpus, toy_config

from training.loop import train

WORKER = """
import sys
from pathlib import Path
import msgspec
from training.config import RunConfig
from training.loop import train
train(msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=RunConfig), Path(sys.argv[2]))
"""


@pytest.mark.dist
def test_two_processes_do_what_one_does(tmp_path: Path) -> None:
    corpus = melody_corpus(tmp_path)
    config = toy_config(corpus)
    train(config, tmp_path / "one")
    script = tmp_path / "worker.py"
    script.write_text(WORKER)
    (tmp_path / "config.json").write_bytes(msgspec.json.encode(config))
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    subprocess.run(
        [*command, str(script), str(tmp_path / "config.json"), str(tmp_path / "two")],
        check=True,
        timeout=240,
        env=os.environ | {"OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"},
    )
    one, two = (load_file(tmp_path / name / "ema.safetensors") for name in ("one", "two"))
    for name in one:
        torch.testing.assert_close(two[name], one[name], atol=1e-5, rtol=0)
