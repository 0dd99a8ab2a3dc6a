"""MRC files: volumes, stacks and masks."""

from faket.io.mrc.planes import mask_planes, volume_planes
from faket.io.mrc.reading import read_mask, read_stack, read_volume
from faket.io.mrc.sizes import (
    check_mask_voxels,
    read_pixel_size,
    read_shape,
    read_spacing,
    read_voxel_size,
)
from faket.io.mrc.writing import write_mask, write_stack, write_volume

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
