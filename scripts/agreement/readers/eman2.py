"""EMAN2's boxes: EMAN2 is no Python distribution, so its JSON is read as ``e2spt_extract`` does.

With ``apix_unbin`` places are unbinned pixels from the middle voxel, N // 2. Boxes hold no
orientations.
"""

import json

import mrcfile
import numpy as np

from specimen import Poses

FORMAT, READER = "eman2", "json (e2spt_extract's keys)"


def read(folder, name):
    """Read the particles of a tomogram."""
    info = json.loads((folder / "info" / f"{name}_info.json").read_text())
    with mrcfile.open(folder / "tomograms" / f"{name}.mrc") as file:
        voxel_A, volume = float(file.voxel_size.x), file.data.copy()
    boxes = np.array([box[:3] for box in info["boxes_3d"]], float)
    middle = np.array(volume.shape[::-1]) // 2
    return Poses(volume, boxes * info["apix_unbin"] / voxel_A + middle, None)
