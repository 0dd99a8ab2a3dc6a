"""Whole data sets: labels where the particles are, same bytes however made, resumable."""

import hashlib
import json
import multiprocessing
import shutil
from dataclasses import replace

import numpy as np
import pytest

from faket.data import TiltGeometry, TiltSeries
from faket.errors import InputError
from faket.evaluation import spectrum_distance
from faket.io.content import content_bytes
from faket.io.folder_lock import folder_lock
from faket.io.manifest import read_manifest, verify_manifest
from faket.io.mrc import read_mask, read_stack, read_volume
from faket.io.particles import read_particles
from faket.io.shrec.model import read_shrec_model
from faket.io.style_profile import load_style_profile
from faket.io.tilts import read_tilt_series, tilt_angles_beside, write_tilt_series
from faket.io.truth import read_class_numbers
from faket.pickers.labelled import read_labelled
from faket.pipeline import dataset, generate, make_models, parse_recipe, read_recipe
from faket.pipeline.methods import load_recipe_network
from faket.pipeline.progress_records import read_progress
from faket.pipeline.tasks import Task
from faket.reconstruction import binned_offset
from faket.style import load_network
from faket.verification import verify
from faket.viewer import read_layers

TINY = """
seed = 3
tomograms = {tomograms}
method = "{method}"
species = [
    {{ source = "synthetic:syn-ring", copies = 4 }},
    {{ source = "synthetic:syn-block", copies = 4 }},
    {{ source = "synthetic:syn-bean", copies = 3 }},
]
{reference}
[tilts]
step_deg = 6.0
[specimen]
size_voxels = [96, 80, 48]
voxel_size_A = 10.0
vesicles = [1, 1]
vesicle_semi_axes_A = [150, 200]
gold = [2, 2]
[microscope]
preset = "k3-60x3"
[reconstruction]
binning = {binning}
taper = 4
"""


def tiny(method="noisy", tomograms=1, binning=1, reference=""):
    return parse_recipe(
        TINY.format(method=method, tomograms=tomograms, binning=binning, reference=reference)
    )


def hashes(folder):
    """Every file but the facts of the run (durations, peak memory)."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "run.json"
    }


@pytest.fixture(scope="module")
def noisy(tmp_path_factory):
    out = tmp_path_factory.mktemp("noisy") / "out"
    generate(tiny(tomograms=2), out)
    return out


def test_halves_come_beside_the_same_images(noisy, tmp_path):
    """Their sum is the images, the mean-free tomogram is the sum of theirs, nothing else moves."""
    recipe = TINY.format(method="noisy", tomograms=1, binning=1, reference="halves = true")
    model = generate(parse_recipe(recipe), tmp_path / "out").models[0]
    for name in ("reconstruction.mrc", "projections_unbinned.mrc", "class_mask.mrc"):
        assert (model / name).read_bytes() == (noisy / "model_0" / name).read_bytes()
    odd, even = (read_stack(model / f"projections_unbinned_{h}.mrc")[0] for h in ("odd", "even"))
    images = read_stack(model / "projections_unbinned.mrc")[0]
    np.testing.assert_allclose(odd + even, images, rtol=1e-5, atol=1e-3)
    halves = [read_volume(model / f"reconstruction_{half}.mrc").data for half in ("odd", "even")]
    whole = read_volume(model / "reconstruction.mrc").data
    np.testing.assert_allclose(sum(halves), whole, atol=1e-3 * whole.std())
    assert 0.3 < np.corrcoef(halves[0].ravel(), whole.ravel())[0, 1] < 0.95


@pytest.mark.parametrize("method", ["benchmark", "spectral", "coloured", "baseline", "style"])
def test_every_method_makes_halves(method, tmp_path):
    """They sum to the image and share a part of it, not all: the noise of each is its own."""
    model = generate(tiny(method, reference="halves = true"), tmp_path / "out").models[0]
    odd, even = (read_stack(model / f"projections_unbinned_{h}.mrc")[0] for h in ("odd", "even"))
    images = read_stack(model / "projections_unbinned.mrc")[0]
    np.testing.assert_allclose(odd + even, images, rtol=1e-4, atol=1e-4 * images.std())
    middle = len(images) // 2
    shared = np.corrcoef(odd[middle].ravel(), even[middle].ravel())[0, 1]
    assert 0.02 < shared < 0.95
    assert np.corrcoef(odd[middle].ravel(), images[middle].ravel())[0, 1] > shared
    verify(model.parent)


def test_further_labels_lie_on_the_particles(tmp_path):
    """Balls at the centres with the classes' numbers, normals on the membrane's voxels."""
    extra = 'labels = ["balls", "solid", "heatmap", "membranes"]\nlabel_radius_A = 25'
    recipe = parse_recipe(TINY.format(method="noiseless", tomograms=1, binning=2, reference=extra))
    model = generate(recipe, tmp_path / "out").models[0]
    particles, classes = read_particles(model / "particles.csv"), read_class_numbers(model)
    balls, solid = (read_mask(model / f"labels_{kind}.mrc") for kind in ("balls", "solid"))
    heat, own = read_volume(model / "labels_heatmap.mrc").data, read_mask(model / "class_mask.mrc")
    x, y, z = np.rint(particles.positions_A / 20).astype(int).T
    for i, name in enumerate(particles.species):
        if name != "vesicle":
            assert classes[int(balls[z[i], y[i], x[i]])] == name
            assert heat[z[i], y[i], x[i]] > 0.2
    assert set(np.unique(solid)) == set(np.unique(own))
    membrane = read_mask(model / "labels_membranes.mrc")
    table = np.loadtxt(model / "membrane_normals.csv", delimiter=",", skiprows=1)
    where = np.rint(table[:, 1:4] / 20).astype(int)
    inside = np.all((where >= 0) & (where < membrane.shape[::-1]), axis=1)
    assert membrane[tuple(where[inside].T[::-1])].mean() > 0.9
    instances = read_mask(model / "occupancy_mask.mrc")
    (number,) = np.unique(table[:, 0]).astype(int)
    assert classes[int(np.bincount(own[instances == number]).argmax())] == "vesicle"


KEEP = """
keep = ["tomogram", "labels"]
precision = "float16"
tomogram_format = "ome-zarr"
pack = true
"""


def test_only_what_is_kept_is_written_and_it_is_the_same(noisy, tmp_path):
    """Packed masks are the same labels; the tomogram is rounded; training and truth read them."""
    recipe = parse_recipe(TINY.format(method="noisy", tomograms=1, binning=1, reference=KEEP))
    model = generate(recipe, tmp_path / "out").models[0]
    assert sorted(path.name for path in model.iterdir()) == [
        "alignment_simulated.txt", "class_mask.mrc.gz", "classes.txt", "manifest.json",
        "occupancy_mask.mrc.gz", "particle_locations.txt", "particles.csv", "reconstruction.zarr",
        "run.json",
    ]  # fmt: skip
    found, whole = read_labelled(model), read_labelled(noisy / "model_0")
    np.testing.assert_array_equal(found.tomogram.labels, whole.tomogram.labels)
    np.testing.assert_array_equal(found.instance_mask, whole.instance_mask)
    np.testing.assert_allclose(found.tomogram.volume, whole.tomogram.volume, rtol=5e-4, atol=1e-4)
    assert len(read_shrec_model(model).particles) == 14
    assert not verify_manifest(model / "manifest.json")
    assert content_bytes(model / "reconstruction.zarr") < 1.9 * found.tomogram.volume.size
    image, labels, *_ = read_layers(str(model))
    np.testing.assert_array_equal(image[0], found.tomogram.volume)
    np.testing.assert_array_equal(labels[0], found.tomogram.labels)
    generate(recipe, tmp_path / "out")  # goes on with it


def test_layout_is_shrecs_and_reads_back(noisy):
    model = read_shrec_model(noisy / "model_0")
    assert model.voxel_size_A == 10.0
    assert model.class_mask.shape == model.reconstruction.data.shape == (48, 80, 96)
    assert model.projections_unbinned.images.shape == (21, 80, 96)
    np.testing.assert_allclose(model.geometry.angles_deg, np.arange(-60, 61, 6.0))
    exact = read_particles(noisy / "model_0" / "particles.csv")
    assert len(exact) == len(model.particles) == 14
    moved = model.particles.positions_A - exact.positions_A
    assert np.abs(moved).max() <= 5.0 + 1e-6  # whole voxels in SHREC's table
    molecules = [name.startswith("syn") for name in exact.species]
    turned = (model.particles.rotations * exact.rotations.inv()).magnitude()
    assert turned[molecules].max() < 1e-4


@pytest.mark.parametrize("stack", ["projections_unbinned", "noisefree_projections"])
def test_stacks_are_inputs_of_the_stages_as_they_lie(noisy, stack):
    path = noisy / "model_0" / f"{stack}.mrc"
    for angles in (tilt_angles_beside(path), path.with_suffix(".csv")):
        series = read_tilt_series(path, angles)
        np.testing.assert_allclose(series.geometry.angles_deg, np.arange(-60, 61, 6.0))


def test_labels_are_where_the_particles_are(noisy):
    folder = noisy / "model_0"
    instances = read_mask(folder / "occupancy_mask.mrc")
    particles = read_particles(folder / "particles.csv")
    for i, name, position_A in zip(
        particles.ids, particles.species, particles.positions_A, strict=True
    ):
        if name == "vesicle":
            continue
        centre_A = np.argwhere(instances == i).mean(axis=0)[::-1] * 10.0
        assert np.linalg.norm(centre_A - position_A) < 15.0


def test_molecules_are_dark_in_the_tomogram(tmp_path):
    generate(tiny("noiseless"), tmp_path / "out")
    folder = tmp_path / "out" / "model_0"
    tomogram = read_volume(folder / "reconstruction.mrc").data
    classes = read_mask(folder / "class_mask.mrc")
    for label in range(1, 6):
        assert tomogram[classes == label].mean() < tomogram[classes == 0].mean()
    images, _ = read_stack(folder / "projections_unbinned.mrc")
    clean, _ = read_stack(folder / "noisefree_projections.mrc")
    np.testing.assert_array_equal(images, clean)
    assert clean.mean() < 0


def test_binned_tomogram_lies_on_its_labels(tmp_path):
    """Shifting the labels by a voxel in any direction fits the tomogram less well."""
    generate(tiny("noiseless", binning=2), tmp_path / "out")
    folder = tmp_path / "out" / "model_0"
    tomogram = -read_volume(folder / "reconstruction.mrc").data
    assert tomogram.shape == (24, 40, 48)
    truth = read_volume(folder / "grandmodel.mrc")
    assert truth.voxel_size_A == 20.0
    inside = (read_mask(folder / "occupancy_mask.mrc") > 0).astype(float)

    def fit(shift, axis):
        return float((np.roll(inside, shift, axis) * tomogram).sum())

    for axis in range(3):
        assert fit(0, axis) > max(fit(-1, axis), fit(1, axis))


def test_noise_matches_the_profile_of_the_reference(noisy):
    profile = json.loads((noisy / "reference_0" / "noise_profile.json").read_text())
    assert profile["estimate"] == "paired"
    images, _ = read_stack(noisy / "model_0" / "projections_unbinned.mrc")
    index = np.arange(len(images))
    for values, name in ((images.mean(axis=(1, 2)), "mean"), (images.std(axis=(1, 2)), "sigma")):
        fitted = np.polynomial.Polynomial.fit(index, profile[name], 2)(index)
        if name == "sigma":  # held at its smallest measured value
            fitted = np.maximum(fitted, min(profile[name]))
        np.testing.assert_allclose(values, fitted, rtol=1e-4)


def test_tomograms_differ_and_share_nothing_by_accident(noisy):
    first, second = (
        read_stack(noisy / f"model_{i}" / "projections_unbinned.mrc")[0] for i in (0, 1)
    )
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.9
    assert not np.array_equal(first, second)


def test_same_bytes_on_two_workers(noisy, tmp_path):
    generate(tiny(tomograms=2), tmp_path / "two", workers=2)
    assert hashes(tmp_path / "two") == hashes(noisy)


def test_workers_start_while_what_all_need_is_prepared(noisy, tmp_path, monkeypatch):
    """As many as there are tomograms to make; they end with the command if it cannot go on."""
    started = list[int]()

    def refuse(*_, **__):
        started.append(len(multiprocessing.active_children()))
        raise InputError("a.mrc: expected a reference, found none; check the file")

    shutil.copytree(noisy, tmp_path / "some")
    shutil.rmtree(tmp_path / "some/model_1")
    monkeypatch.setattr(dataset, "prepare", refuse)
    for folder, workers in (("none", 8), ("none", 1), ("some", 8)):
        with pytest.raises(InputError, match="found none"):
            generate(tiny(tomograms=2), tmp_path / folder, workers=workers)
    assert started == [2, 0, 0]
    assert not multiprocessing.active_children()


def test_tasks_of_an_array_make_the_same_bytes_together(noisy, tmp_path):
    """The second comes first; neither is kept from working by the other's shared lock."""
    out = tmp_path / "out"
    with folder_lock(out, shared=True):
        assert generate(tiny(tomograms=2), out, tasks=Task(2, 2)).models == (out / "model_1",)
        assert not (out / "model_0").exists()
        generate(tiny(tomograms=2), out, tasks=Task(1, 2))
        with pytest.raises(InputError, match="no other run"):
            generate(tiny(tomograms=2), out)
    assert hashes(out) == hashes(noisy)


def test_what_fails_twice_is_set_aside_until_it_is_tried_again(noisy, tmp_path, monkeypatch):
    out = tmp_path / "out"
    shutil.copytree(noisy, out)
    shutil.rmtree(out / "model_0")
    shutil.rmtree(out / "model_1")
    tried, whole = [], make_models.make_model

    def broken(plan, index, say):
        tried.append(index)
        if index == 0:
            raise InputError("a.mrc: expected voxels, found none; check the file")
        shutil.copytree(noisy / "model_1", out / "model_1")

    monkeypatch.setattr(make_models, "make_model", broken)
    reason = r"1 of 2 set aside \(model_0\) .*`retry`; model_0: a\.mrc: expected voxels"
    for _ in range(2):  # the second time nothing is tried
        with pytest.raises(InputError, match=reason):
            generate(tiny(tomograms=2), out)
    assert tried == [0, 1, 0]
    (failed,) = read_progress(out).failed
    assert (failed.name, failed.tries, failed.bad_input) == ("model_0", 2, True)
    monkeypatch.setattr(make_models, "make_model", whole)
    generate(tiny(tomograms=2), out, retry=True)
    assert hashes(out) == hashes(noisy)


def test_a_stopped_run_continues_to_the_same_bytes(noisy, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(noisy, out)
    shutil.rmtree(out / "model_1")
    kept = (out / "model_0" / "reconstruction.mrc").stat().st_mtime_ns
    generate(tiny(tomograms=2), out)
    assert hashes(out) == hashes(noisy)
    assert (out / "model_0" / "reconstruction.mrc").stat().st_mtime_ns == kept


def test_a_grown_data_set_is_that_made_at_once(noisy, tmp_path):
    """More tomograms continue in the folder; what is there is not given up for fewer."""
    out = tmp_path / "out"
    reference = generate(tiny(tomograms=1), out).folder / "reference_0" / "projections.mrc"
    measured = reference.stat().st_mtime_ns
    generate(tiny(tomograms=2), out)
    assert hashes(out) == hashes(noisy)
    assert reference.stat().st_mtime_ns == measured
    with pytest.raises(InputError, match=r"at least 2 tomograms.*has model_1.*`tomograms` = 1"):
        generate(tiny(tomograms=1), out)
    assert verify(out).differences == ()


def test_a_failure_leaves_no_half_tomogram(noisy, tmp_path, monkeypatch):
    import faket.pipeline.tomogram as module

    out = tmp_path / "out"
    shutil.copytree(noisy, out)
    shutil.rmtree(out / "model_1")

    def broken(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "write_model", broken)
    with pytest.raises(KeyboardInterrupt):
        generate(tiny(tomograms=2), out)
    assert sorted(p.name for p in out.iterdir()) == ["model_0", "recipe.json", "reference_0"]


def test_changed_inputs_are_not_mixed(tmp_path):
    """A species file that changed between two runs of one recipe is noticed."""
    from faket.io.molecules import load_species
    from faket.io.specimen_files import write_species

    recipe = tmp_path / "r.toml"
    recipe.write_text(
        'method = "noiseless"\ntomograms = 1\nspecies = [{ source = "ring", copies = 1 }]\n'
        "[specimen]\nsize_voxels = [40, 40, 40]\nvoxel_size_A = 10.0\n"
        "vesicles = [0, 0]\ngold = [0, 0]\n[reconstruction]\nbinning = 1\n"
    )
    ring = load_species("synthetic:syn-ring", voxel_size_A=10.0)
    write_species(tmp_path / "ring", ring)
    generate(read_recipe(recipe), tmp_path / "out")
    shutil.rmtree(tmp_path / "ring")
    write_species(tmp_path / "ring", replace(ring, potential=ring.potential * 2))
    with pytest.raises(InputError, match="changed since"):
        generate(read_recipe(recipe), tmp_path / "out")


def test_another_recipe_does_not_overwrite(noisy, tmp_path):
    with pytest.raises(InputError, match="another recipe"):
        generate(tiny(tomograms=2, binning=2), noisy)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("x")
    with pytest.raises(InputError, match="empty folder"):
        generate(tiny(), tmp_path / "mine")


def test_a_recipe_that_failed_can_be_mended(tmp_path):
    """No folder is left by a mistake; one whose recipe made no tomogram is free for another."""
    out = tmp_path / "out"
    content = tiny("noiseless").model_dump()
    wrong = type(tiny()).model_validate({**content, "species": [{"source": "no-such-file.pdb"}]})
    with pytest.raises(InputError):
        generate(wrong, out)
    assert not out.exists()
    full = {**content["specimen"], "on_full": "stop", "max_tries": 3, "gold": (500, 500)}
    with pytest.raises(InputError, match="room"):
        generate(type(tiny()).model_validate({**content, "specimen": full}), out)
    generate(tiny("noiseless"), out)
    assert sorted(p.name for p in out.iterdir()) == ["model_0", "recipe.json"]


def test_positions_count_from_the_binned_volumes_first_voxel(tmp_path):
    """Sizes that binning does not divide: table and exact positions share one frame."""
    content = tiny("noiseless", binning=4).model_dump()
    content["specimen"]["size_voxels"] = (98, 82, 50)
    generate(type(tiny()).model_validate(content), tmp_path / "out")
    folder = tmp_path / "out" / "model_0"
    rounded = read_shrec_model(folder).particles.positions_A
    exact = read_particles(folder / "particles.csv").positions_A
    assert any(binned_offset(size, 4) for size in (98, 82, 50))
    assert np.abs(rounded - exact).max() <= 20.0 + 1e-6  # half a voxel of 40 Å


def test_pixel_size_of_the_recipe_takes_the_headers_place(noisy, tmp_path):
    raw = bytearray((noisy / "model_0" / "projections_unbinned.mrc").read_bytes())
    raw[40:52] = bytes(12)  # the cell: no pixel size
    (tmp_path / "mine.mrc").write_bytes(raw)
    shutil.copy(noisy / "model_0" / "projections_unbinned.tlt", tmp_path / "mine.tlt")
    content = tiny().model_dump()
    mine = {"stack": tmp_path / "mine.mrc"}
    bare = type(tiny()).model_validate({**content, "reference": mine})
    with pytest.raises(InputError, match="pixel_size_A"):
        generate(bare, tmp_path / "out")
    given = {**content, "reference": {**mine, "pixel_size_A": 10.0}}
    generate(type(tiny()).model_validate(given), tmp_path / "out")
    manifest = read_manifest(tmp_path / "out" / "model_0" / "manifest.json")
    assert [entry["path"] for entry in manifest["inputs"]] == ["mine.mrc", "mine.tlt"]


def test_manifest_hashes_what_was_written(noisy, tmp_path):
    assert verify_manifest(noisy / "model_0" / "manifest.json") == ()
    copy = tmp_path / "model_0"
    shutil.copytree(noisy / "model_0", copy)
    (copy / "classes.txt").write_text("tampered")
    (changed,) = verify_manifest(copy / "manifest.json")
    assert "classes.txt" in changed


@pytest.mark.parametrize(
    "method", ["style", "spectral", "coloured", "baseline", "faket-random", "benchmark"]
)
def test_every_method_makes_a_data_set(tmp_path, method):
    generate(tiny(method), tmp_path / "out")
    images, pixel_A = read_stack(tmp_path / "out" / "model_0" / "projections_unbinned.mrc")
    clean, _ = read_stack(tmp_path / "out" / "model_0" / "noisefree_projections.mrc")
    assert pixel_A == 10.0
    assert np.isfinite(images).all()
    tilt = len(images) // 2
    correlation = np.corrcoef(images[tilt].ravel(), clean[tilt].ravel())[0, 1]
    assert correlation > 0.1  # protein dark in both


def test_coloured_noise_has_the_references_spectrum(noisy, tmp_path):
    generate(tiny("coloured"), tmp_path / "out")
    target, _ = read_stack(noisy / "reference_0" / "projections.mrc")
    white, coloured = (
        read_stack(folder / "model_0" / "projections_unbinned.mrc")[0]
        for folder in (noisy, tmp_path / "out")
    )
    far, near = (spectrum_distance(stack, target).distance for stack in (white, coloured))
    assert near < far


def test_style_is_measured_once_a_reference(tmp_path):
    generate(tiny("style"), tmp_path / "out")
    profile = load_style_profile(tmp_path / "out" / "reference_0" / "style_profile.safetensors")
    assert profile.network_digest == load_network("texture").digest
    images, _ = read_stack(tmp_path / "out" / "model_0" / "projections_unbinned.mrc")
    np.testing.assert_allclose(images.std((1, 2)), profile.sigma, rtol=1e-4)


def test_a_users_reference_blind_and_paired(noisy, tmp_path):
    """A stack without a twin works; with its twin the profile is the paired one."""
    stack = tmp_path / "mine.mrc"
    shutil.copy(noisy / "model_0" / "projections_unbinned.mrc", stack)
    shutil.copy(noisy / "model_0" / "projections_unbinned.tlt", tmp_path / "mine.tlt")
    shutil.copy(noisy / "model_0" / "noisefree_projections.mrc", tmp_path / "twin.mrc")
    blind = parse_recipe(
        TINY.format(
            method="noisy", tomograms=1, binning=1, reference='reference = {stack="mine.mrc"}'
        ),
        folder=tmp_path,
    )
    generate(blind, tmp_path / "blind")
    paired = parse_recipe(
        TINY.format(
            method="noisy", tomograms=1, binning=1,
            reference='reference = {stack="mine.mrc", clean="twin.mrc"}',
        ),
        folder=tmp_path,
    )  # fmt: skip
    generate(paired, tmp_path / "paired")
    profiles = [
        json.loads((tmp_path / name / "reference_0" / "noise_profile.json").read_text())
        for name in ("blind", "paired")
    ]
    assert [p["estimate"] for p in profiles] == ["blind", "paired"]
    np.testing.assert_allclose(profiles[0]["noise_std"], profiles[1]["noise_std"], atol=0.25)


def test_several_references_are_averaged_for_noise(noisy, tmp_path):
    """The strength of noise, mean and σ are the means over the stacks, as in the paper."""
    recipe = tiny().model_dump()
    means = []
    for i in range(2):
        images, _ = read_stack(noisy / f"model_{i}" / "projections_unbinned.mrc")
        series = TiltSeries(3 * images + i, TiltGeometry(np.arange(-60, 61, 6.0), 10.0))
        write_tilt_series(tmp_path / f"mine_{i}.mrc", series)
        means.append(series.images.mean(axis=(1, 2)))
    stacks = [str(tmp_path / f"mine_{i}.mrc") for i in range(2)]
    recipe["reference"] = {"stack": stacks}
    generate(type(tiny()).model_validate(recipe), tmp_path / "out")
    made = sorted(path.name for path in (tmp_path / "out").glob("reference_*"))
    assert made == ["reference_0", "reference_1"]
    images, _ = read_stack(tmp_path / "out" / "model_0" / "projections_unbinned.mrc")
    index = np.arange(len(images))
    fitted = np.polynomial.Polynomial.fit(index, np.mean(means, axis=0), 2)(index)
    np.testing.assert_allclose(images.mean(axis=(1, 2)), fitted, rtol=1e-4)


def test_several_references_are_made_and_differ(tmp_path):
    recipe = tiny("faket-random", tomograms=2).model_dump()
    recipe["reference"] = {"count": 2}
    recipe["specimen"]["size_voxels"] = (64, 64, 16)
    generate(type(tiny()).model_validate(recipe), tmp_path / "out")
    for i in range(2):
        like, other = (
            read_stack(tmp_path / "out" / f"reference_{k}" / "projections.mrc")[0]
            for k in (i, 1 - i)
        )
        images, _ = read_stack(tmp_path / "out" / f"model_{i}" / "projections_unbinned.mrc")
        sigmas = [stack.std(axis=(1, 2)) for stack in (images, like, other)]
        np.testing.assert_allclose(sigmas[0], sigmas[1], rtol=1e-4)
        assert np.abs(sigmas[0] - sigmas[2]).max() > 1e-3 * sigmas[0].max()


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"reference": {"stack": "absent.mrc"}}, "absent"),
        ({"microscope": {"preset": "toy"}}, "preset"),
        ({"microscope": {"preset": "toy"}, "tilts": None}, "preset"),
        ({"microscope": {"preset": "k3-60x3", "settings": {"volts": 3}}}, "volts"),
        ({"tilts": {"start_deg": 10, "stop_deg": -10}}, "start_deg"),
        (
            {"species": [{"source": "synthetic:syn-ring"}, {"source": "synthetic:syn-ring"}]},
            "twice",
        ),
        ({"species": [{"source": "no-such-file.pdb"}]}, "no-such-file"),
    ],
)
def test_bad_recipes_fail_in_one_line_before_work(tmp_path, change, match):
    content = tiny().model_dump()
    recipe = type(tiny()).model_validate({**content, **change})
    with pytest.raises(InputError, match=match) as error:
        generate(recipe, tmp_path / "out")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("fault", ["angles of the second", "tilts", "pixels", "twin"])
def test_references_are_checked_before_molecules_are_loaded(noisy, tmp_path, monkeypatch, fault):
    """By names and headers, all of them: molecules and references take long."""
    module = "faket.pipeline.preparation"
    monkeypatch.setattr(f"{module}.load_library", lambda recipe: pytest.fail("loaded"))
    for name in ("a", "b"):
        shutil.copy(noisy / "reference_0" / "projections.mrc", tmp_path / f"{name}.mrc")
        shutil.copy(noisy / "reference_0" / "projections.tlt", tmp_path / f"{name}.tlt")
    extra, named = "", "b.mrc"
    if fault == "angles of the second":
        (tmp_path / "b.tlt").unlink()
    elif fault == "tilts":
        (tmp_path / "b.tlt").write_text("0\n3\n")
        named = "b.tlt"
    elif fault == "pixels":
        extra, named = ", pixel_size_A = 12.0", "a.mrc"
    else:
        extra, named = ', clean = ["a.mrc", "absent.mrc"]', "absent.mrc"
    stacks = [str(tmp_path / f"{name}.mrc") for name in ("a", "b")]
    extra = extra.replace("a.mrc", stacks[0])
    recipe = tiny(reference=f"reference = {{ stack = {stacks}{extra} }}")
    with pytest.raises(InputError, match=named):
        generate(recipe, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_network_without_its_weights_is_no_other_network():
    with pytest.raises(InputError, match="weights"):
        load_recipe_network(tiny("faket"), None)


def test_missing_weights_are_explained_before_work(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("FAKET_CACHE", str(tmp_path))
    recipe = type(tiny()).model_validate(
        {**tiny("faket").model_dump(), "style": {"weights": str(tmp_path / "none.pth")}}
    )
    with pytest.raises(InputError, match=r"none\.pth"):
        generate(recipe, tmp_path / "out")
    assert not (tmp_path / "out").exists()
