"""Filaments, company, distractors and crowding, from a recipe to a data set."""

from pathlib import Path

import numpy as np
import pytest

from faket.errors import InputError
from faket.io.mrc import read_mask, read_volume
from faket.io.particles import read_particles
from faket.pipeline.dataset import generate
from faket.pipeline.recipe import parse_recipe
from inline_workers import inline_workers

RECIPE = """
method = "noiseless"
tomograms = 2
[specimen]
size_voxels = [64, 64, 40]
voxel_size_A = 12
vesicles = 0
gold = 0
crowding = 0.01
neighbours = "picks.csv"
[tilts]
step_deg = 30
[[filaments]]
copies = 1
length_A = 300
[[species]]
source = "synthetic:syn-ring"
copies = 5
neighbours = "theirs"
[[species]]
source = "synthetic:syn-bean"
copies = 7
labelled = false
[[species]]
source = "synthetic:syn-hook"
copies = 4
chain = 2
chain_spacing_A = 90
"""


def made(tmp_path: Path, name: str, workers: int) -> Path:
    (tmp_path / "picks.csv").write_text("x,y,z,species\n0,0,0,theirs\n150,0,0,theirs\n")
    recipe = parse_recipe(RECIPE, folder=tmp_path)
    return generate(recipe, tmp_path / name, workers=workers).folder


def test_distractors_and_crowders_are_in_the_images_and_in_no_label(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("faket.pipeline.executors.worker_processes", inline_workers)
    out = made(tmp_path, "one", 1)
    model = out / "model_0"
    particles = read_particles(model / "particles.csv")
    others = read_particles(model / "distractors.csv")
    assert set(particles.species) == {"syn-ring", "syn-hook", "syn-actin"}
    assert others.species.count("syn-bean") == 7
    assert {name for name in others.species if name.startswith("crowder-")}
    classes = (model / "classes.txt").read_text().split("\n")
    assert classes[:5] == ["1 syn-ring", "2 syn-hook", "3 syn-actin", "4 vesicle", "5 fiducial"]
    assert classes[5:] == [""]
    assert "syn-bean" not in (model / "particle_locations.txt").read_text()
    assert np.isin(read_mask(model / "class_mask.mrc"), [0, 1, 2, 3]).all()
    # Where they lie the potential is high, and no label is set.
    potential = read_volume(model / "grandmodel.mrc")
    index = np.rint(others.positions_A / potential.voxel_size_A).astype(int)
    index = index[((index >= 1) & (index < [31, 31, 19])).all(axis=1)]
    x, y, z = index.T
    assert np.median(potential.data[z, y, x]) > 1
    assert not read_mask(model / "occupancy_mask.mrc")[z, y, x].all()
    again = made(tmp_path, "two", 2)
    for file in ("particles.csv", "distractors.csv", "class_mask.mrc", "reconstruction.mrc"):
        for name in ("model_0", "model_1"):
            assert (out / name / file).read_bytes() == (again / name / file).read_bytes()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("length_A = 300", "length_A = 3000"), "filaments.*diagonal|diagonal"),
        (('neighbours = "theirs"', 'neighbours = "ours"'), "theirs"),
        (('neighbours = "picks.csv"', "filaments = []\ncompany.a = {cluster = [1, 2]}"), "species"),
        (("length_A = 300", "lenght_A = 300"), "length_A"),
        (("chain = 2", 'chain = "two"'), "chain"),
    ],
)
def test_mistakes_are_one_line(tmp_path: Path, change: tuple[str, str], words: str) -> None:
    (tmp_path / "picks.csv").write_text("x,y,z,species\n0,0,0,theirs\n150,0,0,theirs\n")
    with pytest.raises(InputError, match=words) as error:
        generate(parse_recipe(RECIPE.replace(*change), folder=tmp_path), tmp_path / "out")
    assert "\n" not in str(error.value)
