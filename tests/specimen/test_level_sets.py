"""Level sets against closed forms: distance, area, volume, curvature, Euler characteristic."""

import numpy as np
import pytest

from faket.specimen.distances import redistanced
from faket.specimen.level_sets import curvatures_at, level_set_of, projected, values_at
from faket.specimen.meshes import mesh_of
from faket.specimen.random_fields import field_on_grid, random_waves, slope_per_A

H = 20.0
OFF = np.array([3.3, -7.0, 1.0])  # surfaces lie between nodes


def level_set(function, half_A):
    """The level set of a function of x, y, z (Å from a point off the nodes) around the origin."""
    n = 2 * int(np.ceil(half_A / H)) + 1
    origin = np.full(3, -(n // 2) * H)
    z, y, x = np.meshgrid(*(origin[0] + H * np.arange(n),) * 3, indexing="ij")
    return level_set_of(function(x - OFF[0], y - OFF[1], z - OFF[2]), origin, H)


def sphere(radius):
    return level_set(lambda x, y, z: (x**2 + y**2 + z**2 - radius**2) / radius, radius + 200)


def directions(n=3000):
    u = np.random.default_rng(0).normal(size=(n, 3))
    return u / np.linalg.norm(u, axis=1, keepdims=True)


@pytest.mark.parametrize("radius", [150.0, 300.0])
def test_the_distance_from_a_sphere_is_right_within_a_tenth_of_an_angstrom(radius):
    surface = redistanced(sphere(radius), 120.0)
    for offset in (-60.0, -25.0, 0.0, 25.0, 60.0):
        found = values_at(surface, OFF + directions() * (radius + offset))
        np.testing.assert_allclose(found, offset, atol=0.1)
    assert values_at(surface, OFF[None])[0] == pytest.approx(-120, abs=1)


@pytest.mark.parametrize("radius", [100.0, 300.0])
def test_a_sphere_has_its_area_volume_and_curvature(radius):
    """The triangles are inscribed: they lack less than 0.4 (20 Å / R)² of area, 1 of volume."""
    surface = redistanced(sphere(radius), 120.0)
    mesh = mesh_of(surface)
    lacking = (H / radius) ** 2
    area = mesh.areas_A2().sum() / (4 * np.pi * radius**2)
    volume = mesh.volume_A3() / (4 / 3 * np.pi * radius**3)
    assert 1 - 0.1 * lacking < area < 1
    assert 1 - 0.3 * lacking < volume < 1
    assert mesh.mean_of(mesh.mean_curvature_per_A) * radius == pytest.approx(1, abs=2e-3)
    assert mesh.mean_of(mesh.gauss_curvature_per_A2) * radius**2 == pytest.approx(1, abs=4e-3)
    assert mesh.euler_characteristic() == 2
    assert mesh.closed()
    np.testing.assert_allclose(mesh.normals, (mesh.vertices_A - OFF) / radius, atol=2e-3)


def test_a_torus_has_genus_one_and_the_area_and_volume_of_pappus():
    a, b = 300.0, 120.0
    torus = level_set(lambda x, y, z: np.hypot(np.hypot(x, y) - a, z) - b, a + b + 160)
    mesh = mesh_of(redistanced(torus, 120.0))
    assert mesh.areas_A2().sum() == pytest.approx(4 * np.pi**2 * a * b, rel=2e-3)
    assert mesh.volume_A3() == pytest.approx(2 * np.pi**2 * a * b**2, rel=5e-3)
    assert mesh.euler_characteristic() == 0
    assert mesh.closed()
    # The mean of the mean curvature of a torus is 1 / 2b, as of a tube.
    assert mesh.mean_of(mesh.mean_curvature_per_A) == pytest.approx(1 / (2 * b), rel=2e-3)
    gauss_bonnet = mesh.mean_of(mesh.gauss_curvature_per_A2) * mesh.areas_A2().sum()
    assert gauss_bonnet / (4 * np.pi) == pytest.approx(0, abs=0.01)


def test_a_cylinder_is_open_and_has_no_gaussian_curvature():
    radius = 150.0
    tube = level_set(lambda x, y, z: (x**2 + y**2 - radius**2) / (2 * radius), radius + 150)
    surface = redistanced(tube, 120.0)
    box = np.array([[-400, -400, -103.0], [400, 400, 97.0]])
    mesh = mesh_of(surface).inside(box)
    assert not mesh.closed()
    assert mesh.euler_characteristic() == 0
    height = np.ptp(mesh.vertices_A[:, 2])
    assert 150 < height <= 200
    u = directions()
    u[:, 2] = 0
    on = OFF + radius * u / np.linalg.norm(u, axis=1, keepdims=True)
    found = curvatures_at(surface, projected(surface, on)[0])
    np.testing.assert_allclose(found[:, 0], 1 / (2 * radius), rtol=0.02)
    np.testing.assert_allclose(found[:, 1], 0, atol=1e-6)


def test_one_cell_of_schwarz_p_has_genus_three_and_its_area():
    """Area 2.3451 per cell of edge 1 of the surface, 2.3527 of cos x + cos y + cos z = 0."""
    edge = 640.0
    k = 2 * np.pi / edge

    def nodal(x, y, z):
        return (np.cos(k * x) + np.cos(k * y) + np.cos(k * z)) / k

    mesh = mesh_of(level_set(nodal, edge / 2 + 100))
    middle = mesh.vertices_A[mesh.triangles].mean(axis=1)
    areas = mesh.areas_A2() * (np.abs(middle - OFF) < edge / 2).all(axis=1)

    def integral(values):
        return (values[mesh.triangles].mean(axis=1) * areas).sum()

    assert areas.sum() / edge**2 == pytest.approx(2.35, rel=5e-3)
    assert abs(integral(mesh.mean_curvature_per_A)) / areas.sum() * edge < 0.01
    # By Gauss and Bonnet 2 - 2 genus.
    assert integral(mesh.gauss_curvature_per_A2) / (2 * np.pi) == pytest.approx(-4, rel=0.01)


def test_random_waves_have_variance_one_and_the_slope_that_is_told():
    waves = random_waves(3, 300, 400.0)
    field = field_on_grid(waves, np.zeros(3), 50.0, (60, 60, 60))
    assert field.std() == pytest.approx(1, rel=0.1)
    assert abs(field.mean()) < 0.1
    slopes = np.gradient(field_on_grid(waves, np.zeros(3), 20.0, (70, 70, 70)), 20.0)
    found = np.sqrt(sum((s**2).mean() for s in slopes))
    assert found == pytest.approx(slope_per_A(waves), rel=0.15)
    moved = field_on_grid(waves, np.array([100.0, 0, 0]), 50.0, (60, 60, 60))
    np.testing.assert_allclose(moved[:, :, :-2], field[:, :, 2:], atol=1e-4)
