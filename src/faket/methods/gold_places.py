"""Beads of gold in a specimen, found by all tilts of its series together.

At a low exposure, or behind thick ice, single images hardly show gold, although it may have as
much power as all molecules. A bead is at one place of the specimen in all of them, so it stands out
of the mean of all images there: of 41 tilts by six times as much over the noise.
"""

import numpy as np
from scipy.ndimage import gaussian_filter

from faket.compiling import kernel
from faket.data import AnyArray, DoubleArray, FloatArray
from faket.methods.gold_scaling import apart, discs
from faket.microscope.gold import KEPT_AT_LEAST, block_means
from faket.stacks import empty_stack
from faket.statistics import upper_median
from faket.threads import in_threads

# Chosen, for beads of 5 to 20 nm: blocks over which images are averaged (larger in a field of more
# than 512 of them), and σ of the Gaussians whose difference shows what is as narrow.
_BLOCK_A, _MOST_BLOCKS = 25.0, 512
BAND_A = (10.0, 40.0)
_HIGHEST_A = 2000.0  # of places over the middle of the specimen, chosen
_ASIDE = 1.3  # places reach this much farther than the image; chosen: seen in tilted images alone
# Robust standard deviations of a clear bead, and from where on places are compared. Chosen: in the
# foreign microscopes gold of 6 to 12 nm has 23 to 67, molecules in a crowd up to 21, noise 6.
_CLEAR, _LEAST = 22.0, 12.0
# By what factor gold must exceed what is darkest of all else, if it is clear and if it is not.
# Chosen: alone in thin ice molecules have up to 40 standard deviations, but unless they are few and
# alike there is no gap between them.
_GAP, _WIDE_GAP = 1.3, 1.5
# Beads of all sizes leave no gap. Depths of molecules fall exponentially; those of gold lie around
# a mean, by a factor of e^0.2 or so. Chosen: the mean (gold of the foreign microscopes has 32 to
# 55, in rowan's crowd 22; the darkest of few molecules in thin ice 31), how much likelier two kinds
# must be than one (log; gold has 5.9 and more, molecules up to 3.7), how many of the depths taken
# may be molecules'.
_GOLD_MEAN, _GOLD_SPREAD, _LIKELIER, _WRONG = 32.0, 0.2, 5.0, 0.02
# What is so many times as deep as a bead of 8 nm should be is gold, whatever else there is. Chosen:
# means of gold have 1.8 to 3.4 where the exposure tells, the darkest of few molecules 1.9.
_OF_BEAD = 2.5
_SCALE = 1.5  # of the fall, expected with the weight of two molecules; in crowds 1.0 to 1.8
# Where many others fall less steeply, noise is so weak that each molecule is clear by itself.
# Chosen: few molecules in thin ice have a scale of 3.0, images with less noise than signal 4.1.
_STEEP, _MANY = 3.5, 10
_FEWEST = 5  # tilts that tell; chosen
_SHOWN = 1 / 3  # of all tilts must show a place; chosen
_APART_A = 60.0  # of two places at least, and four times as much along the beam
_FLAT = 0.25
_ONE_BEAD_A = 150.0  # places so near are counted as one; chosen: wide beads are found at several


def with_beads(
    kept: list[AnyArray | None],
    places: DoubleArray,
    angles_deg: DoubleArray,
    shape: tuple[int, ...],
    pixel_size_A: float,
) -> list[AnyArray | None]:
    """Return masks [y, x] that leave out beads at places (x, y, z, Å), too.

    Parameters
    ----------
    kept : list of ndarray or None
        What is kept of each image, 0 to 1; None is all.
    places : ndarray, shape (beads, 3)
    angles_deg : ndarray, shape (tilts,)
    shape : (int, int)
        Of the images.
    pixel_size_A : float
    """
    if not len(places):
        return kept
    ny, nx = shape
    room = empty_stack((len(kept), ny, nx))

    def mask(tilt: int) -> AnyArray | None:
        own = kept[tilt]
        shown = shown_at(places, angles_deg[tilt], shape, pixel_size_A)
        beads = discs(shown, (ny, nx), pixel_size_A)
        if not beads.any():
            return own
        np.subtract(1, beads, out=room[tilt])
        if own is not None:
            np.minimum(own, room[tilt], out=room[tilt])
        return np.asarray(room[tilt]) if room[tilt].mean() >= KEPT_AT_LEAST else own

    return in_threads(mask, range(len(kept)), pixels=nx * ny)


def gold_places(
    images: AnyArray,
    angles_deg: DoubleArray,
    pixel_size_A: float,
    beads: DoubleArray | None = None,
) -> DoubleArray:
    """Find beads of gold by what all images of a series show at one place.

    Parameters
    ----------
    images : ndarray, shape (tilt, y, x)
        Aligned, of dark gold, the tilt axis along y.
    angles_deg : ndarray, shape (tilts,)
    pixel_size_A : float
    beads : ndarray, shape (tilts,), optional
        How dark a bead of 8 nm should be (:mod:`faket.methods.gold_expected`).

    Returns
    -------
    ndarray, shape (beads, 3), float64
        x, y, z in Å from the middle of the image, pixel N // 2, as
        :func:`faket.projection.project` has them; none of fewer than 5 tilts. A wide bead may have
        several.
    """
    if len(images) < _FEWEST:
        return np.zeros((0, 3))
    ny, nx = images.shape[1:]
    widest_A = max(ny, nx) * pixel_size_A
    block = int(max(_BLOCK_A, widest_A / _MOST_BLOCKS) / pixel_size_A + 0.5)
    block = min(max(1, block), ny, nx)
    step_A = block * pixel_size_A
    parts = in_threads(lambda image: _narrow(image, block, step_A), images, pixels=nx * ny)
    flat, noise = (np.array(part) for part in zip(*parts, strict=True))
    middle_x, middle_y = ((n // 2 + 0.5) / block - 0.5 for n in (nx, ny))
    size = int(_ASIDE * nx / block), 2 * int(_HIGHEST_A / step_A) + 1
    volume = _all_together(flat, np.radians(angles_deg), middle_x, size)
    part = volume[::5]
    seen = part[part != 0]
    if not seen.size:
        return np.zeros((0, 3))
    scatter = 1.4826 * upper_median(np.abs(seen))
    dark = np.argwhere(volume < -_LEAST * scatter)
    depth = np.asarray(-volume[tuple(dark.T)] / scatter, np.float64)
    order = np.argsort(-depth, kind="stable")
    place = dark[order][:, [0, 2, 1]].astype(np.float64)
    place = step_A * (place - [size[0] // 2, middle_y, size[1] // 2])  # x, y, z
    found = apart(place * [1, 1, _FLAT], _APART_A)
    expected = np.inf if beads is None else np.sqrt(len(images)) * float(np.mean(beads / noise))
    return np.asarray(place[found[: _told_apart(depth[order][found], expected)]])


def number_of_beads(places: DoubleArray) -> int:
    """Return how many beads there are at places (x, y, z, Å), which may lie in one bead."""
    return len(apart(places * [1, 1, _FLAT], _ONE_BEAD_A)) if len(places) else 0


def _all_together(
    series: FloatArray, turn: DoubleArray, middle: float, size: tuple[int, int]
) -> FloatArray:
    """Return the sum of images [tilt, x, y] at places [x, z, y] over the root of their number."""
    volume = np.empty((*size, series.shape[2]), np.float32)

    def project_back(x: int) -> None:
        at = x - size[0] // 2, size[1] // 2, middle
        _sum_at(series, np.cos(turn), np.sin(turn), *at, _SHOWN, volume[x])

    in_threads(project_back, range(size[0]))
    return volume


def _told_apart(depths: DoubleArray, expected: float = np.inf) -> int:
    """Return how many of depths, falling, are of gold; ``expected`` is that of a bead of 8 nm."""
    if not len(depths) or depths[0] < _CLEAR:
        return 0
    by_physics = int(np.sum(depths >= _OF_BEAD * expected))
    return max(_before_gap(depths), _of_two_kinds(depths), by_physics)


def _before_gap(depths: DoubleArray) -> int:
    """Return how many depths are before the last gap."""
    factor = np.where(depths >= _CLEAR, _GAP, _WIDE_GAP)
    gaps = np.flatnonzero(depths >= factor * np.append(depths[1:], _LEAST))
    return int(gaps[-1]) + 1 if len(gaps) else 0


def _of_two_kinds(depths: DoubleArray) -> int:
    """Return how many depths are of gold if they are of two kinds; 0 if molecules explain all."""
    gold = np.arange(1, len(depths) + 1)  # the deepest so many
    molecules = len(depths) - gold
    logs = np.log(depths)
    mean = np.cumsum(logs) / gold
    squares = np.maximum(np.cumsum(logs**2) - gold * mean**2, 0)
    variance = (squares + 2 * _GOLD_SPREAD**2) / (gold + 2)
    lognormal = -np.cumsum(logs) - gold * np.log(2 * np.pi * variance) / 2 - squares / variance / 2
    above = depths.sum() - np.cumsum(depths) - molecules * _LEAST
    scale = (above + 2 * _SCALE) / (molecules + 2)
    one = _exponential(len(depths), depths.sum() - len(depths) * _LEAST)
    likelier = lognormal + _exponential(molecules, above) - one - 1.5 * np.log(len(depths) + 1)
    likelier[mean < np.log(_GOLD_MEAN)] = -np.inf
    best = int(likelier.argmax())
    if likelier[best] < _LIKELIER or (molecules[best] > _MANY and scale[best] > _STEEP):
        return 0
    fall = min(float(scale[best]), _STEEP)  # of a few, some may be gold
    wrong = molecules[best] * np.exp((_LEAST - depths) / fall)  # molecules as deep, by chance
    return int(np.flatnonzero(wrong <= _WRONG * gold).max(initial=-1)) + 1


def _exponential(number: AnyArray | int, above: AnyArray | float) -> DoubleArray:
    """Return log likelihood of a number of depths whose sum is so much above the least."""
    scale = (above + 2 * _SCALE) / (np.asarray(number) + 2)
    return np.asarray(-number * np.log(scale) - above / scale)


def shown_at(
    places: DoubleArray, angle_deg: float, shape: tuple[int, ...], pixel_size_A: float
) -> DoubleArray:
    """Return where an image shows places (x, y, z, Å): pixels (y, x)."""
    turn = np.radians(angle_deg)
    x_A = places[:, 0] * np.cos(turn) + places[:, 2] * np.sin(turn)
    return np.stack([places[:, 1], x_A], axis=1) / pixel_size_A + [shape[0] // 2, shape[1] // 2]


def _narrow(image: AnyArray, block: int, step_A: float) -> tuple[FloatArray, float]:
    """Return what is as narrow as beads, in blocks [x, y], over its scatter, and that."""
    values = np.asarray(image, np.float32)
    small = block_means(values - np.float32(values.mean(dtype=np.float64)), block)
    narrow, wide = (gaussian_filter(small, width_A / step_A) for width_A in BAND_A)
    band = narrow - wide
    scatter = max(1.4826 * upper_median(np.abs(band - upper_median(band))), 1e-30)
    return np.ascontiguousarray(band.T / np.float32(scatter)), scatter  # [y, x] → [x, y]


@kernel(nogil=True, fastmath=True)
def _sum_at(  # type: ignore[no-untyped-def]  # compiled
    series, cosine, sine, x, middle_z, middle_x, least_part, out
):  # pragma: no cover
    """Set out [z, y] to what :func:`_all_together` returns at x; 0 where few images show it."""
    for z in range(out.shape[0]):
        row, number = out[z], 0
        row[:] = 0
        for tilt in range(cosine.size):
            place = x * cosine[tilt] + (z - middle_z) * sine[tilt] + middle_x
            before = int(np.floor(place))
            if before < 0 or before + 1 >= series.shape[1]:
                continue
            number += 1
            part = np.float32(place - before)
            low, high = series[tilt, before], series[tilt, before + 1]
            for y in range(row.size):
                row[y] += low[y] + part * (high[y] - low[y])
        if number < least_part * cosine.size:
            row[:] = 0
        else:
            row[:] /= np.float32(np.sqrt(number))
