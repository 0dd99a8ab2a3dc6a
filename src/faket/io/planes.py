"""Checks of volumes that come plane by plane."""

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import DTypeLike

from faket.data import AnyArray
from faket.io.failures import PathLike, input_error


def of_shape(
    path: PathLike, planes: Iterable[AnyArray], shape: tuple[int, int, int]
) -> Iterator[AnyArray]:
    """Yield the planes; InputError, naming ``path``, unless they are those of ``shape`` (z, y, x).

    That they are too few is found at the end.
    """
    count = 0
    for plane in planes:
        count += 1
        if plane.shape != shape[1:] or count > shape[0]:
            raise input_error(
                path, f"expected {shape[0]} planes of {shape[1:]} voxels, found plane {count} of "
                f"{plane.shape}; give the shape of the volume"
            )  # fmt: skip
        yield plane
    if count < shape[0]:
        raise input_error(
            path, f"expected {shape[0]} planes, found {count}; give the shape of the volume"
        )


def labels_within(
    path: PathLike, planes: Iterable[AnyArray], dtype: DTypeLike
) -> Iterator[AnyArray]:
    """Yield the planes of a mask; InputError, naming ``path``, if ``dtype`` cannot hold a label."""
    highest = int(np.iinfo(np.dtype(dtype)).max)
    for plane in planes:
        if plane.size and (plane.min() < 0 or plane.max() > highest):
            raise input_error(
                path, f"expected labels 0 to {highest}, found {plane.min()} to {plane.max()}; "
                "renumber them"
            )  # fmt: skip
        yield plane
