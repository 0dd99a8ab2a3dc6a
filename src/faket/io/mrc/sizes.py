"""What the headers of MRC files say of sizes; the data are not read."""

from faket.io.failures import PathLike, input_error
from faket.io.mrc.header import MAX_VOXEL_A, MIN_VOXEL_A
from faket.io.mrc.stream import opened


def read_voxel_size(path: PathLike) -> float:
    """Return the voxel size (Å) in the header of a volume or mask; the data are not read.

    Raises
    ------
    InputError
        If the file is no MRC volume, or the voxel size is missing, absurd or different along
        the axes.
    """
    with opened(path) as (_, layout):
        return voxel_size(path, layout.spacing_A, None, "voxel_size_A")


def read_pixel_size(path: PathLike) -> float:
    """Return the pixel size (Å) in the header of a stack; the images are not read.

    Raises
    ------
    InputError
        If the file is no MRC file, or the pixel size is missing, absurd or different along x, y.
    """
    with opened(path) as (_, layout):
        return voxel_size(path, layout.spacing_A[:2], None, "pixel_size_A")


def read_shape(path: PathLike) -> tuple[int, int, int]:
    """Return (sections, rows, columns) of an MRC file; InputError if it is none."""
    with opened(path) as (_, layout):
        return layout.shape


def read_spacing(path: PathLike) -> tuple[tuple[int, int, int], tuple[float, float, float]]:
    """Return (sections, rows, columns), and the spacing along x, y, z in Å as the header has it.

    The spacing is not checked: 0 and 1 mean that a program did not know it.
    """
    with opened(path) as (_, layout):
        x, y, z = layout.spacing_A
        return layout.shape, (float(x), float(y), float(z))


def check_mask_voxels(path: PathLike, voxel_size_A: float) -> None:
    """Refuse a mask if the voxel size (Å) in its header differs from its tomogram's by over 2 %.

    A header with 0 or 1 Å is ignored: programs write it if they do not know the voxel size.

    Raises
    ------
    InputError
        If it does, or the file is no MRC volume.
    """
    with opened(path) as (_, layout):
        header_A = layout.spacing_A[0]
    if header_A not in (0.0, 1.0) and abs(header_A / voxel_size_A - 1) > 0.02:
        raise input_error(
            path,
            f"expected the tomogram's voxels of {voxel_size_A:g} Å, found {header_A:g} Å; give the "
            "mask of this tomogram, or correct a header",
        )


def voxel_size(path: PathLike, found: tuple[float, ...], given: float | None, option: str) -> float:
    """Return the given size, else that of a header (Å); InputError if neither can be used.

    ``option`` is what the caller calls the given one.
    """
    if given is not None:
        return checked_size(path, given)
    text = " x ".join(f"{size:g}" for size in found)
    if not all(MIN_VOXEL_A <= size <= MAX_VOXEL_A for size in found):
        raise input_error(
            path,
            f"expected a voxel size of {MIN_VOXEL_A:g} to {MAX_VOXEL_A:g} A in the header, "
            f"found {text}; correct the header, or give `{option}`",
        )
    if max(found) > 1.01 * min(found):
        raise input_error(
            path,
            f"expected the same voxel size along all axes, found {text} A; resample the data, or "
            f"give `{option}`",
        )
    return found[0]


def checked_size(path: PathLike, size_A: float) -> float:
    """Return a voxel size; InputError if no microscope has it."""
    if not MIN_VOXEL_A <= size_A <= MAX_VOXEL_A:
        raise input_error(
            path,
            f"expected a voxel size of {MIN_VOXEL_A:g} to {MAX_VOXEL_A:g} A, found {size_A:g}; "
            "check the unit",
        )
    return float(size_A)
