"""Oriented points of the CryoET Data Portal, as its schema and its converter of RELION's have them.

``location`` is in voxels from the first one, ``xyz_rotation_matrix`` is applied to the particle.
"""

import json

import mrcfile
import numpy as np

from specimen import SPECIES, Poses

FORMAT, READER = "portal", "json (the portal's schema)"


def read(folder, name):
    """Read the particles of a tomogram."""
    (file,) = (folder / name).rglob(f"{SPECIES}-1.0_orientedpoint.ndjson")
    points = [json.loads(line) for line in file.read_text().splitlines()]
    (volume,) = (folder / name).rglob("*.mrc")
    return Poses(
        mrcfile.read(volume),
        np.array([[point["location"][axis] for axis in "xyz"] for point in points]),
        np.array([point["xyz_rotation_matrix"] for point in points]),
    )
