"""Conformations of a species: drawn by weights, one class, told in the particle table."""

from pathlib import Path

import numpy as np
import pytest

from faket.errors import InputError
from faket.io.mrc import read_mask
from faket.io.particles import read_particles
from faket.pipeline.dataset import generate
from faket.pipeline.recipe import parse_recipe

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
    assert "state" not in particles.columns
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
