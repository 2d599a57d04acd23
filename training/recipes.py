"""Public data sets: where they come from, what their licence asks for, and the commands to a model.

Antiphon downloads nothing: read the licence, fetch the files from the publisher, then run the commands.
"""

from dataclasses import dataclass

from training.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Recipe:
    """One data set."""

    name: str
    title: str
    source: str
    """Where its publisher offers it."""
    licence: str
    """What it may be used for, in short."""
    commands: tuple[str, ...]
    """Shell commands; FOLDER stands for where the files were unpacked."""
    remarks: tuple[str, ...] = ()


RECIPES = (
    Recipe(
        name="groove",
        title="Groove MIDI Dataset: 13.6 hours of ten drummers on an electronic kit",
        source="Magenta, 'The Groove MIDI Dataset' (search for groove-v1.0.0-midionly)",
        licence="CC BY 4.0: name the authors (Gillick et al. 2019); models may be shipped",
        commands=(
            "antiphon-train corpus build FOLDER --kind groove -o corpora/groove",
            "antiphon-train run groove_4bar",
            "antiphon-train evaluate runs/groove_4bar",
            "antiphon-export runs/groove_4bar --install --name my_groove",
        ),
        remarks=("Its own split, kit, drummers and styles are read from the info.csv beside the files.",),
    ),
    Recipe(
        name="maestro",
        title="MAESTRO: 200 hours of piano performances",
        source="Magenta, 'The MAESTRO Dataset' (maestro-v3.0.0-midi)",
        licence="CC BY-NC-SA 4.0: not for models that are sold, and shared alike",
        commands=(
            "antiphon-train corpus build FOLDER --kind pianoroll -o corpora/pianoroll",
            "antiphon-train run pianoroll_continue further_corpora=[]",
        ),
        remarks=(
            "It is played freely, not to a beat: the 16th grid fits little of it, and most windows are left "
            "out as off the grid. The report says how many.",
        ),
    ),
    Recipe(
        name="lakh",
        title="Lakh MIDI Dataset: 178,561 files from the web, its clean subset by artist",
        source="Colin Raffel, 'The Lakh MIDI Dataset' (lmd_full, lmd_matched, clean_midi)",
        licence="CC BY 4.0 for the collection; its songs are their authors': check before shipping a model",
        commands=(
            "antiphon-train corpus build FOLDER --programs 0-31 --bars 2 --bars 16 -o corpora/melody",
            "antiphon-train corpus report corpora/melody -o report",
            "antiphon-train run cat-mel_2bar_small",
        ),
        remarks=("Files of one artist (clean_midi) or one recording (lmd_matched) stay in one split.",),
    ),
    Recipe(
        name="pop909",
        title="POP909: 909 pop songs with melody, bridge and piano tracks",
        source="Music X Lab, 'POP909-Dataset' on GitHub",
        licence="MIT for the transcriptions; the songs are their authors': check before shipping a model",
        commands=(
            "antiphon-train corpus build FOLDER --tracks MELODY --bars 2 --bars 16 -o corpora/melody",
            "antiphon-train run melody_2bar",
        ),
        remarks=("All versions of a song are one work.",),
    ),
    Recipe(
        name="own",
        title="A folder of your own files",
        source="your disk",
        licence="yours to know",
        commands=(
            "antiphon-train corpus build FOLDER --kind melody -o corpora/melody",
            "antiphon-train run melody_2bar optim.steps=400 optim.learning_rate=3e-4 --finetune BUNDLE",
            "antiphon-export runs/melody_2bar --install --name mine",
            "antiphon live --model mine",
        ),
        remarks=(
            "With few files fine-tune a shipped model: BUNDLE is engine/bundles/melody_2bar in the clone.",
            "A manifest.csv beside them (path, licence, rights, work_id, split) names works and licences.",
        ),
    ),
)


def recipe_named(name: str) -> Recipe:
    """Return a recipe.

    Raises:
        ConfigError: there is none of that name.
    """
    found = [recipe for recipe in RECIPES if recipe.name == name]
    if not found:
        names = ", ".join(recipe.name for recipe in RECIPES)
        raise ConfigError(f"recipe '{name}': unknown; there are {names}")
    return found[0]


def shown(recipe: Recipe) -> str:
    """Return a recipe as text."""
    lines = [recipe.title, f"source:  {recipe.source}", f"licence: {recipe.licence}", ""]
    lines += [f"  {command}" for command in recipe.commands]
    return "\n".join([*lines, *(["", *recipe.remarks] if recipe.remarks else [])])
