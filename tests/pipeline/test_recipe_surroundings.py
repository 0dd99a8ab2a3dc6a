"""Lamella, carbon film and crystals in a recipe."""

import pytest

from faket.errors import InputError
from faket.pipeline.recipe import drawn_recipe, parse_recipe, recipe_fields
from faket.pipeline.recipe_example import example_recipe

BOX = "[specimen]\nsize_voxels = [96, 96, 60]\nvoxel_size_A = 10\n"


def test_a_number_is_a_range_of_that_number_and_a_choice_is_drawn_for_each_tomogram():
    recipe = parse_recipe(
        BOX
        + "[specimen.lamella]\nthickness_A = 400\ndamaged_A = [0, 100]\n"
        + "[specimen.carbon]\ncover = { choice = [0, 0.3] }\n"
        + "[specimen.crystals]\ncount = 2\n"
    )
    assert recipe.specimen.lamella.thickness_A == (400, 400)
    assert recipe.specimen.lamella.damaged_A == (0, 100)
    assert recipe.specimen.crystals.count == (2, 2)
    drawn = {drawn_recipe(recipe, f"model_{i}")[0].specimen.carbon.cover for i in range(12)}
    assert drawn == {(0, 0), (0.3, 0.3)}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[specimen.lamella]\nthikness_A = 400", "try specimen.lamella.thickness_A"),
        ("[specimen.lamella]\nthickness_A = 4000", "at most 600 Å in a box of 600 Å"),
        ("[specimen.carbon]\ncover = 2", "expected <= 1"),
        ("[specimen.carbon]\nside = 'left'", "specimen.carbon.side"),
        ("[specimen.crystals]\ncount = [3, 1]", "swap them"),
        ("[specimen.crystals]\ncount = 2", "because crystals lie on the ice"),
        ("lamella = 3", "section"),
    ],
)
def test_mistakes_are_one_line_with_what_fits(text, message):
    with pytest.raises(InputError, match=message) as error:
        parse_recipe(BOX + text)
    assert "\n" not in str(error.value)


def test_the_example_has_every_field():
    text = example_recipe()
    for section in ("lamella", "carbon", "crystals"):
        assert f"# [specimen.{section}]" in text
        for field in recipe_fields():
            if field.startswith(f"specimen.{section}."):
                assert f"# {field.rpartition('.')[2]} = " in text
