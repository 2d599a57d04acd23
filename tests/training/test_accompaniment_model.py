"""The model of accompaniments: what it is extracted from, what each voice learns from, and its graphs."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from engine.inference.bundle.graph_specs import graph_specs
from engine.inference.bundle.manifest import GRAPHS, BundleManifest, RepresentationRef, TrainingRecord
from engine.music.representation import representation
from export.accompaniment_bundle import (
    accompaniment_graphs,
    accompaniment_manifest,
    prove_accompaniment,
    styles,
)
from export.bundle import in_memory
from export.manifest import VOICES as BUNDLE_VOICES
from training.config import AccompanimentConfig, LossConfig, VoiceConfig
from training.corpus.extract import accompaniments as ac
from training.corpus.extract.bars import StepNotes
from training.corpus.extract.reader import Piece, Track
from training.corpus.sources import SourceFile
from training.corpus.to_model_tensor import present_accompaniment
from training.evaluation.accompaniment import accompaniment_seeds
from training.models.accompaniment import VOICES, Accompaniment
from training.models.accompaniment_loss import (
    AccompanimentObjective,
    fills_of,
    style_mask,
    voices_and_surroundings,
)
from training.models.losses import Noise
from training.models.vae import Posterior

TINY = VoiceConfig(coarse=2, fine=2, channels=8, hidden=8)
CONFIG = AccompanimentConfig(chords=TINY, bass=TINY, drums=TINY, melody_channels=4)
PPQ = 480


def track(
    name: str, notes: list[tuple[float, float, int]], *, drums: bool = False, program: int = 0
) -> Track:
    """Return a track of (start, length, pitch) in beats."""
    rows = sorted(notes)
    start = np.array([round(row[0] * PPQ) for row in rows], np.int64)
    end = start + np.array([round(row[1] * PPQ) for row in rows], np.int64)
    pitch = np.array([row[2] for row in rows], np.int64)
    return Track(name, program, drums, start, end, pitch, np.full(len(rows), 80))


def piece(*tracks: Track) -> Piece:
    end = max(int(each.end_ticks.max()) for each in tracks)
    return Piece(PPQ, tracks, ((0, 4, 4),), (), end)


SONG = piece(
    track("MELODY", [(float(beat), 1.0, 74 + beat % 3) for beat in range(12)]),
    track(
        "PIANO",
        [(4.0 * bar, 4.0, 38) for bar in range(3)]
        + [(bar * 4 + place, 1.0, pitch) for bar in range(3) for place in (0, 2) for pitch in (62, 66, 69)],
    ),
)
SOURCE = SourceFile(
    path="x", name="x", sha256="", parts=("MELODY",), chords=((0, "D:maj"), (1920, "A:maj/3"))
)


def test_a_piano_gives_a_bass_and_the_highest_notes_of_its_chords() -> None:
    (segment,) = ac.accompaniment_segments(SONG, SOURCE)
    steps = segment.steps.astype(int)
    assert steps[:9, ac.BASS].tolist() == [38 - 19, 0, 0, 0, 0, 0, 0, 0, 0]
    assert steps[:13, ac.CHORDS].tolist() == [69 - 19, 0, 0, 0, 1, 0, 0, 0, 69 - 19, 0, 0, 0, 1]
    assert set(steps[:, ac.PRESENT]) == {ac.HAS_MELODY | ac.HAS_CHORDS | ac.HAS_BASS}
    assert steps[[0, 16], ac.ROOT].tolist() == [2 + 1, 1 + 1]
    assert set(steps[:, ac.TONIC]) == {2}


def test_windows_are_in_c_and_a_voice_that_is_missing_is_minus_one() -> None:
    (segment,) = ac.accompaniment_segments(SONG, SOURCE)
    window = present_accompaniment(segment.steps[None, 16:48], np.zeros(1, np.int64))[0]
    assert window[0, :4].tolist() == [74 + 4 % 3 - 2 - 19, 69 - 2 - 19, 38 - 2 - 19, -1]
    assert window[0, 5] == 11 + 1  # the third of A major, in D, is the third of G major, in C
    assert window[:16, 7].tolist()[0] == 38 - 2 - 19
    assert (window[:, 8] == -1).all()


def test_broken_chords_count_as_one_a_beat() -> None:
    onset = np.arange(16)
    notes = StepNotes(onset, onset + 1, np.zeros(16), np.tile([60, 64, 67, 72], 4), np.full(16, 80))
    found = ac.comped(notes, 16)
    assert found.onset_steps.tolist() == [0, 4, 8, 12]
    assert found.pitch.tolist() == [72] * 4
    assert found.end_steps.tolist() == [4, 8, 12, 16]


def test_what_sounds_over_a_low_note_is_no_bass() -> None:
    notes = StepNotes(
        np.array([0, 2, 8]), np.array([8, 4, 9]), np.zeros(3), np.array([40, 47, 45]), np.full(3, 80)
    )
    assert ac.is_lowest(notes).tolist() == [True, False, True]


def test_beats_with_toms_are_fills() -> None:
    drums = torch.zeros(1, 32, dtype=torch.int64)
    drums[0, [28, 30]] = 2**5
    drums[0, 4] = 2**5
    assert fills_of(drums)[0].tolist() == [0] * 7 + [1]
    assert (fills_of(drums - 600) == -1).all()


@pytest.fixture(scope="module")
def model() -> Accompaniment:
    torch.manual_seed(1)
    made = Accompaniment(CONFIG)
    for weight in made.parameters():
        weight.data = weight.data.half().float()
    return made.eval()


def window(voices: tuple[str, ...]) -> torch.Tensor:
    """Return random windows `[2, 32, 9]` that have some voices and a melody."""
    generator = torch.Generator().manual_seed(3)
    columns = [torch.randint(0, size, (2, 32), generator=generator) for size in (90, 90, 90, 512)]
    columns += [torch.full((2, 32), 0b10010001), torch.full((2, 32), 1)]
    columns += [torch.randint(0, size, (2, 32), generator=generator) for size in (90, 90, 512)]
    made = torch.stack(columns, dim=-1)
    for place, name in enumerate(VOICES):
        if name not in voices:
            made[..., 1 + place] = made[..., 6 + place] = -1
    return made


@pytest.mark.parametrize("voices", [("drums",), ("chords", "bass"), ("bass", "drums")])
def test_only_the_voices_that_a_window_has_are_learned(model: Accompaniment, voices: tuple[str, ...]) -> None:
    noise = Noise.draw(torch.Generator().manual_seed(2), 2, sum(model.sizes(8)), 32)
    objective = AccompanimentObjective(model, LossConfig(free_bits=0.0))
    model.zero_grad()
    objective(window(voices), window(voices), noise, 1.0, 0.0).loss.backward()
    for place, name in enumerate(VOICES):
        moved = sum(float(weight.grad.abs().sum()) for weight in model.writer(place).parameters())
        assert (moved > 0) == (name in voices)


def test_free_bits_are_bits_of_each_style(model: Accompaniment, monkeypatch: pytest.MonkeyPatch) -> None:
    """Basses whose styles cost 2 nats and none, with 1 bit (0.6931 nats) free: 1.3069 and 0."""
    place = VOICES.index("bass")
    mu = torch.zeros(2, model.sizes(8)[place])
    mu[0, 0] = 2.0  # sigma 1: half the square of mu
    monkeypatch.setattr(model.writer(place), "posterior", lambda own: Posterior(mu, torch.ones_like(mu)))
    noise = Noise.draw(torch.Generator().manual_seed(2), 2, sum(model.sizes(8)), 32)
    objective = AccompanimentObjective(model, LossConfig(free_bits=1.0))
    terms = objective(window(("bass",)), window(("bass",)), noise, 3.0, 0.0)
    assert float(terms.loss - terms.reconstruction_nats) == pytest.approx(3 * 1.30685 / 2, abs=1e-3)
    assert float(terms.kl_bits) == pytest.approx(1.0 / 0.693147, abs=1e-4)


def test_teacher_forced_on_what_it_writes_it_prefers_what_it_wrote(model: Accompaniment) -> None:
    tokens, around = voices_and_surroundings(window(VOICES))
    z = model.encode(tokens).mu
    written = model.generate(z, around)
    for place, part in enumerate(z.split(model.sizes(8), dim=1)):
        condition = model.conditions(place, part, around, written[..., 2])
        logits = model.writer(place).logits(condition, written[..., place], around.before[..., place])
        assert torch.equal(logits.argmax(-1), written[..., place])


def test_two_draws_are_compared_voice_by_voice_beside_the_music(model: Accompaniment) -> None:
    windows = window(("bass", "drums")).numpy()
    corpus = SimpleNamespace(window_ids=lambda split: np.arange(len(windows)), batch=lambda ids: windows[ids])
    found = accompaniment_seeds(model, corpus, "test", 16)  # type: ignore[arg-type]
    assert set(found) == {"bass", "bass, another piece", "drums", "drums, another piece"}
    real = [set(zip(*np.nonzero(row[:, None] == np.arange(2, 90)), strict=True)) for row in windows[..., 2]]
    alike = sum(len(one & real[at - 1]) for at, one in enumerate(real))
    expected = 1 - 2 * alike / (2 * sum(len(one) for one in real))
    assert found["bass, another piece"]["differing"] == pytest.approx(expected)
    assert 0 <= found["drums"]["differing"] <= 1


def test_the_style_is_the_first_numbers_of_each_voice(model: Accompaniment) -> None:
    assert model.sizes(8) == [18, 18, 18]
    assert style_mask(model, 8).nonzero()[:, 0].tolist() == [0, 1, 18, 19, 36, 37]


def test_the_graphs_write_what_torch_writes(model: Accompaniment) -> None:
    tensors = representation("accompaniment", 2)
    encoder, decoder = graph_specs(tensors, 1, "accompany")
    manifest = BundleManifest(
        name="tiny",
        task="accompany",
        representation=RepresentationRef(name="accompaniment", bars=2, hash=tensors.hash),
        bars=2,
        steps=tensors.steps,
        streams=tensors.streams,
        width=tensors.width,
        z_size=1,
        voices=BUNDLE_VOICES["accompaniment"],
        encoder=encoder,
        decoder=decoder,
        training=TrainingRecord(data=(), data_hash="", config={}, seed=1, steps=1),
        metrics={},
    )
    manifest = accompaniment_manifest(manifest, model, tensors)
    files = accompaniment_graphs(model.requires_grad_(False), manifest)
    assert set(files) == set(GRAPHS)
    proof = prove_accompaniment(model, in_memory(manifest, tensors, files, "float"))
    assert proof["float_same_choices"] > 0.99


def test_styles_of_drums_are_of_the_last_corpus_that_has_them_and_all_others_of_the_first(
    model: Accompaniment,
) -> None:
    def corpus(*voices: str, shift: int) -> SimpleNamespace:
        rows = window(voices).roll(shift, dims=1).numpy()
        if "drums" in voices:
            rows[..., 3] &= 1  # the first class alone, so that no beat is a fill
        return SimpleNamespace(
            steps=32, window_ids=lambda split: np.arange(2), batch=lambda ids: rows[ids], rows=rows
        )

    piano, trio = corpus("chords", "bass", shift=0), corpus("bass", "drums", shift=1)
    drummers = corpus("drums", shift=2)
    found = styles(model, (piano, trio, drummers))  # type: ignore[arg-type]
    for voice, owner in enumerate((piano, piano, drummers)):
        own = torch.as_tensor(owner.rows[..., 1 + voice])
        expected = model.writer(voice).posterior(own).mu[:, :2].detach().numpy()
        drawn = found.prior_means[:, 18 * voice : 18 * voice + 2]
        assert {tuple(row) for row in drawn.round(4)} == {tuple(row) for row in expected.round(4)}
