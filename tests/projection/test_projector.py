"""Laws of the projector: adjointness, conservation, closed forms, agreement of its two builds."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from scipy.spatial.transform import Rotation

from faket.errors import InputError
from faket.projection import SlabProjector, back_project, project, project_slices
from faket.projection.gpu import add_projections, back_project_torch, project_torch

ANGLES = np.arange(-60.0, 61.0, 15.0)


def gaussians(shape, centres, sigmas, weights):
    z, y, x = np.meshgrid(*(np.arange(n) - n // 2 for n in shape), indexing="ij", sparse=True)
    total = np.zeros(shape)
    for (cx, cy, cz), s, w in zip(centres, sigmas, weights, strict=True):
        total += w * np.exp(-((x - cx) ** 2 + (y - cy) ** 2 + (z - cz) ** 2) / (2 * s * s))
    return total.astype(np.float32)


@pytest.mark.parametrize(
    ("shape", "width"), [((9, 5, 17), 17), ((12, 70, 31), 24), ((7, 3, 8), 40)]
)
def test_back_projection_is_the_adjoint(shape, width):
    rng = np.random.default_rng(0)
    volume = rng.standard_normal(shape).astype(np.float32)
    stack = rng.standard_normal((len(ANGLES), shape[1], width)).astype(np.float32)
    forward = project(volume, ANGLES, width=width, device="cpu")
    adjoint = back_project(stack, ANGLES, depth=shape[0], width=shape[2], device="cpu")
    left = np.vdot(forward.astype(float), stack)
    right = np.vdot(volume.astype(float), adjoint)
    scale = np.linalg.norm(forward) * np.linalg.norm(stack)
    assert abs(left - right) < 1e-6 * scale


def test_gaussians_project_to_gaussians():
    """An asymmetric phantom of Gaussians (σ = 2.5 voxels) has a closed form at every angle."""
    shape, width = (40, 33, 96), 96
    centres = [(-20.0, 3.0, -6.0), (7.3, -8.2, 5.6), (14.0, 2.0, 1.0)]
    sigmas, weights = [2.5, 2.5, 4.0], [1.0, 2.0, -0.7]
    stack = project(gaussians(shape, centres, sigmas, weights), ANGLES, device="cpu")
    u, y = np.arange(width) - width // 2, np.arange(shape[1])[:, None] - shape[1] // 2
    for image, angle in zip(stack, np.radians(ANGLES), strict=True):
        expected = np.zeros(image.shape)
        for (cx, cy, cz), s, w in zip(centres, sigmas, weights, strict=True):
            cu = cx * np.cos(angle) + cz * np.sin(angle)
            blob = np.exp(-((u - cu) ** 2 + (y - cy) ** 2) / (2 * s * s))
            expected += w * np.sqrt(2 * np.pi) * s * blob
        assert np.abs(image - expected).max() < 0.01 * np.abs(expected).max()


@pytest.mark.parametrize("angle", [-60.0, 0.0, 33.0, 71.0])
def test_projection_slice_theorem(angle):
    """The projection of a turned, elongated Gaussian transforms to a section of its transform."""
    axes = Rotation.from_euler("zyx", [25, 40, -15], degrees=True).as_matrix()
    covariance = axes @ np.diag([6.0, 3.0, 2.5]) ** 2 @ axes.T
    n = 64
    zyx = np.stack(np.meshgrid(*[np.arange(n) - n // 2] * 3, indexing="ij"), -1)
    r = zyx[..., ::-1]
    body = np.exp(-0.5 * np.einsum("...i,ij,...j", r, np.linalg.inv(covariance), r))
    (image,) = project(body.astype(np.float32), [angle], device="cpu")
    found = np.fft.fft2(np.fft.ifftshift(image)) / body.sum()
    u = np.fft.fftfreq(n)
    ky, ku = u[:, None] + 0 * u, u + 0 * u[:, None]
    theta = np.radians(angle)
    k = np.stack([ku * np.cos(theta), ky, ku * np.sin(theta)], -1)
    expected = np.exp(-2 * np.pi**2 * np.einsum("...i,ij,...j", k, covariance, k))
    assert np.abs(found - expected).max() < 2e-3


def test_mass_is_conserved_over_tilt():
    volume = np.zeros((20, 8, 80), np.float32)
    volume[4:16, :, 30:50] = np.random.default_rng(1).random((12, 8, 20))
    sums = project(volume, ANGLES, device="cpu").sum(axis=(1, 2), dtype=float)
    np.testing.assert_allclose(sums, volume.sum(dtype=float), rtol=1e-6)


def test_zero_tilt_is_the_plain_sum():
    volume = np.random.default_rng(2).random((11, 6, 23)).astype(np.float32)
    np.testing.assert_allclose(
        project(volume, [0.0], device="cpu")[0], volume.sum(axis=0), rtol=1e-5
    )


def test_direction_of_rotation():
    """Positive θ moves what is above the axis (z > 0) to larger x."""
    volume = np.zeros((21, 1, 41), np.float32)
    volume[10 + 8, 0, 20] = 1
    image = project(volume, [30.0], device="cpu")[0, 0]
    assert np.average(np.arange(41), weights=image) == pytest.approx(20 + 8 * 0.5, abs=1e-4)


def test_agrees_with_rotating_the_volume():
    """An outsider: spline rotation of the volume, then a sum."""
    volume = gaussians((48, 4, 48), [(6, 0, -5), (-8, 1, 9)], [2.5, 3.0], [1, 2])
    rotated = ndimage.rotate(volume, 35.0, axes=(0, 2), reshape=False, order=5)
    even = project(volume, [35.0], device="cpu")[0], project(volume, [-35.0], device="cpu")[0]
    # ndimage turns about (N - 1) / 2; a shift of the centre is the only difference allowed.
    best = min(
        np.abs(ndimage.shift(image, (0, s), order=3) - rotated.sum(axis=0)).max()
        for image in even
        for s in np.linspace(-1, 1, 41)
    )
    assert best < 0.03 * rotated.sum(axis=0).max()


def test_slices_add_up_to_the_projection_and_hold_their_depth():
    volume = np.random.default_rng(3).random((30, 5, 40)).astype(np.float32)
    slices = project_slices(volume, 40.0, n_slices=12, slice_thickness_voxels=4.0)
    np.testing.assert_allclose(
        slices.sum(axis=0), project(volume, [40.0], device="cpu")[0], rtol=1e-4, atol=1e-4
    )
    point = np.zeros((31, 1, 41), np.float32)
    point[15 + 10, 0, 20 + 6] = 1
    cut = project_slices(point, 30.0, n_slices=10, slice_thickness_voxels=3.0).sum(axis=(1, 2))
    depth = 10 * np.cos(np.radians(30)) - 6 * np.sin(np.radians(30))
    assert cut[int(np.floor(depth / 3 + 5))] == pytest.approx(1, abs=1e-6)


def test_torch_build_equals_the_numba_build():
    rng = np.random.default_rng(4)
    volume = rng.standard_normal((10, 6, 21)).astype(np.float32)
    stack = project(volume, ANGLES, width=18, device="cpu")
    np.testing.assert_allclose(project_torch(volume, ANGLES, 18, "cpu"), stack, atol=1e-5)
    np.testing.assert_allclose(
        back_project_torch(stack, ANGLES, 10, 21, "cpu"),
        back_project(stack, ANGLES, depth=10, width=21, device="cpu"),
        atol=1e-4,
    )


@pytest.mark.parametrize("width", [1, 4, 60])
def test_torch_build_at_steep_tilts_and_on_narrow_and_wide_detectors(width):
    volume = np.random.default_rng(7).standard_normal((11, 3, 17)).astype(np.float32)
    volume.flags.writeable = False
    angles = [-90.0, -89.0, 0.0, 45.0, 90.0]
    found = project_torch(volume, angles, width, "cpu")
    stack = project(volume, angles, width=width, device="cpu")
    np.testing.assert_allclose(found, stack, atol=1e-5)
    np.testing.assert_array_equal(project_torch(volume, angles, width, "cpu"), found)


def test_torch_build_of_planes_that_all_miss_the_detector():
    stack = torch.zeros((1, 2, 3))
    add_projections(np.ones((4, 3, 2), np.float32), 0, 100, np.array([90.0]), stack)
    assert not stack.any()


def test_slabs_give_the_bytes_of_the_whole():
    volume = np.random.default_rng(6).standard_normal((23, 70, 33)).astype(np.float32)
    volume[:, :, ::3] = 0
    projector = SlabProjector(volume.shape, ANGLES, device="cpu")
    stack = torch.zeros((len(ANGLES), 33, 70))
    for first, last in ((0, 8), (8, 20), (20, 23)):
        projector.add(volume[first:last])
        add_projections(volume[first:last], first, 23, ANGLES, stack)
    whole = project(volume, ANGLES, device="cpu")
    np.testing.assert_array_equal(projector.images(), whole)
    np.testing.assert_allclose(stack.numpy().transpose(0, 2, 1), whole, atol=1e-4)


def test_slabs_that_do_not_follow_each_other_are_refused():
    projector = SlabProjector((9, 4, 5), ANGLES, device="cpu")
    for wrong in ((9, 4, 6), (10, 4, 5)):
        with pytest.raises(InputError, match="slab: expected the planes from 0"):
            projector.add(np.zeros(wrong))
    projector.add(np.zeros((3, 4, 5)))
    with pytest.raises(InputError, match="a multiple of 4"):
        projector.add(np.zeros((2, 4, 5)))


def test_threads_do_not_change_the_bytes():
    import numba

    volume = np.random.default_rng(5).random((8, 150, 40)).astype(np.float32)
    many = project(volume, ANGLES, device="cpu")
    before = numba.get_num_threads()
    try:
        numba.set_num_threads(1)
        assert project(volume, ANGLES, device="cpu").tobytes() == many.tobytes()
    finally:
        numba.set_num_threads(before)


@settings(max_examples=50, deadline=None)
@given(
    shape=st.tuples(*[st.integers(1, 9)] * 3),
    width=st.integers(1, 20),
    angle=st.floats(-90, 90),
)
def test_any_size_is_projected_within_bounds(shape, width, angle):
    """No size or angle writes outside the detector; ones project to no more than their mass."""
    stack = project(np.ones(shape, np.float32), [angle], width=width, device="cpu")
    assert stack.shape == (1, shape[1], width)
    assert np.isfinite(stack).all()
    assert stack.sum() <= np.prod(shape) * 1.3


@pytest.mark.parametrize(
    "call",
    [
        lambda: project(np.zeros((2, 2)), [0.0]),
        lambda: project(np.zeros((2, 2, 2)), [np.nan]),
        lambda: project(np.zeros((2, 2, 2)), [0.0], width=0),
        lambda: back_project(np.zeros((2, 2, 2)), [0.0], depth=3),
        lambda: back_project(np.zeros((1, 2, 2)), [0.0], depth=0),
        lambda: project_slices(np.zeros((2, 2, 2)), 0.0, n_slices=0, slice_thickness_voxels=1),
        lambda: project(np.zeros((2, 2, 2)), [0.0], device="tpu"),
    ],
)
def test_bad_input_is_one_line(call):
    with pytest.raises(InputError) as error:
        call()
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_no_numbers_are_refused(bad):
    volume = np.ones((4, 5, 6), np.float32)
    volume[1, 2, 3] = bad
    for call in (
        lambda: project(volume, [0.0]),
        lambda: back_project(volume, [0.0, 1.0, 2.0, 3.0], depth=3),
        lambda: project_slices(volume, 0.0, n_slices=2, slice_thickness_voxels=2.0),
    ):
        with pytest.raises(InputError, match="expected finite values"):
            call()
