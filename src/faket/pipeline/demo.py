"""The recipe of ``faket demo``: two minutes on two cores, with every part of a real data set."""

from faket.pipeline.recipe import Recipe, parse_recipe

DEMO_RECIPE = """
name = "demo"
seed = 7
tomograms = 2

# The rim of a cell: a plasma membrane with receptors, inside it a tubule of the reticulum with
# ribosome-like molecules, a microtubule, actin and vesicles, and molecules everywhere.
[specimen]
size_voxels = [400, 400, 100]
voxel_size_A = 10.0
particles = [320, 320]
vesicles = [2, 3]
vesicle_semi_axes_A = [220, 380]
gold = [5, 8]

[[membranes]]
shape = "sheet"
name = "plasma"

[[membranes]]
shape = "tubule"
name = "reticulum"
size_A = [1600, 2400]
curvature_per_A = 0.003
inside = "plasma"

[[filaments]]
kind = "microtubule"
copies = [1, 1]
length_A = [2000, 4000]
inside = "plasma"

[[filaments]]
kind = "actin"
copies = [4, 7]
length_A = [800, 2500]
inside = "plasma"

[[species]]
source = "synthetic:syn-bean"
[[species]]
source = "synthetic:syn-hook"
[[species]]
source = "synthetic:syn-dimer"
[[species]]
source = "synthetic:syn-elbow"
[[species]]
source = "synthetic:syn-wye"
[[species]]
source = "synthetic:syn-propeller"
[[species]]
source = "synthetic:syn-ring"
[[species]]
source = "synthetic:syn-block"
on = "plasma"
density_per_um2 = 800
depth_A = -40
[[species]]
source = "synthetic:syn-barrel"
[[species]]
source = "synthetic:syn-star"
[[species]]
source = "synthetic:syn-cage"
[[species]]
source = "synthetic:syn-rod"
[[species]]
source = "synthetic:syn-lobes"
on = "reticulum"
density_per_um2 = 400
depth_A = -170
wobble_deg = 20

[microscope]
preset = "k3-60x3"

[reconstruction]
binning = 1
filter = "hamming"
"""


def demo_recipe() -> Recipe:
    """Return the demo's recipe: 4000 x 4000 x 1000 Å with the embedded synthetic molecules."""
    return parse_recipe(DEMO_RECIPE, where="demo recipe")
