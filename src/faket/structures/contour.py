"""The molecule in a density map: the solvent level, the side of it, and the contour.

Noise of the solvent reaches as far above its level as below, while the molecule lies on one side.
So the number of voxels beyond the same distance on the other side estimates how many voxels beyond
a contour are noise.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from faket.data import AnyArray, FloatArray
from faket.errors import InputError

_FALSE = (
    0.05  # largest fraction of the molecule's voxels that may be noise; chosen, as usual in tests
)
_SMOOTHINGS = (0.0, 1.0, 2.0, 4.0)  # σ in voxels; chosen, tried until the molecule stands out
# Box per σ. Chosen, because a smaller box, or mask in it, holds too few independent pieces of
# smooth noise.
_BOX_PER_SMOOTHING = 16
_SMALLEST = 27  # voxels, 3³; chosen: smaller objects have no shape
# Largest noise over peak. Chosen, because the extremes of noise alone are similar on both sides.
_NOISE_REACH = 0.6


@dataclass(frozen=True)
class Contour:
    """The molecule within a map.

    Attributes
    ----------
    mask : ndarray, shape (z, y, x), bool
        Connected parts beyond the level, of at least a tenth of the largest.
    solvent, level : float
        In the map's units.
    sign : int
        -1 if the molecule lies below the solvent.
    smoothing : float
        σ (voxels) of the blur with which the level was found; 0 for none.
    noisy : bool
        Whether noise also reaches beyond the level.
    """

    mask: AnyArray
    solvent: float
    level: float
    sign: int
    smoothing: float = 0.0
    noisy: bool = False


def find_contour(values: FloatArray, source: str) -> Contour:
    """Find molecule and contour of a map: Otsu's threshold, if it lies beyond the noise.

    The solvent level is the median of the map's border. Both sides of it are tried. If Otsu's
    threshold lies in the noise on both, the map is smoothed; if that does not help, because the
    molecule is small, the contour is the level at which the noise ends.

    Raises
    ------
    InputError
        If no molecule stands out of the solvent's noise on one side.
    """
    if values.max() == values.min():
        raise InputError(
            f"{source}: expected a molecule, found one value everywhere; give another map"
        )
    side = min(*values.shape, np.count_nonzero(values != solvent_level(values)) ** (1 / 3))
    smoothings = [s for s in _SMOOTHINGS if s * _BOX_PER_SMOOTHING <= side]
    for threshold in (_otsu_beyond_noise, _end_of_noise):
        for smoothing in smoothings:
            smooth = ndimage.gaussian_filter(values, smoothing) if smoothing else values
            solvent = solvent_level(smooth)
            for sign in (1, -1):
                density = sign * (smooth - np.float32(solvent))
                height = threshold(density)
                if height is not None and not (smoothing and _reaches_peak(density)):
                    level = height * sign + solvent
                    mask = _large_parts(density > height)
                    return Contour(mask, solvent, level, sign, smoothing)
    raise InputError(
        f"{source}: expected a molecule that stands out of the solvent's noise, found as much "
        "below the solvent as above; give `contour`, or a map that is masked or less noisy"
    )


def at_contour(values: FloatArray, level: float, source: str) -> Contour:
    """Find the molecule beyond a given level, above the solvent or below it.

    Raises
    ------
    InputError
        If the map does not reach the level, or has more on the other side of its solvent.
    """
    solvent = solvent_level(values)
    low, high = float(values.min()), float(values.max())
    sign = 1 if level > solvent else -1
    density = sign * (values - np.float32(solvent))
    height = sign * (level - solvent)
    inside = density > height
    if not (np.isfinite(level) and inside.any() and height > 0):
        raise InputError(
            f"{source}: expected a contour between {low:.4g} and {high:.4g}, and not the solvent's "
            f"{solvent:.4g}, found {level:.4g}; give `contour` in the map's units"
        )
    opposite = np.count_nonzero(density < -height)
    if opposite > np.count_nonzero(inside):
        raise InputError(
            f"{source}: expected most of the molecule beyond the contour {level:.4g}, found more "
            f"on the other side of the solvent's {solvent:.4g}; give another `contour`, or none"
        )
    noisy = bool(opposite > _FALSE * np.count_nonzero(inside))
    return Contour(_large_parts(inside), solvent, level, sign, noisy=noisy)


def solvent_level(values: FloatArray) -> float:
    """Return the median of a map's border."""
    faces = [values.take(end, axis).ravel() for axis in range(3) for end in (0, -1)]
    return float(np.median(np.concatenate(faces)))


def _otsu_beyond_noise(density: FloatArray) -> float | None:
    """Return Otsu's threshold of the density above solvent; None if it lies in the noise."""
    above, below = _sides(density)
    if above.size == 0:
        return None
    level = _otsu(above)
    return level if _are_few(below, above, level) else None


def _end_of_noise(density: FloatArray) -> float | None:
    """Return the lowest threshold beyond all noise; None if noise reaches the peak."""
    above, below = _sides(density)
    if above.size <= _SMALLEST:
        return None
    peak = float(above[-_SMALLEST])
    steps = np.linspace(0, peak, 200)
    noise = [step for step in steps if not _are_few(below, above, step)]
    return noise[-1] if noise and noise[-1] < _NOISE_REACH * peak else None


def _reaches_peak(density: FloatArray) -> bool:
    """Tell whether density below solvent reaches almost as far as the peak above.

    Smooth noise has few independent pieces, so by accident one side may exceed the other.
    """
    above, below = _sides(density)
    if min(above.size, below.size) <= _SMALLEST:
        return above.size <= _SMALLEST
    return bool(below[-_SMALLEST] > _NOISE_REACH * above[-_SMALLEST])


def _sides(density: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return density above solvent, and the distances of density below it, both sorted."""
    return np.sort(density[density > 0]), np.sort(-density[density < 0])


def _are_few(below: FloatArray, above: FloatArray, level: float) -> bool:
    """Tell whether voxels below minus the level are few, compared with those above the level."""
    false = below.size - np.searchsorted(below, np.float32(level), "right")
    return bool(false <= _FALSE * (above.size - np.searchsorted(above, np.float32(level), "right")))


def _otsu(positive: FloatArray) -> float:
    """Return Otsu's (1979) threshold of values above 0."""
    if positive.min() == positive.max():  # a binary mask: half its value
        return float(positive[0]) / 2
    counts, edges = np.histogram(positive.astype(np.float64), 256)
    centres = (edges[1:] + edges[:-1]) / 2
    below, total = np.cumsum(counts), counts.sum()
    sums = np.cumsum(counts * centres)
    with np.errstate(invalid="ignore", divide="ignore"):
        between = (sums[-1] * below - sums * total) ** 2 / (below * (total - below))
    return float(centres[np.nanargmax(between[:-1])])


def _large_parts(mask: AnyArray) -> AnyArray:
    labels, n = ndimage.label(mask)
    if n == 0:
        return mask
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return np.asarray((sizes >= sizes.max() / 10)[labels])
