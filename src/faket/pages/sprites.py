"""Planes of a volume or a stack as one compressed image, which the page cuts apart again."""

import base64
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from faket.data import AnyArray

LONGEST_SIDE = 16_000  # pixels; a WebP image has at most 16 383
# Chosen: of noise a pixel takes half a byte, and a tomogram has two noisy sprites, so that a page
# stays below 30 MB. A canvas of Safari on a phone has at most 16.7 million pixels.
_ALL_PIXELS, _MOST_PIXELS, _LONGEST_PLANE, _QUALITY = 18_000_000, 6_000_000, 320, 40
_PERCENTILES = (0.5, 99.5)  # as in the figures of data sets
_AT_MOST_COUNTED = 2_000_000  # chosen: percentiles of so many values are exact enough to look at


@dataclass(frozen=True)
class Detail:
    """How finely tomograms and stacks are shown.

    Attributes
    ----------
    side : int
        Longest side of a plane, pixels.
    pixels : int
        Of all planes of a sprite together.
    quality : int
        Of WebP, 0 to 100.
    """

    side: int = _LONGEST_PLANE
    pixels: int = _MOST_PIXELS
    quality: int = _QUALITY

    @staticmethod
    def for_tomograms(count: int) -> "Detail":
        """Return the detail with which so many tomograms fit on a page of 30 MB."""
        return Detail(pixels=min(_MOST_PIXELS, _ALL_PIXELS // max(1, count)))


def grey_limits(planes: AnyArray) -> tuple[float, float]:
    """Return the grey values that become black and white: percentiles 0.5 and 99.5.

    Parameters
    ----------
    planes : ndarray, shape (n, y, x)
    """
    step = max(1, planes.size // _AT_MOST_COUNTED)
    low, high = np.percentile(planes.ravel()[::step], _PERCENTILES)
    if not high > low:  # over half of the values are one: noise-free projections of few molecules
        low, high = planes.min(), planes.max()
    return float(low), float(high) if high > low else float(low) + 1.0


def grey_sprite(
    planes: AnyArray, quality: int, limits: tuple[float, float] | None = None
) -> dict[str, Any]:
    """Return planes as WebP with loss, 8 bits a pixel.

    Parameters
    ----------
    planes : ndarray, shape (n, y, x)
    quality : int
        Of WebP, 0 to 100.
    limits : (float, float), optional
        Black and white, instead of :func:`grey_limits`.

    Returns
    -------
    dict
        ``src``, a data URL; ``shape``; ``columns``, planes in a row; ``limits``.
    """
    low, high = limits or grey_limits(planes)
    scaled = np.clip((planes - np.float32(low)) * np.float32(255 / (high - low)), 0, 255)
    sheet, columns = _sheet(np.rint(scaled).astype(np.uint8))
    src = _encoded(sheet, "webp", quality=quality, method=4)
    return {"src": src, "shape": planes.shape, "columns": columns, "limits": [low, high]}


def label_sprite(planes: AnyArray) -> dict[str, Any]:
    """Return labels 0 to 255, shape (n, y, x), as PNG without loss; a dict as `grey_sprite`'s."""
    sheet, columns = _sheet(np.asarray(planes, np.uint8))
    return {"src": _encoded(sheet, "png"), "shape": planes.shape, "columns": columns}


def fitting_factor(shape: Sequence[int], detail: Detail, *, stack: bool) -> int:
    """Return the side of the blocks that are averaged, so that planes and sheet are small enough.

    Parameters
    ----------
    shape : (int, int, int)
        Planes, y, x.
    detail : Detail
    stack : bool
        Whether planes are images, which are not averaged with each other.
    """
    most = min(shape[1:] if stack else shape)
    factor = max(1, math.ceil(max(shape[1:]) / detail.side))
    while factor < most and math.prod(_reduced(shape, factor, stack)) > detail.pixels:
        factor += 1
    return min(factor, most)


def _reduced(shape: Sequence[int], factor: int, stack: bool) -> tuple[int, ...]:
    return tuple(n if stack and axis == 0 else n // factor for axis, n in enumerate(shape))


def _sheet(planes: AnyArray) -> tuple[AnyArray, int]:
    """Put planes [n, y, x] side by side, row after row, in about a square."""
    n, ny, nx = planes.shape
    columns = min(n, max(1, math.ceil(math.sqrt(n * ny / nx)), math.ceil(n * ny / LONGEST_SIDE)))
    rows = math.ceil(n / columns)
    full = np.zeros((rows * columns, ny, nx), np.uint8)
    full[:n] = planes
    # [row, column, y, x] → [row, y, column, x]
    sheet = full.reshape(rows, columns, ny, nx).transpose(0, 2, 1, 3)
    return sheet.reshape(rows * ny, columns * nx), columns


def _encoded(sheet: AnyArray, kind: str, **options: Any) -> str:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(sheet).save(buffer, kind, **options)
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode()}"
