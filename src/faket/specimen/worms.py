"""Worm-like chains: the shape of a filament that bends at random as much as it persists."""

import math

import numpy as np

from faket.data import DoubleArray


def concentration(step_A: float, persistence_A: float) -> float:
    """Return κ of the bend between two steps.

    The cosine c of the bend has the density exp(κ c), so its mean is coth κ - 1 / κ; this is
    exp(-step / persistence), and tangents a distance s apart have the mean product exp(-s / Lp).
    """
    wanted = math.exp(-step_A / persistence_A)
    kappa = 1 / max(1 - wanted, 1e-15)
    for _ in range(50):  # a contraction, because coth κ > 1; in one step where κ is large
        kappa = 1 / (1 / math.tanh(kappa) - wanted) if kappa < 20 else 1 / (1 - wanted)
    return kappa


def bends(rng: np.random.Generator, n: int, kappa: float) -> DoubleArray:
    """Draw n bends: rotations [n, 3, 3] of a frame about an axis normal to its z, without twist."""
    u, azimuth = rng.random(n), rng.uniform(0, 2 * math.pi, n)
    # The inverse of the distribution function of cosines with the density exp(κ c).
    cosine = 1 + np.log(u + (1 - u) * np.exp(-2 * kappa)) / kappa
    cosine = np.clip(cosine, -1, 1)
    sine = np.sqrt(1 - cosine**2)
    x, y = np.cos(azimuth), np.sin(azimuth)  # the bend leads z towards (x, y)
    rows = [
        [x * x * cosine + y * y, x * y * (cosine - 1), x * sine],
        [x * y * (cosine - 1), y * y * cosine + x * x, y * sine],
        [-x * sine, -y * sine, cosine],
    ]
    return np.moveaxis(np.array(rows), 2, 0)  # [3, 3, n] → [n, 3, 3]


def walk(
    end: DoubleArray, frame: DoubleArray, turns: DoubleArray, step_A: float
) -> tuple[DoubleArray, DoubleArray]:
    """Return nodes [n, 3] and frames [n, 3, 3] that continue a chain.

    Parameters
    ----------
    end, frame : ndarray, shapes (3,) and (3, 3)
        The last node, and the frame there, whose z (last column) leads to the next node.
    turns : ndarray, shape (n, 3, 3)
        From :func:`bends`.
    step_A : float
        Negative steps lead backwards: each frame's z then leads to the node before.
    """
    nodes, frames = np.empty((len(turns), 3)), np.empty((len(turns), 3, 3))
    for i, turn in enumerate(turns):
        if step_A < 0:  # the frame of a node belongs to the step after it
            frame = frame @ turn
            end = end + step_A * frame[:, 2]
        else:
            end = end + step_A * frame[:, 2]
            frame = frame @ turn
        nodes[i], frames[i] = end, frame
    return nodes, frames
