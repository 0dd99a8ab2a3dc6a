"""Picks in every format, and the truth they are scored against."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from faket.data import Particles, Volume
from faket.errors import InputError
from faket.evaluation import Picks, score_picks
from faket.io.mrc import write_mask, write_volume
from faket.io.particles import write_particles
from faket.io.picks import read_picks, write_picks
from faket.io.shrec.locations import read_particle_locations, write_particle_locations
from faket.io.shrec.model import read_shrec_model, write_shrec_model
from faket.io.truth import read_class_numbers, read_truth

SHAPE, VOXEL_A = (20, 30, 40), 10.52


def particles(species, ids=None):
    n = len(species)
    places = np.array([[6 * i + 3, 10, 8] for i in range(n)]).reshape(-1, 3)
    return Particles(
        np.arange(1, n + 1) if ids is None else np.asarray(ids), tuple(species), places * VOXEL_A,
        Rotation.random(n, rng=1), np.full((n, 3), np.nan),
    )  # fmt: skip


def mask_of(table):
    mask = np.zeros(SHAPE, np.uint16)
    for identity, (x, y, z) in zip(table.ids, table.positions_A / VOXEL_A, strict=True):
        x, y, z = np.rint([x, y, z]).astype(int)
        mask[z - 1 : z + 2, y - 1 : y + 2, x - 1 : x + 2] = identity
    return mask


def model(folder, species):
    table = particles(species)
    write_shrec_model(
        folder, grandmodel=Volume(np.zeros(SHAPE, np.float32), VOXEL_A),
        class_mask=np.zeros(SHAPE, np.uint8), occupancy_mask=mask_of(table), particles=table,
    )  # fmt: skip
    return table


def perfect(truth):
    return Picks(truth.particles.species, truth.particles.positions_A, truth.particles.rotations)


def read(path, **options):
    return read_picks(path, SHAPE, VOXEL_A, **options)


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from([".txt", ".csv", ".star"]),
    st.integers(0, 5),
    st.integers(0, 2**32 - 1),
    st.booleans(),
    st.booleans(),
)
def test_round_trip(tmp_path_factory, suffix, n, seed, oriented, scored):
    rng = np.random.default_rng(seed)
    picks = Picks(
        tuple(rng.choice(["ring", "fiducial", "vesicle", "4CR2"], n)),
        rng.uniform(-100, 800, (n, 3)),
        Rotation.random(n, rng=rng) if oriented and n else None,
        rng.normal(size=n) if scored and n else None,
    )
    path = tmp_path_factory.mktemp("picks") / f"p{suffix}"
    write_picks(path, picks, SHAPE, VOXEL_A)
    again = read(path)
    assert again.species == picks.species
    exact = {".csv": 0, ".star": 1e-9, ".txt": 0.5e-6 * VOXEL_A * 1.01}[suffix]
    np.testing.assert_allclose(again.positions_A, picks.positions_A, rtol=0, atol=exact)
    if picks.rotations is not None:
        between = (again.rotations.inv() * picks.rotations).magnitude()
        np.testing.assert_allclose(between, 0, atol=1e-7)
    if picks.scores is not None and suffix != ".txt":
        np.testing.assert_array_equal(again.scores, picks.scores)


def test_text_is_shrecs_submission(tmp_path):
    path = tmp_path / "picks.txt"
    path.write_text("1bxn 10 20 30\n\nfiducial 1.5 2 3 extra\nvesicle 0 0 0\n")
    picks = read(path)
    assert picks.species == ("1bxn", "fiducial", "vesicle")
    np.testing.assert_allclose(picks.positions_A[1] / VOXEL_A, [1.5, 2, 3])
    assert picks.rotations is None


def test_truth_of_shrecs_text_reads_as_picks(tmp_path):
    table = particles(["ring", "fiducial", "bean"])
    write_particle_locations(tmp_path / "p.txt", table, VOXEL_A, decimals=3)
    picks = read(tmp_path / "p.txt")
    same = read_particle_locations(tmp_path / "p.txt", VOXEL_A)
    np.testing.assert_allclose(picks.positions_A, same.positions_A)
    assert np.allclose((picks.rotations.inv() * same.rotations).magnitude(), 0, atol=1e-9)
    other = read(tmp_path / "p.txt", euler="ZXZ")
    assert (other.rotations.inv() * same.rotations).magnitude().max() > 0.1


def test_particle_tables_read_as_picks(tmp_path):
    table = particles(["ring", "bean"])
    write_particles(tmp_path / "particles.csv", table)
    picks = read(tmp_path / "particles.csv")
    np.testing.assert_array_equal(picks.positions_A, table.positions_A)
    assert np.allclose((picks.rotations.inv() * table.rotations).magnitude(), 0, atol=1e-7)


def test_columns_may_be_few_and_in_any_order(tmp_path):
    path = tmp_path / "p.csv"
    path.write_text("z_A,species,y_A,x_A,note\n3, ring ,2,1,hm\n")
    picks = read(path)
    assert picks.species == ("ring",)
    assert picks.positions_A.tolist() == [[1, 2, 3]]
    assert picks.rotations is None
    assert read(path, species="bean").species == ("bean",)


@pytest.mark.parametrize("name", ["p.txt", "p.csv", "p.star", "p.coords"])
@pytest.mark.parametrize("text", ["", "\n\n"])
def test_empty_files_are_no_picks(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    assert len(read(tmp_path / name)) == 0


def test_header_alone_is_no_picks(tmp_path):
    (tmp_path / "p.csv").write_text("species,x_A,y_A,z_A,qx,qy,qz,qw,score\n")
    assert len(read(tmp_path / "p.csv")) == 0


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("p.txt", "ring 1 2\n", "line 1: expected name x y z"),
        ("p.txt", "ring 1 2 3\nring 1 b 3\n", "line 2, y"),
        ("p.txt", "ring 1 2 inf\n", "line 1, z"),
        ("p.txt", "ring 1 2 3 4 5 nan\n", "three NaN"),
        ("p.csv", "species,x_A,y_A\nring,1,2\n", "z_A"),
        ("p.csv", "species,x_A,y_A,z_A\n,1,2,3\n", "line 2, species"),
        ("p.csv", "species,x_A,y_A,z_A\nring,1,2,x\n", "line 2, z_A"),
        ("p.csv", "species,x_A,y_A,z_A,qx,qy,qz,qw\nring,1,2,3,0,0,0,0\n", "quaternion"),
        ("p.csv", "species,x_A,y_A,z_A,score\nring,1,2,3,high\n", "score"),
    ],
)
def test_unusable_files_are_one_line(tmp_path, name, text, words):
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=words) as error:
        read(tmp_path / name)
    assert "\n" not in str(error.value)


def test_names_with_blanks_do_not_fit_the_text(tmp_path):
    picks = Picks(("a b",), np.zeros((1, 3)))
    with pytest.raises(InputError, match="without blanks"):
        write_picks(tmp_path / "p.txt", picks, SHAPE, VOXEL_A)


def test_truth_of_a_shrec_folder(tmp_path):
    model(tmp_path / "model_9", ["4CR2", "4V94", "vesicle", "fiducial"])
    truth = read_truth(tmp_path / "model_9")
    assert truth.particles.species == ("4CR2", "4V94", "vesicle", "fiducial")
    assert len(truth.class_names) == 15
    scores = score_picks(perfect(truth), truth)
    assert scores.localisation.n_objects == 3  # the vesicle is counted
    assert scores.localisation.found == 2
    assert read_class_numbers(tmp_path / "model_9")[13] == "5MRC"


def test_truth_of_another_folder_has_the_classes_of_its_list(tmp_path):
    table = model(tmp_path / "m", ["ring", "bean", "vesicle"])
    assert read_truth(tmp_path / "m").class_names == ("bean", "ring", "vesicle")
    write_particles(tmp_path / "m" / "particles.csv", table)
    (tmp_path / "m" / "classes.txt").write_text("0 background\n1 ring\n2 block\n3 vesicle\n")
    truth = read_truth(tmp_path / "m")
    assert truth.class_names == ("ring", "block", "vesicle")
    np.testing.assert_array_equal(truth.particles.positions_A, table.positions_A)
    assert read_class_numbers(tmp_path / "m")[2] == "block"
    picks = Picks(("ring",) * 3, truth.particles.positions_A)
    scores = score_picks(picks, truth)  # the bean is no class, the vesicle is excluded
    assert (scores.localisation.n_objects, scores.localisation.on_excluded) == (1, 2)


def test_truth_of_a_specimen_with_gaps_in_its_ids(tmp_path):
    table = particles(["ring", "bean"], ids=[9, 4])
    write_particles(tmp_path / "particles.csv", table)
    write_mask(tmp_path / "instance_mask.mrc", mask_of(table), VOXEL_A)
    truth = read_truth(tmp_path)
    scores = score_picks(perfect(truth), truth)
    assert scores.classification.f1_macro_without_background == 1
    # In a model's folder the mask was renumbered in the order of the ids, the table was not.
    (tmp_path / "instance_mask.mrc").unlink()
    renumbered = np.select([mask_of(table) == 4, mask_of(table) == 9], [1, 2]).astype(np.uint16)
    write_mask(tmp_path / "occupancy_mask.mrc", renumbered, VOXEL_A)
    truth = read_truth(tmp_path)
    scores = score_picks(perfect(truth), truth)
    assert scores.classification.f1_macro_without_background == 1
    assert scores.classification.confusion.trace() == 2


def test_unusable_truth_is_one_line(tmp_path):
    with pytest.raises(InputError, match="model's folder"):
        read_truth(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"occupancy_mask\.mrc or instance_mask\.mrc"):
        read_truth(tmp_path)
    table = particles(["ring", "bean"])
    write_mask(tmp_path / "occupancy_mask.mrc", mask_of(table)[:, :, ::-1], VOXEL_A)
    write_particles(tmp_path / "particles.csv", table)
    with pytest.raises(InputError, match="within their labels"):
        read_truth(tmp_path)
    write_mask(tmp_path / "occupancy_mask.mrc", mask_of(table)[:5], VOXEL_A)
    with pytest.raises(InputError, match="within the volumes"):
        read_truth(tmp_path)
    (tmp_path / "classes.txt").write_text("one ring\n")
    with pytest.raises(InputError, match="line 1"):
        read_class_numbers(tmp_path)


def test_each_mask_has_its_own_voxel_size(tmp_path):
    """Not grandmodel's, which may be of another sampling; 0 or 1 Å tells nothing."""
    folder = tmp_path / "model_1"
    table = model(folder, ["ring", "bean"])
    write_volume(folder / "grandmodel.mrc", Volume(np.zeros(SHAPE, np.float32), VOXEL_A / 2))
    truth = read_truth(folder)
    assert truth.voxel_size_A == pytest.approx(VOXEL_A)
    assert truth.notes == ()
    np.testing.assert_allclose(truth.particles.positions_A, table.positions_A, atol=VOXEL_A / 2)
    with pytest.raises(InputError, match=r"5\.26 A in grandmodel\.mrc and 10\.52 A in"):
        read_shrec_model(folder)
    write_mask(folder / "occupancy_mask.mrc", mask_of(table), 1.0)
    write_volume(folder / "reconstruction.mrc", Volume(np.zeros(SHAPE, np.float32), VOXEL_A))
    truth = read_truth(folder)
    assert truth.voxel_size_A == pytest.approx(VOXEL_A)
    assert "taken from reconstruction.mrc" in truth.notes[0]
    assert read_truth(folder, voxel_size_A=3.0).voxel_size_A == 3


def test_class_numbers_of_a_specimen_are_in_its_json(tmp_path):
    table = particles(["ring", "gold"])
    write_particles(tmp_path / "particles.csv", table)
    write_mask(tmp_path / "instance_mask.mrc", mask_of(table), VOXEL_A)
    classes = {1: ("ring", "protein"), 2: ("bean", "protein"), 3: ("gold", "gold")}
    text = {str(k): {"name": name, "material": what} for k, (name, what) in classes.items()}
    (tmp_path / "classes.json").write_text(json.dumps(text))
    assert read_class_numbers(tmp_path) == {1: "ring", 2: "bean", 3: "fiducial"}
    truth = read_truth(tmp_path)
    assert truth.class_names == ("ring", "bean", "fiducial")  # a bean may be named, though none is
    assert truth.particles.species == ("ring", "fiducial")


def test_numbers_for_names_are_the_truths_classes(tmp_path):
    (tmp_path / "p.coords").write_text("1 1 2 3\n2 4 5 6\n")
    picks = read(tmp_path / "p.coords", classes={1: "ring", 2: "bean"})
    assert picks.species == ("ring", "bean")
    assert "1 = ring, 2 = bean" in picks.notes[0]
    assert read(tmp_path / "p.coords", renames={"1": "x", "2": "y"}).species == ("x", "y")


def test_tables_of_several_tomograms(tmp_path):
    path = tmp_path / "p.csv"
    path.write_text("species,x_A,y_A,z_A,experiment\nring,1,2,3,TS_1\nbean,4,5,6,TS_2\n")
    assert read(path, tomogram="TS_2").species == ("bean",)
    assert read(path, likely_tomogram="TS_1").species == ("ring",)
    with pytest.raises(InputError, match=r"give `tomogram`"):
        read(path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x,y,z,particle_type,experiment\n1,2,3,a,TS_1\n", "rename them.*Å or voxels"),
        ("species;x_A;y_A;z_A\nring;1;2;3\n", "found semicolons"),
        ("species\tx_A\ty_A\tz_A\nring\t1\t2\t3\n", "found tabs"),
        ("1,2,3\n4,5,6\n", "expected the columns species"),
    ],
)
def test_other_columns_are_named(tmp_path, text, words):
    (tmp_path / "p.csv").write_text(text)
    with pytest.raises(InputError, match=words):
        read(tmp_path / "p.csv")
