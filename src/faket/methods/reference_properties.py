"""Properties of a reference for the ``spectral`` method: CTF, signal and noise, ring by ring."""

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from faket.data import DoubleArray
from faket.errors import InputError
from faket.microscope.ctf_estimate import CtfEstimate
from faket.noise import NoiseProfile

RINGS = 128  # of the noise floor, up to the corner; chosen, fine enough for the zeros of a CTF
CORNER = 0.7072  # cycles per pixel, √½ rounded up: the corner of Fourier space

StrengthSource = Literal["paired", "mean", "dose"]


@dataclass(frozen=True, eq=False)
class ReferenceProperties:
    """Measurements on a reference, made once for any number of tomograms like it.

    Attributes
    ----------
    pixel_size_A : float
    noise : NoiseProfile
        Mean, contrast and radial spectrum of every tilt.
    ctf : CtfEstimate
    beam_grey : ndarray, shape (tilts,), float64
        Intensity of the unscattered beam in grey values, without any offset.
    envelope : ndarray, shape (tilts, rings), float64
        Amplitude left by residual motion, detector and radiation damage.
    floor : ndarray, shape (tilts, rings), float64
        Power of the counting noise, grey values squared; rings of envelope and floor have equal
        width from 0 to the corner of Fourier space.
    anisotropy : ndarray, shape (tilts, 3, rings), float64
        How the floor depends on direction (:func:`faket.noise.ring_anisotropy`).
    strength_source : {"paired", "mean", "dose"}
        Source of the signal's strength: the reference's noise-free projections, the images' mean
        intensity, or the exposure (given or usual).
    alignment_error_A : float
        σ of the residual shifts of the reference's tilts, drawn anew for every tomogram.
    """

    pixel_size_A: float
    noise: NoiseProfile
    ctf: CtfEstimate
    beam_grey: DoubleArray = field(metadata={"formerly": "beam"})
    envelope: DoubleArray
    floor: DoubleArray
    anisotropy: DoubleArray
    strength_source: StrengthSource = field(metadata={"formerly": "strength"})
    alignment_error_A: float = 0.0

    def __post_init__(self) -> None:
        """Check shapes."""
        for name in ("beam_grey", "envelope", "floor", "anisotropy"):
            object.__setattr__(self, name, np.array(getattr(self, name), np.float64))
        tilts = len(self.noise)
        if (
            self.beam_grey.shape != (tilts,)
            or self.envelope.shape != self.floor.shape
            or self.floor.shape[:1] != (tilts,)
            or self.anisotropy.shape != (tilts, 3, *self.floor.shape[1:])
            or len(self.ctf.defocus_um) != tilts
            or self.noise.angles_deg is None
        ):
            raise InputError(
                f"reference properties: expected entries for each of {tilts} tilts with known "
                f"angles, found shapes {self.beam_grey.shape}, {self.envelope.shape} and "
                f"{self.floor.shape}; measure the reference again"
            )
        _check_values(self)

    def at(self, angles_deg: ArrayLike) -> "ReferenceProperties":
        """Return the properties at other tilt angles.

        Mean, intensity and spectra are interpolated; beyond the range the nearest tilt holds.
        The defocus is the nearest tilt's.
        """
        noise = self.noise.at(angles_deg)
        known, wanted = self.noise.angles_deg, noise.angles_deg
        assert known is not None
        assert wanted is not None
        order = np.argsort(known)

        def between(values: DoubleArray) -> DoubleArray:
            columns = values.reshape(len(values), -1)[order].T  # [tilt, ...] → [..., tilt]
            moved = [np.interp(wanted, known[order], column) for column in columns]
            # [...] of wanted tilts → [wanted tilts, ...]
            return np.stack(moved, axis=1).reshape(len(wanted), *values.shape[1:])

        return replace(
            self,
            noise=noise,
            ctf=self.ctf.at(wanted),
            beam_grey=between(self.beam_grey),
            envelope=between(self.envelope),
            floor=between(self.floor),
            anisotropy=between(self.anisotropy),
        )


def _check_values(properties: ReferenceProperties) -> None:
    for name, least in (
        ("beam_grey", -np.inf),
        ("envelope", 0),
        ("floor", 0),
        ("anisotropy", -np.inf),
    ):
        values = getattr(properties, name)
        if not np.isfinite(values).all() or (values < least).any():
            raise InputError(
                f"reference properties, {name}: expected finite numbers"
                f"{' >= 0' if least == 0 else ''}, found others"
            )
    if not 0 < properties.pixel_size_A < np.inf or not 0 <= properties.alignment_error_A < np.inf:
        raise InputError(
            "reference properties: expected a pixel size > 0 and an alignment error >= 0, found "
            f"{properties.pixel_size_A:g} and {properties.alignment_error_A:g}"
        )
