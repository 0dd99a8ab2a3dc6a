"""`faket train` and `faket pick`, from files to files."""

import shutil
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from scipy import ndimage

from faket.cli.app import run
from faket.data import Volume
from faket.io.checkpoints import load_checkpoint, save_checkpoint
from faket.io.manifest import read_manifest
from faket.io.mrc import read_mask, read_volume, read_voxel_size, write_mask, write_volume
from faket.io.picks import read_picks
from faket.io.star import read_star
from faket.pickers.labelled import read_labelled
from faket.picking import TRAINING_PRESETS, TrainingSettings

SHAPE, VOXEL_A = (16, 20, 24), 14.0


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Two tomograms with cubes, nothing else but their masks and names."""
    folder = tmp_path_factory.mktemp("data")
    for k in range(2):
        rng = np.random.default_rng(k)
        labels = np.zeros(SHAPE, np.uint8)
        for i, x in enumerate((4, 12, 19)):
            labels[6:10, 3 + 5 * i : 7 + 5 * i, x - 2 : x + 2] = 1 + i % 2
        volume = (rng.normal(size=SHAPE) * 0.3 - 4.0 * (labels > 0)).astype(np.float32)
        model = folder / f"model_{k}"
        model.mkdir()
        write_volume(model / "reconstruction.mrc", Volume(volume, VOXEL_A))
        write_mask(model / "class_mask.mrc", labels, VOXEL_A)
        (model / "classes.txt").write_text("1 cube\n2 block\n")
    return folder


OPTIONS = ("--preset", "quick", "--epochs", "1", "--batch", "2", "--patch", "12",
           "--warm-up-steps", "0")  # fmt: skip


@pytest.fixture(scope="module")
def picker(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("p") / "picker"
    assert run(["train", str(data), "--out", str(out), *OPTIONS]) == 0
    return out / "best.safetensors"


def test_options_change_the_values_of_a_preset(picker):
    settings = read_manifest(picker.parent / "manifest.json")["settings"]
    quick = asdict(TRAINING_PRESETS["quick"])
    given = {"epochs": 1, "batch": 2, "patch": 12, "warm_up_steps": 0, "voxel_size_A": None}
    assert settings == {**quick, **given}
    assert TRAINING_PRESETS["published"] == TrainingSettings()


def test_pick_knows_from_the_checkpoint_which_network_it_is(data, tmp_path, capsys):
    out = tmp_path / "unet"
    assert run(["train", str(data), "--out", str(out), *OPTIONS, "--picker", "unet"]) == 0
    assert load_checkpoint(out / "best.safetensors").picker == "unet"
    tomogram = data / "model_1/reconstruction.mrc"
    found = tmp_path / "picks.csv"
    assert run(["pick", str(tomogram), str(out / "best.safetensors"), "--out", str(found)]) == 0
    assert found.exists()
    start = ("--start", out / "last.safetensors", "--epochs", "2")
    text = fails(
        capsys, "train", data, "--out", tmp_path / "more", *OPTIONS[:2], *OPTIONS[4:], *start
    )
    assert "expected the picker deepfinder, found unet; set --picker" in text


def test_another_filter_is_noticed_when_training_and_when_picking(data, picker, tmp_path, capsys):
    smooth = shutil.copytree(data / "model_1", tmp_path / "smooth") / "reconstruction.mrc"
    volume = read_volume(smooth)
    write_volume(smooth, replace(volume, data=ndimage.gaussian_filter(volume.data, 1)))
    out = tmp_path / "picks.csv"
    line = "expected the spectrum of the training tomograms, found power that differs by a factor"

    def told(*arguments):
        assert run([str(a) for a in arguments]) == 0
        return [text for text in capsys.readouterr().err.splitlines() if line in text]

    assert not told("pick", data / "model_1/reconstruction.mrc", picker, "--out", out)
    (notice,) = told("pick", smooth, picker, "--out", out)
    assert notice.endswith("or train with --augment")
    old = replace(load_checkpoint(picker), spectrum=None)  # of an earlier version
    save_checkpoint(tmp_path / "old.safetensors", old)
    assert not told("pick", smooth, tmp_path / "old.safetensors", "--out", out)
    judged = ("--validation", smooth.parent, "--out", tmp_path / "p")
    (notice,) = told("train", data, *judged, *OPTIONS, "--augment")
    assert str(smooth.parent) in notice
    settings = read_manifest(tmp_path / "p/manifest.json")["settings"]
    assert settings["augment"] is True


def test_steps_are_rounded_to_epochs(data, tmp_path, capsys):
    out = tmp_path / "picker"
    few = ("--preset", "quick", "--patch", "12", "--warm-up-steps", "0", "--batch", "2")
    assert "found both" in fails(
        capsys, "train", data, "--out", out, *few, "--steps", "4", "--epochs", "2"
    )
    assert run(["train", str(data), "--out", str(out), *few, "--steps", "7"]) == 0
    settings = read_manifest(out / "manifest.json")["settings"]
    tomogram = read_labelled(data / "model_0").tomogram
    assert settings["epochs"] == round(7 / (len(tomogram.centres) // 2)) > 1
    tuned = ["train", str(data), "--out", str(tmp_path / "tuned"), *few, "--steps", "7"]
    assert run([*tuned, "--start", str(out / "last.safetensors")]) == 0
    assert load_checkpoint(tmp_path / "tuned/last.safetensors").epoch == 2 * settings["epochs"]
    assert run([*tuned, "--start", str(out / "last.safetensors")]) == 0  # it is finished


def fails(capsys, *arguments):
    assert run([str(a) for a in arguments]) == 2
    text = capsys.readouterr().err
    lines = [line for line in text.splitlines() if line.startswith("faket: ")]
    assert len(lines) == 1
    assert text.endswith(lines[0] + "\n")
    return lines[0]


def test_train_then_pick(picker, data, tmp_path, capsys):
    checkpoint = load_checkpoint(picker)
    assert checkpoint.classes == ("background", "cube", "block")
    assert checkpoint.history[0].mean_f1 is not None  # on the second of two tomograms
    tomogram = data / "model_1" / "reconstruction.mrc"
    for name in ("picks.csv", "picks.txt", "picks.star"):
        out, labels = tmp_path / name, tmp_path / "picks.mrc"
        assert run(
            ["pick", str(tomogram), str(picker), "--out", str(out), "--minimum-size", "1",
             "--labels", str(labels)]
        ) == 0  # fmt: skip
        said = capsys.readouterr().out
        picks = read_picks(out, SHAPE, VOXEL_A, tomogram="reconstruction")
        assert f"cube: {picks.species.count('cube')}" in said
        if out.suffix == ".star":  # numbers as in training, whatever was found
            numbers = {"cube": "1", "block": "2"}
            table = read_star(out)["particles"]
            assert table["rlnClassNumber"] == [numbers[name] for name in picks.species]
        for made in (out, labels):
            manifest = read_manifest(made.with_name(f"{made.name}.manifest.json"))
            assert manifest["kind"] == "pick"
            assert [item["path"] for item in manifest["outputs"]] == [made.name]
        assert read_mask(labels).shape == (8, 10, 12)
        assert read_voxel_size(labels) == pytest.approx(2 * VOXEL_A)


def test_the_help_tells_defaults_and_units(capsys):
    assert run(["train", "--help"]) == 0
    text = capsys.readouterr().out
    for word in ("--patch", "--width", "voxels"):
        assert word in text
    flat = " ".join(text.replace("│", " ").split())
    published, quick = (asdict(TRAINING_PRESETS[name]) for name in ("published", "quick"))
    for name in published:
        if published[name] != quick[name]:
            one, two = (
                v if isinstance(v, str) else f"{v:.4g}" for v in (published[name], quick[name])
            )
            option = flat[flat.index("--" + name.replace("_", "-")) :]
            assert f"[{one}, {two}]" in option[:220], name


def test_bad_input_is_one_line(picker, data, tmp_path, capsys):
    tomogram = data / "model_1" / "reconstruction.mrc"
    assert "found none" in fails(capsys, "train", "--out", tmp_path / "o")
    assert "multiple of 4" in fails(capsys, "train", data, "--out", tmp_path / "o", "--patch", "30")
    wide = ("train", data, "--out", tmp_path / "o", "--patch", "12", "--batch", "9")
    assert "smaller --batch" in fails(capsys, *wide)
    assert "faket train" in fails(capsys, "pick", tomogram, tomogram, "--out", tmp_path / "p.csv")
    assert ".csv, .star or .txt" in fails(capsys, "pick", tomogram, picker, "--out", "p.mrc")
    assert "use .mrc" in fails(
        capsys, "pick", tomogram, picker, "--out", tmp_path / "p.csv", "--labels", "l.csv"
    )
    assert "14 Å" in fails(
        capsys, "pick", tomogram, picker, "--out", tmp_path / "p.csv", "--voxel-size-A", "9"
    )
    taken = shutil.copy(picker, tmp_path / "copy.csv")
    assert "found an input" in fails(capsys, "pick", tomogram, taken, "--out", taken)
    assert not (tmp_path / "p.csv").exists()
