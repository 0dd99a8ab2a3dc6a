"""Motive lists of any program by cryoCAT, which brings them into TOM's convention itself.

``Motl.get_coordinates`` are voxels counted from 1, ``Motl.get_rotations`` turn the particle.
"""

import mrcfile
from cryocat import cryomotl

from specimen import Poses


def reader(list_type, file):
    """Return the function that reads ``file`` of an export as a list of a type."""

    def read(folder, name):
        motl = cryomotl.Motl.load(str(folder / file.format(name=name)), motl_type=list_type)
        volume = mrcfile.read(folder / "tomograms" / f"{name}.mrc")
        return Poses(volume, motl.get_coordinates() - 1, motl.get_rotations().as_matrix())

    return read
