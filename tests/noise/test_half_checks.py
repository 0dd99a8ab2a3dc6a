"""Broken halves are noticed, and good ones are never accused."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import ndimage

from faket.errors import InputError
from faket.faults import Fault, named_tilts
from faket.noise import check_half_tomograms, check_halves
from made_up_halves import counted, halves, specimen


def found(first, second, **options):
    """Problems as (severity, tilts, first words)."""
    checks = check_halves(first, second, **options)
    for fault in checks.faults:
        assert "\n" not in fault.line
    return checks, [(p.severity, p.tilts, p.what) for p in checks.faults]


def only(faults, severity, tilts, words):
    assert len(faults) == 1, faults
    assert faults[0][:2] == (severity, tilts)
    assert words in faults[0][2]


@settings(max_examples=12, deadline=None)
@given(
    st.integers(0, 10**6), st.sampled_from([0.0, 2.0, 10.0, 30.0]), st.integers(33, 150),
    st.sampled_from([0.5, 0.4, 2 / 3]), st.sampled_from([0.3, 5.0, 200.0]),
)  # fmt: skip
@example(1000000, 2.0, 40, 2 / 3, 0.3)  # small images of few counts were accused
@example(86819, 0.0, 33, 0.5, 0.3)
@example(180, 0.0, 33, 0.5, 0.3)
def test_counts_of_one_exposure_are_never_accused(seed, strength, side, p, mean):
    first, second = counted(seed=seed, strength=strength * mean / 40, side=side, p=p, mean=mean)
    checks, faults = found(first, second, full=first + second)
    assert faults == []
    assert checks.usable.all()
    assert checks.refused is None


def test_what_the_full_images_are():
    first, second = counted()
    for full, name in ((first + second, "sum"), ((first + second) / 2, "mean"),
                       (9 * (first + second), "other")):  # fmt: skip
        checks, faults = found(first, second, full=full)
        assert (checks.full_is, faults) == (name, [])
    assert check_halves(first, second).full_is is None
    only(found(first, second, full=first)[1], "refuse", (0, 1, 2, 3, 4), "one half is the full")
    other = sum(counted(seed=5))
    only(found(first, second, full=other)[1], "refuse", (0, 1, 2, 3, 4), "not those of the full")


@pytest.mark.parametrize("value", [0.0, 7.0, np.nan])
def test_black_images(value):
    first, second = counted()
    second[[1, 3]] = value
    checks, faults = found(first, second)
    only(faults, "exclude", (1, 3), "the second half is constant")
    np.testing.assert_array_equal(checks.usable, [True, False, True, False, True])
    second[:] = value
    only(found(second, first)[1], "refuse", (0, 1, 2, 3, 4), "the first half is constant")


@pytest.mark.parametrize("change", [lambda x: x, lambda x: 3 * x + 7, np.round], ids="=sr")
def test_equal_halves_and_scaled_copies(change):
    first, second = counted(mean=500.0)
    whole, faults = found(first, change(first * 1.3))
    assert faults[0][:2] == ("refuse", (0, 1, 2, 3, 4))
    assert "scaled copy" in whole.refused
    second[2] = change(first[2])
    checks, faults = found(first, second)
    assert faults[0][:2] == ("exclude", (2,))
    assert checks.usable.sum() == 4


def test_opposite_contrast():
    first, second = counted(strength=50.0)
    only(found(first, -second)[1], "refuse", (0, 1, 2, 3, 4), "opposite contrast")


@pytest.mark.parametrize(
    ("shift", "severity"),
    [((3, 0), "refuse"), ((-20, 17), "refuse"), ((0.6, -0.7), "refuse"), ((0.25, 0), "say"),
     ((0.0, -0.2), "say")],
)  # fmt: skip
def test_displacement_is_measured_to_a_tenth_of_a_pixel(shift, severity):
    """Whole pixels and parts of them, y and x; of one tilt only, and of all."""
    first, second, signal = halves(images=4, side=192, strength=10.0)
    moved = np.array([ndimage.fourier_shift(np.fft.fft2(image), shift) for image in signal])
    moved = (np.fft.ifft2(moved).real + second - signal).astype(np.float32)
    checks, faults = found(first, moved)
    only(faults, severity, (0, 1, 2, 3), "displaced")
    np.testing.assert_allclose(checks.shift_px, [[shift[1], shift[0]]] * 4, atol=0.1)
    second[2] = moved[2]
    checks, faults = found(first, second)
    only(faults, "exclude" if severity == "refuse" else "say", (2,), "displaced")
    assert np.abs(np.delete(checks.shift_px, 2, axis=0)).max() < 0.1


def test_other_strengths():
    first, second = counted()
    checks, faults = found(10 * first, second)
    only(faults, "say", (), "times as strong")
    np.testing.assert_allclose(checks.ratio, 10, rtol=0.1)
    second[3] *= 5
    only(found(first, second)[1], "say", (3,), "times as strong as the second, 1")


@pytest.mark.parametrize("order", [[4, 3, 2, 1, 0], [0, 2, 1, 3, 4], [1, 2, 3, 4, 0]])
def test_another_order(order):
    first, second, _ = halves(images=5, side=192, strength=20.0)
    moved = tuple(i for i in range(5) if order[i] != i)
    checks, faults = found(first, second[order])
    only(faults, "refuse" if len(moved) > 2 else "exclude", moved, "another order")
    assert f"{moved[0]} as {order.index(moved[0])}" in faults[0][2]
    assert checks.usable.sum() == (3 if len(moved) == 2 else 0)


def test_noise_that_halves_share():
    first, second, _ = halves(strength=2.0)
    pattern = np.random.default_rng(9).normal(0, 1.2, first.shape[1:]).astype(np.float32)
    checks, faults = found(first + pattern, second + pattern)
    only(faults, "say", (0, 1, 2), "share noise")
    assert checks.usable.all()


def test_half_tomograms():
    rng = np.random.default_rng(0)
    body = specimen(40, 40, strength=6.0)
    first, second = (body + rng.normal(size=body.shape) for _ in range(2))
    assert check_half_tomograms(first, second).faults == ()
    for other, words in ((first * 2, "scaled copy"), (np.zeros_like(first), "constant"),
                         (np.roll(second, (0, 2, -3), (0, 1, 2)), "displaced")):  # fmt: skip
        checks = check_half_tomograms(first, other)
        assert words in checks.refused
        assert not checks.usable.any()
    np.testing.assert_allclose(checks.shift_px, [[-3, 2, 0]], atol=0.2)


def test_halves_of_other_numbers_are_refused():
    first, second = counted()
    for pair in ((first, second[:4]), (first, second[:, :100])):
        with pytest.raises(InputError, match="of one shape"):
            check_halves(*pair)
    with pytest.raises(InputError, match="full images"):
        check_halves(first, second, full=first[:2])


def test_tilts_in_words():
    assert named_tilts((3,)) == "tilt 3 (from 0)"
    assert named_tilts((0, 1)) == "tilts 0 and 1 (from 0)"
    assert named_tilts((9, 4, 0, 1, 2, 3)) == "tilts 0 to 4 and 9 (from 0)"
    assert named_tilts((0, 1, 5, 8, 9, 10)) == "tilts 0, 1, 5 and 8 to 10 (from 0)"
    assert Fault("say", "dark", "", (1,)).line == "tilt 1 (from 0): dark"
    assert Fault("say", "dark", "light it").line == "dark; light it"
