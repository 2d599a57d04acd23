"""Proof that graphs do what torch does, whatever the model: the same latents, and the same choices.

Both sides sum float32 numbers in different orders, so where two choices are nearly equally good they
may part. Such a near tie is allowed, and counted, only where torch's own logits are closer than
`NEAR_TIE`; whatever follows it is not compared, since it was fed another choice.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from engine.text import counted
from export.errors import ExportError

BATCHES = (1, 3, 64)
TEMPERATURES = (0.0, 1.0)
NEAR_TIE = 1e-4
"""Largest margin between the two best logits at which the sides may choose differently."""
LARGEST_TIE_SHARE = 1e-3
"""More near ties than this among all choices are no accident."""
LATENT_TOLERANCE = 1e-4
"""Largest difference of mu or sigma, relative to 1 or to the largest value."""
FRAME_TOLERANCE = 1e-4
"""Largest difference of a groove's velocity or offset."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How two decodings of the same samples compare."""

    choices: int
    """Tokens or frames compared."""
    same: int
    """Those that are equal, whatever went before."""
    same_phrases: float
    """Share of whole phrases that are equal, 0 to 1."""
    near_ties: int
    """First differences of a row that are near ties of torch's logits."""
    faults: int
    """First differences that are not."""
    frame_error: float
    """Largest difference of a velocity or offset in frames whose hits agree."""

    @staticmethod
    def of(differs: Tensor, first: Tensor, near: Tensor, frame_error: float = 0.0) -> "Agreement":
        """Count how two decodings compare.

        Args:
            differs: bool `[B, T, ...]`, choices that differ.
            first: bool, those of them that nothing was fed before which differs.
            near: bool, of the shape of `first` or one that it is spread over, near ties of torch's logits.
            frame_error: see the field.
        """
        return Agreement(
            choices=differs.numel(),
            same=int((~differs).sum()),
            same_phrases=float((~differs).flatten(1).all(1).float().mean()),
            near_ties=int((first & near).sum()),
            faults=int((first & ~near).sum()),
            frame_error=frame_error,
        )

    def joined(self, other: "Agreement") -> "Agreement":
        """Return both together."""
        total = self.choices + other.choices
        return Agreement(
            total,
            self.same + other.same,
            (self.same_phrases * self.choices + other.same_phrases * other.choices) / total,
            self.near_ties + other.near_ties,
            self.faults + other.faults,
            max(self.frame_error, other.frame_error),
        )


def together(parts: Sequence[Agreement]) -> Agreement:
    """Return the agreement of several samples in one."""
    total = parts[0]
    for part in parts[1:]:
        total = total.joined(part)
    return total


def _checked(total: Agreement) -> Agreement:
    """Refuse more differences than near ties explain, and velocities or offsets that are off.

    Raises:
        ExportError: there are.
    """
    if total.faults or total.near_ties > LARGEST_TIE_SHARE * total.choices + 1:
        raise ExportError(
            f"decoder: {total.choices - total.same} of {counted(total.choices, 'choice')} differ "
            "between torch and "
            f"ONNX Runtime ({total.faults} not near ties); report it with the run's config"
        )
    if total.frame_error > FRAME_TOLERANCE:
        raise ExportError(
            f"decoder: velocities or offsets differ by up to {total.frame_error:.1e} between torch and "
            f"ONNX Runtime (allowed {FRAME_TOLERANCE:.0e}); report it with the run's config"
        )
    return total


@dataclass(frozen=True, slots=True)
class LatentError:
    """How far two encodings of the same phrases are apart, relative to 1 or to the largest value."""

    mu: float
    sigma: float

    @staticmethod
    def of(ours: Iterable[Tensor], theirs: Iterable[npt.NDArray[np.float32]]) -> "LatentError":
        """Compare mu and sigma `[B, Z]` of both sides."""
        return LatentError(
            *(
                float(np.abs(a.numpy() - b).max()) / max(1.0, float(a.abs().max()))
                for a, b in zip(ours, theirs, strict=True)
            )
        )


def proven(latents: Sequence[LatentError], decoded: Sequence[Agreement]) -> dict[str, float]:
    """Refuse graphs that are not torch's; return what was measured, by the manifest's names.

    Raises:
        ExportError: they differ by more than near ties.
    """
    mu, sigma = max(error.mu for error in latents), max(error.sigma for error in latents)
    if max(mu, sigma) > LATENT_TOLERANCE:
        raise ExportError(
            f"encoder: mu differs by {mu:.1e} and sigma by {sigma:.1e} between torch and ONNX "
            f"Runtime (allowed {LATENT_TOLERANCE:.0e}); report it with the run's config"
        )
    total = _checked(together(decoded))
    return {
        "float_mu_error": mu,
        "float_sigma_error": sigma,
        "float_choices": total.choices,
        "float_same_choices": total.same / total.choices,
        "float_near_ties": total.near_ties,
        "float_frame_error": total.frame_error,
    }


def gumbel(shape: Sequence[int], generator: torch.Generator) -> Tensor:
    """Return noise that draws one of several tokens when it is added to their logits."""
    return -(-_uniform(shape, generator).log()).log()


def logistic(shape: Sequence[int], generator: torch.Generator) -> Tensor:
    """Return noise that draws yes or no when it is added to a logit."""
    return _uniform(shape, generator).logit()


def _uniform(shape: Sequence[int], generator: torch.Generator) -> Tensor:
    return torch.rand(*shape, generator=generator).clamp(1e-6, 1 - 1e-6)
