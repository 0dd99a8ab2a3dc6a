"""Tables of a page: facts, numbers of particles, distances, what picks hit."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from faket.data import DoubleArray
from faket.pages.html import Fact, table
from faket.pages.particles import SpeciesHits
from faket.pages.tomogram import TomogramNumbers, volumes_of
from faket.units import A_PER_NM, A_PER_UM

_BINS = 40  # of the histogram of distances; chosen


def tomogram_facts(found: Sequence[TomogramNumbers]) -> Iterator[Fact]:
    """Yield sizes of the first tomogram and the number of all, each with its file."""
    first = found[0]
    if first.shape is None or first.voxel_size_A is None:
        return
    nz, ny, nx = first.shape
    source = first.source(volumes_of(first.view)[0][1].name)
    size = [n * first.voxel_size_A / A_PER_NM for n in (nx, ny, nz)]
    yield Fact("size of a tomogram, voxels (x × y × z)", f"{nx} × {ny} × {nz}", source)
    yield Fact("voxel size, Å", f"{first.voxel_size_A:g}", source)
    yield Fact("field and thickness, nm (x × y × z)", " × ".join(f"{n:.0f}" for n in size), source)


def particle_table(found: Sequence[TomogramNumbers], species: Sequence[str]) -> str:
    """Return how many particles of each species there are in the tomograms, and how large."""
    with_truth = [each for each in found if each.there is not None]
    if not with_truth:
        return ""
    volume_um3 = sum(_volume_um3(each) for each in with_truth)
    rows = []
    for name in species:
        counts = [each.there.particles.species.count(name) for each in with_truth if each.there]
        radii = [each.radii_A[name] / A_PER_NM for each in with_truth if name in each.radii_A]
        rows.append(
            (
                name,
                sum(counts),
                f"{min(counts)} to {max(counts)}" if len(counts) > 1 else counts[0],
                f"{sum(counts) / volume_um3:.0f}",
                f"{np.mean(radii):.1f}" if radii else None,
            )
        )
    head = ("species", "particles", "in a tomogram", "per µm³", "radius, nm")
    sources = {each.there.source for each in with_truth if each.there}
    many = f" of {len(with_truth)} tomograms" if len(with_truth) > 1 else ""
    files = f"{' and '.join(sorted(sources))}{many}; radius of the mean volume: class_mask.mrc"
    return table(head, rows, files)


def distance_table(found: Sequence[TomogramNumbers]) -> str:
    """Return the distances between the centres of neighbouring molecules, tomogram by tomogram."""
    rows = [
        (each.view.name, len(d), *(f"{v:.1f}" for v in np.percentile(d, (0, 5, 50, 95))))
        for each in found
        if (d := each.neighbours_nm) is not None and len(d)
    ]
    head = ("tomogram", "molecules", "least, nm", "5 %", "median", "95 %")
    sources = {each.there.source for each in found if each.there}
    return table(head, rows, " and ".join(sorted(sources))) if rows else ""


def distance_histogram(found: Sequence[TomogramNumbers]) -> dict[str, Any] | None:
    """Return the histogram of those distances over all tomograms: edges in nm, and counts."""
    every = [each.neighbours_nm for each in found if each.neighbours_nm is not None]
    distances: DoubleArray = np.concatenate(every) if every else np.zeros(0)
    if not len(distances):
        return None
    counts, edges = np.histogram(distances, _BINS, (0.0, float(distances.max()) or 1.0))
    return {"edges": [round(float(e), 3) for e in edges], "counts": counts.tolist()}


def hits_table(title: str, source: str, hits: Sequence[SpeciesHits]) -> str:
    """Return what picks hit, species by species."""
    rows = [(h.species, h.true, h.picked, h.found, h.right, h.found - h.right, h.true - h.found)
            for h in hits]  # fmt: skip
    head = ("species", "true", "picked", "found", "of their class", "of another", "missed")
    return f"<h3>{table_title(title)}</h3>" + table(head, rows, source)


def table_title(title: str) -> str:
    """Return an escaped heading of picks."""
    from faket.pages.html import text

    return text(f"Picks: {title}")


def _volume_um3(found: TomogramNumbers) -> float:
    if found.shape is None or found.voxel_size_A is None:
        return float("nan")
    return float(np.prod(found.shape)) * (found.voxel_size_A / A_PER_UM) ** 3
