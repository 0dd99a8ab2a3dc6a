"""Smooth random fields: sums of plane waves, so that a field is known everywhere and at once."""

import math
from typing import NamedTuple

import numpy as np
from numba import prange

from faket.compiling import kernel
from faket.data import AnyArray, DoubleArray, FloatArray
from faket.seeds import generator

_SPREAD = 0.15  # σ of the wave numbers; chosen: less looks regular, more has no size
_LEAST = 0.5  # of the mean wave number; chosen, so that no wave is longer than the specimen's parts


class Waves(NamedTuple):
    """Plane waves; a named tuple, because numba knows those.

    Attributes
    ----------
    vectors_per_A : ndarray, shape (n, 3), float64
        Wave vectors x y z, radians per Å.
    phases : ndarray, shape (n,), float64
    amplitude : float
        Of each; the field then has the variance 1.
    """

    vectors_per_A: DoubleArray
    phases: DoubleArray
    amplitude: float


def random_waves(seed: int, n: int, wavelength_A: float, *, flat: bool = False) -> Waves:
    """Draw n waves of about one wavelength in all directions; flat: all across z."""
    rng = generator(seed, "waves")
    directions = rng.normal(size=(n, 3))
    if flat:
        directions[:, 2] = 0.0
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    numbers = 2 * math.pi / wavelength_A * np.maximum(rng.normal(1.0, _SPREAD, n), _LEAST)
    phases = rng.uniform(0, 2 * math.pi, n)
    return Waves(directions * numbers[:, None], phases, math.sqrt(2 / n))


def slope_per_A(waves: Waves) -> float:
    """Return the root mean square of the field's gradient."""
    squares = (waves.vectors_per_A**2).sum(axis=1)
    return float(waves.amplitude * math.sqrt(squares.sum() / 2))


def field_on_grid(
    waves: Waves, origin_A: AnyArray, spacing_A: float, shape: tuple[int, ...]
) -> FloatArray:
    """Return the field at the nodes [z, y, x] of a grid whose node [0, 0, 0] is at ``origin_A``."""
    nz, ny, nx = shape
    x_A = origin_A[0] + spacing_A * np.arange(nx)
    along = waves.vectors_per_A[:, :1] * x_A  # [waves, x]
    cosines, sines = np.cos(along).astype(np.float32), np.sin(along).astype(np.float32)
    field = np.zeros((nz, ny, nx), np.float32)
    _add_waves(field, waves, np.asarray(origin_A, np.float64), spacing_A, cosines, sines)
    return field


@kernel(parallel=True, fastmath={"contract"})
def _add_waves(
    field: FloatArray,
    waves: Waves,
    origin_A: DoubleArray,
    spacing_A: float,
    cosines: FloatArray,
    sines: FloatArray,
) -> None:
    nz, ny, nx = field.shape
    for k in prange(nz):
        z = origin_A[2] + spacing_A * k
        for j in range(ny):
            y = origin_A[1] + spacing_A * j
            for n in range(len(waves.phases)):
                vector = waves.vectors_per_A[n]
                phase = waves.phases[n] + vector[1] * y + vector[2] * z
                a = np.float32(waves.amplitude * math.cos(phase))
                b = np.float32(waves.amplitude * math.sin(phase))
                for i in range(nx):
                    field[k, j, i] += a * cosines[n, i] - b * sines[n, i]
