"""Images on other pixels: shifted, rotated and of another pixel size, noise as white as before."""

import numpy as np
import scipy.fft
from scipy import ndimage

from faket.data import AnyArray, DoubleArray, FloatArray, TiltGeometry
from faket.errors import InputError
from faket.stacks import empty_stack

# Pixels mirrored around an image. Chosen, because the step between opposite edges, where they meet,
# is felt at this distance by less than 1 / 32π of its height.
_MARGIN = 32
# Samples of the fine grid per pixel of the result; chosen, because B-splines then err by 1 %.
_FINER = 2
_ORDER = 3


def align(images: AnyArray, geometry: TiltGeometry) -> AnyArray:
    """Undo shifts and tilt-axis rotation; without any the images are not copied.

    Parameters
    ----------
    images : ndarray, shape (tilt, y, x)
    geometry : TiltGeometry

    Returns
    -------
    ndarray, shape (tilt, y, x)
        ``images`` itself where there is nothing to undo.
    """
    if not geometry.shifts_A.any() and geometry.tilt_axis_deg == 0 and geometry.matrices is None:
        return images
    return resample(images, geometry)


def resample(
    images: AnyArray,
    geometry: TiltGeometry,
    *,
    pixel_size_A: float | None = None,
    shape: tuple[int, int] | None = None,
) -> FloatArray:
    """Undo shifts and tilt-axis rotation, and change to larger pixels, in one interpolation.

    What the new pixels can show keeps its amplitude and phase, up to their Nyquist frequency; what
    they cannot show is cut off before. White noise stays white, so a spectrum that is measured
    afterwards is that of the images. Beyond an image's edges it is mirrored.

    Parameters
    ----------
    images : ndarray, shape (tilt, y, x)
    geometry : TiltGeometry
        Of the images as they are.
    pixel_size_A : float, optional
        Of the result; by default that of the images.
    shape : (int, int), optional
        y and x of the result; by default what covers the images without rotation.

    Returns
    -------
    ndarray, shape (tilt, y, x), float32
        The centre N // 2 of all axes is the same point.

    Raises
    ------
    InputError
        If the pixels would be smaller than those of the images, or none would be left.
    """
    wanted_A = geometry.pixel_size_A if pixel_size_A is None else pixel_size_A
    ratio = wanted_A / geometry.pixel_size_A
    if not ratio >= 1 - 1e-6:
        raise InputError(
            f"`pixel_size_A`: expected at least {geometry.pixel_size_A:g} Å, that of the images, "
            f"found {wanted_A:g}; finer pixels would show nothing more"
        )
    _, height, width = images.shape
    size = shape or (int(height / ratio + 1e-6), int(width / ratio + 1e-6))
    if min(size) < 1:
        raise InputError(
            f"`pixel_size_A`: expected pixels smaller than the images of {height} x {width} pixels "
            f"of {geometry.pixel_size_A:g} Å, found {wanted_A:g} Å"
        )
    matrices = geometry.matrices
    if matrices is None:
        matrices = np.broadcast_to(in_plane_rotation(geometry.tilt_axis_deg), (len(images), 2, 2))
    shifts = geometry.shifts_A / geometry.pixel_size_A
    out = empty_stack((len(images), *size))
    for image, matrix, shift, new in zip(images, matrices, shifts, out, strict=True):
        _resample_image(image, matrix, shift, ratio, new)
    return out


def in_plane_rotation(tilt_axis_deg: float) -> DoubleArray:
    """Return R (x y): what alignment puts at p from the centre was imaged at R p + shift."""
    angle = np.radians(tilt_axis_deg)
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def _resample_image(
    image: AnyArray, matrix: DoubleArray, shift: DoubleArray, ratio: float, out: FloatArray
) -> None:
    """Fill ``out`` [y, x]; its pixel q from the centre shows the image at ratio R q + shift."""
    fine, step = _spline_coefficients(image, matrix, ratio)
    # From here on y x; the fine sample i is the image's sample i / step.
    to_fine = step * ratio * matrix[::-1, ::-1]
    centre = step * (np.array(image.shape) // 2 + shift[::-1])
    offset = centre - to_fine @ (np.array(out.shape) // 2)
    ndimage.affine_transform(
        fine, to_fine, offset, output=out, output_shape=out.shape, order=_ORDER, mode="mirror",
        prefilter=False,
    )  # fmt: skip


def _spline_coefficients(
    image: AnyArray, matrix: DoubleArray, ratio: float
) -> tuple[FloatArray, int]:
    """Return coefficients [y, x] of B-splines on a grid ``step`` times as fine as the pixels.

    The spectrum is cut at the new pixels' Nyquist frequency and divided by the transform of the
    B-spline, so that the sum of splines has it exactly. Each frequency also appears once more,
    beyond the fine grid's Nyquist: (f / (1 - f))⁴ as strong, 1.2 % at a quarter of a cycle per
    fine pixel, where the new pixels' Nyquist frequency is. Corners of a rotated spectrum reach
    beyond it.
    """
    step = max(1, int(np.ceil(_FINER / ratio - 1e-6)))
    padded = _mirrored(image)
    spectrum = scipy.fft.rfft2(padded, workers=-1)
    spectrum *= _kept(padded.shape, matrix, ratio)
    for axis, size in enumerate(padded.shape):
        frequency = np.fft.fftfreq(size) if axis == 0 else np.fft.rfftfreq(size)
        response = np.sinc(frequency / step) ** (_ORDER + 1)
        spectrum /= response.astype(np.float32).reshape((-1, 1) if axis == 0 else (1, -1))
    whole = _on_finer_grid(spectrum, padded.shape, step)
    inner = tuple(slice(step * _MARGIN, step * (_MARGIN + n - 1) + 1) for n in image.shape)
    return whole[inner], step


def _mirrored(image: AnyArray) -> FloatArray:
    """Return the image with mirrored margins that fade to its mean, of a size FFTs are fast at."""
    widths = []
    for size in image.shape:
        whole = scipy.fft.next_fast_len(size + 2 * _MARGIN, real=True)
        widths.append((_MARGIN, whole - size - _MARGIN))
    mean = np.float32(image.mean(dtype=np.float64))
    padded: FloatArray = np.pad(image.astype(np.float32) - mean, widths, mode="reflect")
    for axis, (before, after) in enumerate(widths):
        size = padded.shape[axis]
        from_edge = np.minimum(
            (np.arange(size) + 0.5) / before, (size - 0.5 - np.arange(size)) / after
        )
        fade = np.sin(0.5 * np.pi * np.minimum(2 * from_edge, 1)) ** 2  # half a margin is whole
        padded *= fade.astype(np.float32).reshape((-1, 1) if axis == 0 else (1, -1))
    padded += mean
    return padded


def _kept(shape: tuple[int, ...], matrix: DoubleArray, ratio: float) -> AnyArray:
    """Return which frequencies [ky, kx] of an image the new pixels can show."""
    ky, kx = np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1])[None, :]
    limit = 0.5 / ratio + 1e-9
    along_x, along_y = matrix[0, 0] * kx + matrix[1, 0] * ky, matrix[0, 1] * kx + matrix[1, 1] * ky
    kept: AnyArray = (abs(along_x) <= limit) & (abs(along_y) <= limit)
    return kept


def _on_finer_grid(spectrum: AnyArray, shape: tuple[int, ...], step: int) -> FloatArray:
    """Return the image [y, x] of a half spectrum on a grid ``step`` times as fine."""
    height, width = shape
    if step > 1:
        finer = np.zeros((step * height, step * width // 2 + 1), np.complex64)
        half = (height + 1) // 2
        finer[:half, : spectrum.shape[1]] = spectrum[:half]
        finer[len(finer) - height // 2 :, : spectrum.shape[1]] = spectrum[half:]
        # The Nyquist frequency of an even axis stands for both signs.
        if height % 2 == 0:
            finer[half] = 0.5 * finer[len(finer) - half]
            finer[len(finer) - half] *= 0.5
        if width % 2 == 0:
            finer[:, width // 2] *= 0.5
        spectrum = finer * np.float32(step**2)
    return np.asarray(
        scipy.fft.irfft2(spectrum, (step * height, step * width), workers=-1), np.float32
    )
