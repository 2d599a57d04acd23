"""The errors that training and corpus building raise on purpose: one base, one type per area.

Every message is a single line that names the thing, the reason and the remedy.
"""

from engine.errors import AntiphonError


class TrainingError(AntiphonError):
    """Base of everything that `antiphon-train` reports as one line."""


class CorpusError(TrainingError):
    """A corpus that cannot be built or opened."""


class ConfigError(TrainingError):
    """A config, run or start that cannot be used; the message names the key and what is allowed."""
