"""Radii of the classes: those that the user gave, otherwise measured on instance masks."""

from collections.abc import Sequence

import numpy as np

from faket.data import AnyArray, DoubleArray, Particles
from faket.exchange.source import SourceTomogram
from faket.io.mrc import mask_planes


def radii_A(tomograms: Sequence[SourceTomogram]) -> dict[str, float]:
    """Return class → radius in Å, for each class whose radius is given or can be measured.

    The radius of a particle is the largest distance of its voxels from its position, as in CZII's
    challenge, and at least half a voxel. That of a class is the median over the particles of the
    first tomogram that has any, without those at the border if there are others. Membranes have
    none.
    """
    found = dict(tomograms[0].radii_A) if tomograms else {}
    for tomogram in tomograms:
        if tomogram.instance_file is None or not tomogram.has_tables:
            continue
        there = {tomogram.renames.get(name, name) for name in tomogram.truth().species}
        if not {name for name in there if not tomogram.holds_membranes(name)} <= set(found):
            found = _measured_A(tomogram) | found
    return found


def _measured_A(tomogram: SourceTomogram) -> dict[str, float]:
    particles = tomogram.truth()
    away_A, is_cut = _farthest_A(tomogram, particles)
    least_A = tomogram.voxel_size_A / 2
    found: dict[str, float] = {}
    names = np.array([tomogram.renames.get(name, name) for name in particles.species])
    for name in sorted(set(names.tolist())):
        if tomogram.holds_membranes(name):
            continue
        own = (names == name) & (away_A >= 0)
        chosen = own & ~is_cut if (own & ~is_cut).any() else own
        if chosen.any():
            found[name] = max(float(np.median(away_A[chosen])), least_A)
    return found


def _farthest_A(tomogram: SourceTomogram, particles: Particles) -> tuple[DoubleArray, AnyArray]:
    """Return for each particle how far its voxels reach (-1: it has none), and if it is cut."""
    assert tomogram.instance_file is not None  # the caller has seen to it
    highest = int(max(particles.ids.max(initial=0), 65535))
    squares, cut = np.full(highest + 1, -1.0), np.zeros(highest + 1, bool)
    centres = np.zeros((highest + 1, 3))
    centres[particles.ids] = particles.positions_A
    last = tomogram.shape[0] - 1
    for z, plane in enumerate(mask_planes(tomogram.instance_file)):
        y, x = np.nonzero(plane)
        ids = plane[y, x]
        places = np.column_stack([x, y, np.full(len(x), z)]) * tomogram.voxel_size_A
        np.maximum.at(squares, ids, ((places - centres[ids]) ** 2).sum(axis=1))
        border = plane if z in (0, last) else (plane[0], plane[-1], plane[:, 0], plane[:, -1])
        for edge in border:
            cut[edge] = True
    own = squares[particles.ids]
    return np.where(own < 0, -1.0, np.sqrt(np.maximum(own, 0))), cut[particles.ids]
