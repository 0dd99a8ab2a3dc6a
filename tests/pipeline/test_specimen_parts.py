"""A specimen that is painted slab by slab gives what the whole specimen gives."""

import numpy as np
import pytest

from faket.pipeline.clock import Clock
from faket.pipeline.library import load_library, specimen_config
from faket.pipeline.methods import Plan
from faket.pipeline.recipe import parse_recipe
from faket.pipeline.specimen_parts import paint_parts
from faket.projection import PLANES, noise_free_projections
from faket.reconstruction import binned_offset, fourier_crop
from faket.specimen import Placement, paint_specimen, place_particles

RECIPE = """
method = "{method}"
[specimen]
size_voxels = [71, 66, {depth}]
voxel_size_A = 10.0
particles = [30, 30]
vesicles = [1, 1]
vesicle_semi_axes_A = [150, 300]
gold = [2, 2]
[reconstruction]
binning = {binning}
[[species]]
source = "synthetic:syn-ring"
[[species]]
source = "synthetic:syn-bean"
"""


@pytest.mark.parametrize(
    ("method", "binning"), [("noiseless", 1), ("noiseless", 3), ("benchmark", 2)]
)
def test_parts_are_those_of_the_whole_specimen(method, binning):
    depth = PLANES + 7
    recipe = parse_recipe(RECIPE.format(method=method, binning=binning, depth=depth))
    library, angles = load_library(recipe), np.arange(-60.0, 61.0, 20.0)
    config = specimen_config(recipe, library)
    plan = Plan(recipe, library, config, angles, None, None, None, (), None)
    particles = place_particles(config, library, seed=1).particles
    parts = paint_parts(plan, Placement(particles, {}), Clock())
    whole = paint_specimen(config, library, particles)

    images = noise_free_projections(whole, angles, device="cpu").images
    np.testing.assert_array_equal(parts.noise_free, images)
    binned = fourier_crop(whole.potential.data, binning, axes=(2, 1, 0))
    np.testing.assert_array_equal(parts.grandmodel.data, binned)
    assert parts.grandmodel.voxel_size_A == 10.0 * binning

    first = [binned_offset(size, binning) for size in whole.class_mask.shape]
    samples = tuple(
        slice(start, start + binning * size, binning)
        for start, size in zip(first, binned.shape, strict=True)
    )
    np.testing.assert_array_equal(parts.class_mask, whole.class_mask[samples])
    np.testing.assert_array_equal(parts.instance_mask, whole.instance_mask[samples])
    assert len(np.unique(parts.class_mask)) == 5  # background, two species, vesicle, gold
    moved_A = particles.positions_A - parts.particles.positions_A
    np.testing.assert_allclose(moved_A, np.tile(first[::-1], (len(particles), 1)) * 10.0)
    assert (parts.whole is not None) == (method == "benchmark")
