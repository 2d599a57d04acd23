"""The training loop, from top to bottom in one place: when a run steps, evaluates, saves, records and ends.

What a step does is in `training/learner.py`.
"""

import math
import platform
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from engine.text import counted
from training import schedules
from training.checkpoint import BEST, BEST_METRICS, CONFIG, METRICS, RECORD, RunFolder
from training.config import RunConfig
from training.corpus.dataset import Corpus
from training.corpus.joined import JoinedCorpora
from training.distributed import Ranks, ranks
from training.errors import ConfigError
from training.learner import Learner
from training.model_files import Start, config_differences
from training.models.build import Trainable, build_model
from training.models.losses import Terms
from training.size_checks import check_sizes
from training.stopping import Patience, StoppedError, StopSignals
from training.validation import validation_terms

Measure = Callable[[Trainable, Corpus, str, int], dict[str, Any]]
"""From the averaged model, a corpus, a split and a number of windows to what is measured on them."""


GO_ON, EARLY, STOP = 0, 1, 2
EVALUATIONS = "evaluations.json"
"""The last evaluated step and the best one, written after an evaluation; the checkpoint is from before it."""


@dataclass(frozen=True, slots=True)
class Progress:
    """What a run reports after each step."""

    step: int
    steps: int
    terms: Terms
    """Means over all ranks."""
    sequences_per_second: float
    learning_rate: float
    beta: float
    gradient_norm: torch.Tensor
    """Before clipping."""
    metrics: dict[str, Any] | None
    """The evaluation that just happened, if one did."""
    model: Trainable
    """The average weights, as they are evaluated."""
    corpus: Corpus


@dataclass(frozen=True, slots=True)
class Observer:
    """Receives what a run does. This one ignores it."""

    measure: Measure = lambda model, corpus, split, windows: {}
    """Measures the averaged weights at each evaluation, beside the validation loss."""
    watch: Callable[[Progress], None] = lambda progress: None
    """Called after every step on the first rank."""
    begin: Callable[[str], None] = lambda stage: None
    """Called when something begins that takes time and no step: `evaluating`, `saving`."""


def train(
    config: RunConfig, run: Path, *, start: Start | None = None, observer: Observer = Observer()
) -> dict[str, Any]:
    """Train until `config.optim.steps`, going on from the run's last checkpoint if there is one.

    Args:
        config: the run.
        run: its folder, which is made when everything has been checked.
        start: weights to fine-tune from; the folder's own checkpoint wins over them.
        observer: what to report to, and what to measure.

    Returns:
        The last evaluation's metrics.

    Raises:
        ConfigError: the config, corpus, start and checkpoint do not fit each other, or the loss is no number.
        StoppedError: it was asked to stop, and has saved where it stands.
    """
    if config.threads:
        torch.set_num_threads(config.threads)
    torch.set_flush_denormal(True)  # the first steps are many times slower with them
    try:
        with ranks(config.device) as team:
            return Trainer(config, RunFolder(run), team, start, observer).run()
    finally:
        torch.set_flush_denormal(False)  # it is the state of the whole process


class Trainer:
    """One run: its learner takes steps; when it evaluates, saves, records and ends is decided here."""

    def __init__(
        self, config: RunConfig, folder: RunFolder, team: Ranks, start: Start | None, observer: Observer
    ) -> None:
        self.config, self.folder, self.team, self.observer = config, folder, team, observer
        paths, model = (config.corpus, *config.further_corpora), config.model
        self.corpora = JoinedCorpora.open(
            paths, model.window_bars, kind=model.corpus_kind, division=model.division, verify=team.is_first
        )
        self.corpus = self.corpora.first
        # A small corpus may hold nothing back; then the record says what was measured instead.
        self.split = "valid" if len(self.corpus.window_ids("valid")) else "train"
        check_sizes(config, team, self.corpora)
        self.learner = Learner(config, team, self.corpora, start)
        self.evaluated, self.seconds, self.step_seconds = 0, 0.0, 0.0
        self.patience = Patience(config.patience)
        self._restore()

    @property
    def step(self) -> int:
        """Steps taken."""
        return self.learner.step

    def run(self) -> dict[str, Any]:
        """Take the steps that are left, evaluating and saving on the way."""
        config, metrics, terms = self.config, dict[str, Any](), None
        if self.team.is_first:
            self.folder.write_json(CONFIG, config)
            if self.step:
                self._mend()
        with StopSignals() as signals:
            while True:
                if self._evaluation_is_due():
                    metrics = self._evaluate(terms, signals)
                if terms is not None:
                    self._report(terms, metrics if self.evaluated == self.step else None)
                if self.step >= config.optim.steps:
                    return metrics or self._last_metrics()
                end = self.team.most(STOP if signals.asked else EARLY if self.patience.is_over else GO_ON)
                if end == STOP:
                    self._stop(signals.asked)
                if end == EARLY:
                    return self._finish_early(metrics)
                terms = self._timed_step()

    def _mend(self) -> None:
        """Write anew what is gone of the run's folder."""
        self.folder.mend_weights(self.learner.average)
        if not self.folder.holds(RECORD):
            self.folder.write_json(RECORD, self._record(self._how_far))

    def _timed_step(self) -> Terms:
        started = time.perf_counter()
        terms = self.learner.take_step()
        self.step_seconds = time.perf_counter() - started
        self.seconds += self.step_seconds
        every = self.config.keep_every_steps
        if every and self.step % every == 0 and self.team.is_first:
            self.folder.keep(self.step, self.learner.average)
        return terms

    def _evaluation_is_due(self) -> bool:
        at_end = self.step == self.config.optim.steps
        return self.evaluated < self.step and (at_end or self.step % self.config.evaluate_every_steps == 0)

    def _report(self, terms: Terms, metrics: dict[str, Any] | None) -> None:
        if self.team.is_first:
            self.observer.watch(
                Progress(
                    step=self.step,
                    steps=self.config.optim.steps,
                    terms=terms,
                    sequences_per_second=self.config.data.batch / max(self.step_seconds, 1e-9),
                    learning_rate=schedules.learning_rate(self.step - 1, self.config.optim),
                    beta=self.learner.beta(self.step - 1),
                    gradient_norm=self.learner.gradient_norm,
                    metrics=metrics,
                    model=self.learner.average,
                    corpus=self.corpus,
                )
            )

    def _stop(self, signal_number: int) -> None:
        """Save, and end with how to go on."""
        if self.team.is_first:
            self.observer.begin("saving")
            self.folder.save(self._state(), self.learner.average)
            self.folder.write_json(RECORD, self._record("stopped by a signal"))
        raise StoppedError(
            signal_number or 15,
            f"stopped at step {self.step} and saved; the same command with --resume goes on from there",
        )

    def _finish_early(self, metrics: dict[str, Any]) -> dict[str, Any]:
        """Let the best weights be the run's, and record why it ended."""
        if not self.team.is_first:
            return metrics
        patience = self.patience
        self.folder.take_best()
        reason = (
            f"no lower validation loss than {patience.best_loss:.4g} at step {patience.best_step} in "
            f"{patience.worse} evaluations; the weights are those of that step"
        )
        self.folder.write_json(RECORD, self._record(reason, weights_of_step=patience.best_step))
        return dict(self.folder.read_json(METRICS))

    def _evaluate(self, terms: Terms | None, signals: StopSignals) -> dict[str, Any]:
        """Save, measure the average weights on the validation split, and write everything down.

        Args:
            terms: of the step just taken; None where a resumed run makes up for an evaluation.
            signals: made to interrupt the measuring at once, since all is saved.
        """
        self.evaluated = self.step
        if not self.team.is_first:
            return {}
        if terms is not None and not math.isfinite(float(terms.loss)):
            raise ConfigError(
                f"{self.folder.path}: the loss is no number at step {self.step}; lower optim.learning_rate "
                "or raise optim.warmup_steps; the checkpoint before this one is whole"
            )
        self.observer.begin("saving")
        self.folder.save(self._state(), self.learner.average)
        self.observer.begin("evaluating")
        signals.at_once = True
        try:
            metrics = self._measured()
        except KeyboardInterrupt:
            self._stop(signals.asked)
        signals.at_once = False
        self._write_down(metrics, terms)
        return metrics

    def _measured(self) -> dict[str, Any]:
        config = self.config
        terms = validation_terms(self.learner.average, config, self.corpus, self.split)
        return {
            **self.observer.measure(self.learner.average, self.corpus, self.split, config.evaluate_windows),
            "loss": float(terms.loss),
            "reconstruction_nats": float(terms.reconstruction_nats),
            "split": self.split,
            "step": self.step,
            "sequences": self.step * config.data.batch,
        }

    def _write_down(self, metrics: dict[str, Any], trained: Terms | None) -> None:
        if self.patience.take(metrics["loss"], self.step):
            self.folder.save_weights(BEST, self.learner.average)
            self.folder.write_json(BEST_METRICS, metrics)
        train = (
            {f"train_{name}": float(value) for name, value in trained._asdict().items()} if trained else {}
        )
        self.folder.append_history(metrics | train | {"seconds": self.seconds})
        self.folder.write_json(METRICS, metrics)
        self.folder.write_json(EVALUATIONS, {"step": self.step, "patience": asdict(self.patience)})
        self.folder.write_json(RECORD, self._record(self._how_far))

    @property
    def _how_far(self) -> str:
        return "all steps taken" if self.step == self.config.optim.steps else "it goes on"

    def _last_metrics(self) -> dict[str, Any]:
        return dict(self.folder.read_json(METRICS)) if self.team.is_first else {}

    def _record(self, ended: str, weights_of_step: int | None = None) -> dict[str, Any]:
        return {
            "steps": self.step,
            "weights_of_step": self.step if weights_of_step is None else weights_of_step,
            "ended": ended,
            "sequences": self.step * self.config.data.batch,
            "hours": self.seconds / 3600,
            "hardware": f"{self.team.device.type}, {torch.get_num_threads()} threads, {platform.machine()}",
            "started_from": self.learner.started_from,
            "beta": self.learner.beta(self.step),
            "torch": str(torch.__version__),
            "parameters": sum(p.numel() for p in self.learner.model.parameters()),
            "data_sha256": self.corpora.sha256,
            "data": self.corpora.sources,
        }

    def _state(self) -> dict[str, Any]:
        return self.learner.state() | {
            "counters": {"step": self.step, "seconds": self.seconds},
            "data_sha256": self.corpora.sha256,
        }

    def _restore(self) -> None:
        """Go to where the folder's checkpoint stands, if there is one."""
        state = self.folder.load_checkpoint(self.team.device)
        if state is None:
            return
        if state["data_sha256"] != self.corpora.sha256:
            raise ConfigError(
                f"{self.folder.path}: was trained on another corpus than {self.config.corpus}; "
                "name that corpus, or give the run a new folder"
            )
        known = self.folder.config().model if self.folder.holds(CONFIG) else self.config.model
        differing = config_differences(known, self.config.model)
        if differing:
            raise ConfigError(f"{self.folder.path}: {differing}; a run goes on with the sizes it began with")
        try:
            self.learner.restore(state)
        except (RuntimeError, ValueError, KeyError, TypeError, AttributeError) as error:
            reason = " ".join(str(error).split())[:160]
            raise ConfigError(
                f"{self.folder.path}: the checkpoint does not fit ({reason}); train anew"
            ) from error
        self.seconds = state["counters"]["seconds"]
        if self.step > self.config.optim.steps:
            raise ConfigError(
                f"{self.folder.path}: has taken {counted(self.step, 'step')} already; give optim.steps a "
                "larger number"
            )
        self._restore_evaluations()

    def _restore_evaluations(self) -> None:
        """Take up what the last evaluation said; one that was cut off or is gone is made up for."""
        if (self.folder.path / EVALUATIONS).is_file():
            last = self.folder.read_json(EVALUATIONS)
            try:
                self.evaluated = int(last["step"])
                self.patience = Patience(**last["patience"] | {"evaluations": self.config.patience})
            except (KeyError, TypeError, ValueError) as error:
                raise ConfigError(
                    f"{self.folder.path / EVALUATIONS}: is damaged; remove it, and the last evaluation is "
                    "made again"
                ) from error
        if self.step == self.config.optim.steps and not self.folder.holds(METRICS):
            self.evaluated = 0


def load_model(run: Path, which: str = "last") -> tuple[RunConfig, Trainable]:
    """Return a run's config and its model with the averaged weights; see `RunFolder.weights_file`."""
    folder = RunFolder(run)
    config = folder.config()
    return config, folder.load_ema(build_model(config.model), which).eval()
