"""A run as a person sees it: progress, losses and time left on the terminal, TensorBoard in its folder."""

import hashlib
import os
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from safetensors.torch import load_file
from torch.utils.tensorboard import SummaryWriter

from engine.music.representation import representation
from training import loop
from training.config import RunConfig
from training.errors import ConfigError
from training.evaluation.pictures import interpolation_picture, reconstruction_picture
from training.models.vae import VAE
from training.models.words import Words

SHOWN = ("score", "teacher_forced", "note_f1", "kl_bits", "active_units", "bce_nats", "density_sampled")
PICTURED = 2
"""Phrases and walks drawn at each evaluation."""
EVERY_STEPS = 50
"""Steps between two points of a TensorBoard curve, and two lines of a log file."""


def run_with_progress(config: RunConfig, run: Path, *, resume: bool, finetune: Path | None) -> None:
    """Train with a progress bar; see `training.loop.train`.

    Raises:
        ConfigError: the folder holds a run and `resume` is not set, or there is nothing to start from.
    """
    has_checkpoint = (run / "checkpoint.pt").exists()
    # torchrun starts a killed group again with the same command: that is a resume if there is what to resume.
    resume = resume or (has_checkpoint and int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")) > 0)
    if has_checkpoint and not resume:
        raise ConfigError(f"{run}: holds a run already; add --resume to go on with it, or give another -o")
    if resume and not has_checkpoint:
        raise ConfigError(f"{run}: no checkpoint to resume from; leave --resume away to begin")
    weights = load_file(str(weights_file(finetune))) if finetune else None
    origin = _origin(finetune) if finetune else ""
    if int(os.environ.get("RANK", "0")) > 0:
        loop.train(config, run, start_from=weights, started_from=origin)
        return
    console = Console()
    with SummaryWriter(str(run / "tensorboard")) as writer, _bar(console) as bar:
        watcher = _Watcher(config, console, bar, writer)
        try:
            loop.train(config, run, start_from=weights, started_from=origin, watch=watcher.show)
        except KeyboardInterrupt:
            console.print(f"Stopped. Go on with: antiphon-train run ... -o {run} --resume")
            raise SystemExit(130) from None


def weights_file(source: Path) -> Path:
    """Return the weights inside a run's folder or a bundle."""
    for name in ("ema.safetensors", "weights.safetensors"):
        if (source / name).exists():
            return source / name
    raise ConfigError(f"{source}: neither a run nor a bundle; its folder should hold weights.safetensors")


def _origin(source: Path) -> str:
    """Name fine-tuning's start by its weights, so that the record holds whatever the folder is called."""
    digest = hashlib.sha256(weights_file(source).read_bytes()).hexdigest()
    return f"{source.name}, weights sha256 {digest}"


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
    """Shows steps on the bar and keeps the curves."""

    def __init__(self, config: RunConfig, console: Console, bar: Progress, writer: SummaryWriter) -> None:
        self.config, self.console, self.bar, self.writer = config, console, bar, writer
        self.task = bar.add_task(config.name, total=config.optim.steps, state="")

    def show(self, progress: loop.Progress) -> None:
        """Take in one step."""
        step, terms = progress.step, progress.terms
        if step % EVERY_STEPS == 0:
            state = (
                f"nll {float(terms.reconstruction_nats):.2f} nats  kl {float(terms.kl_bits):.1f} bits  "
                f"{progress.sequences_per_second:.0f} seq/s"
            )
            self.bar.update(self.task, completed=step, state=state)
            self.writer.add_scalar("train/reconstruction_nats", float(terms.reconstruction_nats), step)
            self.writer.add_scalar("train/kl_bits", float(terms.kl_bits), step)
            self.writer.add_scalar("train/loss", float(terms.loss), step)
        if progress.metrics:
            self._show_metrics(progress)
            self._draw(progress)

    def _draw(self, progress: loop.Progress) -> None:
        """Keep pictures of reconstructions and, where there is a latent space, of walks in it."""
        model, corpus, split = progress.model, progress.corpus, progress.metrics["split"]
        spec = representation(self.config.model.representation, self.config.model.window_bars)
        if isinstance(model, Words):
            return
        figure = reconstruction_picture(model, corpus, spec, split, PICTURED)
        self.writer.add_figure("reconstruction", figure, progress.step)
        if isinstance(model, VAE):
            strip = interpolation_picture(model, corpus, spec, split, PICTURED)
            if strip is not None:
                self.writer.add_figure("interpolation", strip, progress.step)

    def _show_metrics(self, progress: loop.Progress) -> None:
        numbers = {k: v for k, v in progress.metrics.items() if isinstance(v, int | float)}
        for name, value in numbers.items():
            self.writer.add_scalar(f"{progress.metrics['split']}/{name}", value, progress.step)
        if progress.metrics["split"] != "valid":
            self.console.print("No work is held out in this corpus: the numbers are of the training data.")
        shown = "  ".join(f"{name} {numbers[name]:.3f}" for name in SHOWN if name in numbers)
        self.console.print(f"step {progress.step}  {shown}")
