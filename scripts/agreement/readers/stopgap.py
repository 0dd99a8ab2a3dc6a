"""STOPGAP's motive list by starfile; its columns mean what those of motive lists mean (cryoCAT)."""

import mrcfile
import starfile
from scipy.spatial.transform import Rotation

from specimen import Poses

FORMAT, READER = "stopgap", "starfile"


def read(folder, name):
    """Read the particles of a tomogram."""
    numbers = [line.split() for line in (folder / "tomolist.txt").read_text().splitlines()]
    (number, volume), = ((int(n), file) for n, file in numbers if name in file)  # fmt: skip
    table = starfile.read(folder / "particles.star")
    table = table[table["tomo_num"] == number]
    places = table[["orig_x", "orig_y", "orig_z"]].to_numpy()
    shifts = table[["x_shift", "y_shift", "z_shift"]].to_numpy()
    turns = Rotation.from_euler("zxz", table[["phi", "the", "psi"]].to_numpy(), degrees=True)
    return Poses(mrcfile.read(folder / volume), places + shifts - 1, turns.as_matrix())
