"""From noise-free projections to images that look like a reference, by any method."""

from dataclasses import dataclass
from typing import Any

from numpy.typing import ArrayLike

from faket.data import AnyArray, FloatArray
from faket.device import Device
from faket.errors import InputError
from faket.methods.reference_properties import ReferenceProperties
from faket.methods.spectral import spectral_images, spectral_pair
from faket.methods.table import MethodRow
from faket.noise import NoiseProfile, add_noise, baseline, content, noisy
from faket.style import FeatureNetwork, StyleProfile, transfer_style


@dataclass(frozen=True, eq=False)
class Measured:
    """Measurements on a reference that a method needs.

    Attributes
    ----------
    noise : NoiseProfile, optional
        For every start except "spectral".
    properties : ReferenceProperties, optional
        For "spectral".
    style : StyleProfile, optional
        For style transfer; measured with ``network``.
    network : FeatureNetwork, optional
    """

    noise: NoiseProfile | None = None
    properties: ReferenceProperties | None = None
    style: StyleProfile | None = None
    network: FeatureNetwork | None = None


def render(
    method: MethodRow,
    noise_free: AnyArray,
    angles_deg: ArrayLike,
    measured: Measured,
    *,
    seed: int,
    noise_seed: int | None = None,
    iterations: int | None = None,
    device: Device = "auto",
) -> FloatArray:
    """Make noise-free projections look like a reference.

    Parameters
    ----------
    method : MethodRow
        One that needs a reference.
    noise_free : ndarray, shape (tilt, y, x)
        Minus line integrals of the potential, V·Å (protein dark).
    angles_deg : array_like, shape (tilts,)
    measured : Measured
    seed : int
        Of residual shifts and noise.
    noise_seed : int, optional
        Of the noise of images with a style, where it is to be another than that of ``seed``.
    iterations : int, optional
        Of the style transfer, instead of the network's own number.
    device : {"auto", "cpu", "cuda"}

    Returns
    -------
    ndarray, shape (tilt, y, x), float32
        In the reference's grey values.

    Raises
    ------
    InputError
        If the method needs something that was not measured.
    """
    if method.network is None:
        return with_noise(method, noise_free, angles_deg, measured, seed=seed, device=device)
    if measured.style is None or measured.network is None:
        raise _missing(method, "the style of a reference and its network")
    kept, initial = _pair(method, noise_free, angles_deg, measured, seed, noise_seed, device)
    return transfer_style(
        kept,
        initial,
        measured.style,
        network=measured.network,
        iterations=iterations,
        angles_deg=angles_deg,
        device=device,
    )


def with_noise(
    method: MethodRow,
    noise_free: AnyArray,
    angles_deg: ArrayLike,
    measured: Measured,
    *,
    seed: int,
    device: Device = "auto",
) -> FloatArray:
    """Return noise-free projections with the reference's noise, by the method's start."""
    if method.start == "spectral":
        properties = _properties(method, measured)
        return spectral_images(noise_free, properties, angles_deg, seed=seed, device=device)
    noise = _noise(method, measured)
    if method.start == "coloured":
        there = noise.at(angles_deg)
        return add_noise(noise_free, there, seed=seed, spectrum="reference", device=device)
    by_angle = baseline if method.start == "baseline" else noisy
    return by_angle(noise_free, noise, seed=seed, angles_deg=angles_deg, device=device)


def _pair(
    method: MethodRow,
    noise_free: AnyArray,
    angles_deg: ArrayLike,
    measured: Measured,
    seed: int,
    noise_seed: int | None,
    device: Device,
) -> tuple[FloatArray, FloatArray]:
    """Return the content that style transfer preserves, and the images from which it starts."""
    if method.start == "spectral":
        properties = _properties(method, measured)
        return spectral_pair(
            noise_free, properties, angles_deg, seed=seed, noise_seed=noise_seed, device=device
        )
    seed = seed if noise_seed is None else noise_seed
    options: dict[str, Any] = {"seed": seed, "device": device}
    kept = content(noise_free, _noise(method, measured), angles_deg=angles_deg, **options)
    return kept, with_noise(method, noise_free, angles_deg, measured, **options)


def _properties(method: MethodRow, measured: Measured) -> ReferenceProperties:
    if measured.properties is None:
        raise _missing(method, "the CTF and the spectra of a reference")
    return measured.properties


def _noise(method: MethodRow, measured: Measured) -> NoiseProfile:
    if measured.noise is None:
        raise _missing(method, "the noise of a reference")
    return measured.noise


def _missing(method: MethodRow, what: str) -> InputError:
    return InputError(
        f"method {method.name}: expected {what}, found none; measure a reference first"
    )
