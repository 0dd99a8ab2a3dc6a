"""DeepFinder's object lists: an XML element a particle, in voxels counted from 0.

``<object tomo_idx="0" class_label="11" x="46" y="261" z="144"/>``; its picks have ``cluster_size``
besides, which is read as their score. Angles of a list are not read: DeepFinder predicts none.
"""

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np

from faket.evaluation.matching import Picks
from faket.io.failures import PathLike, input_error
from faket.io.pick_rows import Wanted, numbered_species, rows_of_tomogram
from faket.io.text import MAX_TEXT_BYTES, check_size, parse_number, read_text

_SCORE, _TOMOGRAM, _CLASS = "cluster_size", "tomo_idx", "class_label"


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
    scores = None
    if objects and all(one.get(_SCORE) for one in objects):
        scores = np.array([parse_number(one.get(_SCORE) or "", path, _SCORE) for one in objects])
    positions = np.array(voxels, np.float64).reshape(-1, 3)
    size_A = wanted.pixel_size_A or voxel_size_A
    return Picks(species, positions * size_A, scores=scores, notes=(*notes, *class_notes))
