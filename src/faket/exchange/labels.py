"""Tomograms and labels plane by plane, as the formats with volumes write them.

The labels of a truth are the molecules' own voxels, from the class mask. Picks have none: their
labels are balls of the class's radius, larger species first, so that small ones are not covered.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from faket.data import AnyArray
from faket.errors import InputError
from faket.exchange.radii import radii_A
from faket.exchange.source import SourceTomogram
from faket.io.mrc import mask_planes, read_shape

Labels = NDArray[np.uint8]


def consecutive(tomogram: SourceTomogram) -> dict[str, int]:
    """Return class → 1, 2, 3, …, in the order of the classes' own numbers.

    Networks have an output for each number up to the highest, so that gaps would cost memory, and
    some programs refuse them.
    """
    return {name: place for place, name in enumerate(tomogram.classes.values(), start=1)}


def label_planes(tomogram: SourceTomogram, numbers: Mapping[str, int]) -> Iterator[Labels]:
    """Yield the planes of the labels ``[y, x]``.

    Parameters
    ----------
    tomogram : SourceTomogram
    numbers : mapping of str to int
        Class → label, at most 255; classes that are not in it are background.

    Raises
    ------
    InputError
        If there is no mask of the truth, or no radius of a class of picks is known.
    """
    if tomogram.is_truth:
        return _true_planes(tomogram, numbers)
    return _balls(tomogram, numbers)


def _true_planes(tomogram: SourceTomogram, numbers: Mapping[str, int]) -> Iterator[Labels]:
    file = tomogram.class_file
    if not file.exists():
        raise InputError(f"{file}: expected the tomogram's labels, found no such file; add it")
    if read_shape(file) != tomogram.shape:
        raise InputError(
            f"{file}: expected the tomogram's {tomogram.shape} voxels (z, y, x), found "
            f"{read_shape(file)}; give the mask of this tomogram"
        )
    table = np.zeros(256, np.uint8)
    for number in range(1, 256):
        name = tomogram.classes.get(tomogram.numbers.get(number, number))
        table[number] = numbers.get(name, 0) if name is not None else 0
    for plane in mask_planes(file, dtype=np.uint8):
        yield table[plane]


def _balls(tomogram: SourceTomogram, numbers: Mapping[str, int]) -> Iterator[Labels]:
    picks, size_A, known = tomogram.particles(), tomogram.voxel_size_A, radii_A([tomogram])
    if unknown := sorted(set(picks.species) - set(known)):
        raise InputError(
            f"{tomogram.name}: expected a radius for each class, as the labels of picks are balls, "
            f"found none for {', '.join(unknown)}; give `radius` {unknown[0]}=Å"
        )
    radii = np.array([known[name] for name in picks.species]) / size_A
    places = picks.positions_A[:, ::-1] / size_A  # x y z → z y x
    order = [i for i in np.argsort(-radii, kind="stable") if picks.species[i] in numbers]
    deep, high, wide = tomogram.shape
    y, x = np.ogrid[:high, :wide]
    for z in range(deep):
        plane = np.zeros((high, wide), np.uint8)
        for i in order:
            if (left := radii[i] ** 2 - (z - places[i][0]) ** 2) < 0:
                continue
            rows, columns = _window(places[i][1:], radii[i], plane.shape)
            off = (y[rows] - places[i][1]) ** 2 + (x[:, columns] - places[i][2]) ** 2
            plane[rows, columns][off <= left] = numbers[picks.species[i]]
        yield plane


def _window(place: AnyArray, radius: float, shape: Sequence[int]) -> tuple[slice, slice]:
    low = np.maximum(np.floor(place - radius), 0).astype(int)
    high = np.minimum(np.ceil(place + radius) + 1, shape).astype(int)
    rows, columns = (slice(a, max(a, b)) for a, b in zip(low, high, strict=True))
    return rows, columns
