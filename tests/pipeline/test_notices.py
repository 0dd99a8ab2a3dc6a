"""What was guessed or left out is said, in one line each."""

from dataclasses import replace

import numpy as np
import pytest

from faket.cli.wording import in_words_of
from faket.io.manifest import read_manifest
from faket.io.particles import read_particles
from faket.methods.measurement import measure_reference
from faket.methods.notices import coverage_notice, reference_notices
from faket.pipeline import generate, parse_recipe
from faket.pipeline.notices import (
    neighbours_notice,
    placement_notice,
    tomogram_notice,
    unused_notice,
)
from faket.references.prepare import pixels_notice

CROWDED = """
tomograms = 1
method = "noiseless"
species = ["synthetic:syn-ring", "synthetic:syn-block"]
[tilts]
step_deg = 30
[specimen]
size_voxels = [64, 60, 32]
voxel_size_A = 10
particles = 300
vesicles = 0
gold = 1
[reconstruction]
binning = 2
taper = 4
"""


def test_objects_that_did_not_fit_and_the_tomograms_voxel_are_on_the_screen(tmp_path):
    said = []
    generate(parse_recipe(CROWDED), tmp_path / "out", report=lambda *line: said.append(line))
    notices = [what for what, _, total in said if total == 0]
    assert notices[0].startswith("tomograms of 32 x 30 x 16 voxels of 20 Å")
    assert "model_0: the specimen is full; placed" in notices[1]
    assert "of 1 fiducial" not in notices[1]
    assert all(f" {name}" in notices[1] for name in ("syn-ring", "syn-block"))


def test_membranes_without_a_place_do_not_make_a_specimen_full():
    wanted = {"ring": 2, "membrane:er": 1}
    assert placement_notice("a", wanted, wanted) == []
    (alone,) = placement_notice("a", wanted, {"ring": 2, "membrane:er": 0})
    assert "full" not in alone
    assert "placed 0 of 1 membrane:er; smaller `size_A`" in alone
    (both,) = placement_notice("a", wanted, {"ring": 1, "membrane:er": 0})
    assert both.endswith("the specimen is full; placed 1 of 2 ring, 0 of 1 membrane:er")


@pytest.mark.parametrize(
    ("reference", "beyond"), [(40, "18 of 61"), (57, None), (60, None), (56, "2 of 61")]
)
def test_tilts_beyond_the_references_are_counted(reference, beyond):
    wanted = np.arange(-60.0, 61, 2)
    notices = coverage_notice(np.arange(-reference, reference + 1.0), wanted)
    assert len(notices) == (beyond is not None)
    assert all(notice.startswith(beyond) for notice in notices)


def test_binning_and_resampling_are_said_where_they_are_done():
    said = pixels_notice
    assert said(2.5, 2.51, 1) == []
    assert said(2.5, 10.0, 4) == ["binned by 4, from 2.5 to 10 Å"]
    assert said(4.3, 10.0, None) == ["resampled, from 4.3 to 10 Å"]


def test_nothing_is_said_of_what_fits():
    assert placement_notice("model_0", {"a": 3, "fiducial": 0}, {"a": 3, "fiducial": 0}) == []
    assert "3 of 4 a" in placement_notice("m", {"a": 4, "b": 2}, {"a": 3, "b": 2})[0]


def test_the_tomograms_voxel_is_the_specimens_times_the_binning():
    recipe = parse_recipe("[specimen]\nvoxel_size_A = 4.0\n[reconstruction]\nbinning = 3")
    assert "voxels of 12 Å" in tomogram_notice(recipe)


def test_an_estimated_defocus_and_an_assumed_exposure_are_said():
    images = np.random.default_rng(0).normal(100, 10, (3, 64, 64)).astype(np.float32)
    model = measure_reference(images, [-30.0, 0.0, 30.0], 10.0)
    defocus, dose = reference_notices(model, dose=None)
    low, high = model.ctf.interval_um
    assert f"{low:.2f} to {high:.2f} µm" in defocus
    assert "`defocus_um`" in defocus
    assert "110 e/Å² in all, 36.7 a tilt" in dose
    for notice in (defocus, dose):  # where there is no such option
        assert in_words_of(None, notice).endswith((" µm)", " a tilt"))
    dose_known = np.full(len(model.noise), 2.0)
    assert "exposure" not in str(reference_notices(model, dose=dose_known))
    assert "gold" not in str(reference_notices(model, dose=dose_known))
    for found, beads in ((1, "1 bead of gold"), (12, "12 beads of gold")):
        told = reference_notices(replace(model, gold_found=found), dose=dose_known)
        assert told[-1].startswith(f"{beads} found in the reference")


@pytest.mark.parametrize(
    ("text", "unused"),
    [
        ("seed = 0", ""),
        ('method = "style"\n[style]\nnetwork = "vgg19"\niterations = 3', ""),
        ('method = "spectral"\n[style]\nnetwork = "vgg19"', "style.network"),
        ('method = "faket"\n[style]\ninitial = "noisy"\niterations = 2', "style.initial"),
        ('method = "noisy"\n[reference]\nstack = "a.mrc"\ndefocus_um = 3', "reference.defocus_um"),
        ("[reference]\ncount = 2\ninvert = true", "reference.invert"),
        ('[reference]\nstack = "a.mrc"\ncount = 2', "reference.count"),
        ('microscope = "k3-60x3"\nreference = "a.mrc"', "microscope.preset"),
        ('method = "benchmark"\nmicroscope = "k3-60x3"\nreference = "a.mrc"', "reference.run"),
        (
            '[reconstruction]\nmethod = "sirt"\nfilter = "ramp"\niterations = 9',
            "reconstruction.filter",
        ),
        ("[reconstruction]\niterations = 9", "reconstruction.iterations"),
    ],
)
def test_settings_that_change_nothing_are_said(text, unused):
    said = "".join(unused_notice(parse_recipe(text)))
    assert said.endswith(unused)
    assert bool(said) == bool(unused)


STATES = CROWDED.replace(
    'species = ["synthetic:syn-ring", "synthetic:syn-block"]', ""
) + """
[[species]]
source = "synthetic:syn-ring"
states = ["synthetic:syn-hook"]
copies = 200
[[species]]
source = "synthetic:syn-block"
copies = 90
"""  # fmt: skip


def test_conformations_count_as_their_species(tmp_path):
    """On the screen, in the manifest, and where a full specimen is to stop."""
    said = []
    out = generate(parse_recipe(STATES), tmp_path / "out", report=lambda *line: said.append(line))
    (full,) = (what for what, *_ in said if "is full" in what)
    assert "of 200 syn-ring" in full
    assert "~" not in full
    record = read_manifest(out.models[0] / "manifest.json")["record"]
    particles = read_particles(out.models[0] / "particles.csv")
    assert record["requested"]["syn-ring"] == 200
    assert record["placed"]["syn-ring"] == particles.species.count("syn-ring")
    assert not any("~" in name for name in (*record["placed"], *record["requested"]))


def test_vesicles_without_a_place_tell_their_own_setting():
    (alone,) = placement_notice("a", {"vesicle": 2}, {"vesicle": 1})
    assert alone.endswith("smaller `specimen.vesicle_semi_axes_A` or more room may help")
    (both,) = placement_notice("a", {"vesicle": 2, "membrane": 1}, {"vesicle": 1, "membrane": 0})
    assert "`specimen.vesicle_semi_axes_A` and `size_A`" in both


def test_neighbours_that_lie_too_far_apart_are_told():
    wanted = {"wanted_A": [106, 130]}
    far = {"ferritin": {**wanted, "placed_A": [163, 173]}, "b": {**wanted, "placed_A": [110, 190]}}
    (notice,) = neighbours_notice("model_0", far)
    assert notice.startswith("model_0: the nearest of ferritin lie 163 and 173 Å apart")
    assert "not 106 and 130 Å" in notice
