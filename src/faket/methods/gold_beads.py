"""Beads of gold in the images of a reference, each by the Fourier transform of its surroundings.

Beads are round, so that the mean over directions tells all of them: how deep they are and how
wide. What is as strong but no bead (a carbon edge, an ice crystal) is left out by its size.
"""

from collections.abc import Sequence
from itertools import chain

import numpy as np
from scipy import fft, ndimage

from faket.data import AnyArray, DoubleArray
from faket.interpolation import parabola_top
from faket.microscope.gold import block_means, block_of
from faket.threads import in_threads

SIDE_A = 480.0  # of the square around a bead; chosen: beads up to 20 nm lie alone in it
# Edges of the rings, 1/Å; chosen: beads of 4 to 20 nm have their power between them.
RING_EDGES_PER_A = np.linspace(0.004, 0.03, 14)
_OUTER_A, _FADE_A = 200.0, 60.0  # radius of the surroundings that count, and their soft border
_BACKGROUND_A = (140.0, 230.0)  # radii between which there is no bead
_WIDEST_A = 420.0  # side of a masked region of one bead: its width, and what the mask adds
_MOST_BEADS = 400  # that are kept; chosen, they tell the strength to a percent
_BLUR_A = 20.0  # σ of a Gaussian, after which a bead is deepest in its middle
_MASKED = 0.3  # of what is kept by a mask, below which a pixel belongs to a bead


def bead_spectra(
    images: AnyArray,
    kept: Sequence[AnyArray | None],
    angles_deg: DoubleArray,
    pixel_size_A: float,
) -> DoubleArray:
    """Measure the beads of a reference.

    Parameters
    ----------
    images : ndarray, shape (tilt, y, x)
        Of dark gold.
    kept : sequence of ndarray or None
        Masks of gold (:func:`faket.methods.gold_masks.gold_masks`).
    angles_deg : ndarray, shape (tilts,)
    pixel_size_A : float

    Returns
    -------
    ndarray, shape (beads, 1 + rings), float64
        Of a bead in an image the tilt angle (degrees) and its transform (:func:`disc_rings`).
    """

    def measure(tilt: int) -> list[DoubleArray]:
        mask = kept[tilt]
        if mask is None:
            return []
        found = _beads(np.asarray(images[tilt], np.float32), mask, pixel_size_A)
        return [np.concatenate([[angles_deg[tilt]], rings]) for rings in found]

    by_tilt = in_threads(measure, range(len(kept)), pixels=images[0].size)
    beads = list(chain.from_iterable(by_tilt))
    if not beads:
        return np.zeros((0, len(RING_EDGES_PER_A)))
    chosen = np.unique(np.linspace(0, len(beads) - 1, min(len(beads), _MOST_BEADS)).astype(int))
    return np.asarray(np.array(beads)[chosen], np.float64)


def square_px(block_A: float) -> int:
    """Return the side of the square around a bead in blocks of ``block_A`` Å; it is even."""
    return 2 * int(np.ceil(SIDE_A / block_A / 2))


def disc_rings(square: AnyArray, off: Sequence[float], block_A: float) -> DoubleArray:
    """Return the Fourier transform around a point, without what is far from it, by rings.

    Parameters
    ----------
    square : ndarray, shape (n, n)
        Grey values, in blocks; n is even.
    off : (float, float)
        The point (y, x) from the pixel (n // 2, n // 2), in blocks.
    block_A : float

    Returns
    -------
    ndarray, shape (rings,), float64
        Real part of the transform about the point: sums of grey values over blocks.
    """
    n = len(square)
    place = np.arange(n) - n // 2
    away_A = block_A * np.hypot((place - off[0])[:, None], place - off[1])
    around = (away_A > _BACKGROUND_A[0]) & (away_A < _BACKGROUND_A[1])
    window = np.clip((_OUTER_A - away_A) / _FADE_A, 0, 1)
    values = (square - square[around].mean()) * window
    k = fft.fftfreq(n)
    turns = (k * (off[0] + n // 2))[:, None] + k * (off[1] + n // 2)
    transform = (fft.fft2(values) * np.exp(2j * np.pi * turns)).real
    ring = np.digitize(np.hypot(k[:, None], k) / block_A, RING_EDGES_PER_A)
    count = len(RING_EDGES_PER_A)
    number = np.bincount(ring.ravel(), minlength=count + 1)
    sums = np.bincount(ring.ravel(), transform.ravel(), minlength=count + 1)
    return np.asarray((sums / np.maximum(number, 1))[1:count])


def _beads(image: AnyArray, mask: AnyArray, pixel_size_A: float) -> list[DoubleArray]:
    """Return the transform of every bead that lies alone and whole in an image."""
    block = block_of(pixel_size_A, image.shape)
    block_A = pixel_size_A * block
    small, left = (block_means(part, block) for part in (image, mask))
    regions, _ = ndimage.label(left < _MASKED)
    half, found = square_px(block_A) // 2, []
    for number, place in enumerate(ndimage.find_objects(regions), 1):
        if max(part.stop - part.start for part in place) * block_A > _WIDEST_A:
            continue
        near = tuple(slice(max(part.start - 1, 0), part.stop + 1) for part in place)
        smooth = ndimage.gaussian_filter(small[near], _BLUR_A / block_A)
        depth = np.where(regions[near] == number, smooth, np.inf)
        v, u = (int(at) for at in np.unravel_index(int(np.argmin(depth)), depth.shape))
        y, x = v + near[0].start, u + near[1].start
        if min(y, x) < half or y + half > small.shape[0] or x + half > small.shape[1]:
            continue
        around = slice(y - half, y + half), slice(x - half, x + half)
        if ((regions[around] != number) & (regions[around] != 0)).any():
            continue  # another bead is near
        across = -smooth[v - 1 : v + 2, u], -smooth[v, u - 1 : u + 2]
        off = [float(np.clip(parabola_top(three), -0.5, 0.5)) for three in across]
        found.append(disc_rings(small[around].astype(np.float64), off, block_A))
    return found
