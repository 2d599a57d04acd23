"""Sentences for people, the same in the window and in the terminal."""

from engine.session.live import Notice


def notice_line(notice: Notice) -> str:
    """Join what happened and what to do about it into one line of whole sentences."""
    return " ".join(sentence(part) for part in (notice.text, notice.remedy) if part.strip())


def sentence(text: str) -> str:
    """Return a text, such as that of an error, as a whole sentence; a name at its beginning stays."""
    first, *rest = text.split()
    text = " ".join((first[0].upper() + first[1:] if first.isalpha() else first, *rest))
    return text if text[-1] in ".!?" else f"{text}."
