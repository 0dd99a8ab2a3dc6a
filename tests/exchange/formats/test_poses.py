"""What is exported in a format of poses reads back: places, orientations, classes."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from faket.errors import InputError
from faket.evaluation.matching import Picks
from faket.exchange.find import Selection, find_tomograms
from faket.exchange.run import export
from faket.io.imod_models import PointObject, write_imod_model
from faket.io.motive_lists import motive_rows, write_motive_list
from faket.io.mrc import write_stack
from faket.io.picks import read_picks, write_picks
from faket.io.star import read_star
from made_up_datasets import CLASSES, SHAPE, VOXEL_A, write_dataset

MOLECULES = {n: name for n, name in CLASSES.items() if name in ("ring", "rod", "never")}
# Format → where a tomogram's particles are in the export, whether it holds orientations, and how
# exact places are, in voxels (float32).
FORMATS = {
    "csv": ("model_1.csv", True, 1e-9),
    "relion5": ("particles.star", True, 1e-9),
    "relion4": ("particles.star", True, 1e-9),
    "dynamo": ("model_1.tbl", True, 1e-9),
    "stopgap": ("model_1.star", True, 1e-9),
    "em": ("model_1.em", True, 1e-5),
    "imod": ("model_1.mod", False, 1e-5),
    "eman2": ("info/model_1_info.json", False, 1e-9),
}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return write_dataset(tmp_path_factory.mktemp("data"))


def read_back(path, name="model_1"):
    tomogram = name if path.name == "particles.star" else None
    return read_picks(path, SHAPE, VOXEL_A, classes=MOLECULES, tomogram=tomogram)


def portal_picks(folder):
    found = [read_picks(path, SHAPE, VOXEL_A) for path in sorted(folder.rglob("*point.ndjson"))]
    found = [picks for picks in found if len(picks)]
    return Picks(
        tuple(name for picks in found for name in picks.species),
        np.concatenate([picks.positions_A for picks in found]),
        Rotation.concatenate([picks.rotations for picks in found]),
    )


def assert_same(found, wanted, *, turned=True, voxels=1e-9):
    """The same particles, whatever their order."""
    order = [np.lexsort(np.round(p.positions_A, 2).T) for p in (found, wanted)]
    a, b = (picks.subset(rows) for picks, rows in zip((found, wanted), order, strict=True))
    assert a.species == b.species
    np.testing.assert_allclose(a.positions_A, b.positions_A, atol=voxels * VOXEL_A, rtol=0)
    assert (a.rotations is not None) == turned
    if turned:
        angles = (a.rotations.inv() * b.rotations).magnitude()
        np.testing.assert_allclose(angles, 0, atol=1e-5 if voxels > 1e-6 else 1e-9)


@pytest.mark.parametrize("name", FORMATS)
def test_the_truth_reads_back(dataset, tmp_path, name):
    file, turned, voxels = FORMATS[name]
    tomograms = find_tomograms(dataset)
    out = export(tomograms, tmp_path / "out", name)
    assert_same(read_back(out / file), tomograms[1].particles(), turned=turned, voxels=voxels)


def test_points_of_the_portal_read_back(dataset, tmp_path):
    tomograms = find_tomograms(dataset)
    out = export(tomograms, tmp_path / "out", "portal")
    assert_same(portal_picks(out / "model_1"), tomograms[1].particles())


@pytest.mark.parametrize("name", ["em", "stopgap", "dynamo", "relion5"])
def test_one_file_has_the_picks_of_all_tomograms(dataset, tmp_path, name):
    tomograms = find_tomograms(dataset)
    out = export(tomograms, tmp_path / "out", name)
    (file,) = out.glob("particles.[est]*[mrl]")
    found = find_tomograms(dataset, Selection(picks=file))
    for tomogram, before in zip(found, tomograms, strict=True):
        assert_same(tomogram.particles(), before.particles(), voxels=1e-5)


def test_picks_of_copick_read_back(dataset, tmp_path):
    tomograms = find_tomograms(dataset)
    out = export(tomograms, tmp_path / "out", "copick")
    folders = {path.parent for path in out.rglob("*.json") if path.parent.name == "Picks"}
    (folder,) = (path for path in folders if path.parent.name == "model_1")
    assert_same(read_picks(folder, SHAPE, VOXEL_A), tomograms[1].particles())


def test_object_lists_of_deepfinder_read_back_in_whole_voxels(dataset, tmp_path):
    tomograms = find_tomograms(dataset)
    out = export(tomograms, tmp_path / "out", "deepfinder")
    (file,) = out.rglob("model_1_objl.xml")
    found = read_picks(file, SHAPE, VOXEL_A, classes=CLASSES)
    wanted = tomograms[1].particles()
    assert found.species == wanted.species
    np.testing.assert_allclose(found.positions_A, wanted.positions_A, atol=VOXEL_A)
    turns = (found.rotations.inv() * wanted.rotations).magnitude()
    assert turns.max() < np.radians(0.02)  # angles are rounded to 0.01 degrees


@st.composite
def picks(draw):
    n = draw(st.integers(1, 6))
    numbers = st.floats(-50, 500, allow_nan=False)
    species = tuple(draw(st.sampled_from(["ring", "rod"])) for _ in range(n))
    places = np.array([[draw(numbers) for _ in range(3)] for _ in range(n)])
    angles = st.floats(-360, 360)
    euler = [[draw(angles), draw(st.sampled_from([0, 180.0, 37.5])), draw(angles)] for _ in species]
    turned = draw(st.booleans())
    return Picks(
        species, places, Rotation.from_euler("ZYZ", euler, degrees=True) if turned else None
    )


@settings(max_examples=12)
@given(given_picks=picks(), name=st.sampled_from([n for n in FORMATS if n != "csv"]))
def test_any_picks_read_back(tmp_path_factory, given_picks, name):
    root = tmp_path_factory.mktemp("any")
    write_stack(root / "mine.mrc", np.zeros(SHAPE, np.float32), VOXEL_A)
    write_picks(root / "mine.csv", given_picks, SHAPE, VOXEL_A)
    (tomogram,) = find_tomograms(root / "mine.mrc", Selection(picks=root / "mine.csv"))
    out = export([tomogram], root / "out", name)
    file, turned, voxels = FORMATS[name]
    is_told = name.startswith("relion")  # the others hold no rotation as no orientation
    rotations = given_picks.rotations
    has_turns = rotations is not None and (is_told or (rotations.magnitude() > 0).any())
    found = read_picks(
        out / file.replace("model_1", "mine"), SHAPE, VOXEL_A, classes=tomogram.classes
    )
    assert_same(found, given_picks, turned=turned and has_turns, voxels=max(voxels, 1e-8))


def test_the_sizes_in_relion_have_their_centre_where_ours_is(tmp_path):
    shape = (5, 8, 9)  # an odd depth and width
    write_stack(tmp_path / "t.mrc", np.zeros(shape, np.float32), VOXEL_A)
    middle = np.array([[9 // 2, 8 // 2, 5 // 2]]) * VOXEL_A
    write_picks(tmp_path / "t.csv", Picks(("ring",), middle), shape, VOXEL_A)
    found = find_tomograms(tmp_path / "t.mrc", Selection(picks=tmp_path / "t.csv"))
    out = export(found, tmp_path / "out", "relion5")
    row = read_star(out / "tomograms.star")["global"]
    assert [float(row[f"rlnTomoSize{axis}"][0]) / 2 for axis in "XYZ"] == [4, 4, 2]
    table = read_star(out / "particles.star")["particles"]
    assert [table[f"rlnCenteredCoordinate{axis}Angst"] for axis in "XYZ"] == [["0.0"]] * 3
    assert "rlnAngleRot" not in table  # RELION takes none for no rotation


@pytest.mark.parametrize(
    ("name", "word", "renamed"),
    [("relion5", "ring A", "ring-A"), ("imod", "ring α", "ring -"), ("portal", "a/b", "a-b")],
)
def test_names_that_do_not_fit_are_refused_with_the_remedy(tmp_path, name, word, renamed):
    source = write_dataset(tmp_path / "data", 1)
    found = find_tomograms(source, Selection(renames={"ring": word}))
    with pytest.raises(InputError) as error:
        export(found, tmp_path / "out", name)
    assert f"give `map` {word}={renamed}" in str(error.value)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "out").exists()


def test_more_particles_than_16_bits_can_count(tmp_path):
    n = 65_537
    many = Picks(("ring",) * n, np.random.default_rng(0).uniform(0, 100, (n, 3)))
    write_motive_list(tmp_path / "t.em", motive_rows(many, VOXEL_A, {"ring": 1}, 1))
    ring = PointObject("ring", (1, 0, 0), 3, many.positions_A / VOXEL_A)
    write_imod_model(tmp_path / "t.mod", [ring], SHAPE, VOXEL_A)
    for file in ("t.em", "t.mod"):
        found = read_picks(tmp_path / file, SHAPE, VOXEL_A, classes={1: "ring"})
        np.testing.assert_allclose(found.positions_A, many.positions_A, atol=1e-4 * VOXEL_A)


def test_boxes_of_eman_count_unbinned_pixels_from_the_centre(dataset, tmp_path):
    source = write_dataset(tmp_path / "data", 1)
    write_stack(source / "model_0" / "projections_unbinned.mrc", np.zeros((1, 4, 4)), VOXEL_A / 2)
    (tomogram,) = find_tomograms(source)
    out = export([tomogram], tmp_path / "out", "eman2")
    content = json.loads((out / "info" / "model_0_info.json").read_text())
    centre = np.array(SHAPE[::-1]) // 2
    wanted = (tomogram.particles().positions_A / VOXEL_A - centre) * 2
    np.testing.assert_allclose([box[:3] for box in content["boxes_3d"]], wanted)
    assert content["apix_unbin"] == VOXEL_A / 2
    assert [entry["name"] for entry in content["class_list"].values()] == list(MOLECULES.values())
    old = {key: value for key, value in content.items() if key != "apix_unbin"}
    old["boxes_3d"] = [[1, 2, 3, "manual", 0, 0]]
    (tmp_path / "old.json").write_text(json.dumps(old))
    assert read_picks(tmp_path / "old.json", SHAPE, VOXEL_A).positions_A.tolist() == [[10, 20, 30]]
