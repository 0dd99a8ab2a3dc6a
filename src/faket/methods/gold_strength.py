"""How strong a reference's gold is, over what physics expects beside its molecules.

Gold is dense: it shifts phases by a radian and absorbs, so that its contrast does not follow from
that of molecules by one factor. Each bead of the reference is compared with images of spheres of
gold, made as the images of the specimen are. The width of a bead tells which sphere, its depth how
strong gold is: neither number nor size of the reference's beads matters, nor whether the specimen
to be imaged has any.
"""

from dataclasses import replace

import numpy as np

from faket.constants import GOLD_POTENTIAL_V, ICE_POTENTIAL_V
from faket.data import DoubleArray
from faket.methods.contrast import expected_contrast, filtered
from faket.methods.gold_beads import RING_EDGES_PER_A, disc_rings, square_px
from faket.methods.reference_properties import CORNER, ReferenceProperties
from faket.methods.signal_curves import Curves
from faket.microscope.gold import block_of
from faket.rings import ring_frequencies

_DIAMETERS_A = np.geomspace(36.0, 210.0, 30)  # of spheres; the outermost stand for "no bead"
_TILTS = 3  # of which spheres are imaged; chosen: defocus and envelope change little
_FEWEST = 5  # beads that tell anything; chosen
_SCALE = 0.3  # of the logarithm expected before it is measured; chosen
_SHAPE = 0.08  # standard error of it: beads are no spheres; chosen
# Standard error of a single depth, chosen: one bead is seen in many tilts, and of beads that are
# hardly seen those are found that noise deepens.
_SINGLE = 0.9
# Standard error of all depths of one bead, which is as pure and round as it is; chosen.
_BEAD = 0.25
_FAR = 0.7  # of the logarithm, at most; chosen
_SUBSAMPLES = 4


def gold_strength(properties: ReferenceProperties, curves: Curves) -> float:
    """Return the factor on the expected contrast of gold.

    Parameters
    ----------
    properties : ReferenceProperties
    curves : Curves
        Of the same tilts.

    Returns
    -------
    float
        1 if the reference has no gold, or nothing tells how strong its signal is.
    """
    beads = properties.gold
    if beads is None or len(beads) < _FEWEST or properties.fraction_source == "none":
        return 1.0
    angles = properties.angles_deg
    probed = np.unique(np.linspace(0, len(angles) - 1, _TILTS).round().astype(int))
    spheres = {int(tilt): _spheres(properties, curves, int(tilt)) for tilt in probed}
    logs: list[float] = []
    for tilt in np.unique(nearest := np.abs(beads[:, :1] - angles).argmin(axis=1)):
        place = int(probed[np.abs(angles[probed] - angles[tilt]).argmin()])
        seen = spheres[place] * _passed(properties, curves, tilt)
        seen /= _passed(properties, curves, place)
        logs += _depths(beads[nearest == tilt, 1:], seen, properties, tilt)
    if len(logs) < _FEWEST:
        return 1.0
    middle = float(np.median(logs))
    spread = 1.4826 * float(np.median(np.abs(np.array(logs) - middle)))
    different = max(1.0, len(logs) / len(np.unique(beads[:, 0])))  # about so many beads
    variance = (spread**2 + _SINGLE**2) / len(logs) + _BEAD**2 / different + _SHAPE**2
    weighted = middle * _SCALE**2 / (_SCALE**2 + variance)
    return float(np.exp(np.clip(weighted, -_FAR, _FAR)))


def _passed(properties: ReferenceProperties, curves: Curves, tilt: int) -> DoubleArray:
    """Return how much of a weak contrast is seen in each ring of :mod:`gold_beads`."""
    return _at_beads(properties, properties.envelope[tilt] * curves.amplitude[tilt])


def _at_beads(properties: ReferenceProperties, curve: DoubleArray) -> DoubleArray:
    middle = properties.pixel_size_A * (RING_EDGES_PER_A[1:] + RING_EDGES_PER_A[:-1]) / 2
    seen = np.interp(middle, ring_frequencies(len(curve), CORNER), curve)
    return np.maximum(seen, 1e-9 * max(float(curve.max()), 1e-300))


def _depths(
    beads: DoubleArray, spheres: DoubleArray, properties: ReferenceProperties, tilt: int
) -> list[float]:
    """Return the logarithm of each bead's depth over that of the sphere that it fits."""
    number = RING_EDGES_PER_A[1:] + RING_EDGES_PER_A[:-1]  # of coefficients, in proportion
    weight = number / _at_beads(properties, properties.power[tilt])
    along = beads * weight @ spheres.T  # [bead, sphere]
    size = np.maximum((weight * spheres**2).sum(axis=1), 1e-300)
    gain = np.where(along > 0, along**2 / size, 0.0)
    best = gain.argmax(axis=1)
    inside = (best > 0) & (best < len(spheres) - 1)
    depth = (along / size)[np.arange(len(beads)), best]
    return [float(np.log(own)) for own in depth[inside]]


def _spheres(properties: ReferenceProperties, curves: Curves, tilt: int) -> DoubleArray:
    """Return the transforms [diameter, ring] of images of spheres of gold in the middle."""
    pixel_A = properties.pixel_size_A
    block = block_of(pixel_A, (10**6, 10**6))
    block_A = pixel_A * block
    rings = ring_frequencies(properties.power.shape[1], CORNER)

    def in_blocks(curve: DoubleArray) -> DoubleArray:
        return np.asarray(np.interp(rings / block, rings, curve))

    coarse = replace(
        properties,
        pixel_size_A=block_A,
        envelope=np.tile(in_blocks(properties.envelope[tilt]), (len(properties.envelope), 1)),
    )
    amplitude = in_blocks(curves.amplitude[tilt])
    n = square_px(block_A)
    place_A = ((np.arange(n * _SUBSAMPLES) + 0.5) / _SUBSAMPLES - 0.5 - n // 2) * block_A
    square = place_A[:, None] ** 2 + place_A**2
    made = []
    for diameter_A in _DIAMETERS_A:
        thick_A = 2 * np.sqrt(np.maximum(diameter_A**2 / 4 - square, 0))
        # [y, part of it, x, part of it] → [y, x]
        thick_A = thick_A.reshape(n, _SUBSAMPLES, n, _SUBSAMPLES).mean(axis=(1, 3))
        noise_free = -(GOLD_POTENTIAL_V - ICE_POTENTIAL_V) * thick_A
        contrast = expected_contrast(coarse, tilt, noise_free.astype(np.float32))
        made.append(disc_rings(filtered(contrast, amplitude), (0.0, 0.0), block_A))
    return np.array(made)
