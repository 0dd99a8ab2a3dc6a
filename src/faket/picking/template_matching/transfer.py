"""The effect of tilt-series and weighted back-projection on a potential, as a transfer function."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import scipy.fft

from faket.data import DoubleArray, FloatArray, TiltGeometry
from faket.errors import InputError
from faket.microscope import Optics, contrast_transfer
from faket.microscope.dose import dose_before, surviving_amplitude
from faket.picking.template_matching.settings import Wedge
from faket.tilts import angular_weights

_FINER = 4  # the kernels of the images are sampled this much finer before a linear interpolation


def tomogram_transfer(
    size: int,
    voxel_size_A: float,
    geometry: TiltGeometry,
    *,
    wedge: Wedge = "per-tilt",
    optics: Sequence[Optics] | None = None,
    voltage_kV: float = 300.0,
) -> FloatArray:
    """Return the factor between the spectrum of a potential and its spectrum in a tomogram.

    "per-tilt" is the spectrum of the point-spread function of weighted back-projection,
    Σ_t w_t h_t(x cos θ_t + z sin θ_t, y). Here w_t is the angular range that tilt t represents and
    h_t the kernel of the ramp filter, times the CTF of the tilt if ``optics`` is given, times the
    amplitude that survives the dose (Grant and Grigorieff 2015) if the geometry has dose and
    order. "binary" is 1 between the outermost tilts and 0 in the missing wedge, times the CTF of
    the mean defocus; "none" has no wedge.

    Parameters
    ----------
    size : int
        Edge of the box, voxels.
    voxel_size_A : float
    geometry : TiltGeometry
    wedge : {"per-tilt", "binary", "none"}
    optics : sequence of Optics, optional
        One per tilt, or one for all.
    voltage_kV : float
        For the dose.

    Returns
    -------
    ndarray, shape (size, size, size // 2 + 1), float32
        On the grid of ``rfftn``. Negative at low frequencies, with and without ``optics``, so that
        protein becomes dark. The scale is arbitrary.

    Raises
    ------
    InputError
        If there is no tilt, or ``optics`` has another length.
    """
    tilts = len(geometry.angles_deg)
    given = list(optics or ())
    if tilts == 0 or len(given) not in (0, 1, tilts):
        raise InputError(
            f"template: expected at least one tilt, and optics for all tilts or for each, found "
            f"{tilts} tilts and optics for {len(given)}; give one for each tilt"
        )
    given = given * tilts if len(given) == 1 else given
    if wedge == "per-tilt":
        return _point_spread_spectrum(size, voxel_size_A, geometry, given, voltage_kV)
    return _binary(size, voxel_size_A, geometry, given, wedge)


def _binary(
    size: int, voxel_size_A: float, geometry: TiltGeometry, optics: list[Optics], wedge: Wedge
) -> FloatArray:
    kz, ky = (_frequencies(size, voxel_size_A).reshape(shape) for shape in ((-1, 1, 1), (-1, 1)))
    kx = np.fft.rfftfreq(size, voxel_size_A)
    weights = -np.ones((size, size, len(kx)))
    if optics:
        # Defocus changes little between tilts, so one CTF without astigmatism serves all.
        defocus_A = float(np.mean([item.defocus_A for item in optics]))
        mean = replace(optics[0], defocus_A=defocus_A, astigmatism_A=0.0)
        weights = contrast_transfer(np.hypot(kx, kz), ky, mean)
    if wedge == "binary":
        low, high = np.tan(np.radians([geometry.angles_deg.min(), geometry.angles_deg.max()]))
        # A frequency on the plane of tilt θ is u (cos θ, sin θ): its kz is kx tan θ.
        slack = 0.5 / (size * voxel_size_A)
        seen = (kz >= low * kx - slack) & (kz <= high * kx + slack)
        weights = weights * seen
    return np.asarray(weights, np.float32)


def _point_spread_spectrum(
    size: int, voxel_size_A: float, geometry: TiltGeometry, optics: list[Optics], voltage_kV: float
) -> FloatArray:
    spread = np.zeros((size, size, size))  # [z, x, y]: rows along y are shared by all voxels
    along = np.arange(size) - size // 2
    weights = angular_weights(geometry.angles_deg)
    for tilt, angle in enumerate(np.radians(geometry.angles_deg)):
        kernel = _image_kernel(size, voxel_size_A, geometry, optics, tilt, voltage_kV)
        u = along[None, :] * np.cos(angle) + along[:, None] * np.sin(angle)
        place = (u + size) * _FINER
        left = np.floor(place).astype(int)
        part = (place - left)[..., None]
        spread += weights[tilt] * ((1 - part) * kernel[left] + part * kernel[left + 1])
    spectrum = scipy.fft.rfftn(scipy.fft.ifftshift(spread.transpose(0, 2, 1)))
    return np.ascontiguousarray(spectrum.real, np.float32)


def _image_kernel(
    size: int,
    voxel_size_A: float,
    geometry: TiltGeometry,
    optics: list[Optics],
    tilt: int,
    voltage_kV: float,
) -> DoubleArray:
    """Kernel of one filtered image [u, y]; u from -size, in quarters of a voxel."""
    ku = _frequencies(2 * size, voxel_size_A)[:, None]
    ky = _frequencies(size, voxel_size_A)
    transfer = -np.ones(np.broadcast(ku, ky).shape)
    if optics:
        own = optics[tilt]
        # The tilt axis of the tomogram is y; astigmatism is given in the frame of the image.
        aligned = replace(own, astigmatism_deg=own.astigmatism_deg - geometry.tilt_axis_deg)
        transfer = np.array(contrast_transfer(ku, ky, aligned))
    if geometry.dose_e_per_A2 is not None and geometry.order is not None:
        before = dose_before(geometry.dose_e_per_A2, geometry.order)[tilt]
        dose = float(geometry.dose_e_per_A2[tilt])
        transfer *= surviving_amplitude(np.hypot(ku, ky), float(before), dose, voltage_kV)
    transfer *= np.abs(ku)
    fine = np.zeros((2 * size * _FINER, size))
    fine[:size], fine[-size:] = transfer[:size], transfer[size:]
    return np.asarray(np.fft.fftshift(np.fft.ifft2(fine).real) * _FINER)


def _frequencies(size: int, voxel_size_A: float) -> DoubleArray:
    return np.asarray(np.fft.fftfreq(size, voxel_size_A))
