"""IMOD's model by imodmodel; its coordinates from IMOD's page on its binary file format.

x and y run from 0 at the edge of the volume, z from -0.5: the centre of the first voxel is
(0.5, 0.5, 0). Models hold no orientations.
"""

import imodmodel
import mrcfile

from specimen import Poses

FORMAT, READER = "imod", "imodmodel"


def read(folder, name):
    """Read the particles of a tomogram."""
    points = imodmodel.read(folder / f"{name}.mod")
    voxels = points[["x", "y", "z"]].to_numpy() - [0.5, 0.5, 0.0]
    return Poses(mrcfile.read(folder / f"{name}.mrc"), voxels, None)
