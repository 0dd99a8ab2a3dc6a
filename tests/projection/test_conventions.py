"""Signs, units and centres of projections, each in a case that has one exact answer."""

from types import SimpleNamespace

import numpy as np
import pytest

from faket.data import Volume
from faket.projection import back_project, noise_free_projections, project, project_slices


def point(shape, z, y, x):
    """A volume [z, y, x] that is 1 at a place from its centre N // 2."""
    volume = np.zeros(shape, np.float32)
    volume[shape[0] // 2 + z, shape[1] // 2 + y, shape[2] // 2 + x] = 1
    return volume


@pytest.mark.parametrize(("angle_deg", "u"), [(0, 5), (90, 3), (-90, -3), (30, 5.8301)])
@pytest.mark.parametrize(
    ("shape", "width"), [((13, 7, 21), 21), ((12, 6, 20), 25), ((9, 6, 20), 16)]
)
def test_a_point_lands_at_x_cos_plus_z_sin_from_the_middle_column(angle_deg, u, shape, width):
    """x = 5, z = 3: at 30° 5 cos 30° + 3 sin 30°; its row stays."""
    image = project(point(shape, 3, 2, 5), [angle_deg], width=width, device="cpu")[0]
    rows, columns = image.sum(axis=1), image.sum(axis=0)
    np.testing.assert_allclose(rows, np.arange(len(rows)) == shape[1] // 2 + 2, atol=1e-6)
    place = np.average(np.arange(width), weights=columns) - width // 2
    assert place == pytest.approx(u, abs=1e-4)


def test_a_pixel_is_smeared_along_the_beam():
    """Column u at tilt θ goes where x cos θ + z sin θ = u: at 45° down to the right."""
    images = np.zeros((1, 3, 33), np.float32)
    images[0, 1, 16 + 6] = 1
    volume = back_project(images, [45.0], depth=33, device="cpu")[:, 1]
    z, x = (np.arange(33) - 16)[:, None], np.arange(33) - 16
    away = np.abs((x + z) * np.sqrt(0.5) - 6)
    assert np.all(volume[away < 0.4] > 0.5)
    assert np.all(np.abs(volume[away > 2]) < 1e-6)


@pytest.mark.parametrize("angle_deg", [0.0, 25.0, -25.0, 60.0])
def test_a_point_lies_in_the_slice_of_its_beam_coordinate(angle_deg):
    """z' = −x sin θ + z cos θ, slices of 2.5 voxels about the middle."""
    slices = project_slices(
        point((21, 5, 31), 4, 1, 7), angle_deg, n_slices=8, slice_thickness_voxels=2.5
    )
    theta = np.radians(angle_deg)
    expected = int(np.floor((4 * np.cos(theta) - 7 * np.sin(theta)) / 2.5 + 4))
    np.testing.assert_allclose(
        slices.sum(axis=(1, 2)), np.arange(8) == min(max(expected, 0), 7), atol=1e-6
    )


def test_what_lies_beyond_the_slices_is_in_the_outermost():
    for z, last in ((9, 3), (-9, 0)):
        slices = project_slices(
            point((21, 1, 9), z, 0, 0), 0.0, n_slices=4, slice_thickness_voxels=2.0
        )
        assert slices[last].sum() == pytest.approx(1)


def test_rows_beyond_a_block_of_64_are_like_the_first():
    volume = np.random.default_rng(0).random((5, 1, 9)).astype(np.float32)
    many = np.repeat(volume, 130, axis=1)
    for rows in (64, 65, 130):
        part = many[:, :rows]
        images = project(part, [20.0, -50.0], device="cpu")
        np.testing.assert_array_equal(images, np.repeat(images[:, :1], rows, axis=1))
        back = back_project(images, [20.0, -50.0], depth=5, device="cpu")
        np.testing.assert_array_equal(back, np.repeat(back[:, :1], rows, axis=1))
        cut = project_slices(part, 20.0, n_slices=3, slice_thickness_voxels=2.0)
        np.testing.assert_array_equal(cut, np.repeat(cut[:, :1], rows, axis=1))


def test_noise_free_projections_are_minus_line_integrals_in_volt_angstroms():
    """A slab of 3 V, 8 voxels of 5 Å thick: −120 V·Å, and −120 / cos 60° where it is tilted."""
    potential = np.zeros((16, 4, 160), np.float32)
    potential[4:12] = 3.0
    specimen = SimpleNamespace(potential=Volume(potential, 5.0))
    series = noise_free_projections(specimen, [0.0, 60.0], device="cpu")
    np.testing.assert_allclose(series.images[0], -120.0, rtol=1e-5)
    np.testing.assert_allclose(series.images[1][:, 60:100], -240.0, rtol=0.02)
    assert series.geometry.pixel_size_A == 5.0
    np.testing.assert_array_equal(series.geometry.angles_deg, [0.0, 60.0])
