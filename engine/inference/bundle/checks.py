"""What is checked of bundle.json and of graphs before a runtime sees them."""

import math
import re

import msgspec

from engine.errors import BundleError
from engine.inference.bundle.archive import LARGEST_TOTAL_BYTES
from engine.inference.bundle.graph_specs import graph_specs, sentence_spec
from engine.inference.bundle.manifest import (
    DENSITY_TEMPERATURES,
    FILE_NAMES,
    GRAPHS,
    INT8_GRAPHS,
    LARGEST_Z,
    LONGEST_TEXT,
    SCHEMA_VERSION,
    SENTENCE,
    TASK_REPRESENTATIONS,
    BundleManifest,
    Condition,
    GraphSpec,
    LatentLayout,
    TensorSpec,
)
from engine.inference.bundle.preflight import GraphInfo, ValueInfo
from engine.music import representation as representations
from engine.music.accompaniment import VOICES
from engine.music.drum_styles import PLAYING_CONDITIONS
from engine.music.grid import Grid
from engine.music.representation import Representation
from engine.text import one_line

MOST_ENTRIES = 64
"""Voices, attributes."""
MOST_STEPS = 4096
MOST_BEATS = 16
"""In a bar."""
LARGEST_NUMBER = 1e4


def parse_manifest(data: bytes, where: str) -> BundleManifest:
    """Decode bundle.json; its version is looked at first, so that a newer one is named as such.

    Raises:
        BundleError: it is of another version, or cannot be read.
    """
    try:
        version = msgspec.json.decode(data, type=_Version).schema_version
        if version != SCHEMA_VERSION:
            raise BundleError(
                f"{where}: bundle.json: schema_version {version} is not {SCHEMA_VERSION}; "
                f"{'update Antiphon' if version > SCHEMA_VERSION else 'export the model again'}"
            )
        return msgspec.json.decode(data, type=BundleManifest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BundleError(f"{where}: bundle.json: {one_line(error)}") from error


def check_texts_and_numbers(manifest: BundleManifest, where: str) -> None:
    """Refuse names that cannot be shown, and voices and curves that are out of range; BundleError."""
    if not re.fullmatch(r"[a-z0-9_]{1,64}", manifest.name):
        raise BundleError(f"{where}: bundle.json: name {manifest.name!r} is not 1 to 64 of a-z, 0-9 and _")
    _check_texts(manifest, where)
    for voice in manifest.voices:
        if not 0 <= voice.channel <= 15:
            raise BundleError(f"{where}: bundle.json: voices: channel {voice.channel} is not 0 to 15")
        if voice.program is not None and not 0 <= voice.program <= 127:
            raise BundleError(f"{where}: bundle.json: voices: program {voice.program} is not 0 to 127")
    _check_curves(manifest, where)


def _check_texts(manifest: BundleManifest, where: str) -> None:
    names = [attribute.name for attribute in manifest.attributes]
    if len(names) != len(set(names)):
        raise BundleError(f"{where}: bundle.json: attributes: two have the same name")
    for list_name in ("voices", "attributes"):
        if len(getattr(manifest, list_name)) > MOST_ENTRIES:
            raise BundleError(f"{where}: bundle.json: {list_name}: more than {MOST_ENTRIES}")
    shown = {
        "title": [manifest.title],
        "voices": [voice.name for voice in manifest.voices],
        "attributes": [
            text for attribute in manifest.attributes for text in (attribute.name, attribute.unit)
        ],
    }
    for field, texts in shown.items():
        for text in texts:
            if len(text) > LONGEST_TEXT or not text.isprintable():
                raise BundleError(
                    f"{where}: bundle.json: {field}: {text[:LONGEST_TEXT]!r} is not one line "
                    f"of at most {LONGEST_TEXT} characters"
                )


def _check_curves(manifest: BundleManifest, where: str) -> None:
    for name in ("variation_curve", "morph_curve"):
        curve = getattr(manifest, name)
        if curve and not (
            len(curve) > 1 and curve[0] == 0 and curve[-1] == 1 and list(curve) == sorted(curve)
        ):
            raise BundleError(f"{where}: bundle.json: {name} does not rise from 0 to 1")
    if manifest.default_temperature is not None and not 0 <= manifest.default_temperature <= 2:
        raise BundleError(f"{where}: bundle.json: default_temperature is not from 0 to 2")
    points = len(DENSITY_TEMPERATURES)
    if len(manifest.density_curve) not in (0, points):
        raise BundleError(f"{where}: bundle.json: density_curve does not have {points} numbers")
    effects = (value for entry in manifest.attributes for value in entry.effects.values())
    for value in (*manifest.density_curve, *effects):
        if not abs(value) <= LARGEST_NUMBER:
            raise BundleError(f"{where}: bundle.json: {value} is not within ±{LARGEST_NUMBER:g}")


class _Version(msgspec.Struct):
    schema_version: int


def check_representation(manifest: BundleManifest, where: str) -> Representation:
    """Build the representation the manifest names and compare it with ours.

    Raises:
        BundleError: there is none of that name and size, or ours means something else.
    """
    ref = manifest.representation
    axes = (ref.bars, ref.steps_per_beat, ref.beats_per_bar)
    if min(axes) < 1 or ref.bars > 64 or ref.beats_per_bar > MOST_BEATS or math.prod(axes) > MOST_STEPS:
        raise BundleError(f"{where}: bundle.json: representation: {ref.bars} bars on this grid are too many")
    try:
        found = representations.representation(
            ref.name, ref.bars, Grid(ref.steps_per_beat, ref.beats_per_bar, _is_compound(manifest))
        )
    except ValueError as error:
        raise BundleError(f"{where}: bundle.json: representation: {error}") from error
    if found.hash != ref.hash:
        raise BundleError(
            f"{where}: bundle.json: representation.hash {ref.hash[:12]} is not this version's "
            f"{found.hash[:12]} for {ref.name!r}; export the model again with this version"
        )
    ours = {
        "bars": found.bars,
        "steps": found.steps,
        "streams": tuple(found.streams),
        "width": found.width,
    }
    for name, value in ours.items():
        if getattr(manifest, name) != value:
            said = getattr(manifest, name)
            raise BundleError(f"{where}: bundle.json: {name} {said} is not {value}, as {ref.name!r} has it")
    return found


def _is_compound(manifest: BundleManifest) -> bool:
    """Return whether the first metre is felt in dotted beats; ValueError if one is none, or of other bars."""
    metres, beats = manifest.known_metres, manifest.representation.beats_per_bar
    if metres[0].beats_per_bar != beats:
        raise ValueError(f"metres: {metres[0]} has not {beats} beats")
    if len(metres) > 1 and (manifest.latent_layout is None or len(set(metres)) < len(metres)):
        raise ValueError("metres: several are of bundles of words only, each once")
    if any(metre.beats_per_bar % 1 or metre.beats_per_bar > MOST_BEATS for metre in metres):
        raise ValueError(f"metres: bars of whole quarters, {MOST_BEATS} at most, are known")
    return metres[0].is_compound


def check_task(manifest: BundleManifest, where: str) -> None:
    """Refuse a task that its representation or kind does not have; BundleError."""
    task, kind = manifest.task, manifest.kind
    if manifest.representation.name not in TASK_REPRESENTATIONS[task]:
        raise BundleError(
            f"{where}: bundle.json: task {task!r} is not one of representation "
            f"{manifest.representation.name!r}; it needs {' or '.join(TASK_REPRESENTATIONS[task])}"
        )
    if (kind == "seq2seq") != (task == "continue"):
        raise BundleError(f"{where}: bundle.json: kind {kind!r} does not do task {task!r}; export it again")


def check_specs(manifest: BundleManifest, representation: Representation, where: str) -> None:
    """Compare what the manifest says of its graphs with what its representation needs.

    Raises:
        BundleError: they differ, or the latent is too large.
    """
    if not 1 <= manifest.z_size <= LARGEST_Z:
        raise BundleError(f"{where}: bundle.json: z_size {manifest.z_size} is not 1 to {LARGEST_Z}")
    _check_parts(manifest, representation, where)
    own, z_size, layout = representation, manifest.z_size, manifest.latent_layout
    if manifest.by_word and layout is not None:
        bars = max(1, representation.bars // layout.words)
        own = representations.representation(representation.name, bars, representation.grid)
        z_size = layout.word_size
    specs = graph_specs(own, z_size, manifest.task, manifest.conditions)
    for name, spec in zip(("encoder", "decoder"), specs, strict=True):
        said = getattr(manifest, name)
        for side in ("inputs", "outputs"):
            for ours, theirs in zip(getattr(spec, side), getattr(said, side), strict=False):
                if ours != theirs:
                    raise BundleError(
                        f"{where}: bundle.json: {name}.{side}: {theirs.name} {theirs.dtype} "
                        f"{list(theirs.shape)} is not {ours.name} {ours.dtype} {list(ours.shape)}"
                    )
            if len(getattr(spec, side)) != len(getattr(said, side)):
                raise BundleError(f"{where}: bundle.json: {name}.{side} are not {len(getattr(spec, side))}")


def _check_parts(manifest: BundleManifest, representation: Representation, where: str) -> None:
    """Refuse conditions and a layout of the latent that its representation cannot have."""
    if manifest.task == "accompany":
        _check_voices(manifest, representation, where)
        return
    for_melodies = manifest.key_normalised or not {"chords", "before", "metre"}.isdisjoint(
        manifest.conditions
    )
    if for_melodies and (representation.name != "melody" or manifest.task != "autoencode"):
        raise BundleError(f"{where}: bundle.json: conditions and key_normalised are of melodies only")
    if manifest.latent_layout is not None and (
        representation.name not in ("melody", "drums", "pianoroll") or manifest.task != "autoencode"
    ):
        raise BundleError(f"{where}: bundle.json: latent_layout is of melodies, drums and pianos only")
    of_hands = representation.name == "pianoroll" and manifest.latent_layout is not None
    may_ring = of_hands or "heard" in manifest.conditions  # a continuation made before has no such input
    if ("ringing" in manifest.conditions and not may_ring) or (
        of_hands and "ringing" not in manifest.conditions
    ):
        raise BundleError(
            f"{where}: bundle.json: conditions: ringing is of pianos with a latent_layout, and may be of "
            "continuations that are given what was heard"
        )
    if not set(PLAYING_CONDITIONS).isdisjoint(manifest.conditions) and (
        manifest.conditions != PLAYING_CONDITIONS or representation.name != "groove"
    ):
        raise BundleError(
            f"{where}: bundle.json: conditions {', '.join(PLAYING_CONDITIONS)} are of grooves, all or none"
        )
    if "heard" in manifest.conditions and manifest.task != "continue":
        raise BundleError(f"{where}: bundle.json: conditions: heard is of continuations only")
    if manifest.voice_latents or not set(manifest.conditions) <= {
        "chords",
        "before",
        "metre",
        "heard",
        "ringing",
        *PLAYING_CONDITIONS,
    }:
        raise BundleError(
            f"{where}: bundle.json: voice_latents and their conditions are of accompaniments only"
        )
    if len(set(manifest.conditions)) != len(manifest.conditions):
        raise BundleError(f"{where}: bundle.json: conditions: one is named twice")
    layout, beats = manifest.latent_layout, representation.bars * representation.grid.beats_per_bar
    if layout is None:
        if manifest.sentence is not None:
            raise BundleError(f"{where}: bundle.json: sentence needs a latent_layout")
        return
    _check_sentence(manifest.sentence, layout, where)
    sizes = (layout.coarse_rhythm, layout.fine_rhythm, layout.coarse_pitch, layout.fine_pitch)
    if (
        min(*sizes, layout.words) < 1
        or layout.words * layout.beats != beats
        or layout.size != manifest.z_size
    ):
        raise BundleError(
            f"{where}: bundle.json: latent_layout has {layout.size} numbers for "
            f"{layout.words * layout.beats} beats, not {manifest.z_size} for {beats}"
        )


def _check_voices(manifest: BundleManifest, representation: Representation, where: str) -> None:
    """Refuse an accompaniment with another latent than its voices', or with other conditions."""
    given: tuple[Condition, ...] = ("melody", "harmony", "accents", "fills", "before")
    if manifest.conditions != given or manifest.latent_layout is not None or manifest.sentence is not None:
        raise BundleError(f"{where}: bundle.json: conditions of an accompaniment are {', '.join(given)}")
    beats = representation.bars * representation.grid.beats_per_bar
    names = tuple(part.name for part in manifest.voice_latents)
    sizes = [part.coarse + beats * part.fine for part in manifest.voice_latents]
    least = min((min(part.coarse, part.fine) for part in manifest.voice_latents), default=0)
    if names != VOICES or least < 1 or sum(sizes) != manifest.z_size:
        raise BundleError(
            f"{where}: bundle.json: voice_latents have {sum(sizes)} numbers for "
            f"{', '.join(names) or 'no voice'}, not {manifest.z_size} for {', '.join(VOICES)}"
        )


def _check_sentence(said: GraphSpec | None, layout: LatentLayout, where: str) -> None:
    """Refuse a graph of sentences whose sizes are not those of the words."""
    if said is None:
        return
    sizes = [size for output in said.outputs if output.name == "weights" for size in output.shape[1:]]
    components = sizes[0] if sizes and isinstance(sizes[0], int) else 0
    if not 1 <= components <= MOST_ENTRIES or said != sentence_spec(layout, components):
        raise BundleError(f"{where}: bundle.json: sentence does not go with latent_layout; export it again")


def check_file_names(manifest: BundleManifest, where: str) -> None:
    """Refuse missing and unknown files, and more bytes than a bundle may have; BundleError."""
    for name in manifest.files:
        if name not in FILE_NAMES:
            raise BundleError(f"{where}: bundle.json: files: {name!r} is no file of a bundle")
    for name in GRAPHS:
        if name not in manifest.files:
            raise BundleError(f"{where}: bundle.json: files: {name} is missing; export the model again")
    if INT8_GRAPHS[0] in manifest.files and INT8_GRAPHS[1] not in manifest.files:
        raise BundleError(f"{where}: bundle.json: files: {INT8_GRAPHS[0]} without {INT8_GRAPHS[1]}")
    if (SENTENCE in manifest.files) != (manifest.sentence is not None):
        raise BundleError(f"{where}: bundle.json: files: {SENTENCE} and sentence are not both there")
    if sum(max(entry.size_bytes, 0) for entry in manifest.files.values()) > LARGEST_TOTAL_BYTES:
        raise BundleError(f"{where}: bundle.json: files: more than {LARGEST_TOTAL_BYTES} bytes together")


def check_graph(info: GraphInfo, spec: GraphSpec, what: str) -> None:
    """Compare a graph's own inputs and outputs with the manifest's; BundleError where they differ."""
    for side, found, wanted in (
        ("input", info.inputs, spec.inputs),
        ("output", info.outputs, spec.outputs),
    ):
        by_name = {value.name: value for value in found}
        if sorted(by_name) != sorted(tensor.name for tensor in wanted):
            names = [tensor.name for tensor in wanted]
            raise BundleError(f"{what}: {side}s {sorted(by_name)} are not {names}")
        for tensor in wanted:
            _check_value(by_name[tensor.name], tensor, f"{what}: {side} {tensor.name}")


def _check_value(found: ValueInfo, wanted: TensorSpec, what: str) -> None:
    if found.dtype != wanted.dtype:
        raise BundleError(f"{what}: {found.dtype} is not {wanted.dtype}")
    fits = len(found.shape) == len(wanted.shape) and all(
        not isinstance(axis, int) if isinstance(size, str) else not isinstance(axis, int) or axis == size
        for axis, size in zip(found.shape, wanted.shape, strict=True)
    )
    if not fits:
        raise BundleError(f"{what}: shape {list(found.shape)} does not fit {list(wanted.shape)}")
