"""Picks of other programs: what their files mean, and one line for what they should not hold."""

import json
import struct

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from faket.errors import InputError
from faket.evaluation.matching import Picks
from faket.io.eman_boxes import write_eman_boxes
from faket.io.imod_models import PointObject, write_imod_model
from faket.io.motive_lists import write_motive_list
from faket.io.picks import read_picks
from faket.io.portal_points import write_portal_points

SHAPE, VOXEL_A = (8, 10, 12), 10.0


def read(path, **options):
    return read_picks(path, SHAPE, VOXEL_A, **options)


def test_a_motive_list_counts_from_one_and_adds_the_shift(tmp_path):
    rows = np.zeros((2, 20))
    rows[:, 4] = 7, 8
    rows[:, 7:10] = 1
    rows[0, 10:13] = 0.5, 0, 0
    rows[:, 16:19] = 90, 0, 0  # phi: about z
    rows[:, 19] = 1
    write_motive_list(tmp_path / "m.em", rows)
    with pytest.raises(InputError, match=r"found 2 \(7, 8\); give `tomogram`"):
        read(tmp_path / "m.em", classes={1: "ring"})
    picks = read(tmp_path / "m.em", classes={1: "ring"}, tomogram="7")
    assert picks.species == ("ring",)
    np.testing.assert_allclose(picks.positions_A, [[5, 0, 0]])
    np.testing.assert_allclose(picks.rotations.apply([1, 0, 0]), [[0, 1, 0]], atol=1e-12)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda b: b[:-4], "another EM file|binary file"),
        (lambda b: b[:3] + bytes([2]) + b[4:], "another EM file|binary file"),
        (lambda b: b[:512] + struct.pack("<f", np.nan) + b[516:], "particle 1: expected finite"),
    ],
)
def test_a_damaged_motive_list_is_refused(tmp_path, change, words):
    write_motive_list(tmp_path / "m.em", np.ones((2, 20)))
    (tmp_path / "m.em").write_bytes(change((tmp_path / "m.em").read_bytes()))
    with pytest.raises(InputError, match=words):
        read(tmp_path / "m.em", classes={1: "ring"})


def test_points_of_imod_are_half_a_voxel_off_in_x_and_y_only(real_data):
    # A model of the CryoET Data Portal's tests, made with IMOD's own library.
    picks = read(real_data / "picks" / "cryoet-data-portal-backend__points.mod")
    assert set(picks.species) == {"object_1"}
    rest = picks.positions_A / VOXEL_A % 1
    np.testing.assert_allclose(rest, [[0.5, 0.5, 0.0]] * len(picks))


@pytest.mark.parametrize("cut", [100, 250, 470])
def test_a_truncated_model_of_imod_is_refused(real_data, tmp_path, cut):
    content = (real_data / "picks" / "cryoet-data-portal-backend__points.mod").read_bytes()
    (tmp_path / "p.mod").write_bytes(content[:cut])
    with pytest.raises(InputError, match="expected an IMOD model with its end mark"):
        read(tmp_path / "p.mod")


def test_a_point_of_the_portal_has_the_class_of_its_metadata_or_name(tmp_path):
    line = '{"type": "point", "location": {"x": 1, "y": 2.5, "z": 3}}\n'
    path = tmp_path / "big_ring-1.0_point.ndjson"
    path.write_text(line)
    picks = read(path)
    assert picks.species == ("big_ring",)
    assert picks.positions_A.tolist() == [[10, 25, 30]]
    assert picks.rotations is None
    (tmp_path / "big_ring-1.0.json").write_text('{"annotation_object": {"name": "Big ring"}}')
    assert read(path).species == ("Big ring",)
    assert read(path, renames={"Big ring": "ring"}).species == ("ring",)


@pytest.mark.parametrize(
    ("second", "words"),
    [
        ({"location": {"x": 1, "y": 2}}, "line 2: expected a point with a location"),
        ({"location": {"x": "1", "y": 2, "z": 3}}, "line 2: expected a point with a location"),
        ({"location": {"x": 1, "y": 2, "z": 3}}, "orientation for each point or for none"),
        (
            {"location": {"x": 1, "y": 2, "z": 3}, "xyz_rotation_matrix": [[1, 0], [0, 1]]},
            "line 2: expected a rotation matrix",
        ),
        (
            {"location": dict.fromkeys("xyz", 1), "rotation_matrix": np.diag([1, 1, -1]).tolist()},
            "line 2: expected a rotation matrix",
        ),
    ],
)
def test_points_of_the_portal_that_make_no_sense_are_refused(tmp_path, second, words):
    first = {
        "type": "orientedPoint",
        "location": dict.fromkeys("xyz", 1),
        "xyz_rotation_matrix": np.eye(3).tolist(),
    }
    path = tmp_path / "ring-1.0_orientedpoint.ndjson"
    path.write_text(f"{json.dumps(first)}\n{json.dumps(second)}\n")
    with pytest.raises(InputError, match=words):
        read(path)


def copick_point(x, turn=None):
    matrix = np.eye(4)
    matrix[:3, :3] = np.eye(3) if turn is None else turn
    return {"location": {"x": x, "y": 2, "z": 3}, "transformation_": matrix.tolist(), "score": 1}


def test_a_folder_of_copick_is_the_picks_of_all_objects(tmp_path):
    quarter = [[0, -1, 0], [1, 0, 0], [0, 0, 1]]
    for name, points in {"ring": [copick_point(1, quarter)], "rod": [copick_point(5)]}.items():
        content = {"pickable_object_name": name, "points": points}
        (tmp_path / f"user_1_{name}.json").write_text(json.dumps(content))
    picks = read(tmp_path)
    assert picks.species == ("ring", "rod")
    assert picks.positions_A.tolist() == [[1, 2, 3], [5, 2, 3]]
    np.testing.assert_allclose(picks.rotations[0].apply([1, 0, 0]), [0, 1, 0], atol=1e-12)
    assert read(tmp_path / "user_1_rod.json").rotations is None  # the identity: not known
    bad = {"pickable_object_name": "ring", "points": [{"location": {"x": 1}}]}
    (tmp_path / "bad.json").write_text(json.dumps(bad))
    with pytest.raises(InputError, match="point 1: expected a location"):
        read(tmp_path)


def test_picks_of_deepfinder_have_numbered_classes(real_data, tmp_path):
    head = (real_data / "picks" / "deepfinder_object_list_head.xml").read_text()
    path = tmp_path / "objects.xml"
    path.write_text(f"{head}</objlist>\n")
    with pytest.raises(InputError, match="class_label: expected a species, found 1"):
        read(path)
    picks = read(path, classes={n: f"class-{n}" for n in range(1, 16)})
    assert picks.species[0] == "class-11"
    assert picks.positions_A[0].tolist() == [460, 2610, 1440]
    path.write_text(head)
    with pytest.raises(InputError, match="expected XML, found a mistake"):
        read(path)


@pytest.fixture(scope="module")
def examples(tmp_path_factory):
    """A small file of each format."""
    root = tmp_path_factory.mktemp("examples")
    write_motive_list(root / "m.em", np.ones((2, 20)))
    ring = PointObject("ring", (1, 0, 0), 3, np.ones((2, 3)))
    write_imod_model(root / "m.mod", [ring], SHAPE, VOXEL_A)
    picks = Picks(("ring",), np.ones((1, 3)), Rotation.identity(1))
    write_eman_boxes(
        root / "m.json", picks, SHAPE, VOXEL_A, pixel_size_A=5.0, box_sizes={"ring": 8}
    )
    write_portal_points(root / "m.ndjson", picks, VOXEL_A)
    content = {"pickable_object_name": "ring", "points": [copick_point(1)]}
    (root / "c.json").write_text(json.dumps(content))
    line = '<object tomo_idx="0" class_label="1" x="4" y="2" z="1" phi="1" psi="2" the="3"/>'
    (root / "m.xml").write_text(f"<objlist>{line}</objlist>")
    return {path.name: path.read_bytes() for path in root.iterdir()}


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_files_are_read_or_refused_in_one_line(examples, tmp_path, data):
    name = data.draw(st.sampled_from(sorted(examples)))
    content = bytearray(examples[name])
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place : place + 1] = data.draw(st.binary(max_size=4))
    (tmp_path / name).write_bytes(bytes(content))
    try:
        assert np.isfinite(read(tmp_path / name, classes={1: "ring"}).positions_A).all()
    except InputError as error:
        assert "\n" not in str(error)


@pytest.mark.parametrize("number", ["1" + "0" * 400, "1e400", "NaN", "true", '"1"', "[1]"])
def test_numbers_of_json_that_are_none_are_refused(examples, tmp_path, number):
    for name, before in (("m.json", '"boxes_3d": [['), ("m.ndjson", '"x": '), ("c.json", '"x": ')):
        head, mark, tail = examples[name].decode().partition(before)
        rest = tail[min(i for i in map(tail.find, ",}") if i >= 0) :]
        (tmp_path / name).write_text(head + mark + number + rest)
        with pytest.raises(InputError, match="expected"):
            read(tmp_path / name)
