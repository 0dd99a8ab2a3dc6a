"""Projections of a volume that is never whole in memory."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from faket.data import AnyArray, FloatArray
from faket.device import Device, resolve_device
from faket.errors import InputError
from faket.projection.kernels import add_kernel, collect_kernel, empty_totals
from faket.projection.projector import checked_volume
from faket.tilts import LARGEST_TILT_DEG, checked_angles

PLANES = 64  # of a slab; chosen: 256 MB of 1024 x 1024; a multiple of the projector's tiles of 4


class SlabProjector:
    """Adds up the projections of a volume's slabs: :func:`faket.projection.project` of the whole.

    Parameters
    ----------
    shape : (int, int, int)
        Of the whole volume, z, y, x.
    angles_deg : array_like, shape (tilts,)
    device : {"auto", "cpu", "cuda"}

    Raises
    ------
    InputError
        If an angle is not valid.
    """

    def __init__(
        self, shape: tuple[int, int, int], angles_deg: ArrayLike, *, device: Device = "auto"
    ) -> None:
        """Begin with nothing."""
        self._shape = shape
        angles = checked_angles(angles_deg, largest_deg=LARGEST_TILT_DEG)
        self._next = 0
        on_gpu = resolve_device(device) == "cuda"
        begin = _on_gpu if on_gpu else _on_cpu
        self._add, self._collect = begin(shape, angles)

    def add(self, slab: AnyArray) -> None:
        """Add the next planes [z, y, x]; all slabs but the last have a multiple of 4 of them.

        Raises
        ------
        InputError
            If the shape does not fit, or a value is not finite.
        """
        planes = checked_volume(slab, "slab", "[z, y, x]")
        depth, *rest = self._shape
        end = self._next + len(planes)
        if list(planes.shape[1:]) != rest or end > depth or self._next % 4:
            raise InputError(
                f"slab: expected the planes from {self._next} on of {self._shape}, found shape "
                f"{planes.shape}; add whole planes in order, a multiple of 4 at a time"
            )
        self._add(planes, self._next)
        self._next = end

    def images(self) -> FloatArray:
        """Return the projections [tilt, y, x] of what was added, sums over the voxels."""
        return self._collect()


Added = tuple[Callable[[FloatArray, int], None], Callable[[], FloatArray]]


def _on_cpu(shape: tuple[int, int, int], angles_deg: AnyArray) -> Added:
    depth, ny, nx = shape
    cosines, sines = np.cos(np.radians(angles_deg)), np.sin(np.radians(angles_deg))
    totals = empty_totals(len(angles_deg), ny, nx)

    def add(planes: FloatArray, first: int) -> None:
        add_kernel(planes, first, depth, cosines, sines, totals)

    def collect() -> FloatArray:
        stack = np.empty((len(angles_deg), ny, nx), np.float32)
        collect_kernel(totals, stack)
        return stack

    return add, collect


def _on_gpu(shape: tuple[int, int, int], angles_deg: AnyArray) -> Added:
    import torch

    from faket.projection.gpu import add_projections

    depth, ny, nx = shape
    stack = torch.zeros((len(angles_deg), nx, ny), device="cuda")

    def add(planes: FloatArray, first: int) -> None:
        add_projections(planes, first, depth, angles_deg, stack)

    def collect() -> FloatArray:
        # [tilt, x, y] → [tilt, y, x]
        return np.asarray(stack.permute(0, 2, 1).contiguous().cpu().numpy())

    return add, collect
