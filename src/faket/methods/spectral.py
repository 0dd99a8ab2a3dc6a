"""The ``spectral`` method: images with the CTF, signal and noise of a reference, ring by ring.

A noise-free projection (minus the line integrals of the potential V, V·Å) becomes

    image = mean + F⁻¹[amplitude(k) · F contrast] + F⁻¹[√noise_power(k) · F deviation]

contrast is what physics expects behind the reference's CTF (:mod:`faket.methods.contrast`),
amplitude and noise_power are what was measured on the reference (:mod:`faket.methods.transfer`),
and deviation is that of counted electrons from their mean, in units of its standard deviation. To
the noise belongs the background that all tilts of the reference share
(:mod:`faket.noise.background`), less what the tilts of the specimen share of such, and uneven ice
(:mod:`faket.methods.uneven_ice`). Few counted electrons leave grey values near to steps
(:mod:`faket.noise.grey_steps`).
"""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from faket.data import AnyArray, DoubleArray, FloatArray
from faket.device import Device, resolve_device
from faket.errors import InputError
from faket.methods.contrast import expected_contrast, filtered
from faket.methods.counts import counting_noise, local_power
from faket.methods.gold_scaling import scaled_gold
from faket.methods.reference_properties import CORNER, ReferenceProperties
from faket.methods.residuals import ResidualPlace, residual_places
from faket.methods.transfer import Transfer, reference_transfer
from faket.methods.uneven_ice import add_uneven_ice
from faket.noise import ring_power, shared_by_tilts, trend, white_noise
from faket.noise.background import TERMS, add_background
from faket.noise.grey_steps import put_on_steps
from faket.seeds import derive
from faket.stacks import empty_stack
from faket.threads import in_threads

if TYPE_CHECKING:
    from faket.methods.gpu import SpectralImager

_CONTENT_AMOUNT = 0.25  # of the noise, as in FakET's CONTENT
_LARGEST_V_A = 1e8  # chosen, because 100 µm of gold have 3e7: beyond, phases have no digits left


def spectral_images(
    noise_free: AnyArray,
    properties: ReferenceProperties,
    angles_deg: ArrayLike,
    *,
    seed: int,
    amount: float = 1.0,
    device: Device = "auto",
) -> FloatArray:
    """Make noise-free projections look like the reference in all that its spectra show.

    Parameters
    ----------
    noise_free : ndarray, shape (tilt, y, x)
        Minus line integrals of the potential, V·Å (protein dark), at the reference's pixel size.
    properties : ReferenceProperties
    angles_deg : array_like, shape (tilts,)
    seed : int
        The white field behind the counts is that of :func:`faket.noise.add_noise`.
    amount : float
        Factor on the noise, >= 0.
    device : {"auto", "cpu", "cuda"}

    Returns
    -------
    ndarray, shape (tilt, y, x), float32
        In the reference's grey values; each tilt has the reference's mean.

    Raises
    ------
    InputError
        If the angles do not fit ``noise_free``, a value is not finite or absurd, or ``amount`` is
        negative.
    """
    if not (np.isfinite(amount) and amount >= 0):
        raise InputError(f"amount: expected a number >= 0, found {amount}; choose one")
    return _rendered(noise_free, properties, angles_deg, seed, (amount,), device=device)[0]


def spectral_content(
    noise_free: AnyArray,
    properties: ReferenceProperties,
    angles_deg: ArrayLike,
    *,
    seed: int,
    device: Device = "auto",
) -> FloatArray:
    """Return the content of style transfer: :func:`spectral_images` with a quarter of the noise."""
    return spectral_images(
        noise_free, properties, angles_deg, seed=seed, amount=_CONTENT_AMOUNT, device=device
    )


def spectral_pair(
    noise_free: AnyArray,
    properties: ReferenceProperties,
    angles_deg: ArrayLike,
    *,
    seed: int,
    noise_seed: int | None = None,
    device: Device = "auto",
) -> tuple[FloatArray, FloatArray]:
    """Return :func:`spectral_content` and :func:`spectral_images`; the optics are computed once.

    ``noise_seed``: of the noise, where it is to be another than that of the images of ``seed``,
    whose content lies at the same places.
    """
    amounts = (_CONTENT_AMOUNT, 1.0)
    kept, full = _rendered(noise_free, properties, angles_deg, seed, amounts, noise_seed, device)
    return kept, full


def other_spectral_noise(
    noise_free: AnyArray,
    properties: ReferenceProperties,
    angles_deg: ArrayLike,
    *,
    seed: int,
    device: Device = "auto",
) -> FloatArray:
    """Return noise of the spectrum of :func:`spectral_images`', independent of it, not skewed.

    It has no background, which is no noise.

    Parameters
    ----------
    noise_free, properties, angles_deg, seed, device
        Those with which the images were made.

    Returns
    -------
    ndarray, shape (tilt, y, x), float32
    """
    there = properties.at(angles_deg)
    imager = _imager(there, noise_free, device)
    transfer = replace(reference_transfer(there, noise_free, imager), skewness=0.0)
    places, other = residual_places(there, seed), derive(seed, "halves")
    made, curves = empty_stack(noise_free.shape), transfer.noise_power
    if imager is not None:
        for tilt, white in imager.white(other, range(len(noise_free))):
            there_contrast = imager.contrast(tilt, *places[tilt], transfer.gold)
            noise = imager.noise(tilt, there_contrast, white, 0.0, curves[tilt], other)
            made[tilt] = noise.cpu().numpy()
        return made
    for tilt, image in enumerate(noise_free):
        contrast = _contrast(there, transfer, tilt, image, places[tilt])
        made[tilt] = _imaged(there, transfer, tilt, contrast, other)[1]
    return made


def _rendered(
    noise_free: AnyArray,
    properties: ReferenceProperties,
    angles_deg: ArrayLike,
    seed: int,
    amounts: tuple[float, ...],
    noise_seed: int | None = None,
    device: Device = "auto",
) -> list[FloatArray]:
    """Return the images once for each amount of the same noise."""
    there = properties.at(angles_deg)
    if np.ndim(noise_free) != 3 or len(there.noise) != len(noise_free):
        raise InputError(
            f"noise-free projections: expected [tilt, y, x] with {len(there.noise)} tilts as in "
            f"`angles_deg`, found shape {np.shape(noise_free)}; give the angles of this stack"
        )
    if not (largest := float(np.abs(noise_free).max())) <= _LARGEST_V_A:  # NaN fails too
        raise InputError(
            f"noise-free projections: expected line integrals up to {_LARGEST_V_A:g} V·Å, found "
            f"{largest:g}; give those of `faket project`, without NaN"
        )
    imager = _imager(there, noise_free, device)
    transfer = reference_transfer(there, noise_free, imager)
    places = residual_places(there, seed)
    noise_seed = seed if noise_seed is None else noise_seed
    made = [empty_stack(noise_free.shape) for _ in amounts]
    own = np.zeros((len(noise_free), TERMS))
    if imager is not None:
        _render_on_device(imager, there, transfer, places, noise_seed, amounts, made, own)
    else:

        def render(tilt: int) -> None:
            contrast = _contrast(there, transfer, tilt, noise_free[tilt], places[tilt])
            signal, noise = _imaged(there, transfer, tilt, contrast, noise_seed)
            own[tilt] = trend(signal)
            for stack, amount in zip(made, amounts, strict=True):
                stack[tilt] = signal + np.float32(amount) * noise

        in_threads(render, range(len(noise_free)), pixels=noise_free[0].size)
    if there.background is not None:
        # A specimen that is as wide as its field leaves the sides of tilted images empty; if the
        # reference's does, too, its background has that already.
        rest = there.background - shared_by_tilts(own, there.angles_deg)
        add_background(made, amounts, rest)
    add_uneven_ice(made, amounts, transfer.ice_power, there.angles_deg, noise_seed)
    if there.grey_steps is not None and 1 in amounts:  # with less noise they would hide signal
        put_on_steps(made[amounts.index(1)], there.grey_steps, noise_seed)
    return made


def _imager(
    properties: ReferenceProperties, noise_free: AnyArray, device: Device
) -> "SpectralImager | None":
    """Return what computes on a GPU; None where numpy computes."""
    where = resolve_device(device)
    if where == "cpu":
        return None
    from faket.methods.gpu import SpectralImager

    return SpectralImager(properties, noise_free, where)


def _render_on_device(
    imager: "SpectralImager",
    properties: ReferenceProperties,
    transfer: Transfer,
    places: list[ResidualPlace],
    seed: int,
    amounts: tuple[float, ...],
    made: list[FloatArray],
    own: DoubleArray,
) -> None:
    """Fill a stack of images for each amount of the same noise, and trends [tilt, 5] of signals."""
    curves = transfer.noise_power
    for tilt, white in imager.white(seed, range(len(places))):
        contrast = imager.contrast(tilt, *places[tilt], transfer.gold)
        signal = imager.signal(contrast, transfer.amplitude[tilt])
        signal += float(properties.noise.mean[tilt]) - signal.mean()
        noise = imager.noise(tilt, contrast, white, transfer.skewness, curves[tilt], seed)
        own[tilt] = trend(signal.cpu().numpy())
        for stack, amount in zip(made, amounts, strict=True):
            stack[tilt] = (signal + float(amount) * noise).cpu().numpy()


def signal_to_noise(
    noise_free: AnyArray, properties: ReferenceProperties, angles_deg: ArrayLike
) -> DoubleArray:
    """Return the spectral signal-to-noise ratio of a specimen in images like the reference.

    Parameters
    ----------
    noise_free : ndarray, shape (tilt, y, x)
    properties : ReferenceProperties
    angles_deg : array_like, shape (tilts,)

    Returns
    -------
    ndarray, shape (tilts, rings), float64
        Power of the signal over power of the noise; rings of equal width from 0 to the corner.
    """
    there = properties.at(angles_deg)
    transfer = reference_transfer(there, noise_free)
    ideal, rings = ResidualPlace(np.zeros(2), 0.0, 1.0), there.power.shape[1]
    contrasts = (
        _contrast(there, transfer, tilt, image, ideal) for tilt, image in enumerate(noise_free)
    )
    power = np.array([ring_power(contrast, rings, limit=CORNER) for contrast in contrasts])
    return np.asarray(power * transfer.amplitude**2 / (transfer.noise_power + transfer.ice_power))


def _contrast(
    properties: ReferenceProperties,
    transfer: Transfer,
    tilt: int,
    noise_free: AnyArray,
    place: ResidualPlace,
) -> FloatArray:
    """Return the contrast of one tilt at its place, with gold as strong as the reference's."""
    contrast = expected_contrast(properties, tilt, noise_free, *place)
    # What is scaled is wider around gold than turn and magnification displace it.
    pixel_A = properties.pixel_size_A
    return scaled_gold(contrast, noise_free, pixel_A, place.shift_px, transfer.gold)


def _imaged(
    properties: ReferenceProperties,
    transfer: Transfer,
    tilt: int,
    contrast: FloatArray,
    seed: int,
) -> tuple[FloatArray, FloatArray]:
    """Return signal, with the reference's mean, and noise of one tilt."""
    shape = (contrast.shape[0], contrast.shape[1])
    signal = filtered(contrast, transfer.amplitude[tilt])
    signal += properties.noise.mean[tilt] - signal.mean()
    noise = counting_noise(
        contrast,
        white_noise(seed, tilt, shape),
        float(properties.electrons[tilt]),
        transfer.skewness,
        transfer.noise_power[tilt],
        properties.anisotropy[tilt],
        local_power(properties, tilt, shape, seed),
    )
    return signal, noise
