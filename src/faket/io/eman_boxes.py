"""EMAN2's boxes in tomograms: ``boxes_3d`` and ``class_list`` of ``info/NAME_info.json``.

A box is ``[x, y, z, how it was made, score, class]``. With ``apix_unbin`` in the file, x y z are
pixels of that size from sample N // 2 of each axis of the tomogram, as ``e2spt_boxer`` saves and
``e2spt_extract`` reads them; without it, voxels from the first one. Boxes hold no orientations.
"""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from faket.evaluation.matching import Picks
from faket.io.failures import PathLike, input_error
from faket.io.pick_rows import Wanted, named_species
from faket.io.text import is_number, read_text, write_text

_UNBINNED = "apix_unbin"


def write_eman_boxes(
    path: PathLike,
    picks: Picks,
    shape: tuple[int, int, int],
    voxel_size_A: float,
    *,
    pixel_size_A: float,
    box_sizes: Mapping[str, int],
) -> None:
    """Write the boxes of a tomogram.

    Parameters
    ----------
    path : str or Path
    picks : Picks
    shape, voxel_size_A
        z y x and Å of the tomogram.
    pixel_size_A : float
        Of the unbinned tilt-series.
    box_sizes : mapping of str to int
        Class → side of its box in unbinned pixels; all classes, in the order of their numbers.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    numbers = {name: number for number, name in enumerate(box_sizes)}
    centre = np.array(shape[::-1]) // 2
    places = (picks.positions_A / voxel_size_A - centre) * (voxel_size_A / pixel_size_A)
    scores = np.zeros(len(picks)) if picks.scores is None else picks.scores
    boxes = [
        [*map(float, place), "manual", float(score), numbers[name]]
        for place, score, name in zip(places, scores, picks.species, strict=True)
    ]
    classes = {
        str(numbers[name]): {"boxsize": side, "name": name} for name, side in box_sizes.items()
    }
    content = {_UNBINNED: pixel_size_A, "boxes_3d": boxes, "class_list": classes}
    write_text(path, [json.dumps(content, ensure_ascii=False)])


def read_eman_picks(
    path: PathLike, shape: tuple[int, int, int], voxel_size_A: float, wanted: Wanted
) -> Picks:
    """Read the boxes of a tomogram as picks.

    Parameters
    ----------
    path : str or Path
    shape, voxel_size_A
        z y x and Å of the tomogram.
    wanted : Wanted

    Raises
    ------
    InputError
        If it holds no boxes, or naming the box that is wrong.
    """
    content = _json(path)
    boxes, listed = content.get("boxes_3d"), content.get("class_list", {})
    if not isinstance(boxes, list) or not isinstance(listed, dict):
        raise input_error(
            path,
            "expected the boxes and classes of EMAN2, found others; check the file",
        )
    places, scores, names = [], [], []
    for i, box in enumerate(boxes, start=1):
        place = box[:3] if isinstance(box, list) else []
        if len(place) < 3 or not all(map(is_number, place)):
            raise input_error(path, f"box {i}: expected numbers x y z, found {box!r:.60}")
        places.append(place)
        scores.append(box[4] if len(box) > 4 and is_number(box[4]) else 0.0)
        names.append(_class_name(listed, box[5] if len(box) > 5 else 0))
    positions = np.array(places, np.float64).reshape(-1, 3)
    unbinned_A = content.get(_UNBINNED)
    if isinstance(unbinned_A, int | float) and is_number(unbinned_A) and unbinned_A > 0:
        centre_A = np.array(shape[::-1]) // 2 * voxel_size_A
        positions_A = positions * (wanted.pixel_size_A or unbinned_A) + centre_A
    else:
        positions_A = positions * (wanted.pixel_size_A or voxel_size_A)
    species = named_species(path, names, wanted.renames)
    if wanted.species is not None:
        species = (wanted.species,) * len(names)
    values = np.array(scores, np.float64)
    return Picks(species, positions_A, scores=values if values.any() else None)


def _class_name(listed: Mapping[str, Any], number: object) -> str:
    entry = listed.get(str(number))
    name = entry.get("name") if isinstance(entry, dict) else None
    return name if isinstance(name, str) and name.strip() else f"class_{number}"


def _json(path: PathLike) -> dict[str, Any]:
    try:
        content = json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise input_error(path, f"expected JSON, found a mistake ({error!r:.60})") from error
    return content if isinstance(content, dict) else {}
