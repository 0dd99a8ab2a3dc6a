"""A check of units: noise-free projections have to be line integrals in V·Å.

Sums over voxels, in volts, lack the voxel size as a factor, so the contrast of a specimen would be
5 to 20 times too weak. The values alone do not show it: strong projections of few molecules look
like weak projections of many. The potential of the bodies does, because a molecule is about as
thick as it is wide.
"""

import math

import numpy as np
from scipy import fft, ndimage

from faket.data import AnyArray, DoubleArray, FloatArray

# Chosen on projections of the embedded species at 5 to 20 Å, from a single molecule to the densest
# packing, with and without vesicles and gold: of 71 specimens none gave a false notice, and all
# were noticed when divided by the voxel size.
_SCALE_A = 400.0  # slower changes come from the specimen's edges and thickness, not from bodies
_BLOCK_A = 150.0  # squares; the median of their largest values is that of a molecule
_CLIP = 3.0  # values beyond so many of these medians (gold) are clipped
_EMPTY = 0.02  # of the largest value; squares with less are empty
_TILTS = 5  # of the series, evenly spaced

# V above ice. Protein has 3.3 (faket.constants), and its projections give 2 or more at 5 Å.
_LEAST_V = 1.6
# Molecules with some gold reach at most this. Larger pixels blur small molecules, so a value below
# _LEAST_V gives a notice only if it stays below this when multiplied by the pixel size.
_MOST_V = 10.0


# With the reference's own noise-free projections the signal is fitted, so any common unit serves.
# Specimens of the same unit differ less than by this factor, chosen: 2 to 6 V are usual.
_UNLIKE = 5.0


def unit_notices(
    noise_free: AnyArray, pixel_size_A: float, noise_free_reference: AnyArray | None = None
) -> list[str]:
    """Return a notice if noise-free projections seem to be in volts instead of V·Å.

    Parameters
    ----------
    noise_free : ndarray, shape (tilt, y, x)
    pixel_size_A : float
    noise_free_reference : ndarray, shape (tilt, y, x), optional
        The reference's own noise-free projections; then both have to be in one unit.

    Returns
    -------
    list of str
        Empty if they are strong enough, or hold nothing.
    """
    potential_V = apparent_potential_V(noise_free, pixel_size_A)
    if potential_V is None:
        return []
    if noise_free_reference is not None:
        other_V = apparent_potential_V(noise_free_reference, pixel_size_A)
        if other_V is None or 1 / _UNLIKE < potential_V / other_V < _UNLIKE:
            return []
        return [
            f"noise-free projections look like molecules of {potential_V:.2g} V above ice, those "
            f"of the reference of {other_V:.2g} V: expected one unit, or the signal has the wrong "
            "strength; give line integrals in V·Å for both"
        ]
    if potential_V >= min(_LEAST_V, _MOST_V / pixel_size_A):
        return []
    return [
        f"noise-free projections look like molecules of {potential_V:.2g} V above ice, but protein "
        "has 3.3 V: expected line integrals in V·Å, or the signal is too weak; multiply sums over "
        f"voxels, in volts, by the voxel size of {pixel_size_A:g} Å"
    ]


def apparent_potential_V(noise_free: AnyArray, pixel_size_A: float) -> float | None:
    """Estimate the potential of the bodies in noise-free projections from thickness and width.

    If n bodies with the projection p lie at random places, the second and the third cumulant of the
    image are proportional to n ∫p² and n ∫p³ (Campbell's theorem). Their quotient is the amplitude
    of a body, whatever n is, and so is the width of the autocorrelation that of a body. Amplitude
    over width is the potential (0.98 of it for a sphere). If many bodies lie behind each other, the
    third cumulant is lost in its scatter; then the standard deviation is larger and is used.

    Parameters
    ----------
    noise_free : ndarray, shape (tilt, y, x)
        V·Å, of either contrast.
    pixel_size_A : float

    Returns
    -------
    float or None
        Volts; None if the projections are constant or not finite.
    """
    if np.ndim(noise_free) != 3 or np.size(noise_free) == 0:
        return None
    chosen = np.unique(np.linspace(0, len(noise_free) - 1, _TILTS).round().astype(int))
    tilts = [np.asarray(noise_free[tilt], np.float32) for tilt in chosen]
    if not all(np.isfinite(tilt).all() for tilt in tilts):
        return None
    images = [_bodies(tilt, pixel_size_A) for tilt in tilts]
    variance = float(np.mean([np.mean(image**2) for image in images]))
    if variance == 0:
        return None
    third = abs(float(np.mean([np.mean(image**3) for image in images])))
    amplitude = max(math.sqrt(variance), third / variance)
    return amplitude / (_width_px(images) * pixel_size_A)


def _bodies(image: FloatArray, pixel_size_A: float) -> DoubleArray:
    """Return an image without its slow changes, with the contrast of gold clipped, of mean 0."""
    slow = ndimage.uniform_filter(image, max(3, round(_SCALE_A / pixel_size_A)))
    detail = (image - slow).astype(np.float64)
    side = max(1, round(_BLOCK_A / pixel_size_A))
    filled = _largest_of_blocks(image - np.median(image), side)
    largest = _largest_of_blocks(detail, side)[filled >= _EMPTY * filled.max()]
    limit = _CLIP * float(np.median(largest))
    clipped = np.clip(detail, -limit, limit)
    return np.asarray(clipped - clipped.mean())


def _largest_of_blocks(image: AnyArray, side: int) -> AnyArray:
    """Return the largest absolute value in each square of an image [y, x]."""
    side = min(side, *image.shape)
    rows, columns = (size // side for size in image.shape)
    # [y, x] → [block of y, y in it, block of x, x in it] → [block of y, block of x]
    blocks = image[: rows * side, : columns * side].reshape(rows, side, columns, side)
    return np.asarray(np.abs(blocks).max(axis=(1, 3)))


def _width_px(images: list[DoubleArray]) -> float:
    """Return the full width at half maximum of the autocorrelation along the axes, pixels."""
    half = int(min(images[0].shape)) // 2
    mean = np.zeros(half + 1)
    for image in images:
        # [y, x] → [y, x // 2 + 1] → [y, x], the shift of 0 at [0, 0]
        power = np.abs(fft.rfft2(image)) ** 2
        shifted = fft.irfft2(power, s=image.shape)
        mean += shifted[: half + 1, 0] + shifted[0, : half + 1]
    half_maximum = 0.5 * float(mean[0])
    below = np.flatnonzero(mean < half_maximum)
    if not len(below):
        return max(2.0 * half, 1.0)
    place = int(below[0])
    before, after = float(mean[place - 1]), float(mean[place])
    return 2.0 * (place - 1 + (before - half_maximum) / (before - after))
