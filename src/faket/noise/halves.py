"""Signal and noise of a reference from two halves of its exposure: ring by ring, without a model.

Two halves of the frames (EVN and ODD), or two half tomograms, show one specimen with noise that is
independent. With C the real part of their cross-spectrum, averaged over a ring,

    A = √r s + a,    B = s / √r + b:    C = |s|²,   |A|² = r C + |a|²,   |B|² = C / r + |b|².

r is 1 if the signal is equally strong in both, and is measured from the same spectra: the noise of
both has the same colour (|a|² = ν |b|²), so that |A|² = ν |B|² + (r − ν / r) C in every ring.
Halves of 4 and 3 frames have r = 4 / 3 if they are sums of their frames, and 1 if averages.

The full image is α A + β B, α = β = 1 for sums and 1 / 2 for averages; its power is the sum of

    noise α² |a|² + β² |b|²   and   signal (α √r + β / √r)² C.

For r = 1 and sums this is noise = |A − B|². What both halves share counts as signal, whatever it
is: so does the fixed pattern of a camera, or a hot pixel.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Literal

import numpy as np

from faket.data import AnyArray, DoubleArray, FloatArray
from faket.errors import InputError
from faket.noise.half_ratio import common_ratios, signal_ratio
from faket.noise.half_shifts import INDEPENDENT
from faket.noise.spectrum import RINGS, windowed_spectrum
from faket.rings import Rings, equal_rings, ring_frequencies

Full = Literal["sum", "mean"]

_WEIGHTS = {"sum": 1.0, "mean": 0.5}
_CUBE = 128  # voxels; chosen: a cube's transform takes 8 MB, and its shells hold enough


@dataclass(frozen=True, eq=False)
class HalfSpectra:
    """What the spectra of two halves say of the full images.

    All powers are per pixel, as :func:`faket.noise.ring_power` gives them. None is clipped: where
    there is no signal, its measured power is negative as often as positive.

    Attributes
    ----------
    frequency : ndarray, shape (rings,), float64
        Middle of each ring, cycles per pixel.
    modes : ndarray, shape (rings,), float64
        Independent coefficients of the whole plane in each ring; a power of noise is known to
        √(2 / modes) of itself.
    first, second, cross : ndarray, shape (images, rings), float64
        |A|², |B|² and C; a pair of tomograms is one image.
    ratio : ndarray, shape (images,), float64
        r: the signal's amplitude in the first half over that in the second, the same for all
        images that do not contradict it.
    ratio_known : ndarray of bool, shape (images,)
        Whether the signal is strong enough to tell r; elsewhere it is assumed, and matters little.
    weights : ndarray, shape (images, 2), float64
        α and β of the full image.
    """

    frequency: DoubleArray
    modes: DoubleArray
    first: DoubleArray
    second: DoubleArray
    cross: DoubleArray
    ratio: DoubleArray
    ratio_known: AnyArray
    weights: DoubleArray

    @property
    def noise(self) -> DoubleArray:
        """Power of the full image's noise, shape (images, rings)."""
        r, (a, b) = self.ratio[:, None], self.weights.T[..., None]
        own = a**2 * (self.first - r * self.cross) + b**2 * (self.second - self.cross / r)
        return np.asarray(own)

    @property
    def signal(self) -> DoubleArray:
        """Power of the full image's signal, shape (images, rings)."""
        r, (a, b) = self.ratio[:, None], self.weights.T[..., None]
        return np.asarray((a * np.sqrt(r) + b / np.sqrt(r)) ** 2 * self.cross)

    @property
    def correlation(self) -> DoubleArray:
        """Fourier ring (or shell) correlation of the halves, shape (images, rings)."""
        both = np.sqrt(self.first * self.second)
        return np.divide(self.cross, both, out=np.zeros_like(both), where=both > 0)

    @property
    def signal_to_noise(self) -> DoubleArray:
        """Power of the full image's signal over that of its noise, shape (images, rings)."""
        noise = self.noise
        ratio: DoubleArray = np.full(noise.shape, np.inf)
        return np.divide(self.signal, noise, out=ratio, where=noise > 0)

    @property
    def noise_fraction(self) -> DoubleArray:
        """Part of the full image's power that is noise, shape (images, rings)."""
        power = self.noise + self.signal
        return np.divide(self.noise, power, out=np.ones_like(power), where=power > 0)


def half_spectra(
    first: AnyArray,
    second: AnyArray,
    *,
    full: Full | AnyArray = "sum",
    rings: int = RINGS,
    limit: float = 0.5,
) -> HalfSpectra:
    """Measure signal and noise of every image of two half stacks.

    Parameters
    ----------
    first, second : ndarray, shape (tilt, y, x)
        They may be memory maps: one image of each is in memory at a time. Look at them with
        :func:`faket.noise.check_halves` first.
    full : {"sum", "mean"} or ndarray, shape (tilt, y, x)
        What the full image is of its halves; a stack tells it by its grey values.
    rings, limit
        As for :func:`faket.noise.ring_power`.

    Returns
    -------
    HalfSpectra

    Raises
    ------
    InputError
        If the shapes differ.
    """
    given = None if isinstance(full, str) else full
    check_pair(first, second, given)
    layout = equal_rings(first.shape[1:], rings, limit=limit, with_mean=False)
    powers, products = [], []
    for tilt in range(len(first)):
        one, other = (np.asarray(half[tilt], np.float32) for half in (first, second))
        powers.append(_powers(one, other, layout))
        products.append(None if given is None else _products(one, other, given[tilt]))
    # [image][power][ring] → [power, image, ring]
    values = np.array(powers).transpose(1, 0, 2)
    weights = np.array([_weights(full, own) for own in products])
    return _measured(values, layout, INDEPENDENT**2, weights, limit)


def half_tomogram_spectra(
    first: AnyArray,
    second: AnyArray,
    *,
    full: Full | AnyArray = "mean",
    rings: int = _CUBE // 2,
    limit: float = 0.5,
) -> HalfSpectra:
    """Measure signal and noise of two half tomograms, shell by shell.

    The spectra are averages over cubes of 128 voxels (or less) a side that fill the tomogram. A
    shell holds the missing wedge, too, where there is neither signal nor noise; the ratio of the
    two is that of what was measured.

    Parameters
    ----------
    first, second : ndarray, shape (z, y, x)
        They may be memory maps: one cube of each is in memory at a time.
    full : {"sum", "mean"} or ndarray, shape (z, y, x)
    rings : int
        Number of shells.
    limit : float
        Where the last shell ends, cycles per voxel.

    Returns
    -------
    HalfSpectra
        Of one image.

    Raises
    ------
    InputError
        If the shapes differ.
    """
    given = None if isinstance(full, str) else full
    check_pair(first, second, given, axes="z, y, x")
    sides = tuple(min(n, _CUBE) for n in first.shape)
    layout = equal_rings(sides, rings, limit=limit, with_mean=False)
    powers, products, cubes = np.zeros((3, rings)), np.zeros((2, 3)), 0
    for place in _cubes(first.shape, sides):
        one, other = (np.asarray(half[place], np.float32) for half in (first, second))
        powers += _powers(one, other, layout)
        products += 0 if given is None else _products(one, other, given[place])
        cubes += 1
    weights = _weights(full, products)
    # Parts of the tomogram that do not overlap are independent of each other.
    independent = INDEPENDENT**3 * max(1.0, first.size / math.prod(sides))
    return _measured(powers[:, None] / cubes, layout, independent, weights[None], limit)


def check_pair(
    first: AnyArray, second: AnyArray, full: AnyArray | None = None, *, axes: str = "tilt, y, x"
) -> None:
    """Refuse halves that are of other sizes.

    Raises
    ------
    InputError
        If they have other than three axes, or their shapes differ.
    """
    for name, other in (("second half", second), ("full images", full)):
        if other is None:
            continue
        if np.ndim(first) != 3 or np.shape(first) != np.shape(other) or not np.size(first):
            raise InputError(
                f"half sets: expected two halves [{axes}] of one shape, found {np.shape(first)} "
                f"and, of the {name}, {np.shape(other)}; give the halves of one exposure, aligned "
                "and binned alike"
            )


def difference(first: AnyArray, second: AnyArray, ratio: float = 1.0) -> FloatArray:
    """Return an image that holds the noise of two halves, and no signal: A / √r − √r B."""
    root = np.float32(np.sqrt(ratio))
    return np.asarray(np.asarray(first, np.float32) / root - np.asarray(second, np.float32) * root)


def _cubes(shape: tuple[int, ...], sides: tuple[int, ...]) -> Iterator[tuple[slice, ...]]:
    """Yield places of boxes that cover a volume evenly; the last ones overlap if they must."""
    starts = [
        np.linspace(0, n - side, -(-n // side)).round().astype(int)
        for n, side in zip(shape, sides, strict=True)
    ]
    for corner in product(*starts):
        yield tuple(slice(int(i), int(i) + side) for i, side in zip(corner, sides, strict=True))


def _powers(first: FloatArray, second: FloatArray, layout: Rings) -> DoubleArray:
    """Return |A|², |B|² and C of every ring, shape (3, rings)."""
    one, other = windowed_spectrum(first), windowed_spectrum(second)
    products = ((one, one), (other, other), (one, other))
    means = [layout.mean(a.real * b.real + a.imag * b.imag) for a, b in products]
    return np.array(means)


def _products(first: FloatArray, second: FloatArray, full: AnyArray) -> DoubleArray:
    """Return the sums of AA, AB, AF and of BA, BB, BF, all without their means, shape (2, 3)."""
    given = np.asarray(full, np.float32)
    flat = np.stack([(v - v.mean(dtype=np.float64)).ravel() for v in (first, second, given)])
    return np.asarray(flat[:2].astype(np.float64) @ flat.T)


def _weights(full: Full | AnyArray, products: DoubleArray | None) -> DoubleArray:
    """Return α and β: as named, or those with which α A + β B is nearest to the full image."""
    if isinstance(full, str):
        if full not in _WEIGHTS:
            raise InputError(
                f"`full`: expected sum, mean or the full images, found {full!r}; choose one"
            )
        return np.full(2, _WEIGHTS[full])
    assert products is not None
    return np.asarray(np.linalg.lstsq(products[:, :2], products[:, 2], rcond=1e-9)[0])


def _measured(
    powers: DoubleArray, layout: Rings, independent: float, weights: DoubleArray, limit: float
) -> HalfSpectra:
    """Fill rings of small images that hold nothing, and measure r; powers [power, image, ring]."""
    middle, held = ring_frequencies(layout.count, limit), layout.number > 0
    powers = np.apply_along_axis(
        lambda values: np.interp(middle, middle[held], values[held]), -1, powers
    )
    modes = independent * layout.number
    found = [signal_ratio(image, modes) for image in powers.transpose(1, 0, 2)]
    known = np.array([one.known for one in found])
    first, second, cross = powers
    ratios = common_ratios(found)
    return HalfSpectra(middle, modes, first, second, cross, ratios, known, weights)
