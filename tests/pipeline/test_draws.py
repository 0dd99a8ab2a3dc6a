"""Ranges and choices of a recipe: drawn by tomogram and place, within their bounds, recorded."""

import json
from pathlib import Path

import numpy as np
import pytest

from faket.errors import InputError
from faket.pipeline.dataset import generate
from faket.pipeline.recipe import drawn_recipe, parse_recipe

RECIPE = """
tomograms = 2
method = "noiseless"
[specimen]
size_voxels = [48, 40, [24, 40]]
voxel_size_A = 12
particles = 3
vesicles = { choice = [0, 1] }
vesicle_semi_axes_A = [150, 200]
gold = [1, 3]
[tilts]
step_deg = [20, 40]
stop_deg = { choice = [45, 60], weights = [0, 1] }
[microscope.settings]
defocus_um = [2, 4]
angle_error_deg = [0.0, 0.3]
[[species]]
source = "synthetic:syn-bean"
copies = [0, 5]
[[species]]
source = "synthetic:syn-hook"
[[filaments]]
length_A = 200
copies = [0, 2]
persistence_A = [1e3, 1e5]
"""


def test_lists_are_ranges_only_where_one_number_is_wanted() -> None:
    recipe = parse_recipe(RECIPE)
    assert set(recipe.varied) == {
        "specimen.size_voxels.2", "specimen.vesicles", "tilts.step_deg", "tilts.stop_deg",
        "microscope.settings.angle_error_deg", "species.0.copies", "filaments.0.persistence_A",
    }  # fmt: skip
    assert recipe.specimen.particles == (3, 3)
    assert recipe.specimen.gold == (1, 3)
    assert recipe.filaments[0].copies == (0, 2)
    assert recipe.microscope.settings["defocus_um"] == [2, 4]
    assert parse_recipe(RECIPE).model_dump() == recipe.model_dump()
    assert parse_recipe(RECIPE.replace("[0, 5]", "[0, 6]")).model_dump() != recipe.model_dump()


def test_values_are_evenly_spread_and_belong_to_their_place() -> None:
    recipe = parse_recipe(RECIPE)
    drawn = [drawn_recipe(recipe, f"model_{i}") for i in range(200)]
    copies = np.array([one.species[0].copies for one, _ in drawn])
    assert set(copies) == set(range(6))
    steps = np.array([values["tilts.step_deg"] for _, values in drawn])
    assert ((steps >= 20) & (steps <= 40)).all()
    assert steps.mean() == pytest.approx(30, abs=2)
    depths = {one.specimen.size_voxels[2] for one, _ in drawn}
    assert depths == set(range(24, 41))
    assert {one.specimen.vesicles for one, _ in drawn} == {(0, 0), (1, 1)}
    assert {one.tilts.stop_deg for one, _ in drawn} == {60}
    # Another range elsewhere changes nothing here, nor does the order.
    other = parse_recipe(RECIPE.replace("[0.0, 0.3]", "0.1"))
    assert [drawn_recipe(other, f"model_{i}")[0].species[0].copies for i in range(200)] == list(
        copies
    )


def test_every_tomogram_is_made_with_its_own_values_and_says_them(tmp_path: Path) -> None:
    recipe = parse_recipe(RECIPE)
    out = generate(recipe, tmp_path / "set").folder
    for i in range(2):
        record = json.loads((out / f"model_{i}" / "manifest.json").read_text())["record"]
        own, values = drawn_recipe(recipe, f"model_{i}")
        assert record["drawn"] == values
        assert record["requested"]["syn-bean"] == own.species[0].copies
        angles = (out / f"model_{i}" / "projections_unbinned.tlt").read_text().split()
        assert len(angles) == int(120 / own.tilts.step_deg + 1e-6) + 1
    assert generate(recipe, tmp_path / "set").folder == out  # finished: nothing is made anew


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("[20, 40]", "[40, 20]"), "tilts.step_deg.*swap"),
        (("[20, 40]", "[20, 400]"), r"step_deg.*90"),
        (("weights = [0, 1]", "weights = [1]"), "weight >= 0 for each of the 2"),
        (("weights = [0, 1]", "weigths = [0, 1]"), "stop_deg"),
        (("{ choice = [0, 1] }", "{ choice = [] }"), "specimen.vesicles"),
        (("{ choice = [0, 1] }", "{ choice = [0, -1] }"), "vesicles.*>= 0"),
        (("tomograms = 2", "tomograms = [2, 5]"), "one value for the whole data set"),
        (("voxel_size_A = 12", "voxel_size_A = [5, 12]"), "one value for the whole data set"),
        (('"synthetic:syn-hook"', '{ choice = ["a", "b"] }'), "one value for the whole data set"),
        (("[24, 40]]", "[0, 40]]"), "size_voxels"),
    ],
)
def test_mistakes_in_ranges_are_one_line(change: tuple[str, str], words: str) -> None:
    with pytest.raises(InputError, match=words) as error:
        parse_recipe(RECIPE.replace(*change))
    assert "\n" not in str(error.value)
