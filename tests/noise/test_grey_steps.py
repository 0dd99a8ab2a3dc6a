"""Grey values near to steps, as few counted electrons leave them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faket.noise.grey_steps import grey_steps, less_rounding, put_on_steps


def counted(electrons, *, step=1.0, offset=0.0, blur=0.0, tilts=3, side=256, seed=0):
    """Return counts times a step, plus an offset, blurred by a normal distribution (in steps)."""
    rng = np.random.default_rng(seed)
    counts = rng.poisson(electrons, (tilts, side, side))
    counts = counts + blur * rng.standard_normal(counts.shape)
    return (step * counts + offset).astype(np.float32)


@settings(max_examples=40, deadline=None)
@given(
    electrons=st.floats(0.8, 1000),
    step=st.floats(0.01, 100),
    offset=st.floats(-5, 5),
    blur=st.floats(0, 0.2),
)
def test_step_clearness_and_start_are_found(electrons, step, offset, blur):
    images = counted(electrons, step=step, offset=offset * step, blur=blur)
    found = grey_steps(images)
    reach = 1 + 3 * np.sqrt(electrons)  # steps, over which an error of one adds up
    np.testing.assert_allclose(found[:, 0], step, rtol=0.05 / reach)
    np.testing.assert_allclose(found[:, 1], np.exp(-2 * (np.pi * blur) ** 2), atol=0.05)
    # At the mean, because an error of the step moves where steps begin.
    mean = images.mean(axis=(1, 2)) / step
    off = mean / (found[:, 0] / step) - found[:, 2] - (mean - offset)
    np.testing.assert_allclose(off - np.rint(off), 0, atol=0.05)


@pytest.mark.parametrize("kind", ["counts", "bytes"])
def test_whole_numbers_stay_whole(kind):
    images = counted(30.0)
    if kind == "bytes":
        images = np.rint(np.random.default_rng(2).normal(128, 22, images.shape).clip(0, 255))
    steps = grey_steps(images)
    np.testing.assert_allclose(steps[:, :2], 1.0, atol=1e-6)
    made = np.random.default_rng(1).normal(30, 5, images.shape).astype(np.float32)
    put_on_steps(made, steps, seed=0)
    np.testing.assert_array_equal(made, np.rint(made))


@pytest.mark.parametrize("blur", [0.0, 0.08, 0.2])
def test_what_is_put_on_steps_is_as_near_to_them(blur):
    images = counted(40.0, step=1.7, offset=0.6, blur=blur)
    steps = grey_steps(images)
    smooth = np.random.default_rng(1).normal(70, 10, images.shape).astype(np.float32)
    made = smooth.copy()
    put_on_steps(made, steps, seed=0)
    again = grey_steps(made)
    np.testing.assert_allclose(again, steps, atol=0.03, rtol=1e-3)
    np.testing.assert_allclose((made - smooth).mean(axis=(1, 2), dtype=float), 0, atol=0.01)
    added = (made - smooth).astype(np.float64).var(axis=(1, 2))
    told = 1000 - less_rounding(np.full((3, 4), 1000.0), steps)
    np.testing.assert_allclose(told, added[:, None] * np.ones(4), rtol=0.05)


@pytest.mark.parametrize("kind", ["normal", "interpolated", "many", "constant", "gold"])
def test_others_have_no_steps(kind):
    rng = np.random.default_rng(0)
    images = rng.normal(50, 7, (4, 128, 128)).astype(np.float32)
    if kind == "interpolated":
        counts = counted(40.0, tilts=4, side=129)
        images = (0.6173 * counts + 0.3827 * np.roll(counts, 1, axis=2))[:, :128, :128]
    elif kind == "many":
        images = counted(10000.0, tilts=4, side=128)
    elif kind == "constant":
        images[:] = 3.0
    elif kind == "gold":
        images[:, 20:40, 20:40] -= 60
    assert not grey_steps(images).any()
    before = images.copy()
    put_on_steps(images, np.zeros((4, 3)), seed=0)
    np.testing.assert_array_equal(images, before)


def test_hardly_any_electrons_are_no_error():
    images = np.zeros((3, 525, 524), np.float32)
    images.reshape(3, -1)[:, 33::66] = 1.0  # of the pixels that are looked at first alone
    assert not grey_steps(images).any()
    np.testing.assert_allclose(grey_steps(counted(0.01))[:, 1], 1.0, atol=1e-3)


def test_few_images_with_steps_are_not_enough():
    images = np.random.default_rng(0).normal(40, 6, (5, 128, 128)).astype(np.float32)
    images[2] = counted(40.0, tilts=1, side=128)[0]
    assert not grey_steps(images).any()


def test_half_of_the_noise_is_left_at_least():
    steps = np.array([[10.0, 1.0, 0.0]])
    np.testing.assert_array_equal(less_rounding(np.ones((1, 2)), steps), [[0.5, 0.5]])
    np.testing.assert_array_equal(less_rounding(np.ones((1, 2)), None), [[1, 1]])
