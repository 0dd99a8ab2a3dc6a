"""Pictures of specimens: `python docs/make_specimen_pictures.py RECIPE.toml PICTURE.png`.

Left the potential of a layer in the middle, averaged along z; right its classes, in colours. Of a
lamella left a section along z, right the whole averaged along z.
"""

import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from faket.pipeline.library import load_library, specimen_config
from faket.pipeline.recipe import drawn_recipe, read_recipe
from faket.specimen import build_specimen

_LAYER_A = 400.0  # chosen: a filament's bends stay within it


def main(recipe_file: Path, picture: Path) -> None:
    """Build the specimen of a recipe and draw it."""
    recipe, _ = drawn_recipe(read_recipe(recipe_file), "model_0")
    library = load_library(recipe)
    specimen = build_specimen(specimen_config(recipe, library), library, seed=recipe.seed)
    potential, labels = specimen.potential.data, specimen.class_mask
    middle, half = len(potential) // 2, round(_LAYER_A / 2 / specimen.potential.voxel_size_A)
    layer = slice(max(0, middle - half), middle + half)
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 4))
    if recipe.specimen.lamella is not None:
        section = potential[:, potential.shape[1] // 2]
        left.imshow(-section, cmap="gray", vmin=-9, vmax=5, origin="lower")
        right.imshow(-potential.mean(axis=0), cmap="gray")
    else:
        mean = potential[layer].mean(axis=0)
        left.imshow(-mean, cmap="gray", vmin=-np.quantile(mean, 0.999), vmax=0.2)
        seen = np.ma.masked_equal(labels[layer].max(axis=0), 0)
        right.imshow(seen, cmap="tab20", vmin=1, vmax=20, interpolation="nearest")
    for axes in (left, right):
        axes.set_axis_off()
    figure.subplots_adjust(0, 0, 1, 1, 0.02)
    picture.parent.mkdir(exist_ok=True)
    figure.savefig(picture, dpi=75)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
