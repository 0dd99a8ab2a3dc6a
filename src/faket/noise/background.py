"""What all tilts of a reference have in common that is no specimen: the beam's unevenness.

A beam off its centre, vignetting or a camera's gain make every image brighter on one side, by a few
percent. That is little in an image, but more than all noise in the lowest rings of its spectrum;
and all tilts share it, as if it were a specimen. It is described by polynomials of second degree
over the image, whose coefficients change with the tilt as a polynomial of second degree.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from faket.data import AnyArray, DoubleArray, FloatArray
from faket.stacks import stack_of
from faket.threads import in_threads

TERMS = 5  # x, y, x² and y² less their means, xy
# Fewest tilts of which it is told: the polynomial over the tilts must not follow each of them.
_FEWEST = 6


def background(
    images: AnyArray, angles_deg: ArrayLike, kept: Sequence[AnyArray | None] | None = None
) -> DoubleArray:
    """Measure the background that tilts have in common.

    Parameters
    ----------
    images : ndarray, shape (tilt, y, x)
    angles_deg : array_like, shape (tilts,)
    kept : sequence of ndarray or None, optional
        What counts of each image, 0 to 1; None is all.

    Returns
    -------
    ndarray, shape (tilts, 5), float64
        Coefficients of x, y, x², y² and xy in grey values, x and y from -1 to 1 across the image
        and the squares less their means; 0 of fewer than 6 tilts.
    """
    if len(images) < _FEWEST:
        return np.zeros((len(images), TERMS))
    masks = [None] * len(images) if kept is None else kept
    pairs = zip(images, masks, strict=True)
    own = np.array(in_threads(lambda pair: trend(*pair), pairs, pixels=images[0].size))
    return shared_by_tilts(own, angles_deg)


def shared_by_tilts(own: DoubleArray, angles_deg: ArrayLike) -> DoubleArray:
    """Return the part of trends [tilt, 5] that changes slowly with the tilt; 0 of fewer than 6."""
    if len(own) < _FEWEST:
        return np.zeros_like(own)
    turn = np.asarray(angles_deg, np.float64) / 60.0
    design = np.stack([np.ones_like(turn), turn, turn**2], axis=1)
    return np.asarray(design @ np.linalg.lstsq(design, own, rcond=None)[0])


def trend(image: AnyArray, kept: AnyArray | None = None) -> DoubleArray:
    """Return the coefficients [5] of the polynomial nearest to an image, where it is kept."""
    # Single precision has no digits for what changes beside a large mean.
    varying = np.asarray(image - float(image.mean(dtype=np.float64)), np.float32)
    moments = _moments(varying if kept is None else varying * kept, 2)
    weights = _moments(np.ones(image.shape, np.float32) if kept is None else kept, 4)
    powers = [(0, 0), (0, 1), (1, 0), (0, 2), (2, 0), (1, 1)]  # of y and x
    normal = [[weights[a + c, b + d] for c, d in powers] for a, b in powers]
    found = np.linalg.lstsq(np.array(normal), [moments[power] for power in powers], rcond=None)
    return np.asarray(found[0][1:])


def _moments(image: AnyArray, highest: int) -> DoubleArray:
    """Return sums of an image times powers of y and x [power, power]."""
    ny, nx = image.shape
    orders = np.arange(highest + 1)
    rows = image @ (_axis(nx)[0][:, None] ** orders).astype(np.float32)
    return np.asarray((_axis(ny)[0] ** orders[:, None]) @ rows.astype(np.float64))


def background_image(coefficients: AnyArray, shape: tuple[int, int]) -> FloatArray:
    """Return the polynomial of coefficients [5], shape (y, x), of mean 0."""
    a, b, c, d, e = np.asarray(coefficients, np.float64)
    (x, across), (y, along) = _axis(shape[1]), _axis(shape[0])
    made = np.outer(y, e * x).astype(np.float32)
    made += (a * x + c * across).astype(np.float32)
    made += (b * y + d * along).astype(np.float32)[:, None]
    return made


def add_background(
    stacks: Sequence[FloatArray], amounts: Sequence[float], coefficients: DoubleArray
) -> None:
    """Add to each stack [tilt, y, x] an amount of the backgrounds [tilt, 5]."""

    def add(tilt: int) -> None:
        image = background_image(coefficients[tilt], stacks[0].shape[1:])
        for stack, amount in zip(stacks, amounts, strict=True):
            stack[tilt] += np.float32(amount) * image

    in_threads(add, range(len(coefficients)), pixels=stacks[0][0].size)


def without_background(images: AnyArray, coefficients: DoubleArray) -> AnyArray:
    """Return images less their backgrounds [tilt, 5]; the stack itself where there are none."""
    if not coefficients.any():
        return images
    flat = (
        np.asarray(image - background_image(own, image.shape), np.float32)
        for image, own in zip(images, coefficients, strict=True)
    )
    return stack_of(flat, len(images))


def _axis(n: int) -> tuple[DoubleArray, DoubleArray]:
    """Return the middles of pixels from -1 to 1, and their squares less the mean."""
    place = (2 * np.arange(n) + 1) / n - 1
    square = place**2
    return place, square - square.mean()
