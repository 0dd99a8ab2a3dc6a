"""The commands `train` and `pick`: a picker trained on labelled tomograms, and its use."""

from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from faket.cli.common import (
    Count,
    NotNegative,
    NotNegativeNumber,
    Positive,
    Seed,
    Where,
    print_notices,
    record_manifest,
)
from faket.cli.outputs import OutFolder, OutMask, OutPicks
from faket.cli.wording import in_words_of
from faket.errors import InputError

_QUICK_STEPS = 3000


def train(
    *data: Path,
    out: OutFolder,
    validation: Path | None = None,
    start: Path | None = None,
    preset: Literal["published", "quick"] = "published",
    picker: Literal["deepfinder", "unet"] = "deepfinder",
    epochs: Count | None = None,
    steps: Count | None = None,
    batch: Count | None = None,
    patch: Count | None = None,
    width: Positive | None = None,
    learning_rate: Positive | None = None,
    warm_up_steps: NotNegative | None = None,
    schedule: Literal["constant", "linear"] | None = None,
    average_steps: NotNegative | None = None,
    cross_entropy: NotNegativeNumber | None = None,
    max_shift: NotNegative | None = None,
    rotations: Literal["none", "y", "xyz"] = "y",
    augment: bool | None = None,
    mixed_precision: bool = True,
    validate_every: Count = 1,
    keep_every: NotNegative = 0,
    voxel_size_A: Positive | None = None,
    seed: Seed = 0,
    device: Where = "auto",
) -> None:
    """Train a neural network that picks particles on labelled tomograms.

    If the command was interrupted, run it again: it continues with the last finished epoch. Where
    an option below has two values in brackets, they are those of the presets published and quick.

    Parameters
    ----------
    data
        Folders of labelled tomograms: data sets of `faket simulate`, SHREC'21's folders, or folders
        with reconstruction.mrc and class_mask.mrc. If there are two or more tomograms, the last is
        used for validation only.
    out
        Folder to write: best.safetensors, last.safetensors and history.csv.
    validation
        Folder of the tomogram for validation, instead of the last of the data.
    start
        Checkpoint to fine-tune: network, optimiser and number of epochs continue from it.
    preset
        published: the training of FakET's paper. quick: a small network with small patches, for a
        CPU or few data.
    picker
        Network: deepfinder, as in FakET's paper, or unet, a residual U-Net as in the CZII challenge
        (needs monai: pip install 'faket[monai]'). `faket pick` reads it from the checkpoint.
    epochs
        Number of epochs in all, including those of the checkpoint. A larger number than before
        continues a finished training, if its schedule is constant. In an epoch every object is
        shown once, which takes objects / batch steps. [default: 110 for published]
    steps
        Approximate number of optimiser steps instead of --epochs, rounded to whole epochs and not
        including those of the checkpoint. [default: 3000 for quick]
    batch
        Patches in one step. [25, 8]
    patch
        Side of a patch in voxels, a multiple of 4; a patch should hold most of a particle.
        [56, 24]
    width
        Factor on the number of channels of the network; the time grows with its square. [1, 0.25]
    learning_rate
        Highest learning rate of the optimiser (Adam). [0.0001, 0.002]
    warm_up_steps
        Number of steps in which the learning rate rises from zero. [0, 200]
    schedule
        Learning rate after the warm-up: constant, or linear, which falls to zero at the end of the
        last epoch. [constant, linear]
    average_steps
        Number of steps over which the weights used for picking are averaged; 0: none. [0, 100]
    cross_entropy
        Weight of a cross-entropy added to DeepFinder's Dice loss. [0, 1]
    max_shift
        Largest random shift of a patch from its particle, in voxels. [default: 13/56 of the patch]
    rotations
        Random half turns of the patches: none, about y (the tilt axis), or about x, y and z.
    augment
        Change the patches at random by smooth filters, noise, contrast and brightness, so that the
        picker bears tomograms of other programs. [default: for unet only]
    mixed_precision
        Compute in half precision where that is safe; on CUDA GPUs only.
    validate_every
        Number of epochs between validations.
    keep_every
        Keep a checkpoint every so many epochs; 0 keeps only the best and the last.
    voxel_size_A
        Voxel size of all tomograms in Å, instead of the ones in their headers.
    seed
        Seed of everything that is drawn at random: first weights and patches.
    device
        Processor to use: auto takes a CUDA GPU if there is one.
    """
    from faket.cli.progress import reporting
    from faket.pickers.train import train_picker
    from faket.picking import TRAINING_PRESETS

    if not data:
        raise InputError(
            "train: expected at least one folder of labelled tomograms, found none; name one"
        )
    if epochs is not None and steps is not None:
        raise InputError("train: expected either --epochs or --steps, found both; leave one out")
    if epochs is None and steps is None and preset == "quick":
        steps = _QUICK_STEPS
    changes: dict[str, Any] = {
        "epochs": epochs,
        "batch": batch,
        "patch": patch,
        "width": width,
        "learning_rate": learning_rate,
        "warm_up_steps": warm_up_steps,
        "schedule": schedule,
        "average_steps": average_steps,
        "cross_entropy": cross_entropy,
        "max_shift": max_shift,
    }
    settings = replace(
        TRAINING_PRESETS[preset],
        picker=picker,
        rotations=rotations,
        augment=augment,
        mixed_precision=mixed_precision,
        validate_every=validate_every,
        **{name: value for name, value in changes.items() if value is not None},
    )
    with reporting("train", train) as report:
        trained = train_picker(
            data,
            out,
            settings=settings,
            steps=steps,
            seed=seed,
            validation=validation,
            start=start,
            keep_every=keep_every,
            voxel_size_A=voxel_size_A,
            device=device,
            report=report,
        )
    last = trained.checkpoint.history[-1]
    judged = "" if last.mean_f1 is None else f", mean F1 {last.mean_f1:.4f} on validation"
    print(f"{trained.best}: epoch {last.epoch}{judged}")


def pick(
    tomogram: Path,
    checkpoint: Path,
    /,
    *,
    out: OutPicks,
    method: Literal["components", "meanshift"] = "components",
    minimum_size: NotNegative | None = None,
    labels: OutMask | None = None,
    tile: Count = 160,
    voxel_size_A: Positive | None = None,
    device: Where = "auto",
) -> None:
    """Find particles in a tomogram with a network that `faket train` has trained.

    Parameters
    ----------
    tomogram
        MRC volume with the voxel size and the contrast of the training tomograms, reconstructed
        by the same program with the same filter; if its spectrum differs, a notice says so.
    checkpoint
        Trained network: best.safetensors of `faket train`.
    out
        Picks to write, largest first: .csv, .star (RELION 5; class numbers as in training) or
        .txt (SHREC'21). The score of a pick is the fraction of its voxels that have its class.
    method
        How labelled voxels become particles. components: connected voxels are one particle;
        touching particles are separated at necks. meanshift: the published method; slower, and
        without the smallest sizes that the checkpoint has learnt.
    minimum_size
        Smallest number of voxels of a particle, counted in the tomogram binned by 2, for all
        classes. By default the checkpoint has learnt one for each class, and none for vesicles,
        which are then not picked.
    labels
        MRC mask to write as well: the predicted class of each voxel of the tomogram binned by 2.
    tile
        Largest side, in voxels, of the parts in which the tomogram is segmented. Smaller parts
        need less memory.
    voxel_size_A
        Voxel size of the tomogram in Å, instead of the one in its header.
    device
        Processor to use: auto takes a CUDA GPU if there is one.
    """
    from faket.cli.progress import reporting
    from faket.io.checkpoints import load_checkpoint
    from faket.io.mrc import write_mask
    from faket.io.picks import write_picks
    from faket.io.tomograms import read_tomogram
    from faket.io.verification import check_intact
    from faket.pickers.pick import pick as pick_particles
    from faket.picking.sizes import NEVER
    from faket.picking.spectrum import spectrum_notice

    check_intact([checkpoint, tomogram])
    picker = load_checkpoint(checkpoint)
    volume = read_tomogram(tomogram, voxel_size_A=voxel_size_A)
    notice = spectrum_notice(volume.data, picker.spectrum, volume.voxel_size_A)
    print_notices(tomogram, in_words_of(train, notice) if notice else "")
    sizes = None if minimum_size is None else [minimum_size] * len(picker.classes)
    with reporting("pick") as report:
        found = pick_particles(
            volume,
            picker,
            method=method,
            minimum_sizes=sizes,
            tile=tile,
            device=device,
            progress=lambda done, total: report("tiles", done, total),
        )
    z, y, x = volume.data.shape
    write_picks(
        out,
        found.picks,
        (z, y, x),
        volume.voxel_size_A,
        tomogram=tomogram.stem,
        classes=dict(enumerate(picker.classes)),
    )
    settings = {"method": method, "minimum_size": minimum_size, "tile": tile}
    record_manifest(out, "pick", settings, [tomogram, checkpoint])
    if labels is not None:
        binned = found.segmentation
        write_mask(labels, binned.labels, binned.binning * volume.voxel_size_A)
        record_manifest(labels, "pick", settings, [tomogram, checkpoint])
    learnt = picker.minimum_sizes if sizes is None else None
    for label, name in enumerate(picker.classes[1:], start=1):
        left_out = learnt is not None and learnt[label] == NEVER
        count = found.picks.species.count(name)
        print(f"{name}: {'not picked; --minimum-size includes it' if left_out else count}")
