"""The missing wedge of a tomogram: which axis was the beam, which the tilt axis, and what range.

A tilt-series about y fills only those frequencies whose angle from kx towards kz is a tilt angle.
So in the plane perpendicular to the tilt axis, and in no other, the power of a tomogram is one step
up and one step down around the circle, with nothing near the beam's axis.
"""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from faket.data import AnyArray, DoubleArray
from faket.reconstruction.blocks import band_limit, blocks_of, mean_power

# Rings of the plane, of the frequencies the tomogram has; chosen, because leaks fill wedges below,
# and what a filter cuts off holds anything.
_RADII = np.linspace(0.3, 0.85, 7)
_BIN_DEG = 1.0
_SMOOTH_DEG = 1.5  # σ; chosen, half the usual step: neither single tilts nor gaps show
_SHOWS = 3.0  # of the contrast; chosen: noise without a wedge has 1.2, a tomogram over 100
_BEYOND_DEG = 1.0  # by which power reaches beyond the last tilt; chosen: 0.7 to 1.6, by the series
_NEAR = 20  # bins from the edge that show the power inside; chosen, because SIRT's tilts differ
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
    band_limit : float
        Up to which frequency the tomogram has power, cycles per voxel: 0.5 to Nyquist.
    """

    axes: tuple[int, int, int]
    shows: bool
    range_deg: tuple[float, float] | None
    contrast: float
    band_limit: float


def find_wedge(volume: AnyArray) -> MissingWedge:
    """Find the missing wedge of a tomogram with axes in any order.

    Parameters
    ----------
    volume : ndarray, 3 axes

    Returns
    -------
    MissingWedge
    """
    blocks = blocks_of(volume)
    power, frequency = mean_power(blocks), blocks.frequencies()
    limit = band_limit(power, blocks.radius())
    found = [(axes, *_step(_profile(power, frequency, axes, limit * _RADII))) for axes in _ORDERS]
    axes, contrast, ends = max(found, key=lambda entry: entry[1])
    if contrast < _SHOWS:
        return MissingWedge(_guessed(volume.shape), False, None, contrast, limit)
    return MissingWedge(axes, True, ends, contrast, limit)


def _guessed(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Return axes as programs write them: the thin one is the beam; IMOD's first may be y."""
    thin = int(np.argmin(shape))
    return (1, 0, 2) if thin == 1 else (2, 1, 0) if thin == 2 else (0, 1, 2)


def _profile(
    power: AnyArray,
    frequency: tuple[DoubleArray, ...],
    axes: tuple[int, int, int],
    radii: DoubleArray,
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
    radius = np.digitize(np.hypot(kz, kx), radii)
    profile = np.zeros(bins)
    for ring in range(1, len(radii)):
        inside = radius == ring
        number = np.bincount(index[inside], minlength=bins)
        mean = np.bincount(index[inside], plane[inside], bins) / np.maximum(number, 1)
        # On a small circle some angles have no coefficient.
        held = np.flatnonzero(number)
        mean = np.interp(np.arange(bins), held, mean[held], period=bins)
        profile += mean / mean.mean()
    return np.asarray(profile / (len(radii) - 1))


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
    """Return the angles at which the power is half of that near either edge, given as bins."""
    centre = -90 + _BIN_DEG / 2
    ends = [
        centre + _BIN_DEG * (low - 1 + _fall(smooth[low - 1 + _NEAR :: -1])),
        centre + _BIN_DEG * (high - _fall(smooth[high - _NEAR :])),
    ]
    return float(ends[0] + _BEYOND_DEG), float(ends[1] - _BEYOND_DEG)


def _fall(outwards: DoubleArray) -> float:
    """Return how many bins before the edge, which is at _NEAR, values fall below half."""
    level = 0.5 * float(np.median(outwards[: _NEAR // 2]))
    first = int(np.argmax(outwards < level))
    if first == 0:
        return 0.0
    above, below = outwards[first - 1], outwards[first]
    return float(_NEAR - (first - 1) - (above - level) / (above - below))
