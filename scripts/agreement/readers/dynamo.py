"""Dynamo's table by dynamotable; what the numbers mean from Dynamo's "Table convention".

Pixels are counted from 1. The template is turned about z by tdrot, then about x by tilt, then about
z by narot, each clockwise seen from the axis's end, which is what their transposes do.
"""

import dynamotable
import mrcfile
import numpy as np
from scipy.spatial.transform import Rotation

from specimen import Poses

FORMAT, READER = "dynamo", "dynamotable"


def read(folder, name):
    """Read the particles of a tomogram."""
    table = dynamotable.read(folder / "particles.tbl", folder / "particles.doc")
    table = table[table["tomo_file"].str.contains(name)]
    voxels = table[["x", "y", "z"]].to_numpy() - 1 + table[["dx", "dy", "dz"]].to_numpy()
    turns = [
        (about("z", narot) @ about("x", tilt) @ about("z", tdrot)).T
        for tdrot, tilt, narot in table[["tdrot", "tilt", "narot"]].to_numpy()
    ]
    return Poses(mrcfile.read(folder / table["tomo_file"].iloc[0]), voxels, np.array(turns))


def about(axis, degrees):
    """Return the counter-clockwise rotation about an axis."""
    return Rotation.from_euler(axis, degrees, degrees=True).as_matrix()
