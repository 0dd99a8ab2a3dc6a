"""The tilt projector, its adjoint, and the projector into slices along the beam."""

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from faket.compiling import as_compiled_for
from faket.data import AnyArray, FloatArray
from faket.device import Device, resolve_device
from faket.errors import InputError
from faket.projection.kernels import (
    LANES,
    back_project_kernel,
    find_filled,
    project_kernel,
    slice_kernel,
)
from faket.stacks import empty_stack
from faket.tilts import LARGEST_TILT_DEG, checked_angles


def project(
    volume: AnyArray,
    angles_deg: ArrayLike,
    *,
    width: int | None = None,
    device: Device = "auto",
) -> FloatArray:
    """Project a volume along the beam of every tilt.

    Parameters
    ----------
    volume : ndarray, shape (z, y, x)
        The tilt axis is y and passes through the voxel (nz // 2, nx // 2).
    angles_deg : array_like, shape (tilts,)
        Stage angles θ: a point at (x, z) from the axis appears at x cos θ + z sin θ.
    width : int, optional
        Detector columns; as many as x by default. The axis is at column width // 2.
    device : {"auto", "cpu", "cuda"}

    Returns
    -------
    ndarray, shape (tilt, y, width), float32
        Sums over the voxels (multiply by the voxel size for line integrals). Every voxel is
        split over four pixels by Keys' cubic convolution kernel, so that the sum over a tilt equals
        the sum over the volume as long as nothing leaves the detector.

    Raises
    ------
    InputError
        If the shapes do not fit, or a value or an angle is not finite.
    """
    data = checked_volume(volume, "volume", "[z, y, x]")
    angles = checked_angles(angles_deg, largest_deg=LARGEST_TILT_DEG)
    columns = _checked_width(width, data.shape[2])
    if resolve_device(device) == "cuda":
        from faket.projection.gpu import project_torch

        return project_torch(data, angles, columns, "cuda")
    stack = empty_stack((len(angles), data.shape[1], columns))
    project_kernel(data, np.cos(np.radians(angles)), np.sin(np.radians(angles)), stack)
    return stack


def back_project(
    stack: AnyArray,
    angles_deg: ArrayLike,
    *,
    depth: int,
    width: int | None = None,
    device: Device = "auto",
) -> FloatArray:
    """Back-project a stack into a volume: the exact adjoint of :func:`project`.

    Parameters
    ----------
    stack : ndarray, shape (tilt, y, x)
    angles_deg : array_like, shape (tilts,)
    depth : int
        Size of the volume along z.
    width : int, optional
        Size of the volume along x; the stack's by default.
    device : {"auto", "cpu", "cuda"}

    Returns
    -------
    ndarray, shape (depth, y, width), float32

    Raises
    ------
    InputError
        If the shapes do not fit, or a value or an angle is not finite.
    """
    data = checked_volume(stack, "stack", "[tilt, y, x]")
    angles = checked_angles(angles_deg, len(data), largest_deg=LARGEST_TILT_DEG)
    if depth < 1:
        raise InputError(f"depth: expected at least 1 voxel, found {depth}")
    columns = _checked_width(width, data.shape[2])
    if resolve_device(device) == "cuda":
        from faket.projection.gpu import back_project_torch

        return back_project_torch(data, angles, depth, columns, "cuda")
    volume = empty_stack((depth, data.shape[1], columns))
    back_project_kernel(data, np.cos(np.radians(angles)), np.sin(np.radians(angles)), volume)
    return volume


def project_slices(
    volume: AnyArray,
    angle_deg: float,
    *,
    n_slices: int,
    slice_thickness_voxels: float,
    width: int | None = None,
) -> FloatArray:
    """Project one tilt, cut into slices perpendicular to the beam, for multislice.

    Parameters
    ----------
    volume : ndarray, shape (z, y, x)
    angle_deg : float
        Stage angle θ; the beam coordinate of a voxel is z' = -x sin θ + z cos θ.
    n_slices : int
        Slice s holds z' from (s - n_slices / 2) to (s + 1 - n_slices / 2) thicknesses; the beam
        meets slice 0 first. Voxels beyond are added to the first or the last slice.
    slice_thickness_voxels : float
    width : int, optional
        Detector columns; as many as x by default.

    Returns
    -------
    ndarray, shape (n_slices, y, width), float32
        Sums over voxels; their sum over slices is ``project(volume, [angle_deg])``.
    """
    if n_slices < 1:
        raise InputError(f"`n_slices`: expected at least 1, found {n_slices}")
    data = checked_volume(volume, "volume", "[z, y, x]")
    columns = _checked_width(width, data.shape[2])
    slices = np.empty((n_slices, data.shape[1], columns), np.float32)
    project_bands(
        data,
        angle_deg,
        bands=[(0, columns)] * n_slices,
        slice_thickness_voxels=slice_thickness_voxels,
        width=columns,
        memory=slices.reshape(-1),
    )
    return slices


def project_bands(
    volume: AnyArray,
    angle_deg: float,
    *,
    bands: Sequence[tuple[int, int]],
    slice_thickness_voxels: float,
    width: int,
    filled: AnyArray | None = None,
    memory: FloatArray | None = None,
) -> list[FloatArray]:
    """Project one tilt, cut into slices, and keep only some columns of each.

    Parameters
    ----------
    volume, angle_deg, slice_thickness_voxels
        As in :func:`project_slices`.
    bands : sequence of (int, int)
        For each slice the first detector column kept, and how many.
    width : int
        Detector columns; the axis is at column width // 2.
    filled : ndarray of bool, optional
        Result of :func:`filled_columns` for the volume, to compute it once for many tilts.
    memory : ndarray, float32, flat, optional
        Memory for the result, to save an allocation.

    Returns
    -------
    list of ndarray, shape (y, columns), float32
        Views of one block of memory.
    """
    data = checked_volume(volume, "volume", "[z, y, x]")
    (angle,) = np.radians(checked_angles([angle_deg], largest_deg=LARGEST_TILT_DEG))
    if not slice_thickness_voxels > 0:
        raise InputError(
            f"`slice_thickness_voxels`: expected a number > 0, found {slice_thickness_voxels}"
        )
    filled = filled_columns(data) if filled is None else filled
    firsts = np.array([first for first, _ in bands])
    starts = np.cumsum([0, *(columns for _, columns in bands)])
    ny = data.shape[1]
    out = np.empty(ny * starts[-1], np.float32) if memory is None else memory
    thickness = float(slice_thickness_voxels)
    slice_kernel(data, filled, np.cos(angle), np.sin(angle), thickness, width, firsts, starts, out)
    return [
        # flat → [y, columns]
        out[ny * start : ny * end].reshape(ny, end - start)
        for start, end in itertools.pairwise(starts)
    ]


def filled_columns(volume: AnyArray) -> AnyArray:
    """Return where a volume [z, y, x] is not 0 in at least one of 64 rows: bool [z, y / 64, x]."""
    data = checked_volume(volume, "volume", "[z, y, x]")
    nz, ny, nx = data.shape
    filled = np.zeros((nz, -(-ny // LANES), nx), np.bool_)
    find_filled(data, filled)
    return filled


def checked_volume(array: AnyArray, name: str, axes: str) -> FloatArray:
    """Return an array of three axes as float32; InputError if it is no such or not finite."""
    data = np.asarray(array, np.float32)
    if data.ndim != 3 or data.size == 0:
        raise InputError(f"{name}: expected {axes}, found an array of shape {data.shape}")
    if not np.isfinite(data.sum(dtype=np.float64)):
        raise InputError(f"{name}: expected finite values, found NaN or infinity; replace them")
    return as_compiled_for(data)


def _checked_width(width: int | None, default: int) -> int:
    if width is not None and width < 1:
        raise InputError(f"width: expected at least 1 column, found {width}")
    return default if width is None else width
