"""Peak memory of the commands on large images: python benchmarks/bench_memory.py --help.

Every command runs in a process of its own; its peak is the largest resident set that the kernel
counted (``ru_maxrss``), maps of files included.
"""

import argparse
import os
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

PIXEL_A = 2.0
DEPTH_A = 1000.0
# The specimen, in pixels across at 4096; chosen: blobs that the alignment can be seen by.
BLOBS, WIDTH_PX, HEIGHT_V_A = 4000, 8.0, 500.0


def projections(size: int, tilts: int) -> Iterator[tuple[float, np.ndarray]]:
    """Yield angle and noise-free projection of a slab of blobs, tilt by tilt."""
    rng = np.random.default_rng(0)
    count = 100 + BLOBS * size**2 // 4096**2
    x, y = (rng.uniform(-0.5, 0.5, count) * size for _ in range(2))
    z = rng.uniform(-0.5, 0.5, count) * DEPTH_A / PIXEL_A
    reach = int(4 * WIDTH_PX)
    near = np.arange(-reach, reach + 1)
    blob = np.exp(-np.add.outer(near**2, near**2) / (2 * WIDTH_PX**2)).astype(np.float32)
    for angle in np.linspace(-60, 60, tilts):
        image = np.zeros((size + 2 * reach, size + 2 * reach), np.float32)
        turned = x * np.cos(np.radians(angle)) + z * np.sin(np.radians(angle))
        for column, row in zip(turned, y, strict=True):
            i, j = int(row) + size // 2, int(column) + size // 2
            if 0 <= i < size and 0 <= j < size:
                image[i : i + 2 * reach + 1, j : j + 2 * reach + 1] -= HEIGHT_V_A * blob
        yield float(angle), image[reach:-reach, reach:-reach]


def make_stacks(folder: Path, size: int, tilts: int) -> None:
    """Write noise-free projections (float32) and a reference (whole numbers) with their angles."""
    from faket.io.mrc.header import build_header

    rng = np.random.default_rng(1)
    angles = []
    with open(folder / "clean.mrc", "wb") as clean, open(folder / "real.mrc", "wb") as real:
        for file, mode in ((clean, 2), (real, 1)):
            shape = (tilts, size, size)
            file.write(build_header(shape, mode, PIXEL_A, (0, 0, 0, 0), image_stack=True))
        for angle, image in projections(size, tilts):
            angles.append(angle)
            clean.write(np.ascontiguousarray(image, "<f4").data)
            mean = 120 * np.exp(-0.5 * (1 / np.cos(np.radians(angle)) - 1))
            noise = np.sqrt(mean) * rng.standard_normal(image.shape, np.float32)
            real.write(np.rint(mean + 0.02 * image + noise).astype("<i2").data)
    for name in ("clean", "real"):
        (folder / f"{name}.tlt").write_text("".join(f"{angle:.4f}\n" for angle in angles))


def make_slab(folder: Path, size: int, planes: int) -> None:
    """Write a specimen of ``planes`` planes in which boxes are filled with protein."""
    from scipy.spatial.transform import Rotation

    from faket.data import Particles
    from faket.io.mrc.header import build_header
    from faket.io.particles import write_particles

    sample = folder / "sample"
    sample.mkdir()
    rng = np.random.default_rng(2)
    filled = rng.random((-(-planes // 16), size // 32, size // 32)) < 0.05
    shape = (planes, size, size)
    with (
        open(sample / "potential.mrc", "wb") as potential,
        open(sample / "class_mask.mrc", "wb") as mask,
        open(sample / "instance_mask.mrc", "wb") as instances,
    ):
        for file, mode in ((potential, 2), (mask, 0), (instances, 0)):
            file.write(build_header(shape, mode, PIXEL_A, (0, 0, 0, 0), image_stack=False))
        for z in range(planes):
            plane = np.kron(filled[z // 16], np.ones((32, 32), np.uint8))
            potential.write((3.0 * plane).astype("<f4").data)
            mask.write(plane.astype("i1").data)
            instances.write(plane.astype("i1").data)
    (sample / "classes.json").write_text('{"1": {"name": "box", "material": "protein"}}\n')
    nothing = np.zeros((0, 3))
    none = Particles(np.zeros(0, np.int64), (), nothing, Rotation.identity(0), nothing)
    write_particles(sample / "particles.csv", none)


def peak_GB(words: list[str]) -> tuple[float, float, float, int]:
    """Run a command; return its peak in GB, its seconds, those of all cores, and its exit code."""
    begin = time.perf_counter()
    child = os.posix_spawn(sys.executable, [sys.executable, "-m", "faket", *words], os.environ)
    _, status, used = os.wait4(child, 0)
    return (
        used.ru_maxrss * 1024 / 1e9,
        time.perf_counter() - begin,
        used.ru_utime + used.ru_stime,
        os.waitstatus_to_exitcode(status),
    )


COMMANDS = {
    **{
        f"noise {method}": f"noise clean.mrc real.mrc o.mrc --method {method}"
        for method in ("spectral", "spectral-content", "coloured", "noisy", "baseline", "content")
    },
    "style texture": "style clean.mrc real.mrc real.mrc o.mrc --reference-aligned",
    "style vgg19-random": "style clean.mrc real.mrc real.mrc o.mrc --reference-aligned "
    "--network vgg19-random",
    "reconstruct": "reconstruct real.mrc o.mrc --depth {depth} --binning 4",
    "reconstruct sirt": "reconstruct real.mrc o.mrc --depth {depth} --binning 4 --method sirt",
    "reconstruct flip": "reconstruct real.mrc o.mrc --depth {depth} --binning 4 --ctf flip "
    "--defocus-um 3",
    "project": "project sample o.mrc --angles clean.tlt",
    "acquire": "acquire sample o.mrc --preset k3-60x3 --angles clean.tlt",
}


def main() -> None:
    """Make inputs, run the commands and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=4096, help="pixels a side")
    parser.add_argument("--tilts", type=int, default=41)
    parser.add_argument("--planes", type=int, default=128, help="of the specimen")
    parser.add_argument("--depth", type=int, default=256, help="slices of the binned tomogram")
    parser.add_argument(
        "--only", nargs="*", default=list(COMMANDS), choices=COMMANDS, help="names of commands"
    )
    parser.add_argument("--folder", type=Path, help="of the inputs and outputs, which are removed")
    parser.add_argument(
        "--keep", action="store_true", help="the inputs in --folder, for a next run"
    )
    given = parser.parse_args()
    if given.folder:
        given.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        folder = given.folder if given.keep and given.folder else Path(name)
        if any(not entry.startswith(("project", "acquire")) for entry in given.only):
            if not (folder / "real.tlt").exists():
                make_stacks(folder, given.size, given.tilts)
        else:
            angles = np.linspace(-60, 60, given.tilts)
            (folder / "clean.tlt").write_text("".join(f"{angle:.4f}\n" for angle in angles))
        needs_slab = any(entry.startswith(("project", "acquire")) for entry in given.only)
        if needs_slab and not (folder / "sample/particles.csv").exists():
            make_slab(folder, given.size, given.planes)
        os.chdir(folder)
        for entry in given.only:
            words = COMMANDS[entry].format(depth=given.depth).split()
            peak, seconds, cores, code = peak_GB(words)
            print(
                f"{entry}: {peak:.2f} GB, {seconds:.0f} s, {cores:.0f} CPU s, exit {code}",
                flush=True,
            )
            Path("o.mrc").unlink(missing_ok=True)
    # Children are over; this process' own peak is of the inputs.
    print(f"inputs: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB")


if __name__ == "__main__":
    main()
