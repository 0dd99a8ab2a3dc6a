"""Tilt angles, geometries and tilt-series: exact round trips, errors that name the line."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faket.data import TiltGeometry, TiltSeries
from faket.errors import InputError
from faket.io import (
    read_tilt_angles,
    read_tilt_geometry,
    read_tilt_series,
    write_stack,
    write_tilt_angles,
    write_tilt_geometry,
    write_tilt_series,
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-90, 90), min_size=1, max_size=20))
def test_angles_come_back_exactly(
    tmp_path_factory: pytest.TempPathFactory, angles: list[float]
) -> None:
    path = tmp_path_factory.mktemp("t") / "a.tlt"
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
        ("1\n\n2 3\n", "line 3: tilt angle: expected a number, found '2 3'"),
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


def test_bad_angles_are_not_written(tmp_path: Path) -> None:
    for angles in ([], [91.0], [np.nan], [[1.0, 2.0]]):
        with pytest.raises(InputError, match="tilt angles"):
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


def test_other_counts_name_both_numbers(tmp_path: Path) -> None:
    write_stack(tmp_path / "s.mrc", np.zeros((3, 4, 5)), 5.0)
    write_tilt_angles(tmp_path / "a.tlt", np.zeros(4))
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
