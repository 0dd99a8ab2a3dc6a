"""Training a picker: epochs over objects, Adam, validation, checkpoints."""

import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch

from faket.device import Device
from faket.errors import InputError
from faket.picking.networks.checkpoint import Checkpoint, EpochRecord
from faket.picking.networks.learner import Batch, Learner
from faket.picking.networks.loss import confusion_counts, f1_per_class
from faket.picking.networks.network import VoxelNetwork
from faket.picking.networks.patches import (
    EpochDraws,
    LabelledTomogram,
    check_tomograms,
    cut_batch,
    draw_epoch,
)
from faket.picking.networks.segmentation import predict
from faket.picking.networks.settings import TrainingSettings
from faket.picking.spectrum import mean_spectrum


@dataclass(frozen=True)
class StepReport:
    """Progress of a training: epoch and step from 1, loss of the step, last mean F1 if any."""

    epoch: int
    epochs: int
    step: int
    steps: int
    loss: float
    f1: float | None = None


@dataclass(frozen=True)
class TrainedPicker:
    """The result of :func:`train`: the last epoch, and the best by validation.

    The best is that of the epochs of this call; if it continued a training, compare
    ``last.best_epoch``.
    """

    last: Checkpoint
    best: Checkpoint


def train(
    tomograms: Sequence[LabelledTomogram],
    *,
    classes: Sequence[str],
    voxel_size_A: float,
    settings: TrainingSettings | None = None,
    seed: int,
    validation: LabelledTomogram | None = None,
    scored: Sequence[int] | None = None,
    start: Checkpoint | None = None,
    device: Device = "auto",
    on_step: Callable[[StepReport], None] | None = None,
    on_epoch: Callable[[Checkpoint], None] | None = None,
) -> TrainedPicker:
    """Train a picker's network on labelled tomograms.

    Every epoch shows every object once, in random order, in floor(objects / batch) steps; patches
    are shifted and turned at random. The random numbers of an epoch are a function of (seed,
    epoch). On the CPU and with the same number of threads, a training that was stopped and
    continued from a checkpoint gives the same bits as one that was not.

    Parameters
    ----------
    tomograms : sequence of LabelledTomogram
    classes : sequence of str
        Name of each label, background first.
    voxel_size_A : float
    settings : TrainingSettings, optional
        The published ones by default.
    seed : int
    validation : LabelledTomogram, optional
        Segmented as a whole for the voxel-wise F1 by which the best epoch is chosen; not trained
        on. Without one, the last epoch is the best.
    scored : sequence of int, optional
        Labels whose mean F1 is compared; by default all but background.
    start : Checkpoint, optional
        To continue from, optimiser and history included; for fine-tuning on other tomograms give
        ``checkpoint.for_fine_tuning()``. ``settings.epochs`` counts its epochs too.
    device : {"auto", "cpu", "cuda"}
    on_step, on_epoch : callable, optional
        Called after every step and after every epoch.

    Returns
    -------
    TrainedPicker

    Raises
    ------
    InputError
        If masks do not fit, a patch is larger than a volume, there are fewer objects than a
        batch, the checkpoint has other classes, another width or all epochs, the training would
        end within its warm-up, or the loss is no longer finite.
    """
    plan = settings or TrainingSettings()
    names = tuple(classes)
    check_tomograms(tomograms, plan.patch, len(names))
    if validation is not None:
        check_tomograms([validation], 1, len(names))
    learner = Learner.begin(names, voxel_size_A, plan, seed, start, device)
    learner.spectrum = tuple(mean_spectrum([tomogram.volume for tomogram in tomograms]).tolist())
    last = learner.checkpoint(start.history if start else ())
    best: Checkpoint | None = None
    first = last.history[0].epoch if last.history else last.epoch + 1
    for epoch in range(last.epoch + 1, plan.epochs + 1):
        judged = [r.mean_f1 for r in last.history if r.mean_f1 is not None]
        known_f1 = judged[-1] if judged else None
        loss = _run_epoch(learner, tomograms, plan, seed, epoch, first, known_f1, on_step)
        record = EpochRecord(epoch, loss)
        due = epoch % plan.validate_every == 0 or epoch == plan.epochs
        if validation is not None and due:
            f1 = validate(learner.result, validation, plan, device=device)
            record = EpochRecord(epoch, loss, f1, mean_f1(f1, scored))
        learner.epoch = epoch
        last = learner.checkpoint((*last.history, record))
        if best is None or _better(record, best.history[-1]):
            best = last
        if on_epoch is not None:
            on_epoch(last)
    return TrainedPicker(last, best or last)


def validate(
    network: VoxelNetwork,
    tomogram: LabelledTomogram,
    settings: TrainingSettings,
    *,
    device: Device = "auto",
) -> tuple[float, ...]:
    """Return the voxel-wise F1 of each class on a whole tomogram, background first."""
    confusion = torch.zeros(network.n_classes, network.n_classes, dtype=torch.int64)
    parts = predict(
        tomogram.volume, network, mixed_precision=settings.mixed_precision, device=device
    )
    for part, scores in parts:
        truth = torch.from_numpy(np.ascontiguousarray(tomogram.labels[part.place]))
        found = scores.argmax(dim=0).cpu()
        confusion += confusion_counts(truth, found, network.n_classes)
    return tuple(f1_per_class(confusion).tolist())


def mean_f1(f1: Sequence[float], scored: Sequence[int] | None = None) -> float:
    """Return the mean over the scored classes that occur or are predicted; 0 if none is."""
    chosen = range(1, len(f1)) if scored is None else scored
    found = [f1[label] for label in chosen if not math.isnan(f1[label])]
    return sum(found) / len(found) if found else 0.0


def _better(record: EpochRecord, best: EpochRecord) -> bool:
    """Return whether an epoch is better than the best one; without F1 the later one is better."""
    if record.mean_f1 is None:
        return best.mean_f1 is None
    return best.mean_f1 is None or record.mean_f1 > best.mean_f1


def _run_epoch(
    learner: Learner,
    tomograms: Sequence[LabelledTomogram],
    settings: TrainingSettings,
    seed: int,
    epoch: int,
    first: int,
    known_f1: float | None,
    on_step: Callable[[StepReport], None] | None,
) -> float:
    """Train for one epoch and return the mean loss; ``first``: first epoch of this training."""
    draws = draw_epoch(
        [len(tomogram.centres) for tomogram in tomograms],
        batch=settings.batch,
        max_shift=settings.shift,
        rotations=settings.rotations,
        seed=seed,
        epoch=epoch,
        augment=settings.augmented,
    )
    steps = len(draws) // settings.batch
    before, in_all = (epoch - first) * steps, (settings.epochs - first + 1) * steps
    if settings.warm_up_steps >= in_all:
        raise InputError(
            f"training: expected more steps than the {settings.warm_up_steps} of the warm-up, "
            f"found {in_all} ({steps} an epoch); take more `steps`, or fewer `warm_up_steps`"
        )
    learner.network.train()
    losses = []
    with _tuned_convolutions():
        for step, batch in enumerate(_batches(tomograms, draws, settings), start=1):
            rate = settings.rate(before + step - 1, in_all)
            loss = learner.step(batch, settings, rate)
            if not math.isfinite(loss):
                raise InputError(
                    f"training: expected a finite loss, found {loss} in epoch {epoch}, step {step};"
                    " choose a smaller `learning_rate`"
                )
            losses.append(loss)
            if on_step is not None:
                on_step(StepReport(epoch, settings.epochs, step, steps, loss, known_f1))
    return math.fsum(losses) / len(losses)


def _batches(
    tomograms: Sequence[LabelledTomogram], draws: EpochDraws, settings: TrainingSettings
) -> Iterator[Batch]:
    """Cut each batch in a thread while the network trains on the one before; the order is fixed."""
    places = [slice(i, i + settings.batch) for i in range(0, len(draws), settings.batch)]

    def cut(place: slice) -> Batch:
        return cut_batch(
            tomograms, draws, place, patch=settings.patch, rotations=settings.rotations
        )

    with ThreadPoolExecutor(1) as pool:
        ahead = pool.submit(cut, places[0])
        for place in places[1:]:
            ready, ahead = ahead.result(), pool.submit(cut, place)
            yield ready
        yield ahead.result()


@contextmanager
def _tuned_convolutions() -> Iterator[None]:
    """Let cuDNN choose the fastest algorithms, because shapes are the same in every step."""
    before = torch.backends.cudnn.benchmark
    torch.backends.cudnn.benchmark = True
    try:
        yield
    finally:
        torch.backends.cudnn.benchmark = before
