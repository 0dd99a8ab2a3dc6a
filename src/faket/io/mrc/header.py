"""The 1024-byte MRC2014 header: checked when read, written without a time stamp.

Format: Cheng et al. 2015, J. Struct. Biol. 192, 146. ``mrcfile`` supplies the field table and the
mode numbers. The checks are made here, because mrcfile allocates the memory that a header asks for
before it checks the size of the file.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from faket.data import AnyArray
from faket.io.failures import PathLike, input_error

HEADER_BYTES = 1024
MIN_VOXEL_A, MAX_VOXEL_A = 0.1, 1000.0

_DTYPES = {0: "i1", 1: "i2", 2: "f4", 6: "u2", 12: "f2"}
_NO_IMAGE = {
    3: "complex integers (mode 3)",
    4: "a Fourier transform (mode 4)",
    101: "4-bit numbers (mode 101)",
}
_IMOD_STAMP, _IMOD_SIGNED_BYTES, _IMOD_FOUR_BITS = 1146047817, 1, 16
# Sizes up to this one become larger if read in the wrong byte order, which shows the order.
_LARGEST_SIZE = 65535


@dataclass(frozen=True)
class MrcLayout:
    """Where and how the numbers are stored in an MRC file.

    Attributes
    ----------
    shape : tuple of int
        Sections, rows, columns as stored.
    dtype : numpy dtype
    offset : int
        First byte of the data.
    axes : tuple of int
        Axes (1, 2, 3 for x, y, z) of the sections, rows and columns.
    spacing_A : tuple of float
        Voxel size along x, y, z; 0 if the header has none.
    space_group : int
    orthogonal : bool
        Whether the cell's angles are 90 degrees.
    volumes : int
        Number of volumes in the file (more than 1 only in a volume stack).
    notice : str
        What was guessed, for the user; empty if nothing was.
    """

    shape: tuple[int, int, int]
    dtype: "np.dtype[np.generic]"
    offset: int
    axes: tuple[int, int, int]
    spacing_A: tuple[float, float, float]
    space_group: int
    orthogonal: bool
    volumes: int
    notice: str = ""

    @property
    def data_bytes(self) -> int:
        """Size of the data block."""
        return math.prod(self.shape) * self.dtype.itemsize


def parse_header(raw: bytes, path: PathLike) -> MrcLayout:
    """Return the layout that the header ``raw`` describes; InputError if it is not valid."""
    from mrcfile.dtypes import HEADER_DTYPE

    if len(raw) < HEADER_BYTES:
        found = f"{len(raw)} bytes, too few for a header" if raw else "an empty file"
        raise input_error(path, f"expected an MRC file, found {found}; copy it again")
    orders: tuple[Literal["<", ">"], ...] = ("<", ">") if raw[212] != 0x11 else (">", "<")
    fields = {o: np.frombuffer(raw[:HEADER_BYTES], HEADER_DTYPE.newbyteorder(o))[0] for o in orders}
    # The machine stamp only decides between two plausible orders: EMDB, IMOD's exports and Warp
    # write other stamps, and in some files it is wrong.
    order = next((o for o in orders if _is_plausible(fields[o])), orders[0])
    header = fields[order]
    if raw[208:211] != b"MAP" and not (_is_plausible(header) and int(header["mapc"])):
        raise input_error(
            path, "expected an MRC file, found another ('MAP ' is not at byte 208); check the file"
        )
    shape = (int(header["nz"]), int(header["ny"]), int(header["nx"]))
    if min(shape) < 1:
        raise input_error(
            path, f"expected sizes of 1 or more, found (z, y, x) = {shape}; copy it again"
        )
    if header["nsymbt"] < 0:
        raise input_error(
            path, f"expected an extended header of 0 or more bytes, found {header['nsymbt']}; "
            "copy it again"
        )  # fmt: skip
    axes = _axes(header, path)
    dtype, notice = _data_type(header, order, path)
    return MrcLayout(
        shape,
        dtype,
        HEADER_BYTES + int(header["nsymbt"]),
        axes,
        _spacing(header, shape, axes),
        int(header["ispg"]),
        all(_is_right(float(header["cellb"][name])) for name in ("alpha", "beta", "gamma")),
        _volumes(header),
        notice,
    )


def build_header(
    shape: tuple[int, int, int],
    mode: int,
    voxel_size_A: float,
    statistics: tuple[float, float, float, float],
    *,
    image_stack: bool,
) -> bytes:
    """Return the header of a little-endian file; the same arguments give the same bytes.

    Parameters
    ----------
    shape : tuple of int
        Sections, rows, columns.
    mode : int
    voxel_size_A : float
    statistics : tuple of float
        Minimum, maximum, mean and standard deviation of the data.
    image_stack : bool
        Space group 0 and one section per image, instead of 1 and a volume.
    """
    from mrcfile.dtypes import HEADER_DTYPE

    header = np.zeros((), HEADER_DTYPE.newbyteorder("<"))
    header["nz"], header["ny"], header["nx"] = shape
    header["mode"] = mode
    grid = (1 if image_stack else shape[0], shape[1], shape[2])
    header["mz"], header["my"], header["mx"] = grid
    header["cella"] = tuple(voxel_size_A * n for n in reversed(grid))
    header["cellb"] = (90.0, 90.0, 90.0)
    header["mapc"], header["mapr"], header["maps"] = 1, 2, 3
    header["dmin"], header["dmax"], header["dmean"], header["rms"] = statistics
    header["ispg"] = 0 if image_stack else 1
    header["nversion"] = 20141
    header["map"] = b"MAP "
    header["machst"] = (0x44, 0x44, 0, 0)
    header["nlabl"] = 1
    labels = [b"Written by faket".ljust(80)] + [b""] * 9
    header["label"] = labels
    return header.tobytes()


def _is_plausible(header: AnyArray) -> bool:
    """Whether mode, sizes and axes are those of an MRC file, if read in this byte order."""
    sizes = [int(header[name]) for name in ("nx", "ny", "nz")]
    axes = sorted(int(header[name]) for name in ("mapc", "mapr", "maps"))
    return (
        int(header["mode"]) in {*_DTYPES, *_NO_IMAGE}
        and min(sizes) >= 1
        and max(sizes) <= _LARGEST_SIZE
        and axes in ([1, 2, 3], [0, 0, 0])
    )


def _data_type(
    header: AnyArray, order: Literal["<", ">"], path: PathLike
) -> "tuple[np.dtype[np.generic], str]":
    """Type of the numbers, and what was guessed about it."""
    mode = int(header["mode"])
    if mode not in _DTYPES:
        found = _NO_IMAGE.get(mode, f"unknown mode {mode}")
        raise input_error(path, f"expected MRC mode 0, 1, 2, 6 or 12, found {found}; convert it")
    if mode != 0:
        return np.dtype(_DTYPES[mode]).newbyteorder(order), ""
    extra = bytes(header["extra2"])  # IMOD keeps its stamp at byte 152, its flags at 156
    stamp, flags = (int(n) for n in np.frombuffer(extra[40:48], np.dtype("i4").newbyteorder(order)))
    by_imod = stamp == _IMOD_STAMP
    if by_imod and flags & _IMOD_FOUR_BITS:
        raise input_error(path, "expected bytes, found 4-bit numbers; convert it (newstack)")
    stamped_signed = not by_imod or bool(flags & _IMOD_SIGNED_BYTES)
    signed = _signed_by_range(float(header["dmin"]), float(header["dmax"]), stamped_signed)
    limits = f"dmin {header['dmin']:g}, dmax {header['dmax']:g} in its header"
    guess = f"bytes read as {'signed' if signed else 'unsigned'}, because of {limits}"
    return np.dtype(np.int8 if signed else np.uint8), "" if signed == stamped_signed else guess


def _signed_by_range(low: float, high: float, otherwise: bool) -> bool:
    """Whether bytes are signed; their recorded range is more reliable than the stamp."""
    if low >= 0 and 127 < high <= 255:
        return False
    if -128 <= low < 0 and low < high <= 127:
        return True
    return otherwise


def _axes(header: AnyArray, path: PathLike) -> tuple[int, int, int]:
    axes = (int(header["maps"]), int(header["mapr"]), int(header["mapc"]))
    if axes == (0, 0, 0):  # older programs leave them empty
        return (3, 2, 1)
    if sorted(axes) != [1, 2, 3]:
        raise input_error(
            path, f"expected the axes 1, 2, 3 in the header, found {axes}; copy it again"
        )
    return axes


def _spacing(
    header: AnyArray, shape: tuple[int, int, int], axes: tuple[int, int, int]
) -> tuple[float, float, float]:
    """Voxel size along x, y, z from the header's samples, or from its sizes if only they agree."""
    stored = dict(zip(axes, shape, strict=True))
    sampled, sized = (
        tuple(_voxel(header["cella"][name], n) for name, n in zip("xyz", counts, strict=True))
        for counts in ([int(header["m" + name]) for name in "xyz"], [stored[i] for i in (1, 2, 3)])
    )
    x, y, z = sized if _is_one_size(sized) and not _is_one_size(sampled) else sampled
    return x, y, z


def _is_one_size(sizes: tuple[float, ...]) -> bool:
    return min(sizes) > 0 and max(sizes) <= 1.01 * min(sizes)


def _voxel(length_A: AnyArray, samples: int) -> float:
    """Cell length per sample: the shortest decimal that gives the header's float32 length."""
    value = float(length_A)
    if samples < 1 or not math.isfinite(value):
        return 0.0
    for digits in range(1, 10):
        short = float(f"{value / samples:.{digits}g}")
        if abs(short) * samples < 3e38 and np.float32(short * samples) == length_A:
            return short
    return value / samples


def _is_right(angle_deg: float) -> bool:
    return abs(angle_deg - 90) < 0.1 or angle_deg == 0  # older files leave it empty


def _volumes(header: AnyArray) -> int:
    sections, per_volume = int(header["nz"]), int(header["mz"])
    if not 401 <= int(header["ispg"]) <= 630 or per_volume < 1:
        return 1
    return max(1, sections // per_volume)
