"""The contrast transfer function of a tilt-series, as given or estimated."""

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from faket.constants import electron_wavelength_A
from faket.data import DoubleArray
from faket.errors import InputError
from faket.microscope.optics import Optics
from faket.tilts import nearest_tilts
from faket.units import A_PER_MM, A_PER_UM

# Protein in ice at 300 kV, from the mean free paths and mean potentials in faket.constants:
# (1/Λ_protein − 1/Λ_ice) / 2 over σ (V_protein − V_ice). 0.07 is customary.
AMPLITUDE_CONTRAST = 0.055

# Thresholds of all estimates of the defocus, from whatever data.
MARGIN = 9.0  # χ² above the least that rules a defocus out: three standard errors
# Largest relative distance of a defocus that is not ruled out, for a confident estimate; chosen on
# simulated stacks (scripts/measure_ctf.py).
CERTAIN = 0.045
# Usual defoci in tomography: exp(N(ln 3, 0.35)) µm, two thirds of them between 2.1 and 4.3 µm.
_USUAL_UM, _USUAL_SPREAD = 3.0, 0.35


def unusual(defocus_um: DoubleArray) -> DoubleArray:
    """Return χ² of defoci before anything is measured: 2 to 5 µm are usual in tomography."""
    return np.asarray((np.log(defocus_um / _USUAL_UM) / _USUAL_SPREAD) ** 2)


@dataclass(frozen=True, eq=False)
class CtfEstimate:
    """Contrast transfer function (CTF) of the microscope that took a stack.

    Attributes
    ----------
    angles_deg : ndarray, shape (tilts,), float64
    defocus_um : ndarray, shape (tilts,), float64
        Underfocus of the middle of the field. If ``confident`` is False, it is only the likeliest
        of the values that the images allow, given that 2 to 5 µm are usual; with pairs of tilts,
        the one that is as likely too low as too high.
    interval_um : (float, float)
        Range of mean defoci that the images do not rule out (three standard errors), provided
        that the specimen's own spectrum is smooth: without visible rings, many membranes can
        mislead it. Of a given defocus that was not compared with images, its own range.
    confident : bool
        True if that interval is narrow: within 4.5 % of ``defocus_um``, or within 2.5 % if only
        one zero lies below Nyquist.
    source : {"metadata", "spectra"}
    voltage_kV, spherical_aberration_mm, amplitude_contrast : float
    phase_plate_deg : ndarray, shape (tilts,), float64
        One number stands for all tilts.
    astigmatism_um, astigmatism_deg : ndarray, shape (tilts,), float64
        Half the difference of the two extreme defoci, and the direction of the larger one in the
        aligned image, from x counter-clockwise; by default there is none.
    misfits : ndarray, shape (n, 2), float64, optional
        Mean defoci that were tried, µm, and the χ² that the spectra alone give each; None if the
        defocus was given.
    """

    angles_deg: DoubleArray
    defocus_um: DoubleArray
    interval_um: tuple[float, float]
    confident: bool
    source: Literal["metadata", "spectra"]
    voltage_kV: float = 300.0
    spherical_aberration_mm: float = 2.7
    amplitude_contrast: float = AMPLITUDE_CONTRAST
    phase_plate_deg: DoubleArray | float = 0.0
    astigmatism_um: DoubleArray = field(
        default_factory=lambda: np.zeros(0), metadata={"since": "0.1"}
    )
    astigmatism_deg: DoubleArray = field(
        default_factory=lambda: np.zeros(0), metadata={"since": "0.1"}
    )
    misfits: DoubleArray | None = field(default=None, repr=False, metadata={"since": "0.1"})

    def __post_init__(self) -> None:
        """Check shapes and bounds."""
        for name in ("angles_deg", "defocus_um"):
            object.__setattr__(self, name, np.array(getattr(self, name), np.float64))
        for name in ("phase_plate_deg", "astigmatism_um", "astigmatism_deg"):
            object.__setattr__(self, name, self._of_each_tilt(name))
        object.__setattr__(self, "interval_um", tuple(float(v) for v in self.interval_um))
        shape = self.angles_deg.shape
        if len(shape) != 1 or shape[0] == 0 or self.defocus_um.shape != shape:
            raise InputError(
                "CtfEstimate: expected one angle and one defocus per tilt, found shapes "
                f"{shape} and {self.defocus_um.shape}"
            )
        if not (np.isfinite(self.defocus_um).all() and np.isfinite(self.angles_deg).all()):
            raise InputError(
                "CtfEstimate: expected finite angles and defoci, found NaN or infinity"
            )
        if not 0 <= self.amplitude_contrast < 1 or not self.voltage_kV > 0:
            raise InputError(
                "CtfEstimate: expected voltage_kV > 0 and amplitude_contrast from 0 to below 1, "
                f"found {self.voltage_kV:g} and {self.amplitude_contrast:g}"
            )
        if self.source not in ("metadata", "spectra"):
            raise InputError(
                f"CtfEstimate.source: expected 'metadata' or 'spectra', found {self.source!r}"
            )

    def _of_each_tilt(self, name: str) -> DoubleArray:
        values = np.asarray(getattr(self, name), np.float64)
        values = np.zeros(1) if values.size == 0 else values
        if values.ndim > 1 or not np.isfinite(values).all():
            raise InputError(f"CtfEstimate.{name}: expected one finite number a tilt, found others")
        if values.size not in (1, len(self.angles_deg)):
            raise InputError(
                f"CtfEstimate.{name}: expected one number a tilt, {len(self.angles_deg)}, found "
                f"{values.size}"
            )
        return np.array(np.broadcast_to(values, self.angles_deg.shape))

    @property
    def is_doubted(self) -> bool:
        """Whether a defocus that was given lies clearly beyond what the images allow.

        By more than half of their interval, which may be too narrow for specimens unlike those
        that it was tested on.
        """
        mean, (low, high) = float(self.defocus_um.mean()), self.interval_um
        slack = max((high - low) / 2, CERTAIN * mean)
        return self.source == "metadata" and not low - slack < mean < high + slack

    def optics(self, tilt: int) -> Optics:
        """Return the optics of one tilt, without envelopes.

        :func:`faket.microscope.contrast_transfer` takes them together with
        ``amplitude_contrast``.
        """
        return Optics(
            electron_wavelength_A(self.voltage_kV),
            A_PER_UM * float(self.defocus_um[tilt]),
            spherical_aberration_A=A_PER_MM * self.spherical_aberration_mm,
            astigmatism_A=A_PER_UM * float(self.astigmatism_um[tilt]),
            astigmatism_deg=float(self.astigmatism_deg[tilt]),
            phase_plate_rad=float(np.radians(np.ravel(self.phase_plate_deg)[tilt])),
        )

    def at(self, angles_deg: ArrayLike) -> "CtfEstimate":
        """Return the estimate at other tilt angles: each gets the defocus of the nearest tilt."""
        wanted = np.atleast_1d(np.asarray(angles_deg, np.float64))
        nearest = nearest_tilts(wanted, self.angles_deg)
        return replace(
            self,
            angles_deg=wanted,
            defocus_um=self.defocus_um[nearest],
            phase_plate_deg=np.ravel(self.phase_plate_deg)[nearest],
            astigmatism_um=self.astigmatism_um[nearest],
            astigmatism_deg=self.astigmatism_deg[nearest],
        )
