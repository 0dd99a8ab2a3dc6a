"""Correction of a contrast transfer's signs before a tomogram is reconstructed.

A tilted specimen has another defocus at each distance from the tilt axis. Images are corrected in
strips parallel to it, each with the defocus of its middle, as IMOD's ctfphaseflip does (Xiong et
al., J. Struct. Biol. 168, 2009), and neighbouring strips are blended.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy import fft

from faket.data import AnyArray, DoubleArray, FloatArray, TiltSeries
from faket.errors import InputError
from faket.microscope import Optics, contrast_transfer
from faket.microscope.ctf_estimate import AMPLITUDE_CONTRAST
from faket.reconstruction import align
from faket.stacks import empty_stack

# Of the phase at Nyquist between a strip's middle and that of the next; chosen, because so near to
# a zero, a sixteenth of a turn, the contrast transfer is weak.
_PHASE = math.pi / 8
_MOST_STRIPS = 32  # of an image; chosen, because more cost more time than they gain
_MARGIN = 32  # pixels mirrored at the edges, as wide as the images of points at usual defoci


def flip_phases(
    series: TiltSeries,
    optics: Sequence[Optics],
    *,
    amplitude_contrast: float = AMPLITUDE_CONTRAST,
) -> TiltSeries:
    """Make the contrast transfer of all frequencies as negative as it is at low ones.

    Protein stays dark. Amplitudes do not change, and neither does the power of noise.

    Parameters
    ----------
    series : TiltSeries
        Its shifts and tilt axis are undone first.
    optics : sequence of Optics
        Of each image, with the defocus at the tilt axis and astigmatism in the aligned frame.
    amplitude_contrast : float

    Returns
    -------
    TiltSeries
        Aligned.

    Raises
    ------
    InputError
        If there are not as many optics as images.
    """
    if len(optics) != len(series.images):
        raise InputError(
            f"optics: expected one for each of {len(series.images)} images, found {len(optics)}"
        )
    geometry = series.geometry.aligned()
    aligned = align(series.images, series.geometry)
    pixel_A = geometry.pixel_size_A
    images = empty_stack(aligned.shape)
    tilts = zip(aligned, geometry.angles_deg, optics, images, strict=True)
    for image, angle_deg, own, out in tilts:
        out[:] = _flipped(
            image, math.tan(math.radians(angle_deg)), own, pixel_A, amplitude_contrast
        )
    return TiltSeries(images, geometry)


def _flipped(
    image: AnyArray, slope: float, optics: Optics, pixel_A: float, amplitude_contrast: float
) -> FloatArray:
    """Return an image [y, x] corrected in strips."""
    height, width = image.shape
    middles = _middles(width, slope, optics, pixel_A)
    widths = [
        (_MARGIN, fft.next_fast_len(n + 2 * _MARGIN, real=True) - n - _MARGIN) for n in image.shape
    ]
    mean = np.float32(image.mean(dtype=np.float64))
    padded = np.pad(np.asarray(image, np.float32) - mean, widths, mode="reflect")
    spectrum = fft.rfft2(padded, workers=-1)
    ky, kx = fft.fftfreq(padded.shape[0], pixel_A)[:, None], fft.rfftfreq(padded.shape[1], pixel_A)
    corrected = np.zeros(image.shape, np.float32)
    for strip, middle in enumerate(middles):
        # Where the specimen's plane is farther along the beam, the underfocus is larger; at x' from
        # the axis its beam coordinate is -x' tan θ.
        here = replace(optics, defocus_A=optics.defocus_A - slope * middle * pixel_A)
        transfer = contrast_transfer(kx, ky, here, amplitude_contrast=amplitude_contrast)
        sign = np.where(transfer > 0, np.float32(-1), np.float32(1))
        # [y, x // 2 + 1] → [y, x]
        whole = fft.irfft2(spectrum * sign, padded.shape, workers=-1)
        inner = whole[_MARGIN : _MARGIN + height, _MARGIN : _MARGIN + width]
        corrected += inner * _share(strip, middles, width)
    return corrected + mean


def _middles(width: int, slope: float, optics: Optics, pixel_A: float) -> DoubleArray:
    """Return the distance of the strips' middles from the tilt axis, pixels."""
    nyquist = 0.5 / pixel_A
    # χ changes by πλk² with the defocus, Å.
    tolerance_A = _PHASE / (math.pi * optics.wavelength_A * nyquist**2)
    count = 1 + min(_MOST_STRIPS, math.ceil(abs(slope) * width * pixel_A / tolerance_A))
    first, last = -(width // 2), width - 1 - width // 2
    if abs(slope) * width * pixel_A < 0.5 * tolerance_A:
        return np.zeros(1)
    return np.linspace(first, last, count)


def _share(strip: int, middles: DoubleArray, width: int) -> FloatArray:
    """Return the weight of a strip in every column: all weights of a column sum to 1."""
    columns = np.arange(width) - width // 2
    own = np.zeros(len(middles))
    own[strip] = 1
    return np.asarray(np.interp(columns, middles, own), np.float32)
