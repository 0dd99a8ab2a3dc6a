"""Power spectra of the tilts, and Thon rings beside the contrast transfer function."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.fft import fft2, fftfreq, fftshift, ifftshift
from scipy.ndimage import gaussian_filter, gaussian_filter1d

from faket.data import AnyArray, DoubleArray
from faket.microscope.optics import Optics, contrast_transfer
from faket.rings import equal_rings, hann, ring_frequencies

TILE_PX = 256  # chosen: fine enough for the rings of 10 µm of defocus at 10 Å
STEEPEST_DEG = 25.0  # tilts whose Thon rings are averaged; steeper ones blur them by their depth
COARSEST_A = 60.0  # coarser rings show the specimen's structure; as in faket.microscope.thon
_SMOOTH = 0.1  # of the rings; the background's Gaussian, as there
_BLUR_PX = 1.5  # σ; chosen: noise of the measured half fades, and rings of 10 µm do not
_SHOWN_SIGMAS = 3.0  # chosen: black and white of the Thon rings


@dataclass(frozen=True)
class KnownCtf:
    """The contrast transfer function of each tilt of a stack, and the file it is from."""

    angles_deg: DoubleArray
    optics: Sequence[Optics]
    amplitude_contrast: float
    source: str


@dataclass(frozen=True)
class StackSpectra:
    """Power of a stack's tilts.

    Attributes
    ----------
    pixel_size_A : float
    frequency_per_A : ndarray, shape (rings,)
    power : ndarray, shape (tilts, rings)
        Mean squared amplitude a pixel, so that white noise of variance v has power v.
    mean : ndarray, shape (tile, tile)
        Mean power of the tilts up to 25°, zero frequency in the middle.
    """

    pixel_size_A: float
    frequency_per_A: DoubleArray
    power: DoubleArray
    mean: DoubleArray


def stack_spectra(stack: AnyArray, pixel_size_A: float, angles_deg: DoubleArray) -> StackSpectra:
    """Return the power spectra of a stack [tilt, y, x], the mean over tiles of each image."""
    side = min(TILE_PX, *stack.shape[1:])
    rings = equal_rings((side, side), max(1, side // 2))
    low = np.abs(angles_deg) <= max(STEEPEST_DEG, float(np.abs(angles_deg).min()))
    curves, mean = [], np.zeros((side, side))
    for image, is_low in zip(stack, low, strict=True):
        power = _tile_power(np.asarray(image, np.float64), side)
        curves.append(rings.mean(power[:, : side // 2 + 1], empty=0.0))
        if is_low:
            mean += power / np.count_nonzero(low)
    frequency = ring_frequencies(rings.count, 0.5 / pixel_size_A)
    return StackSpectra(pixel_size_A, frequency, np.array(curves), fftshift(mean))


def thon_rings(spectra: StackSpectra, ctf: KnownCtf | None) -> dict[str, Any]:
    """Return Thon rings: an image whose left half is measured and whose right half is the CTF².

    Returns
    -------
    dict
        ``image``, shape (tile, tile), uint8; ``frequency_per_A`` from 1/60 Å on; ``measured`` and
        ``expected``, the rotational averages there, both without their smooth background and in
        units of their own spread. ``expected`` is None without a CTF.
    """
    side = len(spectra.mean)
    frequency = fftshift(fftfreq(side, spectra.pixel_size_A))  # 1/Å
    kx, ky = np.meshgrid(frequency, frequency)
    first = int(np.searchsorted(spectra.frequency_per_A, 1 / COARSEST_A))
    first = min(first, len(spectra.frequency_per_A) // 2)  # where pixels are very large
    blurred = gaussian_filter(spectra.mean, _BLUR_PX, mode="wrap")
    image, measured = _flat(np.log(blurred + 1e-12 * blurred.max() + 1e-300), first)
    expected = None
    if ctf is not None:
        model, expected = _flat(_squared_ctf(kx, ky, ctf), first)
        image = np.where(kx < 0, image, model)
    shown = np.clip(image / _SHOWN_SIGMAS * 127.5 + 127.5, 0, 255)
    return {
        "image": np.rint(shown).astype(np.uint8),
        "frequency_per_A": spectra.frequency_per_A[first:],
        "measured": measured,
        "expected": expected,
    }


def _squared_ctf(kx: DoubleArray, ky: DoubleArray, ctf: KnownCtf) -> DoubleArray:
    """Mean CTF² of the tilts whose rings are shown; envelopes would only hide them."""
    low = np.abs(ctf.angles_deg) <= max(STEEPEST_DEG, float(np.abs(ctf.angles_deg).min()))
    total = np.zeros(kx.shape)
    for tilt in np.flatnonzero(low).tolist():
        optics = replace(ctf.optics[tilt], focal_spread_A=0.0, semi_angle_rad=0.0)
        transfer = contrast_transfer(kx, ky, optics, amplitude_contrast=ctf.amplitude_contrast)
        total += transfer**2 / np.count_nonzero(low)
    return total


def _flat(values: DoubleArray, first: int) -> tuple[DoubleArray, DoubleArray]:
    """Subtract the smooth background from a spectrum, and divide by the spread of its rings.

    Returns the spectrum, 0 within the first rings and beyond Nyquist, and its rotational average
    from ring ``first`` on.
    """
    side = len(values)
    rings = equal_rings((side, side), max(1, side // 2))
    centred = ifftshift(values)
    means = rings.mean(centred[:, : side // 2 + 1], empty=0.0)[first:]
    background = gaussian_filter1d(means, max(1.0, _SMOOTH * len(means)), mode="nearest")
    spread = float((means - background).std()) or 1.0
    at = fftfreq(side)
    place = np.hypot.outer(at, at) * 2 * rings.count - 0.5 - first  # among the means
    inside = (place > -0.5) & (place < len(means) - 0.5)
    flat = np.where(inside, centred - np.interp(place, np.arange(len(means)), background), 0.0)
    return fftshift(flat / spread), (means - background) / spread


def _tile_power(image: DoubleArray, side: int) -> DoubleArray:
    """Return the mean power of square tiles, which overlap by half, under a Hann window."""
    window = hann((side, side))
    rows, columns = (_starts(n, side) for n in image.shape)
    total = np.zeros((side, side))
    for y in rows:
        for x in columns:
            tile = image[y : y + side, x : x + side]
            total += np.abs(fft2((tile - tile.mean()) * window)) ** 2
    return total / (np.sum(window**2) * len(rows) * len(columns))


def _starts(n: int, side: int) -> list[int]:
    """Return where tiles begin: evenly, the first and the last at the borders."""
    count = 1 + -(-2 * (n - side) // side)
    return [int(start) for start in np.linspace(0, n - side, count)]
