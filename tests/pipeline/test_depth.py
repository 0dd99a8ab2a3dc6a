"""Tomograms of another depth than the specimen's: labels stay where the particles are."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from faket.data import Particles, Volume
from faket.pipeline.depth import with_depth
from faket.pipeline.specimen_parts import SpecimenParts

VOXEL_A = 5.0


def parts(depth=9):
    """Two particles of a few voxels, in slices 1 and 6."""
    instances = np.zeros((depth, 4, 5), np.uint16)
    instances[0:3, 1, 2] = 7
    instances[6, 2, 2:4] = 3
    particles = Particles(
        np.array([7, 3]), ("a", "b"), np.array([[10.0, 5.0, 5.0], [12.5, 10.0, 30.0]]),
        Rotation.random(2, 1), np.full((2, 3), np.nan),
    )  # fmt: skip
    density = Volume(np.float32(instances), VOXEL_A)
    classes = (instances > 0).astype(np.uint8)
    return SpecimenParts(np.zeros((1, 4, 5)), density, classes, instances, particles, {})


@pytest.mark.parametrize("depth", [5, 6, 8, 9, 10, 15])
def test_every_particle_lies_at_its_voxels(depth):
    cut = with_depth(parts(), depth)
    assert cut.grandmodel.data.shape == cut.class_mask.shape == (depth, 4, 5)
    for number, position_A in zip(cut.particles.ids, cut.particles.positions_A, strict=True):
        x, y, z = np.floor(position_A / VOXEL_A + 0.5).astype(int)
        assert cut.instance_mask[z, y, x] == number
    assert set(np.unique(cut.instance_mask)) - {0} == set(cut.particles.ids)
    assert (cut.class_mask >= (cut.instance_mask > 0)).all()


def test_the_middle_stays_the_middle():
    for depth in (5, 6, 8, 15):
        made = with_depth(parts(), depth).grandmodel.data
        np.testing.assert_array_equal(made[depth // 2], parts().grandmodel.data[4])


def test_a_particle_whose_centre_is_cut_off_is_left_out_and_stays_visible():
    cut = with_depth(parts(), 5)  # slices 2 to 6
    np.testing.assert_array_equal(cut.particles.ids, [3])
    assert cut.class_mask[0, 1, 2] == 1
    assert cut.instance_mask[0, 1, 2] == 0
