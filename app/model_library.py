"""The models that a session can load, and which of them does a mode."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from app.cli_options import DEFAULT_MODEL
from app.compose import LiveOptions, load_model
from app.installed_bundles import BundleCard, card_of, installed, task_of
from engine.modes.catalogue import TOOLS
from engine.session.document import Document, ModelReference

if TYPE_CHECKING:  # onnxruntime takes its time to load
    from engine.inference.model import Model


class InstalledModels:
    """The models a player can choose from: those installed, and the one the command line named."""

    def __init__(self, options: LiveOptions) -> None:
        self._options = options

    def tasks(self) -> dict[str, str]:
        """Return the task of each by what to load it by."""
        return {name: task_of(path) for name, path in self._found().items()}

    def cards(self) -> list[BundleCard]:
        """Return what each says of itself; its name is what to load it by."""
        return [card_of(name, path) for name, path in self._found().items()]

    def _found(self) -> dict[str, Path]:
        found, named = _usual_first(installed()), self._options.model
        return found if named is None or named in found else {**found, named: Path(named)}

    def load(self, reference: str) -> "Model":
        """Load one in the precision the command line asked for; raises `BundleError`."""
        return load_model(replace(self._options, model=reference))


def _usual_first(found: Mapping[str, Path]) -> dict[str, Path]:
    """Return bundles with the usual one in front: of several that do a mode it is taken."""
    return dict(sorted(found.items(), key=lambda each: each[0] != DEFAULT_MODEL))


def model_for(document: Document) -> ModelReference:
    """Return a model that does the document's mode: its own, else the first that is installed."""
    task = TOOLS[document.controls.mode].task
    own = document.model.name
    if task_of(installed().get(own, Path(own))) == task:
        return document.model
    fitting = [name for name, path in _usual_first(installed()).items() if task_of(path) == task]
    return ModelReference(fitting[0]) if fitting else document.model
