"""Weights of a run's folder, a bundle (a folder or a .zip) or a single file, read as plain data."""

import hashlib
import json
import pickle
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import torch
from torch import Tensor

from engine.installed_bundles import installed
from training.config import ModelConfig
from training.errors import ConfigError
from training.weights import unpacked

RUN_CONFIG, RUN_RECORD, BUNDLE_MANIFEST = "config.json", "run.json", "bundle.json"
RUN_WEIGHTS, BUNDLE_WEIGHTS = "ema.safetensors", "weights.safetensors"
ORIGIN = ", weights sha256 "
WANTED = "give a run, a bundle (folder, .zip or its installed name), a checkpoint.pt or a .safetensors"


def read_part(place: Path, name: str) -> bytes | None:
    """Return a file of a folder or of a .zip by its name, None where there is none.

    Raises:
        ConfigError: it cannot be read.
    """
    try:
        if place.is_dir():
            return (place / name).read_bytes() if (place / name).is_file() else None
        with zipfile.ZipFile(place) as archive:
            found = [entry for entry in archive.namelist() if Path(entry).name == name]
            return archive.read(found[0]) if found else None
    except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise ConfigError(f"{place}: {name} cannot be read ({error})") from error


def bundle_part(bundle: Path, name: str) -> bytes | None:
    """Read a file of a bundle, which must be the one that its manifest lists; None where there is none.

    Raises:
        ConfigError: it or the manifest cannot be read, or it was changed.
    """
    data, manifest = read_part(bundle, name), read_part(bundle, BUNDLE_MANIFEST)
    if data is None or manifest is None:
        return data
    try:
        listed = json.loads(manifest)["files"][name]["sha256"]
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigError(
            f"{bundle}: {BUNDLE_MANIFEST} is damaged ({error}); get the bundle again"
        ) from error
    if hashlib.sha256(data).hexdigest() != listed:
        raise ConfigError(f"{bundle}: {name}: sha256 differs from {BUNDLE_MANIFEST}; get the bundle again")
    return data


@dataclass(frozen=True, slots=True, eq=False)
class Start:
    """Weights that a run begins with."""

    weights: dict[str, Tensor]
    """Float32, by the names of the model's `state_dict`."""
    origin: str
    """Name and hash of the weights, so that the record holds whatever the file is called."""
    model: ModelConfig | None
    """What they were trained as, where that is known."""
    beta: float | None
    """Weight of the KL term that they were trained to, where that is known."""


def located(place: Path) -> Path:
    """Return a place that is there, else that of the installed bundle of this name, if there is one."""
    return place if place.exists() else installed().get(str(place), place)


def load_start(place: Path) -> Start:
    """Read what fine-tuning begins with.

    Args:
        place: the folder of a run, a bundle (a folder or a .zip) or the name of an installed one, a
            `checkpoint.pt` or a `.safetensors` file.

    Raises:
        ConfigError: there are no weights there, or they are damaged.
    """
    place = located(place)
    if not place.exists():
        raise ConfigError(f"{place}: no such file or folder, and no installed model; {WANTED}")
    if place.is_dir() or _is_bundle_archive(place):
        data = read_part(place, RUN_WEIGHTS) or bundle_part(place, BUNDLE_WEIGHTS)
        if data is None:
            raise ConfigError(
                f"{place}: holds neither {RUN_WEIGHTS} nor {BUNDLE_WEIGHTS}; give a run or a bundle"
            )
        return Start(_tensors(place, data), _origin(place, data), *_trained_as(place))
    data = place.read_bytes()
    if place.suffix == ".safetensors":
        return Start(_tensors(place, data), _origin(place, data), None, None)
    checkpoint = load_checkpoint_file(place, torch.device("cpu"), WANTED)
    weights = checkpoint.get("ema")
    if not isinstance(weights, dict) or not all(isinstance(value, Tensor) for value in weights.values()):
        raise ConfigError(f"{place}: is no checkpoint of a run; {WANTED}")
    return Start(weights, _origin(place, data), None, checkpoint.get("beta"))


def check_start(start: Start, model: torch.nn.Module, config: ModelConfig) -> None:
    """Refuse weights of other sizes.

    Raises:
        ConfigError: names what differs, in the config's words where the start's config is known.
    """
    own = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    theirs = {name: tuple(value.shape) for name, value in start.weights.items()}
    if own == theirs:
        return
    differing = config_differences(start.model, config) if start.model else ""
    if not differing:
        name = next(name for name in sorted({**own, **theirs}) if own.get(name) != theirs.get(name))
        differing = f"{name} is {theirs.get(name, 'not there')} there and {own.get(name, 'not there')} here"
    raise ConfigError(
        f"{start.origin.split(ORIGIN)[0]}: does not fit the config ({differing}); give the config it was "
        "trained with"
    )


def config_differences(one: msgspec.Struct, other: msgspec.Struct) -> str:
    """Return what differs between two tables, as `z_size is 128 there and 64 here`."""
    there, here = _flat(msgspec.to_builtins(one)), _flat(msgspec.to_builtins(other))
    return ", ".join(
        f"{name} is {there.get(name)} there and {here.get(name)} here"
        for name in here
        if there.get(name) != here[name]
    )


def load_checkpoint_file(file: Path, device: torch.device, remedy: str) -> dict[str, Any]:
    """Read a file that `torch.save` wrote, without running any code in it; its checksums are verified.

    Args:
        file: where it is.
        device: where its tensors go.
        remedy: what to do if it cannot be used.

    Raises:
        ConfigError: it is damaged or something else.
    """
    try:
        with zipfile.ZipFile(file) as archive:  # torch itself does not look at the checksums
            whole = archive.testzip() is None
        content = torch.load(file, map_location=device, weights_only=True) if whole else None
    except _UNREADABLE:
        content = None
    if not isinstance(content, dict):
        fault = "is damaged or no checkpoint" if content is None else "is no checkpoint of a run"
        raise ConfigError(f"{file}: {fault}; {remedy}")
    return content


_UNREADABLE = (
    RuntimeError,
    EOFError,
    ValueError,
    KeyError,
    OSError,
    NotImplementedError,
    pickle.UnpicklingError,
    zipfile.BadZipFile,
    zlib.error,
)


def _is_bundle_archive(place: Path) -> bool:
    """Distinguish a bundle's .zip from a checkpoint, which is a zip file too."""
    if not zipfile.is_zipfile(place):
        return False
    with zipfile.ZipFile(place) as archive:
        return any(Path(name).name == BUNDLE_MANIFEST for name in archive.namelist())


def _tensors(place: Path, data: bytes) -> dict[str, Tensor]:
    try:
        return {name: value.float() for name, value in unpacked(data).items()}
    except ValueError as error:
        raise ConfigError(f"{place}: its weights are damaged ({error}); {WANTED}") from error


def _origin(place: Path, data: bytes) -> str:
    return f"{place.name}{ORIGIN}{hashlib.sha256(data).hexdigest()}"


def _trained_as(place: Path) -> tuple[ModelConfig | None, float | None]:
    """Return what a run or bundle says its model is, and its beta; None where that cannot be read."""
    try:
        own, manifest, record = (
            json.loads(read_part(place, name) or b"{}") for name in (RUN_CONFIG, BUNDLE_MANIFEST, RUN_RECORD)
        )
        config = own or manifest["training"]["config"]
        model = msgspec.convert(config["model"], ModelConfig)
        beta = record.get("beta", config.get("loss", {}).get("beta"))
        return model, None if beta is None else float(beta)
    except (AttributeError, KeyError, TypeError, ValueError, msgspec.MsgspecError):
        return None, None


def _flat(table: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in table.items():
        found |= _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value}
    return found
