"""Placement and painting against independent repaints, closed forms and exact cases."""

import json
from dataclasses import replace

import numba
import numpy as np
import pytest
from scipy.ndimage import affine_transform
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation
from scipy.stats import kstest

from faket.constants import GOLD_POTENTIAL_V, ICE_POTENTIAL_V
from faket.data import Particles, Species
from faket.errors import InputError
from faket.specimen import (
    SpecimenConfig,
    build_specimen,
    class_labels,
    paint_specimen,
    place_particles,
    requested_counts,
)
from faket.specimen.membrane import bilayer_potential_V

VOXEL_A = 5.0


def species(name="hook", scale=1.0, n=25, voxel_A=VOXEL_A):
    """Three Gaussian lobes of different size and position; the centre of mass is the origin."""
    z, y, x = (np.mgrid[:n, :n, :n] - n // 2) / scale
    lobes = [(0, 0, 0, 3.0, 1.0), (3.5, 1.0, -0.5, 2.2, 0.8), (-1.0, 3.0, 2.5, 1.8, 0.9)]
    mass = np.array([s**3 * a for *_, s, a in lobes])
    middle = (mass[:, None] * np.array([lobe[:3] for lobe in lobes])).sum(axis=0) / mass.sum()
    blob = np.zeros((n, n, n))
    for *centre, sigma, amplitude in lobes:
        dx, dy, dz = np.array(centre) - middle
        r2 = (x - dx) ** 2 + (y - dy) ** 2 + (z - dz) ** 2
        blob += amplitude * np.exp(-r2 / (2 * (sigma / 1.6) ** 2))
    return Species(
        name=name,
        potential=(4 * blob).astype(np.float32),
        envelope=np.clip(blob / 0.6, 0, 1).astype(np.float32),
        voxel_size_A=voxel_A,
    )


def rod(name="rod", length=10.0, n=31):
    """An elongated species, which collides unless orientations are chosen first."""
    z, y, x = np.mgrid[:n, :n, :n] - n // 2
    blob = np.exp(-0.5 * ((z / length * 1.2) ** 2 + (y / 1.3) ** 2 + (x / 1.3) ** 2) ** 2)
    return Species(name, (4 * blob).astype(np.float32), blob.astype(np.float32), VOXEL_A)


def window(centre, half, shape):
    """Slices [z, y, x] of the voxels within ``half`` of ``centre`` (x, y, z), and their start."""
    start = [max(0, int(c) - half) for c in centre[::-1]]
    stop = [min(n, int(c) + half + 2) for c, n in zip(centre[::-1], shape, strict=True)]
    return tuple(slice(a, b) for a, b in zip(start, stop, strict=True)), np.array(start)


def resampled(array, centre, rotation, shape, order):
    """``array`` [z, y, x], turned by ``rotation`` and centred at ``centre`` (x, y, z; voxels).

    Returned are the part of a volume of ``shape`` where it lies, and its values there.
    """
    where, start = window(centre, max(array.shape) // 2 + 2, shape)
    matrix = rotation.as_matrix().T[::-1, ::-1]
    offset = np.array(array.shape) // 2 - matrix @ (np.asarray(centre)[::-1] - start)
    size = tuple(w.stop - w.start for w in where)
    data = np.asarray(array, np.float64)
    return where, affine_transform(data, matrix, offset, size, order=order, mode="constant")


def solid(centre, rotation, semi_axes, shape):
    """Where a solid ellipsoid lies, and which voxels have their centre in it; all in voxels."""
    where, start = window(centre, int(max(semi_axes)) + 2, shape)
    z, y, x = np.indices([w.stop - w.start for w in where])
    points = np.stack([x, y, z], axis=-1) + start[::-1] - np.asarray(centre)
    return where, (((points @ rotation.as_matrix()) / semi_axes) ** 2).sum(axis=-1) <= 1


def surface(centre, rotation, semi_axes, n=100_000):
    """Points spread over an ellipsoid, in the grid's frame."""
    directions = np.random.default_rng(0).normal(size=(n, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    return centre + rotation.apply(directions * semi_axes)


def random_rotation(seed):
    return Rotation.from_quat(np.random.default_rng(seed).normal(size=4))


SPECIES = [rod(), species("hook"), species("bead", scale=0.7)]
BOX = SpecimenConfig(
    size_voxels=(130, 110, 64),
    particles=(100, 150),
    vesicles=(2, 2),
    vesicle_semi_axes_A=(100, 180),
    gold=(3, 5),
)


@pytest.fixture(scope="module")
def placement():
    return place_particles(BOX, SPECIES, seed=3)


@pytest.fixture(scope="module")
def specimen(placement):
    return paint_specimen(BOX, SPECIES, placement.particles)


def only(copies, size=(64, 64, 64), **more):
    """A box with molecules alone."""
    return SpecimenConfig(
        size_voxels=size, particles=(0, 0), copies=copies, vesicles=(0, 0), gold=(0, 0), **more
    )


def one_particle(name, position_A, rotation, semi_axes_A=(np.nan,) * 3):
    return Particles(
        ids=np.array([7]),
        species=(name,),
        positions_A=np.array([position_A], float),
        rotations=Rotation.from_quat(rotation.as_quat()[None]),
        semi_axes_A=np.array([semi_axes_A], float),
    )


def chosen_from(particles, indices):
    return Particles(
        ids=particles.ids[indices],
        species=tuple(particles.species[i] for i in indices),
        positions_A=particles.positions_A[indices],
        rotations=particles.rotations[indices],
        semi_axes_A=particles.semi_axes_A[indices],
    )


def repainted(particles, shape, margin=0):
    """Name, place and voxels of every object by scipy, in a box wider by ``margin`` all round."""
    envelopes = {one.name: one.envelope for one in SPECIES}
    wide = tuple(n + 2 * margin for n in shape)
    for i, name in enumerate(particles.species):
        centre = particles.positions_A[i] / VOXEL_A + margin
        rotation, axes = particles.rotations[i], particles.semi_axes_A[i] / VOXEL_A
        if name in envelopes:
            where, values = resampled(envelopes[name], centre, rotation, wide, 1)
            yield name, where, values >= 0.5
        elif name == "fiducial":
            yield name, *solid(centre, rotation, axes, wide)
        else:
            yield name, np.s_[:, :, :], shell(surface(centre, rotation, axes), wide)


def shell(points, shape):
    """Which voxels are within 25 Å of a cloud of points of a surface."""
    voxels = np.argwhere(np.ones(shape))[:, ::-1]
    # A cloud of points overestimates distances a little: leave the last 0.05 voxel out.
    reach = 25 / VOXEL_A - 0.05
    distances, _ = cKDTree(points).query(voxels, distance_upper_bound=reach, workers=-1)
    return np.isfinite(distances).reshape(shape)


def uniformity(rotations):
    """The smaller p-value of two marginals that are uniform for, and only for, Haar measure."""
    angle = rotations.magnitude()
    axis_z = rotations.as_matrix()[:, 2, 2]
    return min(
        kstest((angle - np.sin(angle)) / np.pi, "uniform").pvalue,
        kstest((axis_z + 1) / 2, "uniform").pvalue,
    )


# --- placement ---------------------------------------------------------------------------------


def test_orientations_are_uniform_in_a_thin_slab_too():
    # The rod is 25 voxels long, the slab 32 thick: joint draws of pose would lay rods flat.
    config = only({"rod": 1200}, size=(400, 400, 32))
    particles = place_particles(config, SPECIES, seed=1).particles
    assert len(particles) == 1200
    assert uniformity(particles.rotations) > 0.01


def test_the_test_of_uniformity_rejects_uniform_euler_angles():
    angles = np.random.default_rng(0).uniform([0, 0, 0], [360, 180, 360], (1200, 3))
    assert uniformity(Rotation.from_euler("zxz", angles, degrees=True)) < 1e-6


def test_nothing_overlaps_and_only_vesicles_leave_the_box(placement, specimen):
    shape, margin = specimen.class_mask.shape, 24
    inner = tuple(slice(margin, -margin) for _ in shape)
    vesicles, others = np.zeros((2, *(n + 2 * margin for n in shape)), np.int32)
    for name, where, voxels in repainted(placement.particles, shape, margin):
        (vesicles if name == "vesicle" else others)[where] += voxels
        assert voxels.any()
    assert {"vesicle", "fiducial"} < set(placement.particles.species)
    assert (vesicles + others)[inner].max() == 1
    assert others.sum() == others[inner].sum()
    assert vesicles.sum() > vesicles[inner].sum()


def test_labels_are_those_of_an_independent_repaint(placement, specimen):
    names = {info.name: label for label, info in specimen.classes.items()}
    painted = repainted(placement.particles, specimen.class_mask.shape)
    sizes = np.bincount(specimen.instance_mask.ravel())
    for i, (name, where, voxels) in enumerate(painted):
        ours = specimen.instance_mask[where] == placement.particles.ids[i]
        assert ours.sum() == sizes[placement.particles.ids[i]]
        assert (specimen.class_mask[where][ours] == names[name]).all()
        if name == "vesicle":
            assert not (voxels & ~ours).any()
            assert voxels.sum() > 0.97 * ours.sum()
        else:
            assert (voxels == ours).all()
    assert ((specimen.class_mask > 0) == (specimen.instance_mask > 0)).all()


def test_molecules_lie_inside_vesicles_and_outside(placement):
    particles = placement.particles
    molecules = particles.positions_A[np.isnan(particles.semi_axes_A[:, 0])]
    inside = np.zeros(len(molecules), bool)
    for i in np.flatnonzero([name == "vesicle" for name in particles.species]):
        local = particles.rotations[i].inv().apply(molecules - particles.positions_A[i])
        inside |= ((local / particles.semi_axes_A[i]) ** 2).sum(axis=1) < 1
    assert 0 < inside.sum() < len(inside)


def test_requested_counts_are_returned_and_reached(placement):
    requested = placement.requested
    assert requested == requested_counts(BOX, SPECIES, seed=3)
    assert list(requested) == ["rod", "hook", "bead", "vesicle", "fiducial"]
    assert 100 <= sum(requested[one.name] for one in SPECIES) <= 150
    assert requested["vesicle"] == 2
    assert 3 <= requested["fiducial"] <= 5
    assert placement.placed == requested
    assert list(placement.particles.ids) == list(range(1, len(placement.particles) + 1))


def test_particles_are_shared_evenly_among_species_without_an_amount():
    config = SpecimenConfig(particles=(1000, 1000), copies={"hook": 17})
    counts = [requested_counts(config, SPECIES, seed=seed) for seed in range(40)]
    assert all(one["hook"] == 17 and one["rod"] + one["bead"] == 1000 for one in counts)
    rods = np.array([one["rod"] for one in counts])
    assert abs(rods.mean() - 500) < 4 * np.sqrt(250 / 40)  # binomial(1000, 1/2)
    assert 0.3 < rods.var() / 250 < 2.2


@pytest.mark.parametrize("kind", [species("hook"), species("bead", scale=0.7)])
def test_a_fifth_of_the_volume_can_be_filled(kind):
    config = SpecimenConfig(
        size_voxels=(128, 128, 64), volume_fractions={kind.name: 0.2}, vesicles=(0, 0), gold=(0, 0)
    )
    placement = place_particles(config, [kind], seed=0)
    assert placement.placed == placement.requested
    mask = paint_specimen(config, [kind], placement.particles).class_mask
    assert (mask > 0).mean() == pytest.approx(0.2, rel=0.02)


def test_a_full_box_continues_or_stops():
    config = only({"hook": 10_000}, size=(48, 48, 48))
    placement = place_particles(config, SPECIES, seed=0)
    assert 20 < placement.placed["hook"] < placement.requested["hook"] == 10_000
    stopping = only({"hook": 10_000}, size=(48, 48, 48), on_full="stop")
    found = placement.placed["hook"]
    with pytest.raises(InputError, match=f"10000 of 'hook', found room for {found} in 48 x 48"):
        place_particles(stopping, SPECIES, seed=0)


def test_a_full_box_starves_no_species():
    """Of each about the share that the volume allows; the small ones may have more."""
    wanted = {kind.name: 700 for kind in SPECIES}
    config = only(wanted, size=(64, 64, 48))
    placement = place_particles(config, SPECIES, seed=0)
    volumes = {kind.name: kind.envelope.sum(dtype=float) for kind in SPECIES}
    room = sum(volumes[name] for name in placement.particles.species)
    share = room / (700 * sum(volumes.values()))
    assert share < 0.9
    assert min(placement.placed[name] for name in wanted) > 0.6 * share * 700
    again = place_particles(config, SPECIES, seed=0)
    np.testing.assert_array_equal(again.particles.positions_A, placement.particles.positions_A)


def test_stop_is_no_obstacle_where_everything_fits():
    config = only({"hook": 5}, on_full="stop")
    assert place_particles(config, SPECIES, seed=0).placed["hook"] == 5


@pytest.mark.parametrize(
    ("size", "thin"), [((8, 8, 8), set()), ((3, 40, 40), {"rod"}), ((1, 1, 1), set())]
)
def test_what_is_larger_than_the_box_is_left_out(size, thin):
    config = SpecimenConfig(size_voxels=size)
    built = build_specimen(config, SPECIES, seed=0)
    assert set(built.particles.species) <= {"fiducial", "vesicle", "bead"} | thin
    assert built.class_mask.shape == size[::-1]


def test_the_same_seed_gives_the_same_bytes_on_any_number_of_threads(specimen):
    threads = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        again = build_specimen(BOX, SPECIES, seed=3)
    finally:
        numba.set_num_threads(threads)
    other = build_specimen(BOX, SPECIES, seed=4)
    for one in (again, other):
        same = [
            one.potential.data.tobytes() == specimen.potential.data.tobytes(),
            one.class_mask.tobytes() == specimen.class_mask.tobytes(),
            one.instance_mask.tobytes() == specimen.instance_mask.tobytes(),
        ]
        assert all(same) if one is again else not any(same)


# --- painting ----------------------------------------------------------------------------------


@pytest.mark.parametrize("axis", ["x", "y", "z"])
def test_quarter_turns_are_exact(axis):
    one = species("hook")
    turn = Rotation.from_euler(axis, 90, degrees=True)
    particles = one_particle("hook", np.array([20, 24, 22]) * VOXEL_A, turn)
    painted = paint_specimen(only({}, size=(48, 48, 48)), [one], particles)
    # A right-handed turn takes the first of these axes ([z, y, x] numbers) to the second.
    plane = {"x": (1, 0), "y": (0, 2), "z": (2, 1)}[axis]
    block = np.s_[22 - 12 : 22 + 13, 24 - 12 : 24 + 13, 20 - 12 : 20 + 13]
    expected = np.rot90(one.potential, axes=plane)
    assert painted.potential.data[block] == pytest.approx(expected, abs=5e-3)
    assert (painted.instance_mask[block] == 7 * (np.rot90(one.envelope, axes=plane) >= 0.5)).all()


def test_potentials_are_cubic_splines_at_the_exact_pose(placement):
    potentials = {one.name: np.pad(one.potential, 8) for one in SPECIES}
    chosen = np.flatnonzero([name in potentials for name in placement.particles.species])
    molecules = chosen_from(placement.particles, chosen)
    painted = paint_specimen(BOX, SPECIES, molecules).potential.data
    expected = np.zeros(painted.shape)
    for i, name in enumerate(molecules.species):
        centre, rotation = molecules.positions_A[i] / VOXEL_A, molecules.rotations[i]
        where, values = resampled(potentials[name], centre, rotation, painted.shape, 3)
        expected[where] += values
    assert np.abs(painted - expected).max() < 0.005


def test_potential_integrates_to_the_sum_of_the_species():
    config = only({"rod": 20, "hook": 30, "bead": 40}, size=(128, 128, 96))
    painted = build_specimen(config, SPECIES, seed=2)
    counts = {name: painted.particles.species.count(name) for name in config.copies}
    assert counts == config.copies
    expected = sum(one.potential.sum(dtype=float) * counts[one.name] for one in SPECIES)
    assert painted.potential.data.sum(dtype=float) == pytest.approx(expected, rel=0.01)


def test_instances_lie_at_their_positions(specimen):
    particles = specimen.particles
    for i, name in enumerate(particles.species):
        if name in ("hook", "bead"):
            where, start = window(particles.positions_A[i] / VOXEL_A, 15, specimen.class_mask.shape)
            voxels = np.argwhere(specimen.instance_mask[where] == particles.ids[i]) + start
            offset = voxels.mean(axis=0)[::-1] * VOXEL_A - particles.positions_A[i]
            assert np.linalg.norm(offset) < 0.5 * VOXEL_A


def test_a_record_paints_the_same_bytes_again(placement, specimen):
    twice = paint_specimen(BOX, SPECIES, placement.particles)
    assert twice.potential.data.tobytes() == specimen.potential.data.tobytes()
    assert twice.class_mask.tobytes() == specimen.class_mask.tobytes()
    assert twice.instance_mask.tobytes() == specimen.instance_mask.tobytes()


def test_a_record_that_went_through_text_paints_the_same_labels(placement, specimen):
    particles = placement.particles
    positions_A, quaternions = json.loads(
        json.dumps([particles.positions_A.tolist(), particles.rotations.as_quat().tolist()])
    )
    read = replace(
        particles,
        positions_A=np.array(positions_A),
        rotations=Rotation.from_quat(quaternions),
    )
    again = paint_specimen(BOX, SPECIES, read)
    assert again.instance_mask.tobytes() == specimen.instance_mask.tobytes()
    assert np.abs(again.potential.data - specimen.potential.data).max() < 1e-5


def test_a_record_of_a_larger_box_is_cut_off():
    particles = one_particle("hook", (0, 0, 0), Rotation.identity())
    painted = paint_specimen(only({}, size=(20, 20, 20)), SPECIES, particles)
    quadrant = species("hook").envelope[12:, 12:, 12:] >= 0.5
    assert ((painted.class_mask == 2)[:13, :13, :13] == quadrant).all()


@pytest.mark.parametrize("axes_A", [(20.0, 20.0, 20.0), (18.0, 25.0, 31.0), (55.0, 40.0, 48.0)])
@pytest.mark.parametrize("voxel_A", [5.0, 10.0])
def test_gold_holds_the_potential_of_its_volume(axes_A, voxel_A):
    config = only({}, size=(32, 32, 32), voxel_size_A=voxel_A)
    position = np.array([15.3, 16.2, 14.9]) * voxel_A
    painted = paint_specimen(
        config, [], one_particle("fiducial", position, random_rotation(1), axes_A)
    )
    volts = GOLD_POTENTIAL_V - ICE_POTENTIAL_V
    volume = 4 / 3 * np.pi * np.prod(axes_A)
    integral = painted.potential.data.sum(dtype=float) * voxel_A**3
    assert integral == pytest.approx(volts * volume, rel=5e-3)
    assert painted.potential.data.max() <= volts * 1.00001
    assert (painted.class_mask == 2).sum() * voxel_A**3 == pytest.approx(volume, rel=0.12)


@pytest.mark.parametrize("voxel_A", [5.0, 10.0])
def test_a_vesicle_holds_the_closed_form_of_its_bilayer(voxel_A):
    radius_A, n = 180.0, int(520 / voxel_A)
    config = only({}, size=(n, n, n), voxel_size_A=voxel_A)
    position = np.full(3, n // 2 + 0.3) * voxel_A
    sphere = one_particle("vesicle", position, Rotation.identity(), (radius_A,) * 3)
    painted = paint_specimen(config, [], sphere)
    integral = painted.potential.data.sum(dtype=float) * voxel_A**3
    d = np.linspace(-60, 60, 24001)
    profile = bilayer_potential_V(d, 1e-3)
    expected = np.trapezoid(profile * 4 * np.pi * (radius_A + d) ** 2, d)
    assert integral == pytest.approx(expected, rel=0.01)
    shell = 4 / 3 * np.pi * ((radius_A + 25) ** 3 - (radius_A - 25) ** 3)
    assert (painted.class_mask == 1).sum() * voxel_A**3 == pytest.approx(shell, rel=0.02)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"species": ("unknown",)}, "unknown"),
        ({"ids": np.array([0])}, "unique ids"),
        ({"ids": np.array([70000])}, "unique ids"),
        ({"positions_A": np.array([[0.0, np.inf, 0.0]])}, "finite positions"),
        ({"positions_A": np.zeros((2, 3))}, "positions for all 1 ids"),
        ({"species": ("fiducial",)}, "semi-axes > 0"),
    ],
)
def test_records_that_cannot_be_painted_are_refused(change, message):
    particles = replace(one_particle("hook", (50, 50, 50), Rotation.identity()), **change)
    with pytest.raises(InputError, match=message):
        paint_specimen(only({}), SPECIES, particles)


def test_species_that_cannot_be_placed_are_refused():
    hook = species("hook")
    cases = [
        ([hook, hook], "unique name"),
        ([replace(hook, name="gold")], "unique name"),
        ([replace(hook, voxel_size_A=10.0)], "voxels of 5 Å, found 10 Å"),
        ([replace(hook, envelope=hook.envelope * 0.4)], "reaches 0.5"),
        ([replace(hook, envelope=hook.envelope[1:])], "one shape"),
        ([species("bead")], "names among bead"),
    ]
    for given_species, message in cases:
        with pytest.raises(InputError, match=message) as error:
            place_particles(only({"hook": 1}), given_species, seed=0)
        assert "\n" not in str(error.value)


def test_more_objects_than_ids_are_refused():
    config = SpecimenConfig(volume_fractions={"bead": 0.3})
    with pytest.raises(InputError, match="at most 65535 objects"):
        requested_counts(config, SPECIES, seed=0)


def test_labels_follow_the_species_then_vesicle_and_gold():
    classes = class_labels(SPECIES)
    assert [(k, c.name, c.material) for k, c in classes.items()] == [
        (1, "rod", "protein"),
        (2, "hook", "protein"),
        (3, "bead", "protein"),
        (4, "vesicle", "membrane"),
        (5, "fiducial", "gold"),
    ]
