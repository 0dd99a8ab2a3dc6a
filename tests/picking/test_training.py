"""Training: it learns, it resumes to the bit, and it refuses what does not fit."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from faket import load_species
from faket.errors import InputError
from faket.picking import Checkpoint, LabelledTomogram, TrainingSettings, cluster, segment, train
from faket.picking.networks.learner import Learner
from faket.picking.networks.training import mean_f1, validate
from faket.picking.sizes import objects_hit
from faket.specimen import SpecimenConfig, build_specimen


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """More threads only wait for each other on patches this small."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


CLASSES = ("background", "ball", "box")
QUICK = TrainingSettings(
    epochs=3, batch=2, patch=12, width=0.25, learning_rate=4e-3, cross_entropy=0.5
)


def test_a_training_that_ends_within_its_warm_up_is_refused():
    begun = replace(QUICK, epochs=2, warm_up_steps=6)
    with pytest.raises(InputError, match=r"than the 6 of the warm-up, found 6 \(3 an epoch\)"):
        train([toy(0)], classes=CLASSES, voxel_size_A=10.0, settings=begun, seed=0)
    enough = replace(begun, warm_up_steps=5)
    assert train([toy(0)], classes=CLASSES, voxel_size_A=10.0, settings=enough, seed=0).last


def toy(seed, n=6, shape=(16, 20, 24)):
    rng = np.random.default_rng(seed)
    labels, centres = np.zeros(shape, np.uint8), []
    for k in range(n):
        z, y, x = (int(rng.integers(4, size - 4)) for size in shape)
        labels[z - 3 : z + 4, y - 3 : y + 4, x - 3 : x + 4] = 1 + k % 2
        centres.append((z, y, x))
    volume = rng.normal(size=shape).astype(np.float32) - 3 * labels
    return LabelledTomogram(volume, labels, np.array(centres))


def run(settings=QUICK, **options):
    fixed = {"classes": CLASSES, "voxel_size_A": 10.0, "seed": 3, "device": "cpu"}
    return train([toy(0), toy(1)], settings=settings, **(fixed | options))


def assert_equal(one, two):
    for part in ("weights", "averaged", "optimiser"):
        first, second = getattr(one, part), getattr(two, part)
        assert first.keys() == second.keys()
        assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.fixture(scope="module")
def uninterrupted():
    return run(validation=toy(2))


class Interrupted(Exception):
    pass


@pytest.mark.parametrize(
    "changes", [{}, {"average_steps": 4, "warm_up_steps": 9, "schedule": "linear"}]
)
def test_resumed_through_storage_it_gives_the_same_bits(changes):
    settings, seen = replace(QUICK, **changes), []

    def interrupt(checkpoint):
        seen.append(checkpoint)
        raise Interrupted

    whole = run(settings, validation=toy(2)).last
    with pytest.raises(Interrupted):
        run(settings, validation=toy(2), on_epoch=interrupt)
    stored = Checkpoint.from_arrays(*seen[0].to_arrays())
    resumed = run(settings, validation=toy(2), start=stored).last
    assert_equal(resumed, whole)
    assert resumed.history == whole.history
    assert resumed.epoch == 3
    assert bool(resumed.averaged) == bool(changes)


def test_the_rate_rises_then_falls_to_zero_and_anew_when_fine_tuned(monkeypatch):
    settings, rates = replace(QUICK, epochs=2, warm_up_steps=3, schedule="linear"), []
    step = Learner.step

    def spy(self, batch, plan, rate):
        rates.append(rate)
        return step(self, batch, plan, rate)

    monkeypatch.setattr(Learner, "step", spy)
    start = run(settings).last.for_fine_tuning()
    run(replace(settings, epochs=4), start=start)
    factors = [1 / 3, 2 / 3 * 11 / 12, *(left / 12 for left in range(10, 0, -1))]
    assert rates == pytest.approx([settings.learning_rate * f for f in 2 * factors])
    assert QUICK.rate(0, 12) == QUICK.rate(11, 12) == QUICK.learning_rate


@pytest.mark.parametrize("memory", [2, 100])
def test_averaged_weights_are_a_mean_at_first_and_then_forget(memory):
    settings, seen = replace(QUICK, epochs=4, batch=12, average_steps=memory), []
    run(settings, on_epoch=seen.append)  # an epoch is one step
    expected = torch.zeros_like(seen[0].weights["classify.weight"])
    for step, checkpoint in enumerate(seen, start=1):
        expected += (checkpoint.weights["classify.weight"] - expected) / min(step, memory)
        found = checkpoint.averaged["classify.weight"]
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-7)
    assert not torch.equal(found, checkpoint.weights["classify.weight"])


def test_averaged_weights_are_judged_and_pick_and_leave_the_training_as_it_was(uninterrupted):
    settings = replace(QUICK, average_steps=4)
    last = run(settings, validation=toy(2)).last
    assert_equal(replace(last, averaged={}), uninterrupted.last)
    picker = last.network()
    assert torch.equal(picker.classify.weight, last.averaged["classify.weight"])
    assert last.history[-1].f1 == validate(picker, toy(2), settings, device="cpu")
    assert last.history[-1].f1 != uninterrupted.last.history[-1].f1
    tuned = last.for_fine_tuning()
    assert_equal(
        replace(tuned, optimiser={}),
        replace(last, weights=last.averaged, averaged={}, optimiser={}),
    )


def test_another_seed_gives_another_network(uninterrupted):
    other = run(replace(QUICK, epochs=1), seed=4).last
    assert not torch.equal(
        other.weights["classify.weight"], uninterrupted.last.weights["classify.weight"]
    )


def test_fine_tuning_keeps_the_optimiser_and_counts_on(uninterrupted):
    start = uninterrupted.last.for_fine_tuning()
    tuned = run(replace(QUICK, epochs=4), start=start, seed=8).last
    steps = 12 // QUICK.batch
    assert float(tuned.optimiser["step:classify.weight"]) == 4 * steps
    assert [record.epoch for record in tuned.history] == [4]
    fresh = replace(start, optimiser={})
    assert not torch.equal(
        run(replace(QUICK, epochs=4), start=fresh, seed=8).last.weights["classify.weight"],
        tuned.weights["classify.weight"],
    )


def test_the_best_epoch_is_the_first_of_the_highest_f1(uninterrupted):
    history = uninterrupted.last.history
    scores = [record.mean_f1 for record in history]
    best = 1 + int(np.argmax(scores))
    assert uninterrupted.last.best_epoch == uninterrupted.best.epoch == best
    assert run(replace(QUICK, epochs=2)).best.epoch == 2  # nothing to judge by: the last


def test_reports_every_step_and_every_epoch():
    steps, epochs = [], []
    run(replace(QUICK, epochs=2), on_step=steps.append, on_epoch=epochs.append)
    assert [(s.epoch, s.step) for s in steps] == [(e, s) for e in (1, 2) for s in range(1, 7)]
    assert epochs[0].history[0].loss == pytest.approx(np.mean([s.loss for s in steps[:6]]))


def test_mean_f1_leaves_out_classes_that_are_nowhere():
    assert mean_f1([0.9, 0.5, float("nan"), 1.0]) == pytest.approx(0.75)
    assert mean_f1([0.9, 0.5, float("nan"), 1.0], scored=[1, 2]) == pytest.approx(0.5)
    assert mean_f1([0.9, float("nan")]) == 0.0


@pytest.mark.parametrize(
    ("changes", "options", "word"),
    [
        ({}, {"classes": ("background", "ball", "rod")}, "same classes in the same order"),
        ({}, {"voxel_size_A": 13.0}, "rescale"),
        ({"width": 0.5}, {}, "width"),
        ({"epochs": 3}, {}, "more epochs"),
    ],
)
def test_refuses_the_checkpoint_of_another_training(uninterrupted, changes, options, word):
    with pytest.raises(InputError, match=word):
        run(replace(QUICK, **({"epochs": 9} | changes)), start=uninterrupted.last, **options)


def test_refuses_a_step_that_blows_up():
    with pytest.raises(InputError, match="smaller `learning_rate`"):
        run(replace(QUICK, cross_entropy=3.4e38))


def test_refuses_a_damaged_checkpoint(uninterrupted):
    arrays, facts = uninterrupted.last.to_arrays()
    some = {name: array for name, array in arrays.items() if "classify" not in name}
    broken = {name: np.full_like(array, np.nan) for name, array in arrays.items()}
    wide, many = replace(facts, width=8.0), replace(facts, classes=("a",) * 256)
    for damaged in [(some, facts), (broken, facts), (arrays, wide), (arrays, many)]:
        with pytest.raises(InputError, match="checkpoint: expected"):
            Checkpoint.from_arrays(*damaged)
    wrong = replace(uninterrupted.last, epoch=0, history=(), optimiser={
        name: value[:1] for name, value in uninterrupted.last.optimiser.items() if value.ndim
    })  # fmt: skip
    with pytest.raises(InputError, match="Adam's state"):
        run(start=wrong)


NAMES = ("syn-elbow", "syn-ring", "syn-barrel")


def embedded(species, seed):
    """A small slab of embedded species with some noise, protein dark; 13 Å voxels."""
    config = SpecimenConfig(
        size_voxels=(72, 72, 40), voxel_size_A=13.0, particles=(40, 40), vesicles=(0, 0),
        gold=(0, 0),
    )  # fmt: skip
    made = build_specimen(config, species, seed=seed)
    signal = -made.potential.data / made.potential.data.std()
    noise = np.random.default_rng(seed).normal(0, 0.3, signal.shape)
    centres = np.rint(made.particles.positions_A[:, ::-1] / 13.0).astype(int)
    tomogram = LabelledTomogram((signal + noise).astype(np.float32), made.class_mask, centres)
    return tomogram, made


def test_learns_to_find_and_class_three_species_in_a_tomogram_it_has_not_seen():
    species = [load_species(f"synthetic:{name}", voxel_size_A=13.0) for name in NAMES]
    settings = TrainingSettings(
        epochs=8, batch=4, patch=20, width=0.25, learning_rate=2e-3, cross_entropy=1.0
    )
    trained = train(
        [embedded(species, seed)[0] for seed in (0, 1)],
        classes=("background", *NAMES),
        voxel_size_A=13.0,
        settings=settings,
        seed=0,
        device="cpu",
    )
    unseen, truth = embedded(species, 9)
    labels = segment(unseen.volume, trained.last.network(), device="cpu")
    found = cluster(labels.labels, labels.scores)
    hit = objects_hit(found, truth.instance_mask)
    objects = np.unique(hit[hit > 0])
    assert 2 * len(objects) / (len(found) + 40) > 0.55
    predicted = found.labels[hit > 0]
    right = [truth.particles.species[i - 1] for i in hit[hit > 0]]
    assert np.mean([NAMES[n - 1] == name for n, name in zip(predicted, right, strict=True)]) > 0.5
