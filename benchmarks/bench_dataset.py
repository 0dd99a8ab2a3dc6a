"""A data set of SHREC'21's size by `faket simulate`: time and memory of the command's stages.

Run: python benchmarks/bench_dataset.py [--method METHOD] [--size 1024] [--keep FOLDER]

A tomogram of 1500 molecules of the embedded library, vesicles and gold in 1024 x 1024 x 360 voxels
of 5 Å, 61 tilts, binning 2, with labels and all files. No files are needed: the reference, made
first, is another specimen's projections with a CTF and counted electrons, without other errors.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from scipy import fft

from faket.constants import electron_wavelength_A, interaction_constant_rad_per_V_A
from faket.data import TiltGeometry, TiltSeries, evenly_spaced_tilts
from faket.io.molecules import load_species
from faket.io.tilts import write_tilt_series
from faket.microscope.optics import Optics, aberration_phase
from faket.projection import noise_free_projections
from faket.specimen import SpecimenConfig, build_specimen
from faket.structures import SYNTHETIC_SPECIES

VOXEL_A, TILTS = 5.0, evenly_spaced_tilts(-60, 60, 2)
ELECTRONS = 2.0  # per Å² and tilt
RECIPE = """
name = "benchmark"
tomograms = {tomograms}
{method}
[specimen]
size_voxels = [{size}, {size}, {depth}]
voxel_size_A = 5.0
particles = [{particles}, {particles}]
[reference]
stack = "{stack}"
aligned = true
"""


def reference(folder: Path, size: int, depth: int, particles: int) -> Path:
    """Write an aligned tilt-series of another specimen; return its path."""
    species = [
        load_species(f"synthetic:{name}", voxel_size_A=VOXEL_A) for name in SYNTHETIC_SPECIES
    ]
    config = SpecimenConfig(size_voxels=(size, size, depth), particles=(particles, particles))
    images = noise_free_projections(build_specimen(config, species, seed=99), TILTS).images
    optics = Optics(electron_wavelength_A(300), 35_000, 2.7e7)
    k = fft.fftfreq(size, VOXEL_A)
    chi = aberration_phase(k, k[:, None], optics)
    transfer, strength = np.exp(-1j * chi), interaction_constant_rad_per_V_A(300)
    rng, electrons = np.random.default_rng(0), ELECTRONS * VOXEL_A**2
    for image in images:
        wave = np.exp((0.07 - 1j) * strength * image)  # minus the potential: 7 % amplitude contrast
        intensity = np.abs(fft.ifft2(fft.fft2(wave) * transfer)) ** 2
        image[:] = rng.poisson(electrons * intensity)
    path = folder / "reference.mrc"
    write_tilt_series(path, TiltSeries(images, TiltGeometry(TILTS, VOXEL_A)))
    return path


def simulate(recipe: Path, out: Path, workers: int) -> None:
    """Run the command in a process of its own and print what it took."""
    command = [sys.executable, "-m", "faket", "simulate", str(recipe), str(out)]
    start = time.perf_counter()
    child = subprocess.Popen([*command, "--workers", str(workers)])
    _, status, used = os.wait4(child.pid, 0)
    if status:
        sys.exit(f"faket simulate failed ({status})")
    seconds, cpu_s = time.perf_counter() - start, used.ru_utime + used.ru_stime
    peaks_MB = [used.ru_maxrss / 1e3]  # since a stage last reset it
    for run in sorted(out.glob("*/run.json")):
        for name, stage in json.loads(run.read_text())["stages"].items():
            peaks_MB.append(stage["peak_rss_MB"])
            row = f"{run.parent.name:12} {name:14} {stage['seconds']:6.1f} s"
            cpu = stage.get("cpu_seconds", float("nan"))
            print(f"{row} {cpu:6.1f} CPU s {stage['peak_rss_MB'] / 1e3:6.2f} GB")
    print(f"the command: {seconds:.1f} s, {cpu_s:.1f} CPU s, {max(peaks_MB) / 1e3:.2f} GB")


def main() -> None:
    """Make the reference if there is none, then the data set."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--method", help="instead of the recipe's default")
    parser.add_argument("--size", type=int, default=1024)
    parser.add_argument("--tomograms", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="folder with the reference, kept for other runs")
    parser.add_argument("--only-reference", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    method = f'method = "{given.method}"' if given.method else ""
    size, depth = given.size, 360 * given.size // 1024
    particles = 1500 * given.size**2 // 1024**2
    if given.only_reference:
        reference(given.only_reference, size, depth, particles)
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        stack = folder / "reference.mrc"
        if not stack.exists():  # in another process, whose memory does not count
            make = [sys.executable, __file__, "--size", str(size), "--only-reference", str(folder)]
            subprocess.run(make, check=True)
        recipe = folder / "recipe.toml"
        recipe.write_text(
            RECIPE.format(
                tomograms=given.tomograms, method=method, size=size, depth=depth,
                particles=particles, stack=stack,
            )
        )  # fmt: skip
        simulate(recipe, Path(temporary) / "data", given.workers)


if __name__ == "__main__":
    main()
