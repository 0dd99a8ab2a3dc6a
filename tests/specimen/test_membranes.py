"""Membranes: as they are asked for, apart from each other, painted and labelled as they lie."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from faket.data import MembraneFacts, Species
from faket.errors import InputError
from faket.io.membranes import read_membranes, write_membranes, write_mesh
from faket.specimen import Company, SpecimenConfig, paint_specimen, place_particles
from faket.specimen.level_sets import projected, values_at
from faket.specimen.membrane import bilayer_areal_integral_V_A
from faket.specimen.membrane_curvature import mean_curvature_per_A, with_curvature
from faket.specimen.membrane_proteins import pose_on_membrane
from faket.specimen.membrane_records import draw_membrane
from faket.specimen.membrane_settings import MembraneSettings, OnMembrane
from faket.specimen.membrane_shapes import surface_of
from faket.specimen.meshes import mesh_of
from faket.specimen.shapes import prepare_shape


def species(name, radius_A):
    """A ball."""
    r = 5.0 * np.sqrt(((np.mgrid[:15, :15, :15] - 7) ** 2).sum(axis=0))
    inside = (1 / (1 + np.exp((r - radius_A) / 2))).astype(np.float32)
    return Species(name, 4 * inside, inside, 5.0)


def only(copies, size, **more):
    """A box without vesicles and gold."""
    return SpecimenConfig(
        size_voxels=size, particles=(0, 0), copies=copies, vesicles=(0, 0), gold=(0, 0), **more
    )


BOX_A = np.array([[-5.0] * 3, [2000.0] * 3])
LIBRARY = [species("hook", 20.0), species("bead", 13.0), species("spike", 20.0)]
CELL = only(
    {"hook": 60},
    size=(150, 150, 120),
    membranes=(
        MembraneSettings(
            name="cell", size_A=(420, 460), wavelength_A=(400, 400), contents={"bead": 20}
        ),
    ),
    on_membranes={
        "spike": OnMembrane(on="cell", density_per_um2=3000, wobble_deg=10, facing="both")
    },
)


@pytest.fixture(scope="module")
def placement():
    return place_particles(CELL, LIBRARY, seed=1)


@pytest.fixture(scope="module")
def specimen(placement):
    return paint_specimen(CELL, LIBRARY, placement.particles, placement.membranes)


def rows(placement, name):
    return np.array([i for i, one in enumerate(placement.particles.species) if one == name])


def test_contents_lie_inside_and_all_others_outside(placement):
    membrane = placement.membranes[0]
    position = placement.particles.positions_A
    assert (values_at(membrane.surface, position[rows(placement, "bead")]) < -25).all()
    assert (values_at(membrane.surface, position[rows(placement, "hook")]) > 0).all()
    assert placement.placed == {**placement.requested}
    assert placement.placed["bead"] == 20


def test_proteins_stand_on_the_surface_within_their_wobble_on_both_sides(placement):
    chosen = rows(placement, "spike")
    membrane, particles = placement.membranes[0], placement.particles
    area_um2 = membrane.facts().area_A2 / 1e8
    assert len(chosen) == round(3000 * area_um2)
    sites, normals = projected(membrane.surface, particles.positions_A[chosen])
    np.testing.assert_allclose(sites, particles.positions_A[chosen], atol=0.01)
    cosines = (particles.rotations[chosen].apply([0, 0, 1]) * normals).sum(axis=1)
    angles = np.degrees(np.arccos(np.minimum(np.abs(cosines), 1)))
    assert angles.max() <= 10.001
    assert angles.max() > 3
    assert (cosines > 0).any()
    assert (cosines < 0).any()
    assert (particles.columns["membrane"][chosen] == 1).all()


def test_labels_of_all_objects_are_where_they_are_and_nowhere_twice(placement, specimen):
    labels = {info.name: label for label, info in specimen.classes.items()}
    membrane = placement.membranes[0]
    z, y, x = np.indices(specimen.class_mask.shape) * 5.0
    points = np.stack([x.ravel(), y.ravel(), z.ravel()], axis=1)
    near = np.abs(values_at(membrane.surface, points)).reshape(z.shape) <= membrane.half_A
    own = specimen.class_mask == labels["membrane:cell"]
    spikes = specimen.class_mask == labels["spike"]
    np.testing.assert_array_equal(own, near & ~spikes)
    np.testing.assert_array_equal(specimen.instance_mask == 1, own)
    for name in ("hook", "bead"):
        assert not (near & (specimen.class_mask == labels[name])).any()


def test_the_bilayer_makes_room_for_what_crosses_it(placement, specimen):
    labels = {info.name: label for label, info in specimen.classes.items()}
    spikes = placement.particles.select(rows(placement, "spike"))
    alone = paint_specimen(replace(CELL, on_membranes={}), LIBRARY, spikes)
    inside = (specimen.class_mask == labels["spike"]) & (alone.class_mask == labels["spike"])
    difference = (specimen.potential.data - alone.potential.data)[inside]
    # With its lipids it would be about 1.6 V more; at the envelope's edge half of them are there.
    assert np.median(np.abs(difference)) < 0.5
    deep = inside & (alone.potential.data > 3.9)
    assert deep.any()
    assert np.abs((specimen.potential.data - alone.potential.data)[deep]).max() < 0.2


def test_the_painted_bilayer_has_the_potential_and_thickness_of_its_profile():
    settings = MembraneSettings(size_A=(400, 400), undulation=(0, 0), thickness_A=(50, 50))
    config = only({}, size=(110, 110, 110), membranes=(settings,))
    placement = place_particles(config, [], seed=0)
    painted = paint_specimen(config, [], placement.particles, placement.membranes).potential.data
    facts = placement.membranes[0].facts()
    total = painted.sum(dtype=float) * 5.0**3
    assert total == pytest.approx(bilayer_areal_integral_V_A(50) * 4 * np.pi * 200**2, rel=0.02)
    assert facts.area_A2 == pytest.approx(4 * np.pi * 200**2, rel=2e-3)
    z, y, x = np.indices(painted.shape)
    centre = np.array(placement.membranes[0].record.centre_A) / 5
    r = 5 * np.sqrt((x - centre[0]) ** 2 + (y - centre[1]) ** 2 + (z - centre[2]) ** 2)
    bins = np.arange(150, 250, 2.5)
    index = np.digitize(r.ravel(), bins)
    mean = np.array([painted.ravel()[index == i].mean() for i in range(1, len(bins))])
    middle = (bins[1:] + bins[:-1]) / 2
    heads = [middle[half][mean[half].argmax()] for half in (middle < 200, middle > 200)]
    assert heads[1] - heads[0] == pytest.approx(50, abs=4)


def test_the_same_seed_gives_the_same_bytes_whatever_the_planes(placement, specimen):
    again = place_particles(CELL, LIBRARY, seed=1)
    np.testing.assert_array_equal(again.particles.positions_A, placement.particles.positions_A)
    coefficients = [one.membranes[0].surface.coefficients for one in (again, placement)]
    np.testing.assert_array_equal(*coefficients)
    rebuilt = surface_of(placement.membranes[0].record, BOX_A)
    np.testing.assert_array_equal(rebuilt.coefficients, coefficients[0])
    np.testing.assert_array_equal(rebuilt.origin_A, again.membranes[0].surface.origin_A)


@pytest.mark.parametrize("shape", ["vesicle", "tubule", "budding"])
def test_the_mean_curvature_is_the_one_that_is_asked_for(shape):
    settings = MembraneSettings(
        shape=shape, size_A=(500, 700), curvature_per_A=(1 / 250, 1 / 250), buds=(1, 1)
    )
    drawn = with_curvature(draw_membrane(settings, np.random.default_rng(4)), BOX_A)
    mesh = mesh_of(surface_of(drawn, BOX_A))
    assert mesh.mean_of(mesh.mean_curvature_per_A) == pytest.approx(1 / 250, rel=0.04)
    assert mesh.euler_characteristic() == 2
    assert mesh.closed()


def test_a_field_has_arms_or_tunnels_and_the_curvature_that_is_asked_for():
    settings = MembraneSettings(shape="field", size_A=(700, 700), curvature_per_A=(0.005, 0.005))
    drawn = with_curvature(draw_membrane(settings, np.random.default_rng(1)), BOX_A)
    assert mean_curvature_per_A(drawn, BOX_A) == pytest.approx(0.005, rel=0.05)
    mesh = mesh_of(surface_of(drawn, BOX_A))
    assert mesh.closed()
    assert mesh.components().max() == 0
    assert mesh.euler_characteristic() % 2 == 0
    assert mesh.mean_of(mesh.mean_curvature_per_A) == pytest.approx(0.005, rel=0.1)


def test_membranes_keep_apart_and_in_the_box_and_nested_ones_inside():

    def still(size_A):
        return {"size_A": (size_A, size_A), "undulation": (0, 0)}

    kinds = (
        MembraneSettings(shape="sheet", name="plasma", size_A=(900, 900)),
        MembraneSettings(shape="double", name="organelle", gap_A=(70, 70), **still(540)),
        MembraneSettings(name="small", inside="organelle", **still(200)),
        MembraneSettings(name="free", count=(2, 2), **still(250)),
    )
    config = only({}, size=(240, 240, 190), membranes=kinds)
    placement = place_particles(config, [], seed=5)
    found = {one.record.name: one for one in placement.membranes}
    assert placement.placed["membrane:organelle"] == placement.requested["membrane:organelle"] == 2
    assert placement.placed["membrane:small"] == 1
    for one in placement.membranes:
        for other in placement.membranes:
            if one is not other:
                gaps = np.abs(values_at(one.surface, other.mesh.vertices_A))
                assert gaps.min() > one.half_A + other.half_A
        if not one.record.is_open:
            low, high = one.mesh.vertices_A.min(axis=0), one.mesh.vertices_A.max(axis=0)
            assert (low > -2.5 + one.half_A).all()
            assert (high < np.array([240, 240, 190]) * 5 - 2.5 - one.half_A).all()
    small, inner = found["small"], found["organelle"]
    assert small.parent == inner.number
    assert inner.parent == inner.number - 1
    assert (values_at(inner.surface, small.mesh.vertices_A) < 0).all()
    gap = values_at(placement.membranes[inner.parent - 1].surface, inner.mesh.vertices_A)
    np.testing.assert_allclose(gap, -70, atol=1.0)


def test_nested_compartments_have_their_own_contents():
    """What a membrane encloses lies in none that is nested in it, contents or not."""
    still = {"undulation": (0, 0)}
    kinds = (
        MembraneSettings(shape="double", name="cell", size_A=(900, 900), gap_A=(70, 70),
                         contents={"bead": 0.05, "hook": 10}, **still),
        MembraneSettings(name="full", inside="cell", size_A=(250, 250), contents={"spike": 5},
                         **still),
        MembraneSettings(name="empty", inside="cell", size_A=(200, 200), **still),
    )  # fmt: skip
    config = only({"spike": 20}, size=(200, 200, 200), membranes=kinds)
    placement = place_particles(config, LIBRARY, seed=3)
    particles, (_, cell, full, empty) = placement.particles, placement.membranes
    assert placement.placed == placement.requested
    names = np.array(particles.species)
    depth = {
        one.record.name + ("" if one is not cell else " inner"): values_at(
            one.surface, particles.positions_A
        )
        for one in placement.membranes
    }
    own = (names == "bead") | (names == "hook")
    assert (depth["cell inner"][own] < -cell.half_A).all()
    assert (depth["full"][own] > full.half_A).all()
    assert (depth["empty"][own] > empty.half_A).all()
    # Anywhere between the nodes of the surface's grid.
    own_A = particles.positions_A[names == "bead"] - cell.surface.origin_A
    part = own_A / cell.surface.spacing_A % 1
    assert np.histogram(part, 4, (0, 1))[0] == pytest.approx(part.size / 4, rel=0.1)
    inside = depth["full"][names == "spike"] < 0
    assert inside.sum() == 5
    assert (depth["cell"][names == "spike"][~inside] > 0).all()
    # A twentieth of what is left of the compartment, not of all that its membrane encloses.
    room = cell.mesh.volume_A3() - full.mesh.volume_A3() - empty.mesh.volume_A3()
    areas = sum(one.mesh.areas_A2().sum() for one in (cell, full, empty))
    bead_A3 = prepare_shape(LIBRARY[1]).volume_voxels * 5.0**3
    assert (names == "bead").sum() == pytest.approx(
        0.05 * (room - areas * cell.half_A) / bead_A3, rel=0.05
    )


def test_as_many_as_fit_by_chance_are_no_number_that_was_asked_for():
    kinds = (MembraneSettings(size_A=(400, 400), undulation=(0, 0)),)
    for spacing_A, least in ((60.0, 50), (500.0, 1)):
        how = OnMembrane(on="", spacing_A=spacing_A)
        config = only({}, size=(100, 100, 100), membranes=kinds, on_membranes={"bead": how})
        placement = place_particles(config, LIBRARY, seed=2)
        assert placement.placed == placement.requested
        assert placement.placed["bead"] >= least


def test_neighbours_keep_their_spacing_and_clusters_are_denser():
    def sites(**more):
        how = OnMembrane(on="", wobble_deg=0, **more)
        kinds = (MembraneSettings(size_A=(400, 400), undulation=(0, 0)),)
        config = only({}, size=(100, 100, 100), membranes=kinds, on_membranes={"bead": how})
        particles = place_particles(config, LIBRARY, seed=2).particles
        points = particles.positions_A[[i for i, n in enumerate(particles.species) if n == "bead"]]
        gaps = np.linalg.norm(points[:, None] - points[None], axis=2)
        np.fill_diagonal(gaps, np.inf)
        return gaps.min(axis=1)

    assert sites(spacing_A=120.0).min() >= 120
    loose = sites(density_per_um2=3000)
    dense = sites(density_per_um2=3000, cluster=(8, 8), cluster_radius_A=100)
    assert np.median(dense) < 0.6 * np.median(loose)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MembraneSettings(size_A=(220, 300), thickness_A=(80, 80)), "at least 240 Å"),
        (lambda: MembraneSettings(shape="double", size_A=(500, 600), gap_A=(300, 300)),
         "found -50 Å by size_A = 500 with gap_A = 300; give .*size_A` of at least 719 Å"),
        (lambda: MembraneSettings(shape="tubule", curvature_per_A=(0.005, 0.0099)),
         "curvature_per_A` of at most 0.00842 per Å"),
        (lambda: MembraneSettings(shape="cube"), "expected a shape among"),
        (lambda: MembraneSettings(shape="sheet", curvature_per_A=(0.001, 0.001)), "no `curvature"),
        (lambda: MembraneSettings(curvature_per_A=(-0.001, 0.001)), "as it is closed"),
        (lambda: MembraneSettings(contents={"bead": 2.5}), "whole number"),
        (lambda: MembraneSettings(name="two words"), "a word"),
        (lambda: OnMembrane(on="a"), "density_per_um2` or `OnMembrane.spacing_A"),
        (lambda: OnMembrane(on="a", density_per_um2=1, axis=(0, 0, 0)), "axis that is not 0"),
        (lambda: OnMembrane(on="a", density_per_um2=1e5, spacing_A=300), "at most 667"),
        (lambda: place_particles(only({}, (60, 60, 60), membranes=(MembraneSettings(inside="x"),)),
                                 LIBRARY, seed=0), "other membranes"),
        (lambda: place_particles(replace(CELL, on_membranes={"hook": OnMembrane(on="b",
                                 density_per_um2=1)}), LIBRARY, seed=0), "name of membranes"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_in_one_line(make, message):
    with pytest.raises(InputError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_pairs_and_chains_do_not_go_through_membranes():
    kinds = (MembraneSettings(size_A=(260, 260), undulation=(0, 0), count=(9, 9)),)
    company = {
        "hook": Company(partner="bead", partner_offset_A=(0, 0, 100)),
        "spike": Company(chain=(4, 4), chain_spacing_A=(100, 110)),
    }
    config = only({"hook": 80, "spike": 80}, size=(160, 160, 100), membranes=kinds, company=company)
    placement = place_particles(config, LIBRARY, seed=2)
    particles, columns = placement.particles, placement.particles.columns
    assert len(placement.membranes) >= 4
    inside = np.zeros(len(particles.species), int)  # number of the vesicle, 0 outside
    for one in placement.membranes:
        inside[values_at(one.surface, particles.positions_A) < 0] = one.number
    bound = np.flatnonzero(np.isfinite(columns["bound"]))
    np.testing.assert_array_equal(inside[bound], inside[columns["bound"][bound].astype(int) - 1])
    assert 0 < (inside[bound] > 0).sum() < len(bound)
    for number in np.unique(columns["chain"][np.isfinite(columns["chain"])]):
        assert len(set(inside[columns["chain"] == number])) == 1


def test_clusters_on_a_membrane_have_the_sizes_that_are_asked_for():
    kinds = (MembraneSettings(size_A=(400, 400), undulation=(0, 0)),)
    how = OnMembrane(on="", density_per_um2=6000, cluster=(4, 4), cluster_radius_A=90)
    config = only({}, size=(100, 100, 100), membranes=kinds, on_membranes={"bead": how})
    particles = place_particles(config, LIBRARY, seed=2).particles
    points = particles.positions_A[[name == "bead" for name in particles.species]]
    groups = points[: len(points) // 4 * 4].reshape(-1, 4, 3)  # in the order of placement
    assert len(groups) >= 6
    assert np.linalg.norm(groups - groups[:, :1], axis=2).max() < 200
    between = np.linalg.norm(np.diff(groups[:, 0], axis=0), axis=1)
    assert np.median(between) > 200


def test_poses_turn_about_the_normal_and_wobble_evenly_over_the_cap():
    how = OnMembrane(on="", density_per_um2=1, wobble_deg=20, axis=(1, 0, 0), facing="both")
    normal, rng = np.array([0.0, 0.6, 0.8]), np.random.default_rng(5)
    turns = Rotation.concatenate([pose_on_membrane(how, normal, rng) for _ in range(2000)])
    along, across = turns.apply([1, 0, 0]), turns.apply([0, 1, 0])
    cosines = along @ normal
    assert 900 < (cosines > 0).sum() < 1100
    cosines = np.abs(cosines)
    least = np.cos(np.radians(20))
    assert cosines.min() >= least - 1e-12
    # Even over the cap: the height is.
    heights = (cosines - least) / (1 - least)
    assert np.histogram(heights, 4, (0, 1))[0] == pytest.approx(500, abs=90)
    first = np.cross(normal, [1, 0, 0])
    first /= np.linalg.norm(first)
    for vectors in (across, along - (along @ normal)[:, None] * normal):
        azimuth = np.arctan2(vectors @ np.cross(normal, first), vectors @ first)
        assert np.histogram(azimuth, 4, (-np.pi, np.pi))[0] == pytest.approx(500, abs=90)


def test_a_table_of_membranes_comes_back(tmp_path):
    facts = (
        MembraneFacts(1, "membrane:er", 0, True, 39.6, 1.25e6, 3.5e8, 0.0021, 0.001, -4),
        MembraneFacts(2, "membrane", 1, False, 41.0, 2e6, float("nan"), 0.0, 0.001, 1),
    )
    write_membranes(tmp_path / "membranes.csv", facts)
    found = read_membranes(tmp_path / "membranes.csv")
    assert found[0] == facts[0]
    assert np.isnan(found[1].volume_A3)
    assert found[1].parent == 1
    assert not found[1].closed


def test_a_mesh_in_a_file_has_the_vertices_normals_and_corners_of_the_surface(placement, tmp_path):
    mesh = placement.membranes[0].mesh
    surface = mesh.vertices_A, mesh.normals, mesh.mean_curvature_per_A, mesh.triangles
    write_mesh(tmp_path / "one.ply", *surface)
    header, _, body = (tmp_path / "one.ply").read_bytes().partition(b"end_header\n")
    n, m = len(mesh.vertices_A), len(mesh.triangles)
    assert f"element vertex {n}\n".encode() in header
    assert f"element face {m}\n".encode() in header
    points = np.frombuffer(body[: n * 28], "<f4").reshape(n, 7)
    np.testing.assert_allclose(points[:, :3], mesh.vertices_A, atol=1e-3)
    np.testing.assert_allclose(points[:, 3:6], mesh.normals, atol=1e-6)
    faces = np.frombuffer(body[n * 28 :], [("n", "u1"), ("corners", "<i4", 3)])
    assert (faces["n"] == 3).all()
    np.testing.assert_array_equal(faces["corners"], mesh.triangles)


def test_a_cluster_that_is_full_makes_room_for_the_next():
    """Clusters of 50 in a disc that holds a few: all molecules find a place, in more clusters."""
    how = OnMembrane(
        on="cell", density_per_um2=3000, cluster=(50, 50), cluster_radius_A=100, facing="out"
    )
    kind = MembraneSettings(name="cell", size_A=(900, 900), undulation=(0, 0))
    crowded = only({}, (220, 220, 220), membranes=(kind,), on_membranes={"spike": how})
    found = place_particles(crowded, LIBRARY, seed=2)
    assert found.requested["spike"] > 60
    assert found.placed["spike"] >= 0.9 * found.requested["spike"]
