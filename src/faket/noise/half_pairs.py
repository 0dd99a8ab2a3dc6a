"""What two halves of one image have in common, measured in its middle."""

from dataclasses import dataclass

import numpy as np

from faket.data import AnyArray, DoubleArray
from faket.noise.half_ratio import SignalRatio, signal_ratio
from faket.noise.half_shifts import INDEPENDENT, Displacement, displacement, thumbnail
from faket.noise.spectrum import windowed_spectrum
from faket.rings import Rings, equal_rings

_WINDOW = {2: 1024, 3: 128}  # pixels in the middle that are looked at; chosen: enough of them
_RINGS = 64


@dataclass(frozen=True)
class FullImage:
    """What the full image is: α A + β B, and how much of it is that, or one half alone."""

    weights: tuple[float, float]
    sum: float
    first: float
    second: float


@dataclass(frozen=True, eq=False)
class HalfPair:
    """What two images of one tilt have in common."""

    alike: float  # correlation, all rings having equal power
    at_nyquist: float  # correlation of the last quarter of the rings
    moved: Displacement
    strength: SignalRatio
    thumbnails: tuple[AnyArray, AnyArray] | None = None
    full: FullImage | None = None


def middle(shape: tuple[int, ...]) -> tuple[slice, ...]:
    """Return the place of what is looked at, of even sides."""
    sides = [min(n - n % 2, _WINDOW[len(shape)]) for n in shape]
    return tuple(slice((n - m) // 2, (n - m) // 2 + m) for n, m in zip(shape, sides, strict=True))


def varies(image: AnyArray) -> bool:
    """Return whether an image is finite and not constant."""
    low, high = image.min(), image.max()
    return bool(np.isfinite(low) and np.isfinite(high) and low < high)


def half_pair(first: AnyArray, second: AnyArray, full: AnyArray | None = None) -> HalfPair:
    """Compare the middles of two halves [y, x] or [z, y, x] that vary, and of the full image."""
    place = middle(first.shape)
    one, other = (windowed_spectrum(half[place].astype(np.float32)) for half in (first, second))
    layout = equal_rings(first[place].shape, _RINGS, with_mean=False)
    both = ((one, one), (other, other), (one, other))
    powers = np.array([_cross(a, b, layout) for a, b in both])
    independent = INDEPENDENT**first.ndim
    return HalfPair(
        _alike(powers, layout),
        float(np.mean(_correlation(powers)[-_RINGS // 4 :])),
        displacement(one, other, layout, independent),
        signal_ratio(powers, independent * layout.number),
        (thumbnail(one), thumbnail(other)) if first.ndim == 2 else None,
        None if full is None else _compared(full[place], one, other, powers, layout),
    )


def _cross(first: AnyArray, second: AnyArray, layout: Rings) -> DoubleArray:
    return layout.mean(first.real * second.real + first.imag * second.imag, empty=0.0)


def _correlation(powers: DoubleArray) -> DoubleArray:
    first, second, cross = powers
    both = np.sqrt(first * second)
    return np.asarray(np.divide(cross, both, out=np.zeros_like(both), where=both > 0))


def _alike(powers: DoubleArray, layout: Rings) -> float:
    """Return the correlation of two images whose rings have equal power."""
    both = powers[0] * powers[1]
    held = layout.number * (both > 1e-24 * both.max())
    return float(np.average(_correlation(powers), weights=held)) if held.any() else 0.0


def _compared(
    full: AnyArray, one: AnyArray, other: AnyArray, powers: DoubleArray, layout: Rings
) -> FullImage:
    """Express the full image by its halves."""
    if not varies(full):
        return FullImage((0.0, 0.0), 0.0, 0.0, 0.0)
    whole = windowed_spectrum(full.astype(np.float32))
    own = _cross(whole, whole, layout)
    shared = [_cross(whole, half, layout) for half in (one, other)]
    a, b, c, d, e = (float(layout.number @ v) for v in (*powers, *shared))
    weights = np.linalg.lstsq(np.array([[a, c], [c, b]]), np.array([d, e]), rcond=1e-9)[0]
    total = (powers[0] + powers[1] + 2 * powers[2], shared[0] + shared[1])
    cases = (total, (powers[0], shared[0]), (powers[1], shared[1]))
    fits = [_alike(np.array([own, power, cross]), layout) for power, cross in cases]
    return FullImage((float(weights[0]), float(weights[1])), *fits)
