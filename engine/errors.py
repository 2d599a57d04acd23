"""The errors the engine raises on purpose: one base, one type per area.

Every message is a single line that names the thing, the reason and the remedy, so a
command can print it as it is.
"""


class AntiphonError(Exception):
    """Base of all errors that are shown to the user as one line, without a traceback."""


class MidiFileError(AntiphonError):
    """A MIDI file that cannot be used."""


class PortError(AntiphonError):
    """A MIDI back end or port that cannot be opened or was refused."""


class BundleError(AntiphonError):
    """A model bundle that does not fit: schema, hash, shape or representation."""


class RenderError(AntiphonError):
    """A rendering that was asked for with impossible slots or controls."""


class PerformerError(AntiphonError):
    """The performer process cannot be started or no longer answers."""


class SessionFileError(AntiphonError):
    """A file of a session that cannot be read or written."""


def reason_of(error: OSError) -> str:
    """Return what the system says of an error, in lower case, as a reason inside a line."""
    return (error.strerror or str(error)).lower()
