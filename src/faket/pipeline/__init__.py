"""From a recipe to a labelled data set."""

from faket.pipeline.dataset import Dataset, generate
from faket.pipeline.recipe import Recipe, parse_recipe, read_recipe
from faket.pipeline.recipe_example import example_recipe

__all__ = ["Dataset", "Recipe", "example_recipe", "generate", "parse_recipe", "read_recipe"]
