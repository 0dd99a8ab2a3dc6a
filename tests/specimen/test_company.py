"""Company: neighbours as in real data, clusters, chains, pairs, layers and distractors."""

import os
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from faket.data import Species
from faket.errors import InputError
from faket.io.neighbours import nearest_neighbours, neighbour_distances
from faket.specimen import (
    Company,
    SpecimenConfig,
    class_labels,
    neighbour_facts,
    place_particles,
)
from faket.specimen.anywhere import Anywhere

VOXEL_A = 20.0
PICKS = Path(os.environ.get("FAKET_TEST_DATA", "none")) / "picks" / "czii_training_picks.csv"


def ball(name: str, radius_A: float, **more: bool) -> Species:
    half = int(radius_A / VOXEL_A) + 2
    z, y, x = np.mgrid[-half : half + 1, -half : half + 1, -half : half + 1] * VOXEL_A
    soft = np.clip(0.5 + (radius_A - np.sqrt(x**2 + y**2 + z**2)) / VOXEL_A, 0, 1)
    soft = soft.astype(np.float32)
    return Species(name, soft, soft, VOXEL_A, **more)


def placed(company, counts, *, radius_A=45.0, seed=0, size=(120, 120, 60), **more):
    library = [ball(name, radius_A) for name in counts]
    config = SpecimenConfig(
        size, VOXEL_A, particles=(0, 0), copies=counts, vesicles=(0, 0), gold=(0, 0),
        company=company, **more,
    )  # fmt: skip
    placement = place_particles(config, library, seed=seed)
    assert placement.placed == placement.requested
    return placement.particles


def test_neighbours_are_as_far_as_asked():
    rng = np.random.default_rng(1)
    wanted_A = 95 + rng.gamma(2.0, 20.0, 300)  # at random half of them were 210 Å and more
    particles = placed({"a": Company(neighbours_A=tuple(wanted_A))}, {"a": 120})
    found_A = nearest_neighbours(particles.positions_A)
    for part in (0.1, 0.25, 0.5, 0.75):
        assert np.quantile(found_A, part) == pytest.approx(np.quantile(wanted_A, part), rel=0.1)


@pytest.mark.skipif(not PICKS.exists(), reason="needs the picks of CZII's training tomograms")
def test_czii_neighbours_come_back():
    """Median and 10th percentile of every species within 15 %, in a box of CZII's size."""
    table = neighbour_distances(PICKS)
    radii_A = {
        "apo-ferritin": 50, "beta-amylase": 45, "beta-galactosidase": 70, "ribosome": 100,
        "thyroglobulin": 80, "virus-like-particle": 120,
    }  # fmt: skip
    copies = {"apo-ferritin": 54, "beta-amylase": 12, "beta-galactosidase": 16, "ribosome": 47,
              "thyroglobulin": 36, "virus-like-particle": 16}  # fmt: skip
    library = [ball(name, radius_A) for name, radius_A in radii_A.items()]
    found = {name: [] for name in radii_A}
    config = SpecimenConfig(
        (315, 315, 92), VOXEL_A, particles=(0, 0), copies=copies, vesicles=(0, 0), gold=(0, 0),
        company={name: Company(neighbours_A=tuple(table[name])) for name in radii_A},
    )  # fmt: skip
    for seed in range(3):
        particles = place_particles(config, library, seed=seed).particles
        for name in radii_A:
            own = particles.positions_A[[one == name for one in particles.species]]
            found[name].append(nearest_neighbours(own))
    for name, distances in found.items():
        for part in (0.1, 0.5):
            ours_A = np.quantile(np.concatenate(distances), part)
            assert ours_A == pytest.approx(np.quantile(table[name], part), rel=0.15), name


def test_a_chain_keeps_its_spacing_and_twist():
    company = Company(
        chain=(4, 8), chain_spacing_A=(110, 130), chain_twist_deg=70, chain_persistence_A=1e9
    )
    particles = placed({"a": company}, {"a": 40})
    chain, link = particles.columns["chain"], particles.columns["link"]
    lengths = []
    for number in np.unique(chain):
        own = np.flatnonzero(chain == number)
        np.testing.assert_array_equal(link[own], np.arange(len(own)))
        lengths.append(len(own))
        if len(own) < 2:
            continue
        steps = np.diff(particles.positions_A[own], axis=0)
        gaps_A = np.linalg.norm(steps, axis=1)
        assert (gaps_A >= 109.9).all()
        assert (gaps_A <= 130.1).all()
        turns = (particles.rotations[own[1:]] * particles.rotations[own[:-1]].inv()).as_rotvec()
        axis = steps[0] / gaps_A[0]
        np.testing.assert_allclose(np.degrees(turns @ axis), 70, atol=0.5)
    assert max(lengths) <= 8
    assert np.mean(lengths) > 2


def test_chains_are_as_long_as_asked_where_the_box_has_room():
    company = Company(chain=(9, 9), chain_spacing_A=(110, 130), chain_persistence_A=1e5)
    particles = placed({"a": company}, {"a": 54}, size=(150, 150, 30))
    _, lengths = np.unique(particles.columns["chain"], return_counts=True)
    assert lengths.max() == np.median(lengths) == 9  # 1000 Å in a slab of 600 Å


def test_neighbours_nearer_than_molecules_allow_touch():
    """And what was asked is told beside what is there."""
    company = {"a": Company(neighbours_A=(60.0, 70.0, 80.0)), "b": Company(cluster=(2, 2))}
    library = [ball(name, 75) for name in company]
    config = SpecimenConfig(
        (120, 120, 60), VOXEL_A, particles=(0, 0), copies={"a": 50, "b": 10}, vesicles=(0, 0),
        gold=(0, 0), company=company,
    )  # fmt: skip
    placement = place_particles(config, library, seed=0)
    facts = neighbour_facts(config, placement.particles, {})
    assert facts.keys() == {"a"}
    assert facts["a"]["wanted_A"] == pytest.approx((62, 70))
    assert 120 < facts["a"]["placed_A"][0] <= facts["a"]["placed_A"][1] < 190
    few = placement.particles.select(np.arange(9))
    assert neighbour_facts(config, few, {}) == {}


def test_clusters_hold_as_many_as_asked_near_to_each_other():
    company = Company(cluster=(6, 6), cluster_radius_A=300)
    particles = placed({"a": company}, {"a": 36}, size=(200, 200, 60))
    groups = particles.positions_A.reshape(6, 6, 3)
    assert np.linalg.norm(groups - groups[:, :1], axis=2).max() <= 300


def test_a_pair_keeps_its_pose():
    company = Company(partner="b", partner_offset_A=(10, 0, 130), partner_turn_deg=(0, 90, 0))
    particles = placed({"a": company}, {"a": 10, "b": 3})
    bound = np.flatnonzero(np.isfinite(particles.columns["bound"]))
    hosts = particles.columns["bound"][bound].astype(int) - 1
    assert len(bound) == 10
    assert {particles.species[i] for i in hosts} == {"a"}
    inverse = particles.rotations[hosts].inv()
    gaps_A = inverse.apply(particles.positions_A[bound] - particles.positions_A[hosts])
    np.testing.assert_allclose(gaps_A, np.tile([10, 0, 130], (10, 1)), atol=1e-6)
    turns = (inverse * particles.rotations[bound]).as_matrix()
    wanted = Rotation.from_euler("y", 90, degrees=True).as_matrix()
    np.testing.assert_allclose(turns, np.tile(wanted, (10, 1, 1)), atol=1e-9)


def test_layers_and_preferred_orientations():
    company = Company(layer_A=(100, 200), tilt_deg=(0, 25))
    particles = placed({"a": company}, {"a": 40})
    z_A = particles.positions_A[:, 2] + VOXEL_A / 2
    depth_A = np.minimum(z_A, 60 * VOXEL_A - z_A)
    assert depth_A.min() >= 100 - 1e-6
    assert depth_A.max() <= 200 + 1e-6
    assert 5 < (z_A < 600).sum() < 35
    up = particles.rotations.as_matrix()[:, 2, 2]
    assert up.min() >= np.cos(np.radians(25)) - 1e-9
    assert up.max() < 1


def test_orientations_near_the_normal_are_even_about_it():
    company = Company(tilt_deg=(0, 60))
    config = SpecimenConfig((60, 60, 60), VOXEL_A, particles=(0, 0), vesicles=(0, 0), gold=(0, 0))
    places = Anywhere(config, company, np.random.default_rng(3))
    turns = Rotation.concatenate([places.rotation() for _ in range(2000)])
    z, x = turns.apply([0, 0, 1]), turns.apply([1, 0, 0])
    # Even over the cap of directions: their heights, and their azimuths.
    assert np.histogram(z[:, 2], 4, (0.5, 1))[0] == pytest.approx(500, abs=90)
    azimuths = [np.arctan2(z[:, 1], z[:, 0])]
    # And turned about the axis.
    across = np.cross(np.tile([0.0, 0.0, 1.0], (2000, 1)), z)
    azimuths.append(np.arctan2((x * np.cross(z, across)).sum(axis=1), (x * across).sum(axis=1)))
    for azimuth in azimuths:
        assert np.histogram(azimuth, 4, (-np.pi, np.pi))[0] == pytest.approx(500, abs=90)


def test_distractors_come_after_all_classes_that_are_labelled():
    names = [info.name for _, info in sorted(
        class_labels([ball("x", 40, labelled=False), ball("y", 40)]).items()
    )]  # fmt: skip
    assert names == ["y", "vesicle", "fiducial", "x"]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"cluster": (2, 3), "chain": (2, 3)}, "one of neighbours, cluster and chain"),
        ({"partner": "b"}, "partner_offset_A"),
        ({"tilt_deg": (0, 200)}, "tilt_deg.*<= 180"),
        ({"chain_spacing_A": (-1, 4)}, "chain_spacing_A"),
        ({"neighbours_A": (10.0, -1.0)}, "neighbours"),
        ({"layer_A": (9, 3)}, "layer_A.*swap"),
    ],
)
def test_impossible_company_is_refused(values, words):
    with pytest.raises(InputError, match=words):
        Company(**values)


def test_a_layer_beyond_the_middle_is_refused():
    with pytest.raises(InputError, match=r"Company.layer_A` of 'a': expected at most 600 Å"):
        placed({"a": Company(layer_A=(601, 700))}, {"a": 1})


def test_tables_without_neighbours_are_refused(tmp_path):
    table = tmp_path / "picks.csv"
    for text, words in (("a,b\n1,2\n", "expected the columns"),
                        ("x,y,z,species\n1,2,3,a\n", "two picks")):  # fmt: skip
        table.write_text(text)
        with pytest.raises(InputError, match=words):
            neighbour_distances(table)
    table.write_text("x,y,z,species,tomogram\n0,0,0,a,1\n3,4,0,a,1\n0,0,1,a,2\n0,0,3,a,2\n")
    np.testing.assert_allclose(np.sort(neighbour_distances(table)["a"]), [2, 2, 5, 5])
    with pytest.raises(InputError, match=r"partner.*absent"):
        placed({"a": Company(partner="absent", partner_offset_A=(1, 0, 0))}, {"a": 1})
