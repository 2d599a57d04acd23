"""A performance out of a session's log as files: played again with one thing changed, or answer by answer."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

from app.file_commands.commands import first_free_number
from app.file_commands.sources import Say
from app.model_library import InstalledModels
from app.window.presenter import made_text
from engine.errors import AntiphonError
from engine.given_places import output_folder
from engine.inference.model import Model
from engine.midifile.write import Part, write_midi, write_phrase
from engine.music.notes import Note, Phrase
from engine.session.replay import Rendered, Replay, replayed
from engine.session.replay_change import Change
from engine.session.session_log import Performance, read_performance
from engine.text import counted, printable

Progress = Callable[[int, int], None]
"""Called with how many of how many answers are rendered."""


class LoggedModels:
    """The models that answers of a log were made with, loaded once each."""

    def __init__(self, say: Say, precision: str | None = "float") -> None:
        self._library = InstalledModels(precision=precision)
        self._say = say
        self._loaded: dict[str, Model] = {}

    def __call__(self, reference: str, bundle_hash: str) -> Model:
        """Return a model; AntiphonError where it is not installed any more."""
        if reference not in self._loaded:
            self._loaded[reference] = model = self._library.load(reference)
            if bundle_hash not in (model.bundle.hash, model.name):
                self._say(f"{printable(reference)} is another model now; the same seed may give other music")
        return self._loaded[reference]


def replay(
    session: Path,
    output: Path,
    say: Say,
    progress: Progress,
    *,
    from_bar: int | None,
    change: Change | None,
    change_bar: int | None,
    render: bool,
    with_heard: bool,
    which: int,
) -> None:
    """Write a performance from a bar on; see `antiphon replay --help`."""
    performance = read_performance(session, which)
    first = performance.first_bar if from_bar is None else from_bar - 1
    again = change is not None or render
    changes_at = (first if change_bar is None else change_bar - 1) if again else None
    check_bar(performance, first if changes_at is None else changes_at)
    rendered = Rendered(performance, change, changes_at or 0, LoggedModels(say)) if again else None
    for done in rendered.steps() if rendered else ():
        progress(done, len(rendered.patterns) if rendered else 0)
    phrases = rendered.phrases if rendered else {}
    music = replayed(performance, first, change_bar=changes_at, phrases=phrases)
    write_replay(output, music, with_heard=with_heard)
    notes = counted(len(music.answers.notes), "note")
    say(f"{printable(str(output))}: bars {first + 1} to {performance.end_bar}, {notes} of the answers")
    if rendered is not None:
        _say_rendered(rendered, change, say)


def check_bar(performance: Performance, bar: int) -> None:
    """Refuse a bar, from 0, that a performance has not (AntiphonError)."""
    if not performance.first_bar <= bar < performance.end_bar:
        bars = f"{performance.first_bar + 1} to {performance.end_bar}"
        raise AntiphonError(f"bar {bar + 1} is not in this performance; it has bars {bars}")


def _say_rendered(rendered: Rendered, change: Change | None, say: Say) -> None:
    answers = counted(len(rendered.patterns), "answer")
    if change is None:
        unlike = (
            f"{rendered.unlike} otherwise than they sounded" if rendered.unlike else "all as they sounded"
        )
        say(f"{answers} rendered again, {unlike}")
        return
    idle = f"; {change.name} means nothing to {rendered.untouched} of them" if rendered.untouched else ""
    say(f"{answers} rendered with {change.name}={change.value}, {rendered.unlike} came out otherwise{idle}")


def write_replay(output: Path, music: Replay, *, with_heard: bool) -> None:
    """Write what was heard and what answered as tracks of one file, by channel.

    Raises:
        MidiFileError: it cannot be written.
    """
    parts = [*(_parts("Heard", music.heard) if with_heard else ()), *_parts("Antiphon", music.answers)]
    tempos = tuple((Fraction(at), round(60e6 / bpm)) for at, bpm in music.tempos)
    write_midi(output, parts, metre=music.heard.metre, bars=music.heard.bars, tempos=tempos)


def _parts(name: str, phrase: Phrase) -> list[Part]:
    by_channel: dict[int, list[Note]] = {}
    for note in phrase.notes:
        by_channel.setdefault(note.channel, []).append(note)
    return [
        Part(name if len(by_channel) == 1 else f"{name} {channel + 1}", notes, None)
        for channel, notes in sorted(by_channel.items())
    ]


def history(session: Path, folder: Path, say: Say, which: int) -> list[Path]:
    """Write each answer that sounded in a performance to a file of its own, in order.

    Raises:
        AntiphonError: the log cannot be read, no answer sounded, or a file cannot be written.
    """
    performance = read_performance(session, which)
    sounded = _sounded(performance)
    if not sounded:
        raise AntiphonError(f"{printable(str(session))}: no answer sounded in this performance")
    stem = session.name.split(".")[0] or "session"
    written, first = list[Path](), first_free_number(folder, stem)
    with output_folder(folder):
        for number, (bar, pattern, bpm) in enumerate(sounded, start=first):
            take = performance.takes[pattern]
            path = folder / f"{stem}-{number:0{len(str(first + len(sounded)))}}.mid"
            write_phrase(path, take.sent_phrase, bpm=bpm)
            controls = take.request.controls
            made = made_text(controls, take.request.phrases)
            say(f"{printable(str(path))}: bar {bar + 1}, {made}, seed {controls.seed}")
            written.append(path)
    return written


def _sounded(performance: Performance) -> Sequence[tuple[int, int, float]]:
    """Return bar, pattern and BPM of each answer that sounded, where it first did."""
    found: dict[int, tuple[int, int, float]] = {}
    for stretch in performance.stretches:
        for start in stretch.starts:
            take = performance.takes.get(start.pattern)
            if take is not None and take.phrase.notes:
                bar = (
                    int(start.at_beats / stretch.beats_per_bar + 1e-6) - stretch.song_bar + stretch.first_bar
                )
                found.setdefault(start.pattern, (bar, start.pattern, stretch.bpm))
    return list(found.values())
