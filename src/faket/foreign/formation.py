"""What a foreign microscope is, and what it returns."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from faket.data import DoubleArray, FloatArray, TiltSeries, Volume


@dataclass(frozen=True, eq=False)
class Taken:
    """What a formation makes of a specimen.

    Attributes
    ----------
    images : ndarray, shape (tilt, y, x), float32
        Grey values as stored.
    signal : ndarray, shape (tilt, y, x), float32
        What the specimen adds to the expected image, through the same linear chain; any mean.
    known : mapping of str to value
        Fields of :class:`faket.data.TiltGeometry` that the lab knows, besides angles and pixel.
    """

    images: FloatArray
    signal: FloatArray
    known: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Formation:
    """A foreign microscope.

    Attributes
    ----------
    name : str
    pixel_size_A : float
        Of the images as stored; the specimen's voxels are of this size.
    angles_deg : ndarray, shape (tilts,)
        Nominal.
    voltage_kV : float
    thickness_A : float
        Of the ice; a specimen should be about so thick.
    expose : callable
        From potential above ice (V) and seed to :class:`Taken`.
    held_out : bool
        Whether methods may not be tuned on it.
    known : tuple of str
        Names of what the lab knows besides angles and pixel size.
    counted : bool
        False if the lab knows that grey values are no counts: stored as bytes.
    """

    name: str
    pixel_size_A: float
    angles_deg: DoubleArray
    voltage_kV: float
    thickness_A: float
    expose: Callable[[Volume, int], Taken]
    held_out: bool = False
    known: tuple[str, ...] = ()
    counted: bool = True


@dataclass(frozen=True, eq=False)
class ForeignSeries:
    """A tilt-series of a foreign microscope, and the truth about it.

    Attributes
    ----------
    series : TiltSeries
        As a lab holds it: aligned as well as the lab could, grey values as stored, and the geometry
        as far as the lab knows it.
    signal : ndarray, shape (tilt, y, x), float32
        What the specimen adds to the expected images, in grey values, with mean 0; images minus
        signal is noise and background.
    noise_free : ndarray, shape (tilt, y, x), float32
        Minus line integrals of the potential, V·Å, at the nominal angles, perfectly aligned.
    counted : bool
        As in :class:`Formation`.
    """

    series: TiltSeries
    signal: FloatArray
    noise_free: FloatArray
    counted: bool
