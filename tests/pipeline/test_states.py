"""Conformations of a species: drawn by weights, one class, told in the particle table."""

from pathlib import Path

import numpy as np
import pytest

from faket.errors import InputError
from faket.io.mrc import read_mask
from faket.io.particles import read_particles
from faket.pipeline.dataset import generate
from faket.pipeline.library import load_library, specimen_config
from faket.pipeline.recipe import parse_recipe, read_recipe

RECIPE = """
method = "noiseless"
tomograms = 1
tilts = { step_deg = 60 }
[specimen]
size_voxels = [60, 60, 40]
voxel_size_A = 15
vesicles = 0
gold = 0
particles = 5
[reconstruction]
binning = 1
[[species]]
source = "synthetic:syn-hook"
states = ["synthetic:syn-bean", "synthetic:syn-dimer"]
weights = [1, 0, 3]
copies = 40
[[species]]
source = "synthetic:syn-elbow"
"""


def made(folder: Path, text: str) -> tuple[Path, object]:
    model = generate(parse_recipe(text), folder / "out").folder / "model_0"
    return model, read_particles(model / "particles.csv")


def test_conformations_have_one_class_and_are_told_apart_in_the_table(tmp_path: Path) -> None:
    model, particles = made(tmp_path, RECIPE)
    assert particles.species.count("syn-hook") == 40
    assert particles.species.count("syn-elbow") == 5
    state = particles.columns["state"]
    hook = np.array([name == "syn-hook" for name in particles.species])
    assert np.isnan(state[~hook]).all()
    assert set(state[hook]) == {0, 2}
    assert (state == 2).sum() == pytest.approx(30, abs=9)
    names = (model / "classes.txt").read_text().split("\n")[:4]
    assert names == ["1 syn-hook", "2 syn-elbow", "3 vesicle", "4 fiducial"]
    classes, instances = (read_mask(model / f"{n}_mask.mrc") for n in ("class", "occupancy"))
    assert set(np.unique(classes)) == {0, 1, 2}
    # Both forms are there: the second one is larger by half.
    sizes = np.bincount(instances.ravel(), minlength=len(particles.ids) + 1)[particles.ids]
    assert sizes[state == 2].mean() > 1.2 * sizes[state == 0].mean()


def test_they_may_be_classes_and_weights_must_fit(tmp_path: Path) -> None:
    own = RECIPE.replace("copies = 40", "copies = 12\nstate_classes = true")
    _, particles = made(tmp_path, own)
    assert {"syn-hook", "syn-hook~2"} <= set(particles.species)
    # The table tells the conformation of those, too.
    hook = np.array([name.startswith("syn-hook") for name in particles.species])
    wanted = [float(name.rpartition("~")[2]) if "~" in name else 0 for name in particles.species]
    np.testing.assert_array_equal(particles.columns["state"][hook], np.array(wanted)[hook])
    assert np.isnan(particles.columns["state"][~hook]).all()
    with pytest.raises(InputError, match="expected 3 numbers"):
        made(tmp_path / "bad", RECIPE.replace("[1, 0, 3]", "[1, 3]"))


def test_atomic_models_bend_along_their_normal_modes(tmp_path: Path) -> None:
    """Every bent form has its amplitude in the table; none leaves the class."""
    rng, lines = np.random.default_rng(2), []
    places = np.mgrid[:3, :3, :14].reshape(3, -1).T * 5.0 + rng.normal(0, 0.1, (126, 3))
    for i, (x, y, z) in enumerate(places, start=1):
        for name, shift in (("N", -1.2), ("CA", 0.0), ("C", 1.2), ("O", 2.0), ("CB", -2.0)):
            atom = len(lines) + 1
            lines.append(
                f"ATOM  {atom:5d}  {name:<3s} ALA A{i:4d}    {x + shift:8.3f}{y + shift / 2:8.3f}"
                f"{z:8.3f}  1.00 20.00           {name[0]}"
            )
    (tmp_path / "rod.pdb").write_text("\n".join([*lines, "END", ""]))
    text = RECIPE[: RECIPE.index("[[species]]")] + (
        '[[species]]\nsource = "rod.pdb"\ncopies = 12\nmode_amplitude_A = 6\nmode_states = 3\n'
    )
    recipe = parse_recipe(text, folder=tmp_path)
    model = generate(recipe, tmp_path / "out").folder / "model_0"
    particles = read_particles(model / "particles.csv")
    assert set(particles.species) == {"rod"}
    state, bent_A = particles.columns["state"], particles.columns["mode_amplitude_A"]
    assert set(state) <= {0, 1, 2, 3}
    assert (bent_A[state == 0] == 0).all()
    assert (bent_A[state > 0] > 0.5).all()
    with pytest.raises(InputError, match="atomic model"):
        made(tmp_path / "bad", text.replace("rod.pdb", "synthetic:syn-bean"))


def two_chains(path: Path) -> None:
    """Three blocks of alanines: chains A, B and C, side by side along x."""
    lines = []
    for block, chain in enumerate("ABC"):
        places = np.mgrid[:4, :6, :6].reshape(3, -1).T * 5.0 + np.array([24.0 * block, 0, 0])
        for i, (x, y, z) in enumerate(places, start=1):
            for name, shift in (("N", -1.2), ("CA", 0.0), ("C", 1.2), ("O", 2.0), ("CB", -2.0)):
                lines.append(
                    f"ATOM  {len(lines) + 1:5d}  {name:<3s} ALA {chain}{i:4d}    "
                    f"{x + shift:8.3f}{y + shift / 2:8.3f}{z:8.3f}  1.00 20.00           {name[0]}"
                )
    path.write_text("\n".join([*lines, "END", ""]))


SUBUNITS = RECIPE[: RECIPE.index("[[species]]")] + (
    '[[species]]\nsource = "blocks.pdb"\ncopies = 60\nsubunits = { B = 0.75, C = 0.5 }\n'
)


def test_subunits_are_present_with_their_probability(tmp_path: Path) -> None:
    """Bit i of the state tells that subunit i is absent; the place stays that of the whole."""
    two_chains(tmp_path / "blocks.pdb")
    recipe = parse_recipe(
        SUBUNITS.replace("voxel_size_A = 15", "voxel_size_A = 8"), folder=tmp_path
    )
    model = generate(recipe, tmp_path / "out").folder / "model_0"
    particles = read_particles(model / "particles.csv")
    assert set(particles.species) == {"blocks"}
    state = particles.columns["state"].astype(int)
    assert ((state & 1) == 0).mean() == pytest.approx(0.75, abs=0.17)  # 3 standard errors
    assert ((state & 2) == 0).mean() == pytest.approx(0.5, abs=0.2)
    instances = read_mask(model / "occupancy_mask.mrc")
    voxels = np.bincount(instances.ravel(), minlength=len(state) + 1)[particles.ids]
    whole = voxels[state == 0].mean()
    for lacking, blocks in ((1, 2), (2, 2), (3, 1)):
        assert voxels[state == lacking].mean() / whole == pytest.approx(blocks / 3, abs=0.08)
    # Without B there is a hole at the origin; A alone lies to one side of it.
    centres = np.array([
        np.argwhere(instances == number).mean(axis=0)[::-1] * 8.0 for number in particles.ids
    ])  # fmt: skip
    gaps_A = particles.rotations.inv().apply(centres - particles.positions_A)
    assert abs(gaps_A[state == 0]).max() < 4
    np.testing.assert_allclose(gaps_A[state == 3].mean(axis=0), [-24, 0, 0], atol=2)


def test_subunits_that_cannot_be_are_refused(tmp_path: Path) -> None:
    two_chains(tmp_path / "blocks.pdb")
    whole, probabilities = "subunits = { B = 0.75, C = 0.5 }", "{ B = 0.75, C = 0.5 }"
    for new, words in (
        ("subunits = { D = 0.5 }", "chains A, B, C, found 'D'"),
        ('subunits = { "A,B" = 0.5, C = 0.5 }', "always present"),
        ("subunits = { B = 1.5 }", "subunits"),
        (f"subunits = {probabilities}\nstates = ['blocks.pdb']", "no states"),
        (f"subunits = {probabilities}\nweights = [1, 2, 3, 4]", "no states, models, weights"),
    ):
        (tmp_path / "recipe.toml").write_text(SUBUNITS.replace(whole, new))
        with pytest.raises(InputError, match=words) as error:
            load_library(read_recipe(tmp_path / "recipe.toml"))
        assert "\n" not in str(error.value)
    with pytest.raises(InputError, match="atomic model with chains"):
        made(tmp_path / "bad", SUBUNITS.replace("blocks.pdb", "synthetic:syn-bean"))


def ensemble(path: Path) -> None:
    """Three models of one block of alanines in the same place, each longer along x."""
    places = np.mgrid[-4:5, -2:3, -2:3].reshape(3, -1).T * 5.0
    lines = []
    for model, longer in enumerate((0.8, 1.0, 1.2), start=1):
        lines.append(f"MODEL     {model:4d}")
        for i, (x, y, z) in enumerate(places * (longer, 1, 1), start=1):
            for name, shift in (("N", -1.2), ("CA", 0.0), ("C", 1.2), ("O", 2.0), ("CB", -2.0)):
                lines.append(
                    f"ATOM  {len(lines) % 99999 + 1:5d}  {name:<3s} ALA A{i:4d}    "
                    f"{x:8.3f}{y + shift:8.3f}{z + shift:8.3f}  1.00 20.00           {name[0]}"
                )
        lines.append("ENDMDL")
    path.write_text("\n".join([*lines, "END", ""]))


def test_models_of_an_ensemble_are_conformations(tmp_path: Path) -> None:
    """Each is drawn by its weight, and has the shape of its own model."""
    ensemble(tmp_path / "nmr.pdb")
    text = RECIPE[: RECIPE.index("[[species]]")].replace("voxel_size_A = 15", "voxel_size_A = 8")
    text += '[[species]]\nsource = "nmr.pdb"\ncopies = 40\nmodels = [3, 1]\nweights = [1, 3]\n'
    model = generate(parse_recipe(text, folder=tmp_path), tmp_path / "out").folder / "model_0"
    particles = read_particles(model / "particles.csv")
    assert set(particles.species) == {"nmr"}
    state = particles.columns["state"].astype(int)
    assert (state == 1).mean() == pytest.approx(0.75, abs=0.21)  # 3 standard errors
    voxels = read_mask(model / "occupancy_mask.mrc")
    spread_A = [
        np.abs(turn.inv().apply(np.argwhere(voxels == number)[:, ::-1] * 8.0 - place))[:, 0].max()
        for number, turn, place in zip(
            particles.ids, particles.rotations, particles.positions_A, strict=True
        )
    ]
    long, short = (np.mean(np.array(spread_A)[state == each]) for each in (0, 1))
    assert long - short == pytest.approx(8, abs=3)  # 1.2 and 0.8 times 20 Å from the middle


def molecules_of(path: Path) -> None:
    recipe = read_recipe(path)
    specimen_config(recipe, load_library(recipe))


def test_models_that_cannot_be_are_refused(tmp_path: Path) -> None:
    ensemble(tmp_path / "nmr.pdb")
    text = RECIPE[: RECIPE.index("[[species]]")] + '[[species]]\nsource = "nmr.pdb"\n'
    for new, words in (
        ("models = [1, 7]", "expected model 7 of the file, found 1, 2, 3"),
        ("models = [0]", "models"),
        ("models = [1, 2]\nweights = [1, 2, 3]", "expected 2 numbers"),
        ("models = [1, 2]\nmode_amplitude_A = 3", "no states or normal modes"),
        ("models = [1, 2]\nsubunits = { A = 0.5 }", "no states, models"),
    ):
        (tmp_path / "recipe.toml").write_text(text + new)
        with pytest.raises(InputError, match=words) as error:
            molecules_of(tmp_path / "recipe.toml")
        assert "\n" not in str(error.value)
    (tmp_path / "folder").mkdir()
    (tmp_path / "recipe.toml").write_text(text.replace("nmr.pdb", "folder") + "models = [1, 2]")
    with pytest.raises(InputError, match="found a folder"):
        molecules_of(tmp_path / "recipe.toml")
    with pytest.raises(InputError, match="atomic model with several models"):
        made(tmp_path / "bad", text.replace("nmr.pdb", "synthetic:syn-bean") + "models = [1, 2]")


MEMBRANE = """
[[membranes]]
name = "cell"
size_A = [800, 800]
[[species]]
source = "synthetic:syn-hook"
states = ["synthetic:syn-bean"]
weights = [1, 3]
on = "cell"
density_per_um2 = 2000
spacing_A = 100
depth_A = 0
"""


def test_molecules_on_membranes_have_conformations_too(tmp_path: Path) -> None:
    text = RECIPE[: RECIPE.index("[[species]]")].replace("[60, 60, 40]", "[70, 70, 70]") + MEMBRANE
    model, particles = made(tmp_path, text)
    proteins = np.flatnonzero([name == "syn-hook" for name in particles.species])
    state = particles.columns["state"][proteins]
    assert set(state) == {0, 1}
    assert (state == 1).mean() == pytest.approx(0.75, abs=0.25)
    assert np.isfinite(particles.columns["membrane"][proteins]).all()
    places_A = particles.positions_A[proteins]
    gaps_A = np.linalg.norm(places_A[:, None] - places_A, axis=2) + 1e9 * np.eye(len(places_A))
    assert gaps_A.min() >= 99
    assert {"1 syn-hook", "4 membrane:cell"} <= set((model / "classes.txt").read_text().split("\n"))
