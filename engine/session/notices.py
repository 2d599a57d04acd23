"""Notices by subject: a newer one takes the place of an older about the same."""

from engine.session.live import Mood, Notice

Notices = tuple[Notice, ...]


def posted(
    notices: Notices, about: str, text: str, remedy: str = "", mood: Mood = "bad", *, now_ns: int = 0
) -> Notices:
    """Return the notices with one more; the same one again keeps its place and time."""
    for notice in notices:
        if (notice.about, notice.text, notice.remedy) == (about, text, remedy):
            return notices
    others = tuple(notice for notice in notices if notice.about != about)
    return (*others, Notice(text, remedy, mood, now_ns, about))


def cleared(notices: Notices, *about: str) -> Notices:
    """Return the notices without those about some subjects; the same object where there are none."""
    left = tuple(notice for notice in notices if notice.about not in about)
    return notices if len(left) == len(notices) else left
