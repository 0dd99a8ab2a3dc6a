"""The missing wedge of a tomogram: which axis was the beam, which the tilt axis, and what range.

A tilt-series about y fills only those frequencies whose angle from kx towards kz is a tilt angle.
So in the plane perpendicular to the tilt axis, and in no other, the power of a tomogram is one step
up and one step down around the circle, with nothing near the beam's axis.
"""

from dataclasses import dataclass

import numpy as np
from scipy import fft
from scipy.ndimage import gaussian_filter1d

from faket.data import AnyArray, DoubleArray

_BLOCK = 96  # voxels; chosen, because 1 / 96 cycles per voxel are 1.5° at the frequencies below
_BLOCKS = 3  # along an axis, at most; chosen, because 27 give every angle its mean to 1 %
_RADII = np.linspace(0.15, 0.5, 8)  # cycles per voxel; chosen, as below wedges are filled by leaks
_BIN_DEG = 1.0
_SMOOTH_DEG = 1.5  # σ; chosen, half the usual step: neither single tilts nor gaps show
_SHOWS = 3.0  # of the contrast; chosen: noise without a wedge has 1.2, a tomogram over 100
_BEYOND_DEG = 1.0  # by which power reaches beyond the last tilt; chosen: 0.7 to 1.6, by the series
_ORDERS = ((0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0))
_WIDEST_DEG, _NARROWEST_DEG = 80.0, 25.0  # of either edge; chosen, as series end between


@dataclass(frozen=True)
class MissingWedge:
    """Where a tomogram's Fourier transform is empty.

    Attributes
    ----------
    axes : (int, int, int)
        Axes of the array that are z (the beam), y (the tilt axis) and x: ``volume.transpose(axes)``
        is [z, y, x].
    shows : bool
        Whether a wedge was found. If not, the axes are guessed from the sizes.
    range_deg : (float, float) or None
        Least and greatest tilt angle, in the transposed array.
        Right to about 2°.
    contrast : float
        Power inside the range over that outside, to the power of the share of variance that a step
        explains.
    """

    axes: tuple[int, int, int]
    shows: bool
    range_deg: tuple[float, float] | None
    contrast: float


def find_wedge(volume: AnyArray) -> MissingWedge:
    """Find the missing wedge of a tomogram with axes in any order.

    Parameters
    ----------
    volume : ndarray, 3 axes

    Returns
    -------
    MissingWedge
    """
    power, frequency = _mean_power(volume)
    found = [(axes, *_step(_profile(power, frequency, axes))) for axes in _ORDERS]
    axes, contrast, ends = max(found, key=lambda entry: entry[1])
    if contrast < _SHOWS:
        return MissingWedge(_guessed(volume.shape), False, None, contrast)
    return MissingWedge(axes, True, ends, contrast)


def _guessed(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Return axes as programs write them: the thin one is the beam; IMOD's first may be y."""
    thin = int(np.argmin(shape))
    return (1, 0, 2) if thin == 1 else (2, 1, 0) if thin == 2 else (0, 1, 2)


def _mean_power(volume: AnyArray) -> tuple[AnyArray, list[DoubleArray]]:
    """Return the mean power of windowed blocks in half of Fourier space, and the frequencies."""
    sizes = [min(size, _BLOCK) for size in volume.shape]
    starts = [
        np.unique(np.linspace(0, n - b, min(_BLOCKS, -(-n // b))).astype(int))
        for n, b in zip(volume.shape, sizes, strict=True)
    ]
    window = np.ones(())
    for size in sizes:
        window = np.multiply.outer(window, np.hanning(size + 2)[1:-1])
    window = window.astype(np.float32)
    total: AnyArray = np.zeros((*sizes[:2], sizes[2] // 2 + 1), np.float32)
    for z, y, x in np.stack(np.meshgrid(*starts, indexing="ij"), -1).reshape(-1, 3):
        block = volume[z : z + sizes[0], y : y + sizes[1], x : x + sizes[2]].astype(np.float32)
        block -= np.vdot(window, block) / window.sum()
        spectrum = fft.rfftn(block * window)
        total += spectrum.real**2 + spectrum.imag**2
    frequency = [fft.fftfreq(sizes[0]), fft.fftfreq(sizes[1]), fft.rfftfreq(sizes[2])]
    return total, frequency


def _profile(
    power: AnyArray, frequency: list[DoubleArray], axes: tuple[int, int, int]
) -> DoubleArray:
    """Return the power at angles -90° to 90° from kx to kz, each radius over its mean."""
    beam, along, across = axes
    plane = power.mean(axis=along)  # [the two others, in their order]
    plane = plane if beam < across else plane.T  # [kz, kx]
    kz, kx = frequency[beam][:, None], frequency[across]
    angle = np.degrees(np.arctan2(kz, kx))
    angle = np.where(angle >= 90, angle - 180, np.where(angle < -90, angle + 180, angle))
    bins = round(180 / _BIN_DEG)
    index = np.minimum(((angle + 90) / _BIN_DEG).astype(np.intp), bins - 1)
    radius = np.digitize(np.hypot(kz, kx), _RADII)
    profile = np.zeros(bins)
    for ring in range(1, len(_RADII)):
        inside = radius == ring
        number = np.bincount(index[inside], minlength=bins)
        mean = np.bincount(index[inside], plane[inside], bins) / np.maximum(number, 1)
        # On a small circle some angles have no coefficient.
        held = np.flatnonzero(number)
        mean = np.interp(np.arange(bins), held, mean[held], period=bins)
        profile += mean / mean.mean()
    return np.asarray(profile / (len(_RADII) - 1))


def _step(profile: DoubleArray) -> tuple[float, tuple[float, float]]:
    """Return how well a step fits, as power inside over outside, and the range inside.

    Between the edges of the step that explains most of the logarithm's variance the power is about
    constant; the range ends where it has fallen to half.
    """
    smooth = gaussian_filter1d(profile, _SMOOTH_DEG / _BIN_DEG, mode="wrap")
    logs = np.log(np.maximum(smooth, 1e-12))
    count = len(profile)
    sums = np.concatenate([[0.0], np.cumsum(logs)])
    edges = -90 + _BIN_DEG * np.arange(count + 1)
    lows = np.flatnonzero((edges >= -_WIDEST_DEG) & (edges <= -_NARROWEST_DEG))
    highs = np.flatnonzero((edges <= _WIDEST_DEG) & (edges >= _NARROWEST_DEG))
    # [low, high]
    width = highs - lows[:, None]
    inner = (sums[highs] - sums[lows][:, None]) / width
    outer = (sums[-1] - inner * width) / (count - width)
    explained = np.where(inner > outer, (inner - outer) ** 2 * width * (count - width), 0)
    i, j = np.unravel_index(int(explained.argmax()), explained.shape)
    share = float(explained[i, j]) / count**2 / max(float(np.var(logs)), 1e-12)
    contrast = float(np.exp(inner[i, j] - outer[i, j])) if inner[i, j] > outer[i, j] else 1.0
    return contrast**share, _half_level(smooth, int(lows[i]), int(highs[j]))


def _half_level(smooth: DoubleArray, low: int, high: int) -> tuple[float, float]:
    """Return the angles at which the power is half of that between two bins."""
    level = 0.5 * float(np.median(smooth[low:high]))
    while high > low and smooth[high - 1] < level:
        high -= 1
    while low < high and smooth[low] < level:
        low += 1
    above, below = smooth[high - 1], smooth[high]
    last = high - 1 + (above - level) / max(above - below, 1e-30)
    above, below = smooth[low], smooth[low - 1]
    first = low - (above - level) / max(above - below, 1e-30)
    centre = -90 + _BIN_DEG / 2
    return (
        float(centre + _BIN_DEG * first + _BEYOND_DEG),
        float(centre + _BIN_DEG * last - _BEYOND_DEG),
    )
