"""Orientation and reach of what is placed, in cases that only one convention passes."""

import numpy as np
import pytest

from faket.specimen import SpecimenConfig, place_particles


def placed(seed, **changes):
    config = SpecimenConfig(
        **{"particles": (0, 0), "vesicles": (0, 0), "gold": (0, 0), "max_tries": 5000} | changes
    )
    return place_particles(config, [], seed=seed).particles


def level(particles, i, points_A):
    """Σ (u / a)² of points in object i's own frame."""
    local = particles.rotations[i].inv().apply(points_A - particles.positions_A[i])
    return ((local / particles.semi_axes_A[i]) ** 2).sum(axis=1)


def test_crowded_gold_of_any_shape_shares_no_voxel():
    size = (40, 36, 32)
    particles = placed(
        3, size_voxels=size, gold=(60, 60), gold_diameter_A=(70, 70), gold_axis_scale=(0.4, 1.8)
    )
    assert len(particles) > 10
    voxels = np.argwhere(np.ones(size)) * 5.0
    inside = np.array([level(particles, i, voxels) <= 1 for i in range(len(particles))])
    assert inside.sum(axis=0).max() == 1
    # Crowded: with another convention for orientations they would overlap.
    other = np.array([
        (((voxels - p) @ r.T / a) ** 2).sum(axis=1) <= 1
        for p, r, a in zip(
            particles.positions_A, particles.rotations.as_matrix(), particles.semi_axes_A,
            strict=True,
        )
    ])  # fmt: skip
    assert other.sum(axis=0).max() > 1


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_gold_reaches_the_faces_of_the_box_and_no_farther(axis):
    """A rotated ellipsoid reaches √Σ (R a)² along an axis; the box ends half a voxel outside."""
    size = np.array((60, 60, 60))
    places = []
    for seed in range(60):
        gold = placed(
            seed, size_voxels=tuple(int(n) for n in size), gold=(1, 1),
            gold_diameter_A=(120, 120), gold_axis_scale=(0.3, 2.0),
        )  # fmt: skip
        matrix, axes_A = gold.rotations[0].as_matrix(), gold.semi_axes_A[0]
        reach = np.linalg.norm(matrix * axes_A, axis=1) / 5.0
        low, high = reach - 0.5, size - 0.5 - reach
        places.append((gold.positions_A[0] / 5.0 - low) / (high - low))
    along = np.array(places)[:, axis]
    assert -1e-9 <= along.min() < 0.1
    assert 0.9 < along.max() <= 1 + 1e-9


def test_crowded_vesicles_share_no_voxel():
    size = (120, 110, 100)
    particles = placed(1, size_voxels=size, vesicles=(9, 9), vesicle_semi_axes_A=(100, 260))
    assert len(particles) >= 5
    voxels = np.argwhere(np.ones(size)) * 5.0
    taken = np.zeros(len(voxels), int)
    for i in range(len(particles)):
        k = np.sqrt(level(particles, i, voxels))
        # Within 25 Å of the surface for certain: |k − 1| times the smallest distance per k.
        taken += np.abs(k - 1) * particles.semi_axes_A[i].max() <= 25
    assert taken.max() == 1
