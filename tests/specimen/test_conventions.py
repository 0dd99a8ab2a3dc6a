"""Orientation and reach of what is placed, in cases that only one convention passes."""

from dataclasses import asdict

import numpy as np
import pytest
from scipy.spatial import cKDTree

from faket.data import Species
from faket.specimen import Company, SpecimenConfig, attempts, molecule_attempts, place_particles
from faket.specimen.ellipsoids import signed_distance
from faket.specimen.membrane import bilayer_potential_V
from faket.specimen.shapes import fibonacci_sphere


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


def test_the_default_specimen_is_shrecs():
    """1024 x 1024 x 360 voxels of 5 Å, and what SHREC'21 put into them."""
    assert asdict(SpecimenConfig()) == {
        "size_voxels": (1024, 1024, 360), "voxel_size_A": 5.0, "particles": (1000, 3000),
        "copies": {}, "volume_fractions": {}, "vesicles": (2, 7), "filaments": (),
        "company": {}, "states": {}, "membrane_names": (),
        "membranes": (), "on_membranes": {}, "lamella": None, "carbon": None, "crystals": None,
        "vesicle_semi_axes_A": (720.0, 1680.0), "gold": (7, 14), "gold_diameter_A": (40.0, 100.0),
        "gold_axis_scale": (0.8, 1.2), "on_full": "continue", "max_tries": 2000,
    }  # fmt: skip


def test_centres_of_vesicles_lie_anywhere_in_the_box():
    """From half a voxel before the first sample to half a voxel behind the last, along all axes."""
    size = np.array((12, 10, 8))
    places = []
    for seed in range(150):
        vesicle = placed(
            seed, size_voxels=tuple(int(n) for n in size), vesicles=(1, 1),
            vesicle_semi_axes_A=(100, 100),
        )  # fmt: skip
        places += [(one / 5.0 + 0.5) / size for one in vesicle.positions_A]
    places = np.array(places)
    assert len(places) > 30
    assert (places.min(axis=0) >= 0).all()
    assert (places.max(axis=0) <= 1).all()
    assert (places.min(axis=0) < 0.05).all()
    assert (places.max(axis=0) > 0.95).all()


def test_fiducials_have_the_diameter_that_is_asked_for():
    """Semi-axes: half of 80 Å, times a factor for each axis."""
    gold = placed(0, size_voxels=(80, 80, 80), gold=(6, 6), gold_diameter_A=(80, 80),
                  gold_axis_scale=(0.5, 1.5))  # fmt: skip
    factors = gold.semi_axes_A / 40
    assert factors.min() >= 0.5
    assert factors.max() <= 1.5
    assert factors.std() > 0.1
    round_ones = placed(0, size_voxels=(80, 80, 80), gold=(6, 6), gold_diameter_A=(80, 80),
                        gold_axis_scale=(1.0, 1.0))  # fmt: skip
    np.testing.assert_allclose(round_ones.semi_axes_A, 40)


def test_distances_near_a_surface_are_exact():
    """Along the normal of an ellipsoid of semi-axes 20, 35 and 60, to 1e-4 of the smallest."""
    axes = np.array([20.0, 35.0, 60.0])
    for direction in np.random.default_rng(0).normal(size=(200, 3)):
        on = axes * direction / np.linalg.norm(direction)
        normal = on / axes**2
        for offset in (-2.5, -0.3, 0.0, 0.8, 2.5):
            found = signed_distance(*(on + offset * normal / np.linalg.norm(normal)), *axes)
            assert found == pytest.approx(offset, abs=2e-3)


def test_a_fibonacci_sphere_is_even():
    """Steps of 2 / n along z, mean 0, moments of a third, and no two points close."""
    points = fibonacci_sphere(500)
    np.testing.assert_allclose(np.linalg.norm(points, axis=1), 1)
    np.testing.assert_allclose(np.diff(points[:, 2]), -2 / 500)
    assert points[:, 2].sum() == pytest.approx(0, abs=1e-9)
    np.testing.assert_allclose(points.T @ points / 500, np.eye(3) / 3, atol=2e-3)
    nearest = cKDTree(points).query(points, k=2)[0][:, 1]
    assert nearest.min() > 0.85 * np.sqrt(4 * np.pi / 500)


def test_a_bilayer_is_19_8_angstroms_from_its_middle_to_its_heads():
    """Heads of 2.0 V, chains of 1.7 V, 0.5 V at their ends; nothing beyond 45 Å."""
    d = np.arange(0, 60, 0.05)
    volts = bilayer_potential_V(d, 0.01)
    assert d[volts.argmax()] == pytest.approx(19.8, abs=1.0)
    assert np.interp(19.8, d, volts) == pytest.approx(2.0, abs=0.1)
    assert volts[0] == pytest.approx(0.5, abs=0.05)
    assert abs(volts[d > 45]).max() < 1e-3
    assert np.interp(24.5, d, volts) == pytest.approx(1.0, abs=0.05)
    np.testing.assert_allclose(bilayer_potential_V(-d, 5.0), bilayer_potential_V(d, 5.0))


def test_points_by_which_places_are_ruled_out_lie_on_and_in_the_object(monkeypatch):
    """On the vesicle's own surface and inside the molecule's own envelope, as they are turned."""
    seen = {}
    for room, name in ((attempts, "first_shell_fit"), (molecule_attempts, "first_fit")):
        own = getattr(room, name)
        monkeypatch.setattr(room, name, lambda *a, name=name, own=own: seen.update(
            {name: a}) or own(*a))  # fmt: skip
    box = np.zeros((9, 11, 13), np.float32)
    box[2:5, 3:6, 4:10] = 1.0  # without any symmetry about its centre
    species = Species("a", box, box, voxel_size_A=5.0)
    config = SpecimenConfig(
        size_voxels=(60, 60, 60), particles=(1, 1), vesicles=(1, 1), gold=(0, 0),
        vesicle_semi_axes_A=(100, 300), company={"a": Company(layer_A=(0, 150))},
    )  # fmt: skip
    place_particles(config, [species], seed=2)
    _, _, matrix, axes, _, points = seen["first_shell_fit"]
    np.testing.assert_allclose((((points @ matrix) / axes) ** 2).sum(axis=1), 1, rtol=1e-9)
    _, _, matrix, points, *_ = seen["first_fit"]
    x, y, z = np.rint(points @ matrix).astype(int).T
    assert (box[4 + z, 5 + y, 6 + x] == 1).all()
