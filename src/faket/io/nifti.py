"""NIfTI-1 volumes (``.nii.gz``), written plane by plane.

Format: the public header ``nifti1.h`` (Cox et al. 2004), 348 bytes. The numbers run x first, then
y, then z, as in an MRC file: SimpleITK gives them as ``[z, y, x]``, nibabel as ``[x, y, z]``.
The affine is voxel size times index, with the centre of voxel [0, 0, 0] at 0. The format knows
millimetres and micrometres, no Å: the unit is left open, and the numbers are Å.
"""

import zlib
from collections.abc import Iterable

import numpy as np
from numpy.typing import DTypeLike

from faket.data import AnyArray
from faket.io.atomic import atomic_path
from faket.io.failures import PathLike, input_error
from faket.io.mrc.sizes import checked_size
from faket.io.planes import labels_within, of_shape

_CODES = {"u1": 2, "f4": 16, "u2": 512}
_HEADER = np.dtype(
    [
        ("sizeof_hdr", "<i4"), ("unused_0", "S35"), ("dim_info", "u1"),
        ("dim", "<i2", 8), ("intent", "<f4", 3), ("intent_code", "<i2"),
        ("datatype", "<i2"), ("bitpix", "<i2"), ("slice_start", "<i2"),
        ("pixdim", "<f4", 8), ("vox_offset", "<f4"), ("scl_slope", "<f4"), ("scl_inter", "<f4"),
        ("slice_end", "<i2"), ("slice_code", "u1"), ("xyzt_units", "u1"),
        ("cal_max", "<f4"), ("cal_min", "<f4"), ("unused_1", "S16"),
        ("descrip", "S80"), ("aux_file", "S24"), ("qform_code", "<i2"), ("sform_code", "<i2"),
        ("quatern", "<f4", 3), ("qoffset", "<f4", 3), ("srow", "<f4", (3, 4)),
        ("intent_name", "S16"), ("magic", "S4"), ("extension", "S4"),
    ]
)  # fmt: skip
_ALIGNED = 2  # nifti1.h: the affine leads to some other, aligned, frame; here the tomogram's own
_LONGEST = 32767  # sizes are 16-bit integers
_GZIP = 31  # zlib's wbits for a gzip stream; its header has no date, so the bytes are always alike


def write_nifti(
    path: PathLike,
    planes: Iterable[AnyArray],
    shape: tuple[int, int, int],
    voxel_size_A: float,
    *,
    dtype: DTypeLike,
) -> None:
    """Write a volume; one plane of it is in memory.

    Parameters
    ----------
    path : str or Path
        Ends with ``.nii.gz``.
    planes : iterable of ndarray, shape (y, x)
        In the order of z; an array ``[z, y, x]`` is one.
    shape : tuple of int
        z, y, x.
    voxel_size_A : float
    dtype : numpy dtype
        float32 for images, uint8 or uint16 for labels.

    Raises
    ------
    InputError
        If an axis is too long for the format, the planes are not those of ``shape``, a label does
        not fit ``dtype``, or the file cannot be written.
    """
    kind = np.dtype(dtype)
    size_A = checked_size(path, voxel_size_A)
    if max(shape) > _LONGEST:
        raise input_error(
            path, f"expected at most {_LONGEST} voxels along an axis, found {shape}; cut or bin it"
        )
    # Chosen: runs of equal bytes only. Noise gets no larger, and twice as fast as with matches.
    packer = zlib.compressobj(1, zlib.DEFLATED, _GZIP, strategy=zlib.Z_RLE)
    with atomic_path(path) as temporary, open(temporary, "wb") as stream:
        stream.write(packer.compress(_header(shape, kind, size_A)))
        checked = of_shape(path, planes, shape)
        if kind.kind == "u":
            checked = labels_within(path, checked, kind)
        for plane in checked:
            stream.write(packer.compress(np.ascontiguousarray(plane, kind.newbyteorder("<")).data))
        stream.write(packer.flush())


def _header(shape: tuple[int, int, int], kind: "np.dtype[np.generic]", size_A: float) -> bytes:
    header = np.zeros((), _HEADER)
    header["sizeof_hdr"] = 348
    header["dim"] = (3, *reversed(shape), 1, 1, 1, 1)
    header["datatype"], header["bitpix"] = _CODES[kind.str[1:]], 8 * kind.itemsize
    header["pixdim"] = (1, size_A, size_A, size_A, 0, 0, 0, 0)
    header["vox_offset"] = _HEADER.itemsize
    header["scl_slope"] = 1
    header["descrip"] = b"Written by faket; lengths in Angstrom"
    header["qform_code"] = header["sform_code"] = _ALIGNED  # no rotation: the quaternion is 0
    header["srow"] = np.eye(3, 4) * size_A
    header["magic"] = b"n+1"
    return header.tobytes()
