"""Refuses before the first step what cannot be trained: sizes that do not go together."""

from engine.music.representation import representation
from engine.text import counted
from training.config import RunConfig
from training.corpus.joined import JoinedCorpora
from training.distributed import Ranks
from training.errors import ConfigError


def check_sizes(config: RunConfig, team: Ranks, corpora: JoinedCorpora) -> None:
    """Compare batch, shares and weights with the processes, corpora and streams there are.

    Raises:
        ConfigError: they do not go together.
    """
    if config.data.batch % team.world_size:
        raise ConfigError(
            f"data.batch={config.data.batch}: not a multiple of the {counted(team.world_size, 'process')}; "
            "choose one that is"
        )
    for part, count in zip(corpora.parts, corpora.train_counts, strict=True):
        if count == 0:
            raise ConfigError(
                f"{part.path}: no training windows of {counted(config.model.bars, 'bar')}; add files"
            )
    if config.data.shares and len(config.data.shares) != len(corpora.parts):
        found = "one corpus" if len(corpora.parts) == 1 else f"{len(corpora.parts)} corpora"
        raise ConfigError(
            f"data.shares: {len(config.data.shares)} for {found}; give one each, or data.shares=[]"
        )
    if config.data.shares and not any(config.data.shares):
        raise ConfigError("data.shares: all are 0; give one corpus a share above it")
    model, weights = config.model, config.loss.stream_weights
    streams = len(representation(model.representation, model.bars, model.grid).streams)
    if weights and len(weights) != streams:
        raise ConfigError(
            f"loss.stream_weights: {len(weights)} for the {counted(streams, 'stream')} of "
            f"{config.model.representation}; {'give one each, or' if streams else 'give'} none"
        )
