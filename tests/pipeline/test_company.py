"""Filaments, company, distractors and crowding, from a recipe to a data set."""

from pathlib import Path

import numpy as np
import pytest

from faket.cli.specimens import specimen
from faket.errors import InputError
from faket.io.mrc import read_mask, read_volume
from faket.io.particles import read_particles
from faket.pipeline.dataset import generate
from faket.pipeline.library import load_library, specimen_config, subunit_entries
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


def test_a_folder_of_a_specimen_keeps_distractors_out_of_labels_and_conformations_together(
    tmp_path: Path,
) -> None:
    """`faket specimen`, then `specimen.from`: the labels are those of `faket simulate`."""
    text = RECIPE.replace("copies = 5", 'copies = 5\nstates = ["synthetic:syn-elbow"]')
    text += '[[membranes]]\nsize_A = 300\nname = "er"\n'
    (tmp_path / "recipe.toml").write_text(text)
    (tmp_path / "picks.csv").write_text("x,y,z,species\n0,0,0,theirs\n150,0,0,theirs\n")
    specimen(tmp_path / "recipe.toml", tmp_path / "sample", seed=3)
    again = 'method = "benchmark"\ntomograms = 1\ntilts = { step_deg = 60 }\n[specimen]\n'
    again = generate(parse_recipe(again + 'from = "sample"', folder=tmp_path), tmp_path / "again")
    model = again.models[0]
    particles = read_particles(model / "particles.csv")
    wanted = {"syn-ring", "syn-hook", "syn-actin", "membrane:er"}
    assert set(particles.species) == wanted
    assert particles.species.count("syn-ring") == 5
    ring = np.array([name == "syn-ring" for name in particles.species])
    assert set(particles.columns["state"][ring]) <= {0, 1}
    classes = (model / "classes.txt").read_text().split()
    assert set(classes[1::2]) == wanted | {"vesicle", "fiducial"}
    others = read_particles(model / "distractors.csv")
    assert others.species.count("syn-bean") == 7
    masks = [read_mask(model / f"{name}_mask.mrc") for name in ("class", "occupancy")]
    x, y, z = np.clip(np.rint(others.positions_A / 24).astype(int), 0, [31, 31, 19]).T
    assert not any(mask[z, y, x].any() for mask in masks)
    table = (model / "membranes.csv").read_text()
    assert table == (tmp_path / "sample" / "membranes.csv").read_text()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ('on = "absent"\ndensity_per_um2 = 9\ndepth_A = 0', "membranes .er., found 'absent'"),
        ('on = "er"\ndensity_per_um2 = 900\nspacing_A = 900\ndepth_A = 0',
         "species 'syn-wye'.*at most 74 per µm"),
        ('on = "er"\ndensity_per_um2 = -2', "density_per_um2"),
        ('partner = "absent"\npartner_offset_A = [0, 0, 90]', "absent"),
        ('chain = [2, 3]\ncluster = [2, 3]', "species 'syn-wye'.*one of"),
        ('[[membranes]]\ninside = "absent"', "inside = the name"),
        ('[[membranes]]\nname = "a"\ninside = "a"', "inside = the name"),
        ("[[membranes]]\ncontents = { absent = 2 }", "found 'absent'"),
        ('[[filaments]]\nlength_A = 200\ninside = "absent"', "found 'absent'"),
    ],
)  # fmt: skip
def test_names_that_are_not_there_are_one_line_before_anything_is_made(
    tmp_path: Path, change: str, words: str
) -> None:
    (tmp_path / "picks.csv").write_text("x,y,z,species\n0,0,0,theirs\n150,0,0,theirs\n")
    text = RECIPE + '[[membranes]]\nname = "er"\n[[species]]\nsource = "synthetic:syn-wye"\n'
    said: list[str] = []

    def make() -> None:
        recipe = parse_recipe(text + change, folder=tmp_path)
        generate(recipe, tmp_path / "out", report=lambda what, *_: said.append(what))

    with pytest.raises(InputError, match=words) as error:
        make()
    assert "set aside" not in str(error.value)
    assert not any("model_0" in what for what in said)
    assert not (tmp_path / "out").exists()


def test_a_species_is_a_subunit_by_the_name_of_its_file(tmp_path: Path) -> None:
    (tmp_path / "picks.csv").write_text("x,y,z,species\n0,0,0,theirs\n150,0,0,theirs\n")
    own = (
        '\n[[filaments]]\nkind = "own"\nsubunit = "syn-hook"\nrise_A = 90\ntwist_deg = 20\n'
        "radius_A = 0\npersistence_A = 5000\nlength_A = 300\ncopies = 2\n"
    )
    recipe = parse_recipe(RECIPE + own, folder=tmp_path)
    assert [entry.source for entry in subunit_entries(recipe)] == ["synthetic:syn-actin"]
    assert specimen_config(recipe, load_library(recipe)).filaments[1].subunit == "syn-hook"


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
