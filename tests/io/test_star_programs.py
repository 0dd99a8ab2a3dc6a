"""STAR files as RELION 3.0 to 5, Warp, M and STOPGAP write them: every unit, every shift."""

import numpy as np
import pytest

from faket.errors import InputError
from faket.io.pick_rows import Wanted
from faket.io.star_picks import read_star_picks

SHAPE, VOXEL_A = (60, 100, 120), 10.0  # z y x
PLACES_A = np.array([[100.0, 200.0, 300.0], [50.0, 60.0, 70.0]])
COORDINATES = [f"rlnCoordinate{axis}" for axis in "XYZ"]


def block(name, columns):
    """Return a block of columns, name → values."""
    head = "".join(f"_{column} #{i}\n" for i, column in enumerate(columns, 1))
    rows = zip(*columns.values(), strict=True)
    return f"\ndata_{name}\n\nloop_\n{head}" + "".join(" ".join(map(str, r)) + "\n" for r in rows)


def places(pixels):
    return dict(zip(COORDINATES, np.asarray(pixels).T.tolist(), strict=True))


def read(tmp_path, *blocks, **options):
    path = tmp_path / "p.star"
    path.write_text("".join(blocks))
    options.setdefault("species", "a")
    return read_star_picks(path, SHAPE, VOXEL_A, Wanted(**options))


@pytest.mark.parametrize(
    ("extra", "pixel_A"),
    [
        ({"rlnMagnification": 20000, "rlnDetectorPixelSize": 5}, 2.5),
        ({"rlnMicrographPixelSize": 2, "rlnImagePixelSize": 8}, 2),
        ({"rlnPixelSize": 2.5}, 2.5),
        ({"rlnImagePixelSize": 4, "rlnMicrographOriginalPixelSize": 4}, 4),
        ({"rlnTomoTiltSeriesPixelSize": 2, "rlnImagePixelSize": 8}, 2),
    ],
)  # fmt: skip
@pytest.mark.parametrize("in_optics", [False, True])
def test_the_file_tells_its_pixels(tmp_path, extra, pixel_A, in_optics):
    table = places(PLACES_A / pixel_A)
    n = 1 if in_optics else len(PLACES_A)
    columns = {name: [value] * n for name, value in extra.items()}
    if in_optics:
        picks = read(tmp_path, block("optics", columns), block("particles", table))
    else:
        picks = read(tmp_path, block("particles", {**table, **columns}))
    np.testing.assert_allclose(picks.positions_A, PLACES_A)
    assert picks.notes == ()


def test_relion_30_origins_are_pixels_of_the_image(tmp_path):
    """RELION 3.0 subtracts rlnOriginX in pixels, later versions rlnOriginXAngst in Å."""
    shifts = np.array([[7, -6, 5], [1, 2, 3]])
    scale = {"rlnMagnification": [10000] * 2, "rlnDetectorPixelSize": [2.5] * 2}
    origins = dict(zip(("rlnOriginX", "rlnOriginY", "rlnOriginZ"), shifts.T.tolist(), strict=True))
    table = {**places(PLACES_A / 2.5 + shifts), **scale, **origins}
    np.testing.assert_allclose(read(tmp_path, block("", table)).positions_A, PLACES_A)
    angst = {f"{k}Angst": [2.5 * v for v in values] for k, values in origins.items()}
    both = {**table, **angst}
    np.testing.assert_allclose(read(tmp_path, block("", both)).positions_A, PLACES_A)
    nothing = {**places(PLACES_A / VOXEL_A + shifts), **origins}
    np.testing.assert_allclose(read(tmp_path, block("", nothing)).positions_A, PLACES_A)


def test_each_optics_group_has_its_pixels(tmp_path):
    optics = {"rlnOpticsGroup": [1, 2], "rlnTomoTiltSeriesPixelSize": [2.5, 5.0]}
    table = {**places(PLACES_A / np.array([[5.0], [2.5]])), "rlnOpticsGroup": [2, 1]}
    picks = read(tmp_path, block("optics", optics), block("particles", table))
    np.testing.assert_allclose(picks.positions_A, PLACES_A)
    table["rlnOpticsGroup"] = [2, 3]
    with pytest.raises(
        InputError, match=r"particle 2, rlnOpticsGroup: expected one of 1, 2, found 3"
    ):
        read(tmp_path, block("optics", optics), block("particles", table))
    del table["rlnOpticsGroup"]
    with pytest.raises(InputError, match=r"rlnOpticsGroup in both blocks.*`pixel_size_A`"):
        read(tmp_path, block("optics", optics), block("particles", table))
    picks = read(tmp_path, block("optics", optics), block("particles", table), pixel_size_A=1.0)
    np.testing.assert_allclose(picks.positions_A[1], PLACES_A[1] / 2.5)


def test_pixels_that_could_be_either_are_asked_for(tmp_path):
    table = {
        **places(PLACES_A),
        "rlnImagePixelSize": [4, 4],
        "rlnMicrographOriginalPixelSize": [1, 1],
    }
    with pytest.raises(InputError, match=r"4 Å \(rlnImagePixelSize\) and 1 Å.*`pixel_size_A`"):
        read(tmp_path, block("particles", table))


def test_what_is_guessed_is_said(tmp_path):
    picks = read(tmp_path, block("particles", places(PLACES_A / VOXEL_A)))
    np.testing.assert_allclose(picks.positions_A, PLACES_A)
    assert "no pixel size in it; rlnCoordinateX read as voxels of 10 Å" in picks.notes[0]


def test_warps_matches_are_parts_of_the_tomogram(tmp_path):
    size_A = np.array(SHAPE[::-1]) * VOXEL_A
    picks = read(tmp_path, block("", places(PLACES_A / size_A)))
    np.testing.assert_allclose(picks.positions_A, PLACES_A)
    assert "as in Warp" in picks.notes[0]
    whole = np.array([[0, 1, 1], [1, 0, 1]])  # voxels, not parts
    np.testing.assert_allclose(read(tmp_path, block("", places(whole))).positions_A, whole * 10)


def test_m_writes_angstroms_from_the_corner(tmp_path):
    table = {
        f"wrpCoordinate{a}{i}": PLACES_A[:, k] + 5 * (i - 1)
        for i in (1, 2)
        for k, a in enumerate("XYZ")
    }
    table |= {"wrpAngleRot1": [10, 0], "wrpAngleTilt1": [20, 0], "wrpAnglePsi1": [30, 0]}
    table |= {"wrpSourceName": ["TS_1.tomostar", "TS_2.tomostar"]}
    picks = read(tmp_path, block("particles", table), tomogram="TS_1")
    np.testing.assert_allclose(picks.positions_A, PLACES_A[:1])
    relion = {
        **places(PLACES_A[:1]),
        "rlnAngleRot": [10],
        "rlnAngleTilt": [20],
        "rlnAnglePsi": [30],
    }
    same = read(tmp_path, block("", relion))
    np.testing.assert_allclose(picks.rotations.as_matrix(), same.rotations.as_matrix())


@pytest.mark.parametrize("mark", ["rlnRandomSubset", "rlnMaxValueProbDistribution"])
def test_a_refinements_class_is_no_species(tmp_path, mark):
    table = {**places(PLACES_A), "rlnClassNumber": [1, 2], mark: [1, 1]}
    options = {"species": None, "classes": {1: "ring", 2: "bean"}}
    with pytest.raises(InputError, match=f"{mark} it is the class of a refinement.*`map` 1=NAME"):
        read(tmp_path, block("particles", table), **options)
    picks = read(tmp_path, block("particles", table), renames={"1": "x", "2": "y"}, **options)
    assert picks.species == ("x", "y")
    del table[mark]
    picks = read(tmp_path, block("particles", table), **options)
    assert picks.species == ("ring", "bean")
    assert "1 = ring, 2 = bean" in picks.notes[-1]


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("TS_1", "TS_1"),
        ("tomograms/TS_1/TS_1.mrc", "TS_1"),
        ("TS_1.tomostar", "TS_1"),
        ("rec_10.00Apx/TS_1_10.00Apx.mrc", "TS_1.mrc"),
        ("TS_1.st:mrc", "/data/TS_1.rec"),
    ],
)
def test_a_tomogram_is_known_without_its_suffixes(tmp_path, name, wanted):
    table = {**places(PLACES_A), "rlnMicrographName": ["TS_10.mrc", name]}
    for option in ("tomogram", "likely"):
        picks = read(tmp_path, block("particles", table), **{option: wanted})
        np.testing.assert_allclose(picks.positions_A, PLACES_A[1:] * VOXEL_A)
    assert "1 of 2 picks are of" in picks.notes[0]
    with pytest.raises(InputError, match=r"give `tomogram`"):
        read(tmp_path, block("particles", table), likely="model_0")


def test_syntax_of_the_field_is_read(tmp_path):
    text = block("particles", {**places(PLACES_A / VOXEL_A), "faketSpecies": ["'a b'", '"c"']})
    text = "# a comment\ndata_general\n_rlnTomoSubTomosAre2DStacks 1\n" + text
    for change in (lambda t: t, lambda t: "\ufeff" + t, lambda t: t.replace(" ", "\t"),
                   lambda t: t.replace("\n", "\r\n"), lambda t: t + "\n# end\n"):  # fmt: skip
        picks = read(tmp_path, change(text).replace("'a\tb'", "'a b'"), species=None)
        assert picks.species == ("a b", "c")
        np.testing.assert_allclose(picks.positions_A, PLACES_A)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (block("a", places(PLACES_A)) + block("b", places(PLACES_A)), "one block with particles"),
        (block("stopgap_motivelist", {"motl_idx": [1]}), "column tomo_num, found none"),
        (block("x", places(PLACES_A[:1]) | {"rlnMagnification": [0], "rlnDetectorPixelSize": [1]}),
         "rlnMagnification: expected a size above 0"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused(tmp_path, text, words):
    with pytest.raises(InputError, match=words):
        read(tmp_path, text)
