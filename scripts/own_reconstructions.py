"""Reconstructions as other programs make them, for ``measure_tomogram_reference.py``."""

from collections.abc import Callable

import numpy as np
from scipy import fft

from faket.data import AnyArray, DoubleArray
from faket.projection import back_project, project


def filtered(images: AnyArray, response: Callable[[DoubleArray], DoubleArray]) -> AnyArray:
    """Return rows multiplied by a function of their frequency."""
    size = images.shape[2]
    padded = fft.next_fast_len(2 * size, real=True)
    images = images - images.mean(axis=(1, 2), keepdims=True)
    rows = fft.rfft(images, padded, axis=2) * response(fft.rfftfreq(padded))
    return np.ascontiguousarray(fft.irfft(rows, padded, axis=2)[..., :size], np.float32)


def imod_radial(k: DoubleArray) -> DoubleArray:
    """Ramp with IMOD's RADIAL 0.35 0.035."""
    return k * np.exp(-0.5 * (np.maximum(k - 0.35, 0) / 0.035) ** 2)


def sirt_like(iterations: int) -> Callable[[DoubleArray], DoubleArray]:
    """Ramp times 1 − (1 − a / k)^N, the shape of N iterations."""

    def response(k: DoubleArray) -> DoubleArray:
        k = np.maximum(k, 1e-6)
        return k * (1 - (1 - np.minimum(0.004 / k, 1)) ** iterations)

    return response


def own_back_projection(images: AnyArray, angles_deg: DoubleArray, depth: int) -> AnyArray:
    """Back-project with linear interpolation, as most programs do."""
    size = images.shape[2]
    x = np.arange(size) - size // 2
    volume = np.zeros((depth, size, size), np.float32)
    for image, angle in zip(images, np.radians(angles_deg), strict=True):
        for z in range(depth):
            u = x * np.cos(angle) + (z - depth // 2) * np.sin(angle) + size // 2
            left = np.clip(np.floor(u).astype(int), 0, size - 2)
            part = np.clip(u - left, 0, 1).astype(np.float32)
            volume[z] += image[:, left] * (1 - part) + image[:, left + 1] * part
    return volume


def sirt(images: AnyArray, angles_deg: DoubleArray, depth: int, iterations: int) -> AnyArray:
    """SIRT with the projector and its adjoint."""
    images = images - images.mean(axis=(1, 2), keepdims=True)
    ones = np.ones((depth, 1, images.shape[2]), np.float32)
    rays = project(ones, angles_deg)
    hits = back_project(
        np.ones((len(angles_deg), 1, images.shape[2]), np.float32), angles_deg, depth=depth
    )
    volume = np.zeros((depth, *images.shape[1:]), np.float32)
    for _ in range(iterations):
        rest = (images - project(volume, angles_deg)) / np.maximum(rays, 1e-3 * rays.max())
        volume += back_project(rest, angles_deg, depth=depth) / np.maximum(hits, 1e-3 * hits.max())
    return volume
