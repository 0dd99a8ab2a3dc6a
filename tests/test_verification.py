"""Damage is noticed: by `faket verify`, and by whatever reads what is damaged."""

import os
import shutil

import pytest

import faket
from faket.cli.app import run
from faket.errors import InputError
from faket.io.folder_lock import folder_lock
from faket.io.manifest import run_path
from faket.io.verification import check_intact
from faket.pickers.labelled import model_files
from faket.pickers.train import train_picker
from faket.pipeline import generate, parse_recipe
from faket.study.layout import Study
from faket.study.settings import StudySettings
from faket.study.workers import run_study
from faket.verification import verify

RECIPE = """
seed = 3
tomograms = 2
method = "noisy"
species = [{ source = "synthetic:syn-block", copies = 2 }]
[tilts]
step_deg = 30.0
[specimen]
size_voxels = [32, 32, 16]
voxel_size_A = 10.0
vesicles = [0, 0]
gold = [0, 0]
[microscope]
preset = "k3-60x3"
[reconstruction]
taper = 2
"""


@pytest.fixture(scope="module")
def recipe():
    return parse_recipe(RECIPE)


@pytest.fixture(scope="module")
def whole(recipe, tmp_path_factory):
    return generate(recipe, tmp_path_factory.mktemp("whole") / "out").folder


@pytest.fixture
def out(whole, tmp_path):
    """Every date changes, as in a copy made without `-p`."""
    return shutil.copytree(whole, tmp_path / "out", copy_function=shutil.copyfile)


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def cut(path):
    path.write_bytes(path.read_bytes()[:-1])


def delete(path):
    path.unlink()


@pytest.mark.parametrize("full", [True, False])
def test_what_is_whole_is_whole_copied_too(whole, out, full):
    for folder in (whole, out, out / "model_0"):
        found = verify(folder, full=full)
        assert found.differences == ()
        assert found.files > 10


@pytest.mark.parametrize("damage", [flip, cut, delete])
def test_every_damaged_file_is_named(recipe, out, damage, capsys):
    """By the fast check, because writing changes the date; and by the same command."""
    files = sorted(path for path in out.rglob("*") if path.is_file())
    assert len(files) > 30
    notices: list[str] = []
    for file in files:
        content, date = file.read_bytes(), file.stat().st_mtime_ns
        damage(file)
        found = verify(out).differences
        is_recipe = file.name == "recipe.json"
        lost_manifest = damage is delete and (is_recipe or file.name == "manifest.json")
        if not (is_recipe and damage is delete):
            assert found, file
        if is_recipe:  # finished work names its recipe
            generate(recipe, out, report=lambda what, *_: notices.append(what))
            assert file.read_bytes() == content
            assert "was missing or damaged; it was written again" in notices[0]
        elif not lost_manifest:
            assert any(str(file.relative_to(out)) in line for line in found), (file, found)
            with pytest.raises(InputError) as caught:
                generate(recipe, out)
            assert "\n" not in str(caught.value)
        file.write_bytes(content)
        os.utime(file, ns=(date, date))
    assert verify(out, full=True).differences == ()
    assert run(["verify", str(out), "--full"]) == 0
    assert "are unchanged" in capsys.readouterr().out
    damage(out / "model_1" / "classes.txt")
    assert run(["verify", str(out)]) == 1
    assert capsys.readouterr().out.startswith("model_1/classes.txt: ")


def test_another_recipes_data_are_not_taken_over(recipe, out):
    other = recipe.model_copy(update={"seed": recipe.seed + 1})
    (out / "recipe.json").write_text("{")
    with pytest.raises(InputError, match="another recipe's data"):
        generate(other, out)
    (out / "recipe.json").unlink()
    with pytest.raises(InputError, match="found files"):
        generate(other, out)


def test_a_flip_that_keeps_the_date_is_found_by_the_full_check(whole, tmp_path):
    out = shutil.copytree(whole, tmp_path / "out")
    file = out / "model_0" / "reconstruction.mrc"
    date = file.stat().st_mtime_ns
    flip(file)
    os.utime(file, ns=(date, date))
    assert verify(out).differences == ()
    assert verify(out, full=True).differences == (
        "model_0/reconstruction.mrc: the content differs from what was written",
    )


def test_a_remedy_helps(recipe, whole, out):
    flip(out / "model_1" / "class_mask.mrc")
    with pytest.raises(InputError, match="remove the folder") as caught:
        generate(recipe, out)
    assert str(out / "model_1") in str(caught.value)
    shutil.rmtree(out / "model_1")
    assert verify(out).differences == ("model_1: missing, or not finished",)
    generate(recipe, out)
    assert verify(out, full=True).differences == ()
    file = "model_1/class_mask.mrc"
    assert (out / file).read_bytes() == (whole / file).read_bytes()


def test_readers_refuse_what_is_damaged_and_take_what_is_not_ours(out):
    model = out / "model_0"
    assert len(model_files(model)) == 6
    flip(model / "particles.csv")
    with pytest.raises(InputError, match=r"particles\.csv: .* remove manifest\.json beside it"):
        model_files(model)
    (model / "manifest.json").write_text('{"name": "another program\'s"}')
    assert len(model_files(model)) == 6
    (model / "manifest.json").unlink()
    check_intact([model / "particles.csv"])


def test_another_version_of_faket_is_not_mixed(recipe, out, monkeypatch):
    monkeypatch.setattr(faket, "__version__", "0.9.9")
    generate(recipe, out)  # all is finished: nothing is mixed
    shutil.rmtree(out / "model_1")
    with pytest.raises(InputError, match=r"found data of faket 0\.1"):
        generate(recipe, out)
    assert not (out / "model_1").exists()


def test_other_libraries_give_a_notice(recipe, out, monkeypatch):
    import faket.pipeline.versions as module

    here = {**module.software_versions(), "torch": "99.0"}
    monkeypatch.setattr(module, "software_versions", lambda: here)
    shutil.rmtree(out / "model_1")
    notices = []
    generate(recipe, out, report=lambda what, done, total: notices.append((what, total)))
    (notice,) = [what for what, total in notices if "99.0" in what and not total]
    assert "last digits" in notice


def test_single_files_and_places_without_manifests(out, tmp_path):
    manifest = out / "model_0" / "manifest.json"
    assert verify(manifest).manifests == 1
    assert verify(out / "model_0" / "classes.txt").manifests == 1
    run_path(manifest).unlink()
    assert verify(manifest).differences == ("run.json: missing",)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="found none; check the path"):
        verify(tmp_path / "empty")


@pytest.mark.parametrize("kind", ["data set", "training", "study"])
def test_two_runs_do_not_share_a_folder(recipe, whole, tmp_path, kind):
    out = tmp_path / "out"
    runs = {
        "data set": lambda: generate(recipe, out),
        "training": lambda: train_picker([whole], out),
        "study": lambda: run_study(Study(out, StudySettings(), {"benchmark": 1})),
    }
    with folder_lock(out), pytest.raises(InputError, match="expected no other run in this folder"):
        runs[kind]()
    assert not out.exists()
