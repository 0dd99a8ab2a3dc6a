"""Dynamo's tables: its column convention and its angles."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faket.errors import InputError
from faket.io.dynamo import read_dynamo_picks
from faket.io.pick_rows import Wanted

# dynamo_euler2matrix([30 60 75]), from the tests of the library eulerangles, which convert to
# RELION's angles by it.
PUBLISHED = np.array(
    [[-0.0173, -0.5477, 0.8365], [0.9012, -0.3709, -0.2241], [0.4330, 0.7500, 0.5000]]
)


def row(place, shift=(0, 0, 0), angles=(0, 0, 0), cc=0.0, tomogram=1, kind=1, apix=None):
    columns = [0.0] * (26 if apix is None else 36)
    columns[3:6], columns[6:9], columns[9] = shift, angles, cc
    columns[19], columns[21], columns[23:26] = tomogram, kind, place
    if apix is not None:
        columns[35] = apix
    return " ".join(f"{value:g}" for value in columns)


def read(folder, *rows, voxel_size_A=10.0, **options):
    path = folder / "crop.tbl"
    path.write_text("".join(f"{line}\n" for line in rows))
    return read_dynamo_picks(path, voxel_size_A, Wanted(**options))


def test_places_are_counted_from_one_and_shifted(tmp_path):
    rows = [row((11, 21, 31)), row((11.5, 21, 31), shift=(0.5, -1, 0.25), cc=0.3)]
    picks = read(tmp_path, *rows, species="ring")
    np.testing.assert_allclose(picks.positions_A, [[100, 200, 300], [110, 190, 302.5]])
    assert picks.species == ("ring", "ring")
    assert picks.scores.tolist() == [0, 0.3]


def test_angles_are_the_inverse_of_dynamos_matrix(tmp_path):
    picks = read(tmp_path, row((1, 1, 1), angles=(30, 60, 75)), species="ring")
    np.testing.assert_allclose(picks.rotations.as_matrix()[0], PUBLISHED.T, atol=1e-4)
    assert picks.angles.convention == "Dynamo"


@pytest.mark.parametrize(
    ("apix", "given_A", "expected_A"), [(None, None, 10), (0, None, 10), (4, None, 4), (4, 2, 2)]
)
def test_pixel_sizes(tmp_path, apix, given_A, expected_A):
    picks = read(tmp_path, row((3, 1, 1), apix=apix), species="a", pixel_size_A=given_A)
    assert picks.positions_A[0, 0] == 2 * expected_A
    assert bool(picks.notes) == (given_A is None)


def test_tomograms_and_classes_are_chosen(tmp_path):
    rows = [row((1, 1, 1), tomogram=4, kind=2), row((2, 2, 2), tomogram=7, kind=0)]
    assert read(tmp_path, *rows, species="a", tomogram="7").positions_A[0, 0] == 10
    with pytest.raises(InputError, match=r"found 2 \(4, 7\); give `tomogram`"):
        read(tmp_path, *rows, species="a")
    picks = read(tmp_path, rows[0], classes={2: "bean"})
    assert picks.species == ("bean",)
    assert any("2 = bean" in note for note in picks.notes)
    assert read(tmp_path, rows[1], renames={"0": "ring"}).species == ("ring",)
    with pytest.raises(InputError, match=r"column 22\): expected a species, found 0.*`map` 0=NAME"):
        read(tmp_path, rows[1])


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("1 2 3", "line 1: expected 26 or more numbers"),
        (row((1, 1, 1)).replace("1 1 1", "1 x 1"), "line 1, column 25"),
        (row((1, 1, float("nan"))), "finite"),
        (row((1, 1, 1), apix=-3), "one pixel size"),
    ],
)
def test_unusable_tables_are_one_line(tmp_path, line, words):
    with pytest.raises(InputError, match=words):
        read(tmp_path, line, species="a")


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.sampled_from(["1", "0", "-3.5", "nan", "x", "\n", "1e999", "2+0i", ","]), max_size=70
    )
)
def test_any_table_is_read_or_refused(tmp_path_factory, words):
    path = tmp_path_factory.mktemp("tbl") / "p.tbl"
    path.write_text(" ".join(words))
    try:
        read_dynamo_picks(path, 10.0, Wanted(species="a"))
    except InputError as error:
        assert "\n" not in str(error)
