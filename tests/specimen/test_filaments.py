"""Filaments: they bend, twist and rise as asked, and share no voxel with anything else."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from faket.errors import InputError
from faket.specimen import FilamentSettings, SpecimenConfig, paint_specimen, place_particles
from faket.specimen.lattices import hexagonal
from faket.specimen.level_sets import values_at
from faket.specimen.membrane_settings import MembraneSettings
from faket.specimen.worms import bends, concentration, walk
from faket.structures import synthetic_species

VOXEL_A = 12.0
LIBRARY = tuple(
    synthetic_species(f"syn-{name}", voxel_size_A=VOXEL_A) for name in ("cage", "actin", "tubulin")
)
ACTIN = FilamentSettings("actin", "syn-actin", copies=(1, 1), length_A=(1500, 1500))
TUBES = FilamentSettings("microtubule", "syn-tubulin", copies=(1, 1), length_A=(1000, 1000))


def placed(*filaments, seed=0, size=(200, 200, 100), **settings):
    usual = {"particles": (0, 0), "vesicles": (0, 0), "gold": (0, 0)}
    config = SpecimenConfig(size, VOXEL_A, filaments=filaments, **usual | settings)
    return config, place_particles(config, LIBRARY, seed=seed)


def of_filament(particles, number):
    """Positions, z axes and x axes of the subunits of one filament, in order."""
    chosen = np.flatnonzero(particles.columns["filament"] == number)
    matrices = particles.rotations[chosen].as_matrix()
    assert (np.diff(particles.columns["subunit"][chosen]) > 0).all()
    return particles.positions_A[chosen], matrices[:, :, 2], matrices[:, :, 0]


@pytest.mark.parametrize(("step_A", "persistence_A"), [(30.0, 500.0), (30.0, 40.0)])
def test_tangents_forget_their_direction_over_the_persistence_length(step_A, persistence_A):
    chains, steps = 1000, 12
    turns = bends(np.random.default_rng(3), chains * steps, concentration(step_A, persistence_A))
    for sign in (1, -1):
        cosines = np.empty((chains, steps))
        for i, own in enumerate(turns.reshape(chains, steps, 3, 3)):
            nodes, frames = walk(np.zeros(3), np.eye(3), own, sign * step_A)
            cosines[i] = frames[:, 2, 2]
            if i < 20:
                np.testing.assert_allclose(
                    np.linalg.norm(np.diff(nodes, axis=0), axis=1), step_A, rtol=1e-9
                )
        wanted = np.exp(-step_A * np.arange(1, steps + 1) / persistence_A)
        error = np.sqrt((1 - wanted**2).clip(0.01) / chains)
        assert (abs(cosines.mean(axis=0) - wanted) < 4 * error).all()


def test_actin_rises_and_turns_as_it_should():
    _, placement = placed(replace(ACTIN, copies=(3, 3)))
    lengths_A = []
    for number in (1, 2, 3):
        positions_A, z, x = of_filament(placement.particles, number)
        axis = positions_A - 17 * x
        rise_A = ((axis[1:] - axis[:-1]) * z[:-1]).sum(axis=1)
        np.testing.assert_allclose(rise_A, 27.6, atol=0.1)
        across = np.cross(x[:-1], x[1:])
        twist = np.degrees(np.arctan2((across * z[:-1]).sum(axis=1), (x[:-1] * x[1:]).sum(axis=1)))
        np.testing.assert_allclose(twist, -166.6, atol=0.5)
        lengths_A.append(np.linalg.norm(np.diff(axis, axis=0), axis=1).sum())
    assert max(lengths_A) == pytest.approx(1500, abs=60)  # others leave the box


def test_a_microtubule_has_thirteen_protofilaments_and_a_seam():
    straight = replace(TUBES, persistence_A=1e12)
    _, placement = placed(straight)
    positions_A, z, x = of_filament(placement.particles, 1)
    turn = Rotation.from_matrix(np.stack([x[0], np.cross(z[0], x[0]), z[0]]))
    across, along = np.split(turn.apply(positions_A - positions_A[0] + 90 * x[0]), [2], axis=1)
    np.testing.assert_allclose(np.linalg.norm(across, axis=1), 90, atol=0.05)
    angle = np.degrees(np.arctan2(across[:, 1], across[:, 0])) / (360 / 13)
    strand = np.round(angle).astype(int) % 13
    np.testing.assert_allclose(angle, np.round(angle), atol=0.05)
    first = np.array([along[strand == i, 0].min() for i in range(13)])
    for i in range(13):
        np.testing.assert_allclose(np.diff(np.sort(along[strand == i, 0])), 82, atol=0.05)
    # The left-handed helix: higher clockwise, but for the seam, which is half a dimer off.
    steps = (np.diff(np.append(first, first[0]))[::-1] + 41) % 82 - 41
    seam = np.isclose(abs(steps + 3 * 41 / 13), 41, atol=0.05)
    assert seam.sum() == 1
    np.testing.assert_allclose(steps[~seam], -3 * 41 / 13, atol=0.05)


def test_fourteen_protofilaments_lie_as_far_apart_as_thirteen():
    lattice = FilamentSettings("microtubule", "syn-tubulin", strands=14).lattice()
    assert lattice.radius_A == pytest.approx(90 * 14 / 13)
    assert lattice.stagger_A * 14 == pytest.approx(3 * 41)


def test_filaments_of_a_bundle_run_side_by_side_and_one_after_the_other_back():
    bundle = replace(ACTIN, bundle=3, spacing_A=120.0, order="antiparallel", length_A=(900, 900))
    _, placement = placed(bundle)
    columns = placement.particles.columns
    directions, middles = [], []
    for number in (1, 2, 3):
        positions_A, z, _ = of_filament(placement.particles, number)
        directions.append(z.mean(axis=0))
        middles.append(positions_A.mean(axis=0))
        polarity = columns["polarity"][columns["filament"] == number]
        assert set(polarity) == {1 if number != 2 else -1}
    assert directions[0] @ directions[1] < -0.9
    assert directions[0] @ directions[2] > 0.9
    gaps = np.array(middles) - middles[0]
    gaps -= np.outer(gaps @ directions[0], directions[0])
    np.testing.assert_allclose(np.linalg.norm(gaps, axis=1)[1:], 120, atol=8)
    assert sorted(np.round(np.linalg.norm(hexagonal(7, 1.0), axis=1), 6)) == [0] + [1] * 6


def test_branches_leave_their_mother_at_seventy_degrees():
    _, placement = placed(
        replace(ACTIN, copies=(3, 3), branches_per_um=12, length_A=(600, 600)), seed=4
    )
    columns, angles = placement.particles.columns, []
    for number in np.unique(columns["filament"][np.isfinite(columns["parent"])]):
        positions_A, z, _ = of_filament(placement.particles, number)
        parent = columns["parent"][columns["filament"] == number][0]
        theirs, their_z, _ = of_filament(placement.particles, parent)
        nearest = np.linalg.norm(theirs - positions_A[0], axis=1).argmin()
        angles.append(np.degrees(np.arccos(z[0] @ their_z[nearest])))
    assert len(angles) >= 2
    np.testing.assert_allclose(angles, 70, atol=4)


def test_filaments_and_membranes_stay_on_the_inner_side_of_a_sheet_which_is_the_larger():
    kinds = (
        MembraneSettings(shape="sheet", name="plasma"),
        MembraneSettings(name="er", size_A=(400, 500), count=(2, 2), inside="plasma"),
    )
    tubes = replace(TUBES, copies=(2, 2), inside="plasma")
    for seed in (1, 2):
        _, placement = placed(tubes, replace(ACTIN, inside="plasma"), seed=seed, membranes=kinds)
        sheet, *others = placement.membranes
        assert len(others) == 2
        assert all(one.parent == sheet.number for one in others)
        assert (values_at(sheet.surface, placement.particles.positions_A[1:]) < 0).all()
        middle_A = np.array([[199, 199, 99]]) * VOXEL_A / 2
        assert values_at(sheet.surface, middle_A) < sheet.record.undulation_A * 3


def test_filaments_inside_a_membrane_are_in_none_that_is_nested_in_it():
    kinds = (
        MembraneSettings(shape="double", name="cell", size_A=(1500, 1500), gap_A=(300, 300),
                         undulation=(0, 0)),
        MembraneSettings(name="nucleus", size_A=(500, 500), inside="cell", undulation=(0, 0)),
    )  # fmt: skip
    many = replace(ACTIN, copies=(8, 8), length_A=(120, 150), inside="cell")
    _, placement = placed(many, size=(150, 150, 150), membranes=kinds)
    (_, inner, nucleus), particles = placement.membranes, placement.particles
    actin = particles.positions_A[[name == "syn-actin" for name in particles.species]]
    assert len(actin) >= 8 * 4
    assert (values_at(inner.surface, actin) < 0).all()
    assert (values_at(nucleus.surface, actin) > 0).all()


def test_no_two_filaments_or_objects_share_a_voxel():
    config, placement = placed(
        replace(ACTIN, copies=(4, 4), persistence_A=1500.0, length_A=(500, 900)),
        replace(TUBES, length_A=(400, 400)),
        size=(80, 80, 50),
        particles=(6, 6),
        vesicles=(1, 1),
        vesicle_semi_axes_A=(250, 300),
        seed=1,
    )
    particles = placement.particles
    assert placement.placed["filaments of syn-actin"] == 4
    number = particles.columns["filament"]
    objects = [np.flatnonzero(number == n) for n in np.unique(number[np.isfinite(number)])]
    objects += [np.array([n]) for n in np.flatnonzero(np.isnan(number))]
    times = np.zeros(config.size_voxels[::-1], np.uint8)
    for chosen in objects:
        times += paint_specimen(config, LIBRARY, particles.select(chosen)).class_mask > 0
    assert times.max() == 1
    # Filaments end at the sides of the box, and stay between its faces.
    nx, ny, nz = (n * VOXEL_A for n in config.size_voxels)
    inside = particles.positions_A[np.isfinite(number)]
    assert (inside >= -VOXEL_A / 2).all()
    assert (inside <= np.array([nx, ny, nz]) - VOXEL_A / 2).all()
    assert inside[:, 2].min() > 10
    assert inside[:, 2].max() < nz - 20


def test_filaments_change_nothing_of_what_is_placed_before_and_grow_the_same_again():
    settings = {"size": (90, 90, 50), "particles": (3, 3), "gold": (2, 2), "seed": 5}
    _, without = placed(**settings)
    short = replace(ACTIN, length_A=(300.0, 500.0))
    _, once = placed(short, **settings)
    _, again = placed(short, **settings)
    assert once.requested == again.requested
    np.testing.assert_array_equal(once.particles.positions_A, again.particles.positions_A)
    np.testing.assert_array_equal(
        once.particles.positions_A[:2], without.particles.positions_A[:2]
    )  # gold
    # The number that species share is drawn as it is without filaments.
    names = ("syn-cage", "vesicle", "fiducial", "filaments of syn-actin")
    assert {name: once.requested[name] for name in names[1:]} == {
        "vesicle": 0, "fiducial": 2, "filaments of syn-actin": 1
    }  # fmt: skip
    assert set(once.requested) <= {*names, "syn-tubulin"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"length_A": (9000.0, 9000.0)}, "box's diagonal of 3600 Å, found 9000"),
        ({"copies": (5000, 5000)}, "at most 65535 subunits"),
        ({"kind": "own"}, "rise_A"),
        ({"kind": "wire"}, "kind"),
        ({"order": "any"}, "order"),
        ({"subunit": "absent"}, "subunit"),
        ({"bundle": 3, "branches_per_um": 1.0}, "bundles"),
    ],
)
def test_impossible_filaments_are_refused_with_what_fits(change, words):
    with pytest.raises(InputError, match=words):
        placed(replace(ACTIN, **change))
