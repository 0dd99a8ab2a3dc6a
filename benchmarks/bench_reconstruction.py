"""Reconstruction at full size: 61 x 1024 x 1024 to 512 x 512 x 180, and scikit-image's iradon.

Alignment: a tilt of 1024² turned by 84.2°, beside scipy's splines; and what is left of white noise.

Run: python benchmarks/bench_reconstruction.py
"""

import resource
import time

import numpy as np
from scipy import ndimage
from skimage.transform import iradon

from faket.data import TiltGeometry, TiltSeries
from faket.reconstruction import reconstruct, resample
from faket.rings import equal_rings, hann

ANGLES = np.arange(-60.0, 61.0, 2.0)


def outer_power(image: np.ndarray) -> float:
    """Power of the rings from 0.8 to 1 of Nyquist; 1 for white noise of variance 1."""
    inner = image[256:-256, 256:-256]
    window = hann(inner.shape)
    power = np.abs(np.fft.rfft2(inner * window)) ** 2 / np.sum(window**2)
    return float(equal_rings(inner.shape, 10).mean(power)[8:].mean())


def bench_alignment() -> None:
    noise = np.random.default_rng(1).standard_normal((3, 1024, 1024)).astype(np.float32)
    geometry = TiltGeometry(np.zeros(3), 5.0, np.full((3, 2), 7.0), 84.2)
    c, s = np.cos(np.radians(84.2)), np.sin(np.radians(84.2))
    ways = {"faket": lambda: resample(noise, geometry)}
    for order in (3, 5):
        ways[f"scipy, splines of order {order}"] = lambda order=order: np.stack(
            [
                ndimage.affine_transform(image, [[c, s], [-s, c]], (0, 512), order=order)
                for image in noise
            ]
        )
    for name, way in ways.items():
        way()
        clocks = time.perf_counter(), time.process_time()
        made = way()
        seconds, cpu = time.perf_counter() - clocks[0], time.process_time() - clocks[1]
        left = np.mean([outer_power(image) for image in made])
        print(f"{name}: {seconds / 3:.2f} s, {cpu / 3:.2f} CPU s a tilt, {left:.2f} of the power")


def main() -> None:
    bench_alignment()
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
