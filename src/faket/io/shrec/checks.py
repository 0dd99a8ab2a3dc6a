"""Whether the parts of a SHREC'21 model belong together, and the renumbering of its particles."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from faket.data import AnyArray, Particles, Volume
from faket.io.failures import PathLike, input_error
from faket.vocabulary import is_extended


def renumber(
    particles: Particles, occupancy_mask: AnyArray, *, path: PathLike = "occupancy_mask"
) -> tuple[Particles, NDArray[np.uint16]]:
    """Renumber the particles from 1 to n in the order of their ids, and the mask accordingly.

    Parameters
    ----------
    particles : Particles
    occupancy_mask : ndarray of unsigned integers
    path : str or Path
        Named in errors.

    Raises
    ------
    InputError
        If the mask holds an id that no particle has, or there are more than 65535 particles.
    """
    n = len(particles)
    order = np.argsort(particles.ids, kind="stable")
    highest = int(max(particles.ids.max(initial=0), occupancy_mask.max(initial=0)))
    if n > 65535 or highest > 2**24:
        raise input_error(
            path,
            f"expected at most 65535 particles, found {n} and id {highest}; give fewer",
        )
    table = np.full(highest + 1, -1, np.int64)
    table[0] = 0
    table[particles.ids[order]] = np.arange(1, n + 1)
    present = np.zeros(highest + 1, bool)
    for section in occupancy_mask:  # one by one: numbers are counted as 64 bits
        present |= np.bincount(section.ravel(), minlength=highest + 1) > 0
    strangers = np.flatnonzero(present & (table < 0))
    if len(strangers):
        raise input_error(
            path, f"expected ids of particles only, found {strangers[0]}; give the particle table "
            "of this mask"
        )  # fmt: skip
    renumbered = replace(particles.select(order), ids=np.arange(1, n + 1, dtype=np.int64))
    if np.array_equal(table, np.arange(highest + 1)):
        return renumbered, occupancy_mask.astype(np.uint16, copy=False)
    return renumbered, np.maximum(table, 0).astype(np.uint16)[occupancy_mask]


def shape_of(part: Any) -> tuple[int, ...]:
    """Return the shape of a Volume or an array."""
    return tuple(part.data.shape if isinstance(part, Volume) else part.shape)


def check_shapes(root: Path, volumes: Mapping[str, Any]) -> None:
    """Raise InputError unless all volumes have one shape."""
    shapes = {name: shape_of(part) for name, part in volumes.items()}
    if len(set(shapes.values())) > 1:
        text = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        raise input_error(root, f"expected volumes of one shape, found {text}; use one release")


def check_same_voxel(folder: PathLike, first: Volume, second: Volume) -> None:
    """Raise InputError unless grandmodel and reconstruction have one voxel size."""
    if abs(first.voxel_size_A - second.voxel_size_A) > 1e-3 * first.voxel_size_A:
        raise input_error(
            folder,
            f"expected grandmodel and reconstruction of one voxel size, found "
            f"{first.voxel_size_A:g} and {second.voxel_size_A:g} A; bin the grandmodel",
        )


def check_frame(
    root: Path, particles: Particles, size_A: float, volumes: Mapping[str, Any]
) -> None:
    """Raise InputError unless all particles lie in the box, and 90 % of them in their labels."""
    if not volumes:
        return
    shape = shape_of(next(iter(volumes.values())))
    places = particles.positions_A[:, ::-1] / size_A  # x y z → z y x
    # Vesicles may leave the box.
    inside = np.array([not is_extended(name) for name in particles.species], bool)
    out = inside & ((places < -0.5) | (places > np.array(shape) - 0.5)).any(1)
    if out.any():
        raise input_error(
            root,
            f"expected particles within the volumes of shape {shape}, found {out.sum()} outside, "
            f"first in line {np.flatnonzero(out)[0] + 1}; use the text file of the same release",
        )
    if "occupancy_mask" in volumes:
        _check_labels(root, places, inside, volumes["occupancy_mask"])


def _check_labels(
    root: Path, places: AnyArray, inside: AnyArray, occupancy: NDArray[np.uint16]
) -> None:
    highest = int(occupancy.max(initial=0))
    if highest > len(places):
        raise input_error(
            root,
            f"expected occupancy ids up to {len(places)}, the lines of particle_locations.txt, "
            f"found {highest}; use the text file of the same release",
        )
    boxes = ndimage.find_objects(occupancy)
    present = [i for i, box in enumerate(boxes) if box is not None and inside[i]]
    missed = [i for i in present if not _in_box(places[i], boxes[i])]
    if len(missed) > 0.1 * len(present):
        raise input_error(
            root,
            f"expected particles within their labels, found {len(missed)} of {len(present)} "
            f"beside them, first in line {missed[0] + 1}; use the text file of the same release",
        )


def _in_box(place: AnyArray, box: tuple[slice, ...]) -> bool:
    return all(s.start - 1 <= p <= s.stop for p, s in zip(place, box, strict=True))
