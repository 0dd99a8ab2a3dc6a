"""``reconstruction.like``: measured once, stored, and given to every tomogram of a data set."""

from types import SimpleNamespace

import numpy as np
import pytest

import made_up_tomograms as made_up
from faket.data import TiltGeometry, TiltSeries, Volume
from faket.errors import InputError
from faket.io.manifest import read_manifest
from faket.io.model_folder import PROJECTIONS, RUN
from faket.io.mrc import read_volume, write_volume
from faket.io.tilts import read_tilt_series, write_tilt_series
from faket.methods.phase_flipping import flip_phases
from faket.microscope import contrast_transfer
from faket.microscope.ctf_estimate import CtfEstimate
from faket.pipeline import generate, like, parse_recipe
from faket.pipeline.like import with_grid_of_like
from faket.reconstruction import reconstruct
from inline_workers import inline_workers

RECIPE = """
seed = 3
tomograms = 1
method = "coloured"
species = [{{ source = "synthetic:syn-ring", copies = 3 }}]
[reference]
stack = "stack.mrc"
clean = "noise_free.mrc"
aligned = true
[specimen]
size_voxels = [64, 64, 24]
voxel_size_A = 10.0
vesicles = 0
gold = 0
[reconstruction]
binning = {binning}
taper = 4
like = "rec.mrc"
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A tilt-series, the tomogram that another program made of it, and our data set like it."""
    root = tmp_path_factory.mktemp("lab")
    series = made_up.series(1)
    write_tilt_series(root / "stack.mrc", series)
    write_tilt_series(root / "noise_free.mrc", made_up.series(1, noise=0))
    write_volume(root / "rec.mrc", their_program(series))
    generate(recipe(root), root / "out")
    return root


def their_program(series):
    made = reconstruct(series, depth=32, filter="hamming", taper=4)
    return Volume(900 - 7 * made.data[::-1], made.voxel_size_A)


def recipe(root, binning=1, tomograms=1):
    text = RECIPE.format(binning=binning).replace("tomograms = 1", f"tomograms = {tomograms}")
    return parse_recipe(text, folder=root)


def test_tomograms_are_those_of_the_other_program(lab):
    made = read_volume(lab / "out" / "model_0" / "reconstruction.mrc").data
    path = lab / "out" / "model_0" / "projections_unbinned.mrc"
    series = read_tilt_series(path, path.with_suffix(".csv"))
    wanted = their_program(series).data[::-1]
    assert made.shape == (32, 64, 64)
    assert np.corrcoef(made.ravel(), wanted.ravel())[0, 1] > 0.98
    assert made.std() == pytest.approx(wanted.std(), rel=0.1)
    record = read_manifest(lab / "out" / "reconstruction_like" / "manifest.json")["record"]
    assert record["source"] == "tilt-series"
    assert record["flips"] == [-1, 1, 1]


def test_a_second_run_finds_all_finished(lab):
    files = [*(lab / "out").rglob("*.*")]
    before = {path: path.stat().st_mtime_ns for path in files}
    generate(recipe(lab), lab / "out")
    assert {path: path.stat().st_mtime_ns for path in (lab / "out").rglob("*.*")} == before


def test_the_bytes_do_not_depend_on_the_number_of_workers(lab, tmp_path, monkeypatch):
    """Nor on that of their threads, which share the cores."""
    monkeypatch.setattr("faket.pipeline.executors.worker_processes", inline_workers)
    two = recipe(lab, tomograms=2)
    generate(two, tmp_path / "out", workers=2)
    for name in ("reconstruction_like", "model_0"):
        files = [path for path in (lab / "out" / name).iterdir() if path.name != RUN]
        assert len(files) > 1
        for path in files:
            assert (tmp_path / "out" / name / path.name).read_bytes() == path.read_bytes(), path


def test_other_voxels_are_refused_with_the_settings_that_fit(lab):
    with pytest.raises(InputError, match="set `binning` to 1, and pixels to 10 Å"):
        generate(recipe(lab, binning=2), lab / "other")


def test_a_grid_that_is_not_given_is_the_tomograms(lab):
    text = RECIPE.format(binning=1).replace("binning = 1\n", "")
    finer = text.replace("voxel_size_A = 10.0", "voxel_size_A = 3.33")
    for content, wanted in ((text, (1, 32)), (finer, (3, 32)), (text + "depth = 20", (1, 20))):
        found = with_grid_of_like(parse_recipe(content, folder=lab)).reconstruction
        assert (found.binning, found.depth) == wanted


@pytest.mark.parametrize(
    ("setting", "what"),
    [
        ('ctf = "flip"', "reconstruction.ctf: expected 'none'"),
        ('method = "sirt"', "reconstruction.method: expected none beside reconstruction.like"),
        ("invert = true", "reconstruction.invert: expected none beside reconstruction.like"),
    ],
)
def test_what_excludes_each_other_is_refused(setting, what):
    with pytest.raises(InputError, match=what):
        parse_recipe(RECIPE.format(binning=1) + setting)


def test_a_corrected_contrast_transfer_is_found(tmp_path, monkeypatch):
    """Nothing is alike until our phases are flipped, too."""
    angles, pixel_A = made_up.ANGLES, 6.0
    defocus_um = np.full(len(angles), 4.0)
    ctf = CtfEstimate(angles, defocus_um, (4.0, 4.0), confident=True, source="metadata")
    optics = [ctf.optics(tilt) for tilt in range(len(angles))]
    k = np.fft.fftfreq(made_up.SIDE, pixel_A)
    seen = -contrast_transfer(k, k[:, None], optics[0])
    images = np.fft.ifft2(np.fft.fft2(made_up.series(1).images) * seen).real.astype(np.float32)
    series = TiltSeries(images, TiltGeometry(angles, pixel_A))
    write_tilt_series(tmp_path / PROJECTIONS, series)
    theirs = their_program(flip_phases(series, optics))
    monkeypatch.setattr(like, "read_properties", lambda folder: SimpleNamespace(ctf=ctf))
    for method, flips in (("spectral", True), ("coloured", False)):
        text = RECIPE.format(binning=1).replace('"coloured"', f'"{method}"')
        plan = SimpleNamespace(recipe=parse_recipe(text))
        found = like._of_reference(plan, theirs, tmp_path)
        assert bool(found and found.phases_flipped and found.coherence > 0.95) == flips
