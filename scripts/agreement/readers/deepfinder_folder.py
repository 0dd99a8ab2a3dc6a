"""cryoet-deepfinder's own loader reads its training folder, and its own code turns molecules."""

import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np

PYTHON = "DEEPFINDER_PYTHON"
FORMAT = "deepfinder"
READER = "cryoet-deepfinder"
LEAST = 0.9  # its places are whole voxels
_SIDE = 32


def read(folder, name):
    """Return the poses that it finds; it runs in the Python that DEEPFINDER_PYTHON names."""
    import elsewhere

    global READER
    poses, READER = elsewhere.read(Path(__file__), PYTHON, folder, name)
    return poses


def main(folder, name, out):
    """Read with DeepFinder and save what it finds."""
    from deepfinder.utils.common import read_array
    from deepfinder.utils.dataloader import Dataloader

    paths, _, train, valid = Dataloader()(str(folder))
    index = next(i for i, path in enumerate(paths) if Path(path).stem == name)
    objects = [each for each in train + valid if each["tomo_idx"] == index]
    voxels = np.array([[each["x"], each["y"], each["z"]] for each in objects])
    turns = np.array([_turn(each) for each in objects])
    reader = f"cryoet-deepfinder {version('cryoet-deepfinder')}"
    np.savez(out, volume=read_array(paths[index]), voxels=voxels, turns=turns, reader=reader)


def _turn(found):
    """Return an object's rotation matrix (x y z): DeepFinder turns balls on x, y and z."""
    from deepfinder.utils.common import rotate_array

    axes = np.indices((_SIDE,) * 3) - _SIDE // 2  # z y x
    columns = []
    for axis in range(3):
        place = np.zeros(3)
        place[2 - axis] = 8
        ball = np.exp(-((axes - place[:, None, None, None]) ** 2).sum(axis=0) / 8)
        turned = rotate_array(ball, (found["phi"], found["psi"], found["the"]))
        columns.append([(turned * axes[2 - i]).sum() / turned.sum() / 8 for i in range(3)])
    left, _, right = np.linalg.svd(np.array(columns).T)
    return left @ right  # the nearest matrix whose columns have length 1


if __name__ == "__main__":
    main(*sys.argv[1:])
