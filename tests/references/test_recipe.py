"""A recipe whose reference is a run: aligned, without excluded views, values of its files used."""

import json
from pathlib import Path

import numpy as np
import pytest

from faket import InputError, Reference, generate
from faket.io.mrc import read_stack, write_stack
from faket.io.tilts import read_tilt_angles
from faket.pipeline.recipe import parse_recipe
from faket.references.inspection import inspect
from faket.references.prepare import prepare
from made_up_runs import aligned_images, alike, imod, raw_images
from made_up_series import Truth

RECIPE = """
seed = 3
tomograms = 1
method = "spectral"
tilts = "as the reference"
[specimen]
size_voxels = [64, 64, 32]
voxel_size_A = 5.0
particles = [3, 3]
vesicles = [0, 0]
gold = [0, 0]
[reference]
run = "run"
"""


@pytest.fixture
def run(tmp_path: Path) -> Path:
    truth = Truth((220, 200))
    folder = tmp_path / "run"
    folder.mkdir()
    imod(folder, truth)
    noise = np.random.default_rng(5).normal(0, 3, (9, 200, 220))
    write_stack(folder / "TS_01.mrc", raw_images(truth) + noise, 2.5)
    return tmp_path


def test_a_run_is_a_reference(run: Path) -> None:
    said: list[str] = []
    recipe = parse_recipe(RECIPE, folder=run)
    generate(recipe, run / "out", report=lambda what, done, total: said.append(what))
    truth = Truth((220, 200))
    angles = read_tilt_angles(run / "out" / "reference_0" / "projections.tlt")
    np.testing.assert_allclose(angles, truth.refined[:8], atol=0.006)
    images, pixel_A = read_stack(run / "out" / "reference_0" / "projections.mrc")
    assert pixel_A == 5.0
    expected = aligned_images(truth)[3][::2, ::2]
    assert alike(images[3], expected[: images.shape[1], : images.shape[2]]) > 0.9
    made, _ = read_stack(next((run / "out" / "model_0").glob("projections*.mrc")))
    assert len(made) == 8
    properties = json.loads((run / "out" / "reference_0" / "reference_model.json").read_text())
    np.testing.assert_allclose(properties["ctf"]["defocus_um"], (truth.u + truth.v)[:8] / 2,
                               rtol=1e-5)  # fmt: skip
    np.testing.assert_allclose(properties["ctf"]["astigmatism_um"], 0.025, atol=1e-5)
    np.testing.assert_allclose(properties["ctf"]["phase_plate_deg"], 40.0)
    assert properties["ctf"]["source"] == "metadata"
    lines = "\n".join(said)
    assert "8 tilts" in lines
    assert "aligned here by TS_01.xf" in lines
    assert "assumed" not in lines
    manifest = json.loads((run / "out" / "reference_0" / "manifest.json").read_text())
    assert manifest["record"]["left_out"]["excluded_views"] == [8]
    assert {"TS_01.xf", "TS_01.mrc"} <= {Path(i["path"]).name for i in manifest["inputs"]}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (('run = "run"', 'stack = "a.mrc"\nrun = "run"'), "one of stack, run and tomogram"),
        (('run = "run"', ""), "expected a reference for 'as the reference'"),
        (('run = "run"', 'run = "nowhere"'), "nowhere: expected a stack, a folder of a run"),
        (('"as the reference"', '"as the moon"'), "as the moon: cannot be read: no such file"),
    ],
)
def test_mistakes_are_one_line(run: Path, change, words) -> None:
    with pytest.raises(InputError, match=words) as caught:
        generate(parse_recipe(RECIPE.replace(*change), folder=run), run / "out")
    assert "\n" not in str(caught.value)


def with_halves(run: Path, change=lambda odd: odd) -> list[str]:
    """Write even and odd halves of the run's images, make the data set, return what was said."""
    truth = Truth((220, 200))
    rng = np.random.default_rng(8)
    halves = [rng.poisson(raw_images(truth) / 2).astype(np.float32) for _ in range(2)]
    write_stack(run / "run" / "TS_01.mrc", halves[0] + halves[1], 2.5)
    write_stack(run / "run" / "TS_01_EVN.mrc", halves[0], 2.5)
    write_stack(run / "run" / "TS_01_ODD.mrc", change(halves[1]), 2.5)
    said: list[str] = []
    recipe = parse_recipe(RECIPE, folder=run)
    generate(recipe, run / "out", report=lambda what, done, total: said.append(what))
    return said


def test_half_sets_of_a_run_give_its_noise(run: Path) -> None:
    said = with_halves(run)
    assert any("half sets" in text for text in said)
    profile = json.loads((run / "out" / "reference_0" / "noise_profile.json").read_text())
    assert profile["estimate"] == "halves"
    properties = json.loads((run / "out" / "reference_0" / "reference_model.json").read_text())
    assert properties["fraction_source"] == "halves"
    power, part = (np.array(properties[name]) for name in ("power", "signal_fraction"))
    # Counts: variance 100 a pixel, white; of binned pixels the mean has a quarter of it.
    assert np.mean((power * (1 - part))[:, 20:80]) == pytest.approx(100 / 4, rel=0.1)


def test_broken_halves_are_left_out_and_said(run: Path) -> None:
    said = with_halves(run, lambda odd: np.zeros_like(odd))
    assert any("half sets are left out" in text for text in said)
    profile = json.loads((run / "out" / "reference_0" / "noise_profile.json").read_text())
    assert profile["estimate"] == "blind"


def test_counted_electrons_are_measured(tmp_path: Path) -> None:
    """20 electrons a pixel of 2.5 Å, times a gain of 7: 3.2 a square ångström."""
    counts = np.random.default_rng(2).poisson(20.0, (9, 200, 220)).astype(np.float32)
    write_stack(tmp_path / "a.mrc", 7 * counts, 2.5)
    (tmp_path / "a.tlt").write_text("\n".join(map(str, np.arange(-40.0, 50, 10))))
    found = inspect(Reference.open(tmp_path / "a.mrc")).detected_e_per_A2
    assert found.source == "measured"
    np.testing.assert_allclose(found.value, 3.2, rtol=0.03)
    write_stack(tmp_path / "a.mrc", counts / counts.std() - 3, 2.5)
    assert inspect(Reference.open(tmp_path / "a.mrc")).detected_e_per_A2.value is None


def test_images_are_called_by_their_place_in_the_stack(tmp_path: Path) -> None:
    """View 2 (from 1) is excluded, image 4 is blank, image 6 in other units."""
    images = np.random.default_rng(2).poisson(20.0, (9, 64, 70)).astype(np.float32)
    images[4], images[6] = 7, 50 * images[6] + 3000
    write_stack(tmp_path / "a.mrc", images, 2.5)
    (tmp_path / "a.tlt").write_text("\n".join(map(str, np.arange(-40.0, 50, 10))))
    (tmp_path / "tilt.com").write_text("$tilt\nTILTFILE a.tlt\nEXCLUDELIST 2\n")
    prepared = prepare(Reference.open(tmp_path / "a.mrc"))
    assert prepared.kept == (0, 2, 3, 5, 7, 8)
    assert prepared.left_out["excluded_views"] == [1]
    assert prepared.left_out["blank_tilts"] == [4]
    assert prepared.left_out["unlike_tilts"] == [6]
    lines = " | ".join(prepared.notices)
    assert "blank tilts 4" in lines
    assert "tilt 6 " in lines


def test_halves_of_noise_alone_agree_nowhere(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    even, odd = rng.poisson(9.0, (2, 7, 33, 40)).astype(np.float32)
    for name, images in (("a", even + odd), ("a_EVN", even), ("a_ODD", odd)):
        write_stack(tmp_path / f"{name}.mrc", images, 8.0)
    (tmp_path / "a.tlt").write_text("\n".join(map(str, range(-30, 40, 10))) + "\n")
    (halves,) = inspect(Reference.open(tmp_path / "a.mrc")).half_sets
    assert halves.resolution_A > 60  # of at most 264, and at least 16
    np.testing.assert_allclose(halves.noise[2:], 18, rtol=0.15)
