"""Recipes with a foreign microscope: physics tomograms of it, and others like its tilt-series."""

import numpy as np
import pytest

from faket.errors import InputError
from faket.foreign import FORMATIONS
from faket.io.model_folder import GEOMETRY
from faket.io.mrc import read_stack
from faket.io.tilts import read_tilt_geometry
from faket.pipeline.dataset import generate
from faket.pipeline.recipe import parse_recipe

RECIPE = """
tomograms = 1
method = "{method}"
[specimen]
size_voxels = [48, 48, 24]
voxel_size_A = {voxel_A}
particles = [4, 4]
vesicles = [0, 0]
gold = [1, 1]
[microscope]
preset = "foreign:birch"
{more}
[reconstruction]
binning = 2
[[species]]
source = "synthetic:syn-star"
"""


def recipe_of(method="benchmark", voxel_A=5.4, more=""):
    return parse_recipe(RECIPE.format(method=method, voxel_A=voxel_A, more=more))


def test_tomograms_have_the_foreign_microscopes_tilts_and_what_is_known_of_them(tmp_path):
    model = generate(recipe_of(), tmp_path / "physics").models[0]
    images, pixel_A = read_stack(model / "projections_unbinned.mrc")
    formation = FORMATIONS["birch"]
    assert images.shape == (len(formation.angles_deg), 48, 48)
    assert pixel_A == pytest.approx(5.4)
    geometry = read_tilt_geometry((model / "projections_unbinned.mrc").with_suffix(GEOMETRY))
    np.testing.assert_allclose(geometry.angles_deg, formation.angles_deg)
    np.testing.assert_allclose(geometry.dose_e_per_A2, 2.2)
    assert not (model / "acquisition.json").exists()


def test_other_methods_see_a_simulated_series_of_it(tmp_path):
    made = generate(recipe_of("noisy"), tmp_path / "noisy").models[0]
    images, _ = read_stack(made / "projections_unbinned.mrc")
    assert len(images) == len(FORMATIONS["birch"].angles_deg)
    assert 5 < images.mean() < 20  # grey values of birch


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"voxel_A": 6.0}, r"voxel_size_A`: expected 5.4.* found 6"),
        ({"more": "settings = {defocus_um = 3}"}, "microscope.settings: expected none"),
        ({"more": "[tilts]\nstep_deg = 3"}, "tilts: expected those of foreign:birch, -66 to 66"),
        ({"more": ""}, "expected foreign: and one of alder"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_made(tmp_path, changes, reason):
    recipe = recipe_of(**changes)
    if reason.startswith("expected foreign"):
        section = recipe.microscope.model_copy(update={"preset": "foreign:titan"})
        recipe = recipe.model_copy(update={"microscope": section})
    with pytest.raises(InputError, match=reason) as error:
        generate(recipe, tmp_path / "out")
    assert "\n" not in str(error.value)
