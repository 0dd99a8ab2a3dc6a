"""STAR picks: RELION's definitions in closed form, round trips, hostile files."""

import string

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from faket.errors import InputError
from faket.evaluation import Picks
from faket.io.pick_rows import Wanted
from faket.io.star import read_star, write_star
from faket.io.star_picks import read_star_picks, write_star_picks

SHAPE, VOXEL_A = (60, 100, 121), 10.0  # z y x
CENTRE_A = np.array([60, 50, 30]) * VOXEL_A


def star(path, columns, rows, before="", name="particles"):
    head = "".join(f"_{column} #{i}\n" for i, column in enumerate(columns, 1))
    body = "".join(" ".join(map(str, row)) + "\n" for row in rows)
    path.write_text(f"{before}\ndata_{name}\n\nloop_\n{head}{body}\n")
    return path


def relion_matrix(rot_deg, tilt_deg, psi_deg):
    """RELION's matrix of Euler angles, element by element."""
    a, b, g = np.deg2rad([rot_deg, tilt_deg, psi_deg])
    ca, cb, cg, sa, sb, sg = np.cos(a), np.cos(b), np.cos(g), np.sin(a), np.sin(b), np.sin(g)
    return np.array(
        [
            [cg * cb * ca - sg * sa, cg * cb * sa + sg * ca, -cg * sb],
            [-sg * cb * ca - cg * sa, -sg * cb * sa + cg * ca, sg * sb],
            [sb * ca, sb * sa, cb],
        ]
    )


def test_centred_coordinates_count_from_sample_n_over_2(tmp_path):
    columns = [f"rlnCenteredCoordinate{axis}Angst" for axis in "XYZ"] + ["faketSpecies"]
    path = star(tmp_path / "p.star", columns, [[0, 0, 0, "a"], [-15.5, 20, 3, "b"]])
    picks = read_star_picks(path, SHAPE, VOXEL_A)
    np.testing.assert_allclose(picks.positions_A, CENTRE_A + [[0, 0, 0], [-15.5, 20, 3]])
    assert picks.species == ("a", "b")
    assert picks.rotations is None
    assert picks.scores is None


def test_angles_are_relions_matrix(tmp_path):
    angles = [[10, 20, 30], [-100, 170, 5], [0, 0, 0], [45, 180, 12]]
    columns = [*(f"rlnCoordinate{a}" for a in "XYZ"), "rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi"]
    path = star(tmp_path / "p.star", columns, [[1, 2, 3, *row] for row in angles])
    picks = read_star_picks(path, SHAPE, VOXEL_A, Wanted(species="a"))
    expected = [relion_matrix(*row) for row in angles]
    np.testing.assert_allclose(picks.rotations.as_matrix(), expected, atol=1e-12)
    np.testing.assert_allclose(picks.positions_A[0], [10, 20, 30])


def test_origins_are_subtracted_in_the_subtomograms_frame(tmp_path):
    columns = [
        *(f"rlnCenteredCoordinate{a}Angst" for a in "XYZ"),
        *(f"rlnTomoSubtomogram{a}" for a in ("Rot", "Tilt", "Psi")),
        *(f"rlnAngle{a}" for a in ("Rot", "Tilt", "Psi")),
        *(f"rlnOrigin{a}Angst" for a in "XYZ"),
    ]
    row = [5, 6, 7, 30, 40, 50, 1, 90, 3, 2, -3, 4]
    picks = read_star_picks(
        star(tmp_path / "p.star", columns, [row]), SHAPE, VOXEL_A, Wanted(species="a")
    )
    before, after = relion_matrix(30, 40, 50), relion_matrix(1, 90, 3)
    expected = CENTRE_A + [5, 6, 7] - before @ [2, -3, 4]
    np.testing.assert_allclose(picks.positions_A[0], expected, atol=1e-9)
    np.testing.assert_allclose(picks.rotations.as_matrix()[0], before @ after, atol=1e-12)


@pytest.mark.parametrize(
    ("optics", "extra", "given_A", "expected_A"),
    [
        ("", [], None, 10.0),
        ("data_optics\nloop_\n_rlnTomoTiltSeriesPixelSize\n2.5\n", [], None, 2.5),
        ("data_optics\n_rlnTomoTiltSeriesPixelSize 2.5\n", [], None, 2.5),
        ("", ["rlnDetectorPixelSize"], None, 4.0),
        ("", ["ptmDetectorPixelSize"], None, 4.0),
        ("data_optics\n_rlnTomoTiltSeriesPixelSize 2.5\n", [], 7.0, 7.0),
    ],
)
def test_pixels_of_coordinates(tmp_path, optics, extra, given_A, expected_A):
    columns = ["rlnCoordinateX", "rlnCoordinateY", "rlnCoordinateZ", *extra]
    path = star(tmp_path / "p.star", columns, [[2, 3, 4, *([4] * len(extra))]], before=optics)
    picks = read_star_picks(path, SHAPE, VOXEL_A, Wanted(species="a", pixel_size_A=given_A))
    np.testing.assert_allclose(picks.positions_A, [np.array([2, 3, 4]) * expected_A])


def test_pytoms_labels_and_score(tmp_path):
    columns = [f"ptm{c}" for c in ("CoordinateX", "CoordinateY", "CoordinateZ", "AngleRot",
                                   "AngleTilt", "AnglePsi", "LCCmax")]  # fmt: skip
    path = star(tmp_path / "p.star", columns, [[1, 2, 3, 10, 20, 30, 0.5]], name="")
    picks = read_star_picks(path, SHAPE, VOXEL_A, Wanted(species="a"))
    assert picks.scores.tolist() == [0.5]
    np.testing.assert_allclose(picks.rotations.as_matrix()[0], relion_matrix(10, 20, 30))


def test_class_numbers_and_tomogram_names(tmp_path):
    columns = ["rlnTomoName", *(f"rlnCoordinate{a}" for a in "XYZ"), "rlnClassNumber"]
    rows = [["TS_1", 1, 1, 1, 2], ["TS_2", 2, 2, 2, 1], ["TS_1", 3, 3, 3, 1]]
    path = star(tmp_path / "p.star", columns, rows)
    picks = read_star_picks(path, SHAPE, 1.0, Wanted(classes={1: "a", 2: "b"}, tomogram="TS_1"))
    assert picks.species == ("b", "a")
    assert picks.positions_A[:, 0].tolist() == [1, 3]
    for options, words in (
        ({"classes": {1: "a", 2: "b"}}, "2 \\(TS_1, TS_2\\); give `tomogram`"),
        ({"tomogram": "TS_9"}, "expected picks of TS_9"),
        ({"tomogram": "TS_1"}, "rlnClassNumber: expected a species, found 1; give `map` 1=NAME"),
        ({"tomogram": "TS_1", "classes": {1: "a"}}, "rlnClassNumber.*found 2"),
    ):
        with pytest.raises(InputError, match=words):
            read_star_picks(path, SHAPE, 1.0, Wanted(**options))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 6), st.integers(0, 2**32 - 1), st.booleans(), st.booleans())
def test_round_trip(tmp_path_factory, n, seed, oriented, scored):
    rng = np.random.default_rng(seed)
    picks = Picks(
        tuple(rng.choice(["ring", "a b", "it's", '"q"', "#x", "data_y", "loop_"], n)),
        rng.uniform(-500, 2000, (n, 3)),
        Rotation.random(n, rng=rng) if oriented and n else None,
        rng.normal(size=n) if scored and n else None,
    )
    path = tmp_path_factory.mktemp("star") / "p.star"
    write_star_picks(path, picks, SHAPE, VOXEL_A)
    again = read_star_picks(path, SHAPE, VOXEL_A)
    assert again.species == picks.species
    np.testing.assert_allclose(again.positions_A, picks.positions_A, rtol=0, atol=1e-9)
    if picks.rotations is not None:
        between = (again.rotations.inv() * picks.rotations).magnitude()
        np.testing.assert_allclose(between, 0, atol=1e-7)
    if picks.scores is not None:
        np.testing.assert_array_equal(again.scores, picks.scores)


def test_class_numbers_are_written(tmp_path):
    picks = Picks(("b", "a"), np.zeros((2, 3)))
    path = tmp_path / "p.star"
    write_star_picks(path, picks, SHAPE, VOXEL_A, tomogram="TS_3", classes={7: "a", 9: "b"})
    table = read_star(path)["particles"]
    assert table["rlnClassNumber"] == ["9", "7"]
    assert table["rlnTomoName"] == ["TS_3"] * 2
    with pytest.raises(InputError, match=r"none for \['b'\]"):
        write_star_picks(path, picks, SHAPE, VOXEL_A, classes={7: "a"})
    with pytest.raises(InputError, match="one length"):
        write_star(path, {"x": {"a": ["1"], "b": []}})


@pytest.mark.parametrize("text", ["", "\n# only a comment\n", "data_\n\nloop_\n_rlnCoordinateX\n"])
def test_empty_files_are_no_picks(tmp_path, text):
    path = tmp_path / "p.star"
    path.write_text(text)
    assert len(read_star_picks(path, SHAPE, VOXEL_A)) == 0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("data_p\nloop_\n_rlnCoordinateX\n_rlnCoordinateY\n1 2 3\n", "STAR file.*loop"),
        ("hello", "STAR file"),
        ("data_p\nloop_\n_rlnX\n1\n", "rlnCenteredCoordinateXAngst or rlnCoordinateX"),
        ("data_p\nloop_\n_rlnCoordinateX\n_rlnCoordinateY\n1 2\n", "rlnCoordinateZ"),
        ("data_p\nloop_\n_rlnCoordinateX\n_rlnCoordinateY\n_rlnCoordinateZ\n1 2 x\n",
         "particle 1, rlnCoordinateZ"),
        ("data_p\nloop_\n_rlnCoordinateX\n_rlnCoordinateY\n_rlnCoordinateZ\n1 2 nan\n", "finite"),
        ("data_p\nloop_\n_rlnCoordinateX\n_rlnCoordinateY\n_rlnCoordinateZ\n1 2 3\n",
         "faketSpecies or rlnClassNumber"),
        ("data_p\nloop_\n_rlnCoordinateX\n1\n2\nloop_\n_b\n3\n", "one loop"),
        ("data_p\nloop_\n_rlnCoordinateX\n_rlnCoordinateY\n_rlnCoordinateZ\n"
         "_rlnTomoTiltSeriesPixelSize\n1 2 3 0\n", "a size above 0"),
    ],
)  # fmt: skip
def test_unusable_files_are_one_line(tmp_path, text, words):
    path = tmp_path / "p.star"
    path.write_text(text)
    with pytest.raises(InputError, match=words) as error:
        read_star_picks(path, SHAPE, VOXEL_A)
    assert "\n" not in str(error.value)
    assert "p.star" in str(error.value)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            ["data_x", "loop_", "_rlnCoordinateX", "_rlnCoordinateY", "_rlnCoordinateZ", "1", "'",
             "\n", ";", "\n;", '"', "#", "nan", "_faketSpecies", "a", "save_", "1e999", "\0",
             "data_optics", "_rlnTomoName", "?", "_rlnAngleRot", "$", "[", *string.punctuation]
        ),
        max_size=25,
    )
)  # fmt: skip
def test_any_text_is_read_or_refused(tmp_path_factory, words):
    path = tmp_path_factory.mktemp("star") / "p.star"
    path.write_text(" ".join(words))
    try:
        read_star_picks(path, SHAPE, VOXEL_A)
    except InputError as error:
        assert "\n" not in str(error)
