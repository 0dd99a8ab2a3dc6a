"""How far two tilts are displaced against each other: stretched by 1 / cos θ and correlated."""

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from faket.data import DoubleArray, FloatArray
from faket.interpolation import parabola_top
from faket.reconstruction.resampling import in_plane_rotation
from faket.rings import equal_rings, frequencies, tukey
from faket.threads import in_threads

_NEIGHBOURS = 3  # tilts on either side, to which one is compared; chosen
_LOWEST, _HIGHEST = 12 / 512, 0.25  # cycles per coarse pixel; chosen as in `common_lines`
# Lines per image width over the difference of tan θ, up to which bodies at all heights fit at the
# same displacement. Chosen: with 5, the peak of a slab a third as thick as wide is at the height of
# some bodies, and drifts by 2.1 % of the width (σ) over a series; with 2 by 0.4 %.
_AGREEING = 2.0
_FARTHEST = 0.25  # of the image: displacements between neighbours; chosen
_WINDOW = 0.2  # of the image: its cosine edges


def neighbours(n: int) -> NDArray[np.intp]:
    """Return pairs of neighbours in the order of the angles, [pair, 2]."""
    pairs = [(i, i + apart) for apart in range(1, _NEIGHBOURS + 1) for i in range(n - apart)]
    return np.array(pairs, np.intp)


def stretched_spectra(
    images: FloatArray, angles: DoubleArray, tilt_axis_deg: float
) -> NDArray[np.complex64]:
    """Return whitened transforms [tilt, ky, kx] of what images show of the specimen's plane."""
    size = max(images.shape[1:])
    window = tukey((size, size), _WINDOW).astype(np.float32)
    rings = equal_rings((size, size), size // 2)
    turn = in_plane_rotation(tilt_axis_deg)
    out = np.empty((len(images), size, size // 2 + 1), np.complex64)

    def transform(tilt: int) -> None:
        image, angle = images[tilt], angles[tilt]
        # (X, Y) of the specimen was imaged at R (X cos θ, Y); from here on y x.
        to_image = (turn * [np.cos(angle), 1.0])[::-1, ::-1]
        offset = np.array(image.shape) // 2 - to_image @ np.full(2, size // 2)
        stretch = to_image.diagonal()
        if (to_image == np.diag(stretch)).all():
            to_image = stretch  # takes half the time
        seen = ndimage.affine_transform(image, to_image, offset, output_shape=(size, size), order=1)
        values = fft.rfft2((seen - seen.mean()) * window)
        power = rings.mean(np.abs(values) ** 2, empty=0.0)
        power = np.append(np.maximum(power, 1e-9 * max(power.max(), 1e-9)), np.inf)
        out[tilt] = values / np.sqrt(power)[rings.index]

    in_threads(transform, range(len(images)))
    return out


def pair_shifts(
    transforms: NDArray[np.complex64], tangents: DoubleArray, pairs: NDArray[np.intp]
) -> tuple[DoubleArray, DoubleArray]:
    """Return x, y of the first against the second of each pair, and how high the peaks are."""
    size = transforms.shape[1]
    radius = frequencies((size, size))
    band = (radius >= _LOWEST) & (radius <= _HIGHEST)
    waves = np.arange(size // 2 + 1)  # across the axis, per image width
    place = fft.fftfreq(size, 1 / size)
    far = np.abs(place) > _FARTHEST * size
    shifts, heights = np.empty((len(pairs), 2)), np.empty(len(pairs))

    def measure(p: int) -> None:
        i, j = pairs[p]
        apart = tangents[i] - tangents[j]
        weight = (band * np.exp(-((waves * apart / _AGREEING) ** 2))).astype(np.float32)
        product = transforms[i] * transforms[j].conj() * weight
        correlation = fft.irfft2(product, (size, size))
        noise = float(correlation.std())
        correlation[far] = correlation[:, far] = -np.inf
        y, x = np.unravel_index(correlation.argmax(), correlation.shape)
        heights[p] = correlation[y, x] / max(noise, 1e-30)
        shifts[p] = (
            place[x] + parabola_top(correlation[y, [x - 1, x, (x + 1) % size]]),
            place[y] + parabola_top(correlation[[y - 1, y, (y + 1) % size], x]),
        )

    in_threads(measure, range(len(pairs)))
    return shifts, heights
