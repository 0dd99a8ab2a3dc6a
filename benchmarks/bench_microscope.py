"""Physics simulator: time per stage and memory of a tilt-series, and how they scale.

Run: python benchmarks/bench_microscope.py [size] [slice thickness in Å, 0: automatic] [device]
(default 1024 50 auto: 61 x 1024 x 1024 from 360 slices of 5 Å, slices of 50 Å)
     python benchmarks/bench_microscope.py scaling
(sizes 256, 512, 1024 at 50 Å; at 512 slices of 25, 50, 100 Å and automatic; one process each)

What it is held against: SHREC'21's simulator took about 150 CPU-hours and 114 GB for ten such
tilt-series (Harar et al., FakET, arXiv 2304.02011).
"""

import resource
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
from scipy.spatial.transform import Rotation

from faket.data import ClassInfo, Particles, Specimen, TiltGeometry, Volume
from faket.microscope import PRESET_ANGLES, PRESETS, draw_acquisition, expose
from faket.microscope.column import Column
from faket.microscope.detector import Camera
from faket.structures import synthetic_species

VOXEL_A = 5.0
PUBLISHED_CPU_HOURS, PUBLISHED_GB = 15.0, 114.0
STAGES = {
    (Column, "load"): "rotate and slice the specimen",
    (Column, "exit_wave"): "multislice with ice, losses, damage",
    (Camera, "count"): "count electrons",
    (Camera, "read_out"): "read out",
}


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


@contextmanager
def stopwatches():
    """Measure seconds by the clock inside the stages while ``expose`` runs them."""
    spent, before = dict.fromkeys(STAGES.values(), 0.0), {}

    def watched(method, stage):
        def call(*args):
            start = time.perf_counter()
            try:
                return method(*args)
            finally:
                spent[stage] += time.perf_counter() - start

        return call

    for (owner, name), stage in STAGES.items():
        before[owner, name] = getattr(owner, name)
        setattr(owner, name, watched(before[owner, name], stage))
    try:
        yield spent
    finally:
        for (owner, name), method in before.items():
            setattr(owner, name, method)


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
    with stopwatches() as spent:
        start, cpu = time.perf_counter(), time.process_time()
        exposure = expose(specimen, record, device=device)
        seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    spent["optics, detector's geometry, the rest"] = seconds - sum(spent.values())
    slices = f"{thickness_A:g} Å" if thickness_A else "automatic"
    print(f"{exposure.series.images.shape}, slices: {slices}, device: {device}")
    for stage, value in spent.items():
        print(f"  {stage:<40}{value:8.1f} s {value / seconds:6.0%}")
    print(f"  in all {seconds:.1f} s, {cpu:.0f} CPU-seconds, peak {peak_MB():.0f} MB")
    if size == 1024:
        print(
            f"  published {PUBLISHED_CPU_HOURS:g} CPU-hours: {PUBLISHED_CPU_HOURS * 3600 / cpu:.0f}"
            f" x ours; {PUBLISHED_GB:g} GB: {PUBLISHED_GB * 1e3 / peak_MB():.0f} x ours"
        )


def scaling() -> None:
    runs = [(256, 50), (512, 50), (1024, 50), (512, 25), (512, 100), (512, 0)]
    for size, thickness_A in runs:
        subprocess.run([sys.executable, __file__, str(size), str(thickness_A)], check=True)


if __name__ == "__main__":
    if sys.argv[1:] == ["scaling"]:
        scaling()
    else:
        options = [*sys.argv[1:], *("1024", "50", "auto")[len(sys.argv) - 1 :]]
        main(int(options[0]), float(options[1]), options[2])
