"""The models that a session can load, and which of them does a mode."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from app.bundle_cards import BundleCard, card_of
from app.default_models import DEFAULT_MODEL
from engine.inference.controls import Mode
from engine.installed_bundles import find_bundle, installed
from engine.session.document import Document, ModelReference

if TYPE_CHECKING:  # onnxruntime takes its time to load
    from engine.inference.model import Model


class InstalledModels:
    """The models a player can choose from: those installed, and the one the command line named."""

    def __init__(self, named: str | None = None, precision: str | None = None) -> None:
        self._named = named
        self._precision = precision
        self._cards: dict[str, BundleCard] | None = None

    def modes(self) -> dict[str, tuple[Mode, ...]]:
        """Return what each can be asked for, by what to load it by."""
        return {name: card.modes for name, card in self._read().items()}

    def cards(self) -> list[BundleCard]:
        """Return what each says of itself; its name is what to load it by."""
        return list(self._read().values())

    def _read(self) -> dict[str, BundleCard]:
        """Return the cards by what to load each by, read once: they do not change while the program runs."""
        if self._cards is None:
            found = _usual_first(installed())
            if self._named is not None:
                found.setdefault(self._named, Path(self._named))
            self._cards = {name: card_of(name, path) for name, path in found.items()}
        return self._cards

    def load(self, reference: str) -> "Model":
        """Load one in the precision the command line asked for; raises `BundleError`."""
        return load_model(reference, self._precision)


def load_model(reference: str | None, precision: str | None) -> "Model":
    """Load a model by name or path, None for the usual one; raises `BundleError` if none fits."""
    from engine.inference import trial

    found = find_bundle(reference or DEFAULT_MODEL)
    return trial.load_model(found, precision=precision)  # type: ignore[arg-type]


def _usual_first(found: Mapping[str, Path]) -> dict[str, Path]:
    """Return bundles with the usual one in front: of several that do a mode it is taken."""
    return dict(sorted(found.items(), key=lambda each: each[0] != DEFAULT_MODEL))


def model_for(document: Document) -> ModelReference:
    """Return a model that does the document's mode: its own, else the first that is installed."""
    mode, own = document.controls.mode, document.model.name
    if mode in card_of(own, installed().get(own, Path(own))).modes:
        return document.model
    fitting = [name for name, path in _usual_first(installed()).items() if mode in card_of(name, path).modes]
    return ModelReference(fitting[0]) if fitting else document.model
