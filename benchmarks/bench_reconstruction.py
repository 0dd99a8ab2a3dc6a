"""Reconstruction at full size: 61 x 1024 x 1024 to 512 x 512 x 180, and scikit-image's iradon.

Run: python benchmarks/bench_reconstruction.py
"""

import resource
import time

import numpy as np
from skimage.transform import iradon

from faket.data import TiltGeometry, TiltSeries
from faket.reconstruction import reconstruct

ANGLES = np.arange(-60.0, 61.0, 2.0)


def main() -> None:
    rng = np.random.default_rng(0)
    small = TiltSeries(rng.random((61, 16, 64), dtype=np.float32), TiltGeometry(ANGLES, 5.0))
    reconstruct(small, depth=8, binning=2, device="cpu")  # compile
    series = TiltSeries(rng.random((61, 1024, 1024), dtype=np.float32), TiltGeometry(ANGLES, 5.0))
    for name in ("ramp", "hamming", "shrec"):
        start = time.perf_counter()
        volume = reconstruct(series, depth=180, binning=2, filter=name, taper=16, device="cpu")
        seconds = time.perf_counter() - start
        print(f"{name:8s} {volume.data.shape}: {seconds:.2f} s")
    start = time.perf_counter()
    iradon(series.images[:, 0, ::2].T.astype(float), ANGLES, filter_name="ramp")
    slice_s = time.perf_counter() - start
    print(
        f"iradon   one of 512 slices (512 x 512): {slice_s:.2f} s; "
        f"ours {seconds / 512 * 1e3:.1f} ms, ratio {slice_s * 512 / seconds:.0f}"
    )
    print(f"peak RSS {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()
