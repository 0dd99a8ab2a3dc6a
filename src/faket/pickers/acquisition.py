"""How a tomogram's tilt-series was taken, as far as template matching needs to know."""

from dataclasses import dataclass, replace
from pathlib import Path

from faket.constants import electron_wavelength_A
from faket.data import TiltGeometry
from faket.io.acquisition import read_acquisition
from faket.io.model_folder import GEOMETRY, PROJECTIONS_UNBINNED, RECORD, is_reconstruction
from faket.io.tilts import read_tilt_angles, read_tilt_geometry, tilt_angles_beside
from faket.microscope import Optics
from faket.units import A_PER_MM, A_PER_UM

# Chosen, because most tomograms come from microscopes of 300 kV with this objective lens.
USUAL_KV, USUAL_CS_MM = 300.0, 2.7


@dataclass(frozen=True)
class KnownAcquisition:
    """Tilts and optics of a tomogram, as far as they are known.

    Attributes
    ----------
    geometry : TiltGeometry
        Angles; dose and order if the file contains them.
    optics : list of Optics, or None
        One for each tilt, or one for all; None if the defocus is unknown.
    voltage_kV : float
    """

    geometry: TiltGeometry
    optics: list[Optics] | None = None
    voltage_kV: float = USUAL_KV


def angles_of(tomogram: Path) -> Path:
    """Return the file of tilt angles beside a tomogram.

    Raises
    ------
    InputError
        If there is none.
    """
    series = tomogram.with_name(PROJECTIONS_UNBINNED).with_suffix(GEOMETRY)
    if is_reconstruction(tomogram) and series.exists():
        return series
    return tilt_angles_beside(tomogram, option="tilts")


def read_known_acquisition(
    path: Path,
    *,
    voltage_kV: float | None = None,
    defocus_um: float | None = None,
    spherical_aberration_mm: float | None = None,
) -> KnownAcquisition:
    """Read what a record (.json), a table (.csv) or a list of angles (.tlt) contains.

    Parameters
    ----------
    path : Path
    voltage_kV : float, optional
        By default the record's, otherwise 300.
    defocus_um : float, optional
        Underfocus of all tilts, instead of the one in the file.
    spherical_aberration_mm : float, optional
        Used with ``defocus_um``; 2.7 by default.

    Raises
    ------
    InputError
        If the file cannot be used.
    """
    known = _read(path)
    if voltage_kV is not None:
        known = replace(known, voltage_kV=voltage_kV)
    if defocus_um is None:
        return known
    cs_mm = USUAL_CS_MM if spherical_aberration_mm is None else spherical_aberration_mm
    return replace(known, optics=[optics_of(known.voltage_kV, defocus_um, cs_mm)])


def optics_of(voltage_kV: float, defocus_um: float, spherical_aberration_mm: float) -> Optics:
    """Return the optics of an underfocus."""
    return Optics(
        electron_wavelength_A(voltage_kV), defocus_um * A_PER_UM, spherical_aberration_mm * A_PER_MM
    )


def _read(path: Path) -> KnownAcquisition:
    if path.suffix.lower() == RECORD:
        record = read_acquisition(path)
        optics = [record.optics(tilt) for tilt in range(len(record))]
        return KnownAcquisition(record.geometry(), optics, record.microscope.voltage_kV)
    if path.suffix.lower() == GEOMETRY:
        return KnownAcquisition(read_tilt_geometry(path))
    return KnownAcquisition(TiltGeometry(read_tilt_angles(path), 1.0))  # its pixels are not used
