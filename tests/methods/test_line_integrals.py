"""Projections in volts instead of V·Å are noticed, and projections in V·Å never."""

import numpy as np
import pytest

import faket
from faket.constants import GOLD_POTENTIAL_V, ICE_POTENTIAL_V, PROTEIN_POTENTIAL_V
from faket.data import TiltGeometry, TiltSeries
from faket.methods.line_integrals import apparent_potential_V, unit_notices
from faket.methods.look_like import noise_like
from faket.projection import project
from faket.structures import SYNTHETIC_SPECIES, synthetic_species

PROTEIN_V = PROTEIN_POTENTIAL_V - ICE_POTENTIAL_V
ANGLES = [-45.0, 0.0, 45.0]


def spheres(count, radius_A, pixel_size_A, seed=0, potential_V=PROTEIN_V, side=256):
    """Project spheres at random places, which may overlap: [1, y, x]."""
    y, x = np.indices((side, side)) * pixel_size_A
    image = np.zeros((side, side))
    for cy, cx in np.random.default_rng(seed).uniform(0, side * pixel_size_A, (count, 2)):
        squared = np.maximum(radius_A**2 - (y - cy) ** 2 - (x - cx) ** 2, 0)
        image -= potential_V * 2 * np.sqrt(squared)
    return image[None]


@pytest.mark.parametrize("count", [1, 20, 300])
@pytest.mark.parametrize(("radius_A", "pixel_size_A"), [(30, 5.0), (60, 10.0), (100, 20.0)])
def test_the_potential_of_spheres_is_found_however_many_there_are(count, radius_A, pixel_size_A):
    image = spheres(count, radius_A, pixel_size_A)
    assert apparent_potential_V(image, pixel_size_A) == pytest.approx(PROTEIN_V, rel=0.25)


def test_the_potential_is_in_proportion_to_the_projections_whatever_their_sign_and_offset():
    image = spheres(20, 60, 10.0)
    found = apparent_potential_V(image, 10.0)
    assert apparent_potential_V(-3 * image + 50, 10.0) == pytest.approx(3 * found, rel=1e-3)
    assert apparent_potential_V(image, 5.0) > 1.5 * found


def test_few_gold_beads_do_not_hide_the_molecules():
    image = spheres(60, 50, 10.0)
    with_gold = image + spheres(3, 40, 10.0, 1, GOLD_POTENTIAL_V - ICE_POTENTIAL_V)
    plain = apparent_potential_V(image, 10.0)
    assert plain < apparent_potential_V(with_gold, 10.0) < 2 * plain
    assert unit_notices(with_gold / 10, 10.0)
    assert not unit_notices(with_gold, 10.0)


def specimens(pixel_size_A, names):
    """Yield projections of each of some species, few and many, and of several together, V·Å."""
    rng = np.random.default_rng(3)
    every = [synthetic_species(name, voxel_size_A=pixel_size_A) for name in names]
    groups = [[one] for one in every] + [every[:4], every]
    for number, species in enumerate(groups):
        depth = max(one.potential.shape[0] for one in every)
        volume = np.zeros((2 * depth, 128, 128), np.float32)
        voxels = np.mean([np.count_nonzero(one.envelope >= 0.5) for one in species])
        most = max(1, int(0.25 * volume.size / voxels))  # the densest random packing
        for _ in range(min((1, 12, 100)[number % 3], most)):
            shape = species[rng.integers(len(species))].potential
            place = [
                rng.integers(n - m + 1) for n, m in zip(volume.shape, shape.shape, strict=True)
            ]
            volume[tuple(slice(p, p + m) for p, m in zip(place, shape.shape, strict=True))] += shape
        yield -pixel_size_A * project(volume, ANGLES, device="cpu")


@pytest.mark.parametrize(("pixel_size_A", "step"), [(5.0, 6), (10.0, 1), (20.0, 4)])
def test_the_embedded_species_are_noticed_in_volts_and_not_in_V_A(pixel_size_A, step):
    stacks = list(specimens(pixel_size_A, list(SYNTHETIC_SPECIES)[::step]))
    assert not any(unit_notices(stack, pixel_size_A) for stack in stacks)
    noticed = [bool(unit_notices(stack / pixel_size_A, pixel_size_A)) for stack in stacks]
    assert np.mean(noticed) >= 0.95


def test_with_the_references_own_projections_both_must_have_one_unit():
    images, others = spheres(20, 60, 10.0), spheres(90, 40, 10.0, seed=1)
    for factor in (1.0, 0.1, 1e4):
        assert not unit_notices(images * factor, 10.0, others * factor)
        assert unit_notices(images * factor / 10, 10.0, others * factor)
        assert unit_notices(images * factor, 10.0, others * factor / 10)
    assert not unit_notices(images, 10.0, np.zeros_like(others))


@pytest.mark.parametrize("value", [0.0, 7.0, np.nan])
def test_projections_that_show_nothing_give_no_notice(value):
    assert unit_notices(np.full((3, 64, 64), value, np.float32), 10.0) == []
    assert unit_notices(np.full((64, 64), value, np.float32), 10.0) == []
    assert unit_notices(np.zeros((1, 1, 1), np.float32), 10.0) == []


def test_the_library_gives_the_notice_where_the_unit_matters(caplog):
    images = np.repeat(spheres(6, 60, 10.0, side=96), 3, axis=0).astype(np.float32)
    counts = np.random.default_rng(0).poisson(100, images.shape).astype(np.float32)
    geometry = TiltGeometry(np.array(ANGLES), 10.0)
    volts, reference = TiltSeries(images / 10, geometry), TiltSeries(counts, geometry)
    known = {"defocus_um": 3.0, "dose_e_per_A2": 100.0}
    notices = []
    faket.look_like(volts, reference, method="spectral", say=notices.append, **known)
    assert [notice for notice in notices if "V·Å" in notice and "10 Å" in notice]
    notices.clear()
    noise_like("noisy", volts, reference, say=notices.append)
    assert not notices
    assert not caplog.messages
    noise_like("spectral", volts, reference, **known)
    assert "V·Å" in caplog.text
