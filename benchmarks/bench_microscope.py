"""Physics simulator: seconds and memory of a tilt-series at full size.

Run: python benchmarks/bench_microscope.py [size] [slice thickness in Å, 0: automatic] [device]
(default 1024 50 auto: 61 x 1024 x 1024 from 360 slices of 5 Å, slices of 50 Å)
"""

import resource
import sys
import time
from dataclasses import replace

import numpy as np
from scipy.spatial.transform import Rotation

from faket.data import ClassInfo, Particles, Specimen, TiltGeometry, Volume
from faket.microscope import PRESET_ANGLES, PRESETS, draw_acquisition, expose
from faket.structures import synthetic_species

VOXEL_A = 5.0


def peak_MB():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def crowded_specimen(size: int) -> Specimen:
    """Molecules and gold of about SHREC'21's number, unrotated: quick to lay down."""
    depth, rng = 360 * size // 1024, np.random.default_rng(0)
    shape = (depth, size, size)
    potential, labels = np.zeros(shape, np.float32), np.zeros(shape, np.uint8)
    instances = np.zeros(shape, np.uint16)
    names = ("syn-barrel", "syn-block", "syn-cage", "syn-rod")
    species = [synthetic_species(name, voxel_size_A=VOXEL_A) for name in names]
    for i in range(2000 * size**2 // 1024**2):
        kind = i % len(species)
        edge = np.array(species[kind].potential.shape)
        corner = rng.integers(0, np.maximum(1, np.array(shape) - edge))
        place = tuple(slice(c, c + e) for c, e in zip(corner, edge, strict=True))
        potential[place] += species[kind].potential
        inside = species[kind].envelope > 0.5
        labels[place][inside], instances[place][inside] = kind + 1, i + 1
    for z, y, x in rng.integers(10, np.array(shape) - 30, (10, 3)):
        ball = np.s_[z : z + 14, y : y + 14, x : x + 14]
        potential[ball], labels[ball], instances[ball] = 25.4, 5, 60000
    nobody = Particles(
        np.zeros(0, int), (), np.zeros((0, 3)), Rotation.identity(0), np.zeros((0, 3))
    )
    classes = {i + 1: ClassInfo(name, "protein") for i, name in enumerate(names)}
    classes[5] = ClassInfo("gold", "gold")
    return Specimen(Volume(potential, VOXEL_A), labels, instances, nobody, classes)


def main(size: int, thickness_A: float, device: str) -> None:
    specimen = crowded_specimen(size)
    filled = np.count_nonzero(specimen.class_mask) / specimen.class_mask.size
    print(f"specimen: {specimen.class_mask.shape}, {filled:.1%} filled; {peak_MB():.0f} MB so far")
    microscope = replace(PRESETS["shrec21"], slice_thickness_A=thickness_A)
    geometry = TiltGeometry(np.array(PRESET_ANGLES["shrec21"]), VOXEL_A)
    record = draw_acquisition(microscope, geometry, seed=0)
    warm = TiltGeometry(np.zeros(1), VOXEL_A)
    small = replace(
        specimen,
        potential=Volume(specimen.potential.data[:8, :64, :64].copy(), VOXEL_A),
        class_mask=specimen.class_mask[:8, :64, :64].copy(),
    )
    expose(small, draw_acquisition(microscope, warm, seed=0), device=device)  # compile the kernels
    start = time.perf_counter()
    exposure = expose(specimen, record, device=device)
    seconds = time.perf_counter() - start
    print(
        f"expose: {exposure.series.images.shape}, slices of {thickness_A or 'automatic'} Å on "
        f"{device}: {seconds:.1f} s, peak {peak_MB():.0f} MB"
    )


if __name__ == "__main__":
    options = [*sys.argv[1:], *("1024", "50", "auto")[len(sys.argv) - 1 :]]
    main(int(options[0]), float(options[1]), options[2])
