"""The verbs of the instrument: what a key, a click, a note, a controller or a program change can ask for."""

from collections.abc import Iterable
from itertools import combinations

from msgspec.structs import replace

from engine.inference.controls import STORED
from engine.modes.catalogue import TOOLS
from engine.parameter import Action, Choice, Parameter

PICKED_BARS = {1: "Ctrl+1", 2: "Ctrl+2", 4: "Ctrl+4", 8: "Ctrl+8", 16: "Ctrl+0"}
"""Bars that can be taken after they were played, and the keys."""
_STORE_KEYS = {"A": "A", "B": "B", "C": "C", "D": "Shift+D"}

_TAKES = (
    Action("new_take", "New take", "Another rendering with the same settings: a new seed.", "N"),
    Action("nudge", "Nudge", "Change one more single thing of the take; it can be repeated.", "U"),
    Action("undo", "Undo", "Take the last change back.", "Ctrl+Z"),
    Action("redo", "Redo", "Do again what was undone.", "Ctrl+Shift+Z"),
    Action(
        "export",
        "Export .mid",
        "Write the phrase that plays to a MIDI file.",
        "Ctrl+E",
        asks="a file name",
    ),
)
_SLOTS = tuple(
    action
    for slot in STORED
    for action in (
        Action(
            f"store.{slot}",
            f"Store in {slot}",
            f"Keep the phrase that the answer starts from in slot {slot}.",
            _STORE_KEYS[slot],
            "Slots",
        ),
        Action(
            f"recall.{slot}", f"Recall {slot}", f"Answer the phrase in slot {slot}.", f"Alt+{slot}", "Slots"
        ),
        Action(
            f"store_answer.{slot}",
            f"Store answer in {slot}",
            f"Keep the phrase that plays in slot {slot}.",
            f"Ctrl+Shift+{slot}",
            "Slots",
        ),
        Action(f"clear.{slot}", f"Clear {slot}", f"Empty slot {slot}.", "", "Slots"),
    )
) + tuple(
    Action(f"swap.{a}{b}", f"Swap {a} and {b}", f"Exchange what slots {a} and {b} hold.", "", "Slots")
    for a, b in combinations(STORED, 2)
)
_PICKS = tuple(
    Action(
        f"pick_last.{bars}",
        "Take last bar" if bars == 1 else f"Take last {bars} bars",
        f"Answer the last {'bar' if bars == 1 else f'{bars} bars'} played, and hold on to it.",
        key,
        "Heard",
    )
    for bars, key in PICKED_BARS.items()
)
_SESSION = (
    Action("favourite", "Keep favourite", "Keep what plays among the session's favourites.", "F", "Take"),
    Action(
        "lock_bar",
        "Lock bar",
        "Keep the bar of the answer that plays now in new takes; once more lets it go.",
        "Shift+J",
        "Take",
    ),
    Action("unlock_all", "Unlock all", "Let every locked part of the phrase go.", "", "Take"),
    Action(
        "lock_key", "Lock key", "Keep the answer in the key that is heard now, whatever comes.", "", "Limits"
    ),
    Action(
        "style.heard",
        "Learn style",
        "Learn a style from the bars that were heard, and pull takes towards it.",
        "",
        "Style",
    ),
    Action(
        "style.files",
        "Style from files",
        "Learn a style from MIDI files or from those in a folder, and pull takes towards it.",
        "",
        "Style",
        asks="a folder or files",
    ),
    Action("style.forget", "Forget style", "Pull takes towards no style any more.", "", "Style"),
    Action(
        "take_turn",
        "Take turn",
        "Hand the turn over at the next bar line, to the answer or to the player; turns are on cue then.",
        "Return",
        "Turns",
    ),
    Action(
        "offset.earlier",
        "Play earlier",
        "Make the output offset a millisecond less, so that everything sounds earlier.",
        "Ctrl+Left",
        "Output",
    ),
    Action(
        "offset.later",
        "Play later",
        "Make the output offset a millisecond more, so that everything sounds later.",
        "Ctrl+Right",
        "Output",
    ),
    Action(
        "offset.measure",
        "Measure offset",
        "Time ten clicks from the output through the DAW back to the input; play earlier by half of that.",
        "",
        "Output",
    ),
    Action(
        "map.default",
        "Default MIDI map",
        "Bind knobs, buttons and programs as the default map has them, in place of what was learned.",
        "",
        "Session",
    ),
    Action("map.none", "No MIDI map", "Forget all bindings of MIDI messages.", "", "Session"),
    Action(
        "replay",
        "Replay",
        "Play what sounded in this session again from a bar on, with one thing changed if wished; once more "
        "ends it.",
        "Shift+T",
        "Replay",
    ),
    Action("live", "Live", "Answer what you play again.", "Ctrl+L", "Heard"),
    Action("play_stop", "Play", "Start and stop the internal clock.", "Space", "Session"),
    Action("play", "Start", "Start the internal clock from the beginning.", "", "Session"),
    Action("stop", "Stop", "Stop the internal clock.", "", "Session"),
    Action("panic", "Panic", "Silence every note now.", "Esc", "Session"),
    Action("dismiss", "Dismiss", "Put the notices away.", "", "Session"),
    Action(
        "session.new",
        "New session",
        "Begin with an empty document.",
        "Ctrl+Shift+N",
        "Session",
    ),
    Action("session.open", "Open session", "Open a document.", "Ctrl+O", "Session", asks="a file name"),
    Action(
        "session.save_as",
        "Save session as",
        "Go on in a document of another name.",
        "Ctrl+Shift+S",
        "Session",
        asks="a file name",
    ),
)


def choosing(parameters: Iterable[Parameter]) -> tuple[Action, ...]:
    """Return an action for each value of the choices whose values have keys, as `mode.vary`."""
    return tuple(
        Action(
            f"{parameter.id}.{value}",
            f"{parameter.label}: {parameter.text(value)}",
            parameter.helps.get(value, parameter.help),
            key,
            parameter.group,
        )
        for parameter in parameters
        if isinstance(parameter, Choice)
        for value, key in parameter.keys.items()
    )


def with_tools(mode: Choice) -> Choice:
    """Return the parameter of the mode with the names, keys and sentences of the tools."""
    return replace(
        mode,
        words={name: tool.label for name, tool in TOOLS.items()},
        keys={name: tool.key for name, tool in TOOLS.items()},
        helps={name: tool.help for name, tool in TOOLS.items()},
    )


ACTIONS = (*_TAKES, *_SLOTS, *_PICKS, *_SESSION)
"""Those that do not come from choices."""
