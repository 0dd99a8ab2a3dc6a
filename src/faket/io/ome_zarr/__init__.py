"""OME-Zarr 0.4 images and labels: compressed blocks at several scales, written plane by plane.

Format: Moore et al. 2023, Histochem. Cell Biol. 160, 223 (OME-NGFF 0.4, Zarr 2, "/" between the
numbers of a block): the one that copick, the CryoET Data Portal, napari and neuroglancer read.
"""

from faket.io.ome_zarr.read import is_ome_zarr, read_image, read_planes
from faket.io.ome_zarr.scales import halved_image, halved_labels, scale_shapes
from faket.io.ome_zarr.write import Color, write_image, write_labels

__all__ = [
    "Color",
    "halved_image",
    "halved_labels",
    "is_ome_zarr",
    "read_image",
    "read_planes",
    "scale_shapes",
    "write_image",
    "write_labels",
]
