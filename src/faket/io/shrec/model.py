"""One SHREC'21 model: a folder of volumes, masks, projections and text files.

``occupancy_mask.mrc`` is SHREC's name of the instance mask. Two releases exist: cubic volumes, in
which the slab fills the middle slices, and volumes of the slab alone. Both are read as they are;
particles and volumes must be in the same frame, which is checked with the instance mask.
"""

import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from faket.data import AnyArray, Particles, TiltGeometry, TiltSeries, Volume
from faket.io import mrc
from faket.io.atomic import atomic_folder
from faket.io.failures import PathLike, input_error
from faket.io.model_folder import (
    ALIGNMENT,
    CLASS_MASK,
    GRANDMODEL,
    LOCATIONS,
    OCCUPANCY_MASK,
    PACKED,
    RECONSTRUCTION,
    STACK_FILES,
    VOLUME_FILES,
    stored,
    tomogram_name,
)
from faket.io.shrec.alignment import alignment_geometry, read_alignment, write_alignment
from faket.io.shrec.checks import check_frame, check_same_voxel, check_shapes, renumber
from faket.io.shrec.locations import Euler, read_particle_locations, write_particle_locations
from faket.io.tomograms import read_tomogram, tomogram_voxel_size, write_tomogram
from faket.threads import in_threads

VOLUMES, STACKS = tuple(VOLUME_FILES), tuple(STACK_FILES)
_FILES = {**VOLUME_FILES, **STACK_FILES}


@dataclass(frozen=True)
class ShrecModel:
    """The content of a model's folder; None for parts that are missing or were not read.

    Attributes
    ----------
    voxel_size_A : float
        Of the volumes.
    particles : Particles
        In the frame of the volumes.
    grandmodel, reconstruction : Volume or None
    class_mask : ndarray of uint8 or None
    occupancy_mask : ndarray of uint16 or None
        Values are particle ids.
    geometry : TiltGeometry or None
        From ``alignment_simulated.txt``; pixel size of the unbinned projections.
    projections_unbinned, projections, noisefree_projections : TiltSeries or None
    """

    voxel_size_A: float
    particles: Particles
    grandmodel: Volume | None = None
    class_mask: NDArray[np.uint8] | None = None
    occupancy_mask: NDArray[np.uint16] | None = None
    reconstruction: Volume | None = None
    geometry: TiltGeometry | None = None
    projections_unbinned: TiltSeries | None = None
    projections: TiltSeries | None = None
    noisefree_projections: TiltSeries | None = None


def read_shrec_model(
    folder: PathLike,
    *,
    parts: Collection[str] = VOLUMES + STACKS,
    voxel_size_A: float | None = None,
    pixel_size_A: float | None = None,
    class_names: Mapping[str, str] | None = None,
    euler: Euler = "zxz",
    mmap: bool = False,
) -> ShrecModel:
    """Read a ``model_N`` folder of either release.

    Parameters
    ----------
    folder : str or Path
    parts : collection of str
        Which MRC files to read, of ``VOLUMES`` and ``STACKS``; a whole model takes gigabytes.
    voxel_size_A : float, optional
        Of the volumes (10 in SHREC'21), instead of the one in the headers.
    pixel_size_A : float, optional
        Of the unbinned projections (5 in SHREC'21), instead of the one in the headers. Narrower
        stacks are assumed to be binned from these.
    class_names : mapping, optional
        As for :func:`faket.io.shrec.locations.read_particle_locations`.
    euler : {"zxz", "ZXZ"}
        See :mod:`faket.io.shrec.locations`.
    mmap : bool
        Leave the projections on the disk.

    Raises
    ------
    InputError
        If a file cannot be used, shapes or voxel sizes differ, projections have no angles or
        another number of them, or particles and instance mask are not in the same frame.
    """
    root = Path(folder)
    unknown = set(parts) - set(VOLUMES + STACKS)
    if unknown:
        raise input_error(
            folder, f"expected parts of {VOLUMES + STACKS}, found {sorted(unknown)}; leave it out"
        )
    found = [name for name in parts if _has(root, name)]
    size_A = voxel_size_A if voxel_size_A is not None else _header_size(root, found)
    volumes = {name: _read_part(root, name, size_A) for name in VOLUMES if name in found}
    check_shapes(root, volumes)
    particles = read_particle_locations(root / LOCATIONS, size_A, class_names, euler=euler)
    check_frame(root, particles, size_A, volumes)
    pixels_A = _pixel_sizes(root, pixel_size_A)
    geometry = _geometry(root, pixels_A)
    series = {
        name: _read_series(root / _FILES[name], geometry, pixels_A[name], mmap)
        for name in STACKS
        if name in found
    }
    loaded: dict[str, Any] = {**volumes, **series}
    return ShrecModel(size_A, particles, geometry=geometry, **loaded)


def write_shrec_model(
    folder: PathLike,
    *,
    grandmodel: Volume,
    class_mask: AnyArray,
    occupancy_mask: AnyArray,
    particles: Particles,
    reconstruction: Volume | None = None,
    projections_unbinned: TiltSeries | None = None,
    projections: TiltSeries | None = None,
    noisefree_projections: TiltSeries | None = None,
    class_names: Mapping[str, str] | None = None,
    origin_A: ArrayLike = (0.0, 0.0, 0.0),
    decimals: int = 0,
    euler: Euler = "zxz",
    written: Collection[str] = VOLUMES + STACKS,
    precision: Literal["float32", "float16"] = "float32",
    packed: bool = False,
    zarr: bool = False,
    overwrite: bool = False,
) -> None:
    """Write a ``model_N`` folder, completely or not at all.

    ``alignment_simulated.txt`` is written for the first tilt-series given, in its pixels.
    Particles are renumbered 1 to n in the order of their ids, in the table and in the mask.

    Parameters
    ----------
    folder : str or Path
    grandmodel : Volume
        Potential above ice.
    class_mask, occupancy_mask : ndarray, shape of the grandmodel
    particles : Particles
        Their ids are the values of ``occupancy_mask``.
    reconstruction : Volume, optional
        On the same grid.
    projections_unbinned, projections, noisefree_projections : TiltSeries, optional
    class_names, origin_A, decimals, euler
        As for :func:`faket.io.shrec.locations.write_particle_locations`; ``origin_A`` is 0 unless
        the volumes were binned from the specimen that the particles belong to.
    written : collection of str
        Which of the parts given are written, of ``VOLUMES`` and ``STACKS``.
    precision : {"float32", "float16"}
        Of the reconstruction.
    packed : bool
        Whether the masks are packed, as ``class_mask.mrc.gz``.
    zarr : bool
        Whether the reconstruction is written as compressed OME-Zarr, ``reconstruction.zarr``.
    overwrite : bool
        Replace an existing folder.

    Raises
    ------
    InputError
        If shapes or voxel sizes differ, the mask holds an id that no particle has, or the folder
        exists or cannot be written.
    """
    volumes = {"class_mask": class_mask, "occupancy_mask": occupancy_mask}
    if reconstruction is not None:
        volumes["reconstruction"] = reconstruction.data
        check_same_voxel(folder, grandmodel, reconstruction)
    check_shapes(Path(folder), {"grandmodel": grandmodel.data, **volumes})
    particles, occupancy_mask = renumber(particles, occupancy_mask, path=folder)
    series = {
        "projections_unbinned": projections_unbinned,
        "projections": projections,
        "noisefree_projections": noisefree_projections,
    }
    given = {name: tilts for name, tilts in series.items() if tilts is not None}
    size_A = grandmodel.voxel_size_A
    ending = PACKED if packed else ""
    with atomic_folder(folder, overwrite=overwrite) as root:
        files: dict[str, Callable[[], None]] = {
            "grandmodel": partial(mrc.write_volume, root / GRANDMODEL, grandmodel),
            "class_mask": partial(mrc.write_mask, root / (CLASS_MASK + ending), class_mask, size_A),
            "occupancy_mask": partial(
                mrc.write_mask, root / (OCCUPANCY_MASK + ending), occupancy_mask, size_A
            ),
        }
        if reconstruction is not None:
            kept = tomogram_name(RECONSTRUCTION, zarr=zarr)
            files["reconstruction"] = partial(
                write_tomogram, root / kept, reconstruction, dtype=precision
            )
        for name, tilts in given.items():
            pixels_A = tilts.geometry.pixel_size_A
            files[name] = partial(mrc.write_stack, root / _FILES[name], tilts.images, pixels_A)
        wanted = [write for name, write in files.items() if name in written]
        in_threads(lambda write: write(), wanted)  # one computes while another waits for the disk
        if given:
            write_alignment(root / ALIGNMENT, next(iter(given.values())).geometry)
        write_particle_locations(
            root / LOCATIONS,
            particles,
            size_A,
            class_names,
            origin_A=origin_A,
            decimals=decimals,
            euler=euler,
        )


def _has(root: Path, name: str) -> bool:
    return os.path.exists(stored(root / _FILES[name]))


def _header_size(root: Path, parts: Collection[str]) -> float:
    """Return the voxel size in the headers of the volumes among ``parts``, which must agree."""
    names = [name for name in VOLUMES if name in parts]
    if not names:  # only the particles are asked for: the volume that they lie in tells
        names = [name for name in reversed(VOLUMES) if _has(root, name)][:1]
    if not names:
        raise input_error(
            root, f"expected a folder with {GRANDMODEL} or another volume, found none; check "
            "the path"
        )  # fmt: skip
    sizes = {name: tomogram_voxel_size(stored(root / _FILES[name])) for name in names}
    low, high = min(sizes, key=sizes.__getitem__), max(sizes, key=sizes.__getitem__)
    if sizes[high] > 1.02 * sizes[low]:
        raise input_error(
            root,
            f"expected one voxel size, found {sizes[low]:g} A in {_FILES[low]} and "
            f"{sizes[high]:g} A in {_FILES[high]}; give the voxel size, or read the volumes one by "
            "one",
        )
    return sizes[names[0]]


def _read_part(root: Path, name: str, size_A: float) -> Any:
    path = stored(root / _FILES[name])
    if name == "class_mask":
        return mrc.read_mask(path, dtype=np.uint8)
    if name == "occupancy_mask":
        return mrc.read_mask(path, dtype=np.uint16)
    return read_tomogram(path, voxel_size_A=size_A)


def _pixel_sizes(root: Path, given_A: float | None) -> dict[str, float]:
    """Pixel size of each stack in the folder; a stack half as wide has pixels twice as large."""
    files = {name: root / _FILES[name] for name in STACKS if _has(root, name)}
    if given_A is None:
        return {name: mrc.read_pixel_size(file) for name, file in files.items()}
    widths = {name: mrc.read_shape(file)[2] for name, file in files.items()}
    return {name: given_A * round(max(widths.values()) / width) for name, width in widths.items()}


def _geometry(root: Path, pixels_A: Mapping[str, float]) -> TiltGeometry | None:
    path = root / ALIGNMENT
    if not os.path.exists(path) or not pixels_A:
        return None
    return alignment_geometry(path, read_alignment(path), min(pixels_A.values()))


def _read_series(
    path: Path, geometry: TiltGeometry | None, pixel_size_A: float, mmap: bool
) -> TiltSeries:
    if geometry is None:
        raise input_error(
            path, f"expected {ALIGNMENT} with the tilt angles beside it, found none; add it"
        )
    images, size_A = mrc.read_stack(path, mmap=mmap, pixel_size_A=pixel_size_A)
    n = len(geometry.angles_deg)
    if len(images) != n:
        raise input_error(
            path, f"expected {n} images as in {ALIGNMENT}, found {len(images)}; use one release"
        )
    return TiltSeries(images, replace(geometry, pixel_size_A=size_A))
