"""The EM motive list by emfile; what its rows mean from cryoCAT's documentation of motive lists.

Places are voxels counted from 1. The particle is turned about the fixed z by phi, x by theta, z by
psi (``Motl.get_rotations``: "zxz" of phi, theta, psi).
"""

import emfile
import mrcfile
import numpy as np
from scipy.spatial.transform import Rotation

from specimen import Poses

FORMAT, READER = "em", "emfile"


def read(folder, name):
    """Read the particles of a tomogram."""
    _, rows = emfile.read(folder / f"{name}.em")
    rows = np.asarray(rows, float).reshape(-1, 20)
    turns = Rotation.from_euler("zxz", rows[:, [16, 18, 17]], degrees=True).as_matrix()
    voxels = rows[:, 7:10] + rows[:, 10:13] - 1
    return Poses(mrcfile.read(folder / "tomograms" / f"{name}.mrc"), voxels, turns)
