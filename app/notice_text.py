"""Sentences for people, the same in the window and in the terminal."""

from engine.session.live import Notice


def notice_line(notice: Notice) -> str:
    """Join what happened and what to do about it into one line of whole sentences."""
    return " ".join(_sentence(part) for part in (notice.text, notice.remedy) if part.strip())


def _sentence(text: str) -> str:
    text = " ".join(text.split())
    text = text[0].upper() + text[1:]
    return text if text[-1] in ".!?" else f"{text}."
