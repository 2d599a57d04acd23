"""A run as a person sees it: progress, losses and time left on the terminal, TensorBoard in its folder."""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch.utils.tensorboard import SummaryWriter

from engine.errors import reason_of
from engine.music import representation as representations
from engine.text import printable
from training import loop
from training.checkpoint import CONFIG, RunFolder
from training.config import RunConfig
from training.errors import ConfigError
from training.evaluation.core_metrics import core_metrics
from training.evaluation.pictures import interpolation_picture, reconstruction_picture, reconstructions
from training.evaluation.sound import RATE, render
from training.model_files import config_differences, load_start
from training.models.seq2seq import Continuer
from training.models.vae import VAE
from training.stopping import StoppedError

NO_CURVES = ("windows", "step", "sequences")
"""Numbers of an evaluation that say how it was made."""
SHOWN = (
    "loss",
    "free_running",
    "teacher_forced",
    "note_f1",
    "kl_bits",
    "active_units",
    "bce_nats",
    "density_sampled",
    "coarse_nats_a_note",
    "back_nats",
    "back_nats_by_place",
    "coarse_nats",
    "coarse_nats_a_stroke",
    "coarse_strokes_a_bar",
    "coarse_sounding_keys",
    "related_share",
)
PICTURED = 2
"""Phrases and walks drawn, and phrases sounded, at each evaluation."""
EVERY_STEPS = 50
"""Steps between two points of a TensorBoard curve, and two lines of a log file."""


def run_with_progress(config: RunConfig, run: Path, *, resume: bool, finetune: Path | None) -> None:
    """Train with a progress bar; see `training.loop.train`.

    Raises:
        ConfigError: the folder holds a run and `resume` is not set, or there is nothing to start from.
        typer.Exit: it was asked to stop, and has saved.
    """
    has_checkpoint = RunFolder(run).has_checkpoint
    # torchrun starts a killed group again with the same command: that is a resume if there is what to resume.
    resume = resume or (has_checkpoint and int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")) > 0)
    if has_checkpoint and not resume:
        raise ConfigError(f"{run}: holds a run already; add --resume to go on with it, or give another -o")
    if resume and not has_checkpoint:
        raise ConfigError(f"{run}: no checkpoint to resume from; leave --resume away to begin")
    start = load_start(finetune) if finetune and not has_checkpoint else None
    if int(os.environ.get("RANK", "0")) > 0:
        loop.train(config, run, start=start)
        return
    console = Console(markup=False)
    changed = _changed_settings(run, config) if resume else ""
    with _bar(console) as bar, _Watcher(config, run, console, bar, changed) as watcher:
        try:
            loop.train(config, run, start=start, observer=watcher.observer)
        except StoppedError as stopped:
            bar.stop()
            console.print(f"{run}: {stopped}", soft_wrap=True)
            raise typer.Exit(stopped.status) from None
    ended = RunFolder(run).read_json("run.json")["ended"]
    console.print(f"{run}: {ended}", soft_wrap=True)


def _changed_settings(run: Path, config: RunConfig) -> str:
    """Return how a run differs from how it began; empty where it does not, or where that is not known."""
    folder = RunFolder(run)
    return config_differences(folder.config(), config) if folder.holds(CONFIG) else ""


def _bar(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[state]}"),
        console=console,
    )


class _Watcher:
    """Shows steps on the bar and keeps the curves, pictures and sounds."""

    def __init__(self, config: RunConfig, run: Path, console: Console, bar: Progress, changed: str) -> None:
        self.changed = changed
        self.config, self.run, self.console, self.bar = config, run, console, bar
        self.task = bar.add_task(config.name, total=config.optim.steps, state="")
        self.losses = ""
        self._writer: SummaryWriter | None = None
        self._began, self._ended = False, False

    def __enter__(self) -> "_Watcher":
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        if kind is not None and not self._began:
            self.bar.live.transient = True  # what was refused leaves its one line alone
        if self._writer is not None:
            with suppress(OSError):  # reported already, or of no use any more
                self._writer.close()

    @property
    def observer(self) -> loop.Observer:
        """What the loop reports to."""
        return loop.Observer(measure=core_metrics, watch=self.show, begin=self._begin)

    @property
    def writer(self) -> SummaryWriter:
        """TensorBoard's, begun with the first number, so that a run which fails before leaves no folder."""
        if self._writer is None:
            self._writer = SummaryWriter(str(self.run / "tensorboard"))
        return self._writer

    def _begin(self, stage: str) -> None:
        self._began = True
        self.bar.update(self.task, state=stage)
        self.bar.refresh()

    def show(self, progress: loop.Progress) -> None:
        """Take in one step."""
        self._began = True
        step, terms = progress.step, progress.terms
        if self.changed:
            self.console.print(f"{self.run}: goes on with other settings: {self.changed}", soft_wrap=True)
            self.changed = ""
        if step % EVERY_STEPS == 0 or step == 1 or progress.metrics:
            self.losses = (
                f"nll {float(terms.reconstruction_nats):.2f} nats  kl {float(terms.kl_bits):.1f} bits  "
                f"{progress.sequences_per_second:.0f} seq/s"
            )
            self._keep(self._draw_curves, progress)
        self.bar.update(self.task, completed=step, state=self.losses)
        if progress.metrics:
            self._show_metrics(progress.metrics, step)
            self._keep(self._draw_phrases, progress, str(progress.metrics["split"]))

    def _keep(self, draw: Callable[..., None], *arguments: Any) -> None:
        """Draw; where that cannot be written the curves end with one notice, and the training goes on."""
        if self._ended:
            return
        try:
            draw(*arguments)
        except OSError as error:
            self._ended = True
            reason = reason_of(error)
            folder = printable(str(self.run / "tensorboard"))
            said = f"{folder}: curves and pictures end here ({reason}); the training goes on"
            self.console.print(f"{said}. Free space; --resume begins them again.", soft_wrap=True)

    def _draw_curves(self, progress: loop.Progress) -> None:
        numbers: dict[str, Any] = {
            "train/loss": progress.terms.loss,
            "train/reconstruction_nats": progress.terms.reconstruction_nats,
            "train/kl_bits": progress.terms.kl_bits,
            "train/learning_rate": progress.learning_rate,
            "train/beta": progress.beta,
            "train/gradient_norm": progress.gradient_norm,
        }
        for name, value in numbers.items():
            self.writer.add_scalar(name, float(value), progress.step)

    def _draw_phrases(self, progress: loop.Progress, split: str) -> None:
        """Keep pictures and sounds of reconstructions and, where there is a latent space, of walks in it."""
        model, corpus, step = progress.model, progress.corpus, progress.step
        if not isinstance(model, VAE | Continuer):
            return
        representation = representations.representation(
            self.config.model.representation, self.config.model.window_bars, self.config.model.grid
        )
        self.writer.add_figure(
            "reconstruction", reconstruction_picture(model, corpus, representation, split, PICTURED), step
        )
        if isinstance(model, VAE):
            strip = interpolation_picture(model, corpus, representation, split, PICTURED)
            if strip is not None:
                self.writer.add_figure("interpolation", strip, step)
        rows, names = reconstructions(model, corpus, representation, split, PICTURED)
        for name, phrases in zip(names, rows, strict=True):
            for number, phrase in enumerate(phrases, start=1):
                samples = render(phrase)
                self.writer.add_audio(f"{name}/{number}", samples[None].astype("float32"), step, RATE)

    def _draw_metrics(self, numbers: dict[str, float], split: str, step: int) -> None:
        for name, value in numbers.items():
            if name not in NO_CURVES:
                self.writer.add_scalar(f"{split}/{name}", value, step)

    def _show_metrics(self, metrics: dict[str, Any], step: int) -> None:
        numbers = {name: value for name, value in metrics.items() if isinstance(value, int | float)}
        self._keep(self._draw_metrics, numbers, metrics["split"], step)
        if metrics["split"] != "valid":
            self.console.print("Nothing is held out in this corpus: the numbers are of the training data.")
        shown = "  ".join(f"{name} {numbers[name]:.3f}" for name in SHOWN if name in numbers)
        self.console.print(f"step {step}  {shown}", soft_wrap=True)
