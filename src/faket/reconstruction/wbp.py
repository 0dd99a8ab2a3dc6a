"""From a tilt-series to a tomogram: weighted back-projection, or SIRT."""

from typing import Literal, get_args

import numpy as np

from faket.data import AnyArray, FloatArray, TiltSeries, Volume
from faket.device import Device
from faket.errors import InputError
from faket.projection import back_project
from faket.reconstruction.binning import fourier_crop
from faket.reconstruction.filters import FILTERS, Filter, filter_stack
from faket.reconstruction.measured_filter import MeasuredFilter
from faket.reconstruction.relion_weighting import weight_as_relion
from faket.reconstruction.resampling import align
from faket.reconstruction.sirt import sirt
from faket.stacks import stack_of
from faket.tilts import LARGEST_TILT_DEG, angular_weights, checked_angles

Normalize = Literal["none", "mean", "contrast"]
Method = Literal["wbp", "sirt"]


def reconstruct(
    series: TiltSeries,
    *,
    depth: int,
    binning: int = 1,
    method: Method = "wbp",
    filter: Filter = "ramp",
    iterations: int = 20,
    normalize: Normalize = "mean",
    taper: int = 0,
    measured: MeasuredFilter | None = None,
    device: Device = "auto",
) -> Volume:
    """Reconstruct a tomogram, of the same contrast sign as the images.

    Parameters
    ----------
    series : TiltSeries
        Shifts and tilt-axis rotation of its geometry are corrected first.
    depth : int
        Slices of the tomogram, in binned voxels, around the tilt axis.
    binning : int
        Images are binned by cropping their spectra.
    method : {"wbp", "sirt"}
        Weighted back-projection, or :func:`faket.reconstruction.sirt.sirt`, which needs no filter.
    filter : {"ramp", "hamming", "shrec", "imod", "imod-sirt", "aretomo", "warp", "relion"}
        Of weighted back-projection: :func:`faket.reconstruction.filters.row_filter`.
    iterations : int
        Of method "sirt", or those to which filter "imod-sirt" is similar.
    normalize : {"none", "mean", "contrast"}
        Keep each image as it is, subtract its mean, or subtract and divide by its mean.
    taper : int
        Binned pixels over which image edges fade to 0 with a cosine (x; for "shrec" y too).
    measured : MeasuredFilter, optional
        What another program does to images, beside this filter; the tomogram becomes like its own.
    device : {"auto", "cpu", "cuda"}

    Returns
    -------
    Volume
        Shape (depth, y // binning, x // binning). With the ramp filter and tilts over 180°, line
        sums (in units of unbinned voxels) give the values of the object.

    Raises
    ------
    InputError
        If sizes, angles, names or pixel values are not valid.
    """
    _check(series, depth, method, filter, normalize)
    _check_iterations(method, iterations, measured)
    geometry = series.geometry
    images = align(series.images, geometry)
    binned = (fourier_crop(_normalized(image, normalize), binning, axes=(1, 0)) for image in images)
    images = stack_of(binned, len(images))
    _fade_edges(images, taper, axes=(1, 2) if filter == "shrec" else (2,))
    angles = geometry.angles_deg
    # The unit of a line sum becomes the binned voxel, which is `binning` times as long.
    if method == "sirt":
        images /= np.float32(binning)
        volume = sirt(images, angles, depth=depth, iterations=iterations, device=device)
        return Volume(volume, geometry.pixel_size_A * binning)
    images = filter_stack(images, filter, angles, iterations=iterations, measured=measured)
    if filter != "relion":
        # [tilt] → [tilt, 1, 1]
        images *= (angular_weights(angles) / binning)[:, None, None].astype(np.float32)
    volume = back_project(images, angles, depth=depth, device=device)
    if filter == "relion":
        weight_as_relion(volume, angles)
    if measured is not None:
        volume += np.float32(measured.mean - volume.mean(dtype=np.float64))
    return Volume(volume, geometry.pixel_size_A * binning)


def _check(series: TiltSeries, depth: int, method: str, filter: str, normalize: Normalize) -> None:
    images = series.images
    if images.ndim != 3 or images.size == 0:
        raise InputError(
            f"images: expected [tilt, y, x], found an array of shape {images.shape}; give a stack"
        )
    checked_angles(series.geometry.angles_deg, len(images), largest_deg=LARGEST_TILT_DEG)
    if depth < 1:
        raise InputError(f"`depth`: expected at least 1 voxel, found {depth}")
    if method not in get_args(Method):
        raise InputError(f"`method`: expected 'wbp' or 'sirt', found {method!r}")
    if filter not in FILTERS:
        raise InputError(f"filter: expected one of {', '.join(FILTERS)}, found {filter!r}")
    means = np.array([image.mean(dtype=np.float64) for image in images])
    if not np.isfinite(means).all():
        tilt = int(np.flatnonzero(~np.isfinite(means))[0])
        raise InputError(
            f"images: expected finite values, found NaN or infinity in tilt {tilt}; remove "
            "that tilt"
        )
    if normalize == "contrast" and (means <= 0).any():
        raise InputError(
            "`normalize` 'contrast': expected images of positive mean, found "
            f"{means.min():.4g} in tilt {int(means.argmin())}; use `normalize` 'mean'"
        )


def _check_iterations(method: str, iterations: int, measured: MeasuredFilter | None) -> None:
    if iterations < 1:
        raise InputError(f"`iterations`: expected at least 1, found {iterations}")
    if method == "sirt" and measured is not None:
        raise InputError(
            "`method`: expected 'wbp', beside which another program's filter is measured, found "
            "'sirt'; leave it out"
        )


def _normalized(image: AnyArray, normalize: Normalize) -> FloatArray:
    if normalize == "none":
        return np.asarray(image, np.float32)
    mean = np.float32(image.mean(dtype=np.float64))
    centred: FloatArray = np.subtract(image, mean, dtype=np.float32)
    if normalize == "contrast":
        centred /= mean
    return centred


def _fade_edges(images: FloatArray, taper: int, axes: tuple[int, ...]) -> None:
    for axis in axes if taper > 0 else ():
        size = images.shape[axis]
        edge = np.minimum(np.arange(size), np.arange(size)[::-1])
        window = 0.5 - 0.5 * np.cos(np.pi * np.minimum((edge + 0.5) / taper, 1))
        # [samples] → an axis of [tilt, y, x], the others of length 1
        images *= window.astype(np.float32).reshape([-1 if a == axis else 1 for a in range(3)])
