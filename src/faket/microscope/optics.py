"""The objective lens: aberrations, coherence envelopes, contrast transfer function.

The formulas are plain arithmetic on arrays and serve numpy and torch alike.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from faket.data import DoubleArray


@dataclass(frozen=True)
class Optics:
    """State of the objective lens for one image.

    Attributes
    ----------
    wavelength_A : float
    defocus_A : float
        Mean of the two extreme defoci; positive is underfocus.
    spherical_aberration_A : float
    astigmatism_A : float
        Half the difference of the two extreme defoci.
    astigmatism_deg : float
        Direction of the larger defocus, from x counter-clockwise.
    focal_spread_A : float
        Cc · ΔE / E, with ΔE the full width at half maximum.
    semi_angle_rad : float
        Half the opening angle of the illumination.
    phase_plate_rad : float
    """

    wavelength_A: float
    defocus_A: float
    spherical_aberration_A: float = 0.0
    astigmatism_A: float = 0.0
    astigmatism_deg: float = 0.0
    focal_spread_A: float = 0.0
    semi_angle_rad: float = 0.0
    phase_plate_rad: float = 0.0


def aberration_phase(kx: Any, ky: Any, optics: Optics) -> Any:
    """Phase χ = ½π Cs λ³ k⁴ − πλ k² Δf(φ) in radians, Δf(φ) = Δf + A cos 2(φ − φ₀).

    Parameters
    ----------
    kx, ky : ndarray or torch.Tensor
        Spatial frequencies (1/Å), broadcast against each other.
    optics : Optics

    Returns
    -------
    ndarray or torch.Tensor
        The wave is multiplied by exp(−iχ).
    """
    axis = math.radians(2 * optics.astigmatism_deg)
    squared = kx * kx + ky * ky
    focus = optics.defocus_A * squared + optics.astigmatism_A * (
        math.cos(axis) * (kx * kx - ky * ky) + 2 * math.sin(axis) * kx * ky
    )
    spherical = 0.5 * math.pi * optics.spherical_aberration_A * optics.wavelength_A**3
    return spherical * squared * squared - math.pi * optics.wavelength_A * focus


def log_envelope(kx: Any, ky: Any, optics: Optics) -> Any:
    """Logarithm of the spatial and temporal coherence envelopes.

    Spatial: exp[−π²α² (Cs λ² k³ − Δf k)²], with the mean defocus. Temporal:
    exp[−(πλ k² Cc ΔE/E)² / (16 ln 2)] (Reimer and Kohl, Transmission Electron Microscopy).
    """
    squared = kx * kx + ky * ky
    aberration = optics.spherical_aberration_A * optics.wavelength_A**2 * squared - optics.defocus_A
    spatial = (math.pi * optics.semi_angle_rad) ** 2 * aberration * aberration * squared
    width = math.pi * optics.wavelength_A * optics.focal_spread_A
    temporal = width**2 / (16 * math.log(2)) * squared * squared
    return -(spatial + temporal)


def contrast_transfer(
    kx: Any, ky: Any, optics: Optics, *, amplitude_contrast: float = 0.0
) -> DoubleArray:
    """Contrast transfer function: image contrast per projected phase, protein dark.

    Parameters
    ----------
    kx, ky : array_like
        Spatial frequencies (1/Å), broadcast against each other.
    optics : Optics
    amplitude_contrast : float
        w in [0, 1).

    Returns
    -------
    ndarray, float64
        [√(1−w²) sin χ' − w cos χ'] · envelope, χ' = χ − phase plate: negative at low frequency
        for underfocus. A weak object of phase σV gives the intensity 1 + 2 F⁻¹[CTF · F(σV)].
    """
    kx, ky = np.asarray(kx, np.float64), np.asarray(ky, np.float64)
    phase = aberration_phase(kx, ky, optics) - optics.phase_plate_rad
    w = amplitude_contrast
    transfer = math.sqrt(1 - w * w) * np.sin(phase) - w * np.cos(phase)
    return np.asarray(transfer * np.exp(log_envelope(kx, ky, optics)))


def ctf_zeros(optics: Optics, n: int) -> DoubleArray:
    """Return the first ``n`` zeros (1/Å) of an underfocused contrast transfer.

    They solve χ − phase plate = −mπ for m = 1 to n, without astigmatism; NaN if spherical
    aberration reverses the phase before it reaches −mπ.
    """
    spherical = 0.5 * np.pi * optics.spherical_aberration_A * optics.wavelength_A**3
    defocus = np.pi * optics.wavelength_A * optics.defocus_A
    target = np.pi * np.arange(1, n + 1) - optics.phase_plate_rad
    # The lower root of spherical q² − defocus q + target = 0 for q = k², in a form that also
    # holds for Cs = 0.
    with np.errstate(invalid="ignore"):
        root = np.sqrt(defocus**2 - 4 * spherical * target)
        return np.asarray(np.sqrt(2 * target / (defocus + root)))
