"""What two tilted images share: Fourier coefficients along the tilt axis, and near to it.

The transforms of all projections share the line along the tilt axis. Images whose tilts differ
little share a band around it: of a specimen of thickness t they agree as far from the line as
1 / (t |tan θ - tan θ'|), once each is stretched across the axis by 1 / cos θ. Along a line parallel
to the axis the images' displacement is a phase that rises steadily, whatever is between the lines;
so lines are compared one by one, and what their products have in common is the displacement along
the axis.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from faket.compiling import kernel
from faket.data import AnyArray, DoubleArray, FloatArray
from faket.rings import equal_rings

# Along the axis, in cycles per pixel of the coarse images. Below are gradients and what is left of
# borders, beyond is little but noise. Chosen: 420 to 33 Å in 512 pixels of 10 Å.
_LOWEST, _HIGHEST = 12 / 512, 0.30
_PAD = 2  # times the image: then two coefficients interpolate a third to a tenth of its amplitude
# Lines across on either side, one per image width.
_LINES = 16
# Of images whose tan θ differ by 1, agreement falls to 1 / e at so many lines from the axis: chosen
# for specimens about a fifth as thick as the image is wide (200 nm of 1 µm).
_AGREEING = 5.0
_LEAST_WEIGHT = 0.05  # lines that agree less are not looked at
_AT_ONCE = 128  # pairs: 10 MB of lines
_FARTHEST = 0.25  # of the image: displacements along the axis between two tilts; chosen


@dataclass(frozen=True, eq=False)
class Spectra:
    """Whitened transforms of padded images, their phases counted from the centre.

    Attributes
    ----------
    values : ndarray, shape (tilt, y, x // 2 + 1), complex64
        Frequencies up to those that lines need, rows from the lowest negative one.
    width : int
        Pixels along the larger side of the images: frequencies count in cycles per width.
    """

    values: NDArray[np.complex64]
    width: int


def spectra(images: FloatArray) -> Spectra:
    """Return the whitened transforms of images [tilt, y, x] that fade to 0 at their edges."""
    n, height, rows_wide = images.shape
    width = max(height, rows_wide)
    size = _PAD * width
    reach = int(np.ceil(_PAD * width * (_HIGHEST + (_LINES + 1) / width))) + 2
    reach = min(reach, size // 2 - 1)
    sign = (-1.0) ** np.arange(-reach, reach + 1)
    phase = (sign[:, None] * sign[None, reach:]).astype(np.float32)
    rings = equal_rings((size, size), width // 2)
    values = np.empty((n, 2 * reach + 1, reach + 1), np.complex64)
    padded = np.zeros((size, size), np.float32)
    inner = tuple(slice(size // 2 - k // 2, size // 2 - k // 2 + k) for k in (height, rows_wide))
    kept = np.arange(-reach, reach + 1)
    index = rings.index[kept, : reach + 1]
    for image, out in zip(images, values, strict=True):
        padded[inner] = image
        spectrum = fft.rfft2(padded, workers=-1)
        power = np.append(rings.mean(np.abs(spectrum) ** 2, empty=0.0), 1.0)
        power = np.maximum(power, 1e-9 * power.max())
        out[:] = spectrum[kept, : reach + 1] * phase / np.sqrt(power)[index].astype(np.float32)
    return Spectra(values, width)


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs of tilts whose lines are compared.

    Attributes
    ----------
    first, second : ndarray of int, shape (pairs,)
    weights : ndarray, shape (pairs, lines), float32
        How much each line is expected to agree, the sum of squares 1.
    """

    first: NDArray[np.intp]
    second: NDArray[np.intp]
    weights: FloatArray


def line_numbers() -> DoubleArray:
    """Return where lines lie across the axis, in cycles per image width."""
    return np.arange(-_LINES, _LINES + 1.0)


def pairs_of(first: NDArray[np.intp], second: NDArray[np.intp], angles_deg: DoubleArray) -> Pairs:
    """Return pairs of tilts with the weights of their lines."""
    tangent = np.tan(np.radians(angles_deg))
    apart = np.abs(tangent[first] - tangent[second])
    weights = np.exp(-((line_numbers() * apart[:, None] / _AGREEING) ** 2))
    weights[weights < _LEAST_WEIGHT] = 0
    weights /= np.sqrt((weights**2).sum(axis=1, keepdims=True))
    return Pairs(first, second, weights.astype(np.float32))


def sampled_lines(spectra: Spectra, angles_deg: DoubleArray, axis_deg: float) -> AnyArray:
    """Return the coefficients along lines parallel to the tilt axis, [tilt, line, along]."""
    axis = np.radians(axis_deg)
    width = spectra.width
    along = np.arange(round(_LOWEST * width), round(_HIGHEST * width) + 1, dtype=np.float64)
    across = line_numbers()[None, :] / np.cos(np.radians(angles_deg))[:, None]
    sampled: AnyArray = _sampled(
        spectra.values, across, along, np.sin(axis), np.cos(axis), float(_PAD)
    )
    return sampled


@kernel(nogil=True)
def _sampled(  # type: ignore[no-untyped-def]  # compiled
    values, across, along, sine, cosine, step
):  # pragma: no cover
    """Interpolate bilinearly at along * (-sin, cos) + across * (cos, sin), x y."""
    tilts, lines = across.shape
    reach = values.shape[2] - 1
    out = np.zeros((tilts, lines, along.size), np.complex64)
    for t in range(tilts):
        for m in range(lines):
            for k in range(along.size):
                x = step * (across[t, m] * cosine - along[k] * sine)
                y = step * (across[t, m] * sine + along[k] * cosine)
                mirrored = x < 0
                if mirrored:
                    x, y = -x, -y
                left, low = int(np.floor(x)), int(np.floor(y))
                if left >= reach or low < -reach or low >= reach:
                    continue
                right, up = np.float32(x - left), np.float32(y - low)
                one = np.float32(1)
                row, next_row = values[t, low + reach], values[t, low + reach + 1]
                value = (row[left] * (one - right) + row[left + 1] * right) * (one - up)
                value += (next_row[left] * (one - right) + next_row[left + 1] * right) * up
                out[t, m, k] = value.conjugate() if mirrored else value
    return out


def agreement(lines: AnyArray, pairs: Pairs) -> AnyArray:
    """Return how well the lines of pairs agree at each displacement along the axis.

    Parameters
    ----------
    lines : ndarray, shape (tilt, line, along), complex64
    pairs : Pairs

    Returns
    -------
    ndarray, shape (pairs, displacements), float32
        The mean of noise is 0 and its σ about 1; displacements count in the steps that
        :func:`displacements` gives.
    """
    out = np.empty((len(pairs.first), displacement_count(lines.shape[-1])), np.float32)
    for start in range(0, len(out), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        weights = pairs.weights[part]
        pair, line = np.nonzero(weights)
        first, second = pairs.first[part][pair], pairs.second[part][pair]
        products, noise = _products(lines, first, second, line, out.shape[1])
        correlation = fft.fft(products, axis=1, overwrite_x=True, workers=-1)
        _summed(correlation, pair, weights[pair, line] / noise, out[part])
        out[part] -= weights.sum(axis=1, keepdims=True)
    return out


@kernel(nogil=True)
def _products(lines, first, second, line, count):  # type: ignore[no-untyped-def]  # compiled
    """Return products of lines, padded to ``count``, and the power of their noise."""
    products = np.zeros((line.size, count), np.complex64)
    noise = np.empty(line.size, np.float32)
    for row in range(line.size):
        one, other = lines[first[row], line[row]], lines[second[row], line[row]]
        total = np.float32(1e-20)
        for k in range(one.size):
            product = one[k] * other[k].conjugate()
            products[row, k] = product
            total += product.real**2 + product.imag**2
        noise[row] = total
    return products, noise


@kernel(nogil=True)
def _summed(correlation, pair, share, out):  # type: ignore[no-untyped-def]  # compiled
    """Sum the squares of rows of ``correlation`` into their pair's row of ``out``."""
    out[:] = 0
    for row in range(pair.size):
        for k in range(correlation.shape[1]):
            value = correlation[row, k]
            out[pair[row], k] += share[row] * (value.real**2 + value.imag**2)


def displacement_count(samples: int) -> int:
    """Return over how many displacements a whole image is divided."""
    return int(fft.next_fast_len(5 * samples // 4))


def displacements(samples: int, width: int) -> DoubleArray:
    """Return the displacements of :func:`agreement` in pixels: of the first against the second."""
    return np.asarray(-fft.fftfreq(displacement_count(samples)) * width)


def near(displaced: DoubleArray, width: int) -> NDArray[np.bool_]:
    """Return which displacements tilts may have."""
    return np.asarray(np.abs(displaced) <= _FARTHEST * width)
