"""SHREC'21: the text files' conventions, whole models of both releases, and mismatches."""

import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from scipy.spatial.transform import Rotation

from faket.data import Particles, TiltGeometry, TiltSeries, Volume
from faket.errors import InputError
from faket.io.mrc import write_stack
from faket.io.shrec.alignment import alignment_geometry, read_alignment, write_alignment
from faket.io.shrec.checks import renumber
from faket.io.shrec.locations import (
    binned_origin_A,
    read_particle_locations,
    write_particle_locations,
)
from faket.io.shrec.model import read_shrec_model, write_shrec_model

NAMES = {"complex": "1BXN", "chaperone": "1QVR"}


def make_particles(n: int = 12, seed: int = 0) -> Particles:
    rng = np.random.default_rng(seed)
    return Particles(
        ids=np.arange(1, n + 1),
        species=tuple(("complex", "chaperone", "fiducial", "vesicle")[i % 4] for i in range(n)),
        positions_A=rng.uniform(0, 300, (n, 3)),
        rotations=Rotation.from_quat(rng.normal(size=(n, 4))),
        semi_axes_A=np.full((n, 3), np.nan),
    )


@settings(max_examples=50, deadline=None)
@given(
    st.sampled_from(["zxz", "ZXZ"]),
    st.lists(
        st.tuples(
            st.floats(-360, 360),
            st.one_of(st.floats(-180, 180), st.sampled_from([0.0, 180.0, -180.0, 1e-9, 179.9999])),
            st.floats(-360, 360),
        ),
        min_size=1,
        max_size=8,
    ),
)
def test_rotations_come_back_even_in_gimbal_lock(
    tmp_path_factory: pytest.TempPathFactory, euler: str, angles: list[tuple[float, float, float]]
) -> None:
    path = tmp_path_factory.mktemp("s") / "particle_locations.txt"
    n = len(angles)
    rotations = Rotation.from_euler("zxz", np.array(angles), degrees=True)
    particles = replace(make_particles(n), species=("complex",) * n, rotations=rotations)
    write_particle_locations(path, particles, 10.0, euler=euler)
    back = read_particle_locations(path, 10.0, euler=euler)
    turn = (back.rotations * rotations.inv()).magnitude()
    assert turn.max() < 1e-6
    assert back.species == particles.species


def rotation_about(axis: str, degrees: float) -> np.ndarray:
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    if axis == "z":
        return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    return np.array([[1, 0, 0], [0, c, -s], [0, s, c]])


@pytest.mark.parametrize("euler", ["zxz", "ZXZ"])
def test_the_angles_mean_what_the_module_says(tmp_path: Path, euler: str) -> None:
    """Against matrices written out by hand: a row of the file, and the vectors it turns."""
    path = tmp_path / "p.txt"
    path.write_text("1BXN 10 20 30 25.0 40.0 70.0\n")
    matrix = read_particle_locations(path, 10.0, euler=euler).rotations[0].as_matrix()
    z1, x, z2 = rotation_about("z", 25), rotation_about("x", 40), rotation_about("z", 70)
    expected = z2 @ x @ z1 if euler == "zxz" else z1 @ x @ z2
    np.testing.assert_allclose(matrix, expected, atol=1e-12)


def test_resampling_with_inverse_static_angles_is_the_turning_convention(tmp_path: Path) -> None:
    """The public simulator pulls voxels through Rz(-Z2) Rx(-X) Rz(-Z1); "ZXZ" is what results."""
    (tmp_path / "p.txt").write_text("1BXN 0 0 0 25.0 40.0 70.0\n")
    pull = rotation_about("z", -70) @ rotation_about("x", -40) @ rotation_about("z", -25)
    centre = np.full(3, 20.0)
    grid = np.indices((41, 41, 41)) - centre.reshape(3, 1, 1, 1)  # axes x, y, z
    bead = np.array([9.0, 4.0, -3.0])
    molecule = np.exp(-((grid - bead.reshape(3, 1, 1, 1)) ** 2).sum(0) / 8)
    turned = ndimage.affine_transform(molecule, pull, offset=centre - pull @ centre)
    found = np.array(ndimage.center_of_mass(turned)) - centre
    rotation = read_particle_locations(tmp_path / "p.txt", 1.0, euler="ZXZ").rotations[0]
    np.testing.assert_allclose(found, rotation.apply(bead), atol=0.05)


@pytest.mark.parametrize("binning", [1, 2, 3])
def test_positions_refer_to_the_binned_tomogram(tmp_path: Path, binning: int) -> None:
    """A bead's centre of mass in a block-averaged volume is where the table says."""
    full, size_A = 48, 5.0
    position_A = np.array([101.0, 83.5, 128.5])
    grid = np.indices((full,) * 3)[::-1] * size_A  # x, y, z of each voxel [z, y, x]
    bead = np.exp(-((grid - position_A.reshape(3, 1, 1, 1)) ** 2).sum(0) / (2 * 15.0**2))
    small = full // binning
    binned = bead.reshape(small, binning, small, binning, small, binning).mean((1, 3, 5))
    centre_xyz = np.array(ndimage.center_of_mass(binned))[::-1]
    particles = replace(make_particles(1), positions_A=position_A[None])
    origin_A = binned_origin_A(size_A, binning)
    voxel_A = size_A * binning
    path = tmp_path / "p.txt"
    write_particle_locations(path, particles, voxel_A, origin_A=origin_A, decimals=6)
    written = np.array([float(word) for word in path.read_text().split()[1:4]])
    np.testing.assert_allclose(written, centre_xyz, atol=2e-3)
    back = read_particle_locations(path, voxel_A, origin_A=origin_A)
    np.testing.assert_allclose(back.positions_A[0], position_A, atol=1e-4)


def test_the_layout_is_shrecs(tmp_path: Path) -> None:
    path = tmp_path / "particle_locations.txt"
    particles = replace(
        make_particles(4),
        positions_A=np.array([[10, 20, 34.9], [-0.4, 0, 0], [1000, 20, 30], [-75, 20, 30.0]]),
        rotations=Rotation.from_euler("zxz", [[10, 20, 30]] * 4, degrees=True),
    )
    write_particle_locations(path, particles, 10.0, NAMES)
    assert path.read_text().splitlines() == [
        "1BXN 1 2 3 10.000000000 20.000000000 30.000000000",
        "1QVR 0 0 0 10.000000000 20.000000000 30.000000000",
        "fiducial 100 2 3 NaN NaN NaN",
        "vesicle -8 2 3 NaN NaN NaN",
    ]
    back = read_particle_locations(path, 10.0, NAMES)
    assert back.species == particles.species
    assert back.ids.tolist() == [1, 2, 3, 4]
    assert np.isnan(back.semi_axes_A).all()
    np.testing.assert_allclose(back.rotations[2:].magnitude(), 0)


def test_an_empty_list_of_particles_comes_back(tmp_path: Path) -> None:
    write_particle_locations(tmp_path / "p.txt", make_particles(0), 10.0)
    assert len(read_particle_locations(tmp_path / "p.txt", 10.0)) == 0


def test_what_the_format_cannot_hold_is_refused(tmp_path: Path) -> None:
    good = make_particles(3)
    path = tmp_path / "p.txt"
    for particles, names, words in (
        (replace(good, ids=np.array([2, 1, 3])), None, "ids 1 to 3 in order"),
        (replace(good, ids=np.array([1, 2, 4])), None, "ids 1 to 3 in order"),
        (good, {"complex": "1 BXN"}, "without blanks"),
        (good, {"complex": ""}, "without blanks"),
        (good, {"complex": "A", "chaperone": "A"}, "of its own"),
        (replace(good, species=("fiducial", "gold", "x")), None, "of its own"),
    ):
        with pytest.raises(InputError, match=words):
            write_particle_locations(path, particles, 10.0, names)
    with pytest.raises(InputError, match="origin"):
        write_particle_locations(path, good, 10.0, origin_A=(0.0, np.nan, 0.0))
    assert not path.exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1BXN 1 2 3 0 0\n", "line 1: expected name x y z Z1 X Z2, found 6 words"),
        ("1BXN 1 2 3 0 0 0\n\n1BXN 1 2 3 0 0 0\n", "line 3: .* a blank line before it"),
        ("1BXN 1 b 3 0 0 0\n", "line 1, y: expected a number, found 'b'"),
        ("1BXN 1 nan 3 0 0 0\n", "line 1, y: expected a finite number"),
        ("1BXN 1 2 3 0 NaN 0\n", "line 1: expected finite angles or three NaN for 1BXN"),
        ("1BXN 1 2 3 0 inf 0\n", "line 1: expected finite angles"),
    ],
)
def test_bad_locations_name_the_place(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "p.txt").write_text(text)
    with pytest.raises(InputError, match=words):
        read_particle_locations(tmp_path / "p.txt", 10.0)


def make_geometry(tilts: int = 5) -> TiltGeometry:
    rng = np.random.default_rng(3)
    return TiltGeometry(np.linspace(-60, 60, tilts), 5.0, rng.normal(0, 6, (tilts, 2)), 1.5)


def test_the_alignment_undoes_the_geometry(tmp_path: Path) -> None:
    path = tmp_path / "alignment_simulated.txt"
    geometry = make_geometry()
    write_alignment(path, geometry)
    lines = path.read_text().splitlines()
    assert [line.startswith("#") for line in lines] == [True] * 6 + [False] * 5
    alignment = read_alignment(path)
    np.testing.assert_allclose(alignment.tilt_angles_deg, -geometry.angles_deg, atol=1e-9)
    np.testing.assert_allclose(alignment.trans_px, -geometry.shifts_A / 5.0, atol=1e-9)
    np.testing.assert_allclose(alignment.in_plane_rotations_deg, -1.5)
    np.testing.assert_allclose(alignment.magnifications, 1)
    assert alignment.file_names[1] == "2@projections_unbinned.mrc"
    back = alignment_geometry(path, alignment, 5.0)
    np.testing.assert_allclose(back.angles_deg, geometry.angles_deg, atol=1e-9)
    np.testing.assert_allclose(back.shifts_A, geometry.shifts_A, atol=1e-8)
    assert back.tilt_axis_deg == pytest.approx(1.5)
    assert back.pixel_size_A == 5.0


def test_bad_alignments_name_the_place(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    row = "0.0 0.0 60.0 0.0 1.0 a.mrc\n"
    for text, words in (
        ("# only a header\n", "found none"),
        ("# h\n1 2 3\n", "line 2: expected 6 columns, found 3"),
        (row.replace("60.0", "x"), r"line 1, TiltAngle \(degrees\): expected a number"),
        (row.replace("60.0", "100"), "angle within 90"),
        (row.replace("1.0", "0"), "magnification above 0"),
    ):
        path.write_text(text)
        with pytest.raises(InputError, match=words):
            read_alignment(path)
    for other in (row.replace("60.0 0.0", "60.0 3.0"), row.replace("1.0 a", "1.1 a")):
        path.write_text(row + other)
        with pytest.raises(InputError, match="one in-plane rotation and magnification 1"):
            alignment_geometry(path, read_alignment(path), 5.0)


def make_model(depth: int = 24, first: int = 0, slab: int = 24) -> dict[str, object]:
    """Eight cubes on a grid, in the slab from slice ``first`` of a volume ``depth`` deep."""
    rng = np.random.default_rng(1)
    places = np.array([(x, y, z) for z in (6, 17) for y in (8, 24) for x in (7, 23)])
    places[:, 2] += first
    occupancy = np.zeros((depth, 32, 32), np.uint16)
    for number, (x, y, z) in enumerate(places, 1):
        occupancy[z - 2 : z + 3, y - 2 : y + 3, x - 2 : x + 3] = number
    classes = np.array([0, 1, 2, 3, 4, 1, 2, 3, 4], np.uint8)
    particles = replace(make_particles(8), positions_A=places * 10.0)
    series = TiltSeries(rng.normal(size=(5, 64, 64)).astype(np.float32), make_geometry())
    half = TiltSeries(series.images[:, ::2, ::2], replace(series.geometry, pixel_size_A=10.0))
    return {
        "grandmodel": Volume(occupancy.astype(np.float32), 10.0),
        "class_mask": classes[occupancy],
        "occupancy_mask": occupancy,
        "particles": particles,
        "reconstruction": Volume(rng.normal(size=occupancy.shape).astype(np.float32), 10.0),
        "projections_unbinned": series,
        "projections": half,
        "noisefree_projections": series,
    }


@pytest.mark.parametrize(("depth", "first"), [(24, 0), (64, 20)])
def test_models_of_both_releases_come_back(tmp_path: Path, depth: int, first: int) -> None:
    model = make_model(depth, first)
    write_shrec_model(tmp_path / "model_0", **model, class_names=NAMES)
    assert sorted(file.name for file in (tmp_path / "model_0").iterdir()) == [
        "alignment_simulated.txt",
        "class_mask.mrc",
        "grandmodel.mrc",
        "noisefree_projections.mrc",
        "occupancy_mask.mrc",
        "particle_locations.txt",
        "projections.mrc",
        "projections_unbinned.mrc",
        "reconstruction.mrc",
    ]
    back = read_shrec_model(tmp_path / "model_0", class_names=NAMES)
    assert back.voxel_size_A == 10.0
    for name in ("grandmodel", "reconstruction"):
        np.testing.assert_array_equal(getattr(back, name).data, model[name].data)
    for name in ("class_mask", "occupancy_mask"):
        np.testing.assert_array_equal(getattr(back, name), model[name])
        assert getattr(back, name).dtype == model[name].dtype
    np.testing.assert_allclose(back.particles.positions_A, model["particles"].positions_A)
    assert back.particles.species == model["particles"].species
    for name, size_A in (("projections_unbinned", 5.0), ("projections", 10.0)):
        series = getattr(back, name)
        np.testing.assert_array_equal(series.images, model[name].images)
        assert series.geometry.pixel_size_A == size_A
        np.testing.assert_allclose(
            series.geometry.shifts_A, model[name].geometry.shifts_A, atol=1e-8
        )
    # Each particle lies in the label of its line.
    voxels = np.round(back.particles.positions_A[:, ::-1] / 10).astype(int)
    assert back.occupancy_mask[tuple(voxels.T)].tolist() == back.particles.ids.tolist()


def test_parts_can_be_left_out(tmp_path: Path) -> None:
    model = make_model()
    needed = ("grandmodel", "class_mask", "occupancy_mask", "particles")
    write_shrec_model(tmp_path / "m", **{name: model[name] for name in needed})
    back = read_shrec_model(tmp_path / "m")
    assert back.reconstruction is None
    assert back.geometry is None
    assert back.projections is None
    write_shrec_model(tmp_path / "full", **model)
    back = read_shrec_model(tmp_path / "full", parts=["projections"], mmap=True)
    assert isinstance(back.projections.images, np.memmap)
    assert back.projections.geometry.pixel_size_A == 10.0
    assert back.geometry.pixel_size_A == 5.0
    assert back.grandmodel is None
    with pytest.raises(InputError, match=r"found \['tomogram'\]"):
        read_shrec_model(tmp_path / "m", parts=["tomogram"])


def test_headers_without_sizes_need_them(tmp_path: Path) -> None:
    folder = tmp_path / "m"
    write_shrec_model(folder, **make_model())
    for path in folder.glob("*.mrc"):
        raw = bytearray(path.read_bytes())
        struct.pack_into("<3f", raw, 40, 0, 0, 0)
        path.write_bytes(raw)
    with pytest.raises(InputError, match="give `voxel_size_A`"):
        read_shrec_model(folder)
    with pytest.raises(InputError, match="give `pixel_size_A`"):
        read_shrec_model(folder, voxel_size_A=10.0)
    back = read_shrec_model(folder, voxel_size_A=10.0, pixel_size_A=5.0, parts=["projections"])
    assert back.projections.geometry.pixel_size_A == 10.0
    assert back.geometry.pixel_size_A == 5.0
    assert back.voxel_size_A == 10.0


def test_mixed_releases_are_noticed(tmp_path: Path) -> None:
    folder = tmp_path / "m"
    write_shrec_model(folder, **make_model(64, 20))
    write_shrec_model(tmp_path / "slab", **make_model())
    cubic_mask = (folder / "class_mask.mrc").read_bytes()
    locations = (folder / "particle_locations.txt").read_text()
    # The cubic release's coordinates beside the slab's volumes: outside the box.
    (tmp_path / "slab" / "particle_locations.txt").write_text(locations)
    with pytest.raises(InputError, match="found 6 outside, first in line 1"):
        read_shrec_model(tmp_path / "slab")
    # The slab's coordinates beside the cubic volumes: inside the box, but beside the labels.
    write_particle_locations(folder / "particle_locations.txt", make_model()["particles"], 10.0)
    with pytest.raises(InputError, match="found 6 of 6 beside them, first in line 1"):
        read_shrec_model(folder)
    (folder / "particle_locations.txt").write_text("\n".join(locations.splitlines()[:5]))
    with pytest.raises(InputError, match=r"ids up to 5, .* found 8"):
        read_shrec_model(folder)
    write_shrec_model(tmp_path / "slab", **make_model(), overwrite=True)
    (tmp_path / "slab" / "class_mask.mrc").write_bytes(cubic_mask)
    with pytest.raises(InputError, match=r"volumes of one shape, found .*\(64, 32, 32\)"):
        read_shrec_model(tmp_path / "slab")


def test_mismatched_projections_are_noticed(tmp_path: Path) -> None:
    folder = tmp_path / "m"
    write_shrec_model(folder, **make_model())
    write_stack(folder / "projections.mrc", np.zeros((4, 32, 32)), 10.0)
    with pytest.raises(InputError, match=r"expected 5 images .* found 4"):
        read_shrec_model(folder)
    (folder / "alignment_simulated.txt").unlink()
    with pytest.raises(InputError, match=r"expected alignment_simulated\.txt"):
        read_shrec_model(folder)
    with pytest.raises(InputError, match=r"expected a folder with grandmodel\.mrc"):
        read_shrec_model(tmp_path / "nowhere")


def test_ids_are_renumbered_with_the_mask(tmp_path: Path) -> None:
    model = make_model()
    particles, mask = model["particles"], model["occupancy_mask"]
    other_ids = np.array([70, 3, 9, 11, 500, 4, 6, 8])
    scattered = replace(particles, ids=other_ids)
    scattered_mask = np.concatenate([[0], other_ids]).astype(np.uint16)[mask]
    new, new_mask = renumber(scattered, scattered_mask)
    assert new.ids.tolist() == list(range(1, 9))
    assert new_mask.dtype == np.uint16
    for i, old in enumerate(np.argsort(other_ids)):
        np.testing.assert_array_equal(new.positions_A[i], particles.positions_A[old])
        assert new.species[i] == particles.species[old]
        assert (new.rotations[i] * particles.rotations[old].inv()).magnitude() < 1e-12
        np.testing.assert_array_equal(new_mask == i + 1, scattered_mask == other_ids[old])
    with pytest.raises(InputError, match="ids of particles only, found 500"):
        renumber(replace(scattered, ids=np.array([70, 3, 9, 11, 5, 4, 6, 8])), scattered_mask)
    model.update(particles=scattered, occupancy_mask=scattered_mask)
    write_shrec_model(tmp_path / "m", **model)
    back = read_shrec_model(tmp_path / "m")
    np.testing.assert_array_equal(back.occupancy_mask, new_mask)
    empty, _ = renumber(make_particles(0), np.zeros((2, 2, 2), np.uint16))
    assert len(empty) == 0


def test_a_model_that_does_not_fit_is_not_written(tmp_path: Path) -> None:
    model = make_model()
    with pytest.raises(InputError, match="volumes of one shape"):
        write_shrec_model(tmp_path / "m", **{**model, "class_mask": model["class_mask"][:-1]})
    other = Volume(model["reconstruction"].data, 5.0)
    with pytest.raises(InputError, match="one voxel size, found 10 and 5 A"):
        write_shrec_model(tmp_path / "m", **{**model, "reconstruction": other})
    nan = TiltSeries(model["projections"].images * np.nan, model["projections"].geometry)
    with pytest.raises(InputError, match="section 0"):
        write_shrec_model(tmp_path / "m", **{**model, "projections": nan})
    assert not list(tmp_path.iterdir())
