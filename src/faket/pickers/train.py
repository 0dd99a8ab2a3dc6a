"""Training a picker on folders of labelled tomograms; it can be interrupted and continued."""

import csv
import io
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import chain
from pathlib import Path

import numpy as np

from faket.device import Device
from faket.errors import InputError
from faket.io.atomic import atomic_path
from faket.io.checkpoints import load_checkpoint, save_checkpoint
from faket.io.folder_lock import folder_lock
from faket.io.leftovers import is_temporary
from faket.io.manifest import run_path, write_manifest
from faket.io.model_folder import MANIFEST
from faket.pickers.labelled import (
    LabelledModel,
    common_classes,
    find_models,
    is_scored,
    model_files,
    read_labelled,
)
from faket.pickers.pick import with_sizes
from faket.pickers.stamp import LAST, STAMP, check_place, claim, training_stamp
from faket.picking import Checkpoint, TrainingSettings, train
from faket.picking.networks import StepReport
from faket.picking.networks.choose import check_installed
from faket.picking.spectrum import mean_spectrum, spectrum_notice
from faket.reports import Report

BEST, HISTORY = "best.safetensors", "history.csv"


@dataclass(frozen=True)
class Training:
    """A finished training: its folder, the best checkpoint's file, and that checkpoint."""

    folder: Path
    best: Path
    checkpoint: Checkpoint


def train_picker(
    sources: Sequence[Path],
    out: Path,
    *,
    settings: TrainingSettings | None = None,
    steps: int | None = None,
    seed: int = 0,
    validation: Path | None = None,
    start: Path | None = None,
    keep_every: int = 0,
    voxel_size_A: float | None = None,
    device: Device = "auto",
    report: Report | None = None,
) -> Training:
    """Train a picker, or continue a training that was interrupted.

    Parameters
    ----------
    sources : sequence of Path
        Model folders or folders of them; see :func:`faket.pickers.labelled.read_labelled`.
    out : Path
        Folder to write: ``best.safetensors`` (the best by validation, with the sizes of clusters
        learnt on the validation tomogram), ``last.safetensors``, ``history.csv``,
        ``manifest.json``.
    settings : TrainingSettings, optional
        More epochs than before continue a finished training, if its learning rate is constant.
    steps : int, optional
        Approximate number of steps, rounded to whole epochs, instead of the settings' epochs.
    seed : int
    validation : Path, optional
        A model folder that is not trained on. By default the last of the sources, if there are
        two or more; with one source there is no validation and the last epoch is the best.
    start : Path, optional
        Checkpoint to fine-tune: network, optimiser and number of epochs continue from it.
    keep_every : int
        Also keep a checkpoint every so many epochs, as ``epoch_0010.safetensors``; 0: none.
    voxel_size_A : float, optional
        Of all tomograms, instead of the ones in the headers.
    device : {"auto", "cpu", "cuda"}
    report : callable, optional
        Called with (what, steps done, steps in all).

    Returns
    -------
    Training

    Raises
    ------
    InputError
        If data or checkpoint cannot be used, or ``out`` contains another training.
    """
    plan = settings or TrainingSettings()
    check_installed(plan.picker)  # before anything is read
    models, held_out = _split(sources, validation)
    folders = (*models, *([held_out] if held_out else []))
    inputs = [*chain.from_iterable(map(model_files, folders)), *([start] if start else [])]
    loaded = [_lighter(read_labelled(folder, voxel_size_A=voxel_size_A)) for folder in models]
    if steps is not None:
        n_objects = sum(len(model.tomogram.centres) for model in loaded)
        plan = plan.for_steps(steps, n_objects, before=load_checkpoint(start).epoch if start else 0)
    stamp = training_stamp(plan, seed, inputs, held_out is not None, voxel_size_A)
    say: Report = report or (lambda what, done, total: None)
    _check_folder(out)
    with folder_lock(out, notice=lambda what: say(what, 0, 0)):
        check_place(out, stamp, say)
        judge = read_labelled(held_out, voxel_size_A=voxel_size_A) if held_out else None
        if judge is not None and (notice := _spectra_notice(loaded, judge)):
            say(f"{judge.folder}: {notice}", 0, 0)
        classes = common_classes([*loaded, *([judge] if judge else [])])
        before = _before(out, start, plan)
        if before is None or before.epoch < plan.epochs or not (out / LAST).exists():
            _forget_shorter(out)
            train(
                [model.tomogram for model in loaded],
                classes=classes,
                voxel_size_A=loaded[0].voxel_size_A,
                settings=plan,
                seed=seed,
                validation=judge.tomogram if judge else None,
                scored=[n for n, name in enumerate(classes) if n and is_scored(name)],
                start=before,
                device=device,
                on_step=_step_reporter(report),
                on_epoch=lambda checkpoint: _keep(out, stamp, checkpoint, keep_every),
            )
        best = load_checkpoint(out / BEST)
        if judge is not None:
            say("learning the sizes of clusters", 0, 1)
            best = with_sizes(replace(best, typical_sizes=None), judge, device)
            save_checkpoint(out / BEST, best)
        write_manifest(
            out / MANIFEST,
            kind="picker",
            settings={**asdict(plan), "voxel_size_A": voxel_size_A},
            seed=seed,
            record={"best_epoch": best.best_epoch, "classes": classes},
            inputs=inputs,
            outputs=_outputs(out),
            run={},
        )
    return Training(out, out / BEST, best)


def _check_folder(out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise InputError(f"{out}: expected a folder, found a file; choose another name")


def _forget_shorter(out: Path) -> None:
    """Remove the manifest of the shorter training that is continued."""
    for file in (out / MANIFEST, run_path(out / MANIFEST)):
        file.unlink(missing_ok=True)


def _outputs(out: Path) -> list[Path]:
    kept = sorted(path for path in out.glob("epoch_*.safetensors") if not is_temporary(path))
    return sorted([*kept, *(out / name for name in (BEST, LAST, HISTORY, STAMP))])


def _split(sources: Sequence[Path], validation: Path | None) -> tuple[list[Path], Path | None]:
    """Return the models to train on, and the one to validate on."""
    models = list(find_models(sources))
    if validation is None:
        return (models[:-1], models[-1]) if len(models) > 1 else (models, None)
    held_out = find_models([validation])
    if len(held_out) != 1:
        raise InputError(
            f"{validation}: expected the folder of one model, found {len(held_out)}; name one of "
            "them"
        )
    models = [model for model in models if model.resolve() != held_out[0].resolve()]
    if not models:
        raise InputError(
            f"{validation}: expected other tomograms to train on, found only this one; name more"
        )
    return models, held_out[0]


def _spectra_notice(models: Sequence[LabelledModel], judge: LabelledModel) -> str | None:
    expected = mean_spectrum([model.tomogram.volume for model in models])
    return spectrum_notice(judge.tomogram.volume, expected, judge.voxel_size_A)


def _lighter(model: LabelledModel) -> LabelledModel:
    """Drop the instance mask, which only validation needs."""
    return replace(model, instance_mask=np.zeros((0, 0, 0), np.uint16))


def _before(out: Path, start: Path | None, plan: TrainingSettings) -> Checkpoint | None:
    """Return the checkpoint to continue from: this training's last, or the one to fine-tune."""
    if not (out / LAST).exists():
        return load_checkpoint(start).for_fine_tuning() if start else None
    before = load_checkpoint(out / LAST)
    if before.epoch > plan.epochs:
        raise InputError(
            f"{out}: expected at least the {before.epoch} epochs already trained, found "
            f"{plan.epochs}; give a larger number, or choose another folder"
        )
    return before


def _keep(out: Path, stamp: bytes, checkpoint: Checkpoint, keep_every: int) -> None:
    """Write the files of an epoch, last.safetensors at the end, from which a run continues."""
    claim(out, stamp)
    if keep_every and checkpoint.epoch % keep_every == 0:
        save_checkpoint(out / f"epoch_{checkpoint.epoch:04}.safetensors", checkpoint)
    if checkpoint.is_best:
        save_checkpoint(out / BEST, checkpoint)
    _write_history(out / HISTORY, checkpoint)
    save_checkpoint(out / LAST, checkpoint)


def _write_history(path: Path, checkpoint: Checkpoint) -> None:
    """Write one row per epoch: loss, mean F1, F1 of each class; empty if unknown."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["epoch", "loss", "mean_f1", *(f"f1 {name}" for name in checkpoint.classes)])
    for record in checkpoint.history:
        f1 = record.f1 or (math.nan,) * len(checkpoint.classes)
        cells = [record.loss, math.nan if record.mean_f1 is None else record.mean_f1, *f1]
        writer.writerow([record.epoch, *("" if math.isnan(x) else repr(x) for x in cells)])
    with atomic_path(path) as temporary:
        temporary.write_bytes(buffer.getvalue().encode())


def _step_reporter(report: Report | None) -> Callable[[StepReport], None] | None:
    if report is None:
        return None

    def report_step(step: StepReport) -> None:
        validated = "" if step.f1 is None else f", F1 {step.f1:.3f}"
        what = f"epoch {step.epoch} of {step.epochs}, loss {step.loss:.3f}{validated}"
        report(what, (step.epoch - 1) * step.steps + step.step, step.epochs * step.steps)

    return report_step
