"""Volumes, stacks and masks made small to look at, while they are read section by section."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from faket.data import AnyArray, FloatArray
from faket.io.failures import PathLike, input_error
from faket.io.mrc.header import MrcLayout
from faket.io.mrc.stream import check_finite, opened, sections


def read_reduced(path: PathLike, factor: int, *, stack: bool = False) -> FloatArray:
    """Read a volume or a stack as the means of its blocks.

    Only one section of the file is in memory beside the result. What is left over at the end of an
    axis, less than a block, is not read.

    Parameters
    ----------
    path : str or Path
    factor : int
        Side of a block in voxels; at most the shortest axis.
    stack : bool
        Whether the file is a stack of images, which are not averaged with each other.

    Returns
    -------
    ndarray, shape (z, y, x) or (tilt, y, x), float32
        Element i is centred on sample ``i * factor + (factor - 1) / 2``.

    Raises
    ------
    InputError
        If the file is no MRC file, truncated, smaller than a block, or holds NaN or infinity.
    """
    with opened(path) as (stream, layout):
        deep = 1 if stack else factor
        _check_blocks(path, layout.shape, deep, factor, layout.volumes)
        means = block_means(path, sections(path, stream, layout), layout.shape, factor, deep)
    return _in_order(means, layout)


def block_means(
    path: PathLike,
    planes: Iterable[AnyArray],
    shape: tuple[int, int, int],
    factor: int,
    deep: int | None = None,
) -> FloatArray:
    """Return the means of blocks of a volume that comes plane by plane.

    Parameters
    ----------
    path : str or Path
        For errors.
    planes : iterable of ndarray, shape (y, x)
    shape : tuple of int
        z, y, x.
    factor : int
        Side of a block along y and x, and along z by default.
    deep : int, optional
        Planes of a block.

    Raises
    ------
    InputError
        As :func:`read_reduced`.
    """
    deep = factor if deep is None else deep
    nz, ny, nx = _check_blocks(path, shape, deep, factor)
    means = np.zeros((nz, ny, nx), np.float32)
    for index, section in enumerate(planes):
        check_finite(path, section, index)
        if index < nz * deep:
            cut = np.asarray(section[: ny * factor, : nx * factor], np.float32)
            # [y, x] → blocks [y, in the block, x, in the block]
            blocks = cut.reshape(ny, factor, nx, factor)
            means[index // deep] += blocks.mean(axis=(1, 3)) / np.float32(deep)
    return means


def read_samples(path: PathLike, factor: int) -> NDArray[np.uint16]:
    """Read every ``factor``-th label of a mask: the middle one of each block of `read_reduced`.

    Raises
    ------
    InputError
        As :func:`read_reduced`, or if a label is below 0 or above 65535.
    """
    first = factor // 2
    with opened(path) as (stream, layout):
        nz, ny, nx = _check_blocks(path, layout.shape, factor, factor, layout.volumes)
        found = np.zeros((nz, ny, nx), np.uint16)
        for index, section in enumerate(sections(path, stream, layout)):
            place, rest = divmod(index - first, factor)
            if rest == 0 and place < nz:
                labels = section[first::factor, first::factor][:ny, :nx]
                _check_labels(path, labels, index)
                found[place] = labels
    return np.asarray(_in_order(found, layout), np.uint16)


def count_labels(path: PathLike) -> dict[int, int]:
    """Return how many voxels of a mask each label above 0 has.

    Raises
    ------
    InputError
        As :func:`read_samples`.
    """
    total = np.zeros(1, np.int64)
    with opened(path) as (stream, layout):
        for index, section in enumerate(sections(path, stream, layout)):
            _check_labels(path, section, index)
            counts = np.bincount(section.ravel().astype(np.int64), minlength=len(total))
            counts[: len(total)] += total
            total = counts
    return {label: int(n) for label, n in enumerate(total) if label and n}


def _check_blocks(
    path: PathLike, shape: tuple[int, int, int], deep: int, factor: int, volumes: int = 1
) -> tuple[int, int, int]:
    """Return how many blocks there are along z, y, x; InputError if there is none."""
    nz, ny, nx = shape
    blocks = (nz // deep, ny // factor, nx // factor)
    if min(blocks) < 1 or volumes > 1:
        raise input_error(
            path, f"expected one volume or stack of at least {factor} samples along each axis, "
            f"found {shape}; average fewer of them"
        )  # fmt: skip
    return blocks


def _check_labels(path: PathLike, labels: AnyArray, index: int) -> None:
    with np.errstate(invalid="ignore"):
        whole = labels.dtype.kind in "biu" or bool(np.all(labels == np.rint(labels)))
        within = bool(np.all((labels >= 0) & (labels <= 65535)))
    if not (whole and within):
        raise input_error(
            path, f"section {index} (from 0): expected whole numbers 0 to 65535 as labels, found "
            "others; give a mask"
        )  # fmt: skip


def _in_order(data: AnyArray, layout: MrcLayout) -> AnyArray:
    # stored axes → z, y, x
    order = [layout.axes.index(axis) for axis in (3, 2, 1)]
    return np.ascontiguousarray(data.transpose(order))
