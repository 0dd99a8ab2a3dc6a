"""How deep a bead of gold lies in images by physics, which helps to tell gold from molecules.

Its image and the noise of counted electrons are enough: a factor of 1.5 does not matter, because
gold is 4 to 8 times as deep as molecules as large.
"""

import numpy as np
from scipy.ndimage import gaussian_filter

from faket.constants import GOLD_POTENTIAL_V, ICE_POTENTIAL_V, interaction_constant_rad_per_V_A
from faket.data import AnyArray, DoubleArray
from faket.methods.contrast import contrast_of_phase
from faket.methods.gold_places import BAND_A
from faket.methods.reference_properties import CORNER, RINGS
from faket.methods.strength import detected_electrons, noise_floor
from faket.microscope.ctf_estimate import CtfEstimate
from faket.noise import ring_power
from faket.threads import in_threads

_DIAMETER_A = 80.0  # chosen: beads of 4 to 12 nm are common
_PROBED = 9  # tilts whose electrons are counted; chosen, neighbours have about as many
_PIXEL_A, _SIDE = 5.0, 240  # of its image


def expected_beads(
    images: AnyArray,
    ctf: CtfEstimate,
    mean: DoubleArray | None,
    dose: DoubleArray,
    given: bool,
    pixel_size_A: float,
) -> DoubleArray:
    """Return by how many grey values the middle of a bead of 8 nm is darker than each image.

    Images are filtered as :func:`faket.methods.gold_places.gold_places` filters them.

    Parameters
    ----------
    images : ndarray, shape (tilt, y, x)
    ctf : CtfEstimate
        Of the same tilts.
    mean, dose, given, pixel_size_A
        As for :func:`faket.methods.strength.detected_electrons`.

    Returns
    -------
    ndarray, shape (tilts,), float64
    """
    probed = np.unique(np.linspace(0, len(images) - 1, _PROBED).round().astype(int))
    power = np.array(
        in_threads(
            lambda tilt: ring_power(images[tilt], RINGS, limit=CORNER),
            [int(tilt) for tilt in probed],
            pixels=images[0].size,
        )
    )
    there = None if mean is None else mean[probed]
    counted = detected_electrons(there, power, dose[probed], given, pixel_size_A)
    contrast = np.array([_contrast_in_middle(ctf, int(tilt)) for tilt in probed])
    # With g grey values an electron, the mean is g n and the noise's power g² n.
    grey = contrast * np.sqrt(noise_floor(power, pixel_size_A) * counted.electrons)
    return np.asarray(np.interp(np.arange(len(images)), probed, grey))


def _contrast_in_middle(ctf: CtfEstimate, tilt: int) -> float:
    """Return how dark a bead is in the middle, relative to the intensity."""
    from_middle_A = _PIXEL_A * (np.arange(_SIDE) - _SIDE // 2)
    square = from_middle_A[:, None] ** 2 + from_middle_A**2
    thick_A = 2 * np.sqrt(np.maximum(_DIAMETER_A**2 / 4 - square, 0))
    sigma = interaction_constant_rad_per_V_A(ctf.voltage_kV)
    phase = sigma * (GOLD_POTENTIAL_V - ICE_POTENTIAL_V) * thick_A
    image = contrast_of_phase(phase, ctf.optics(tilt), ctf.amplitude_contrast, _PIXEL_A)
    narrow, wide = (gaussian_filter(image, width_A / _PIXEL_A) for width_A in BAND_A)
    return float((wide - narrow)[_SIDE // 2, _SIDE // 2])
