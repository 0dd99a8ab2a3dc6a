"""Pixels that are missing, filled by mirroring their surroundings."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from faket.data import AnyArray, FloatArray
from faket.stacks import stack_of


def filled_stack(stack: AnyArray, masks: Mapping[int, NDArray[np.bool_]]) -> FloatArray:
    """Return a copy of a stack [tilt, y, x], the marked pixels of some tilts filled."""
    repaired = stack_of((image.astype(np.float32) for image in stack), len(stack))
    for tilt, mask in masks.items():
        repaired[tilt] = _filled(repaired[tilt], mask)
    return repaired


def _filled(image: FloatArray, missing: NDArray[np.bool_]) -> FloatArray:
    """Fill missing pixels by mirroring the image at the nearest valid pixel."""
    image, missing = image.copy(), missing.copy()
    while missing.any() and not missing.all():
        nearest = ndimage.distance_transform_edt(
            missing, return_distances=False, return_indices=True
        )
        place = np.nonzero(missing)
        source = tuple(
            np.clip(2 * nearest[axis][place] - place[axis], 0, size - 1)
            for axis, size in enumerate(image.shape)
        )
        known = ~missing[source]
        if not known.any():
            image[place] = image[tuple(axis[place] for axis in nearest)]
            break
        there = tuple(axis[known] for axis in place)
        image[there] = image[tuple(axis[known] for axis in source)]
        missing[there] = False
    return image
