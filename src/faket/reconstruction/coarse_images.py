"""Images made small and clean, to measure how they lie to each other.

What is fixed to the camera or to the file says nothing of the specimen: constant borders, hot
pixels, gradients. It is left out here, image by image, so that a stack may be larger than memory.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from faket.data import AnyArray, FloatArray
from faket.errors import InputError
from faket.reconstruction.camera_lines import without_camera_lines
from faket.statistics import upper_median
from faket.threads import in_threads

_LARGEST = 576  # pixels; chosen: 512 of 4096 and 1024, and spectra of 60 tilts stay below 200 MB
_EDGE = 0.08  # of the smaller side, where images fade to their mean; chosen
_FAR = 5.0  # robust σ beyond which grey values are cut: gold, ice crystals, X-rays; chosen
_LEAST_VALID = 0.25  # of an image; with less it is left out, as in `faket.noise.image_defects`
_FLAT = 3  # pixels a side of a square: where its grey values are equal, nothing was imaged …
_LEAST_EMPTY = 1e-3  # … if such squares make a region of so much of the image; chosen


@dataclass(frozen=True)
class CoarseImages:
    """Small images of one tilt-series, their mean 0 and σ about 1, fading to 0 at the edges.

    Attributes
    ----------
    images : ndarray, shape (tilt, y, x), float32
        Images that are not usable are 0.
    binning : int
        Pixels of the given images along a side of one of these.
    usable : ndarray of bool, shape (tilts,)
        Whether an image shows anything: neither blank nor mostly empty, nor with NaN throughout.
    """

    images: FloatArray
    binning: int
    usable: NDArray[np.bool_]


def coarse_images(images: AnyArray, *, largest: int = _LARGEST) -> CoarseImages:
    """Return images of at most ``largest`` pixels a side, without borders, gradients and outliers.

    Parameters
    ----------
    images : ndarray, shape (tilt, y, x)
        Of any type; a memory map is read one image at a time.
    largest : int

    Returns
    -------
    CoarseImages

    Raises
    ------
    InputError
        If there are no three axes, or nothing along one of them.
    """
    if np.ndim(images) != 3 or np.size(images) == 0:
        raise InputError(
            f"images: expected [tilt, y, x], found an array of shape {np.shape(images)}"
        )
    n, height, width = images.shape
    binning = -(-max(height, width) // largest)
    binning = min(binning, height, width)
    small = np.zeros((n, height // binning, width // binning), np.float32)
    fadings = np.zeros_like(small)
    usable = np.zeros(n, bool)

    def measure(tilt: int) -> None:
        means, valid = _block_means(images[tilt], binning)
        usable[tilt] = _clean(means, valid, fadings[tilt])
        small[tilt] = means if usable[tilt] else 0.0

    in_threads(measure, range(n))
    shown = slice(None) if usable.all() else usable  # a view, not a copy
    small[shown] = without_camera_lines(small[shown], fadings[shown])
    return CoarseImages(small, binning, usable)


def _block_means(image: AnyArray, binning: int) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Return the mean of each block [y, x], and whether it holds an image."""
    height, width = (size // binning for size in image.shape)
    top, left = ((size % binning) // 2 for size in image.shape)
    whole = np.asarray(image[top : top + height * binning, left : left + width * binning])
    rows = np.zeros((height, width * binning), np.float32)
    means = np.zeros((height, width), np.float32)
    for place in range(binning):  # [y * binning, x * binning] → [y, x * binning]
        rows += whole[place::binning]
    for place in range(binning):  # [y, x * binning] → [y, x]
        means += rows[:, place::binning]
    means /= np.float32(binning**2)
    finite = np.isfinite(means)
    means = np.where(finite, means, 0)
    return means, ~_empty(means) & finite


def _empty(image: FloatArray) -> NDArray[np.bool_]:
    """Return what was filled with one value [y, x], not the accidents of few electrons."""
    same = image[:, 1:] == image[:, :-1]
    # Squares of 2 x 2 equal pixels; a region has about as many of them as pixels.
    same = same[1:] & same[:-1] & (image[1:, 1:] == image[:-1, 1:])
    if np.count_nonzero(same) < _LEAST_EMPTY / 4 * image.size:
        return np.zeros(image.shape, bool)
    flat: NDArray[np.bool_] = np.asarray(
        ndimage.minimum_filter(image, _FLAT) == ndimage.maximum_filter(image, _FLAT)
    )
    if not flat.any():
        return flat
    parts, _ = ndimage.label(flat)
    large = np.bincount(parts.ravel()) >= _LEAST_EMPTY * image.size
    large[0] = False
    # By one pixel the filters made it smaller, and in one more block there may be both.
    return np.asarray(ndimage.binary_dilation(large[parts], iterations=2))


def _clean(image: FloatArray, valid: NDArray[np.bool_], fading: FloatArray) -> bool:
    """Remove gradient, outliers and edges in place; return whether anything is left.

    By ``fading`` the image was multiplied in the end.
    """
    if valid.mean() < _LEAST_VALID:
        return False
    _subtract_plane(image, valid)
    values = image[valid]
    median = upper_median(values)
    sigma = 1.4826 * upper_median(np.abs(values - median))
    if not sigma > 0:
        sigma = values.std()
    if not sigma > 0:
        return False
    image -= median
    np.clip(image, -_FAR * sigma, _FAR * sigma, out=image)
    fading[:] = _fading(valid)
    image -= (image * fading).sum() / fading.sum()
    image *= fading / np.float32(sigma)
    return True


def _subtract_plane(image: FloatArray, valid: NDArray[np.bool_]) -> None:
    """Subtract the plane of least squares through the valid pixels, from about 10 000 of them."""
    step = max(1, min(image.shape) // 100)
    y, x = (np.arange(n, dtype=np.float32) / n - 0.5 for n in image.shape)
    inside = valid[::step, ::step]
    rows, columns = np.broadcast_arrays(y[::step, None], x[None, ::step])
    terms = np.stack([np.ones(inside.sum()), rows[inside], columns[inside]], axis=1)
    fit = np.linalg.lstsq(terms, image[::step, ::step][inside], rcond=None)[0].astype(np.float32)
    image -= fit[0] + fit[1] * y[:, None] + fit[2] * x


def _fading(valid: NDArray[np.bool_]) -> FloatArray:
    """Return 1 inside what is valid, falling to 0 as a cosine at its edges [y, x]."""
    height, width = valid.shape
    depth = np.minimum.outer(
        np.minimum(np.arange(height), np.arange(height)[::-1]),
        np.minimum(np.arange(width), np.arange(width)[::-1]),
    ).astype(np.float32)
    if not valid.all():
        depth = np.minimum(depth, ndimage.distance_transform_edt(valid) - 1)
    edge = _EDGE * min(valid.shape)
    fading = 0.5 - 0.5 * np.cos(np.pi * np.clip((depth + 0.5) / edge, 0, 1))
    return np.asarray(np.where(valid, fading, 0), np.float32)
