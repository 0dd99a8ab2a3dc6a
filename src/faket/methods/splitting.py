"""Images split into halves, as a camera's even and odd frames are.

Of an image s + n the halves are (s + n + e) / 2 and (s + n - e) / 2, with e of the spectrum of n
and independent of it. Their sum is the image; the covariance of their noise, (⟨nn⟩ - ⟨ee⟩) / 4, is
0 at every frequency, and each half has half of the noise's power, as with half of the electrons.

Style transfer T changes signal and noise together. Of its images T(s + n) the noise is what differs
from one n to another. With two further noises e = (T(s + n₂) - T(s + n₃)) / √2 has its spectrum,
whatever T does, because what the two share falls out.
"""

import math

import numpy as np
from numpy.typing import ArrayLike

from faket.data import AnyArray, FloatArray
from faket.device import Device
from faket.errors import InputError
from faket.methods.render import Measured, render
from faket.methods.spectral import other_spectral_noise
from faket.methods.table import METHODS, MethodRow
from faket.noise import NoiseProfile, other_noise
from faket.noise.addition import Colour
from faket.seeds import derive


def check_splitting(method: MethodRow) -> None:
    """Refuse the method whose images have no noise.

    Raises
    ------
    InputError
    """
    if method.name == "noiseless":
        able = ", ".join(name for name in METHODS if name != "noiseless")
        raise InputError(
            f"halves: expected a method whose images have noise ({able}), found noiseless, whose "
            "halves would be one and the same; choose one of them"
        )


def split(
    images: FloatArray,
    method: MethodRow,
    noise_free: AnyArray,
    angles_deg: ArrayLike,
    measured: Measured,
    *,
    seed: int,
    iterations: int | None = None,
    device: Device = "auto",
) -> tuple[FloatArray, FloatArray]:
    """Split images that :func:`faket.methods.render.render` made with the same arguments.

    Parameters
    ----------
    images : ndarray, shape (tilt, y, x)
    method, noise_free, angles_deg, measured, seed, iterations, device
        Those of the images. A style is transferred twice more.

    Returns
    -------
    odd, even : ndarray, shape (tilt, y, x), float32
        Their sum is ``images``.

    Raises
    ------
    InputError
        If the images have no noise.
    """
    check_splitting(method)
    if method.network is None:
        odd = _other_noise(method, noise_free, angles_deg, measured, seed, device)
    else:
        odd, apart = (
            render(method, noise_free, angles_deg, measured, seed=seed, iterations=iterations,
                   noise_seed=derive(seed, "halves", name), device=device)
            for name in ("first", "second")
        )  # fmt: skip
        odd -= apart
        odd *= np.float32(math.sqrt(0.5))
    odd += images
    odd /= 2
    return odd, images - odd


def _other_noise(
    method: MethodRow,
    noise_free: AnyArray,
    angles_deg: ArrayLike,
    measured: Measured,
    seed: int,
    device: Device,
) -> FloatArray:
    if method.start == "spectral":
        assert measured.properties is not None
        of = (noise_free, measured.properties, angles_deg)
        return other_spectral_noise(*of, seed=seed, device=device)
    assert measured.noise is not None
    profile = _followed(method, measured.noise).at(angles_deg)
    colour: Colour = "reference" if method.start == "coloured" else "white"
    return other_noise(noise_free, profile, seed=seed, spectrum=colour, device=device)


def _followed(method: MethodRow, profile: NoiseProfile) -> NoiseProfile:
    """Return the curves over the tilts that the method takes."""
    if method.start == "coloured":
        return profile
    return profile.constant() if method.start == "baseline" else profile.polynomial()
