"""Tilt angles, geometries and tilt-series: exact round trips, errors that name the line."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from faket.data import TiltGeometry, TiltSeries
from faket.errors import InputError
from faket.io.mrc import write_stack
from faket.io.tilts import (
    read_tilt_angles,
    read_tilt_geometry,
    read_tilt_series,
    write_tilt_angles,
    write_tilt_geometry,
    write_tilt_series,
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-90, 90), min_size=1, max_size=20))
@example([30.0])
def test_angles_come_back_exactly(
    tmp_path_factory: pytest.TempPathFactory, angles: list[float]
) -> None:
    assume(len(angles) == 1 or np.ptp(angles) >= 0.1)
    path = tmp_path_factory.getbasetemp() / "a.tlt"
    write_tilt_angles(path, np.array(angles))
    assert read_tilt_angles(path).tolist() == angles
    assert "e" not in path.read_text()  # plain decimals, for every reader


def test_what_imod_writes_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.rawtlt"
    path.write_bytes(b" -60.00\r\n -57.00\r\n\r\n   0.01\r\n")
    assert read_tilt_angles(path).tolist() == [-60, -57, 0.01]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "found none"),
        ("1\n2\nx\n", "line 3: tilt angle: expected a number, found 'x'"),
        ("1\n\n2,3\n", "line 3: expected a tilt angle with a decimal point"),
        ("-51,0\n-48,0\n", "line 1: .*with a decimal point, .*found '-51,0'"),
        ("-51.0, 0\n-48.0, 1\n", "blanks between columns"),
        ("# nothing\n\n// else\n", "found none"),
        ("tilt angle\n-60\n", "line 1: tilt angle: expected a number, found 'tilt'"),
        ("0\n0.0\n-0\n", "expected tilt angles that differ, found 3 times 0 degrees"),
        ("12.02\n12\n12.01\n", "expected tilt angles that differ"),
        ("1 -60\n2 -57\n3 -54\n", "found the numbers of the lines"),
        ("2 -54\n1 -57\n0 -60\n", "found the numbers of the lines"),
        ("0.98 0 0 0.98 12.5 3\n" * 3, "found 6; keep only one"),
        ("1\u066b5\n", "expected a number"),
        ("91\n", "line 1: expected a tilt angle of -90 to 90 degrees, found 91"),
        ("nan\n", "line 1: tilt angle: expected a finite number"),
        ("1_0\n", "expected a number"),
        ("\0\n", "expected a number"),
    ],
)
def test_bad_angle_files_are_one_line(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "a.tlt").write_text(text)
    with pytest.raises(InputError, match=words) as caught:
        read_tilt_angles(tmp_path / "a.tlt")
    assert "\n" not in str(caught.value)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(-9000, 9000), min_size=1, max_size=12),
    st.sampled_from(["\n", "\r\n", "\r", "\n\n"]),
    st.sampled_from(["", " 0", "\t3.5 1", "  # dark", " // 2", "; last", " first of the day"]),
    st.booleans(),
    st.sampled_from(["", "# angle\n", "\n\n", "! by hand\n"]),
)
def test_lists_as_programs_write_them(tmp_path_factory, hundredths, end, tail, bom, head):
    """Line ends, byte-order marks, comments, and columns behind the angles."""
    angles = np.array(hundredths) / 100
    assume(len(angles) == 1 or np.ptp(angles) >= 0.1)
    assume(not np.array_equal(np.sort(angles), np.arange(len(angles)) + angles.min()))
    path = tmp_path_factory.getbasetemp() / "as_written.rawtlt"
    text = head + end.join(f"{angle:8.2f}{tail}" for angle in angles)
    path.write_bytes(b"\xef\xbb\xbf" * bom + text.encode())
    np.testing.assert_array_equal(read_tilt_angles(path), angles)


def test_columns_left_out_are_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "a.rawtlt"
    path.write_text("-51.000000 0\n-48.000000 1\n-45.000000 2\n")
    with caplog.at_level("WARNING", "faket"):
        for _ in range(3):
            assert read_tilt_angles(path).tolist() == [-51, -48, -45]
    said = [record.getMessage() for record in caplog.records]
    assert said == [f"{path}: the first of 2 columns read as tilt angles"]


def test_bad_angles_are_not_written(tmp_path: Path) -> None:
    for angles in ([], [91.0], [np.nan], [[1.0, 2.0]]):
        with pytest.raises(InputError, match="angles"):
            write_tilt_angles(tmp_path / "a.tlt", np.array(angles))
    assert not list(tmp_path.iterdir())


def make_series(tilts: int = 3) -> TiltSeries:
    rng = np.random.default_rng(0)
    geometry = TiltGeometry(
        np.linspace(-60, 60, tilts),
        2.5,
        rng.normal(0, 5, (tilts, 2)),
        84.7,
        np.linspace(3, 2, tilts),
        rng.permutation(tilts),
    )
    return TiltSeries(rng.normal(size=(tilts, 4, 5)).astype(np.float32), geometry)


def assert_same(a: TiltGeometry, b: TiltGeometry) -> None:
    for name in ("angles_deg", "pixel_size_A", "shifts_A", "tilt_axis_deg"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
    for name in ("dose_e_per_A2", "order"):
        x, y = getattr(a, name), getattr(b, name)
        assert (x is None) == (y is None)
        if x is not None:
            np.testing.assert_array_equal(x, y)


def test_a_series_comes_back_with_all_its_geometry(tmp_path: Path) -> None:
    series = make_series()
    stack, angles = write_tilt_series(tmp_path / "ts.mrc", series)
    assert (stack, angles) == (tmp_path / "ts.mrc", tmp_path / "ts.tlt")
    plain = read_tilt_series(stack, angles)
    np.testing.assert_array_equal(plain.images, series.images)
    assert_same(plain.geometry, TiltGeometry(series.geometry.angles_deg, 2.5))
    write_tilt_geometry(tmp_path / "ts.csv", series.geometry)
    full = read_tilt_series(stack, tmp_path / "ts.csv", mmap=True)
    np.testing.assert_array_equal(full.images, series.images)
    assert_same(full.geometry, series.geometry)
    assert read_tilt_series(stack, angles, pixel_size_A=9.0).geometry.pixel_size_A == 9.0


def test_a_geometry_without_dose_and_order_comes_back(tmp_path: Path) -> None:
    geometry = TiltGeometry(np.array([0.1, 0.2]), 5.0)
    write_tilt_geometry(tmp_path / "g.csv", geometry)
    assert_same(read_tilt_geometry(tmp_path / "g.csv"), geometry)


def test_one_angle_for_all_images_is_refused_in_a_table_too(tmp_path: Path) -> None:
    geometry = make_series().geometry
    write_tilt_geometry(tmp_path / "g.csv", replace(geometry, angles_deg=np.full(3, -2.0)))
    with pytest.raises(
        InputError, match="expected tilt angles that differ, found 3 times -2 degrees"
    ):
        read_tilt_geometry(tmp_path / "g.csv")


def test_other_counts_name_both_numbers(tmp_path: Path) -> None:
    write_stack(tmp_path / "s.mrc", np.zeros((3, 4, 5)), 5.0)
    write_tilt_angles(tmp_path / "a.tlt", np.arange(4.0))
    with pytest.raises(InputError, match=r"expected 3 tilts as in s\.mrc, found 4"):
        read_tilt_series(tmp_path / "s.mrc", tmp_path / "a.tlt")
    series = make_series()
    with pytest.raises(InputError, match="3 angles and 2 images"):
        write_tilt_series(tmp_path / "x.mrc", TiltSeries(series.images[:2], series.geometry))
    with pytest.raises(InputError, match="found one for the angles"):
        write_tilt_series(tmp_path / "x.tlt", series)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("angle_deg", "angle", "expected each of the columns angle_deg"),
        ("-60.0", "x", "line 2: tilt angle: expected a number"),
        ("-60.0", "-95", "line 2: expected a tilt angle"),
        ("84.7\n", "84.8\n", "tilt_axis_deg: expected one value"),
        ("2.5,84.7", "-2.5,84.7", "pixel_size_A: expected"),
        ("84.7\n", "84.7,1\n", "line 2: expected 7 columns, found 8"),
        (",2,2.5", ",1,2.5", "order: expected each of 0 to 2"),
        ("3.0", "many", "line 2, dose_e_per_A2"),
    ],
)
def test_bad_geometry_tables_name_the_place(tmp_path: Path, old: str, new: str, words: str) -> None:
    path = tmp_path / "g.csv"
    write_tilt_geometry(path, make_series().geometry)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new) if "-2.5" in new else text.replace(old, new, 1))
    with pytest.raises(InputError, match=words):
        read_tilt_geometry(path)
