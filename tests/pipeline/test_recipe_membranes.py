"""Membranes in a recipe, and where a file says that its bilayer is."""

import numpy as np
import pytest

from faket.data import Species
from faket.errors import InputError
from faket.io.particles import read_particles
from faket.pipeline.dataset import generate
from faket.pipeline.recipe import parse_recipe
from faket.pipeline.recipe_membranes import on_membrane
from faket.vocabulary import is_membrane, membrane_class

EMPTY = np.zeros((3, 3, 3), np.float32)


def entry(text):
    recipe = parse_recipe(f'[[species]]\nsource = "a.pdb"\n{text}')
    return recipe.species[0].model_dump()


def test_the_bilayer_of_a_file_of_opm_is_at_its_z_of_0():
    """A molecule whose centre of mass is at z = 12 Å has the bilayer's middle 12 Å below it."""
    molecule = Species("a", EMPTY, EMPTY, 5.0, origin_A=(3.0, -4.0, 12.0))
    how = on_membrane(entry('on = "er"\ndensity_per_um2 = 100'), molecule)
    assert how.depth_A == -12
    turned = on_membrane(entry('on = "er"\nspacing_A = 90\naxis = [0, 2, 0]'), molecule)
    assert turned.depth_A == 4
    given = on_membrane(entry('on = "er"\nspacing_A = 90\ndepth_A = 7\ncluster = 5'), molecule)
    assert (given.depth_A, given.cluster) == (7, (5, 5))
    assert on_membrane(entry(""), molecule) is None


def test_what_a_recipe_leaves_open_is_said_in_one_line():
    molecule = Species("a", EMPTY, EMPTY, 5.0)
    with pytest.raises(InputError, match="expected `depth_A`, because its source has no"):
        on_membrane(entry('on = "er"\ndensity_per_um2 = 100'), molecule)
    with pytest.raises(InputError, match="expected on = the name of membranes beside"):
        on_membrane(entry("density_per_um2 = 100"), molecule)
    with pytest.raises(InputError, match=r"use|write it in"):
        parse_recipe('[specimen]\nmembranes = [{shape = "sheet"}]')


def test_one_number_is_a_range_and_one_word_a_shape():
    recipe = parse_recipe('[[membranes]]\nshape = "double"\nsize_A = 900\ncount = 2')
    assert recipe.membranes[0].size_A == (900, 900)
    assert recipe.membranes[0].count == (2, 2)
    assert parse_recipe('membranes = "tubule"').membranes[0].shape == "tubule"
    with pytest.raises(InputError, match=r"sise_A.*size_A"):
        parse_recipe("[[membranes]]\nsise_A = 900")


def test_membranes_are_told_by_their_class():
    assert membrane_class("er") == "membrane:er"
    assert all(map(is_membrane, ("membrane", "membrane:er", "vesicle", "Vesicle")))
    assert not any(map(is_membrane, ("membranes", "fiducial", "1bxn", "er:membrane")))


NAMED = """
method = "noiseless"
tomograms = 6
seed = 5
tilts = { step_deg = 60 }
[specimen]
size_voxels = [80, 80, 80]
voxel_size_A = 15
particles = 0
vesicles = 0
gold = 0
[reconstruction]
binning = 1
[[membranes]]
name = { choice = ["er", "golgi"] }
size_A = [600, 700]
[[membranes]]
name = "lysosome"
size_A = [250, 300]
inside = "er"
[[filaments]]
copies = 1
length_A = [100, 300]
inside = "golgi"
[[species]]
source = "synthetic:syn-hook"
on = "er"
density_per_um2 = 500
depth_A = 0
"""


def test_a_membrane_whose_name_is_a_choice_keeps_the_numbers_of_all_classes(tmp_path):
    """What lies on or in it is missing where the other name was drawn."""
    out = generate(parse_recipe(NAMED), tmp_path / "out").folder
    tables = {(out / f"model_{i}" / "classes.txt").read_text() for i in range(6)}
    assert len(tables) == 1
    (table,) = tables
    assert all(f"membrane:{name}\n" in table for name in ("er", "golgi", "lysosome"))
    drawn = set()
    for i in range(6):
        particles = read_particles(out / f"model_{i}" / "particles.csv")
        names = set(particles.species)
        (name,) = names & {"membrane:er", "membrane:golgi"}
        drawn.add(name)
        assert ("syn-hook" in names) == ("membrane:lysosome" in names) == (name == "membrane:er")
        assert ("syn-actin" in names) == (name == "membrane:golgi")
    assert len(drawn) == 2
