"""The faces of the ice, carbon and crystals against closed forms; molecules stay inside."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faket.constants import CARBON_POTENTIAL_V, ICE_CRYSTAL_POTENTIAL_V, ICE_POTENTIAL_V
from faket.data import Species
from faket.errors import InputError
from faket.specimen import (
    Company,
    SpecimenConfig,
    build_specimen,
    paint_specimen,
    place_particles,
)
from faket.specimen.filament_settings import FilamentSettings
from faket.specimen.ice_faces import draw_faces
from faket.specimen.membrane_settings import MembraneSettings
from faket.specimen.surroundings import draw_surroundings
from faket.specimen.surroundings_settings import CarbonSettings, CrystalSettings, LamellaSettings
from faket.structures import synthetic_species

VOXEL_A = 10.0
SIZE = (96, 80, 60)  # x y z
SMOOTH = {"roughness_A": (0.0, 0.0)}


def lamella(**given):
    return LamellaSettings(**{"thickness_A": (300.0, 400.0), **SMOOTH, **given})


def config(**given):
    nothing = {"vesicles": (0, 0), "gold": (0, 0), "particles": (0, 0)}
    return SpecimenConfig(size_voxels=SIZE, voxel_size_A=VOXEL_A, **nothing | given)


def ball(radius=5.0, n=17):
    z, y, x = np.mgrid[:n, :n, :n] - n // 2
    soft = 1 / (1 + np.exp(2 * (np.sqrt(x**2 + y**2 + z**2) - radius)))
    return Species("ball", (4 * soft).astype(np.float32), soft.astype(np.float32), VOXEL_A)


def columns_V_A(specimen):
    """Potential above ice, integrated along z."""
    return specimen.potential.data.sum(axis=0, dtype=np.float64) * VOXEL_A


def test_projections_lack_the_ice_that_is_not_there():
    """Whatever lies between voxels: thickness is what potential and faces both tell."""
    settings = lamella(wedge_deg=(4.0, 4.0), roughness_A=(15.0, 15.0), curtains_A=(8.0, 8.0))
    faces = draw_faces(settings, SIZE, VOXEL_A, 3)
    specimen = build_specimen(config(lamella=settings), [], seed=3)
    thickness_A = faces.upper_A - faces.lower_A
    expected = -ICE_POTENTIAL_V * (SIZE[2] * VOXEL_A - thickness_A)
    np.testing.assert_allclose(columns_V_A(specimen), expected, atol=0.1)
    assert thickness_A.mean() == pytest.approx(faces.drawn["thickness_A"], rel=0.1)


def test_the_wedge_has_its_angle_and_faces_their_roughness():
    faces = draw_faces(lamella(wedge_deg=(5.0, 5.0)), SIZE, VOXEL_A, 1)
    slopes = np.gradient(faces.upper_A - faces.lower_A, VOXEL_A)
    assert np.hypot(*slopes) == pytest.approx(math.tan(math.radians(5)), rel=1e-3)
    settings = lamella(roughness_A=(20.0, 20.0), roughness_wavelength_A=(300.0, 300.0))
    rough = draw_faces(settings, (500, 500, 60), VOXEL_A, 1)
    assert rough.upper_A.std() == pytest.approx(20, rel=0.15)
    assert abs(np.corrcoef(rough.upper_A.ravel(), rough.lower_A.ravel())[0, 1]) < 0.1


def test_curtains_run_along_the_milling_direction():
    faces = draw_faces(lamella(curtains_A=(30.0, 30.0), mill_deg=(90.0, 90.0)), SIZE, VOXEL_A, 2)
    assert np.ptp(faces.upper_A, axis=0).max() < 0.1, "along y"
    assert faces.upper_A.std(axis=1).min() > 10


def test_molecules_and_closed_membranes_stay_in_the_ice_and_sheets_are_cut_by_it():
    ours = config(
        lamella=lamella(),
        carbon=CarbonSettings(cover=(0.3, 0.3)),
        membranes=(
            MembraneSettings(shape="sheet", name="plasma"),
            MembraneSettings(size_A=(220.0, 240.0)),
        ),
        copies={"ball": 25},
    )
    placement = place_particles(ours, [ball()], seed=5)
    around = placement.surroundings
    specimen = paint_specimen(ours, [ball()], placement.particles, placement.membranes, around)
    label = {info.name: n for n, info in specimen.classes.items()}
    # Without surroundings the same molecules and the closed membrane have just the same voxels.
    kept = np.flatnonzero(np.array(placement.particles.species) != "carbon")
    alone = paint_specimen(ours, [ball()], placement.particles.select(kept), placement.membranes)
    for name in ("ball", "membrane"):
        same = (specimen.class_mask == label[name]) == (alone.class_mask == label[name])
        assert same.all()
        assert (specimen.class_mask == label[name]).any()
    cut = (alone.class_mask == label["membrane:plasma"]).sum()
    assert 0 < (specimen.class_mask == label["membrane:plasma"]).sum() < cut
    z_A = placement.membranes[0].mesh.vertices_A[:, 2]
    assert z_A.min() >= around.faces.lower_A.min()
    assert z_A.max() <= around.faces.upper_A.max()


def test_layers_lie_at_the_faces_of_the_ice():
    settings = lamella(wedge_deg=(6.0, 6.0), curtains_A=(8.0, 8.0))
    layered = config(
        lamella=settings, copies={"ball": 40}, company={"ball": Company(layer_A=(60, 110))}
    )
    placement = place_particles(layered, [ball()], seed=4)
    assert placement.placed["ball"] == 40
    faces, positions_A = placement.surroundings.faces, placement.particles.positions_A
    x, y = np.rint(positions_A[:, :2] / VOXEL_A).astype(int).T
    depths_A = np.array(
        [positions_A[:, 2] - faces.lower_A[y, x], faces.upper_A[y, x] - positions_A[:, 2]]
    )
    assert (depths_A.min(axis=0) > 60 - 1e-3).all()
    assert (depths_A.min(axis=0) < 110 + 1e-3).all()
    assert 8 < (depths_A[0] < depths_A[1]).sum() < 32


def test_a_carbon_film_covers_its_part_of_the_field_with_the_potential_of_carbon():
    film = CarbonSettings(cover=(0.35, 0.35), thickness_A=(120.0, 120.0), edge_A=(0.0, 0.0))
    specimen = build_specimen(config(carbon=film), [], seed=4)
    (label,) = (n for n, info in specimen.classes.items() if info.name == "carbon")
    assert specimen.classes[label].material == "carbon"
    covered = (specimen.class_mask == label).any(axis=0)
    assert covered.mean() == pytest.approx(0.35, abs=0.01)
    deepest = columns_V_A(specimen).max()
    assert deepest == pytest.approx(120 * (CARBON_POTENTIAL_V - ICE_POTENTIAL_V), rel=1e-4)
    (number,) = specimen.particles.ids[np.array(specimen.particles.species) == "carbon"]
    assert (specimen.instance_mask[specimen.class_mask == label] == number).all()


def test_crystals_lie_on_both_faces_and_fill_vacuum_with_ice():
    crystals = CrystalSettings(count=(6, 6), diameter_A=(150.0, 200.0))
    specimen = build_specimen(config(lamella=lamella(), crystals=crystals), [], seed=2)
    label = {info.name: n for n, info in specimen.classes.items()}
    found = specimen.class_mask == label["ice-crystal"]
    inside = specimen.potential.data[found]
    assert np.median(inside) == pytest.approx(ICE_CRYSTAL_POTENTIAL_V - ICE_POTENTIAL_V, abs=1e-3)
    middle = SIZE[2] // 2
    assert found[:middle].any()
    assert found[middle:].any()
    assert not found[middle - 10 : middle + 10].any()
    ids = specimen.particles.ids[np.array(specimen.particles.species) == "ice-crystal"]
    assert set(np.unique(specimen.instance_mask[found])) == set(ids) & set(
        np.unique(specimen.instance_mask)
    )


def test_classes_have_the_same_numbers_where_nothing_of_one_was_drawn():
    """All tomograms of a data set share the classes of their recipe."""
    asked = {"lamella": lamella(), "carbon": CarbonSettings(cover=(0.0, 0.0))}
    none, some = (
        build_specimen(config(crystals=CrystalSettings(count=(n, n)), **asked), [], seed=3).classes
        for n in (0, 2)
    )
    assert none == some
    assert [info.name for info in none.values()][2:] == ["carbon", "ice-crystal", "vacuum"]


def test_a_mill_takes_the_shape_of_molecules_near_the_faces_and_leaves_their_mass():
    around = draw_surroundings(lamella(damaged_A=(100.0, 100.0)), None, None, SIZE, VOXEL_A, 0)
    lower_A = float(around.faces.lower_A.max())
    stripes = np.zeros((SIZE[1], SIZE[0]), np.float32)
    stripes[:, ::4] = 4.0
    left = {}
    for depth_A in (10.0, 50.0, 120.0):
        plane = stripes.copy()
        around._damage(plane, lower_A + depth_A)
        assert plane.mean() == pytest.approx(stripes.mean(), rel=0.03)
        left[depth_A] = plane[:, 20:-20].std() / stripes[:, 20:-20].std()
    assert left[10.0] == pytest.approx(0.1, abs=0.03)
    assert left[50.0] == pytest.approx(0.5, abs=0.03)
    assert left[120.0] == 1


def test_samples_of_a_binned_tomogram_are_those_of_the_specimen():
    ours = config(lamella=lamella(), carbon=CarbonSettings(), crystals=CrystalSettings())
    placement = place_particles(ours, [], seed=1)
    whole = np.zeros(SIZE[::-1], np.uint8), np.zeros(SIZE[::-1], np.uint16)
    few = np.zeros((30, 40, 48), np.uint8), np.zeros((30, 40, 48), np.uint16)
    labels = {"carbon": 1, "ice-crystal": 2, "vacuum": 3}
    placement.surroundings.label(*whole, (0, 0, 0), 1, labels)
    placement.surroundings.label(*few, (1, 0, 1), 2, labels)
    for one, other in zip(whole, few, strict=True):
        np.testing.assert_array_equal(one[1::2, ::2, 1::2], other)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"lamella": lamella(thickness_A=(500.0, 700.0))}, "at most 600 Å in a box of 600 Å"),
        ({"lamella": lamella(wedge_deg=(0.0, 15.0), thickness_A=(500.0, 500.0))}, "at most 471 Å"),
        ({"crystals": CrystalSettings()}, "because crystals lie on the ice"),
        ({"lamella": 3}, "expected LamellaSettings"),
    ],
)
def test_what_does_not_fit_is_refused_with_what_fits(given, message):
    with pytest.raises(InputError, match=message) as error:
        config(**given)
    assert "\n" not in str(error.value)


@given(
    cover=st.floats(0, 1),
    hole_A=st.floats(100, 1e5),
    thickness_A=st.floats(10, 500),
    direction=st.integers(0, 2**31),
)
@settings(max_examples=25, deadline=None)
def test_any_film_covers_what_is_wanted_as_far_as_a_hole_of_its_size_can(
    cover, hole_A, thickness_A, direction
):
    size = (64, 50, 20)
    film = CarbonSettings(
        cover=(cover, cover),
        hole_diameter_A=(hole_A, hole_A),
        thickness_A=(thickness_A, thickness_A),
        edge_A=(0.0, 0.0),
    )
    around = draw_surroundings(None, film, None, size, VOXEL_A, direction)
    found = 0.0 if around.carbon is None else float((around.carbon.beyond_A >= 0).mean())
    least = 0.0
    if cover > 0:  # a hole in the middle of the field covers more than is wanted
        x, y = np.meshgrid(*((np.arange(n) - (n - 1) / 2) * VOXEL_A for n in size[:2]))
        least = float((np.hypot(x, y) > hole_A / 2).mean())
    assert found == pytest.approx(max(cover, least), abs=0.02)


@pytest.mark.parametrize("through", [False, True])
def test_a_mill_cuts_filaments_and_others_stay_between_the_faces(through):
    """Cut ones are there up to both faces, and none of them beyond."""
    actin = synthetic_species("syn-actin", voxel_size_A=VOXEL_A)
    kind = FilamentSettings(
        "actin", "syn-actin", copies=(8, 8), length_A=(300.0, 900.0), through=through
    )
    around = config(lamella=lamella(wedge_deg=(6.0, 6.0)), filaments=(kind,))
    placement = place_particles(around, [actin], seed=4)
    assert placement.placed["filaments of syn-actin"] == 8
    assert len(placement.particles) > 50
    faces = placement.surroundings.faces
    x, y = np.rint(placement.particles.positions_A[:, :2] / VOXEL_A).astype(int).T
    z_A = placement.particles.positions_A[:, 2]
    depth_A = np.minimum(z_A - faces.lower_A[y, x], faces.upper_A[y, x] - z_A)
    assert depth_A.min() >= -VOXEL_A / 2
    # Subunits are 50 Å wide: only where they are cut does a centre come nearer to a face than 20 Å.
    assert (depth_A.min() < 10) == through
    painted = paint_specimen(
        around, [actin], placement.particles, placement.membranes, placement.surroundings
    )
    names = {info.name: label for label, info in painted.classes.items()}
    z = np.arange(SIZE[2])[:, None, None] * VOXEL_A
    beyond = (z < faces.lower_A - VOXEL_A) | (z > faces.upper_A + VOXEL_A)
    assert (painted.class_mask[beyond] == names["vacuum"]).all()
    np.testing.assert_allclose(painted.potential.data[beyond], -ICE_POTENTIAL_V, atol=1e-5)
