"""Separating particles that touch, at their necks."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from faket.compiling import kernel

_PAD = 2  # voxels around a group; chosen, because smoothing reaches that far
_SMALLEST = 16  # voxels; chosen, because a smaller group is too coarse to have a neck
_SMOOTHING = 0.7  # voxels; chosen, because single wrong voxels then make no neck
_STEP = 0.75  # voxels of depth; chosen, because the grid itself makes differences of that size
# Chosen for known sizes: cuts are made freely, because parts are joined again by their size.
_FREE_NECK, _FREE_STEP = 0.95, 0.4
_ONE_PARTICLE = 1.2  # typical sizes; chosen, because sizes of one class vary by about as much


def split_at_necks(
    groups: NDArray[np.int32],
    count: int,
    neck: float,
    labels: NDArray[np.uint8],
    typical_sizes: Sequence[float] | None = None,
) -> int:
    """Cut each group at its necks and number the parts, in place.

    The depth of a voxel is its distance to the outside. Two deep places belong to one particle if
    the path between them stays at least ``neck`` times as deep as the shallower of the two. This
    rule contains no length, so it is the same for small and large particles. If the sizes of the
    classes are known, cuts are made more freely, and parts are joined again, across the widest
    necks first, as long as together they are no more than one particle of their class.

    Parameters
    ----------
    groups : ndarray of int32, shape (z, y, x)
        0 outside, otherwise 1 to ``count``; changed.
    count : int
    neck : float
        In (0, 1].
    labels : ndarray of uint8, shape (z, y, x)
    typical_sizes : sequence of float, optional
        Voxels of a particle of each label, from 0; 0 if unknown.

    Returns
    -------
    int
        The new number of groups.
    """
    typical = None if typical_sizes is None else np.asarray(typical_sizes, np.float64)
    rule = (neck, _STEP) if typical is None else (max(neck, _FREE_NECK), _FREE_STEP)
    sizes = np.bincount(groups.ravel(), minlength=count + 1)
    boxes = ndimage.find_objects(groups, max_label=count)
    for number, box in enumerate(boxes, start=1):
        if box is None or sizes[number] < _SMALLEST:
            continue
        view = groups[box]
        own = view == number
        found = _parts(own, *rule)
        if found is None:
            continue
        parts, edges = found
        if typical is not None:
            parts = _joined(parts, edges, own, labels[box], typical)
        parts = _renumbered(parts, own)
        extra = own & (parts > 1)
        view[extra] = count + parts[extra] - 1
        count += int(parts.max()) - 1
    return count


def _parts(
    own: NDArray[np.bool_], neck: float, step: float
) -> tuple[NDArray[np.int32], list[tuple[int, int]]] | None:
    """Return the part at each voxel, from 1, and which parts touch, widest necks first."""
    padded = np.pad(own, _PAD)
    # Single wrong voxels would make a neck of their own.
    smooth = ndimage.gaussian_filter(padded.astype(np.float32), _SMOOTHING) > 0.5
    depth = ndimage.distance_transform_edt(smooth).astype(np.float32)
    inside = np.flatnonzero(smooth)
    order = inside[np.argsort(-depth.ravel()[inside], kind="stable")]
    basins, found, edges = _flood(depth, order, np.float32(neck), np.float32(step))
    if found < 2:
        return None
    nearest = ndimage.distance_transform_edt(
        basins == 0, return_distances=False, return_indices=True
    )
    cut = tuple(slice(_PAD, -_PAD) for _ in range(3))
    widest = edges[np.argsort(-edges[:, 2], kind="stable"), :2].astype(np.int64)
    return basins[tuple(nearest)][cut], [(int(a), int(b)) for a, b in widest]


def _joined(
    parts: NDArray[np.int32],
    edges: list[tuple[int, int]],
    own: NDArray[np.bool_],
    labels: NDArray[np.uint8],
    typical: NDArray[np.float64],
) -> NDArray[np.int32]:
    """Join parts that together are no larger than one particle of their class."""
    count, kinds = int(parts.max()) + 1, len(typical)
    pairs = parts[own].astype(np.int64) * kinds + labels[own]
    votes = np.bincount(pairs, minlength=count * kinds).reshape(count, kinds)
    leader = np.arange(count, dtype=np.int32)
    for one, other in [*edges, *_touching(parts, own)]:
        a, b = leader[one], leader[other]
        together = votes[a] + votes[b]
        if a != b and together.sum() <= _ONE_PARTICLE * typical[together.argmax()]:
            votes[a], leader[leader == b] = together, a
    return leader[parts]


def _touching(parts: NDArray[np.int32], own: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return which parts share a face, including voxels that smoothing removed."""
    found = []
    for axis in range(3):
        along, mine = np.moveaxis(parts, axis, 0), np.moveaxis(own, axis, 0)
        border = mine[1:] & mine[:-1] & (along[1:] != along[:-1])
        found.append(np.stack([along[:-1][border], along[1:][border]], axis=1))
    pairs = np.unique(np.sort(np.concatenate(found), axis=1), axis=0)
    return [(int(a), int(b)) for a, b in pairs]


def _renumbered(parts: NDArray[np.int32], own: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Number the parts that occur in the group from 1."""
    numbers = np.unique(parts[own])
    table = np.zeros(int(parts.max()) + 1, np.int32)
    table[numbers] = np.arange(1, len(numbers) + 1)
    return table[parts]


@kernel()
def _root(parents, i):  # type: ignore[no-untyped-def]
    while parents[i] != i:
        parents[i] = parents[parents[i]]
        i = parents[i]
    return i


@kernel()
def _number(basin, parents, count):  # type: ignore[no-untyped-def]
    """Number the roots in the order of their first voxels; give each voxel its root's number."""
    number = np.zeros(count + 1, np.int32)
    found = 0
    for i in range(len(basin)):
        if basin[i] > 0:
            root = _root(parents, basin[i])
            if number[root] == 0:
                found += 1
                number[root] = found
            basin[i] = number[root]
    return number, found


@kernel()
def _flood(depth, order, neck, step):  # type: ignore[no-untyped-def]
    """Flood from the deepest voxels outwards; basins that meet above their neck become one."""
    nz, ny, nx = depth.shape
    basin = np.zeros(nz * ny * nx, np.int32)
    flat = depth.ravel()
    parents = np.zeros(len(order) + 1, np.int32)
    peaks = np.zeros(len(order) + 1, np.float32)
    count = 0
    edges = [(0, 0, np.float32(0))]
    for index in order:
        z, rest = divmod(index, ny * nx)
        y, x = divmod(rest, nx)
        here = flat[index]
        best = 0
        for k in range(z - 1, z + 2):
            for j in range(y - 1, y + 2):
                for i in range(x - 1, x + 2):
                    other = basin[(k * ny + j) * nx + i]  # the border is padding
                    if other == 0:
                        continue
                    other = _root(parents, other)
                    if best == 0:
                        best = other
                    elif other != best:
                        low, high = best, other
                        if peaks[low] > peaks[high]:
                            low, high = high, low
                        if here >= neck * peaks[low] or here > peaks[low] - step:
                            parents[low] = high
                            best = high
                        else:
                            edges.append((low, high, here / peaks[low]))
                            if peaks[other] > peaks[best]:
                                best = other
        if best == 0:
            count += 1
            best = count
            parents[count] = count
            peaks[count] = here
        basin[index] = best
    number, found = _number(basin, parents, count)
    touching = np.zeros((len(edges), 3), np.float32)
    kept = 0
    for low, high, width in edges[1:]:
        a, b = number[_root(parents, low)], number[_root(parents, high)]
        if a != b:
            touching[kept, 0], touching[kept, 1], touching[kept, 2] = a, b, width
            kept += 1
    return basin.reshape(depth.shape), found, touching[:kept]
