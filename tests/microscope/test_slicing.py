"""Where slices lie, and what labels put into them."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from faket.constants import electron_wavelength_A
from faket.microscope.labels import LabelSlicer
from faket.microscope.slicing import (
    automatic_thickness_A,
    plan_slices,
    slab_path_A,
    slice_band,
)
from faket.projection import project_slices


def test_automatic_thickness():
    wavelength = electron_wavelength_A(300.0)
    assert automatic_thickness_A(wavelength, 5.0) == pytest.approx(323, abs=0.5)
    assert automatic_thickness_A(wavelength, 10.0) == pytest.approx(1293, abs=1)


@given(
    angle=st.floats(-75, 75),
    thickness=st.floats(20, 2000),
    field=st.one_of(st.just(0.0), st.floats(2000, 8000)),
)
def test_planes_cover_slab_evenly_about_the_middle(angle, thickness, field):
    slicing = plan_slices(angle, (1000.0, 2000.0), field, thickness, 323.0)
    planes = slicing.planes()
    z = np.array([plane.z_A for plane in planes])
    np.testing.assert_allclose(z, -z[::-1], atol=1e-6)
    assert np.all(np.diff(z) > 0)
    assert [p.fine for p in planes if p.fine is not None] == list(range(slicing.fine_slices))
    assert [p.group for p in planes if p.group is not None] == list(range(slicing.groups))
    assert slicing.per_group % 2 == 1
    assert slicing.group_A <= max(323.0, thickness) + 1e-3
    cos, sin = np.cos(np.radians(angle)), abs(np.sin(np.radians(angle)))
    assert slicing.fine_slices * slicing.thickness_A >= 1000 * cos + 2000 * sin - 0.01
    if field:
        assert slicing.groups * slicing.group_A >= field * sin / cos + 1000 / cos - 0.01
    fine = {p.fine: p.z_A for p in planes if p.fine is not None}
    for s, z_s in fine.items():
        expected = (s + 0.5 - slicing.fine_slices / 2) * slicing.thickness_A
        assert z_s == pytest.approx(expected, abs=1e-6)


def test_one_grating_is_one_plane():
    slicing = plan_slices(50.0, (1000.0, 2000.0), 4000.0, np.inf, 323.0)
    (plane,) = slicing.planes()
    assert (plane.z_A, plane.fine, plane.group) == (0.0, 0, 0)


@given(angle=st.floats(-75, 75), x=st.floats(-4000, 4000))
def test_paths_through_the_slab_add_up(angle, x):
    slicing = plan_slices(angle, (800.0, 8000.0), 8000.0, 100.0, 323.0)
    edges = [slicing.group_edges_A(g) for g in range(slicing.groups)]
    path = sum(slab_path_A(np.array([x]), edge, 800.0, angle)[0] for edge in edges)
    assert path == pytest.approx(800.0 / np.cos(np.radians(angle)), rel=1e-9)


@settings(max_examples=15, deadline=None)
@given(st.floats(-70, 70), st.integers(1, 5), st.integers(0, 1000))
def test_labels_are_cut_as_volumes_are(angle, n_slices, seed):
    """Mass and centre of mass in every slice agree with the projector's on the same volume."""
    assume(abs(angle) != 45)  # there voxels lie between two slices, and rounding decides
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 4, (14, 6, 31)).astype(np.uint8)
    labels[:, 3] = 0
    values = np.zeros(256)
    values[[1, 3]] = 0.7, -0.2
    thickness = 6.3
    cut = _cut(labels, values, angle, [(0, 48)] * n_slices, thickness, 48)
    volume = values[labels].astype(np.float32)
    expected = project_slices(
        volume, angle, n_slices=n_slices, slice_thickness_voxels=thickness, width=48
    )
    np.testing.assert_allclose(cut.sum(axis=2), expected.sum(axis=2), atol=1e-4)
    u = np.arange(48)
    np.testing.assert_allclose(cut @ u, expected @ u, atol=5e-3)
    banded = _cut(labels, values, angle, [(7, 20)] * n_slices, thickness, 48)
    np.testing.assert_array_equal(banded, cut[:, :, 7:27])


def _cut(labels, values, angle, bands, thickness, width):
    slicer = LabelSlicer(labels, values)
    slicer.cut(3.0, bands=[(0, 60)] * 9, slice_thickness_voxels=1.0, width=60)  # is overwritten
    return np.array(slicer.cut(angle, bands=bands, slice_thickness_voxels=thickness, width=width))


def test_labels_at_zero_tilt_are_summed_exactly():
    labels = np.random.default_rng(0).integers(0, 3, (9, 5, 12)).astype(np.uint8)
    values = np.arange(256) / 10
    cut = _cut(labels, values, 0.0, [(0, 12)] * 3, 3.0, 12)
    np.testing.assert_allclose(cut.sum(axis=0), values[labels].sum(axis=0), rtol=1e-5)


def test_what_leaves_the_detector_is_lost_and_nothing_else():
    labels = np.ones((3, 2, 40), np.uint8)
    values = np.ones(256)
    cut = _cut(labels, values, 0.0, [(0, 11)], 9.0, 11)
    np.testing.assert_array_equal(cut, np.full((1, 2, 11), 3.0))


def test_labels_without_value_are_empty():
    assert LabelSlicer(np.ones((2, 2, 2), np.uint8), np.zeros(256)).empty
    values = np.zeros(256)
    values[1] = 1e-4
    assert not LabelSlicer(np.ones((2, 2, 2), np.uint8), values).empty


@settings(max_examples=40, deadline=None)
@given(st.floats(-75, 75), st.floats(-20, 20), st.floats(0.5, 30), st.integers(0, 100))
def test_bands_hold_their_slice_and_are_tight(angle, start, thickness, seed):
    rng = np.random.default_rng(seed)
    box = (-7.0, 6.0, -16.0, 15.0)
    z, x = rng.uniform(box[0], box[1], 20000), rng.uniform(box[2], box[3], 20000)
    cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    u, w = x * cos + z * sin, z * cos - x * sin
    inside = u[(w >= start) & (w <= start + thickness)]
    first, last = slice_band((start, start + thickness), box, angle)
    if len(inside):
        assert first <= inside.min()
        assert inside.max() <= last
    if len(inside) > 1000:
        assert inside.min() - first < 2.0
        assert last - inside.max() < 2.0
    everything = slice_band((-np.inf, np.inf), box, angle)
    assert everything[0] <= u.min() <= u.max() <= everything[1]
