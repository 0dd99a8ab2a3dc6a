"""Ring amplitudes: give a stack the rotationally averaged amplitudes of a reference."""

import numpy as np

from faket.data import AnyArray, DoubleArray, FloatArray
from faket.errors import InputError
from faket.rings import Rings, frequencies, mirror_weight
from faket.stacks import empty_stack

RING_PX = 2  # SHREC'21's rings


def ring_amplitudes(stack: AnyArray) -> DoubleArray:
    """Return the mean Fourier amplitude of each ring, two Fourier pixels wide.

    Parameters
    ----------
    stack : ndarray, shape (tilt, y, x)

    Returns
    -------
    ndarray, shape (tilt, rings), float64
        Divided by the number of pixels y · x. Ring 0 excludes the mean. The last ring ends at
        Nyquist of the shorter axis and includes the corners.
    """
    _check(stack)
    rings = _rings(stack.shape[1], stack.shape[2])
    return np.array([_of_image(image, rings) for image in stack])


def match_ring_amplitudes(stack: AnyArray, reference: AnyArray) -> FloatArray:
    """Scale the Fourier rings of every tilt to a reference's; phases stay.

    SHREC'21 did this with an experimental series. The mean of each tilt becomes the reference's
    as well.

    Parameters
    ----------
    stack : ndarray, shape (tilt, y, x)
    reference : ndarray, shape (tilt, y, x)
        As many tilts as ``stack``, or one, which then serves all; images of the same shape.

    Returns
    -------
    ndarray, shape (tilt, y, x), float32

    Raises
    ------
    InputError
        If the shapes do not fit.
    """
    _check(stack)
    _check(reference)
    if reference.shape[1:] != stack.shape[1:] or len(reference) not in (1, len(stack)):
        raise InputError(
            f"reference: expected {len(stack)} images (or one) of shape {stack.shape[1:]}, found "
            f"{reference.shape}; crop or bin it to the stack's size"
        )
    rings = _rings(stack.shape[1], stack.shape[2])
    target, own = ring_amplitudes(reference), ring_amplitudes(stack)
    scale = target / np.where(own > 0, own, 1.0)
    matched = empty_stack(stack.shape)
    for tilt, image in enumerate(stack):
        # [y, x] → [y, x // 2 + 1] → [y, x]
        spectrum = np.fft.rfft2(image) * np.append(scale[tilt], 0.0)[rings.index]
        spectrum[0, 0] = reference[tilt % len(reference)].mean(dtype=float) * image.size
        matched[tilt] = np.fft.irfft2(spectrum, s=image.shape)
    return matched


def _check(stack: AnyArray) -> None:
    if np.ndim(stack) != 3 or min(stack.shape) == 0:
        raise InputError(f"stack: expected [tilt, y, x], found an array of shape {stack.shape}")


def _rings(ny: int, nx: int) -> Rings:
    """Return the rings, in units of the shorter axis' step; the last holds the corners too."""
    side = min(ny, nx)
    count = (side // 2 - 1) // RING_PX + 1
    index = np.minimum(frequencies((ny, nx), side) / RING_PX, count - 1).astype(np.intp)
    index[0, 0] = count  # the mean is in none
    return Rings(index, mirror_weight(nx), count)


def _of_image(image: AnyArray, rings: Rings) -> DoubleArray:
    # [y, x] → [y, x // 2 + 1] → [rings]
    return rings.mean(np.abs(np.fft.rfft2(image)) / image.size, empty=0.0)
