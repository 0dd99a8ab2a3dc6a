"""Grey values that are no counts are noticed, with the tilts; counts are never accused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from faket.noise import grey_levels, repair

TILTS, N = 7, 64


def counts(mean=90.0, seed=0, side=N, thickness=0.0):
    """Electrons behind a specimen that takes a tenth of them; fewer through tilted ice."""
    rng = np.random.default_rng(seed)
    specimen = ndimage.gaussian_filter(rng.normal(size=(TILTS, side, side)), (0, 4, 4))
    through = np.exp(-thickness / np.cos(np.radians(np.linspace(-60, 60, TILTS))))
    beam = mean * through[:, None, None] * (1 + 0.05 * specimen / specimen.std())
    return rng.poisson(np.maximum(beam, 0)).astype(np.float32)


def faults(images):
    found = grey_levels(images)
    for fault in found.faults:
        assert "\n" not in fault.line
    return found, [(f.severity, f.tilts, f.what) for f in found.faults]


@settings(max_examples=40, deadline=None)
@given(
    st.floats(0.02, 500), st.integers(0, 10**6), st.sampled_from([1.0, 37.5, 0.013, 100.0]),
    st.floats(0, 1), st.integers(24, 80),
)  # fmt: skip
def test_counts_are_never_accused(mean, seed, gain, thickness, side):
    """Of any exposure, at any gain, through thick ice."""
    images = counts(mean, seed, side, thickness)
    if not all(np.ptp(image) for image in images):
        return
    found, listed = faults(images * np.float32(gain))
    assert listed == []
    assert found.units in ("counts", "counts times a gain")
    assert found.gain == pytest.approx(gain, rel=1e-4)
    assert repair(images).images is images


def test_what_the_values_are():
    images = counts()
    normal = (images - images.mean((1, 2), keepdims=True)) / images.std((1, 2), keepdims=True)
    for given_, units in ((images, "counts"), (7 * images, "counts times a gain"),
                          (normal, "normalised"), (images - 90, "offset"), (-images, "offset"),
                          (images * 0.5 + 1000, "positive"), (normal + 5, "positive")):  # fmt: skip
        found, listed = faults(given_.astype(np.float32))
        assert found.units == units
        assert [kind for kind, _, _ in listed] == ["say"] * (units in ("normalised", "offset"))
    found, listed = faults(images - np.array([0, 0, 0, 200, 0, 0, 0])[:, None, None])
    assert ("exclude", (3,)) in [entry[:2] for entry in listed]


@pytest.mark.parametrize("factor", [20.0, 5.0, 0.2, -1.0])
@pytest.mark.parametrize("offset", [0.0, 50.0])
def test_one_image_in_other_units(factor, offset):
    images = counts()
    images[2] = factor * images[2] + offset
    found, listed = faults(images)
    assert listed[0][:2] == ("exclude", (2,))
    assert "do not fit" in listed[0][2]
    assert found.unusable == (2,)


def test_one_image_that_is_normalised():
    images = counts()
    images[4] = (images[4] - images[4].mean()) / images[4].std()
    assert faults(images)[0].unusable == (4,)


def test_one_image_of_another_mean():
    """Another exposure is said; the same noise about another mean is no count."""
    images = counts()
    images[3] = counts(9.0)[3]
    assert faults(images)[1] == [("say", (3,), faults(images)[1][0][2])]
    assert "as dark" in faults(images)[1][0][2]
    images = counts()
    images[3] += 900
    assert faults(images)[1][0][:2] == ("exclude", (3,))


@pytest.mark.parametrize("change", [lambda x: x, lambda x: 2 * x + 100, lambda x: -x])
def test_an_image_that_comes_twice(change):
    images = counts()
    images[5] = change(images[1])
    listed = faults(images)[1]
    assert any(kind == "exclude" and 5 in tilts and "5 as 1" in what for kind, tilts, what in listed
               if "same image" in what)  # fmt: skip
    assert not any("same image" in what for _, _, what in faults(counts())[1])


@pytest.mark.parametrize("side", ["highest", "lowest"])
def test_clipped_values(side):
    images = counts()
    images[1] = np.minimum(images[1], 105) if side == "highest" else np.maximum(images[1], 75)
    listed = faults(images - 90.5)[1]
    assert listed[0][:2] == ("say", (1,))
    assert f"the {side} value" in listed[0][2]
    scaled = np.clip((counts() - 75) * 8, 0, 255)
    assert all("value: clipped" in what for _, _, what in faults(scaled)[1])
    assert len(faults(scaled)[1]) == 2
