"""Properties of a reference for the ``spectral`` method: CTF, signal and noise, ring by ring."""

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from faket.data import DoubleArray
from faket.errors import InputError
from faket.methods.gold_beads import RING_EDGES_PER_A
from faket.microscope.ctf_estimate import CtfEstimate
from faket.noise import NoiseProfile
from faket.noise.background import TERMS

RINGS = 128  # of all curves, up to the corner; chosen, fine enough for the zeros of a CTF
CORNER = 0.7072  # cycles per pixel, √½ rounded up: the corner of Fourier space

StrengthSource = Literal["paired", "mean", "dose"]
FractionSource = Literal["paired", "halves", "tilts", "none"]
UNKNOWN = 10.0  # σ of a fraction of which nothing is known

_CURVES = ("power", "signal_fraction", "signal_fraction_sigma", "envelope")


@dataclass(frozen=True, eq=False)
class ReferenceProperties:
    """Measurements on a reference, made once for any number of tomograms like it.

    Curves are [tilt, ring], in rings of equal width from 0 to the corner of Fourier space.

    Attributes
    ----------
    pixel_size_A : float
    noise : NoiseProfile
        Mean, contrast and radial spectrum of every tilt.
    ctf : CtfEstimate
    electrons : ndarray, shape (tilts,), float64
        Detected electrons per pixel, as the grey values or the exposure tell them: what physics
        expects the strength of the signal to be.
    envelope : ndarray, shape (tilts, rings), float64
        Amplitude that physics expects to be left by residual motion, detector and radiation damage.
    power : ndarray, shape (tilts, rings), float64
        Of signal and noise, grey values squared, without gold.
    signal_fraction, signal_fraction_sigma : ndarray, shape (tilts, rings), float64
        Which part of the power is signal, measured, and its standard error; below 0 as often as
        above where there is none. 10 stands for an unknown one.
    anisotropy : ndarray, shape (tilts, 3, rings), float64
        How the noise depends on direction (:func:`faket.noise.ring_anisotropy`).
    strength_source : {"paired", "mean", "dose"}
        Source of the expected strength: the reference's noise-free projections, the images' mean
        intensity, or the exposure (given or usual).
    strength_sigma : float
        Standard error of the expected strength's logarithm.
    fraction_source : {"paired", "halves", "tilts", "none"}
        What the signal was measured by: noise-free projections, half sets, neighbouring tilts.
    skewness : ndarray, shape (tilts,), float64, or None
        Of the detail of every image (:func:`faket.noise.detail_moments`); None stands for that of
        counted electrons.
    alignment_error_A : float
        σ of the residual shifts of the reference's tilts, drawn anew for every tomogram.
    rotation_error_deg : float
        σ by which the reference's tilts are turned in their plane, drawn anew likewise.
    magnification_error : float
        σ of the magnification of the reference's tilts, relative, drawn anew likewise.
    background : ndarray, shape (tilts, 5), float64, or None
        What is brighter on one side of all tilts alike (:func:`faket.noise.background`), and is in
        none of the curves; None stands for an even beam.
    contrast_power : ndarray, shape (tilts, rings), float64, or None
        Power of the contrast (relative to the intensity) that the reference's own noise-free
        projections have under ``ctf`` and ``envelope``, if they are known.
    gold : ndarray, shape (beads, 1 + rings), float64, or None
        Beads of gold in the images (:func:`faket.methods.gold_beads.bead_spectra`), each with the
        tilt angle of its image first; None where they were not looked for.
    gold_found : int
        Beads that all images together show (:mod:`faket.methods.gold_places`).
    moire : ndarray, shape (tilts, 3), float64, or None
        Lattice on which the noise varies, left by interpolation (:func:`faket.noise.moire.moire`).
    grey_steps : ndarray, shape (tilts, 3), float64, or None
        Steps to which grey values are near (:func:`faket.noise.grey_steps.grey_steps`).
    """

    pixel_size_A: float
    noise: NoiseProfile
    ctf: CtfEstimate
    electrons: DoubleArray
    envelope: DoubleArray
    power: DoubleArray
    signal_fraction: DoubleArray
    signal_fraction_sigma: DoubleArray
    anisotropy: DoubleArray
    strength_source: StrengthSource
    strength_sigma: float
    fraction_source: FractionSource
    skewness: DoubleArray | None = None
    alignment_error_A: float = 0.0
    contrast_power: DoubleArray | None = None
    background: DoubleArray | None = field(default=None, metadata={"since": "0.1"})
    rotation_error_deg: float = field(default=0.0, metadata={"since": "0.1"})
    magnification_error: float = field(default=0.0, metadata={"since": "0.1"})
    gold: DoubleArray | None = field(default=None, metadata={"since": "0.1"})
    gold_found: int = field(default=0, metadata={"since": "0.1"})
    moire: DoubleArray | None = field(default=None, metadata={"since": "0.1"})
    grey_steps: DoubleArray | None = field(default=None, metadata={"since": "0.1"})

    def __post_init__(self) -> None:
        """Check shapes."""
        optional = ("contrast_power",) if self.contrast_power is not None else ()
        skewed = ("skewness",) if self.skewness is not None else ()
        uneven = ("background",) if self.background is not None else ()
        gold = () if self.gold is None else np.shape(self.gold)
        beads = ("gold",) if any(gold) else ()
        of_three = [name for name in ("moire", "grey_steps") if getattr(self, name) is not None]
        measured = (*optional, *skewed, *uneven, *beads, *of_three)
        for name in ("electrons", "anisotropy", *_CURVES, *measured):
            object.__setattr__(self, name, np.array(getattr(self, name), np.float64))
        tilts = len(self.noise)
        curves = {getattr(self, name).shape for name in (*_CURVES, *optional)}
        if (
            {getattr(self, name).shape for name in ("electrons", *skewed)} != {(tilts,)}
            or len(curves) != 1
            or self.power.shape[:1] != (tilts,)
            or self.anisotropy.shape != (tilts, 3, *self.power.shape[1:])
            or (self.background is not None and self.background.shape != (tilts, TERMS))
            or (beads and gold[1:] != (len(RING_EDGES_PER_A),))
            or any(getattr(self, name).shape != (tilts, 3) for name in of_three)
            or len(self.ctf.defocus_um) != tilts
            or self.noise.angles_deg is None
        ):
            raise InputError(
                f"reference properties: expected entries for each of {tilts} tilts with known "
                f"angles, found shapes {self.electrons.shape}, {self.power.shape} and "
                f"{self.anisotropy.shape}; measure the reference again"
            )
        _check_values(self)

    @property
    def angles_deg(self) -> DoubleArray:
        """Stage angles of the tilts, shape (tilts,)."""
        assert self.noise.angles_deg is not None
        return self.noise.angles_deg

    def at(self, angles_deg: ArrayLike) -> "ReferenceProperties":
        """Return the properties at other tilt angles.

        Means and curves are interpolated; beyond the range the nearest tilt holds.
        The defocus, the lattice of interpolation and the grey steps are the nearest tilt's.
        """
        noise = self.noise.at(angles_deg)
        known, wanted = self.noise.angles_deg, noise.angles_deg
        assert known is not None
        assert wanted is not None
        order = np.argsort(known)
        nearest = np.abs(np.subtract.outer(wanted, known)).argmin(axis=1)

        def between(values: DoubleArray) -> DoubleArray:
            columns = values.reshape(len(values), -1)[order].T  # [tilt, ...] → [..., tilt]
            moved = [np.interp(wanted, known[order], column) for column in columns]
            # [...] of wanted tilts → [wanted tilts, ...]
            return np.stack(moved, axis=1).reshape(len(wanted), *values.shape[1:])

        return replace(
            self,
            noise=noise,
            ctf=self.ctf.at(wanted),
            electrons=between(self.electrons),
            skewness=None if self.skewness is None else between(self.skewness),
            anisotropy=between(self.anisotropy),
            power=between(self.power),
            signal_fraction=between(self.signal_fraction),
            signal_fraction_sigma=between(self.signal_fraction_sigma),
            envelope=between(self.envelope),
            contrast_power=None if self.contrast_power is None else between(self.contrast_power),
            background=None if self.background is None else between(self.background),
            moire=None if self.moire is None else self.moire[nearest],
            grey_steps=None if self.grey_steps is None else self.grey_steps[nearest],
        )


def _check_values(properties: ReferenceProperties) -> None:
    for name, least in (
        ("electrons", 0.0),
        ("envelope", 0.0),
        ("power", 0.0),
        ("signal_fraction", -np.inf),
        ("signal_fraction_sigma", 0.0),
        ("anisotropy", -np.inf),
        ("skewness", -np.inf),
        ("contrast_power", 0.0),
        ("background", -np.inf),
        ("gold", -np.inf),
        ("moire", -np.inf),
        ("grey_steps", 0.0),
    ):
        values = getattr(properties, name)
        if values is None:
            continue
        if not np.isfinite(values).all() or (values < least).any():
            raise InputError(
                f"reference properties, {name}: expected finite numbers"
                f"{' >= 0' if least == 0 else ''}, found others"
            )
    errors = (
        properties.alignment_error_A,
        properties.rotation_error_deg,
        properties.magnification_error,
    )
    if not 0 < properties.pixel_size_A < np.inf or not all(0 <= e < np.inf for e in errors):
        raise InputError(
            "reference properties: expected a pixel size > 0, and an alignment error, a "
            f"rotation error and a magnification error >= 0, found {properties.pixel_size_A:g}, "
            f"{errors[0]:g}, {errors[1]:g} and {errors[2]:g}"
        )
