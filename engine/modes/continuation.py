"""Continue: what follows the bars that were played."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from engine.inference import perturbation
from engine.inference.bundle.manifest import decides_keys_alone
from engine.inference.controls import Controls
from engine.inference.latent_space import Floats, prior_draw
from engine.inference.slots import LatentModel, Slot
from engine.modes import stretches, themes
from engine.modes.base import Plan, Planner, harmony_of, typed_chords
from engine.modes.sentence import in_the_manner_of, plan_continuations
from engine.music.representation import representation

if TYPE_CHECKING:  # how a bundle is read and checked is not needed before one is
    from engine.inference.bundle.store import Bundle

REST_NATS = np.float32(4.0)
"""Against every key in the rest of a bar of another metre: a key that is held goes on, none begins."""


class ContinuePlanner(Planner):
    """Writes `bars` bars from the state that the source, nothing or a random draw leaves the model in.

    Density and polyphony stay near what was heard (`engine.modes.stretches`). A model of sentences goes on
    from the words heard (`engine.modes.sentence`).
    """

    def plans(self, model: LatentModel, slots: Mapping[str, Slot], takes: Sequence[Controls]) -> list[Plan]:
        """Prepare continuations; by a model of sentences those that start alike are written side by side."""
        alike = len({(controls.source, controls.start) for controls in takes}) == 1
        if model.bundle.manifest.sentence is None or not alike:
            return super().plans(model, slots, takes)
        source = slots.get(takes[0].source) if takes[0].start == "guided" else None
        return plan_continuations(model, source, takes)

    def plan(self, model: LatentModel, slots: Mapping[str, Slot], controls: Controls) -> Plan:
        """Return the plan of a continuation, which is written whole here but for models of sentences."""
        if model.bundle.manifest.sentence is not None:
            return self.plans(model, slots, (controls,))[0]
        source, spoken = slots.get(controls.source), model.representation
        written = representation(spoken.name, controls.bars or spoken.bars, spoken.grid)
        bias = perturbation.constrain(written, controls.constraints, None)
        heard = [] if source is None else [source]
        key = None if source is None else source.key
        chords = typed_chords(controls, written.bars, written.grid.metre)
        strikes = harmony_of(written, controls.constraints, key, chords, heard)
        noise = perturbation.noise(written, controls.seed)
        frames = _written(model, source, controls, bias, strikes, noise)
        played = None if source is None else source.phrase
        return Plan.done(in_the_manner_of(written.decode(frames), played))


def _written(
    model: LatentModel,
    source: Slot | None,
    controls: Controls,
    bias: Floats,
    strikes: Floats,
    noise: Floats,
) -> npt.NDArray[Any]:
    """Write `[U, 88]` frames in the way that the model is made for and the controls ask for.

    Key and chords, `strikes`, say what may begin; a model that decides each key alone takes them for all that
    sounds.
    """
    state = _start_state(model.bundle, source, controls)
    if decides_keys_alone(model.bundle.manifest):
        bias = bias + strikes
        if controls.threshold:
            return stretches.write_above(model, state, bias, controls.threshold)
        heard, heat = (
            None if source is None else source.tensor,
            stretches.temperature_of(controls.temperature),
        )
        return stretches.write_on(model, state, heard, bias, noise, heat)
    nothing = np.zeros((0, bias.shape[1]), np.float32)
    follows = source is not None and controls.start == "guided"
    wanted = None if source is None else stretches.Density.of(source.tensor, nothing.sum(axis=0))
    start = themes.Start(state, source.tensor if source is not None and follows else nothing, wanted)
    heat = themes.temperature_of(controls.temperature)
    begins = strikes + _at_rest(source, len(bias))
    return themes.write_themes(model, start, bias, noise, heat, controls.seed, begins)


def _at_rest(source: Slot | None, steps: int) -> Floats:
    """Return the bias `[U, 1]` that lets next to nothing begin where bars of another metre leave a rest."""
    if source is None or source.rest is None:
        return np.zeros((steps, 1), np.float32)
    lean = np.where(source.rest, -REST_NATS, np.float32(0))
    return np.resize(lean, steps)[:, None].astype(np.float32)


def _start_state(bundle: "Bundle", source: Slot | None, controls: Controls) -> Floats:
    """Return the state `[Z]` a continuation goes on from; that of a GRU stays within -1 to 1."""
    if controls.start == "guided" and source is not None:
        return source.mu
    if controls.start == "random":
        return np.clip(prior_draw(bundle.latents, controls.seed), -1, 1)
    return np.zeros(bundle.manifest.z_size, np.float32)
