"""The recipe of ``faket demo``: two minutes on two cores, with every part of a real data set."""

from faket.pipeline.recipe import Recipe, parse_recipe

DEMO_RECIPE = """
name = "demo"
seed = 7
tomograms = 2

[specimen]
size_voxels = [400, 400, 100]
voxel_size_A = 10.0
particles = [500, 500]
vesicles = [2, 3]
vesicle_semi_axes_A = [400, 700]
gold = [5, 8]

[microscope]
preset = "k3-60x3"

[reconstruction]
binning = 1
filter = "hamming"
"""


def demo_recipe() -> Recipe:
    """Return the demo's recipe: 4000 x 4000 x 1000 Å with the embedded synthetic molecules."""
    return parse_recipe(DEMO_RECIPE, where="demo recipe")
