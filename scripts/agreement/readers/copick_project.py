"""copick's own library reads a project: places by the voxel spacing, and the matrices."""

import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np

PYTHON = "COPICK_PYTHON"
FORMAT = "copick"
READER = "copick"


def read(folder, name):
    """Return the poses that copick finds; it runs in the Python that COPICK_PYTHON names."""
    import elsewhere

    global READER
    poses, READER = elsewhere.read(Path(__file__), PYTHON, folder, name)
    return poses


def main(folder, name, out):
    """Read with copick and save what it finds."""
    import copick

    run = copick.from_file(f"{folder}/config.json").get_run(name)
    spacing = run.voxel_spacings[0]
    tomogram = spacing.get_tomograms("wbp")[0]
    points = [p for picks in run.get_picks(object_name="asym") for p in picks.points]
    places = np.array([[p.location.x, p.location.y, p.location.z] for p in points])
    matrices = np.array([p.transformation for p in points])
    # copick's documentation: the particle's centre is location + translation.
    voxels = (places + matrices[:, :3, 3]) / spacing.voxel_size
    reader = f"copick {version('copick')}"
    np.savez(out, volume=tomogram.numpy(), voxels=voxels, turns=matrices[:, :3, :3], reader=reader)


if __name__ == "__main__":
    main(*sys.argv[1:])
