"""The ``spectral`` method: images with the CTF, signal and noise of a reference, ring by ring.

A noise-free projection (minus the line integrals of the potential V, V·Å) becomes

    wave     = exp[(i − w) φ],   φ = F⁻¹[envelope(k) · F σV]
    expected = beam · |F⁻¹[exp(−iχ) · F wave]|²
    image    = F⁻¹[√(floor(k) / floor(0)) · F counts],   counts ~ Poisson(expected)

χ is the aberration phase of the reference's defocus (``estimate_ctf``), w
the amplitude contrast, the floor the power of the reference's noise. How strong the signal is
against the noise follows from physics: a phase object's contrast is relative to the beam's
intensity, and that is known from the noise of counting.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike
from scipy import fft

from faket.constants import interaction_constant_rad_per_V_A
from faket.data import AnyArray, DoubleArray, FloatArray
from faket.errors import InputError
from faket.methods.reference_properties import CORNER, ReferenceProperties
from faket.microscope.optics import Optics, aberration_phase
from faket.noise import anisotropic_filter, ring_filter, ring_power, white_noise
from faket.seeds import generator

_CONTENT_AMOUNT = 0.25  # of the noise, as in FakET's CONTENT
_LARGEST_V_A = 1e8  # chosen, because 100 µm of gold have 3e7: beyond, phases have no digits left
_DARKEST = 0.02  # of the beam; chosen, because the filter of the counts may go below 0


def spectral_images(
    noise_free: AnyArray,
    properties: ReferenceProperties,
    angles_deg: ArrayLike,
    *,
    seed: int,
    amount: float = 1.0,
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
    return _rendered(noise_free, properties, angles_deg, seed, (amount,))[0]


def spectral_content(
    noise_free: AnyArray, properties: ReferenceProperties, angles_deg: ArrayLike, *, seed: int
) -> FloatArray:
    """Return the content of style transfer: :func:`spectral_images` with a quarter of the noise."""
    return spectral_images(noise_free, properties, angles_deg, seed=seed, amount=_CONTENT_AMOUNT)


def spectral_pair(
    noise_free: AnyArray, properties: ReferenceProperties, angles_deg: ArrayLike, *, seed: int
) -> tuple[FloatArray, FloatArray]:
    """Return :func:`spectral_content` and :func:`spectral_images`; the optics are computed once."""
    kept, full = _rendered(noise_free, properties, angles_deg, seed, (_CONTENT_AMOUNT, 1.0))
    return kept, full


def _rendered(
    noise_free: AnyArray,
    properties: ReferenceProperties,
    angles_deg: ArrayLike,
    seed: int,
    amounts: tuple[float, ...],
) -> list[FloatArray]:
    """Return the images once for each amount of the same noise."""
    there = properties.at(angles_deg)
    if np.ndim(noise_free) != 3 or len(there.noise) != len(noise_free):
        raise InputError(
            f"noise-free projections: expected [tilt, y, x] with {len(there.noise)} tilts as in "
            f"`angles_deg`, found shape {np.shape(noise_free)}; give the angles of this stack"
        )
    largest = float(np.abs(noise_free).max())
    if not largest <= _LARGEST_V_A:  # NaN fails too
        raise InputError(
            f"noise-free projections: expected line integrals up to {_LARGEST_V_A:g} V·Å, found "
            f"{largest:g}; give those of `faket project`, without NaN"
        )
    shifts = generator(seed, "alignment").standard_normal((len(noise_free), 2))
    shifts *= there.alignment_error_A / there.pixel_size_A
    made = [np.empty(noise_free.shape, np.float32) for _ in amounts]
    for tilt, image in enumerate(noise_free):
        contrast = expected_contrast(there, tilt, image, shifts[tilt])
        counted = _counted(there, tilt, contrast, seed, amounts)
        for stack, counts in zip(made, counted, strict=True):
            stack[tilt] = counts
    return made


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
    ratio = np.empty(there.floor.shape)
    for tilt, image in enumerate(noise_free):
        signal = expected_contrast(there, tilt, image)
        power = ring_power(signal, there.floor.shape[1], limit=CORNER)
        ratio[tilt] = power / there.floor[tilt]
    return ratio


def expected_contrast(
    properties: ReferenceProperties,
    tilt: int,
    noise_free: AnyArray,
    shift_px: ArrayLike = (0.0, 0.0),
) -> FloatArray:
    """Return the expected image minus its mean, in grey values, shifted by ``shift_px`` (x, y)."""
    ny, nx = noise_free.shape
    p, optics = properties.pixel_size_A, properties.ctf.optics(tilt)
    sigma = interaction_constant_rad_per_V_A(properties.ctf.voltage_kV)
    spectrum = fft.rfft2(np.asarray(-sigma * noise_free, np.float32))  # [y, x] → [y, x // 2 + 1]
    spectrum *= ring_filter(properties.envelope[tilt], (ny, nx), limit=CORNER)
    dx, dy = np.asarray(shift_px, np.float64)
    if dx or dy:
        turns = dx * fft.rfftfreq(nx) + dy * fft.fftfreq(ny)[:, None]
        spectrum *= np.exp(-2j * np.pi * turns).astype(np.complex64)
    spectrum[0, 0] = 0
    phase = fft.irfft2(spectrum, s=(ny, nx))  # [y, x // 2 + 1] → [y, x]
    wave = np.exp((1j - properties.ctf.amplitude_contrast) * phase).astype(np.complex64)
    wave = fft.ifft2(fft.fft2(wave) * _transfer((ny, nx), optics, p))
    intensity = wave.real**2 + wave.imag**2
    return np.asarray(properties.beam_grey[tilt] * (intensity - intensity.mean()), np.float32)


def _transfer(shape: tuple[int, int], optics: Optics, pixel_size_A: float) -> AnyArray:
    """Transfer of a wave, exp(−iχ), over the frequencies of a complex FFT."""
    ny, nx = shape
    if optics.astigmatism_A:
        ky, kx = (fft.fftfreq(n, pixel_size_A) for n in shape)
        chi = aberration_phase(kx, ky[:, None], optics) - optics.phase_plate_rad
        chi[0, 0] = 0
        return np.asarray(np.exp(-1j * chi).astype(np.complex64))
    ky, kx = (np.arange(n // 2 + 1) / (n * pixel_size_A) for n in shape)
    chi = aberration_phase(kx, ky[:, None], optics) - optics.phase_plate_rad
    quarter = np.exp(-1j * chi).astype(np.complex64)  # the other quarters are mirror images
    quarter[0, 0] = 1.0
    rows, columns = (np.abs(np.rint(fft.fftfreq(n) * n).astype(int)) for n in (ny, nx))
    return np.asarray(quarter[rows][:, columns])


def _counted(
    properties: ReferenceProperties,
    tilt: int,
    contrast: FloatArray,
    seed: int,
    amounts: tuple[float, ...],
) -> Iterator[FloatArray]:
    """Count electrons so that the noise has the floor's spectrum and the signal is unchanged."""
    ny, nx = contrast.shape
    beam, floor = properties.beam_grey[tilt], properties.floor[tilt]
    electrons = beam**2 / floor[0]
    colour = anisotropic_filter(
        floor / floor[0], properties.anisotropy[tilt], (ny, nx), limit=CORNER
    )
    # [y, x] → [y, x // 2 + 1], with the colour of the noise → [y, x]; likewise for the counts below
    relative = fft.irfft2(fft.rfft2(contrast) / np.maximum(colour, 0.05), s=(ny, nx)) / beam
    expected = electrons * np.maximum(1 + relative, _DARKEST)
    deviation = _poisson_deviation(expected, white_noise(seed, tilt, (ny, nx)))
    for amount in amounts:
        counts = (expected + amount * deviation - electrons).astype(np.float32)
        image = fft.irfft2(fft.rfft2(counts) * colour, s=(ny, nx))
        image *= beam / electrons
        yield np.asarray(image - image.mean() + properties.noise.mean[tilt], np.float32)


def _poisson_deviation(expected: AnyArray, z: AnyArray) -> AnyArray:
    """Deviation from the mean of Poisson counts, to third order in a normal variable.

    Cornish and Fisher (1938): √λ z + (z² − 1) / 6 has the variance λ and the skewness 1 / √λ.
    """
    return np.asarray(np.sqrt(expected) * z + (z * z - 1) / 6)
