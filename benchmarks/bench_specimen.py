"""Specimen: seconds and memory at full size, and how densely molecules can be packed.

Run: python benchmarks/bench_specimen.py [size]   (default 1024: 1024 x 1024 x 360 at 5 Å, 1500
molecules of the embedded species, 5 vesicles, 10 gold fiducials)
"""

import resource
import sys
import time

from faket.io.molecules import load_species
from faket.specimen import SpecimenConfig, build_specimen, paint_specimen, place_particles
from faket.structures import SYNTHETIC_SPECIES


def peak_MB():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def bench(title, config, species):
    start = time.perf_counter()
    placement = place_particles(config, species, seed=1)
    placed = time.perf_counter()
    specimen = paint_specimen(config, species, placement.particles)
    painted = time.perf_counter()
    found = {name: (specimen.class_mask == k + 1).mean() for k, name in enumerate(placement.placed)}
    molecules = sum(found[one.name] for one in species)
    x, y, z = config.size_voxels
    print(
        f"{title}, {x} x {y} x {z}: placement {placed - start:6.2f} s, painting "
        f"{painted - placed:6.2f} s, {sum(placement.placed.values())} of "
        f"{sum(placement.requested.values())} objects placed, molecules fill {molecules:.1%}, "
        f"vesicles {found['vesicle']:.1%}, peak {peak_MB():.0f} MB"
    )


def main(size: int) -> None:
    start = time.perf_counter()
    species = [load_species(f"synthetic:{name}", voxel_size_A=5.0) for name in SYNTHETIC_SPECIES]
    print(f"{len(species)} species loaded in {time.perf_counter() - start:.1f} s")
    start = time.perf_counter()
    build_specimen(SpecimenConfig(size_voxels=(64, 64, 64), particles=(20, 20)), species, seed=0)
    print(f"kernels compiled or loaded in {time.perf_counter() - start:.1f} s")

    depth = 360 * size // 1024
    slab = SpecimenConfig(
        size_voxels=(size, size, depth),
        particles=(1500 * size**2 // 1024**2,) * 2,
        vesicles=(5, 5),
        gold=(10, 10),
    )
    bench("SHREC-like slab", slab, species)
    for fraction in (0.1, 0.2, 0.3, 0.4):
        crowded = SpecimenConfig(
            size_voxels=(256, 256, 128),
            volume_fractions={one.name: fraction / len(species) for one in species},
            vesicles=(0, 0),
            gold=(0, 0),
        )
        bench(f"all species, {fraction:.0%} asked", crowded, species)
    for name in ("syn-dimer", "syn-block", "syn-star"):
        chosen = [one for one in species if one.name == name]
        alone = SpecimenConfig(
            size_voxels=(256, 256, 128), volume_fractions={name: 0.3}, vesicles=(0, 0), gold=(0, 0)
        )
        bench(f"{name} alone, 30% asked", alone, chosen)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1024)
