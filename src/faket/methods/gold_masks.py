"""Gold in the images of a tilt-series, masked: it would have more power than all molecules."""

from collections.abc import Sequence

import numpy as np

from faket.data import AnyArray, DoubleArray, FloatArray
from faket.methods.reference_properties import CORNER, RINGS
from faket.microscope.gold import KEPT_AT_LEAST, faded, gold_mask
from faket.noise import background_image, ring_power
from faket.rings import hann
from faket.stacks import empty_stack, stack_of
from faket.threads import ahead_in_threads, in_threads

# Chosen: gold has 30 at usual exposures; molecules behind each other reach 8, and what is masked
# is at another place in every tilt.
GOLD_SIGMAS = 10.0


def gold_masks(images: AnyArray, pixel_size_A: float) -> list[AnyArray | None]:
    """Return what :func:`faket.microscope.gold.gold_mask` finds in each image."""
    place = empty_stack(images.shape)

    def find(tilt: int) -> AnyArray | None:
        mask = gold_mask(images[tilt], pixel_size_A, sigmas=GOLD_SIGMAS)
        if mask is None:
            return None
        place[tilt] = mask
        return np.asarray(place[tilt])

    return in_threads(find, range(len(images)), pixels=images[0].size)


def kept_beside(weight: FloatArray | None) -> FloatArray | None:
    """Return what gold of a weight (0 to 1) leaves of an image; None if all, or too little."""
    return None if weight is None or 1 - weight.mean() < KEPT_AT_LEAST else 1 - weight


def plain_images(
    images: AnyArray, uneven: DoubleArray, kept: Sequence[AnyArray | None]
) -> AnyArray:
    """Return images less their backgrounds and with gold faded; the stack itself if it has neither.

    Gold is faded to the mean of an image without background: otherwise a hole would be left that
    is brighter or darker than its surroundings in all tilts, as a part of the specimen is.

    Parameters
    ----------
    images : ndarray, shape (tilt, y, x)
    uneven : ndarray, shape (tilts, 5)
        As :func:`faket.noise.background` gives it.
    kept : sequence of ndarray or None
        As :func:`gold_masks` gives it.
    """
    if not uneven.any() and all(mask is None for mask in kept):
        return images

    def plain(tilt: int) -> FloatArray:
        image, mask = images[tilt], kept[tilt]
        flat = np.asarray(image - background_image(uneven[tilt], image.shape), np.float32)
        return flat if mask is None else faded(flat, mask)

    count, pixels = len(images), images[0].size
    return stack_of(ahead_in_threads(plain, range(count), pixels=pixels), count)


def power_of_kept(image: AnyArray, kept: AnyArray | None, rings: int = RINGS) -> DoubleArray:
    """Return the power of an image of which parts were masked, as if nothing had been, [ring]."""
    plain = image if kept is None else faded(image, kept)
    return ring_power(plain, rings, limit=CORNER) / kept_part(kept)


def kept_part(kept: AnyArray | None) -> float:
    """Return which part of an image's power, under a Hann window, a mask leaves."""
    if kept is None:
        return 1.0
    rows, columns = (hann((n,)).astype(np.float32) ** 2 for n in kept.shape)
    return float(rows @ kept**2 @ columns) / float(rows.sum() * columns.sum())
