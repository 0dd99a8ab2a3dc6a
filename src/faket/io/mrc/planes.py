"""The planes of an MRC volume one after another, for volumes that are not to be held in memory."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import DTypeLike

from faket.data import AnyArray
from faket.io.failures import PathLike
from faket.io.mrc.header import MrcLayout
from faket.io.mrc.reading import check_labels, check_volume, read_mask, read_volume
from faket.io.mrc.stream import check_finite, opened, sections


def volume_planes(path: PathLike) -> Iterator[AnyArray]:
    """Yield the planes ``[y, x]`` of a volume as float32, in the order of z.

    Raises
    ------
    InputError
        As :func:`faket.io.mrc.read_volume`, when the plane with the fault is reached.
    """
    with opened(path) as (stream, layout):
        check_volume(path, layout)
        if _runs_along_z(layout):
            for index, section in enumerate(sections(path, stream, layout)):
                with np.errstate(all="ignore"):  # a signalling NaN would warn before it is found
                    plane = section.astype(np.float32)
                check_finite(path, plane, index)
                yield plane
            return
    yield from read_volume(path, voxel_size_A=1.0).data  # the size does not matter here


def mask_planes(path: PathLike, *, dtype: DTypeLike = np.uint16) -> Iterator[AnyArray]:
    """Yield the planes ``[y, x]`` of a volume of labels, in the order of z.

    Raises
    ------
    InputError
        As :func:`faket.io.mrc.read_mask`, when the plane with the fault is reached.
    """
    highest = int(np.iinfo(np.dtype(dtype)).max)
    with opened(path) as (stream, layout):
        check_volume(path, layout)
        if _runs_along_z(layout):
            for index, section in enumerate(sections(path, stream, layout)):
                check_labels(path, section, index, highest)
                yield section.astype(dtype)
            return
    yield from read_mask(path, dtype=dtype)


def _runs_along_z(layout: MrcLayout) -> bool:
    return layout.axes == (3, 2, 1)
