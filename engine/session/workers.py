"""What is computed beside the music: answers, takes and replays on one thread, styles and models on others.

The session hands work over and is given intents, on the thread that has done it: what was found, or why it
failed. No work raises.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from engine.errors import AntiphonError
from engine.inference.controls import Mode
from engine.session import intents as i
from engine.session.autosave import Autosave
from engine.session.intents import Intent
from engine.session.jobs import Jobs
from engine.session.request import Request
from engine.session.state import ReadStyle, RenderTakes, Replay
from engine.session.style_reader import StyleReader

if TYPE_CHECKING:  # numpy and onnxruntime take their time to load; the window need not wait for them
    from engine.inference.model import Model
    from engine.session.renderer import Renderer

KINDS_OF_JOB = ("answer", "takes", "replay")
"""What the inference thread does, the most urgent first."""


class Library(Protocol):
    """The models that can be loaded."""

    def modes(self) -> Mapping[str, tuple[Mode, ...]]:
        """Return what each can be asked for, by what to load it by."""

    def load(self, reference: str) -> "Model":
        """Load one; AntiphonError if it cannot be. Called from a thread of its own."""


class Workers:
    """Runs the work of a session; the newest of each kind takes the place of those that wait."""

    def __init__(
        self, library: Library | None, report: Callable[[Intent], None], now_ns: Callable[[], int]
    ) -> None:
        """Start the inference thread.

        Args:
            library: where models come from.
            report: takes what was found, or why it failed; any thread.
            now_ns: the session's clock.
        """
        self._library, self._report, self._now_ns = library, report, now_ns
        self._jobs = Jobs(KINDS_OF_JOB)
        self._styles = StyleReader(report)
        self._logged_models: dict[str, Model] = {}

    def answer(self, request: Request, model: "Model | None") -> None:
        """Compute an answer."""
        self._jobs.submit("answer", lambda: self._answer(request, model))

    def compute_takes(self, wanted: RenderTakes, model: "Model | None") -> None:
        """Compute takes beside an answer."""
        self._jobs.submit("takes", lambda: self._takes(wanted, model))

    def replay(self, wanted: Replay, path: Path, autosave: Autosave | None, model: "Model | None") -> None:
        """Put music of a performance together out of the log of a session's file.

        Args:
            wanted: what of it.
            path: the session's file.
            autosave: what writes the log, which is to be written first; None where nothing does.
            model: the one that is loaded.
        """
        self._jobs.submit("replay", lambda: self._replay(wanted, path, autosave, model))

    def read_style(self, wanted: ReadStyle) -> None:
        """Learn a style from files in place of those that are being read; without any, end that."""
        self._styles.read(wanted)

    def load(self, reference: str, use: Callable[["Model", str], None]) -> None:
        """Load a model on a thread of its own, and hand it to `use` there."""
        # No daemon: one that is inside onnxruntime when Python ends would abort the program.
        threading.Thread(target=self._load, args=(reference, use), name="model-load").start()

    def wait_idle(self, timeout_s: float) -> bool:
        """Wait until no file is read and the inference thread has nothing to do; False if time ran out."""
        return self._styles.wait_idle(timeout_s) and self._jobs.wait_idle(timeout_s)

    def close(self) -> None:
        """Drop what waits and end the threads. Closing twice is harmless."""
        self._jobs.close()
        self._styles.close()

    @cached_property
    def _renderer(self) -> "Renderer":
        """Made by the inference thread: numpy and all that plans an answer are loaded with it."""
        from engine.session.renderer import Renderer

        return Renderer()

    def _answer(self, request: Request, model: "Model | None") -> Iterator[None]:
        """Compute an answer in one slice."""
        yield from ()
        try:
            phrase = self._renderer.answer(model, request)
        except AntiphonError as error:
            self._report(i.Failed(str(error)))
        except Exception as error:  # a defect must not end the thread that makes the music
            self._report(i.Failed(f"the model failed: {type(error).__name__}: {error}"))
        else:
            took_ms = (self._now_ns() - request.asked_ns) / 1e6
            self._report(i.Answered(request, phrase, took_ms, self._renderer.unheard()))

    def _takes(self, wanted: RenderTakes, model: "Model | None") -> Iterator[None]:
        """Compute takes, a few a slice."""
        if model is None:
            return
        try:
            takes = yield from self._renderer.takes(model, wanted.request, wanted.count)
        except Exception as error:  # the answer says what is wrong with model or controls
            takes = ()
            self._report(i.Noticed("takes", f"There are no takes to show: {error}", ""))
        self._report(i.TakesComputed(wanted.request, takes))

    def _replay(
        self, wanted: Replay, path: Path, autosave: Autosave | None, model: "Model | None"
    ) -> Iterator[None]:
        """Put music of this performance together, one answer a slice."""
        try:
            if autosave is not None:
                autosave.hurry()
                yield from autosave.written()
            from engine.session.replay_job import put_together  # a start need not wait for it

            phrase = yield from put_together(
                wanted,
                path,
                lambda reference, bundle_hash: self._logged_model(reference, bundle_hash, model),
                lambda text: self._report(i.Noticed("replay", text, "", "waiting")),
            )
            self._report(i.Replayed(phrase))
        except AntiphonError as error:
            self._report(i.Noticed("replay", f"{error}.", "Choose another bar, or change nothing."))

    def _logged_model(self, reference: str, bundle_hash: str, present: "Model | None") -> "Model":
        """Return the model that an answer of the log was made with: the present one if it is that."""
        if present is not None and bundle_hash in (present.bundle.hash, present.name):
            return present
        if reference not in self._logged_models:
            self._logged_models[reference] = self._loaded(reference)
        return self._logged_models[reference]

    def _loaded(self, reference: str) -> "Model":
        if self._library is None:
            raise AntiphonError(f'model "{reference}" cannot be loaded here')
        return self._library.load(reference)

    def _load(self, reference: str, use: Callable[["Model", str], None]) -> None:
        try:
            model = self._loaded(reference)
        except AntiphonError as error:
            self._report(i.ModelRefused(str(error)))
            return
        except Exception as error:  # a thread that dies silently would leave the model loading for ever
            self._report(i.ModelRefused(f"the model cannot be loaded: {type(error).__name__}: {error}"))
            return
        use(model, reference)
        import engine.session.renderer  # noqa: F401 - what its first answer needs, while nobody waits yet
