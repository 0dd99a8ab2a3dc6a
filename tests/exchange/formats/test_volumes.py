"""Folders for pickers that train on volumes: layout, numbers and places."""

import csv
import gzip
import json
import logging
import struct
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from faket.data import Volume
from faket.errors import InputError
from faket.exchange.find import Selection, find_tomograms
from faket.exchange.formats import membrain_seg, tomotwin
from faket.exchange.formats.copick import copick_names
from faket.exchange.labels import label_planes
from faket.exchange.links import link
from faket.exchange.radii import radii_A
from faket.exchange.run import export
from faket.io.content import changed_ns, sha256_of
from faket.io.failures import notice
from faket.io.mrc import read_mask, read_volume, write_mask, write_volume
from faket.io.ome_zarr import read_image, read_planes
from faket.io.particles import write_particles
from faket.pickers.labelled import read_labelled
from made_up_datasets import CLASSES, SHAPE, VOXEL_A, particles, write_dataset


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return write_dataset(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def write(dataset, tmp_path_factory):
    """Write the data set in a format, once for all tests."""
    written = {}

    def folder(name):
        if name not in written:
            out = tmp_path_factory.mktemp("export") / name
            written[name] = export(find_tomograms(dataset), out, name)
        return written[name]

    return folder


def true_mask(dataset, index=0):
    return read_mask(dataset / f"model_{index}" / "class_mask.mrc")


def test_a_copick_project_has_tomograms_labels_and_picks_at_two_spacings(dataset, write):
    run = write("copick") / "static" / "ExperimentRuns" / "model_0"
    volume = read_volume(dataset / "model_0" / "reconstruction.mrc").data
    first = read_image(run / "VoxelSpacing10.000" / "wbp.zarr")
    second = read_image(run / "VoxelSpacing20.000" / "wbp.zarr")
    assert np.array_equal(first.data, volume)
    assert (second.voxel_size_A, second.data.shape) == (20.0, (8, 15, 20))
    for spacing, step in (("10.000", 1), ("20.000", 2)):
        labels = run / "Segmentations" / f"{spacing}_faket_0_classes-multilabel.zarr"
        planes, _, size_A = read_planes(labels)
        assert size_A == float(spacing)
        assert np.array_equal(list(planes), true_mask(dataset)[::step, ::step, ::step])


def test_tomograms_kept_as_ome_zarr_are_exported_as_others_are(dataset, tmp_path):
    """MRC files where a program reads those; links in folders that faket itself reads."""
    source = write_dataset(tmp_path / "data", 1, zarr=True, packed=True)
    kept = source / "model_0" / "reconstruction.zarr"
    volume = read_volume(dataset / "model_0" / "reconstruction.mrc").data
    found = find_tomograms(source)
    assert find_tomograms(kept)[0].name == "model_0"
    out = export(found, tmp_path / "deepfinder", "deepfinder")
    assert np.array_equal(read_volume(out / "train" / "model_0.mrc").data, volume)
    out = export(found, tmp_path / "copick", "copick")
    assert np.array_equal(read_image(next(out.rglob("wbp.zarr"))).data, volume)
    model = export(found, tmp_path / "faket", "faket") / "model_0"
    assert sha256_of(model / "reconstruction.zarr") == sha256_of(kept)
    read = read_labelled(model)
    assert np.array_equal(read.tomogram.volume, volume)
    assert np.array_equal(read.tomogram.labels, true_mask(dataset))
    assert sorted(set(read.names.values())) == sorted(CLASSES.values())
    (kept / "0" / "0" / "0" / "0").write_bytes(
        b"none"
    )  # any change of a block is seen by the next export
    with pytest.raises(InputError, match="damage"):
        export(find_tomograms(source), tmp_path / "deepfinder", "deepfinder")


@settings(max_examples=5, phases=[Phase.explicit, Phase.generate])  # no long search when it fails
@given(
    shape=st.tuples(st.integers(2, 20), st.integers(2, 20), st.integers(2, 20)),
    size_A=st.floats(1, 40),
    seed=st.integers(0, 99),
)
def test_any_tomogram_and_labels_read_back(tmp_path_factory, shape, size_A, seed):
    """Of every shape and voxel size, and with classes that do not occur."""
    root, rng = tmp_path_factory.mktemp("any"), np.random.default_rng(seed)
    volume = Volume(rng.normal(0, 10.0 ** rng.integers(-9, 9), shape).astype(np.float32), size_A)
    labels = rng.choice([0, 1, 2, 4], shape).astype(np.uint8)
    nothing = particles(0).select(np.array([], np.intp))
    write_volume(root / "reconstruction.mrc", volume)
    write_mask(root / "class_mask.mrc", labels, size_A)
    write_mask(root / "occupancy_mask.mrc", np.zeros(shape, np.uint8), size_A)
    (root / "classes.txt").write_text("1 ring\n2 rod\n3 never\n4 vesicle\n")
    write_particles(root / "particles.csv", nothing)
    found = find_tomograms(root)
    name = root.name
    run = export(found, root / "copick", "copick") / "static" / "ExperimentRuns" / name
    spacing = f"{size_A:.3f}"
    image = read_image(run / f"VoxelSpacing{spacing}" / "wbp.zarr")
    assert np.array_equal(image.data, volume.data)
    assert image.voxel_size_A == pytest.approx(size_A, rel=1e-6)
    file = run / "Segmentations" / f"{spacing}_faket_0_classes-multilabel.zarr"
    assert np.array_equal(list(read_planes(file)[0]), labels)
    out = export(found, root / "deepfinder", "deepfinder")
    assert np.array_equal(read_volume(out / "train" / f"{name}.mrc").data, volume.data)
    assert np.array_equal(read_mask(out / "train" / f"{name}_target.mrc"), labels)
    out = export(found, root / "nnunet", "nnunet")
    for path, there in ((f"imagesTr/{name}_0000", volume.data), (f"labelsTr/{name}", labels)):
        raw = gzip.decompress((out / f"{path}.nii.gz").read_bytes())
        assert struct.unpack_from("<8h", raw, 40)[1:4] == shape[::-1]
        # MRC tells the length of an axis, from which the size follows to 1e-7.
        assert struct.unpack_from("<f", raw, 80)[0] == pytest.approx(size_A, rel=1e-6)
        assert np.array_equal(np.frombuffer(raw, there.dtype, offset=352).reshape(shape), there)


def test_a_copick_project_that_was_moved_is_mended_by_the_same_command(dataset, tmp_path):
    """Copick takes relative paths from the reader's own folder, so those of the config are not."""
    export(find_tomograms(dataset), tmp_path / "before", "copick")
    (tmp_path / "before").rename(tmp_path / "after")
    tomogram = next((tmp_path / "after").rglob("wbp.zarr"))
    written = changed_ns(tomogram)
    export(find_tomograms(dataset), tmp_path / "after", "copick")
    config = json.loads((tmp_path / "after" / "config.json").read_text())
    assert config["static_root"] == f"local://{(tmp_path / 'after' / 'static').resolve()}"
    assert changed_ns(tomogram) == written


def test_a_pick_on_a_voxel_of_copick_is_index_times_spacing_with_its_matrix(write):
    picks = write("copick") / "static" / "ExperimentRuns" / "model_0" / "Picks"
    record = json.loads((picks / "faket_0_rod.json").read_text())
    true = particles(0)
    chosen = [i for i, name in enumerate(true.species) if name == "rod"]
    for point, i in zip(record["points"], chosen, strict=True):
        place = [point["location"][axis] for axis in "xyz"]
        np.testing.assert_allclose(place, true.positions_A[i])
        matrix = np.array(point["transformation_"])
        np.testing.assert_allclose(matrix[:3, :3], true.rotations[i].as_matrix(), atol=1e-12)
        np.testing.assert_allclose(matrix[3], [0, 0, 0, 1])
    assert record["trust_orientation"]
    assert json.loads((picks / "faket_0_never.json").read_text())["points"] == []
    assert not (picks / "faket_0_fiducial.json").exists()


def test_the_config_of_copick_lists_every_class(write):
    folder = write("copick")
    config = json.loads((folder / "config.json").read_text())
    assert config["static_root"] == f"local://{(folder / 'static').resolve()}"
    objects = {each["name"]: each for each in config["pickable_objects"]}
    assert {name: each["label"] for name, each in objects.items()} == {
        name: number for number, name in CLASSES.items()
    }
    assert [name for name, each in objects.items() if each["is_particle"]] == [
        "ring", "rod", "never",
    ]  # fmt: skip
    assert 10 < objects["ring"]["radius"] < 30
    assert len({tuple(each["color"]) for each in objects.values()}) == len(CLASSES)


def test_names_that_copick_refuses_are_changed_and_said(dataset, tmp_path, caplog):
    assert copick_names(["a_b", "c d", "-e-"]) == {"a_b": "a-b", "c d": "c-d", "-e-": "e"}
    with pytest.raises(InputError, match=r"'a-b' would remain; give `map` a_b=NAME"):
        copick_names(["a-b", "a_b"])
    with pytest.raises(InputError, match="''"):
        copick_names(["__"])
    notice.cache_clear()
    with caplog.at_level(logging.WARNING, "faket"):
        renamed = find_tomograms(dataset, Selection(renames={"ring": "my_ring"}))
        export(renamed, tmp_path / "out", "copick")
    assert "my_ring → my-ring" in caplog.text
    picks = tmp_path / "out/static/ExperimentRuns/model_0/Picks/faket_0_my-ring.json"
    assert json.loads(picks.read_text())["pickable_object_name"] == "my-ring"


def test_the_challenge_has_its_own_names_of_files(write):
    train = write("czii") / "train"
    tomogram = train / "static/ExperimentRuns/model_1/VoxelSpacing10.000/denoised.zarr"
    assert read_image(tomogram).data.shape == SHAPE
    picks = train / "overlay/ExperimentRuns/model_1/Picks/ring.json"
    assert len(json.loads(picks.read_text())["points"]) == 3


def test_deepfinder_gets_links_targets_and_whole_voxels(dataset, write):
    folder = write("deepfinder")
    source = dataset / "model_0" / "reconstruction.mrc"
    assert (folder / "train" / "model_0.mrc").samefile(source)
    target = read_mask(folder / "train" / "model_0_target.mrc")
    assert np.array_equal(target, true_mask(dataset))
    assert (folder / "valid" / "model_1_objl.xml").exists()
    true = particles(0)
    objects = ElementTree.parse(folder / "train" / "model_0_objl.xml").getroot()
    for i, found in enumerate(objects):
        place = [int(found.get(axis)) for axis in "xyz"]
        assert place == np.rint(true.positions_A[i] / VOXEL_A).tolist()
        angles = [float(found.get(name)) for name in ("phi", "the", "psi")]
        turned = Rotation.from_euler("zxz", angles, degrees=True)
        assert np.degrees((turned.inv() * true.rotations[i]).magnitude()) < 0.02
    assert len(objects) == len(true) - 1


def test_deepict_gets_a_mask_and_a_list_for_each_class(dataset, write):
    (first, _) = csv.DictReader((write("deepict") / "metadata.csv").read_text().splitlines())
    assert read_volume(first["tomo"]).data.shape == SHAPE
    assert np.array_equal(read_mask(first["rod_mask"]), true_mask(dataset) == 2)
    with open(first["path_to_motl_clean_rod"]) as stream:
        rows = [[float(cell) for cell in row] for row in csv.reader(stream)]
    true = particles(0)
    chosen = [i for i, name in enumerate(true.species) if name == "rod"]
    assert [len(row) for row in rows] == [20] * len(chosen)
    assert [row[7:10] for row in rows] == np.rint(true.positions_A[chosen] / VOXEL_A).tolist()
    assert first["path_to_motl_clean_never"] == ""
    renamed = find_tomograms(dataset, Selection(renames={"ring": "a/b"}))
    with pytest.raises(InputError, match=r"expected letters, digits.*`map` a/b=a-b"):
        export(renamed, write("deepict").parent / "other", "deepict")


def test_deepetpicker_gets_classes_and_whole_voxels(write):
    lines = (write("deepetpicker") / "raw_data" / "model_0.coords").read_text().splitlines()
    places = np.rint(particles(0).positions_A / VOXEL_A).astype(int)
    expected = [f"{1 + i % 2}\t" + "\t".join(map(str, places[i])) for i in range(5)]
    assert lines == expected
    table = (write("deepetpicker") / "classes.csv").read_text().splitlines()
    assert table[:2] == ["label,name,ocp_diameter", "1,ring,5"]


def test_nnunet_gets_labels_without_gaps(dataset, write, tmp_path):
    record = json.loads((write("nnunet") / "dataset.json").read_text())
    assert record["labels"] == {"background": 0, **{n: i for i, n in CLASSES.items()}}
    assert record["numTraining"] == 2
    merged = find_tomograms(dataset, Selection(renames={"rod": "ring"}, tomograms=("model_0",)))
    out = export(merged, tmp_path / "merged", "nnunet")
    raw = gzip.decompress((out / "labelsTr" / "model_0.nii.gz").read_bytes())
    labels = np.frombuffer(raw, np.uint8, offset=352).reshape(SHAPE)
    true = true_mask(dataset)
    assert np.array_equal(labels, np.select([true == 5, true > 0], [4, 1]))


def test_membrain_gets_patches_that_hold_a_membrane(dataset, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(membrain_seg, "_PATCH", 16)
    notice.cache_clear()
    renamed = find_tomograms(dataset, Selection(renames={"vesicle": "old", "ring": "vesicle"}))
    with caplog.at_level(logging.WARNING, "faket"):
        out = export(renamed, tmp_path / "rings", "membrain-seg")
        bare = export(find_tomograms(dataset), tmp_path / "bare", "membrain-seg")
    assert [path.name for path in bare.iterdir() if path.is_dir()] == [".faket-export"]
    assert "model_0/reconstruction.mrc: no membrane in it" in caplog.text
    true, seen = true_mask(dataset) == 1, np.zeros(SHAPE, bool)
    for path in sorted((out / "labelsTr").iterdir()):
        name, z, y, x = path.name.removesuffix(".nii.gz").rsplit("_", 3)
        box = tuple(slice(int(start[1:]), int(start[1:]) + 16) for start in (z, y, x))
        raw = gzip.decompress(path.read_bytes())
        labels = np.frombuffer(raw, np.uint8, offset=352).reshape(16, 16, 16)
        assert np.array_equal(labels, true[box])
        seen[box] |= labels > 0
        assert (out / "imagesTr" / path.name.replace(".nii", "_0000.nii")).exists()
        assert name == "model_0"
    assert np.array_equal(seen, true)
    none = [
        replace(one, classes={n: name for n, name in one.classes.items() if name != "vesicle"})
        for one in find_tomograms(dataset)
    ]
    with pytest.raises(InputError, match="expected vesicles or membranes, which MemBrain-seg"):
        export(none, tmp_path / "none", "membrain-seg")


def test_tomotwin_gets_a_box_about_each_particle(dataset, tmp_path, monkeypatch):
    monkeypatch.setattr(tomotwin, "_BOX", 5)
    renamed = find_tomograms(dataset, Selection(renames={"ring": "1abc"}))
    out = export(renamed, tmp_path / "out", "tomotwin")
    volume = read_volume(dataset / "model_0" / "reconstruction.mrc").data
    true, count = particles(0), 0
    for i, name in enumerate(true.species[:-1]):
        place = np.rint(true.positions_A[i, ::-1] / VOXEL_A).astype(int)
        code = "1ABC" if name == "ring" else "0002"
        file = out / "train" / f"id{code}_model_0_{i + 1}.mrc"
        if (place < 2).any() or (place + 3 > SHAPE).any():
            assert not file.exists()
            continue
        box = tuple(slice(centre - 2, centre + 3) for centre in place)
        assert np.array_equal(read_volume(file).data, volume[box])
        count += 1
    assert count > 2
    assert "0003,never" in (out / "classes.csv").read_text()


def test_radii_are_given_or_measured_where_no_border_cuts(dataset):
    measured = radii_A(find_tomograms(dataset))
    # A cube of 3 voxels about the nearest voxel: its corner is √3 voxels away, and up to half more.
    assert all(15 < radius < 26 for radius in measured.values())
    assert set(measured) == {"ring", "rod", "fiducial"}
    given = radii_A(find_tomograms(dataset, Selection(radii_A={"ring": 7.0})))
    assert given == {**measured, "ring": 7.0}


def test_the_labels_of_picks_are_balls(dataset, tmp_path):
    picks = export(find_tomograms(dataset), tmp_path / "picks", "csv")
    chosen = Selection(picks=picks, radii_A={"ring": 25.0, "rod": 15.0})
    (tomogram, _) = find_tomograms(dataset, chosen)
    labels = np.array(list(label_planes(tomogram, {"ring": 7, "rod": 9})))
    true = particles(0)
    grid = np.moveaxis(np.indices(SHAPE), 0, -1)[..., ::-1] * VOXEL_A  # x y z
    for name, label, radius_A in (("ring", 7, 25.0), ("rod", 9, 15.0)):
        places = [true.positions_A[i] for i, other in enumerate(true.species) if other == name]
        inside = [np.linalg.norm(grid - place, axis=-1) <= radius_A for place in places]
        if label == 9:  # the smaller class lies on top
            assert np.array_equal(labels == 9, np.any(inside, axis=0))
        assert not (labels == label)[~np.any(inside, axis=0)].any()
    source = dataset / "model_0" / "reconstruction.mrc"
    link(source, tmp_path / "bare" / "mine.mrc")
    mine = Selection(picks=picks / "model_0.csv", radii_A={"ring": 25.0})
    (bare,) = find_tomograms(tmp_path / "bare" / "mine.mrc", mine)
    with pytest.raises(InputError, match=r"found none for rod; give `radius` rod=Å"):
        next(label_planes(bare, {"ring": 1}))


def test_picks_without_orientations_get_none(dataset, tmp_path):
    (tmp_path / "picks.csv").write_text("species,x_A,y_A,z_A\nring,100,110,80\n")
    chosen = Selection(tomograms=("model_0",), picks=tmp_path / "picks.csv", radii_A={"ring": 20.0})
    tomograms = find_tomograms(dataset, chosen)
    project = export(tomograms, tmp_path / "project", "copick")
    picks = project / "static/ExperimentRuns/model_0/Picks/picks_0_ring.json"
    record = json.loads(picks.read_text())
    assert not record["trust_orientation"]
    assert record["points"][0]["transformation_"] == np.eye(4).tolist()
    assert not (project / "static/ExperimentRuns/model_0/Segmentations").exists()
    folder = export(tomograms, tmp_path / "training", "deepfinder")
    (found,) = ElementTree.parse(folder / "train" / "model_0_objl.xml").getroot()
    assert {name: found.get(name) for name in ("x", "y", "z", "phi")} == {
        "x": "10", "y": "11", "z": "8", "phi": None,
    }  # fmt: skip
    target = read_mask(folder / "train" / "model_0_target.mrc")
    assert target[8, 11, 10] == target[8, 11, 12] == 1
    assert target[8, 11, 13] == 0
