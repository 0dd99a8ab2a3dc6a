"""Projector: seconds and memory at full size, and the ratio to scikit-image on the same slices.

Run: python benchmarks/bench_projection.py [size]   (default 1024: 61 x 1024 x 1024 from 360 slices)
"""

import resource
import sys
import time

import numpy as np
from skimage.transform import iradon, radon

from faket.projection import back_project, project

ANGLES = np.arange(-60.0, 61.0, 2.0)


def seconds(call):
    start = time.perf_counter()
    result = call()
    return time.perf_counter() - start, result


def peak_MB():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(size: int) -> None:
    depth = 360 * size // 1024
    rng = np.random.default_rng(0)
    volume = rng.random((depth, size, size), dtype=np.float32)
    project(volume[:4, :64, :64].copy(), ANGLES, device="cpu")
    back_project(np.ones((61, 4, 8), np.float32), ANGLES, depth=4, device="cpu")

    before = peak_MB()
    t_project, stack = seconds(lambda: project(volume, ANGLES, device="cpu"))
    extra = peak_MB() - before - stack.nbytes / 2**20
    print(
        f"project       61 x {size}^2 from {depth} slices: {t_project:6.2f} s, "
        f"{extra:.0f} MB above input and output"
    )
    t_back, _ = seconds(lambda: back_project(stack, ANGLES, depth=depth, device="cpu"))
    print(f"back_project  the same: {t_back:6.2f} s")

    # scikit-image: one slice (z, x) at a time, embedded in its square image.
    square = np.zeros((size, size))
    square[size // 2 - depth // 2 : size // 2 + (depth + 1) // 2] = rng.random((depth, size))
    t_radon, sinogram = seconds(lambda: radon(square, ANGLES, circle=True))
    t_iradon, _ = seconds(lambda: iradon(sinogram, ANGLES, filter_name=None, circle=True))
    ours, theirs = t_project / size, t_back / size
    print(
        f"radon         one slice: {t_radon:.2f} s, ours {ours * 1e3:.2f} ms: "
        f"ratio {t_radon / ours:.0f}"
    )
    print(
        f"iradon        one slice (unfiltered): {t_iradon:.2f} s, ours {theirs * 1e3:.2f} ms: "
        f"ratio {t_iradon / theirs:.0f}"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1024)
