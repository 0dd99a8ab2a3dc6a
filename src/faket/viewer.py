"""A tomogram with its truth as layers of napari and neuroglancer.

napari's reader of the name faket opens a folder such as out/model_0: tomogram, classes, instances
and particles. Nothing here imports napari: a reader gives arrays and dictionaries.
"""

import json
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from faket.io.model_folder import (
    CLASS_MASK,
    INSTANCE_MASK,
    OCCUPANCY_MASK,
    PARTICLES,
    POTENTIAL,
    RECONSTRUCTION,
    stored,
)
from faket.io.mrc import read_mask
from faket.io.particles import read_particles
from faket.io.tomograms import read_tomogram

_NEUROGLANCER = "https://neuroglancer-demo.appspot.com/"

Layer = tuple[Any, dict[str, Any], str]
Reader = Callable[[str], list[Layer]]


def napari_reader(path: str | list[str]) -> Reader | None:
    """Return the reader of a tomogram's folder; None if the path is none (napari's convention)."""
    if isinstance(path, list):
        path = path[0]
    return read_layers if _volume(Path(path)) is not None else None


def read_layers(path: str | list[str]) -> list[Layer]:
    """Return the layers of a tomogram's folder: data, settings and kind of each.

    Parameters
    ----------
    path : str or list of str
        ``model_N`` of a data set, or a specimen's folder; of a list, the first.

    Returns
    -------
    list of tuple
        Image, labels and points; lengths are in Å, with the centre of voxel [0, 0, 0] at 0.

    Raises
    ------
    InputError
        If a file cannot be read.
    """
    folder = Path(path[0] if isinstance(path, list) else path)
    file = _volume(folder)
    assert file is not None  # napari_reader accepted the folder
    volume = read_tomogram(file)
    # Without `units`: napari refuses a second layer whose units are others.
    common = {"scale": (volume.voxel_size_A,) * 3}
    layers: list[Layer] = [(volume.data, {"name": folder.name, **common}, "image")]
    for name, shown in ((CLASS_MASK, True), (OCCUPANCY_MASK, False), (INSTANCE_MASK, False)):
        mask = stored(folder / name)
        if mask.exists():
            settings = {"name": Path(name).stem, "opacity": 0.4, "visible": shown, **common}
            layers.append((read_mask(mask), settings, "labels"))
    if (folder / PARTICLES).exists():
        layers.append(_points(folder / PARTICLES, volume.voxel_size_A))
    return layers


def neuroglancer_url(server: str, images: Mapping[str, str], labels: Mapping[str, str]) -> str:
    """Return the page on which neuroglancer shows OME-Zarr images and labels.

    Parameters
    ----------
    server : str
        Where the folder is served; neuroglancer needs a server that allows other origins (CORS).
    images, labels : mapping of str to str
        Name of a layer → path of its ``.zarr`` in that folder.
    """
    layers = [
        {"type": kind, "name": name, "source": f"zarr://{server}/{quote(path)}/"}
        for kind, named in (("image", images), ("segmentation", labels))
        for name, path in named.items()
    ]
    state = {"layers": layers, "layout": "4panel"}
    return f"{_NEUROGLANCER}#!{quote(json.dumps(state, separators=(',', ':')))}"


def _points(table: Path, voxel_size_A: float) -> Layer:
    particles = read_particles(table)
    settings = {
        "name": "particles",
        # In voxels, because napari shows a point in the planes less than half a unit away.
        "scale": (voxel_size_A,) * 3,
        "size": 10,  # chosen: seen in a whole tomogram, and through
        "opacity": 0.5,
        "features": {"id": particles.ids, "species": np.array(particles.species)},
        "face_color": "species",
        **_in_neighbouring_planes(),
    }
    return particles.positions_A[:, ::-1] / voxel_size_A, settings, "points"  # x y z → z y x


def _in_neighbouring_planes() -> dict[str, Any]:
    """Return the setting that shows points as balls which planes cut; its name has changed."""
    try:
        major, minor = map(int, version("napari").split(".")[:2])
    except (PackageNotFoundError, ValueError):
        return {}
    if (major, minor) < (0, 9):
        return {"out_of_slice_display": True}
    return {"projection_mode": "rescale_spherical"}  # in the thick slices that the user sets


def _volume(folder: Path) -> Path | None:
    files = (stored(folder / RECONSTRUCTION), folder / POTENTIAL)
    return next((file for file in files if file.exists()), None)
