import io
import json
import stat
import zipfile

import msgspec
import numpy as np
import pytest
import tinybundle
from onnx import helper

from engine.errors import BundleError
from engine.inference.bundle.graph_specs import graph_specs
from engine.inference.bundle.latents import Latents
from engine.inference.bundle.manifest import BundleManifest
from engine.inference.bundle.store import load_bundle, save_bundle


@pytest.fixture
def folder(tmp_path):
    return tinybundle.write(tmp_path / "tiny")


def edit(folder, **fields):
    """Change top-level fields of bundle.json."""
    path = folder / "bundle.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


def edited(folder, field, **inner):
    data = json.loads((folder / "bundle.json").read_text())
    edit(folder, **{field: {**data[field], **inner}})


def refusal(path) -> str:
    with pytest.raises(BundleError) as caught:
        load_bundle(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def zipped(folder, path, prefix="", compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for file in sorted(folder.iterdir()):
            archive.write(file, prefix + file.name)
    return path


def test_loads_what_was_saved(folder):
    bundle = load_bundle(folder)
    assert bundle.manifest.name == "tiny_melody"
    assert bundle.representation.steps == 32
    assert bundle.precisions == ("int8", "float")
    assert bundle.graph_names("float") == ("encoder.onnx", "decoder.onnx")
    assert bundle.graph_names("int8") == ("encoder.int8.onnx", "decoder.int8.onnx")
    np.testing.assert_array_equal(bundle.latents.prior_means, tinybundle.latents().prior_means)


def test_its_hash_is_of_all_but_what_was_measured(folder):
    manifest = json.loads((folder / "bundle.json").read_bytes())
    before = load_bundle(folder).hash

    def hash_with(**changed):
        (folder / "bundle.json").write_text(json.dumps(manifest | changed))
        return load_bundle(folder).hash

    assert hash_with() == before
    assert hash_with(metrics={"test_note_f1": 0.5}) == before
    assert hash_with(default_temperature=0.25) != before


def test_manifest_is_the_same_after_a_round_trip(folder):
    data = (folder / "bundle.json").read_bytes()
    manifest = msgspec.json.decode(data, type=BundleManifest)
    assert msgspec.json.decode(msgspec.json.encode(manifest), type=BundleManifest) == manifest
    assert manifest.files["encoder.onnx"].size_bytes == (folder / "encoder.onnx").stat().st_size


def test_the_contract_of_a_two_bar_melody():
    encoder, decoder = graph_specs(tinybundle.representation_of(2), 256)
    rows = [(t.name, t.dtype, t.shape) for spec in (encoder, decoder) for t in (*spec.inputs, *spec.outputs)]
    assert rows == [
        ("x", "int64", ("B", 32, 1)),
        ("mu", "float32", ("B", 256)),
        ("sigma", "float32", ("B", 256)),
        ("z", "float32", ("B", 256)),
        ("perturbation", "float32", (32, "B", 90)),
        ("tokens", "int64", (32, "B", 1)),
    ]


@pytest.mark.parametrize("prefix", ["", "tiny/"])
def test_loads_a_zip_with_or_without_a_folder_in_it(folder, tmp_path, prefix):
    bundle = load_bundle(zipped(folder, tmp_path / "tiny.zip", prefix))
    assert bundle.hash == load_bundle(folder).hash


def test_what_a_file_manager_adds_to_a_zip_is_ignored(folder, tmp_path):
    path = zipped(folder, tmp_path / "tiny.zip", "tiny/")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("__MACOSX/tiny/._bundle.json", b"x")
        archive.writestr("tiny/.DS_Store", b"x")
    assert load_bundle(path).manifest.name == "tiny_melody"


def test_optional_files_may_be_absent(tmp_path):
    manifest = msgspec.structs.replace(tinybundle.manifest(), attributes=(), prior_components=0)
    files = {
        name: data for name, data in tinybundle.files().items() if name in ("encoder.onnx", "decoder.onnx")
    }
    save_bundle(tmp_path / "b", manifest, files)
    bundle = load_bundle(tmp_path / "b")
    assert bundle.precisions == ("float",)
    assert bundle.latents.prior_means.shape == (1, 8)
    assert not bundle.latents.prior_means.any()
    with pytest.raises(BundleError, match="int8"):
        bundle.graph_names("int8")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"schema_version": 2}, ["schema_version 2", "update"]),
        ({"schema_version": "1"}, ["schema_version"]),
        ({"name": "../x"}, ["name '../x'"]),
        ({"kind": "gan"}, ["kind"]),
        ({"steps": 31}, ["steps 31 is not 32"]),
        ({"streams": [91]}, ["streams (91,)"]),
        ({"width": 91}, ["width 91"]),
        ({"z_size": 0}, ["z_size 0"]),
        ({"z_size": 9}, ["encoder.outputs", "mu"]),
        ({"bars": "two"}, ["bars"]),
        ({"surprise": 1}, ["surprise"]),
        ({"prior_components": 3}, ["prior_weights"]),
        ({"attributes": []}, ["directions"]),
        ({"voices": [{"name": "x", "channel": 16}]}, ["channel 16"]),
        ({"variation_curve": [0, 0.7, 0.6, 1]}, ["variation_curve does not rise"]),
        ({"density_curve": [1.0, 0.5]}, ["density_curve does not have 5"]),
        ({"density_curve": [0, 0, 0, 0, 1e30]}, ["1e+30 is not within"]),
        ({"morph_curve": [0.1, 1]}, ["morph_curve does not rise"]),
        ({"voices": [{"name": "x", "program": 128}]}, ["program 128"]),
        ({"voices": [{"name": "x"}] * 65}, ["voices: more than 64"]),
        ({"voices": [{"name": "\x1b]0;evil\x07"}]}, ["voices: '\\x1b"]),
        ({"title": "x" * 101}, ["title: 'xxx", "at most 100"]),
        ({"attributes": [{"name": "a", "unit": "", "effects": {}}] * 2}, ["two have the same name"]),
        ({"attributes": [{"name": "a", "unit": "", "effects": {"a": 1e300}}]}, ["1e+300"]),
        ({"files": {}}, ["encoder.onnx is missing"]),
        ({"files": {"x.exe": {"sha256": "", "size_bytes": 0}}}, ["'x.exe'"]),
    ],
)
def test_refuses_a_manifest_that_does_not_fit_and_names_the_field(folder, fields, words):
    edit(folder, **fields)
    message = refusal(folder)
    for word in words:
        assert word in message


def test_refuses_another_representation(folder):
    edited(folder, "representation", hash="0" * 64)
    assert "representation.hash 000000000000" in refusal(folder)
    edited(folder, "representation", name="kazoo")
    assert "'kazoo'" in refusal(folder)
    edited(folder, "representation", name="melody", bars=10**9)
    assert "too many" in refusal(folder)


def test_refuses_a_manifest_that_is_no_json(folder):
    (folder / "bundle.json").write_bytes(b"{]")
    assert "bundle.json" in refusal(folder)
    (folder / "bundle.json").write_bytes(b"\xff\xfe")
    assert "bundle.json" in refusal(folder)


def test_refuses_missing_places(tmp_path, folder):
    assert "no such bundle" in refusal(tmp_path / "absent")
    (tmp_path / "empty").mkdir()
    assert "bundle.json is missing" in refusal(tmp_path / "empty")
    (tmp_path / "plain.txt").write_text("hello")
    assert "neither a folder nor" in refusal(tmp_path / "plain.txt")
    (folder / "decoder.onnx").unlink()
    assert "decoder.onnx is missing" in refusal(folder)


def test_refuses_a_changed_or_shortened_file(folder):
    path = folder / "decoder.onnx"
    data = bytearray(path.read_bytes())
    data[-5] ^= 1
    path.write_bytes(data)
    assert "decoder.onnx: sha256" in refusal(folder)
    path.write_bytes(data[:-1])
    assert "decoder.onnx: size" in refusal(folder)


def test_refuses_a_link_in_the_folder(folder, tmp_path):
    (folder / "decoder.onnx").rename(tmp_path / "elsewhere.onnx")
    (folder / "decoder.onnx").symlink_to(tmp_path / "elsewhere.onnx")
    assert "decoder.onnx is missing" in refusal(folder)


def test_refuses_an_int8_encoder_alone(tmp_path):
    files = tinybundle.files()
    del files["decoder.int8.onnx"]
    save_bundle(tmp_path / "b", tinybundle.manifest(), files)
    assert "encoder.int8.onnx without decoder.int8.onnx" in refusal(tmp_path / "b")


def test_refuses_graphs_with_other_inputs_shapes_or_types(tmp_path):
    wrong = {
        "input x: int32": helper.make_tensor_value_info("x", 6, ["B", 32, 1]),
        "inputs ['y']": helper.make_tensor_value_info("y", 7, ["B", 32, 1]),
        "shape ['B', 33, 1]": helper.make_tensor_value_info("x", 7, ["B", 33, 1]),
        "shape [1, 32, 1]": helper.make_tensor_value_info("x", 7, [1, 32, 1]),
        "shape ['B', 32]": helper.make_tensor_value_info("x", 7, ["B", 32]),
    }
    for words, info in wrong.items():
        model = tinybundle.encoder_model()
        model.graph.input[0].CopyFrom(info)
        files = {**tinybundle.files(), "encoder.onnx": model.SerializeToString()}
        save_bundle(tmp_path / "b", tinybundle.manifest(), files)
        assert words in refusal(tmp_path / "b")


def test_a_graph_may_leave_the_steps_dynamic(tmp_path):
    model = tinybundle.decoder_model()
    model.graph.input[1].CopyFrom(helper.make_tensor_value_info("perturbation", 1, ["T", "B", 90]))
    files = {**tinybundle.files(), "decoder.onnx": model.SerializeToString()}
    save_bundle(tmp_path / "b", tinybundle.manifest(), files)
    assert load_bundle(tmp_path / "b").manifest.steps == 32


def save_latents(tmp_path, **arrays):
    good = tinybundle.latents()
    values = {
        name: getattr(good, name)
        for name in ("prior_weights", "prior_means", "prior_deviations", "directions")
    }
    buffer = io.BytesIO()
    np.savez(buffer, **{**values, **arrays})
    save_bundle(
        tmp_path / "b", tinybundle.manifest(), {**tinybundle.files(), "latents.npz": buffer.getvalue()}
    )
    return tmp_path / "b"


@pytest.mark.parametrize(
    ("arrays", "word"),
    [
        ({"prior_weights": np.array([0.5, 0.4], np.float32)}, "prior_weights"),
        ({"prior_deviations": np.zeros((2, 8), np.float32)}, "prior_deviations"),
        ({"prior_means": np.full((2, 8), np.nan, np.float32)}, "prior_means"),
        ({"prior_means": np.full((2, 8), 1e5, np.float32)}, "prior_means"),
        ({"prior_means": np.zeros((8, 2), np.float32).T}, "prior_means"),
        ({"prior_means": np.zeros((2, 8), ">f4")}, "prior_means"),
        ({"directions": np.zeros((1, 9), np.float32)}, "directions"),
        ({"directions": np.zeros((1, 8))}, "directions"),
        ({"prior_means": np.array([{"a": 1}], dtype=object)}, "latents.npz"),
    ],
)
def test_refuses_latents_that_do_not_fit(tmp_path, arrays, word):
    assert word in refusal(save_latents(tmp_path, **arrays))


def test_latents_are_compared_with_their_shape_before_they_are_unpacked(tmp_path):
    buffer, values = io.BytesIO(), tinybundle.latents()
    arrays = {name: getattr(values, name) for name in ("prior_weights", "prior_means", "prior_deviations")}
    np.savez_compressed(buffer, directions=np.zeros((64, 10**6), np.float32), **arrays)
    assert len(buffer.getvalue()) < 400_000  # of 256 MB
    files = {**tinybundle.files(), "latents.npz": buffer.getvalue()}
    save_bundle(tmp_path / "b", tinybundle.manifest(), files)
    assert "latents.npz: " in refusal(tmp_path / "b")
    good = tinybundle.latents().to_bytes()
    claimed = good.replace(b"(2, 8)", b"(2**9, )"[:6], 1)
    save_bundle(tmp_path / "b", tinybundle.manifest(), {**tinybundle.files(), "latents.npz": claimed})
    assert "latents.npz: " in refusal(tmp_path / "b")


def test_a_damaged_archive_is_refused_in_a_line_that_can_be_read(tmp_path):
    """What zipfile says of a name that is not the one in its list holds all of it, however long."""
    data = bytearray(tinybundle.latents().to_bytes())
    data[26:28] = (4096).to_bytes(2, "little")  # how long the first file's own name is
    save_bundle(tmp_path / "b", tinybundle.manifest(), {**tinybundle.files(), "latents.npz": bytes(data)})
    line = refusal(tmp_path / "b")
    assert "latents.npz: cannot be read" in line
    assert line.isprintable()
    assert len(line.removeprefix(str(tmp_path))) < 400


def test_refuses_latents_that_are_no_archive(tmp_path):
    save_bundle(tmp_path / "b", tinybundle.manifest(), {**tinybundle.files(), "latents.npz": b"hello"})
    assert "latents.npz" in refusal(tmp_path / "b")


def test_latents_survive_their_file():
    good = tinybundle.latents()
    with np.load(io.BytesIO(good.to_bytes()), allow_pickle=False) as archive:
        again = Latents(**{name: archive[name] for name in archive.files})
    np.testing.assert_array_equal(again.directions, good.directions)


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "a/../../evil", "b\\evil", "C:evil"])
def test_refuses_zip_members_outside_one_flat_folder(folder, tmp_path, name):
    path = zipped(folder, tmp_path / "b.zip")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(name, b"x")
    assert "file name" in refusal(path)


def test_refuses_a_zip_bomb(folder, tmp_path):
    path = zipped(folder, tmp_path / "b.zip")
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("weights.safetensors", b"\0" * 10_000_000)
    assert "20 times" in refusal(path)


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_refuses_packings_that_unpack_a_thousandfold(folder, tmp_path, compression):
    assert "packed in a rare way" in refusal(zipped(folder, tmp_path / "b.zip", compression=compression))


def test_refuses_a_zip_of_many_files(folder, tmp_path):
    path = zipped(folder, tmp_path / "b.zip")
    with zipfile.ZipFile(path, "a") as archive:
        for number in range(100):
            archive.writestr(f"{number}.txt", b"")
    assert "more than 100 files" in refusal(path)


def test_the_list_of_a_million_files_is_not_even_read(folder, tmp_path):
    path = zipped(folder, tmp_path / "b.zip")
    data = bytearray(path.read_bytes())
    end = data.rindex(b"PK\5\6")
    data[end + 12 : end + 16] = (60_000_000).to_bytes(4, "little")  # bytes of the list, as it says
    path.write_bytes(data)
    assert "more than 100 files" in refusal(path)
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(70_000):  # beyond 65,535 the list is of another kind
            archive.writestr(f"{number}", b"")
    assert "more than 100 files" in refusal(path)


def test_a_member_longer_than_the_directory_of_the_zip_says_is_refused(folder, tmp_path):
    path = zipped(folder, tmp_path / "b.zip", compression=zipfile.ZIP_STORED)
    data = bytearray(path.read_bytes())
    entry = data.rindex(b"latents.npz") - 46  # of the central directory, whose sizes count
    assert data[entry : entry + 4] == b"PK\1\2"
    size = int.from_bytes(data[entry + 24 : entry + 28], "little")
    data[entry + 24 : entry + 28] = (size - 8).to_bytes(4, "little")
    path.write_bytes(data)
    assert "latents.npz" in refusal(path)


@pytest.mark.parametrize("damage", [b"", b"PK\5\6" + b"\xff" * 18, b"PK\1\2" * 50])
def test_what_is_no_zip_is_a_bundle_error(tmp_path, damage):
    (tmp_path / "b.zip").write_bytes(damage)
    assert "b.zip" in refusal(tmp_path / "b.zip")


def test_a_path_that_no_system_can_have_is_a_bundle_error(tmp_path):
    assert refusal(tmp_path / ("x" * 5000))
    assert refusal(f"{tmp_path}/\0")


def test_refuses_links_and_doubles_in_a_zip(folder, tmp_path):
    path = zipped(folder, tmp_path / "link.zip")
    link = zipfile.ZipInfo("weights.safetensors")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(link, b"/etc/passwd")
    assert "is a link" in refusal(path)
    path = zipped(folder, tmp_path / "double.zip")
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(path, "a") as archive:
        archive.writestr("bundle.json", b"{}")
    assert "twice" in refusal(path)


def test_refuses_a_damaged_zip_member(folder, tmp_path):
    path = zipped(folder, tmp_path / "b.zip")
    data = bytearray(path.read_bytes())
    at = data.index(b"bundle.json") + 60
    data[at : at + 40] = b"\xaa" * 40
    path.write_bytes(data)
    assert "bundle.json" in refusal(path)


def test_save_refuses_unknown_file_names(tmp_path):
    with pytest.raises(BundleError, match=r"model\.pkl"):
        save_bundle(tmp_path / "b", tinybundle.manifest(), {"model.pkl": b""})
