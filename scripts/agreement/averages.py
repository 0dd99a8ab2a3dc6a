"""Particles cut out at poses: how like the particle their average is, and each of them.

Places that are off by a constant in the tomogram are off in every direction of the particle, which
blurs the average, but hardly changes its correlation; that of single particles falls.
"""

import numpy as np
from scipy.ndimage import map_coordinates, spline_filter
from scipy.spatial import cKDTree

import specimen

READINGS = ("right", "mirror image", "inverse rotation", "half a voxel off", "axes reversed")
_SIDE = np.arange(-specimen.REACH, specimen.REACH + 1.0)
_GRID = specimen.mesh([_SIDE] * 3)  # [x, y, z, xyz]


def correlations(found, truth):
    """Return reading → correlation of the average, and mean correlation of single particles.

    Where a format holds no orientations, the true ones are used, of the true particle nearest to
    each place; a mistake of rotations cannot show then, and "inverse rotation" is None.
    """
    turns = found.turns
    if turns is None:
        turns = truth.turns[cKDTree(truth.voxels).query(found.voxels)[1]]
    volume = spline_filter(np.asarray(found.volume, float), order=3)
    wanted, mirrored = specimen.density(_GRID), specimen.density(_GRID * [-1, 1, 1])
    poses = (volume, found.voxels, turns)
    off = [similarity(volume, found.voxels + shift, turns, wanted) for shift in (0.5, -0.5)]
    inverse = similarity(volume, found.voxels, np.swapaxes(turns, 1, 2), wanted)
    values = (
        similarity(*poses, wanted),
        similarity(*poses, mirrored),
        None if found.turns is None else inverse,
        max(off),
        similarity(volume, found.voxels[:, ::-1], turns, wanted),
    )
    return dict(zip(READINGS, values, strict=True))


def similarity(volume, voxels, turns, wanted):
    """Cut out the volume at R u + c over all poses, for u on a grid [x, y, z], and correlate.

    Returns
    -------
    tuple of float
        Of the average of all particles; mean of the single ones.
    """
    total, single = np.zeros(_GRID.shape[:3]), []
    for centre, turn in zip(voxels, turns, strict=True):
        places = _GRID @ turn.T + centre
        cut = map_coordinates(volume, places[..., ::-1].transpose(3, 0, 1, 2), prefilter=False)
        total += cut
        single.append(correlation(cut, wanted) if cut.any() else 0.0)
    return float(correlation(total, wanted)), float(np.mean(single))


def correlation(one, other):
    """Return Pearson's correlation."""
    return np.corrcoef(one.ravel(), other.ravel())[0, 1]
