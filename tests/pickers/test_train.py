"""Pickers from folders: what is read, what resumes, what is refused."""

import csv
import json
import shutil
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from faket.data import Particles, Volume
from faket.errors import InputError
from faket.io.checkpoints import load_checkpoint, save_checkpoint
from faket.io.manifest import read_manifest, verify_manifest
from faket.io.mrc import read_mask, write_mask, write_volume
from faket.io.particles import write_particles
from faket.io.shrec.model import write_shrec_model
from faket.io.tensors import save_tensors
from faket.pickers.labelled import common_classes, find_models, read_labelled
from faket.pickers.pick import pick
from faket.pickers.train import train_picker
from faket.picking import Segmentation, TrainingSettings
from faket.picking.sizes import NEVER

VOXEL_A = 12.0
SHAPE = (20, 24, 28)
CLASSES = {1: "ball", 2: "box", 3: "vesicle"}
QUICK = TrainingSettings(
    epochs=2, batch=2, patch=12, width=0.25, learning_rate=2e-3, cross_entropy=1.0
)


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def write_toy(folder, seed, *, listed=True, voxel_A=VOXEL_A):
    """A model with six cubes of two classes and, at the border, a vesicle that sticks out."""
    rng = np.random.default_rng(seed)
    classes, ids = np.zeros(SHAPE, np.uint8), np.zeros(SHAPE, np.uint16)
    places, names = [], []
    for k in range(6):
        z, y, x = 5 + 9 * (k % 2), 5 + 6 * (k // 2), int(rng.integers(4, 24))
        part = np.s_[z - 1 : z + 2, y - 1 : y + 2, x - 1 : x + 2]
        classes[part], ids[part] = 1 + k % 2, k + 1
        places.append((x, y, z))
        names.append(CLASSES[1 + k % 2])
    classes[:, :2, :2], ids[:, :2, :2] = 3, 7
    places.append((-1, -1, 10))
    names.append("vesicle")
    particles = Particles(
        np.arange(1, 8), tuple(names), np.array(places) * voxel_A,
        Rotation.from_quat(np.tile([0.0, 0, 0, 1], (7, 1))), np.full((7, 3), np.nan),
    )  # fmt: skip
    volume = (rng.normal(size=SHAPE) - 4.0 * (classes > 0)).astype(np.float32)
    write_shrec_model(
        folder, grandmodel=Volume(volume, voxel_A), class_mask=classes, occupancy_mask=ids,
        particles=particles, reconstruction=Volume(volume, voxel_A),
    )  # fmt: skip
    if listed:
        write_particles(folder / "particles.csv", particles)
        lines = [f"{label} {name}" for label, name in CLASSES.items()]
        (folder / "classes.txt").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    for k in range(3):
        write_toy(folder / f"model_{k}", k)
    return folder


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory):
    return train_picker([data], tmp_path_factory.mktemp("p") / "picker", settings=QUICK, seed=1)


def fails(make, *words):
    with pytest.raises(InputError) as caught:
        make()
    text = str(caught.value)
    assert "\n" not in text
    assert all(word in text for word in words), text


def test_reads_our_models(data):
    model = read_labelled(data / "model_0")
    assert model.names == CLASSES
    assert model.voxel_size_A == pytest.approx(VOXEL_A)
    assert model.object_labels == {1: 1, 2: 2, 3: 1, 4: 2, 5: 1, 6: 2, 7: 3}
    centres = model.tomogram.centres
    assert len(centres) == 6  # the vesicle's centre is outside
    assert model.tomogram.labels[tuple(centres.T)].tolist() == [1, 2, 1, 2, 1, 2]


def test_labels_that_do_not_fit_are_refused(data, tmp_path):
    def copied():
        shutil.rmtree(tmp_path / "model_0", ignore_errors=True)
        return shutil.copytree(data / "model_0", tmp_path / "model_0")

    listed = copied() / "classes.txt"
    listed.write_text("1 ball\n3 vesicle\n")
    fails(lambda: read_labelled(listed.parent), "classes.txt (0, 1, 3), found 2")
    listed.write_text("1 ball\n2 ball\n")
    fails(lambda: read_labelled(listed.parent), "line 2", "2 ball")
    mask = copied() / "class_mask.mrc"
    write_mask(mask, read_mask(mask), 7.0)
    fails(lambda: read_labelled(mask.parent), "12 Å, found 7 Å")
    assert read_labelled(mask.parent, voxel_size_A=VOXEL_A).names == CLASSES
    write_mask(mask, read_mask(mask), 1.0)  # as by programs that do not care
    assert read_labelled(mask.parent).names == CLASSES
    flat = copied() / "reconstruction.mrc"
    write_volume(flat, Volume(np.ones(SHAPE, np.float32), VOXEL_A))
    fails(lambda: read_labelled(flat.parent), "values that differ, found 1 everywhere")


def test_names_come_from_the_particles_where_no_list_is(tmp_path):
    model = read_labelled(write_toy(tmp_path / "model_0", 5, listed=False))
    assert model.names == CLASSES


def test_a_tomogram_and_its_mask_are_enough(tmp_path, data):
    for name in ("reconstruction.mrc", "class_mask.mrc"):
        shutil.copy(data / "model_0" / name, tmp_path / name)
    model, full = read_labelled(tmp_path), read_labelled(data / "model_0")
    assert model.names == {1: "class_1", 2: "class_2", 3: "class_3"}
    inside = {tuple(c) for c in model.tomogram.centres.tolist()}
    assert {tuple(c) for c in full.tomogram.centres.tolist()} <= inside
    assert sorted(model.object_labels.values()) == [1, 1, 1, 2, 2, 2, 3]


def test_models_are_found_in_order_and_once(data, tmp_path):
    for k in (10, 9):
        shutil.copytree(data / "model_0", tmp_path / f"model_{k}")
    assert [path.name for path in find_models([tmp_path])] == ["model_9", "model_10"]
    fails(lambda: find_models([data, data / "model_1"]), "twice")
    fails(lambda: find_models([tmp_path / "nothing"]), "reconstruction.mrc", "check the path")


def test_a_training_leaves_what_picking_and_resuming_need(trained):
    names = {path.name for path in trained.folder.iterdir()}
    assert names == {
        "best.safetensors", "last.safetensors", "history.csv", "manifest.json", "run.json",
        "training.json",
    }  # fmt: skip
    assert verify_manifest(trained.folder / "manifest.json") == ()
    assert read_manifest(trained.folder / "manifest.json")["seed"] == 1
    with open(trained.folder / "history.csv", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    last = load_checkpoint(trained.folder / "last.safetensors")
    assert [float(row["loss"]) for row in rows] == [record.loss for record in last.history]
    assert last.classes == ("background", "ball", "box", "vesicle")
    best = load_checkpoint(trained.best)
    assert best.epoch == last.best_epoch
    assert len(best.minimum_sizes) == len(best.typical_sizes) == 4
    assert [size == NEVER for size in best.minimum_sizes] == [False, False, False, True]


def test_an_interrupted_training_ends_with_the_same_bytes(data, trained, tmp_path):
    class Stop(Exception):
        pass

    def interrupt(what, done, total):
        if what.startswith("epoch 2") and done == 8:
            raise Stop

    out = tmp_path / "picker"
    with pytest.raises(Stop):
        train_picker([data], out, settings=QUICK, seed=1, report=interrupt)
    assert load_checkpoint(out / "last.safetensors").epoch == 1
    train_picker([data], out, settings=QUICK, seed=1)
    for name in ("best.safetensors", "last.safetensors", "history.csv", "manifest.json"):
        assert (out / name).read_bytes() == (trained.folder / name).read_bytes(), name


def test_more_epochs_continue_and_another_training_is_refused(data, trained, tmp_path):
    out = shutil.copytree(trained.folder, tmp_path / "picker")
    more = replace(QUICK, epochs=3)
    longer = train_picker([data], out, settings=more, seed=1, keep_every=3)
    direct = train_picker([data], tmp_path / "direct", settings=more, seed=1)
    ends = [load_checkpoint(folder / "last.safetensors") for folder in (out, direct.folder)]
    assert ends[0].epoch == ends[1].epoch == 3
    assert all(torch.equal(ends[0].weights[k], ends[1].weights[k]) for k in ends[0].weights)
    assert (out / "epoch_0003.safetensors").exists()
    assert longer.checkpoint.epoch == direct.checkpoint.epoch
    fails(lambda: train_picker([data], out, settings=QUICK, seed=2), "seed = 1, found 2")
    narrow = replace(QUICK, width=0.5)
    fails(lambda: train_picker([data], out, settings=narrow, seed=1), "width = 0.25, found 0.5")
    (out / "training.json").write_text("{")
    fails(lambda: train_picker([data], out, settings=more, seed=1), "training.json damaged")
    busy = tmp_path / "busy"
    busy.mkdir()
    (busy / "thesis.txt").write_text("mine")
    fails(lambda: train_picker([data], busy, settings=QUICK), "empty folder")


def test_fewer_epochs_than_there_are_is_refused(data, trained):
    before = (trained.folder / "manifest.json").read_bytes()
    fewer = replace(QUICK, epochs=1)
    fails(lambda: train_picker([data], trained.folder, settings=fewer, seed=1), "the 2 epochs")
    assert (trained.folder / "manifest.json").read_bytes() == before


@pytest.mark.parametrize(
    "name", ["particles.csv", "particle_locations.txt", "occupancy_mask.mrc", "classes.txt"]
)
def test_a_training_whose_labels_changed_is_another(data, trained, tmp_path, name):
    copy = shutil.copytree(data, tmp_path / "data")
    out = shutil.copytree(trained.folder, tmp_path / "picker")
    train_picker([copy], out, settings=QUICK, seed=1)
    path = copy / "model_0" / name
    path.write_bytes(path.read_bytes() + b"\n" * 4)
    fails(lambda: train_picker([copy], out, settings=QUICK, seed=1), "other tomograms, labels")


def test_a_checkpoint_that_has_all_epochs_is_not_fine_tuned(data, trained, tmp_path):
    out, start = tmp_path / "tuned", trained.folder / "last.safetensors"
    fails(
        lambda: train_picker([data / "model_2"], out, settings=QUICK, start=start),
        "more epochs than the checkpoint's 2",
    )
    assert not out.exists()


def test_a_rate_that_falls_to_zero_is_not_continued(data, tmp_path):
    falling = replace(QUICK, schedule="linear", epochs=1)
    done = train_picker([data], tmp_path / "picker", settings=falling)
    again = train_picker([data], tmp_path / "picker", settings=falling)
    assert again.checkpoint.epoch == done.checkpoint.epoch == 1
    more = replace(falling, epochs=2)
    fails(
        lambda: train_picker([data], tmp_path / "picker", settings=more),
        "epochs = 1, found 2", "`start`",
    )  # fmt: skip


def test_fine_tuning_goes_on_from_a_checkpoint(data, trained, tmp_path):
    sources = [data / "model_2"]
    tuned = train_picker(
        sources, tmp_path / "tuned", settings=replace(QUICK, epochs=3), start=trained.best, seed=5
    )
    start = trained.checkpoint.epoch
    assert [r.epoch for r in tuned.checkpoint.history] == list(range(start + 1, 4))
    steps = float(tuned.checkpoint.optimiser["step:classify.weight"])
    assert steps == start * 6 + (3 - start) * 3
    assert tuned.checkpoint.minimum_sizes is None  # nothing to learn them on


def test_picks_name_the_classes_and_lie_in_the_tomogram(trained, data):
    model = read_labelled(data / "model_2")
    volume = Volume(model.tomogram.volume, VOXEL_A)
    for method in ("components", "meanshift"):
        found = pick(volume, trained.checkpoint, method=method, minimum_sizes=[1] * 4)
        assert set(found.picks.species) <= set(CLASSES.values())
        edges = (np.array(SHAPE[::-1]) - 1) * VOXEL_A
        assert ((found.picks.positions_A >= 0) & (found.picks.positions_A <= edges)).all()
        assert ((found.picks.scores >= 0) & (found.picks.scores <= 1)).all()
    fails(lambda: pick(Volume(volume.data, 10.0), trained.checkpoint), "12 Å", "10 Å")
    flat = Volume(np.zeros_like(volume.data), VOXEL_A)
    fails(lambda: pick(flat, trained.checkpoint), "values that differ")


def test_mean_shift_keeps_of_the_learnt_sizes_only_what_is_left_out(trained, data, monkeypatch):
    model = read_labelled(data / "model_2")
    labels = model.tomogram.labels
    told = Segmentation(labels, np.ones(labels.shape, np.float32), binning=1)
    monkeypatch.setattr("faket.pickers.pick.segment", lambda *args, **options: told)
    strict = replace(trained.checkpoint, minimum_sizes=(1, 10**6, 10**6, NEVER))
    volume = Volume(model.tomogram.volume, VOXEL_A)
    assert len(pick(volume, strict).picks) == 0
    shifted = pick(volume, strict, method="meanshift").picks.species
    everything = pick(volume, strict, method="meanshift", minimum_sizes=[1] * 4).picks.species
    assert set(everything) == set(CLASSES.values())
    assert shifted == tuple(name for name in everything if name != "vesicle")


def test_a_checkpoint_is_as_public_as_other_files_and_a_damaged_one_is_called_so(trained, tmp_path):
    history = (trained.folder / "history.csv").stat().st_mode
    assert trained.best.stat().st_mode == history
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(trained.best.read_bytes()[:-100])
    fails(lambda: load_checkpoint(broken), "broken.safetensors", "damaged")


def test_a_checkpoint_is_the_same_after_reading(trained, tmp_path):
    save_checkpoint(tmp_path / "again.safetensors", load_checkpoint(trained.best))
    assert (tmp_path / "again.safetensors").read_bytes() == trained.best.read_bytes()


def test_a_checkpoint_from_before_there_were_two_pickers_is_deepfinders(trained, tmp_path):
    best = load_checkpoint(trained.best)
    arrays, facts = best.to_arrays()
    entries = {k: v for k, v in asdict(facts).items() if k not in ("picker", "spectrum")}
    file = tmp_path / "old.safetensors"
    save_tensors(file, "faket picker 1", arrays, {"facts": json.dumps(entries)})
    old = load_checkpoint(file)
    assert (old.picker, old.spectrum) == ("deepfinder", None)
    assert sum(best.spectrum) == pytest.approx(1)
    assert old.network().state_dict().keys() == best.network().state_dict().keys()


def test_what_is_no_checkpoint_is_refused(tmp_path):
    fails(lambda: load_checkpoint(tmp_path / "none"), "no file")
    bad = tmp_path / "bad.safetensors"
    bad.write_bytes(b"not at all")
    fails(lambda: load_checkpoint(bad), "another or a damaged file")
    from safetensors.numpy import save_file

    for text in ('{"format": "another"}', "[]", "{"):
        save_file({"a": np.zeros(3)}, bad, {"faket": text})
        fails(lambda: load_checkpoint(bad), "faket picker 1")


def test_data_that_do_not_belong_together_are_refused(data, trained, tmp_path):
    broken = shutil.copytree(data / "model_0", tmp_path / "model_0")
    write_mask(broken / "class_mask.mrc", np.ones((20, 24, 26), np.uint8), VOXEL_A)
    fails(lambda: read_labelled(broken), "class_mask.mrc", "(20, 24, 26)")

    swapped = shutil.copytree(data / "model_0", tmp_path / "model_1")
    mask = read_labelled(swapped).tomogram.labels
    write_mask(swapped / "class_mask.mrc", np.array([0, 2, 1, 3], np.uint8)[mask], VOXEL_A)
    fails(lambda: read_labelled(swapped), "another class in the mask")

    empty = shutil.copytree(data / "model_0", tmp_path / "model_2")
    write_mask(empty / "class_mask.mrc", np.zeros(SHAPE, np.uint8), VOXEL_A)
    (empty / "occupancy_mask.mrc").unlink()
    fails(lambda: read_labelled(empty), "found none")

    coarse = write_toy(tmp_path / "model_3", 1, voxel_A=20.0)
    models = [read_labelled(path) for path in (data / "model_0", coarse)]
    fails(lambda: common_classes(models), "20 Å")

    renamed = shutil.copytree(data / "model_0", tmp_path / "model_4")
    (renamed / "classes.txt").write_text("1 box\n2 ball\n3 vesicle\n")
    (renamed / "particles.csv").unlink()
    (renamed / "occupancy_mask.mrc").unlink()
    models = [read_labelled(path) for path in (data / "model_0", renamed)]
    fails(lambda: common_classes(models), "class 1", "ball", "box")
    out = tmp_path / "out"
    start = trained.best
    fails(
        lambda: train_picker([renamed], out, settings=replace(QUICK, epochs=5), start=start),
        "same classes",
    )
    large = replace(QUICK, patch=24)
    fails(lambda: train_picker([data], out, settings=large), "smaller `patch`")
    assert not (out / "last.safetensors").exists()


def test_the_validation_tomogram_is_not_trained_on(data, tmp_path):
    fails(
        lambda: train_picker(
            [data / "model_0"], tmp_path / "o", settings=QUICK, validation=data / "model_0"
        ),
        "other tomograms",
    )
    fails(
        lambda: train_picker([data], tmp_path / "o", settings=QUICK, validation=data), "one model"
    )


def test_volumes_with_nan_are_refused_when_read(data, tmp_path):
    broken = shutil.copytree(data / "model_0", tmp_path / "model_0")
    volume = read_labelled(broken).tomogram.volume
    write_volume(broken / "reconstruction.mrc", Volume(volume, VOXEL_A))
    raw = bytearray((broken / "reconstruction.mrc").read_bytes())
    raw[1024:1028] = np.float32(np.nan).tobytes()
    (broken / "reconstruction.mrc").write_bytes(raw)
    fails(lambda: read_labelled(broken), "reconstruction.mrc")
