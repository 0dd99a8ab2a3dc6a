"""The membranes of a specimen in their order: sheets, then parents before what lies in them."""

from collections.abc import Sequence

from faket.data import AnyArray, DoubleArray
from faket.seeds import generator
from faket.specimen.level_sets import values_at
from faket.specimen.membrane_settings import MembraneSettings
from faket.specimen.membranes import Membranes, PlacedMembrane, inside_nodes_A
from faket.specimen.names import order_of


def place_membranes(
    kinds: Sequence[MembraneSettings],
    size_voxels: Sequence[int],
    voxel_A: float,
    occupancy: AnyArray,
    tries: int,
    seed: int,
) -> tuple[tuple[PlacedMembrane, ...], dict[str, int]]:
    """Place membranes: sheets first, then the others as they are given, parents before children.

    Parameters
    ----------
    kinds : sequence of MembraneSettings
    size_voxels : sequence of int
        x, y, z.
    voxel_A : float
    occupancy : ndarray of bool, shape (z, y, x)
        Voxels in which none may lie; it is not changed.
    tries : int
        Positions of each of the surfaces that are drawn.
    seed : int

    Returns
    -------
    tuple of PlacedMembrane, and dict of str to int
        The latter are the numbers asked for, by name of the kind.
    """
    membranes = Membranes(size_voxels, voxel_A, occupancy)
    asked: dict[str, int] = {}
    for index in order_of(kinds):
        kind = kinds[index]
        rng = generator(seed, "membranes", kind.name, index)
        layers = 2 if kind.shape == "double" else 1
        parents = [0]
        if kind.inside:
            parents = [one.number for one in innermost(membranes.placed, kind.inside)]
        for parent in parents:
            count = int(rng.integers(kind.count[0], kind.count[1] + 1))
            asked[kind.name] = asked.get(kind.name, 0) + layers * count
            for _ in range(count):
                if not membranes.add(kind, rng, parent, tries):
                    break
    return tuple(membranes.placed), asked


def innermost(placed: Sequence[PlacedMembrane], name: str) -> list[PlacedMembrane]:
    """Return the membranes of a name, of a double the inner ones."""
    outer = {one.parent for one in placed if one.record.offset_A}
    return [one for one in placed if one.record.name == name and one.number not in outer]


def compartment_nodes_A(one: PlacedMembrane, placed: Sequence[PlacedMembrane]) -> DoubleArray:
    """Return the nodes [n, 3] that a closed membrane encloses and none nested in it does."""
    places_A = inside_nodes_A(one)
    for other in placed:
        if other.parent == one.number:
            places_A = places_A[values_at(other.surface, places_A) > other.half_A]
    return places_A


def elsewhere(
    around: Sequence[PlacedMembrane], placed: Sequence[PlacedMembrane]
) -> list[PlacedMembrane]:
    """Return the closed membranes that are neither among some nor enclose one of them."""
    kept = {one.number for one in around}
    for one in reversed(placed):  # parents come before what lies in them
        if one.number in kept:
            kept.add(one.parent)
    return [one for one in placed if one.number not in kept and not one.record.is_open]
