"""What the half sets of a reference show: signal and noise, ring by ring."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from faket.data import AnyArray, DoubleArray
from faket.errors import InputError
from faket.io.mrc import read_volume
from faket.noise import HalfSpectra, check_half_tomograms, half_spectra, half_tomogram_spectra
from faket.references.prepare import Prepared
from faket.references.reference import Reference

_THRESHOLD = 0.143  # correlation of half maps where a map ends (Rosenthal and Henderson 2003)

_RING_PX = 4  # pixels of the shorter side a ring; chosen: narrower ones hold few coefficients


@dataclass(frozen=True)
class SeenHalves:
    """Signal and noise as two halves show them.

    Attributes
    ----------
    kind : {"stacks", "tomograms"}
    frequency_per_A : ndarray, shape (rings,), float64
        Middle of each ring.
    signal, noise, correlation : ndarray, shape (rings,), float64
        Powers of the full image per pixel (of all tilts, averaged), and the correlation of the
        halves.
    resolution_A : float or None
        Where the correlation first falls below 0.143; None if it does nowhere.
    """

    kind: Literal["stacks", "tomograms"]
    frequency_per_A: DoubleArray
    signal: DoubleArray
    noise: DoubleArray
    correlation: DoubleArray
    resolution_A: float | None


def seen_halves(
    reference: Reference, prepared: Prepared
) -> tuple[tuple[SeenHalves, ...], tuple[str, ...]]:
    """Measure the halves of a reference's stack and of its tomogram; and say what is wrong.

    Halves of the stack are looked at when it is prepared.
    """
    found, notices = [], []
    if prepared.halves is not None:
        rings = min(prepared.series.images.shape[1:]) // _RING_PX
        spectra = half_spectra(*prepared.halves, full="sum", rings=rings)
        found.append(_seen("stacks", spectra, prepared.series.geometry.pixel_size_A))
    if reference.half_tomograms is not None:
        try:
            found.append(_of_tomograms(reference))
        except InputError as error:
            notices.append(f"half tomograms are left out: {error}")
    return tuple(found), tuple(notices)


def _of_tomograms(reference: Reference) -> SeenHalves:
    assert reference.half_tomograms is not None
    size_A = reference.given.pixel_size_A
    first, second = (read_volume(path, voxel_size_A=size_A) for path in reference.half_tomograms)
    checks = check_half_tomograms(first.data, second.data)
    if checks.refused is not None:
        raise InputError(checks.refused)
    spectra = half_tomogram_spectra(first.data, second.data)
    return _seen("tomograms", spectra, first.voxel_size_A)


def _seen(
    kind: Literal["stacks", "tomograms"], spectra: HalfSpectra, pixel_size_A: float
) -> SeenHalves:
    frequency = spectra.frequency / pixel_size_A
    correlation = _mean(spectra.correlation)
    below = np.flatnonzero(correlation < _THRESHOLD)
    return SeenHalves(
        kind,
        frequency,
        _mean(spectra.signal),
        _mean(spectra.noise),
        correlation,
        float(1 / frequency[below[0]]) if len(below) else None,
    )


def _mean(values: AnyArray) -> DoubleArray:
    return np.asarray(np.nanmean(values, axis=0))
