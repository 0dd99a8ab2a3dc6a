"""IMOD's binary models: an object of scattered points for each class.

Big-endian chunks, as IMOD's page "IMOD Binary File Format" has them. Coordinates are voxels of the
volume that the model is shown on: x and y from 0 at the volume's edge, so that the centre of voxel
i is i + 0.5, but z from -0.5, so that the centre of section k is k. Models hold no orientations.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from struct import Struct

import numpy as np

from faket.data import AnyArray, DoubleArray
from faket.evaluation.matching import Picks
from faket.io.atomic import atomic_path
from faket.io.failures import PathLike, input_error
from faket.io.pick_rows import Wanted, named_species
from faket.io.text import MAX_TEXT_BYTES, check_size

MAX_NAME_BYTES = 63  # of 64, the last of which ends the name
_ID, _END = b"IMODV1.2", b"IEOF"
_CENTRE = np.array([0.5, 0.5, 0.0])  # of voxel [0, 0, 0], x y z
# name, sizes x y z, objects, flags, drawing, mouse, black, white, offset, scale, current object,
# contour and point, resolution, threshold, pixel size, unit, check sum, three angles
_MODEL = Struct(">128s3iiIiiii3f3fiiiiifii3f")
# name, spare, contours, flags, axis, drawing, colour, radius, symbol, its size, two line widths,
# line style, symbol flags, spare, transparency, meshes, surfaces
_OBJECT = Struct(">64s16IiIii3fi8Bii")
_CONTOUR = Struct(">iIii")  # points, flags, time, surface
_MATERIAL_IN_BYTES, _CLIP_PLANES = 1 << 13, 1 << 12  # of a model: how later chunks are stored
_SCATTERED, _OPEN = 1 << 9, 1 << 3  # of an object
_ANGSTROM = -10


@dataclass(frozen=True)
class PointObject:
    """One object of a model.

    Attributes
    ----------
    name : str
    colour : tuple of float
        Red, green, blue from 0 to 1.
    radius_voxels : int
        Of the sphere drawn at each point.
    points : ndarray, shape (n, 3)
        x y z in voxels from the centre of voxel [0, 0, 0].
    """

    name: str
    colour: tuple[float, float, float]
    radius_voxels: int
    points: AnyArray


def write_imod_model(
    path: PathLike,
    objects: Sequence[PointObject],
    shape: tuple[int, int, int],
    voxel_size_A: float,
) -> None:
    """Write a model.

    Parameters
    ----------
    path : str or Path
    objects : sequence of PointObject
    shape, voxel_size_A
        z y x and Å of the volume.

    Raises
    ------
    InputError
        If a name is too long, or the file cannot be written.
    """
    x, y, z = shape[::-1]
    flags = _MATERIAL_IN_BYTES | _CLIP_PLANES
    view = (1, 1, 0, 255, 0, 0, 0, 1, 1, 1, 0, 0, -1, 3, 128)
    size = (voxel_size_A, _ANGSTROM, 0, 0, 0, 0)
    parts = [_ID, _MODEL.pack(b"", x, y, z, len(objects), flags, *view, *size)]
    for one in objects:
        name = one.name.encode()
        if len(name) > MAX_NAME_BYTES:
            raise input_error(
                path, f"expected a class name of at most {MAX_NAME_BYTES} bytes, found "
                f"{one.name!r}; give `map`"
            )  # fmt: skip
        contours = int(len(one.points) > 0)
        kind = (contours, _SCATTERED | _OPEN, 0, 1, *one.colour, one.radius_voxels)
        symbol = (0, 3, 1, 1, 0, 0, 0, 0, 0, 0)
        parts += [b"OBJT", _OBJECT.pack(name, *[0] * 16, *kind, *symbol)]
        if contours:
            parts += [b"CONT", _CONTOUR.pack(len(one.points), 0, 0, 0)]
            parts.append(np.asarray(one.points + _CENTRE, ">f4").tobytes())
    parts.append(_END)
    with atomic_path(path) as temporary:
        temporary.write_bytes(b"".join(parts))


def read_imod_picks(path: PathLike, voxel_size_A: float, wanted: Wanted) -> Picks:
    """Read the points of a model as picks; the name of their object is their class.

    Parameters
    ----------
    path : str or Path
    voxel_size_A : float
        Of the volume on which the model was made.
    wanted : Wanted
        Objects without a name are called "object_1", ….

    Raises
    ------
    InputError
        If it is no complete model of IMOD.
    """
    check_size(path, MAX_TEXT_BYTES)
    names: list[str] = []
    points: list[DoubleArray] = []
    objects = 0
    for chunk, content in _chunks(path, Path(path).read_bytes()):
        if chunk == b"OBJT":
            objects += 1
            word = content[:64].split(b"\0")[0].decode("utf-8", "replace").strip()
            name = word or f"object_{objects}"
        if chunk == b"CONT" and objects:
            found = np.frombuffer(content[_CONTOUR.size :], ">f4").reshape(-1, 3)
            names += [name] * len(found)
            points.append(found.astype(np.float64) - _CENTRE)
    places = np.concatenate(points) if points else np.zeros((0, 3))
    if not np.isfinite(places).all():
        raise input_error(path, "expected finite points, found others; correct the model")
    species = named_species(path, names, wanted.renames)
    if wanted.species is not None:
        species = (wanted.species,) * len(names)
    return Picks(species, places * (wanted.pixel_size_A or voxel_size_A))


def _chunks(path: PathLike, content: bytes) -> list[tuple[bytes, bytes]]:
    """Return name and content of each chunk; InputError if the file ends before its end mark."""
    place, found = len(_ID) + _MODEL.size, []
    while content[place : place + 4] != _END:
        name, place = content[place : place + 4], place + 4
        if name == b"OBJT":
            size = _OBJECT.size
        elif name == b"CONT":
            size = _CONTOUR.size + 12 * int.from_bytes(content[place : place + 4], "big")
        elif name == b"MESH":
            vertices, indices = np.frombuffer(content[place : place + 8].ljust(8, b"\0"), ">u4")
            size = 16 + 12 * int(vertices) + 4 * int(indices)
        else:
            size = 4 + int.from_bytes(content[place : place + 4], "big")
        if len(name) < 4 or place + size > len(content):
            raise input_error(
                path, f"expected an IMOD model with its end mark, found its end after "
                f"{len(content)} bytes; copy it again"
            )  # fmt: skip
        found.append((name, content[place : place + size]))
        place += size
    return found
