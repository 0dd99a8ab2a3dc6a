"""Kill a data set's and a training's run at every event of the file system, and resume each.

Started by test_kills.py: `python kill_everywhere.py FOLDER STEP`; of all events every STEP-th.
What computes is replaced by something quick; what writes, claims, locks and resumes is the true
code.
"""

import hashlib
import json
import os
import shutil
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from faket.data import TiltGeometry, TiltSeries
from faket.io import manifest
from faket.io.atomic import atomic_folder, atomic_path
from faket.io.manifest import software_versions, write_manifest
from faket.pickers import stamp as training_stamp
from faket.pickers import train as training
from faket.picking import TrainingSettings
from faket.pipeline import (
    dataset,
    make_models,
    parse_recipe,
    preparation,
    stored_reference,
    versions,
)

_EVENTS = ("open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "fcntl.flock", "os.truncate")


@dataclass(frozen=True)
class _Profile:
    noise: int
    estimate: str


def make_data_set(out):
    stand_in()
    dataset.generate(recipe(2), out)


def recipe(tomograms):
    return parse_recipe(
        f'tomograms = {tomograms}\nmethod = "noisy"\nspecies = ["synthetic:syn-block"]'
    )


def stand_in():
    """Replace what computes."""
    profile = _Profile(1, "blind")
    geometry = TiltGeometry(np.array([-30.0, 0, 30]), 10.0)
    images = np.random.default_rng(0).normal(size=(3, 32, 32)).astype(np.float32)
    reference = SimpleNamespace(
        series=TiltSeries(images, geometry), record=None, profile=profile, source="toy",
        notices=(), left_out={}, counted=True,
    )  # fmt: skip
    preparation.load_library = lambda recipe: ()
    preparation.specimen_config = lambda recipe, library: None
    preparation.check_species = lambda specimen, library: None
    stored_reference.prepare_reference = lambda recipe, library, references, index: reference
    stored_reference.read_noise = lambda folder: json.loads(
        (folder / "noise_profile.json").read_text()
    )
    dataset._left_out = lambda model: []
    make_models.make_model = make_model


def read_noise(folder):
    return json.loads((folder / "noise_profile.json").read_text())


def make_model(plan, index, say):
    with atomic_folder(plan.out / f"model_{index}", overwrite=True) as folder:
        (folder / "a.txt").write_text(f"tomogram {index}")
        write_manifest(
            folder / "manifest.json", kind="tomogram", settings={}, seed=index, run={},
            outputs=[folder / "a.txt"],
        )  # fmt: skip


def train(out):
    source = out.parent / "model"
    source.mkdir(exist_ok=True)
    for name in ("reconstruction.mrc", "class_mask.mrc"):
        (source / name).write_bytes(b"toy")
    model = SimpleNamespace(tomogram=SimpleNamespace(centres=[0]), voxel_size_A=10.0)
    training.read_labelled = lambda folder, voxel_size_A: model
    training._lighter = lambda model: model
    training.common_classes = lambda models: ("background", "a")
    training.train = epochs
    training.save_checkpoint = save
    training.load_checkpoint = lambda path: SimpleNamespace(**json.loads(path.read_text()))
    training.train_picker([source], out, settings=TrainingSettings(epochs=3), keep_every=2)


def epochs(models, *, settings, start, on_epoch, **others):
    for epoch in range(start.epoch if start else 0, settings.epochs):
        on_epoch(
            SimpleNamespace(
                epoch=epoch + 1, best_epoch=1, is_best=epoch == 0, classes=["a"], history=[]
            )
        )


def save(path, checkpoint):
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(vars(checkpoint)))


def kill_at(number, out):
    """Kill this process at the event ``number`` that concerns the folder."""
    seen = 0

    def hook(event, arguments):
        nonlocal seen
        if event in _EVENTS and (event == "fcntl.flock" or str(out) in str(arguments[0])):
            seen += 1
            if seen == number:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def run(make, out, number=0):
    """Run in a process of its own; return whether it came to its end."""
    child = os.fork()
    if child == 0:
        if number:
            kill_at(number, out)
        try:
            make(out)
        except BaseException as error:
            sys.stderr.write(f"event {number}: {error!r}\n")
            os._exit(1)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    if os.WIFEXITED(status) and os.WEXITSTATUS(status):
        sys.exit(1)
    return os.WIFEXITED(status)


def contents(folder):
    """Return every file's hash, but for what holds dates."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "run.json"
    }


def main(folder, step):
    software = software_versions()
    for module in (manifest, training_stamp, versions):  # looking them up takes long
        module.software_versions = lambda: software
    folder.mkdir(parents=True, exist_ok=True)
    for name, make in (("dataset", make_data_set), ("training", train)):
        sys.stdout.write(f"{name} {killed_everywhere(make, folder / name, step)}\n")


def killed_everywhere(make, folder, step):
    """Return how many events a whole run has."""
    folder.mkdir()
    run(make, folder / "whole")
    expected, number, ended = contents(folder / "whole"), 1 - step, False
    while not ended:
        number += step
        out = folder / "out"
        shutil.rmtree(out, ignore_errors=True)
        ended = run(make, out, number)
        if not run(make, out):
            sys.exit(f"event {number}: the resumed run was killed")
        if (found := contents(out)) != expected:
            sys.exit(f"event {number}: {sorted(set(found.items()) ^ set(expected.items()))}")
    return number


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
