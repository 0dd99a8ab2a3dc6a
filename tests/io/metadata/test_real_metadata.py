"""What programs of real laboratories wrote (files of the folder FAKET_TEST_DATA)."""

from pathlib import Path

import numpy as np
import pytest

from faket.io.metadata import JoinedGeometry, join, read_metadata


@pytest.fixture(scope="module")
def folder(real_data: Path) -> Path:
    if not (real_data / "metadata").is_dir():
        pytest.skip("no folder metadata among the real data")
    return real_data / "metadata"


def joined(folder: Path, *patterns: str) -> JoinedGeometry:
    paths = [path for pattern in patterns for path in sorted(folder.glob(pattern))]
    assert len(paths) >= len(patterns)
    return join([facts for path in paths for facts in read_metadata(path)])


def test_all_files_are_read(folder: Path) -> None:
    """All but lists of doses, points to warp at, and the stack itself."""
    unread = {"cryoCAT__018_corrected_dose.txt", "pytom_match_pick__test_dose.txt",
              "warpylib__TS_1.star", "TS_001.st"}  # fmt: skip
    for path in folder.rglob("*"):
        if path.is_file() and path.name not in unread:
            assert read_metadata(path)


def test_one_series_by_three_programs(folder: Path) -> None:
    """SerialEM, IMOD and Warp of series 018; the mdoc tells two angles otherwise, which is said."""
    geometry = joined(folder, "cryoCAT__018.mdoc", "cryoCAT__TS_018_*", "cryoCAT__018.xml",
                      "cryoCAT__018_gctf.star")  # fmt: skip
    imod = joined(folder, "cryoCAT__TS_018_018.tlt")
    np.testing.assert_array_equal(geometry.angles_deg, imod.angles_deg)
    near = np.abs(geometry.angles_deg - geometry.nominal_angles_deg) < 0.1
    assert near.sum() == 58
    assert any("2 of 60 images differ" in text for text in geometry.notices)
    assert (geometry.order >= 0).all()
    assert geometry.order[geometry.nominal_angles_deg.round() == 8].tolist() == [0]
    assert geometry.pixel_size_A == pytest.approx(1.971)
    np.testing.assert_allclose(geometry.axes_deg, 83.22321)
    steps = np.diff(np.sort(geometry.dose_before_e_per_A2))
    np.testing.assert_allclose(steps[steps < 3], 2.238, atol=0.01)
    gctf = joined(folder, "cryoCAT__TS_018_018.tlt", "cryoCAT__018_gctf.star")
    assert np.median(np.abs(gctf.defocus_u_um / geometry.defocus_u_um - 1)) < 0.05
    assert gctf.pixel_size_A == pytest.approx(1.971, abs=1e-4)


def test_an_etomo_folder(folder: Path) -> None:
    geometry = joined(folder, "etomofiles_TS_001/*.[rtxe]*")
    assert geometry.pixel_size_A == pytest.approx(6.192)
    assert np.flatnonzero(geometry.excluded).tolist() == [39]
    assert np.abs(geometry.axes_deg - 83.9).max() < 0.5
    offsets = geometry.angles_deg - geometry.nominal_angles_deg
    assert abs(np.median(offsets) - 2.85) < 0.3  # its .edf tells AngleOffset=2.85


def test_frames_of_a_series(folder: Path) -> None:
    geometry = joined(folder, "frames_TS_019/*.mdoc")
    assert len(geometry) == 61
    numbers = [int(name.split("_")[2]) for name in geometry.frames]
    np.testing.assert_array_equal(geometry.order, numbers)
    assert geometry.tilt_geometry().tilt_axis_deg == pytest.approx(82.9)


def test_relion_and_serialem_of_one_series(folder: Path) -> None:
    """RELION left one image out; the order by time is that by exposure."""
    pair = joined(folder, "cryoCAT__relion5_TS_01_tilt.star", "mdocfile__tilt_series.mdoc")
    assert (len(pair), len(pair.used)) == (41, 40)
    before = pair.dose_before_e_per_A2[pair.used]
    np.testing.assert_array_equal(np.argsort(before), np.argsort(pair.order[pair.used]))
    np.testing.assert_allclose(pair.angles_deg[pair.used], pair.nominal_angles_deg[pair.used],
                               atol=0.01)  # fmt: skip
    assert np.abs(pair.axes_deg[pair.used] - 85.3).max() < 0.5


def test_warps_sign_is_that_of_the_frames(folder: Path) -> None:
    geometry = joined(folder, "warpylib__TS_1.xml")
    told = [float(name.split("_")[3]) for name in geometry.frames]
    np.testing.assert_allclose(geometry.angles_deg, told, atol=0.05)


def test_aretomo_counts_from_zero_and_backwards(folder: Path) -> None:
    geometry = joined(folder, "miss-alignment__model_0.aln")
    assert geometry.angles_deg[0] == 59.99
    np.testing.assert_allclose(geometry.shifts_px[60], [-6.472, -0.652], atol=0.001)
