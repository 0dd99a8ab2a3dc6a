"""The residual U-Net: it learns, resumes, is stored, and one line tells that monai is missing."""

import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from faket.errors import InputError
from faket.io.checkpoints import load_checkpoint, save_checkpoint
from faket.picking import LabelledTomogram, TrainingSettings, segment, train
from faket.picking.networks.choose import build_network, check_installed
from faket.picking.networks.training import mean_f1, validate

CLASSES = ("background", "ball", "box")
PLAN = TrainingSettings(
    picker="unet",
    epochs=2,
    batch=2,
    patch=16,
    width=0.25,
    learning_rate=1e-2,
    cross_entropy=1.0,
    average_steps=3,
)


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def toy(seed, shape=(16, 24, 24)):
    """Cubes of two classes, dark and bright, in weak noise."""
    rng = np.random.default_rng(seed)
    labels, centres = np.zeros(shape, np.uint8), []
    for k in range(8):
        z, y, x = (int(rng.integers(3, size - 3)) for size in shape)
        labels[z - 2 : z + 3, y - 2 : y + 3, x - 2 : x + 3] = 1 + k % 2
        centres.append((z, y, x))
    volume = 0.5 * rng.normal(size=shape) + np.array([0, -3, 3])[labels]
    return LabelledTomogram(volume.astype(np.float32), labels, np.array(centres))


def run(settings=PLAN, **options):
    fixed = {"classes": CLASSES, "voxel_size_A": 10.0, "seed": 3, "device": "cpu"}
    return train([toy(0), toy(1)], settings=settings, **(fixed | options)).last


def test_it_learns():
    learnt = run(replace(PLAN, epochs=6)).network()
    untrained = build_network(3, width=0.25, seed=3, picker="unet")
    before, after = (mean_f1(validate(n, toy(2), PLAN, device="cpu")) for n in (untrained, learnt))
    assert before < 0.3
    assert after > 0.8


def test_stopped_stored_and_continued_is_one_run(tmp_path):
    whole, half = run(), run(replace(PLAN, epochs=1))
    save_checkpoint(tmp_path / "half.safetensors", half)
    stored = load_checkpoint(tmp_path / "half.safetensors")
    assert stored.picker == "unet"
    resumed = run(start=stored)
    for part in ("weights", "averaged", "optimiser"):
        one, two = getattr(whole, part), getattr(resumed, part)
        assert one.keys() == two.keys()
        assert all(torch.equal(one[name], two[name]) for name in one)
    with pytest.raises(InputError, match="set `picker` to the checkpoint's"):
        run(replace(PLAN, picker="deepfinder"), start=stored)


def test_weights_are_those_of_the_seed_and_tiles_of_every_size_are_labelled():
    one, same, other = (
        build_network(3, width=0.1, seed=s, picker="unet").state_dict() for s in (1, 1, 2)
    )
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not all(torch.equal(one[name], other[name]) for name in one)
    network = build_network(3, width=0.1, seed=1, picker="unet")
    found = segment(toy(0).volume[:15], network, tile=16, margin=4, device="cpu")
    assert found.labels.shape == (7, 12, 12)


def test_without_monai_one_line_says_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "monai", None)
    for fails in (lambda: check_installed("unet"), run):
        with pytest.raises(InputError, match=r"pip install 'faket\[monai\]'") as error:
            fails()
        assert "\n" not in str(error.value)
    check_installed("deepfinder")
