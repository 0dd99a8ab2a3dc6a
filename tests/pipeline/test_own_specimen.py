"""Specimens of another program, from a recipe to a data set."""

from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from faket.data import Volume
from faket.errors import InputError
from faket.io.mrc import read_mask, read_volume, write_mask, write_volume
from faket.io.particles import read_particles
from faket.methods.table import METHODS
from faket.pipeline.dataset import generate
from faket.pipeline.recipe import parse_recipe

HEAD = 'method = "noiseless"\ntomograms = 1\ntilts = { step_deg = 40 }\n[specimen]\n'


def write_sample(folder: Path) -> np.ndarray:
    """A bright block and a fainter one, in units of 2 V above a background of 7."""
    mask = np.zeros((20, 24, 32), np.uint8)
    mask[6:12, 8:14, 10:16] = 1
    mask[10:14, 16:20, 22:28] = 2
    density = 7 + np.array([0, 1, 0.5], np.float32)[mask]
    write_volume(folder / "density.mrc", Volume(density, 8.0))
    write_mask(folder / "labels.mrc", mask, 8.0)
    (folder / "names.txt").write_text("1 thick\n2 thin\n")
    return mask


def made(folder: Path, specimen: str) -> Path:
    return generate(parse_recipe(HEAD + specimen, folder=folder), folder / "out").folder / "model_0"


def test_densities_with_labels_become_volts_labels_and_particles(tmp_path: Path) -> None:
    mask = write_sample(tmp_path)
    model = made(
        tmp_path,
        'from = { potential = "density.mrc", labels = "labels.mrc", classes = "names.txt", '
        "volts_per_unit = 2, background = 7 }",
    )
    assert (model / "classes.txt").read_text() == "1 thick\n2 thin\n"
    # The middle of an axis stays the middle: with these sizes every second voxel from the first.
    np.testing.assert_array_equal(read_mask(model / "class_mask.mrc"), mask[::2, ::2, ::2])
    particles = read_particles(model / "particles.csv")
    assert particles.species == ("thick", "thin")
    np.testing.assert_allclose(particles.positions_A[0], np.array([12.5, 10.5, 8.5]) * 8)
    potential = read_volume(model / "grandmodel.mrc")
    assert potential.voxel_size_A == 16
    assert potential.data.sum() * 8 == pytest.approx((mask == 1).sum() * 2 + (mask == 2).sum())
    noise_free = read_volume(model / "noisefree_projections.mrc").data
    assert noise_free.shape == (4, 24, 32)
    assert noise_free.min() < -50


def test_a_table_of_particles_is_enough(tmp_path: Path) -> None:
    write_sample(tmp_path)
    (tmp_path / "picks.csv").write_text("particle_type,x,y,z\nring,100,80,64\nrod,200,144,96\n")
    model = made(
        tmp_path, 'from = { potential = "density.mrc", particles = "picks.csv", radius_A = 20 }'
    )
    mask, instances = (read_mask(model / f"{name}_mask.mrc") for name in ("class", "occupancy"))
    np.testing.assert_array_equal(mask, instances)  # one of each class
    assert (model / "classes.txt").read_text() == "1 ring\n2 rod\n"
    where = np.argwhere(instances == 1)[:, ::-1] * 16.0
    assert np.linalg.norm(where - [100, 80, 64], axis=1).max() <= 20


def test_the_files_of_polnet_are_read_as_they_are(tmp_path: Path) -> None:
    """Density, labels, motif list (tabs; points of membranes; w x y z) and table of labels."""
    mask = write_sample(tmp_path)
    places = {"pdb_1bxn": (13, 11, 9), "pdb_3cf3": (25, 18, 12)}  # x y z, voxels
    lines = ["Type Label Code Polymer X Y Z Q1 Q2 Q3 Q4"]
    for label, (code, place) in enumerate(places.items(), start=1):
        x, y, z = (8 * value for value in place)
        # A quarter turn about z takes the model's x to the tomogram's y.
        lines.append(f"cprotein {label} {code} 0 {x} {y} {z} 0.70710678 0 0 0.70710678")
    lines.append("membrane 3 sphere 0 90 90 90 0 0 1 0")
    text = "\n".join(lines).replace(" ", "\t")
    (tmp_path / "tomo_001_motif_list.csv").write_text(text + "\n")
    (tmp_path / "labels_table.csv").write_text(
        "MODEL\tLABEL\nin_10A/1bxn_10A.pns\t1\nin_10A/3cf3_10A.pns\t2\n"
    )
    head = 'from = { potential = "density.mrc", labels = "labels.mrc", volts_per_unit = 2, '
    model = made(tmp_path, head + 'background = 7, particles = "tomo_001_motif_list.csv" }')
    particles = read_particles(model / "particles.csv")
    assert particles.species == tuple(places)
    np.testing.assert_allclose(particles.positions_A, 8.0 * np.array(list(places.values())))
    np.testing.assert_allclose(
        particles.rotations.apply([1, 0, 0]), np.tile([0, 1, 0], (2, 1)), atol=1e-7
    )
    # Classes without names are called as the particles that lie in them.
    assert (model / "classes.txt").read_text() == "1 pdb_1bxn\n2 pdb_3cf3\n"
    np.testing.assert_array_equal(read_mask(model / "class_mask.mrc"), mask[::2, ::2, ::2])
    instances = read_mask(model / "occupancy_mask.mrc")
    assert set(np.unique(instances)) == {0, 1, 2}
    own = tmp_path / "own"
    own.mkdir()
    for file in tmp_path.glob("*.*"):
        (own / file.name).write_bytes(file.read_bytes())
    model = made(own, head + 'background = 7, classes = "labels_table.csv" }')
    assert (model / "classes.txt").read_text() == "1 1bxn_10A\n2 3cf3_10A\n"


def test_a_folder_of_faket_is_read(tmp_path: Path) -> None:
    from faket.io.specimen_files import write_specimen
    from faket.specimen import SpecimenConfig, build_specimen
    from faket.structures import synthetic_species

    config = SpecimenConfig(
        (32, 24, 20), 12.0, particles=(2, 2), vesicles=(0, 0), gold=(0, 0)
    )  # fmt: skip
    specimen = build_specimen(config, [synthetic_species("syn-bean", voxel_size_A=12.0)], seed=1)
    write_specimen(tmp_path / "sample", specimen)
    model = made(tmp_path, 'from = "sample"')
    np.testing.assert_array_equal(
        read_mask(model / "class_mask.mrc"), specimen.class_mask[::2, ::2, ::2]
    )
    np.testing.assert_array_equal(
        read_particles(model / "particles.csv").positions_A, specimen.particles.positions_A
    )


# The method faket is faket-random with trained weights, which no test has.
@pytest.mark.parametrize("method", [name for name in METHODS if name != "faket"])
def test_it_goes_through_every_method(tmp_path: Path, method: str) -> None:
    mask = np.zeros((40, 72, 96), np.uint8)
    mask[14:26, 20:36, 20:40] = 1
    mask[12:24, 45:60, 50:70] = 2
    write_volume(tmp_path / "density.mrc", Volume(mask.astype(np.float32), 8.0))
    write_mask(tmp_path / "labels.mrc", mask, 8.0)
    row = METHODS[method]
    text = f'method = "{method}"\ntomograms = 1\ntilts = {{ step_deg = 20 }}\n'
    text += "style = { iterations = 1 }\n" if row.network else ""
    text += '[specimen]\nfrom = { potential = "density.mrc", labels = "labels.mrc", '
    text += "volts_per_unit = 4 }\n"
    out = generate(parse_recipe(text, folder=tmp_path), tmp_path / "out").folder / "model_0"
    np.testing.assert_array_equal(read_mask(out / "class_mask.mrc"), mask[::2, ::2, ::2])
    assert len(read_particles(out / "particles.csv")) == 2
    images = read_volume(out / "projections_unbinned.mrc").data
    clean = read_volume(out / "noisefree_projections.mrc").data
    assert images.shape == clean.shape == (7, 72, 96)
    # Both are dark where the blocks are, noise and contrast transfer aside.
    blurred = [ndimage.gaussian_filter(stack[3], 3).ravel() for stack in (images, clean)]
    assert np.corrcoef(*blurred)[0, 1] > 0.2


@pytest.mark.parametrize(
    ("specimen", "words"),
    [
        ('from = "density.mrc"', "labels or a table"),
        ('from = "absent.mrc"', "absent.mrc"),
        ('from = { potential = "density.mrc", labels = "density.mrc" }', "density.mrc"),
        ('from = { potential = "density.mrc" }\ncrowding = [0.1, 0.2]', "varies"),
        ('from = { potentail = "density.mrc" }', "potential"),
        ('from = { potential = "density.mrc", particles = "names.txt" }', "names.txt.*Code, X, Y"),
        ('from = { potential = "density.mrc", labels = "small.mrc" }', r"shape.*found \(5, 6, 8\)"),
        (
            'from = { potential = "density.mrc", labels = "labels.mrc", classes = "labels.mrc" }',
            "labels.mrc",
        ),
        ('from = { potential = "density.mrc", volts_per_unit = nan }', "specimen.from.volts_per"),
        ('from = { potential = "density.mrc", particles = "zeros.csv" }', "unit quaternions"),
    ],
)
def test_mistakes_are_one_line(tmp_path: Path, specimen: str, words: str) -> None:
    write_sample(tmp_path)
    write_mask(tmp_path / "small.mrc", np.ones((5, 6, 8), np.uint8), 8.0)
    (tmp_path / "zeros.csv").write_text("Code,X,Y,Z,Q1,Q2,Q3,Q4\na,1,2,3,0,0,0,0\n")
    with pytest.raises(InputError, match=words) as error:
        made(tmp_path, specimen)
    assert "\n" not in str(error.value)
    # All but the values of volumes is looked at before the first tomogram.
    assert ("set aside" in str(error.value)) == ('labels = "density.mrc"' in specimen)
