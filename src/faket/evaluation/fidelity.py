"""How similar a stack is to a reference: spectra, a classifier's success, content, contrast.

Every measure first scales each tilt to mean 0 and standard deviation 1, because that is how
pickers see the data; grey values themselves are not compared.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from faket.data import AnyArray, DoubleArray
from faket.errors import InputError
from faket.evaluation.classifier import Separability, separability
from faket.evaluation.contrast import ContrastSign, check_contrast, contrast_sign
from faket.evaluation.spectra import independent_modes, ring_edges, tapered
from faket.evaluation.tilts import checked_stack, matched_tilts
from faket.rings import Rings, rings_between

__all__ = [
    "ContentCorrelation",
    "ContrastSign",
    "Separability",
    "SpectrumDistance",
    "check_contrast",
    "content_correlation",
    "contrast_sign",
    "separability",
    "spectrum_distance",
]

_NOISE_FREE = "noise-free projections"  # name of that stack in errors
_SAME_VIEW_DEG = 0.5  # content is compared between images of the same view only


@dataclass(frozen=True, eq=False)
class SpectrumDistance:
    """Radial power spectra of two stacks and the distance between them.

    Attributes
    ----------
    distance : float
        Mean of ``per_tilt``; 0.1 means that powers differ by about 10 %.
    floor : float
        Distance expected of two independent images with the same true spectrum, because a ring
        has a finite number of amplitudes.
    per_tilt : ndarray, shape (pairs,), float64
        Mean over rings of |ln(power / other power)|.
    tilts : ndarray of int, shape (pairs, 2)
        Indices of the compared tilts in ``stack`` and ``other``.
    frequency : ndarray, shape (rings,), float64
        Middle of each ring, cycles per pixel.
    power, other_power : ndarray, shape (pairs, rings), float64
        White noise of variance v has power v.
    """

    distance: float
    floor: float
    per_tilt: DoubleArray
    tilts: NDArray[np.int64]
    frequency: DoubleArray
    power: DoubleArray
    other_power: DoubleArray


@dataclass(frozen=True, eq=False)
class ContentCorrelation:
    """How strongly a stack correlates with the noise-free projections of its specimen.

    Attributes
    ----------
    mean : float
        Mean of ``per_tilt``.
    per_tilt : ndarray, shape (pairs,), float64
        Pearson's correlation of each tilt with its noise-free projection.
    tilts : ndarray of int, shape (pairs, 2)
        Indices of the compared tilts in ``stack`` and ``noise_free``.
    frequency : ndarray, shape (rings,), float64
        Middle of each ring, cycles per pixel.
    by_ring : ndarray, shape (pairs, rings), float64
        The same correlation within each ring of Fourier space (Fourier ring correlation). It is
        negative where the contrast transfer function is positive, which inverts contrast.
    """

    mean: float
    per_tilt: DoubleArray
    tilts: NDArray[np.int64]
    frequency: DoubleArray
    by_ring: DoubleArray


def spectrum_distance(
    stack: AnyArray,
    other: AnyArray,
    *,
    angles_deg: ArrayLike | None = None,
    other_angles_deg: ArrayLike | None = None,
    limits: tuple[float, float] = (0.02, 0.5),
    rings: int = 48,
    normalize: bool = True,
    tolerance_deg: float = 3.0,
) -> SpectrumDistance:
    """Compare the rotationally averaged power spectra of two stacks, tilt by tilt.

    Parameters
    ----------
    stack : ndarray, shape (tilt, y, x)
    other : ndarray, shape (tilt, y, x)
        Of the same pixel size; tilt count and image size may differ.
    angles_deg, other_angles_deg : array_like, shape (tilts,), optional
        Stage angles; tilts are matched by angle where both are given, else by index.
    limits : (float, float)
        Lowest and highest frequency, cycles per pixel. The mean, the corners beyond Nyquist and,
        by default, periods over 50 pixels are left out.
    rings : int
        Number of rings of equal width between the limits; each has the same weight.
    normalize : bool
        Scale each tilt to mean 0 and σ 1 first; False compares the powers as they are.
    tolerance_deg : float
        Tilts without a partner this near in angle are left out.

    Returns
    -------
    SpectrumDistance

    Raises
    ------
    InputError
        If a tilt is constant or not finite, the tilts cannot be matched, or the limits make no
        rings.
    """
    edges = ring_edges(limits, rings)
    sigmas = checked_stack(stack, "stack")[1], checked_stack(other, "other")[1]
    tilts = matched_tilts(
        len(stack), len(other), angles_deg, other_angles_deg, tolerance_deg=tolerance_deg
    )
    if not normalize:
        sigmas = np.ones(len(stack)), np.ones(len(other))
    shapes = [(images.shape[1], images.shape[2]) for images in (stack, other)]
    own_rings, other_rings = (rings_between(shape, edges) for shape in shapes)
    own = _powers(stack, sigmas[0], tilts[:, 0], own_rings)
    others = _powers(other, sigmas[1], tilts[:, 1], other_rings)
    held = np.isfinite(own[0]) & np.isfinite(others[0])
    own, others = own[:, held], others[:, held]
    per_tilt = np.abs(np.log(own / others)).mean(axis=1)
    own_modes, other_modes = (
        independent_modes(rings, shape)[held]
        for rings, shape in zip((own_rings, other_rings), shapes, strict=True)
    )
    spread = np.sqrt(1 / own_modes + 1 / other_modes)
    return SpectrumDistance(
        distance=float(per_tilt.mean()),
        floor=float(math.sqrt(2 / math.pi) * spread.mean()),  # E|x| of a normal distribution
        per_tilt=per_tilt,
        tilts=tilts,
        frequency=(edges[1:] + edges[:-1])[held] / 2,
        power=own,
        other_power=others,
    )


def content_correlation(
    stack: AnyArray,
    noise_free: AnyArray,
    *,
    angles_deg: ArrayLike | None = None,
    noise_free_angles_deg: ArrayLike | None = None,
    rings: int = 24,
) -> ContentCorrelation:
    """Correlate every tilt with its noise-free projection.

    Parameters
    ----------
    stack : ndarray, shape (tilt, y, x)
        With known shifts corrected (:func:`faket.reconstruction.align`).
    noise_free : ndarray, shape (tilt, y, x)
        Noise-free projections of the same specimen, protein dark; images of the same shape.
    angles_deg, noise_free_angles_deg : array_like, shape (tilts,), optional
        If both are given, tilts of the same angle (within 0.5°) are compared and the others are
        left out; otherwise tilts of the same index are compared.
    rings : int
        Number of rings of equal width between 0.02 cycles per pixel and Nyquist.

    Returns
    -------
    ContentCorrelation

    Raises
    ------
    InputError
        If shapes do not fit, or a tilt is constant or not finite.
    """
    mean, sigma = checked_stack(stack, "stack")
    noise_free_mean, noise_free_sigma = checked_stack(noise_free, _NOISE_FREE)
    if stack.shape[1:] != noise_free.shape[1:]:
        raise InputError(
            f"{_NOISE_FREE}: expected images of {stack.shape[1]} x {stack.shape[2]} pixels as in "
            f"the stack, found {noise_free.shape[1]} x {noise_free.shape[2]}; give the projections "
            "of this stack's specimen"
        )
    tilts = matched_tilts(
        len(stack),
        len(noise_free),
        angles_deg,
        noise_free_angles_deg,
        tolerance_deg=_SAME_VIEW_DEG,
        names=("stack", _NOISE_FREE),
    )
    edges = ring_edges((0.02, 0.5), rings)
    frame = rings_between((stack.shape[1], stack.shape[2]), edges)
    per_tilt, by_ring = np.empty(len(tilts)), np.empty((len(tilts), rings))
    for row, (i, j) in enumerate(tilts):
        image = (stack[i] - mean[i]) / sigma[i]
        other = (noise_free[j] - noise_free_mean[j]) / noise_free_sigma[j]
        per_tilt[row] = np.mean(image * other, dtype=np.float64)
        by_ring[row] = _ring_correlation(image, other, frame)
    held = np.isfinite(by_ring).all(axis=0)
    frequency = (edges[1:] + edges[:-1])[held] / 2
    return ContentCorrelation(float(per_tilt.mean()), per_tilt, tilts, frequency, by_ring[:, held])


def _powers(
    stack: AnyArray, sigma: DoubleArray, tilts: NDArray[np.int64], rings: Rings
) -> DoubleArray:
    done = {int(i): rings.mean(np.abs(tapered(stack[i] / sigma[i])) ** 2) for i in np.unique(tilts)}
    return np.array([done[int(i)] for i in tilts])


def _ring_correlation(image: AnyArray, other: AnyArray, rings: Rings) -> DoubleArray:
    first, second = tapered(image), tapered(other)
    cross = rings.mean((first * second.conj()).real)
    scale = np.sqrt(rings.mean(np.abs(first) ** 2) * rings.mean(np.abs(second) ** 2))
    return np.divide(cross, scale, out=np.zeros_like(cross), where=scale != 0)
