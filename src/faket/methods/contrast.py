"""The image that a perfect detector would see of noise-free projections, without noise.

A noise-free projection (minus the line integrals of the potential V, V·Å) becomes

    wave     = exp[(i − w) φ],   φ = F⁻¹[envelope(k) · F σV]
    contrast = |F⁻¹[exp(−iχ) · F wave]|², relative to its mean

χ is the aberration phase of the CTF, w the amplitude contrast, σ the interaction constant.
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy import fft

from faket.constants import interaction_constant_rad_per_V_A
from faket.data import AnyArray, DoubleArray, FloatArray
from faket.methods.reference_properties import CORNER, ReferenceProperties
from faket.methods.turned import magnified, turned
from faket.microscope.optics import Optics, aberration_phase
from faket.noise import ring_filter


def expected_contrast(
    properties: ReferenceProperties,
    tilt: int,
    noise_free: AnyArray,
    shift_px: ArrayLike = (0.0, 0.0),
    turn_deg: float = 0.0,
    magnification: float = 1.0,
) -> FloatArray:
    """Return the expected image relative to its mean, less 1, turned, magnified and shifted.

    Parameters
    ----------
    properties : ReferenceProperties
        Of whose tilt ``tilt`` CTF and envelope are used.
    tilt : int
    noise_free : ndarray, shape (y, x)
        Minus line integrals, V·Å.
    shift_px : (float, float)
        Along x and y.
    turn_deg : float
        From x towards y, about pixel N // 2, before it is shifted.
    magnification : float
        About the same pixel, near to 1.

    Returns
    -------
    ndarray, shape (y, x), float32
    """
    ny, nx = noise_free.shape
    if turn_deg:
        noise_free = turned(noise_free, turn_deg)
    if magnification != 1:
        noise_free = magnified(noise_free, magnification)
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
    return contrast_of_phase(phase, optics, properties.ctf.amplitude_contrast, p)


def contrast_of_phase(
    phase: AnyArray, optics: Optics, amplitude_contrast: float, pixel_size_A: float
) -> FloatArray:
    """Return the image of a phase φ [y, x], rad, relative to its mean, less 1."""
    shape = (phase.shape[0], phase.shape[1])
    wave = np.exp((1j - amplitude_contrast) * phase).astype(np.complex64)
    wave = fft.ifft2(fft.fft2(wave) * _transfer(shape, optics, pixel_size_A))
    intensity = wave.real**2 + wave.imag**2
    return np.asarray(intensity - intensity.mean(), np.float32)


def filtered(image: AnyArray, amplitude: DoubleArray) -> FloatArray:
    """Multiply an image's rings by an amplitude."""
    shape = (image.shape[0], image.shape[1])
    spectrum = fft.rfft2(image)  # [y, x] → [y, x // 2 + 1]
    spectrum *= ring_filter(amplitude, shape, limit=CORNER)
    return np.asarray(fft.irfft2(spectrum, s=shape), np.float32)  # [y, x // 2 + 1] → [y, x]


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
