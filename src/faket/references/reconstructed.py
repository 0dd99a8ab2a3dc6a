"""A tomogram of the user's own program, whose reconstruction ours is to be like."""

from pathlib import Path
from typing import Any

import numpy as np

from faket.data import TiltSeries, Volume
from faket.errors import InputError
from faket.evaluation import contrast_sign
from faket.io.mrc import read_volume
from faket.reconstruction import (
    MeasuredFilter,
    find_wedge,
    judge_noise,
    match_spectra,
    measure_filter,
    reconstruct,
)
from faket.reconstruction.reprojection import without_padding

_THICKER = 1.25  # chosen, so that a tomogram cut off the middle of the slab is found in ours
_LAYERS = 21  # whose contrast is looked at; chosen, as many as of a stack
_SAME_VOXELS = 0.02  # chosen, as for stacks: over 30 voxels half a voxel
_SMALLEST = 16  # voxels along each axis; chosen, because spectra of less tell no filter


def open_tomogram(path: Path, voxel_size_A: float | None = None) -> Volume:
    """Read a tomogram, and turn it so that z, the tilt axis and x are in the order of ours.

    Raises
    ------
    InputError
        If it cannot be read, is too small, or was denoised, which no filter copies.
    """
    volume = read_volume(path, voxel_size_A=voxel_size_A)
    data = without_padding(volume.data)
    if min(data.shape) < _SMALLEST or data.min() == data.max():
        raise InputError(
            f"{path}: expected a tomogram with contrast, of at least {_SMALLEST} voxels a side, "
            f"found shape {data.shape}; give another one"
        )
    wedge = find_wedge(data)
    if judge_noise(data, wedge).verdict == "denoised":
        raise InputError(
            f"{path}: expected a reconstruction with the noise of its images, found a denoised "
            "one: a denoiser cannot be copied; give the tomogram before it, and denoise both"
        )
    return Volume(data.transpose(wedge.axes), volume.voxel_size_A)


def check_voxels(path: Path, theirs: Volume, pixel_size_A: float, binning: int) -> None:
    """Refuse a tomogram whose voxels are not images' pixels, binned so often."""
    if abs(theirs.voxel_size_A / (pixel_size_A * binning) - 1) > _SAME_VOXELS:
        whole = like_binning(theirs.voxel_size_A, pixel_size_A)
        raise InputError(
            f"{path}: expected voxels of {pixel_size_A:g} Å times `binning` {binning}, found "
            f"{theirs.voxel_size_A:g} Å; set `binning` to {whole}, and pixels to "
            f"{theirs.voxel_size_A / whole:.4g} Å"
        )


def like_binning(voxel_size_A: float, pixel_size_A: float) -> int:
    """Return how often pixels are binned for a tomogram of about these voxels."""
    return max(1, round(voxel_size_A / pixel_size_A))


def filter_of_series(theirs: Volume, series: TiltSeries, **settings: Any) -> MeasuredFilter | None:
    """Measure what a program did, if it made its tomogram of this tilt-series; else None.

    Parameters
    ----------
    theirs : Volume
        Of :func:`open_tomogram`.
    series : TiltSeries
    **settings
        Of our :func:`faket.reconstruction.reconstruct`, without the depth.
    """
    depth = round(_THICKER * theirs.data.shape[0])
    return measure_filter(theirs, reconstruct(series, depth=depth, **settings))


def filter_of_spectra(theirs: Volume, ours: Volume, *, bright: bool = False) -> MeasuredFilter:
    """Measure what a program did by the mean amplitudes of its tomogram and of one of ours.

    ``bright``: whether protein is taken for bright where its contrast does not show it.
    """
    layers = np.linspace(0, len(theirs.data) - 1, min(_LAYERS, len(theirs.data))).astype(int)
    sign = contrast_sign(theirs.data[layers]).sign
    inverted = bright if sign == "cannot tell" else sign == "inverted"
    return match_spectra(theirs, ours, inverted=inverted)


def filter_words(found: MeasuredFilter) -> str:
    """Return one line on what was measured."""
    if found.source == "spectra":
        return (
            "its tilt-series is not at hand or shows something else: our tomograms get its mean "
            "amplitudes and its grey values"
        )
    copied = ["filter", "grey values"]
    if found.shells[: len(found.shells) // 8].mean() < 0:
        copied.append("inverted contrast")
    if found.phases_flipped:
        copied.append("phases flipped strip by strip")
    elif found.sign_changes:
        copied.append(f"signs that change {found.sign_changes} times with frequency")
    *first, last = copied
    words = (
        f"measured on its own tilt-series (coherence {found.coherence:.2f}); {', '.join(first)} "
        f"and {last} are copied"
    )
    axes = [axis for axis, step in zip("zyx", found.flips, strict=True) if step < 0]
    if axes:
        words += (
            f"; it is reversed along {' and '.join(axes)} against ours: reverse it before picking"
        )
    return words
