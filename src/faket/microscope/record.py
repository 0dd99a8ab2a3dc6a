"""The random values of an acquisition, drawn before anything is computed."""

from dataclasses import dataclass, fields
from itertools import chain
from typing import Any

import numpy as np

from faket.constants import electron_wavelength_A
from faket.data import TiltGeometry
from faket.errors import InputError
from faket.microscope.dose import acquisition_order, split_dose
from faket.microscope.optics import Optics
from faket.microscope.settings import Microscope, Range
from faket.seeds import generator
from faket.tilts import checked_angles
from faket.units import A_PER_MM, A_PER_UM, RAD_PER_MRAD, V_PER_KV

Numbers = tuple[float, ...]
PIXEL_RANGE_A = (0.1, 1000.0)  # as in the headers of MRC files
FARTHEST_A = 1e6  # chosen: 100 µm is more than any defocus or shift
MOST_E_PER_A2 = 10_000.0  # of a whole series, as in the microscope's settings
MAX_TILT_DEG = 80.0  # chosen, because the path through a slab, t / cos θ, grows without bound


@dataclass(frozen=True)
class AcquisitionRecord:
    """Everything about one acquisition, including all values that were drawn at random.

    Together with the specimen it determines every byte of the images. All tuples except
    ``shifts_A`` and ``alignment_errors_A`` (pairs x, y) hold one number per tilt.

    Attributes
    ----------
    microscope : Microscope
    seed : int
        Of the random streams "ice" and "counts", one generator per tilt each.
    pixel_size_A : float
    nominal_angles_deg, true_angles_deg : tuple of float
        Angles in the series' geometry, and true angles of the stage.
    defocus_A, astigmatism_A, astigmatism_deg : tuple of float
        As in :class:`Optics`; the direction of the astigmatism is that in the recorded image.
    dose_e_per_A2 : tuple of float
    order : tuple of int
        Position in the sequence of acquisition, from 0.
    shifts_A : tuple of (float, float)
        Displacement (x, y) of the image content from the ideal geometry.
    alignment_errors_A : tuple of (float, float)
        The series' geometry gives ``shifts_A + alignment_errors_A``.
    tilt_axis_deg : float
        As in the series' geometry.
    rotation_errors_deg : tuple of float
        The true axis of a tilt lies at ``tilt_axis_deg`` plus this.
    """

    microscope: Microscope
    seed: int
    pixel_size_A: float
    nominal_angles_deg: Numbers
    true_angles_deg: Numbers
    defocus_A: Numbers
    astigmatism_A: Numbers
    astigmatism_deg: Numbers
    dose_e_per_A2: Numbers
    order: tuple[int, ...]
    shifts_A: tuple[tuple[float, float], ...]
    alignment_errors_A: tuple[tuple[float, float], ...]
    tilt_axis_deg: float
    rotation_errors_deg: Numbers

    def __post_init__(self) -> None:
        """Check lengths and bounds: a record may come from a file."""
        _check_lengths(self)
        _check_values(self)

    def __len__(self) -> int:
        """Return the number of tilts."""
        return len(self.nominal_angles_deg)

    def geometry(self) -> TiltGeometry:
        """Return what alignment would know: nominal angles, recorded shifts, dose and order."""
        return TiltGeometry(
            angles_deg=np.array(self.nominal_angles_deg),
            pixel_size_A=self.pixel_size_A,
            shifts_A=np.array(self.shifts_A) + np.array(self.alignment_errors_A),
            tilt_axis_deg=self.tilt_axis_deg,
            dose_e_per_A2=np.array(self.dose_e_per_A2),
            order=np.array(self.order, np.int64),
        )

    def optics(self, tilt: int) -> Optics:
        """Return the optics of one tilt."""
        microscope = self.microscope
        spread = microscope.energy_spread_eV / (microscope.voltage_kV * V_PER_KV)
        return Optics(
            wavelength_A=electron_wavelength_A(microscope.voltage_kV),
            defocus_A=self.defocus_A[tilt],
            spherical_aberration_A=microscope.spherical_aberration_mm * A_PER_MM,
            astigmatism_A=self.astigmatism_A[tilt],
            astigmatism_deg=self.astigmatism_deg[tilt],
            focal_spread_A=microscope.chromatic_aberration_mm * A_PER_MM * spread,
            semi_angle_rad=microscope.beam_semi_angle_mrad * RAD_PER_MRAD,
            phase_plate_rad=float(np.radians(microscope.phase_plate_deg)),
        )


def draw_acquisition(
    microscope: Microscope, geometry: TiltGeometry, *, seed: int
) -> AcquisitionRecord:
    """Draw everything that is random in an acquisition.

    Parameters
    ----------
    microscope : Microscope
    geometry : TiltGeometry
        Nominal angles and pixel size. Dose and order are taken from it if it has them (of a real
        session, say), else drawn and ordered by the microscope's settings; its shifts and tilt
        axis are not used.
    seed : int

    Returns
    -------
    AcquisitionRecord

    Raises
    ------
    InputError
        If there is no tilt, or one is steeper than 80°.
    """
    angles = _checked(geometry)
    n, rng = len(angles), generator(seed, "acquisition")
    defocus = A_PER_UM * (
        _within(rng, microscope.defocus_um) + microscope.defocus_jitter_um * rng.normal(size=n)
    )
    astigmatism = A_PER_UM * microscope.astigmatism_um * rng.normal(size=n)
    direction = np.full(n, rng.uniform(0, 180))
    total = _within(rng, microscope.dose_e_per_A2)
    dose, order = geometry.dose_e_per_A2, geometry.order
    if dose is None:
        dose = split_dose(angles, total, microscope.dose_cosine_power)
    if order is None:
        order = acquisition_order(angles, microscope.dose_scheme)
    shifts = _within(rng, microscope.shift_A) * rng.normal(size=(n, 2))
    errors = _within(rng, microscope.alignment_error_A) * rng.normal(size=(n, 2))
    return AcquisitionRecord(
        microscope=microscope,
        seed=int(seed),
        pixel_size_A=float(geometry.pixel_size_A),
        nominal_angles_deg=_numbers(angles),
        true_angles_deg=_numbers(angles + microscope.angle_error_deg * rng.normal(size=n)),
        defocus_A=_numbers(defocus),
        astigmatism_A=_numbers(astigmatism),
        astigmatism_deg=_numbers(direction),
        dose_e_per_A2=_numbers(dose),
        order=tuple(int(i) for i in order),
        shifts_A=tuple((float(x), float(y)) for x, y in shifts),
        alignment_errors_A=tuple((float(x), float(y)) for x, y in errors),
        tilt_axis_deg=_within(rng, microscope.tilt_axis_deg),
        rotation_errors_deg=_numbers(microscope.rotation_error_deg * rng.normal(size=n)),
    )


def _checked(geometry: TiltGeometry) -> np.ndarray[Any, np.dtype[np.float64]]:
    angles = checked_angles(geometry.angles_deg, largest_deg=MAX_TILT_DEG)
    if not (np.isfinite(geometry.pixel_size_A) and geometry.pixel_size_A > 0):
        raise InputError(f"`pixel_size_A`: expected a number > 0, found {geometry.pixel_size_A}")
    dose, order = geometry.dose_e_per_A2, geometry.order
    if dose is not None and (len(dose) != len(angles) or not np.all(np.asarray(dose) > 0)):
        raise InputError(
            f"dose: expected one number > 0 for each of the {len(angles)} tilts, found {dose}"
        )
    if order is not None and sorted(np.asarray(order).tolist()) != list(range(len(angles))):
        raise InputError(f"order: expected each of 0 to {len(angles) - 1} once, found {order}")
    return angles


def _within(rng: np.random.Generator, limits: Range) -> float:
    return float(rng.uniform(*limits))


def _numbers(values: Any) -> Numbers:
    return tuple(float(value) for value in values)


def _check_lengths(record: AcquisitionRecord) -> None:
    values = {item.name: getattr(record, item.name) for item in fields(record)}
    lengths = {name: len(value) for name, value in values.items() if isinstance(value, tuple)}
    if len(set(lengths.values())) != 1 or not len(record):
        raise InputError(
            f"acquisition record: expected lists of one length, found {lengths}; was it edited?"
        )


def _check_values(record: AcquisitionRecord) -> None:
    """Refuse impossible values: a wrong digit must not fill the memory or give images of noise."""
    n = len(record)
    lengths_A = (*record.defocus_A, *record.astigmatism_A, *chain(*record.shifts_A),
                 *chain(*record.alignment_errors_A))  # fmt: skip
    angles = (*record.nominal_angles_deg, *record.true_angles_deg)
    low, high = PIXEL_RANGE_A
    for name, expected, holds in (
        ("pixel_size_A", f"{low:g} to {high:g} Å", low <= record.pixel_size_A <= high),
        ("angles", "-90 to 90 degrees", all(abs(angle) <= 90 for angle in angles)),
        ("defocus and shifts", f"at most {FARTHEST_A:g} Å",
         all(abs(length) <= FARTHEST_A for length in lengths_A)),
        ("dose_e_per_A2", f"above 0, at most {MOST_E_PER_A2:g}",
         all(0 < dose <= MOST_E_PER_A2 for dose in record.dose_e_per_A2)),
        ("order", f"each of 0 to {n - 1} once", sorted(record.order) == list(range(n))),
        ("seed", "0 or more", record.seed >= 0),
    ):  # fmt: skip
        if not holds:
            raise InputError(
                f"acquisition record, {name}: expected {expected}, found something else; was it "
                "edited?"
            )
