"""The lens and the way to the detector: from the wave behind the slab to intensity in the field."""

import math
from dataclasses import replace

import torch

from faket.fourier import inverse_real
from faket.microscope.grid import WorkingGrid, fft_frequencies, multiply, rotate
from faket.microscope.optics import Optics, aberration_phase, log_envelope
from faket.microscope.record import AcquisitionRecord


def fresnel_propagator(grid: WorkingGrid, wavelength_A: float, distance_A: float) -> torch.Tensor:
    """Return exp(−iπλk²Δz) over the frequencies of a complex FFT of the grid."""
    kx, ky = grid.frequencies(real=False)
    angle = (-math.pi * wavelength_A * distance_A) * (kx * kx + ky * ky)
    return torch.polar(torch.ones_like(angle), angle)


def transfer_function(grid: WorkingGrid, optics: Optics, z_A: float = 0.0) -> torch.Tensor:
    """Return exp(−iχ) E over the frequencies of a complex FFT, for a wave at z'.

    The envelopes are those of the slab's middle. A phase plate shifts the scattered wave, not the
    unscattered beam.
    """
    kx, ky = grid.frequencies(real=False)
    here = replace(optics, defocus_A=optics.defocus_A + z_A)
    chi = aberration_phase(kx, ky, here) - optics.phase_plate_rad
    transfer = torch.polar(torch.exp(log_envelope(kx, ky, optics)), -chi)
    transfer[0, 0] = 1.0
    return transfer


def form_image(
    grid: WorkingGrid, wave: torch.Tensor, z_A: float, record: AcquisitionRecord, tilt: int
) -> torch.Tensor:
    """Image a wave through the lens: |F⁻¹[exp(−iχ) E F ψ]|².

    The record's defocus is that of the middle of the slab; a plane z' farther along the beam has
    an underfocus that is z' larger.

    Parameters
    ----------
    grid : WorkingGrid
    wave : Tensor, shape (y, x) of the grid, complex64
        At beam coordinate ``z_A``.
    z_A : float
    record : AcquisitionRecord
    tilt : int

    Returns
    -------
    Tensor, shape (y, x) of the grid, float32
        Relative to the incident beam.
    """
    optics = record.optics(tilt)
    turned = record.tilt_axis_deg + record.rotation_errors_deg[tilt]
    optics = replace(optics, astigmatism_deg=optics.astigmatism_deg - turned)
    image: torch.Tensor = torch.fft.ifft2(
        multiply(torch.fft.fft2(wave), transfer_function(grid, optics, z_A))
    )
    return image.real.square() + image.imag.square()


def place_image(
    grid: WorkingGrid, intensity: torch.Tensor, record: AcquisitionRecord, tilt: int
) -> torch.Tensor:
    """Turn the image to the tilt axis, shift it, blur it, and crop the detector's field."""
    intensity = rotate(intensity, record.tilt_axis_deg + record.rotation_errors_deg[tilt])
    shift_x, shift_y = record.shifts_A[tilt]
    blur = record.microscope.motion_blur_A
    if shift_x or shift_y or blur:
        shape = (intensity.shape[0], intensity.shape[1])
        kx, ky = fft_frequencies(shape, record.pixel_size_A, grid.device, real=True)
        decay = torch.exp((-2 * math.pi**2 * blur**2) * (kx * kx + ky * ky))
        move = torch.polar(decay, (-2 * math.pi) * (kx * shift_x + ky * shift_y))
        # [y, x] → [y, x // 2 + 1] → [y, x]
        intensity = inverse_real(multiply(torch.fft.rfft2(intensity), move), shape)
    return grid.crop(intensity).contiguous()
