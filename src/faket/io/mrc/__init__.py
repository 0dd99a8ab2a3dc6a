"""MRC files: volumes, stacks and masks."""

from faket.io.mrc.files import (
    read_mask,
    read_stack,
    read_volume,
    write_mask,
    write_stack,
    write_volume,
)
from faket.io.mrc.planes import mask_planes, volume_planes
from faket.io.mrc.sizes import (
    check_mask_voxels,
    read_pixel_size,
    read_shape,
    read_spacing,
    read_voxel_size,
)

__all__ = [
    "check_mask_voxels",
    "mask_planes",
    "read_mask",
    "read_pixel_size",
    "read_shape",
    "read_spacing",
    "read_stack",
    "read_volume",
    "read_voxel_size",
    "volume_planes",
    "write_mask",
    "write_stack",
    "write_volume",
]
