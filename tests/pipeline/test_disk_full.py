"""A full disk is no tomogram's fault: the command ends, and goes on where there is room again."""

import errno
import os
import socket

import pytest

from faket.errors import DiskFullError, InputError, UnfitMachineError
from faket.io.atomic import atomic_folder, atomic_path, require_space
from faket.io.manifest import software_versions
from faket.pipeline import dataset, make_models, parse_recipe
from faket.pipeline.executors import InThisProcess
from faket.pipeline.make_models import make_there
from faket.pipeline.tries import NamedWork, make_parts

FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def full():
    raise FULL


def test_nothing_is_tried_again_or_set_aside():
    tried = []
    parts = [NamedWork(name, full) for name in ("model_0", "model_1")]
    with pytest.raises(DiskFullError, match=r"^No space left on device$"):
        list(make_parts(InThisProcess(), parts, failed_once=lambda name, _: tried.append(name)))
    assert tried == []


def test_the_error_has_the_names_that_the_files_would_get(tmp_path):
    with (
        pytest.raises(DiskFullError, match=r"a/b\.txt: cannot be written: the disk is full") as got,
        atomic_folder(tmp_path / "a") as folder,
        atomic_path(folder / "b.txt"),
    ):
        raise FULL
    assert "\n" not in str(got.value)
    assert ".part-" not in str(got.value)
    with pytest.raises(DiskFullError, match="free disk space"):
        require_space(tmp_path, 10**18)
    assert list(tmp_path.iterdir()) == []


RECIPE = """
tomograms = 2
method = "noiseless"
species = ["synthetic:syn-block"]
[specimen]
size_voxels = [32, 32, 16]
voxel_size_A = 15.0
particles = [1, 1]
vesicles = [0, 0]
gold = [0, 0]
[tilts]
start_deg = -30
stop_deg = 30
step_deg = 30
"""


def test_the_command_ends_and_continues(tmp_path, monkeypatch):
    whole, recipe, out = make_models.make_model, parse_recipe(RECIPE), tmp_path / "out"
    monkeypatch.setattr(make_models, "make_model", lambda *_: full())
    with pytest.raises(DiskFullError, match="No space left"):
        dataset.generate(recipe, out)
    assert [path.name for path in out.iterdir()] == ["recipe.json"]
    monkeypatch.setattr(make_models, "make_model", whole)
    assert len(dataset.generate(recipe, out).models) == 2


def test_a_reason_that_cannot_be_kept_is_told(tmp_path, monkeypatch):
    def bad(*_):
        raise InputError("a.mrc: expected voxels, found none; check the file")

    def refused(*_):
        raise PermissionError(errno.EACCES, "no")

    monkeypatch.setattr(make_models, "make_model", bad)
    monkeypatch.setattr(dataset, "set_aside", refused)
    with pytest.raises(InputError, match=r"2 of 2 set aside .*: a\.mrc: expected voxels"):
        dataset.generate(parse_recipe(RECIPE), tmp_path / "out")


def test_a_machine_without_the_reference_says_which(tmp_path):
    text = RECIPE.replace("noiseless", "noisy") + '[reference]\nstack = "gone.mrc"\n'
    recipe, out = parse_recipe(text, folder=tmp_path), tmp_path / "out"
    with pytest.raises(UnfitMachineError, match=rf"^{socket.gethostname()}: .*gone\.mrc") as got:
        make_there(recipe, out, 0, "this run", software_versions())
    assert "\n" not in str(got.value)
    assert not out.exists()
