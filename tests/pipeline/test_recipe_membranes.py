"""Membranes in a recipe, and where a file says that its bilayer is."""

import numpy as np
import pytest

from faket.data import Species
from faket.errors import InputError
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
    assert (given.depth_A, given.cluster_size) == (7, 5)
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
