"""What matching knows of an acquisition: read from each kind of file, in Å."""

import numpy as np
import pytest

from faket.data import TiltGeometry
from faket.errors import InputError
from faket.io.acquisition import write_acquisition
from faket.io.tilts import write_tilt_angles, write_tilt_geometry
from faket.microscope import Microscope, ctf_zeros, draw_acquisition
from faket.pickers.acquisition import angles_of, optics_of, read_known_acquisition

ANGLES = np.array([-40.0, 0.0, 40.0])


@pytest.fixture
def files(tmp_path):
    geometry = TiltGeometry(ANGLES, 10.0, dose_e_per_A2=np.array([1.0, 2.0, 3.0]))
    write_tilt_angles(tmp_path / "t.tlt", ANGLES)
    write_tilt_geometry(tmp_path / "t.csv", geometry)
    record = draw_acquisition(Microscope(voltage_kV=200.0), geometry, seed=0)
    write_acquisition(tmp_path / "t.json", record)
    return tmp_path, record


def test_each_file_gives_what_it_contains(files):
    folder, record = files
    angles = read_known_acquisition(folder / "t.tlt")
    np.testing.assert_array_equal(angles.geometry.angles_deg, ANGLES)
    assert (angles.optics, angles.voltage_kV) == (None, 300.0)
    table = read_known_acquisition(folder / "t.csv")
    np.testing.assert_array_equal(table.geometry.dose_e_per_A2, [1, 2, 3])
    assert (table.optics, table.voltage_kV) == (None, 300.0)
    whole = read_known_acquisition(folder / "t.json")
    assert whole.optics == [record.optics(tilt) for tilt in range(3)]
    assert whole.voltage_kV == 200.0


def test_a_given_defocus_and_voltage_are_used(files):
    known = read_known_acquisition(files[0] / "t.tlt", voltage_kV=120.0, defocus_um=2.0)
    assert known.voltage_kV == 120.0
    assert known.optics == [optics_of(120.0, 2.0, 2.7)]
    other = read_known_acquisition(files[0] / "t.tlt", defocus_um=2.0, spherical_aberration_mm=1.1)
    assert other.optics == [optics_of(300.0, 2.0, 1.1)]


def test_units_by_the_first_zero_of_the_transfer():
    # Without Cs the first zero is at 1 / sqrt(λ Δf); λ at 300 kV is 0.0197 Å.
    (zero,) = ctf_zeros(optics_of(300.0, 2.0, 0.0), 1)
    assert zero == pytest.approx((0.0197 * 20_000) ** -0.5, rel=1e-3)
    # At λ² Cs k² = 2 Δf the terms of Cs and defocus cancel: Cs is in mm, defocus in µm.
    optics = optics_of(300.0, 1.0, 2.7)
    assert optics.spherical_aberration_A / optics.defocus_A == pytest.approx(2700.0)


def test_angles_lie_beside_a_tomogram(files):
    folder, _ = files
    (folder / "t.mrc").touch()
    assert angles_of(folder / "t.mrc") == folder / "t.tlt"
    (folder / "t.csv").rename(folder / "projections_unbinned.csv")
    assert angles_of(folder / "reconstruction.mrc") == folder / "projections_unbinned.csv"
    (folder / "t.tlt").unlink()
    with pytest.raises(InputError, match="tilts"):
        angles_of(folder / "t.mrc")
