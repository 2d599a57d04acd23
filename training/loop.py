"""The training loop, from top to bottom in one place.

Everything random in a step is drawn from (seed, step), so a run that was killed goes on to the
same numbers, and several ranks do together what one process does alone.
"""

import copy
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.nn.utils import clip_grad_norm_

from training import schedules
from training.checkpoint import RunFolder
from training.config import RunConfig
from training.corpus.dataset import Corpus
from training.corpus.joined import JoinedCorpora, JoinedSampler
from training.corpus.sampler import EpochSampler
from training.distributed import Ranks, ranks
from training.encoder_input import heard_and_target
from training.errors import ConfigError
from training.evaluation.core_metrics import core_metrics
from training.models.build import Trainable, build_model, build_objective, latent_size
from training.models.losses import Noise, Terms

SCORE = "score"
"""The measure that early stopping goes by; `core_metrics` says what it is for each kind of model."""


@dataclass(frozen=True, slots=True)
class Progress:
    """What a run tells its watcher after each step."""

    step: int
    steps: int
    terms: Terms
    sequences_per_second: float
    metrics: dict[str, Any] | None
    """The evaluation that just happened, if one did."""
    model: Trainable
    """The average weights, as they are evaluated."""
    corpus: Corpus


def train(
    config: RunConfig,
    run: Path,
    *,
    start_from: dict[str, torch.Tensor] | None = None,
    started_from: str = "",
    watch: Callable[[Progress], None] = lambda progress: None,
) -> dict[str, Any]:
    """Train until `config.optim.steps`, going on from the run's last checkpoint if there is one.

    Args:
        config: the run.
        run: its folder.
        start_from: weights to fine-tune from; the folder's own checkpoint wins over them.
        started_from: what those weights are, for the record.
        watch: called after every step on the first rank.

    Returns:
        The last evaluation's metrics.
    """
    if config.threads:
        torch.set_num_threads(config.threads)
    torch.set_flush_denormal(True)  # the first steps are many times slower with them
    try:
        with ranks(config.device) as team:
            return _Trainer(config, RunFolder(run), team, start_from, started_from).run(watch)
    finally:
        torch.set_flush_denormal(False)  # it is the state of the whole process


class _Trainer:
    """The state of one run: model, average, optimiser, sampler, counters."""

    def __init__(
        self,
        config: RunConfig,
        folder: RunFolder,
        team: Ranks,
        start_from: dict[str, torch.Tensor] | None,
        started_from: str,
    ) -> None:
        self.config, self.folder, self.team, self.started_from = config, folder, team, started_from
        paths = (config.corpus, *config.further_corpora)
        self.corpora = JoinedCorpora.open(paths, config.model.window_bars)
        self.corpus = self.corpora.first
        # A small corpus may hold no whole work back; then the record says what was measured instead.
        self.split = "valid" if len(self.corpus.window_ids("valid")) else "train"
        _check_sizes(config, team, self.corpora)
        torch.manual_seed(config.seed)
        self.model = build_model(config.model).to(team.device)
        if start_from is not None:
            self.model.load_state_dict(start_from)
        self.ema = copy.deepcopy(self.model).requires_grad_(False)
        self.objective = team.wrap(build_objective(self.model, config.loss))
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(), betas=(0.9, 0.98), weight_decay=config.optim.weight_decay
        )
        self.sampler = _sampler(config, team, self.corpora.train_counts)
        self.step, self.seconds, self.best, self.worse = 0, 0.0, -1.0, 0
        self._restore()

    def run(self, watch: Callable[[Progress], None]) -> dict[str, Any]:
        """Take the steps that are left."""
        config, metrics = self.config, {}
        if self.team.is_first:
            self.folder.write_json("config.json", config)
        while self.step < config.optim.steps:
            started = time.perf_counter()
            terms = self._take_step()
            self.seconds += time.perf_counter() - started
            due = self.step % config.evaluate_every_steps == 0 or self.step == config.optim.steps
            metrics = self._evaluate(terms) if due else metrics
            if self.team.is_first:
                rate = config.data.batch / max(time.perf_counter() - started, 1e-9)
                news = metrics if due else None
                watch(Progress(self.step, config.optim.steps, terms, rate, news, self.ema, self.corpus))
            if config.patience and self.worse >= config.patience:
                break
        return metrics

    def _take_step(self) -> Terms:
        config, device = self.config, self.team.device
        generator = torch.Generator().manual_seed(config.seed * 1_000_003 + self.step)
        torch.manual_seed(config.seed * 1_000_003 + self.step)
        draw = self.sampler.next()
        window = torch.as_tensor(self.corpora.train_batch(draw.items, config.data.transpose, draw.uniforms))
        heard, target = heard_and_target(window, config.model, generator)
        z_size = latent_size(self.model, config.model, target.shape[1])
        noise = Noise.draw(generator, config.data.batch, z_size, target.shape[1])
        mine = Noise(*(part[self.team.share(config.data.batch)].to(device) for part in noise))
        for group in self.optimizer.param_groups:
            group["lr"] = schedules.learning_rate(self.step, config.optim)
        beta = schedules.beta(self.step, config.loss)
        own = schedules.own_share(self.step, config.loss, config.optim)
        self.model.train()
        with torch.autocast(device.type, torch.bfloat16, enabled=config.bf16):
            terms = self.objective(heard.to(device), target.to(device), mine, beta, own)
        self.optimizer.zero_grad(set_to_none=True)
        terms.loss.backward()
        clip_grad_norm_(self.model.parameters(), config.optim.clip_norm)
        self.optimizer.step()
        self._average(schedules.ema_decay(self.step, config.optim))
        self.step += 1
        return Terms(*(part.detach() for part in terms))

    def _average(self, decay: float) -> None:
        with torch.no_grad():
            torch._foreach_lerp_(list(self.ema.parameters()), list(self.model.parameters()), 1 - decay)

    def _evaluate(self, terms: Terms) -> dict[str, Any]:
        """Measure the average weights on the validation split and write everything down."""
        if not self.team.is_first:
            return {}
        metrics = core_metrics(self.ema, self.corpus, self.split, self.config.evaluate_windows)
        metrics |= {"split": self.split, "step": self.step, "sequences": self.step * self.config.data.batch}
        better = metrics[SCORE] > self.best
        self.best, self.worse = (metrics[SCORE], 0) if better else (self.best, self.worse + 1)
        losses = {name: float(value) for name, value in terms._asdict().items()}
        self.folder.save(self._state(), self.ema)
        self.folder.append_history(metrics | losses | {"seconds": self.seconds})
        self.folder.write_json("metrics.json", metrics)
        self.folder.write_json("run.json", self._record())
        return metrics

    def _record(self) -> dict[str, Any]:
        return {
            "steps": self.step,
            "sequences": self.step * self.config.data.batch,
            "hours": self.seconds / 3600,
            "hardware": f"{self.team.device.type}, {torch.get_num_threads()} threads, {platform.machine()}",
            "started_from": self.started_from,
            "torch": str(torch.__version__),
            "parameters": sum(p.numel() for p in self.model.parameters()),
            "data_sha256": self.corpora.sha256,
            "data": self.corpora.sources,
        }

    def _state(self) -> dict[str, Any]:
        return {
            "model": self.model.state_dict(),
            "ema": self.ema.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "sampler": dict(self.sampler.state()),
            "counters": [self.step, self.seconds, self.best, self.worse],
            "data_sha256": self.corpora.sha256,
        }

    def _restore(self) -> None:
        state = self.folder.load_checkpoint(self.team.device)
        if state is None:
            return
        if state["data_sha256"] != self.corpora.sha256:
            raise ConfigError(
                f"{self.folder.path}: was trained on another corpus than {self.config.corpus}; "
                "name that corpus, or give the run a new folder"
            )
        self.model.load_state_dict(state["model"])
        self.ema.load_state_dict(state["ema"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.sampler.load_state(state["sampler"])
        self.step, self.seconds, self.best, self.worse = state["counters"]


def _sampler(config: RunConfig, team: Ranks, counts: list[int]) -> EpochSampler | JoinedSampler:
    """Return what draws this rank's part of every batch."""
    batch, seed = config.data.batch // team.world_size, config.seed
    if len(counts) == 1:
        return EpochSampler(counts[0], batch, seed=seed, rank=team.rank, world_size=team.world_size)
    shares = config.data.shares
    return JoinedSampler(counts, shares, batch, seed=seed, rank=team.rank, world_size=team.world_size)


def _check_sizes(config: RunConfig, team: Ranks, corpora: JoinedCorpora) -> None:
    """Fail before the first step where the sizes cannot work."""
    if config.data.batch % team.world_size:
        raise ConfigError(
            f"data.batch={config.data.batch}: not a multiple of the {team.world_size} processes; "
            "choose one that is"
        )
    for part, count in zip(corpora.parts, corpora.train_counts, strict=True):
        if count == 0:
            raise ConfigError(f"{part.path}: no training windows of {config.model.bars} bars; add files")
    if config.data.shares and len(config.data.shares) != len(corpora.parts):
        raise ConfigError(
            f"data.shares: {len(config.data.shares)} for {len(corpora.parts)} corpora; one each"
        )


def load_model(run: Path) -> tuple[RunConfig, Trainable]:
    """Return a run's config and its model with the averaged weights."""
    folder = RunFolder(run)
    config = folder.config()
    return config, folder.load_ema(build_model(config.model)).eval()
