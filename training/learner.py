"""What learns: a model, the average of its weights, the optimiser and the sampler, one step at a time.

Everything random in a step is drawn from (seed, step), so a run that was killed goes on to the
same numbers, and several ranks do together what one process does alone.
"""

import copy
from dataclasses import replace
from typing import Any

import torch
from torch.nn.utils import clip_grad_norm_

from training import schedules
from training.config import RunConfig
from training.corpus.joined import JoinedCorpora
from training.distributed import Ranks
from training.encoder_input import heard_and_target
from training.memory import check_memory
from training.model_files import Start, check_start
from training.models.build import build_model, build_objective, latent_size, whole_start
from training.models.losses import Noise, Terms, choices_of


class Learner:
    """What a step changes, and what a checkpoint keeps of it."""

    def __init__(self, config: RunConfig, team: Ranks, corpora: JoinedCorpora, start: Start | None) -> None:
        """Build the model, with the weights of `start` where there is one, and what trains it.

        Raises:
            ConfigError: the weights do not fit the model, or a step takes more memory than there is.
        """
        self.config, self.team, self.corpora = config, team, corpora
        torch.manual_seed(config.seed)
        self.model = build_model(config.model).to(team.device)
        self.started_from, self.first_beta = "", 0.0
        if start is not None:
            start = replace(start, weights=whole_start(self.model, start.weights))
            check_start(start, self.model, config.model)
            self.model.load_state_dict(start.weights)
            self.started_from = start.origin
            self.first_beta = config.loss.beta if start.beta is None else start.beta
        check_memory(self.model, config, corpora.first, team.world_size)
        self.average = copy.deepcopy(self.model).requires_grad_(False)
        self.objective = team.wrap(build_objective(self.model, config.loss))
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(), betas=(0.9, 0.98), weight_decay=config.optim.weight_decay
        )
        self.sampler = corpora.sampler(
            config.data.batch, config.data.shares, config.seed, rank=team.rank, world_size=team.world_size
        )
        self.step, self.gradient_norm = 0, torch.zeros(())

    def take_step(self) -> Terms:
        """Take one step and return its loss terms, means over all ranks."""
        config, device = self.config, self.team.device
        generator = torch.Generator().manual_seed(config.seed * 1_000_003 + self.step)
        torch.manual_seed(config.seed * 1_000_003 + self.step)
        draw = self.sampler.next()
        window = torch.as_tensor(self.corpora.train_batch(draw.items, config.data, draw.uniforms))
        heard, target = heard_and_target(window, config.model, generator)
        conditioning = (
            (torch.as_tensor(self.corpora.train_conditions(draw.items)),) if config.model.told else ()
        )
        z_size = latent_size(self.model, config.model, target.shape[1])
        own = schedules.own_share(self.step, config.loss, config.optim)
        choices = choices_of(self.model) if own > 0 else 0
        noise = Noise.draw(generator, config.data.batch, z_size, target.shape[1], choices)
        mine = Noise(*(part[self.team.share(config.data.batch)].to(device) for part in noise))
        for group in self.optimizer.param_groups:
            group["lr"] = schedules.learning_rate(self.step, config.optim)
        beta = self.beta(self.step)
        self.model.train()
        with torch.autocast(device.type, torch.bfloat16, enabled=config.bf16):
            given = (part.to(device) for part in conditioning)
            terms = self.objective(heard.to(device), target.to(device), mine, beta, own, *given)
        self.optimizer.zero_grad(set_to_none=True)
        terms.loss.backward()
        self.gradient_norm = clip_grad_norm_(self.model.parameters(), config.optim.clip_norm)
        self.optimizer.step()
        self._follow(schedules.ema_decay(self.step, config.optim))
        self.step += 1
        return self.team.mean(Terms(*(part.detach() for part in terms)))

    def _follow(self, decay: float) -> None:
        """Move the average towards the weights by 1 - decay of the way."""
        with torch.no_grad():
            torch._foreach_lerp_(list(self.average.parameters()), list(self.model.parameters()), 1 - decay)

    def beta(self, step: int) -> float:
        """Return the weight of the KL term; it goes on from where weights that were trained have it."""
        return schedules.beta(step, self.config.loss, self.first_beta)

    def state(self) -> dict[str, Any]:
        """Return what `restore` takes up, but for the count of steps."""
        return {
            "model": self.model.state_dict(),
            "ema": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "sampler": dict(self.sampler.state()),
            "started_from": self.started_from,
            "first_beta": self.first_beta,
            "beta": self.beta(self.step),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go to where a checkpoint stands.

        Raises:
            RuntimeError, ValueError, KeyError, TypeError, AttributeError: it does not fit.
        """
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["ema"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.sampler.load_state(state["sampler"])
        self.step, self.started_from = state["counters"]["step"], state["started_from"]
        self.first_beta = state.get("first_beta", self.config.loss.beta if self.started_from else 0.0)
