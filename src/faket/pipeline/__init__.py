"""From a recipe to a labelled data set.

Names are loaded on first use, so that a worker process loads only what it needs.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from faket.pipeline.dataset import Dataset, generate
    from faket.pipeline.recipe import Recipe, parse_recipe, read_recipe
    from faket.pipeline.recipe_example import example_recipe

_HOME = {
    **dict.fromkeys(("Dataset", "generate"), "dataset"),
    **dict.fromkeys(("Recipe", "parse_recipe", "read_recipe"), "recipe"),
    "example_recipe": "recipe_example",
}

__all__ = ["Dataset", "Recipe", "example_recipe", "generate", "parse_recipe", "read_recipe"]


def __getattr__(name: str) -> Any:
    """Load the module that defines ``name`` (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
