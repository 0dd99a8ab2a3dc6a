"""How far the images of a tilt-series are displaced against each other, measured from them alone.

Neighbouring tilts are stretched across the axis by 1 / cos θ and correlated. The displacements that
fit all measured pairs best are found together, so that what pairs contradict each other tells the
error. Two displacements are no misalignment, and are taken away: that of the whole specimen, and
its height z, which moves the images by z sin θ. At every angle other parts of a thick specimen
decide how a pair fits, so z drifts slowly with θ, and pairs do not contradict each other: across
the axis, smooth displacements cannot be told from depth, and are taken away likewise.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from faket.data import AnyArray, DoubleArray
from faket.errors import InputError
from faket.reconstruction.coarse_images import CoarseImages, coarse_images
from faket.reconstruction.pair_shifts import neighbours, pair_shifts, stretched_spectra
from faket.reconstruction.resampling import in_plane_rotation
from faket.tilts import checked_angles

# Degree of the polynomial in θ that depth may be; chosen: of a slab a third as thick as wide,
# 0.03 % of the width are left.
_SMOOTH = 5
_CLEAR = 6.0  # σ of a correlation, above which a peak is one; noise reaches 5 in 512 x 512 pixels
_LEAST_CLEAR = 0.8  # of the pairs, that the images are compared at all; chosen
_ROUNDS = 10  # of reweighting, after which nothing changes by a hundredth of a pixel
_LEAST_ERROR_PX = 0.02  # of a coarse pixel: nothing is measured better
_LEAST_TILTS = 2 * (_SMOOTH + 1)  # so that half of what scatters is left
_STEEPEST_DEG = 80.0  # beyond, 1 / cos θ stretches an image more than sixfold
# Of the image's larger side. Chosen: 18 Å of the 5120 Å of SHREC'21, whose images are displaced by
# 3 to 10 Å; stages miss by 1 % and more.
_TOLERANCE = 0.0035
_LEAST_TOLERANCE_PX = 1.0  # what is less is finer than the images; chosen
_CERTAIN = 3.0  # standard errors beyond the tolerance, from which images are displaced
_FAR = 4.0  # times the tolerance, from which a single image is displaced


@dataclass(frozen=True)
class ResidualShifts:
    """Displacements of images from their place in an aligned tilt-series.

    Attributes
    ----------
    shifts_px : ndarray, shape (tilts, 2)
        x, y in pixels of the given images, as in `TiltGeometry.shifts_A`: where the content lies
        less where it should, without what is smooth over the tilts across the axis. NaN for tilts
        that are not usable.
    sigma_px : ndarray, shape (tilts, 2)
        Standard errors; infinite likewise.
    typical_px, typical_sigma_px : float
        Robust σ of the displacements across or along the axis, whichever is more certain to be
        large, and its standard error.
    tolerance_px : float
        Up to which images count as aligned.
    clear : float
        Share of the pairs of tilts whose correlation has a clear peak.
    reason : str
        Why nothing can be told; empty otherwise.
    """

    shifts_px: DoubleArray
    sigma_px: DoubleArray
    typical_px: float
    typical_sigma_px: float
    tolerance_px: float
    clear: float
    reason: str = ""

    @property
    def certain(self) -> bool:
        """Whether it can be told if the images are aligned."""
        return not self.reason

    @property
    def is_aligned(self) -> bool:
        """Whether it is certain that the displacements are within the tolerance."""
        return self.certain and self.typical_px <= self.tolerance_px

    @property
    def displaced(self) -> tuple[int, ...]:
        """Single tilts that are clearly displaced; most of them in a stack that is not aligned."""
        far = np.abs(self.shifts_px) - 3 * self.sigma_px > _FAR * self.tolerance_px
        return tuple(np.flatnonzero(far.any(axis=1)).tolist())

    @property
    def verdict(self) -> str:
        """One line: what was found, or why nothing is told."""
        if not self.certain:
            return f"shifts: cannot tell, {self.reason}"
        found = f"displaced by {self.typical_px:.1f} ± {self.typical_sigma_px:.1f} pixels"
        word = "aligned" if self.is_aligned else "not aligned"
        return f"shifts: {word}, {found} (at most {self.tolerance_px:.1f})"


def residual_shifts(
    images: AnyArray, angles_deg: ArrayLike | None, tilt_axis_deg: float = 0.0
) -> ResidualShifts:
    """Measure how far the images of a tilt-series are displaced against each other.

    Parameters
    ----------
    images : ndarray, shape (tilt, y, x)
        In any order and any grey scale; blank ones and constant borders are recognised. A memory
        map is read one image at a time.
    angles_deg : array_like, shape (tilts,), or None
        None if they are not known.
    tilt_axis_deg : float
        Direction of the tilt axis in the images, counter-clockwise from y.

    Returns
    -------
    ResidualShifts

    Raises
    ------
    InputError
        If images, angles or axis are not what they should be, or do not fit.
    """
    coarse = coarse_images(images)
    if not np.isfinite(tilt_axis_deg):
        raise InputError(f"`tilt_axis_deg`: expected a finite number, found {tilt_axis_deg}")
    if angles_deg is None:
        return _unknown(coarse, "the tilt angles are not known")
    angles = checked_angles(angles_deg, len(coarse.images))
    return residual_shifts_of(coarse, angles, tilt_axis_deg)


def residual_shifts_of(
    coarse: CoarseImages, angles_deg: DoubleArray, tilt_axis_deg: float
) -> ResidualShifts:
    """Measure displacements of small images that are clean already."""
    used = np.flatnonzero(coarse.usable & (np.abs(angles_deg) <= _STEEPEST_DEG))
    used = used[np.argsort(angles_deg[used], kind="stable")]
    if len(used) < _LEAST_TILTS:
        return _unknown(coarse, f"{len(used)} usable tilts are too few")
    radians = np.radians(angles_deg[used])
    pairs = neighbours(len(used))
    transforms = stretched_spectra(coarse.images[used], radians, tilt_axis_deg)
    measured, heights = pair_shifts(transforms, np.tan(radians), pairs)
    across, across_sigma = _solved(pairs, measured[:, 0], heights)
    along, along_sigma = _solved(pairs, measured[:, 1], heights)
    # From the plane of the specimen to the images.
    across, across_sigma = across * np.cos(radians), across_sigma * np.cos(radians)
    across -= _fitted(_smooth(radians), across, across_sigma)
    along -= _fitted(np.ones((len(used), 1)), along, along_sigma)
    found, sigma = np.stack([across, along], 1), np.stack([across_sigma, along_sigma], 1)
    return _summary(coarse, used, found, sigma, tilt_axis_deg, float((heights > _CLEAR).mean()))


def _unknown(coarse: CoarseImages, reason: str) -> ResidualShifts:
    n = len(coarse.images)
    tolerance = max(_TOLERANCE * max(coarse.images.shape[1:]), _LEAST_TOLERANCE_PX) * coarse.binning
    return ResidualShifts(
        np.full((n, 2), np.nan), np.full((n, 2), np.inf), np.nan, np.inf, tolerance, 0.0, reason
    )


def _summary(
    coarse: CoarseImages,
    used: NDArray[np.intp],
    found: DoubleArray,
    sigma: DoubleArray,
    tilt_axis_deg: float,
    clear: float,
) -> ResidualShifts:
    """Return displacements across and along the axis, in coarse pixels, as those of the images."""
    empty = _unknown(coarse, "")
    turn, binning = in_plane_rotation(tilt_axis_deg), coarse.binning
    empty.shifts_px[used] = found @ turn.T * binning
    empty.sigma_px[used] = np.sqrt(sigma**2 @ (turn**2).T) * binning
    typical = 1.4826 * np.median(np.abs(found), axis=0) * binning
    error = np.median(sigma, axis=0) * binning
    off = typical - empty.tolerance_px
    worse = int((off - _CERTAIN * error).argmax())
    reason = ""
    if clear < _LEAST_CLEAR:
        reason = f"{clear:.0%} of the pairs of tilts show common structure"
    elif (off > 0).any() and (off <= _CERTAIN * error).all():
        reason = f"{typical[worse]:.1f} ± {error[worse]:.1f} pixels may be aligned or not"
    return ResidualShifts(
        empty.shifts_px, empty.sigma_px, float(typical[worse]), float(error[worse]),
        empty.tolerance_px, clear, reason,
    )  # fmt: skip


def _solved(
    pairs: NDArray[np.intp], measured: DoubleArray, heights: DoubleArray
) -> tuple[DoubleArray, DoubleArray]:
    """Return the positions whose differences fit best, and their standard errors."""
    n = int(pairs.max()) + 1
    design = np.zeros((len(pairs), n))
    np.put_along_axis(design, pairs, np.array([[1.0, -1.0]]), axis=1)
    clear = heights > _CLEAR
    trust = np.where(clear, heights / _CLEAR, 1e-3)  # the error falls as a peak rises
    design, target = design * trust[:, None], measured * trust
    root, scale = np.ones(len(pairs)), 1.0
    for _ in range(_ROUNDS):
        found = np.linalg.lstsq(design * root[:, None], target * root, rcond=None)[0]
        off = np.abs(design @ found - target)
        scale = 1.4826 * np.median(off[clear]) if clear.any() else 1.0
        scale = max(scale, _LEAST_ERROR_PX)
        root = 1 / np.sqrt(1 + (off / (2 * scale)) ** 2)
    weighted = design * root[:, None]
    variance = np.diag(np.linalg.pinv(weighted.T @ weighted, rcond=1e-12))
    # A tilt is in up to six pairs, whose errors are not independent: it is one of their two images.
    return np.asarray(found), np.asarray(scale * np.sqrt(2 * np.maximum(variance, 0)))


def _smooth(radians: DoubleArray) -> DoubleArray:
    """Return what depth may add across the axis [tilt, term]: sines and cosines are among it."""
    return np.polynomial.legendre.legvander(radians / np.radians(_STEEPEST_DEG), _SMOOTH)


def _fitted(terms: DoubleArray, values: DoubleArray, sigma: DoubleArray) -> DoubleArray:
    """Return the fit of terms [tilt, term] to values, with little weight of those far from it."""
    trust = 1 / np.maximum(sigma, _LEAST_ERROR_PX)
    root = np.ones(len(values))
    for _ in range(_ROUNDS):
        weight = trust * root
        fit = terms @ np.linalg.lstsq(terms * weight[:, None], values * weight, rcond=None)[0]
        off = np.abs(values - fit)
        root = 1 / np.sqrt(1 + (off / max(3 * np.median(off), _LEAST_ERROR_PX)) ** 2)
    return np.asarray(fit)
