"""The projector in torch, for GPUs.

It uses the same four pixels and Keys weights for every voxel (z, x) as the numba kernel, with y as
the dense dimension. In torch it needs no compiler on the machine with the GPU.
"""

import numpy as np
import torch

from faket.data import DoubleArray, FloatArray
from faket.device import same_order
from faket.interpolation import keys_weights

_GATHER_BYTES = 2**28  # of voxels handled at once; chosen, 256 MB


def project_torch(
    volume: FloatArray, angles_deg: DoubleArray, width: int, device: str
) -> FloatArray:
    """Project ``volume`` [z, y, x] as :func:`faket.projection.project` does."""
    ny = volume.shape[1]
    stack = torch.zeros((len(angles_deg), width, ny), device=device)
    add_projections(volume, 0, len(volume), angles_deg, stack)
    return stack.permute(0, 2, 1).contiguous().cpu().numpy()  # [tilt, x, y] → [tilt, y, x]


@same_order()
def add_projections(
    planes: FloatArray, first: int, depth: int, angles_deg: DoubleArray, stack: torch.Tensor
) -> None:
    """Add to ``stack`` [tilt, x, y] what planes from z = ``first`` on of ``depth`` in all show."""
    nz, ny, nx = planes.shape
    width, device = stack.shape[1], stack.device
    for z0, z1 in _slabs(nz, ny * nx):
        slab = torch.from_numpy(np.require(planes[z0:z1], requirements=("C", "W"))).to(device)
        voxels = slab.permute(0, 2, 1).reshape(-1, ny)  # [z, y, x] → [z x, y]
        for t, angle in enumerate(angles_deg):
            z_range = first + z0, first + z1
            stack[t] += _image(voxels, *_footprint(angle, z_range, depth, nx, width, device), width)


def _image(
    voxels: torch.Tensor, pixels: torch.Tensor, weights: torch.Tensor, width: int
) -> torch.Tensor:
    """Return the image [x, y] of voxels [z x, y].

    Every pixel collects its voxels, always in the same order. Adding every voxel to its pixels in a
    fixed order (``index_add_``) writes each voxel four times and reads it eight times.
    """
    pixel, order = torch.sort(pixels.reshape(-1), stable=True)  # [z x, 4] → [z x 4]
    begin = torch.searchsorted(pixel, torch.arange(width + 1, device=pixels.device))
    order = order[: int(begin[-1])]  # those behind miss the detector; CUDA would not leave them out
    return torch.nn.functional.embedding_bag(
        order // pixels.shape[1],
        voxels,
        begin[:-1],
        mode="sum",
        per_sample_weights=weights.reshape(-1)[order],
    )


def back_project_torch(
    stack: FloatArray, angles_deg: DoubleArray, depth: int, width: int, device: str
) -> FloatArray:
    """Back-project ``stack`` [tilt, y, x] as :func:`faket.projection.back_project` does."""
    _, ny, columns = stack.shape
    volume = np.empty((depth, ny, width), np.float32)
    # [tilt, y, x] → [tilt, x, y]
    rows = torch.from_numpy(np.ascontiguousarray(stack.transpose(0, 2, 1))).to(device)
    rows = torch.nn.functional.pad(rows, (0, 0, 0, 1))  # [tilt, x + 1, y]
    for z0, z1 in _slabs(depth, ny * width):
        voxels = torch.zeros(((z1 - z0) * width, ny), device=device)
        for t, angle in enumerate(angles_deg):
            pixels, weights = _footprint(angle, (z0, z1), depth, width, columns, device)
            for tap in range(4):
                voxels += rows[t][pixels[:, tap]] * weights[:, tap, None]
        # [z x, y] → [z, x, y] → [z, y, x]
        volume[z0:z1] = voxels.reshape(z1 - z0, width, ny).permute(0, 2, 1).cpu().numpy()
    return volume


def _slabs(nz: int, voxels_per_z: int) -> list[tuple[int, int]]:
    step = max(1, _GATHER_BYTES // (4 * voxels_per_z))
    return [(z, min(nz, z + step)) for z in range(0, nz, step)]


def _footprint(
    angle_deg: float,
    z_range: tuple[int, int],
    nz: int,
    nx: int,
    width: int,
    device: str | torch.device,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return pixels and weights [z x, 4] of every voxel; pixel ``width`` marks a miss."""
    x = torch.arange(nx, device=device, dtype=torch.float64) - nx // 2
    z = torch.arange(*z_range, device=device, dtype=torch.float64)[:, None] - nz // 2
    angle = np.radians(angle_deg)
    u = (x * np.cos(angle) + z * np.sin(angle) + width // 2).reshape(-1)  # [z, x] → [z x]
    left = torch.floor(u)
    f = u - left
    weights = torch.stack(keys_weights(f), dim=1)  # [z x] → [z x, 4]
    pixels = left.long()[:, None] + torch.arange(-1, 3, device=device)  # [z x] → [z x, 4]
    pixels = torch.where((pixels >= 0) & (pixels < width), pixels, width)
    return pixels, weights.float()
