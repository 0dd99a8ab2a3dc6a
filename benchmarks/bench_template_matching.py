"""Template matching: milliseconds an orientation, against the same search written plainly.

Run: python benchmarks/bench_template_matching.py [z y x] [threads] [device]
(default 180 512 512, 2 threads, cpu; the plain way is scipy.fft with the same number of threads)
"""

import resource
import sys
import time

import numpy as np
import scipy.fft
import torch
from scipy.ndimage import affine_transform

from faket.data import TiltGeometry
from faket.device import resolve_device
from faket.picking.template_matching import (
    TM,
    KernelFactory,
    prepare_template,
    search,
    tomogram_transfer,
    uniform_rotations,
)
from faket.structures import synthetic_species

VOXEL_A = 10.0


def peak_GB():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def timed_search(volume, factory, rotations):
    """Seconds of the whole search; of each orientation (median), by the clock and of processor."""
    stamps, cpu = [], []
    start = time.perf_counter()

    def note(done, total):
        stamps.append(time.perf_counter())
        cpu.append(time.process_time())

    search(
        volume,
        factory,
        rotations,
        memory_GB=16,
        progress=note,
    )
    each, busy = (float(np.median(np.diff(times))) for times in (stamps, cpu))
    return time.perf_counter() - start, each, busy


class Plain:
    """The formula as it stands: rotate, filter, pad, rfftn, irfftn over the whole volume."""

    def __init__(self, volume, factory, transfer, workers):
        self.factory, self.transfer, self.workers = factory, transfer, workers
        half = factory.box // 2
        self.shape = volume.shape
        self.padded = [scipy.fft.next_fast_len(n + 2 * half, real=True) for n in volume.shape]
        standard = (volume - volume.mean()) / volume.std()
        block = np.zeros(self.padded, np.float32)
        block[tuple(slice(half, half + n) for n in volume.shape)] = standard
        self.spectrum = scipy.fft.rfftn(block, workers=workers)
        ball = factory.ball.numpy() / factory.ball.numpy().sum()
        mean = self.correlate(ball)
        beyond = np.ones(self.padded, np.float32)
        beyond[tuple(slice(half, half + n) for n in volume.shape)] = standard**2
        values, self.spectrum = self.spectrum, scipy.fft.rfftn(beyond, workers=workers)
        self.inverse = 1 / np.sqrt(np.maximum(self.correlate(ball) - mean**2, 1e-4))
        self.spectrum = values
        self.best = np.full(volume.shape, -np.inf, np.float32)
        self.index = np.zeros(volume.shape, np.int32)

    def correlate(self, kernel):
        template = scipy.fft.rfftn(kernel.astype(np.float32), self.padded, workers=self.workers)
        whole = scipy.fft.irfftn(self.spectrum * template.conj(), self.padded, workers=self.workers)
        return whole[tuple(slice(0, n) for n in self.shape)]

    def add(self, number, rotation):
        potential = self.factory.template.species.potential
        box, padded = self.factory.box, self.factory.padded
        matrix = rotation.inv().as_matrix()[::-1, ::-1]
        offset = np.array(potential.shape) // 2 - matrix @ np.full(3, box // 2)
        rotated = affine_transform(potential, matrix, offset, (box,) * 3, order=3)
        seen = scipy.fft.irfftn(
            scipy.fft.rfftn(rotated, (padded,) * 3) * self.transfer, (padded,) * 3
        )[:box, :box, :box]
        ball = self.factory.ball.numpy()
        centred = seen - (ball * seen).sum() / ball.sum()
        spread = np.sqrt((ball * centred**2).sum() / ball.sum())
        scores = self.correlate(ball * centred / (ball.sum() * spread)) * self.inverse
        better = scores > self.best
        self.best[better], self.index[better] = scores[better], number


def main(shape, threads: int, device: str) -> None:
    torch.set_num_threads(threads)
    where = resolve_device(device)
    volume = np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
    geometry = TiltGeometry(np.arange(-60.0, 61.0, 2.0), VOXEL_A)
    species = synthetic_species("syn-propeller", voxel_size_A=VOXEL_A)
    template = prepare_template(species, VOXEL_A, TM)
    transfer = tomogram_transfer(template.padded_box, VOXEL_A, geometry)
    factory = KernelFactory(template, transfer, "sphere", torch.device(where))
    rotations = uniform_rotations(12.85)
    print(f"{shape}, box {template.box}, {threads} threads, {where}; {len(rotations)} at 12.85°")
    search(volume[:40, :64, :64].copy(), factory, rotations[:2])  # compile
    count = 8 if where == "cpu" else 400
    total, each, busy = timed_search(volume, factory, rotations[:count])
    print(
        f"search  {each * 1e3:8.1f} ms an orientation ({busy * 1e3:.0f} ms of processor); "
        f"{count} with all preparations {total:.1f} s; peak {peak_GB():.1f} GB"
    )
    own = KernelFactory(template, transfer, "sphere", torch.device("cpu"))
    plain = Plain(volume, own, transfer, threads)
    times, cpu = [time.perf_counter()], [time.process_time()]
    for i in range(4):
        plain.add(i, rotations[i])
        times.append(time.perf_counter())
        cpu.append(time.process_time())
    theirs, theirs_busy = (float(np.median(np.diff(values))) for values in (times, cpu))
    print(
        f"plain   {theirs * 1e3:8.1f} ms an orientation ({theirs_busy * 1e3:.0f} ms of "
        f"processor; scipy.fft): ratio {theirs / each:.1f} (processor {theirs_busy / busy:.1f}); "
        f"peak {peak_GB():.1f} GB"
    )
    few = search(volume, factory, rotations[:4], memory_GB=16)
    print(f"largest difference of their scores: {np.abs(few.scores - plain.best).max():.1e}")
    print(f"whole list: {each * len(rotations) / 60:.0f} min (from the median above)")


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:] if word.isdigit()]
    size = tuple(numbers[:3]) if len(numbers) >= 3 else (180, 512, 512)
    rest = numbers[3:] if len(numbers) >= 3 else numbers
    devices = [word for word in sys.argv[1:] if not word.isdigit()]
    main(size, rest[0] if rest else 2, devices[0] if devices else "cpu")
