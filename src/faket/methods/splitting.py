"""Images split into halves, as a camera's even and odd frames are.

Of an image s + n the halves are (s + n + e) / 2 and (s + n - e) / 2, with e of the spectrum of n
and independent of it. Their sum is the image; the covariance of their noise, (⟨nn⟩ - ⟨ee⟩) / 4, is
0 at every frequency, and each half has half of the noise's power, as with half of the electrons.
"""

from numpy.typing import ArrayLike

from faket.data import AnyArray, FloatArray
from faket.errors import InputError
from faket.methods.render import Measured
from faket.methods.spectral import other_spectral_noise
from faket.methods.table import METHODS, MethodRow
from faket.noise import NoiseProfile, other_noise
from faket.noise.addition import Colour


def check_splitting(method: MethodRow) -> None:
    """Refuse methods whose noise cannot be split.

    Style transfer changes signal and noise together by one optimisation: what it does to the noise
    of one half it would do to the other's, and they would not be independent.

    Raises
    ------
    InputError
    """
    if method.network is None and method.name != "noiseless":
        return
    why = "no noise" if method.name == "noiseless" else "a style, which changes noise and signal"
    able = [row.name for row in METHODS.values() if row.network is None and row.name != "noiseless"]
    raise InputError(
        f"halves: expected a method whose noise can be split ({', '.join(able)}), found "
        f"{method.name}, which gives images {why}; choose one of them"
    )


def split(
    images: FloatArray,
    method: MethodRow,
    noise_free: AnyArray,
    angles_deg: ArrayLike,
    measured: Measured,
    *,
    seed: int,
) -> tuple[FloatArray, FloatArray]:
    """Split images that :func:`faket.methods.render.render` made with the same arguments.

    Parameters
    ----------
    images : ndarray, shape (tilt, y, x)
    method, noise_free, angles_deg, measured, seed
        Those of the images.

    Returns
    -------
    odd, even : ndarray, shape (tilt, y, x), float32
        Their sum is ``images``.

    Raises
    ------
    InputError
        If the method's noise cannot be split.
    """
    check_splitting(method)
    other = _other_noise(method, noise_free, angles_deg, measured, seed)
    odd = other
    odd += images
    odd /= 2
    return odd, images - odd


def _other_noise(
    method: MethodRow, noise_free: AnyArray, angles_deg: ArrayLike, measured: Measured, seed: int
) -> FloatArray:
    if method.start == "spectral":
        assert measured.properties is not None
        return other_spectral_noise(noise_free, measured.properties, angles_deg, seed=seed)
    assert measured.noise is not None
    profile = _followed(method, measured.noise).at(angles_deg)
    colour: Colour = "reference" if method.start == "coloured" else "white"
    return other_noise(noise_free, profile, seed=seed, spectrum=colour)


def _followed(method: MethodRow, profile: NoiseProfile) -> NoiseProfile:
    """Return the curves over the tilts that the method takes."""
    if method.start == "coloured":
        return profile
    return profile.constant() if method.start == "baseline" else profile.polynomial()
