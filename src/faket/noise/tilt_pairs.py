"""What neighbouring tilts share: the specimen, but none of the noise.

In Fourier space a projection is a plane through the centre, and all planes meet in the line along
the tilt axis. Near to that line two tilts show nearly the same of a specimen of thickness D: with K
the frequency across the axis in the plane of the specimen, kx = K / cos θ in an image,

    E[F1 F2*] = √(S1 S2) sinc(D K (tan θ1 − tan θ2)),

S the power of the signal, whatever coloured it, and no noise, whose average is 0. Images that are
displaced against each other multiply it by a phase, which is measured and taken away.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import fft

from faket.data import AnyArray, DoubleArray
from faket.noise.pair_kernels import add_products, slopes
from faket.noise.spectrum import ring_power
from faket.rings import hann
from faket.stacks import empty_stack
from faket.threads import in_threads

_NEIGHBOURS = 3  # tilts on either side; chosen: farther ones share too narrow a band
_MOST_LINES = 256  # on either side of the axis: 100 MB for 41 tilts of 1024 pixels; chosen
_THICKNESS_A = (300.0, 8000.0)  # searched; chosen around 500 to 4000
_USUAL_THICKNESS_A = 1500.0  # where nothing tells it; chosen, the middle of the usual 100 to 200 nm
_THICKNESSES = 50
_BINS = 24  # of K (tan θ1 − tan θ2), up to where the thinnest specimens agree no more
# Cycles per pixel up to which displacements are refined, coarse to fine; chosen.
_BANDS = (0.06, 0.1, 0.16, 0.25)
_LARGEST_STEP = 0.15  # of a period of the band
_KNOWN_PX, _FEWEST = 1.0, 3  # displacements better known than this, and at least so many
# Neighbouring coefficients under a Hann window are correlated: so many count as one, along an axis.
_ALIKE = 35 / 18


@dataclass(frozen=True, eq=False)
class TiltPairs:
    """Power that neighbouring tilts share, by rings of equal width.

    Attributes
    ----------
    angles_deg : ndarray, shape (tilts,), float64
    tilts : ndarray of int, shape (pairs, 2)
    shared : ndarray, shape (pairs, rings), float64
        √(S1 S2) in every ring, measured; as often negative as positive where there is no signal.
    sigma : ndarray, shape (pairs, rings), float64
        Its standard error from noise and the number of coefficients; infinite where there are none.
    power : ndarray, shape (tilts, rings), float64
        Of the images, as :func:`faket.noise.ring_power` gives it.
    displacement_px, displacement_sigma_px : ndarray, shape (pairs, 2), float64
        How far, x y, the first of a pair lies from the second, and its standard error.
    thickness_A : float
        Of the specimen along the beam.
    """

    angles_deg: DoubleArray
    tilts: NDArray[np.intp]
    shared: DoubleArray
    sigma: DoubleArray
    power: DoubleArray
    displacement_px: DoubleArray
    displacement_sigma_px: DoubleArray
    thickness_A: float

    def fraction(self) -> tuple[DoubleArray, DoubleArray]:
        """Return which part of every tilt's power is shared with its neighbours, and its σ.

        Returns
        -------
        fraction, sigma : ndarray, shape (tilts, rings), float64
            The weighted mean over the pairs of a tilt.
        """
        tilts, rings = self.power.shape
        scale = np.sqrt(self.power[self.tilts[:, 0]] * self.power[self.tilts[:, 1]])
        weight = np.where(np.isfinite(self.sigma), (scale / self.sigma) ** 2, 0.0)
        total, sums = np.zeros((tilts, rings)), np.zeros((tilts, rings))
        for side in self.tilts.T:
            np.add.at(total, side, weight)
            np.add.at(sums, side, weight * self.shared / np.maximum(scale, 1e-300))
        held = total > 0
        mean: DoubleArray = np.divide(sums, total, out=np.zeros_like(sums), where=held)
        sigma: DoubleArray = np.full((tilts, rings), np.inf)
        return mean, np.divide(1.0, np.sqrt(total), out=sigma, where=held)

    def misalignment_px(self) -> float:
        """Return σ of the images' displacements along the tilt axis from their places.

        Across the axis the specimen's own depth moves images too; so that direction tells nothing.
        """
        place = np.argsort(np.argsort(self.angles_deg))
        first, second = place[self.tilts].T
        along = {
            (int(i), int(j)): moved
            for i, j, moved, error in zip(
                first, second, self.displacement_px[:, 1], self.displacement_sigma_px[:, 1],
                strict=True,
            )
            if error < _KNOWN_PX
        }  # fmt: skip
        steps = np.array([moved for (i, j), moved in along.items() if j == i + 1])
        # Two steps less what they are at once: three errors, and nothing else.
        closed = np.array(
            [
                moved + along[j, j + 1] - along[i, j + 1]
                for (i, j), moved in along.items()
                if j == i + 1 and (j, j + 1) in along and (i, j + 1) in along
            ]
        )
        if min(len(steps), len(closed)) < _FEWEST:
            return 0.0
        variance = _clipped_variance(steps) - _clipped_variance(closed) / 3
        return float(np.sqrt(max(variance, 0.0) / 2))


def _clipped_variance(values: DoubleArray) -> float:
    """Return the mean square about the median, values beyond three robust σ counted as these."""
    off = values - np.median(values)
    farthest = 3 * 1.4826 * np.median(np.abs(off))
    return float(np.mean(np.clip(off, -farthest, farthest) ** 2))


def tilt_pairs(
    images: AnyArray,
    angles_deg: ArrayLike,
    pixel_size_A: float,
    *,
    rings: int,
    limit: float = 0.5,
) -> TiltPairs:
    """Measure what neighbouring tilts of an aligned stack share.

    Parameters
    ----------
    images : ndarray, shape (tilt, y, x)
        Aligned, the tilt axis along y. A few objects much stronger than the rest, such as gold,
        must be masked: they lie at heights of their own, which no thickness describes.
    angles_deg : array_like, shape (tilts,)
        In any order.
    pixel_size_A : float
    rings, limit
        As for :func:`faket.noise.ring_power`.

    Returns
    -------
    TiltPairs
    """
    degrees = np.asarray(angles_deg, np.float64)
    angles = np.radians(degrees)
    measured = partial(ring_power, rings=rings, limit=limit)
    power = np.array(in_threads(measured, images, pixels=images[0].size))
    tilts = _neighbours(angles)
    if not len(tilts):
        none = np.zeros((0, rings))
        nowhere = np.zeros((0, 2))
        return TiltPairs(degrees, tilts, none, none, power, nowhere, nowhere, _USUAL_THICKNESS_A)
    tangent, widest = np.tan(angles), pixel_size_A / _THICKNESS_A[0]
    across = _across(angles, images[0].shape[1], widest)
    lines = _lines(images, angles, across)
    shape = (len(tilts), rings, _BINS)
    sums, number = np.zeros(shape), np.zeros(shape)
    moved, error = np.zeros((len(tilts), 2)), np.zeros((len(tilts), 2))
    usual = _USUAL_THICKNESS_A / pixel_size_A

    def measure(pair: int) -> None:
        i, j = tilts[pair]
        apart = np.abs(across * (tangent[i] - tangent[j]))
        near = apart < widest
        kx = across[near] * (1 / np.cos(angles[i]) + 1 / np.cos(angles[j])) / 2
        first, second = lines[i][:, near], lines[j][:, near]
        scale = np.sqrt(power[i] * power[j])
        agreeing = np.maximum(np.sinc(apart[near] * usual), 0) * (apart[near] * usual < 1)
        places = (kx, images[0].shape[0], rings / limit)
        moved[pair], error[pair] = _displacement(first, second, places, agreeing, scale)
        bins = np.minimum(apart[near] / widest * _BINS, _BINS - 1).astype(np.intp)
        add_products(first, second, *places, bins, moved[pair], limit, sums[pair], number[pair])

    in_threads(measure, range(len(tilts)))
    profile = (np.arange(_BINS) + 0.5) / _BINS * widest
    scale = np.sqrt(power[tilts[:, 0]] * power[tilts[:, 1]])
    thickness = _thickness(sums, number, scale, profile, pixel_size_A)
    agreeing = np.sinc(profile * thickness / pixel_size_A)
    weight = number @ agreeing**2
    shared: DoubleArray = np.divide(
        sums @ agreeing, weight, out=np.zeros_like(weight), where=weight > 0
    )
    cosine = np.cos(angles[tilts]).mean(axis=1)
    alike = 0.5 * _ALIKE * np.maximum(1, _ALIKE * cosine)
    sigma = np.full_like(weight, np.inf)
    np.divide(scale * np.sqrt(alike)[:, None], np.sqrt(weight), out=sigma, where=weight > 0)
    return TiltPairs(degrees, tilts, shared, sigma, power, moved, error, thickness)


def _neighbours(angles: DoubleArray) -> NDArray[np.intp]:
    """Return pairs of tilts that are near to each other in angle, but not equal, [pair, 2]."""
    order = np.argsort(angles, kind="stable")
    pairs = [
        (order[place], order[place + apart])
        for apart in range(1, _NEIGHBOURS + 1)
        for place in range(len(order) - apart)
    ]
    return np.array(pairs, np.intp).reshape(-1, 2)


def _across(angles: DoubleArray, width: int, widest: float) -> DoubleArray:
    """Return the frequencies K across the axis that any pair shares, cycles per pixel."""
    step = np.diff(np.sort(np.tan(angles)))
    least = max(float(step[step > 1e-6].min(initial=np.inf)), 1e-3)
    lines = int(min(width * widest / least, 0.45 * width, _MOST_LINES)) if least < np.inf else 0
    return np.arange(-lines, lines + 1.0) / width


def _lines(images: AnyArray, angles: DoubleArray, across: DoubleArray) -> AnyArray:
    """Return coefficients [tilt, ky, K] of images under a Hann window, of unit power for noise.

    Phases are counted from the middle of the images, through which the axis goes.
    """
    height, width = images[0].shape
    window = hann((height, width)).astype(np.float32)
    norm = float(np.sqrt(np.sum(window**2, dtype=np.float64)))
    middle, half = width // 2, across[len(across) // 2 :]  # K >= 0
    place = np.arange(width - middle if width % 2 else middle + 1)
    start = np.exp(2j * np.pi * fft.rfftfreq(height) * (height // 2))[:, None] / norm
    out = empty_stack((len(images), height // 2 + 1, len(across)), np.complex64)

    def transform(tilt: int) -> None:
        image = images[tilt]
        values = np.asarray(image - float(image.mean(dtype=np.float64)), np.float32) * window
        values -= window * (values.sum(dtype=np.float64) / window.sum(dtype=np.float64))
        # What is even and what is odd about the axis: a quarter of the products.
        right, left = np.zeros((2, height, len(place)), np.float32)
        right[:, : width - middle] = values[:, middle:]
        left[:] = values[:, middle::-1]
        phase = 2 * np.pi * np.outer(place, half / np.cos(angles[tilt]))
        even, odd = right + left, right - left
        even[:, 0] = values[:, middle]
        # [y, place] → [y, K] → [ky, K]
        cosines = fft.rfft(even @ np.cos(phase).astype(np.float32), axis=0) * start
        sines = fft.rfft(odd @ np.sin(phase).astype(np.float32), axis=0) * (1j * start)
        out[tilt, :, len(half) - 1 :] = cosines - sines
        out[tilt, :, : len(half)] = (cosines + sines)[:, ::-1]

    in_threads(transform, range(len(images)), pixels=images[0].size)
    return out


def _displacement(
    first: AnyArray,
    second: AnyArray,
    places: tuple[DoubleArray, int, float],
    agreeing: DoubleArray,
    scale: DoubleArray,
) -> tuple[DoubleArray, DoubleArray]:
    """Return x, y of the first image against the second, by Newton's steps, and their errors."""
    moved, error = np.zeros(2), np.full(2, np.inf)
    for band in _BANDS:
        slope, bend, scatter = slopes(first, second, *places, agreeing, scale, band, moved)
        if not np.linalg.eigvalsh(bend)[0] > 0:
            continue
        step = np.linalg.solve(bend, slope)
        moved = moved + np.clip(step, -_LARGEST_STEP / band, _LARGEST_STEP / band)
        error = np.sqrt(scatter) / np.diag(bend)
    return moved, error


def _thickness(
    sums: AnyArray, number: AnyArray, scale: DoubleArray, profile: DoubleArray, pixel_size_A: float
) -> float:
    """Return the thickness whose sinc explains most of what pairs share."""
    relative = np.maximum(scale, 1e-300)
    sums_by_ring = np.einsum("prb,pr->rb", sums, relative**-2)
    number_by_ring = np.einsum("prb,pr->rb", number, relative**-2)
    tried = np.geomspace(*_THICKNESS_A, _THICKNESSES)
    explained = []
    for thickness in tried:
        agreeing = np.sinc(profile * thickness / pixel_size_A)
        found, weight = sums_by_ring @ agreeing, number_by_ring @ agreeing**2
        held = (weight > 0) & (found > 0)
        explained.append(float(np.sum(found[held] ** 2 / weight[held])))
    return float(tried[int(np.argmax(explained))]) if max(explained) > 0 else _USUAL_THICKNESS_A
