"""Export failures are a type: a bundle is written whole and proven, or not at all."""

from engine.errors import AntiphonError


class ExportError(AntiphonError):
    """A run that cannot become a bundle, or a bundle that does not prove itself."""
