"""Which kinds of model and of loss a setting counts for; training/config.py says it beside each setting.

A setting without a `Use` always counts. One that does not count for the run that a config describes must
be left out, or say what is so without it (its default, or its `off`): it is refused and never ignored.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, get_type_hints

import msgspec

if TYPE_CHECKING:
    from training.config import ModelConfig, RunConfig


@dataclass(frozen=True, slots=True)
class Use:
    """What a setting, or every setting of a table, is for."""

    wanted: str
    """In the config's words, after "is for"."""
    counts: "Callable[[RunConfig], bool]"
    off: object = None
    """A value that says the same as leaving the setting out, where that is not its default."""
    items: tuple[int, ...] = ()
    """Places of a list that it is about; empty is the whole setting."""


class Unused(NamedTuple):
    """A setting that does not count."""

    name: str
    """Dotted, as in `loss.keys`."""
    wanted: str
    """What it is for."""
    instead: Any
    """A value that says what is so without it."""


def unused_settings(config: "RunConfig") -> Iterator[Unused]:
    """Yield the settings of a run that were given a value and do not count for it."""
    yield from _unused(config, type(config)(name="", corpus=""), config, "", ())


def _unused(
    table: msgspec.Struct, usual: msgspec.Struct, run: "RunConfig", before: str, above: tuple[Use, ...]
) -> Iterator[Unused]:
    hints = get_type_hints(type(table), include_extras=True)
    for field in table.__struct_fields__:
        uses = (*above, *(u for u in getattr(hints[field], "__metadata__", ()) if isinstance(u, Use)))
        value, default = getattr(table, field), getattr(usual, field)
        if isinstance(value, msgspec.Struct):
            fresh = default if isinstance(default, msgspec.Struct) else type(value)()
            yield from _unused(value, fresh, run, f"{before}{field}.", uses)
            continue
        for use in uses:
            if not use.counts(run) and _says_something(value, default, use):
                yield Unused(f"{before}{field}", use.wanted, use.off if default is None else default)
                break


def _says_something(value: Any, default: Any, use: Use) -> bool:
    if use.items:
        return any(value[place] not in (default[place], use.off) for place in use.items)
    return value != default and (use.off is None or value != use.off)


def _plain(model: "ModelConfig") -> bool:
    """Return whether it is the autoencoder of training/models/vae.py."""
    return (
        model.words is None
        and model.accompaniment is None
        and model.key_chain is None
        and model.task != "continue"
    )


def _grus(model: "ModelConfig") -> bool:
    """Return whether it is the continuation of training/models/seq2seq.py."""
    return model.task == "continue" and model.key_chain is None


def _with_words(model: "ModelConfig") -> bool:
    """Return whether words are trained, and not sentences over them."""
    return model.words is not None and model.sentences is None


def _fed_back(run: "RunConfig") -> bool:
    return _grus(run.model) or (_plain(run.model) and run.model.decoder.fed_back)


def _has_latent(run: "RunConfig") -> bool:
    return _plain(run.model) or _with_words(run.model) or run.model.accompaniment is not None


def _melody_words(run: "RunConfig") -> bool:
    return _with_words(run.model) and run.model.representation == "melody"


def _keys_one_by_one(run: "RunConfig") -> bool:
    return run.model.representation == "pianoroll" and (_plain(run.model) or _grus(run.model))


def _own(run: "RunConfig", *schedules: str) -> bool:
    return _fed_back(run) and run.loss.own_share > 0 and run.loss.own_schedule in schedules


PLAIN = Use(
    "the autoencoder, not for model.words, model.key_chain, model.accompaniment or task continue",
    lambda run: _plain(run.model),
)
GRUS = Use("task continue without model.key_chain", lambda run: _grus(run.model))
ENCODER_MIXER = Use('model.encoder.kind = "mixer"', lambda run: run.model.encoder.kind == "mixer")
ENCODER_LSTM = Use(
    'model.encoder.kind = "bilstm" or "hier_bilstm"', lambda run: run.model.encoder.kind != "mixer"
)
DECODER_MIXER = Use('model.decoder.kind = "mixer"', lambda run: run.model.decoder.kind == "mixer")
DECODER_BARS = Use('model.decoder.kind = "mixer" or "lstm"', lambda run: run.model.decoder.kind != "flat")
DECODER_LSTM = Use('model.decoder.kind = "lstm"', lambda run: run.model.decoder.kind == "lstm")
PITCHED = Use(
    "models with pitches, not for drums and grooves",
    lambda run: run.model.representation not in ("drums", "groove"),
    off=0,
)
LATENT = Use("models with a latent space, not for task continue or model.sentences", _has_latent)
WARMED_UP = Use(
    "models with a latent space, and loss.beta_rate = 0",
    lambda run: _has_latent(run) and run.loss.beta_rate == 0,
    off=0,
)
FED_BACK_WANTED = (
    "decoders that are fed what they wrote: the autoencoder's (with model.decoder.fed_back) and that of two "
    "GRUs of task continue"
)
FED_BACK = Use(FED_BACK_WANTED, _fed_back, off=0.0)
TEACHER_FORCED = Use(FED_BACK_WANTED, _fed_back, off=1.0)
OWN = Use(
    "loss.own_share above 0", lambda run: _own(run, "linear", "constant", "inverse_sigmoid", "exponential")
)
OWN_LINEAR = Use('loss.own_share above 0 with loss.own_schedule = "linear"', lambda run: _own(run, "linear"))
OWN_RATE = Use(
    'loss.own_share above 0 with loss.own_schedule = "inverse_sigmoid" or "exponential"',
    lambda run: _own(run, "inverse_sigmoid", "exponential"),
)
STREAMS = Use(
    "autoencoders of melody, drums or trio",
    lambda run: _plain(run.model) and run.model.representation in ("melody", "drums", "trio"),
)
FINE = Use(
    "models of words (without model.sentences) and accompaniments",
    lambda run: _with_words(run.model) or run.model.accompaniment is not None,
)
HALVES = Use(
    "models of words (its second and third share: an accompaniment's latent has no halves; give 0 for both)",
    lambda run: run.model.accompaniment is None,
    off=0.0,
    items=(1, 2),
)
SURROUNDED = Use(
    "models of words of a melody (without model.sentences) and accompaniments",
    lambda run: _melody_words(run) or run.model.accompaniment is not None,
)
MELODY_WORDS = Use("models of words of a melody (without model.sentences)", _melody_words)
ACCOMPANIMENT = Use("task accompany", lambda run: run.model.accompaniment is not None)
DRUMMED = Use(
    "representations drums and groove", lambda run: run.model.representation in ("drums", "groove"), off=0.0
)
GROOVE = Use("representation groove", lambda run: run.model.representation == "groove")
CONDITIONED = Use(
    "grooves with model.told",
    lambda run: run.model.told is not None,
)
KEYS_WANTED = (
    "piano rolls whose keys are decided one by one: the autoencoder and the two GRUs of task continue"
)
KEYS = Use(KEYS_WANTED, _keys_one_by_one)
FOCAL = Use(
    'loss.keys = "focal" or "focal_plus", which are for ' + KEYS_WANTED,
    lambda run: _keys_one_by_one(run) and run.loss.keys != "bce",
)
EXPONENTIAL = Use('optim.schedule = "exponential"', lambda run: run.optim.schedule == "exponential")
