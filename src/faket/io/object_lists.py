"""DeepFinder's object lists: an XML element a particle, in voxels counted from 0.

``<object tomo_idx="0" class_label="11" x="46" y="261" z="144" phi="12" psi="20" the="83"/>``. The
angles are TOM's (see :mod:`faket.evaluation.conventions`); lists of picks have none, but
``cluster_size``, which is read as their score.
"""

import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from faket.data import DoubleArray
from faket.evaluation.conventions import EulerAngles
from faket.evaluation.matching import Picks
from faket.io.failures import PathLike, input_error
from faket.io.pick_rows import Wanted, numbered_species, rows_of_tomogram
from faket.io.text import MAX_TEXT_BYTES, check_size, parse_number, read_text

_SCORE, _TOMOGRAM, _CLASS = "cluster_size", "tomo_idx", "class_label"
_ANGLES = ("phi", "psi", "the")  # in the order of conventions: TOM/AV3


def read_object_list(path: PathLike, voxel_size_A: float, wanted: Wanted) -> Picks:
    """Read the picks of one tomogram.

    Parameters
    ----------
    path : str or Path
    voxel_size_A : float
        Of the tomogram.
    wanted : Wanted
        ``tomogram`` is ``tomo_idx``.

    Raises
    ------
    InputError
        If it is no object list, or naming the object that is wrong.
    """
    check_size(path, MAX_TEXT_BYTES)
    text = read_text(path)
    if "<!DOCTYPE" in text or "<!ENTITY" in text:  # entities can fill the memory
        raise input_error(Path(path), "expected an object list, found XML with a DOCTYPE")
    try:
        objects = ElementTree.fromstring(text).findall("object")
    except ElementTree.ParseError as error:
        raise input_error(path, f"expected XML, found a mistake ({error}); correct it") from error
    names = [one.get(_TOMOGRAM) or "" for one in objects]
    keep, notes = rows_of_tomogram(path, names, wanted)
    objects = [objects[i] for i in keep]
    voxels = [
        [parse_number(one.get(axis) or "", path, f"object {i}, {axis}") for axis in "xyz"]
        for i, one in enumerate(objects, start=1)
    ]
    classes = [one.get(_CLASS) or "" for one in objects]
    species, class_notes = numbered_species(path, _CLASS, classes, wanted)
    scores, degrees = _columns(path, objects, (_SCORE,)), _columns(path, objects, _ANGLES)
    angles = None if degrees is None or not degrees.any() else EulerAngles("TOM/AV3", degrees)
    positions = np.array(voxels, np.float64).reshape(-1, 3)
    return Picks(
        species,
        positions * (wanted.pixel_size_A or voxel_size_A),
        rotations=None if angles is None else angles.rotations(),
        scores=None if scores is None else scores[:, 0],
        angles=angles,
        notes=(*notes, *class_notes),
    )


def _columns(
    path: PathLike, objects: Sequence[ElementTree.Element], names: tuple[str, ...]
) -> DoubleArray | None:
    """Return some attributes of all objects, shape (n, names); None if an object lacks one."""
    if not objects or not all(one.get(name) for one in objects for name in names):
        return None
    values = [
        [parse_number(one.get(name) or "", path, f"object {i}, {name}") for name in names]
        for i, one in enumerate(objects, start=1)
    ]
    return np.array(values, np.float64)
