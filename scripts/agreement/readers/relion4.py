"""RELION 4's STAR file by starfile: pixels of the unbinned tilt-series from the first voxel."""

import mrcfile
import starfile
from readers.relion5 import matrices

from specimen import Poses

FORMAT, READER = "relion4", "starfile"


def read(folder, name):
    """Read the particles of a tomogram."""
    tables = starfile.read(folder / "particles.star")
    particles = tables["particles"][tables["particles"]["rlnTomoName"] == name]
    pixel_A = tables["optics"]["rlnTomoTiltSeriesPixelSize"][0]
    with mrcfile.open(folder / "tomograms" / f"{name}.mrc") as file:
        binning, volume = float(file.voxel_size.x) / pixel_A, file.data.copy()
    pixels = particles[[f"rlnCoordinate{axis}" for axis in "XYZ"]].to_numpy()
    return Poses(volume, pixels / binning, matrices(particles))
