"""Train a picker on labelled tomograms, and pick with it."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from faket.cli.common import Count, NotNegative, Positive, Seed, Where, record_manifest
from faket.cli.outputs import OutFolder, OutMask, OutPicks
from faket.errors import InputError

_QUICK_STEPS = 3000
NotNegativeNumber = Annotated[float, Parameter(validator=Number(gte=0))]


def train(
    *data: Path,
    out: OutFolder,
    validation: Path | None = None,
    start: Path | None = None,
    preset: Literal["published", "quick"] = "published",
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
    mixed_precision: bool = True,
    validate_every: Count = 1,
    keep_every: NotNegative = 0,
    voxel_size_A: Positive | None = None,
    seed: Seed = 0,
    device: Where = "auto",
) -> None:
    """Train DeepFinder on labelled tomograms. Run again, it continues an interrupted training.

    Parameters
    ----------
    data
        Data sets of `faket simulate`, SHREC'21's folders, or folders with reconstruction.mrc and
        class_mask.mrc. Of two or more tomograms, the last is used for validation only.
    out
        Folder to write: best.safetensors, last.safetensors, history.csv.
    validation
        Folder of the tomogram for validation, instead of the last of the data.
    start
        Checkpoint to fine-tune: network, optimiser and count of epochs go on from it.
    preset
        published: FakET's. quick: for a CPU or few data, a small network and patch. Their values
        are given below, published first.
    epochs
        In all, with those of the checkpoint; more than before continue a finished training, if
        its schedule is constant. An epoch takes every object once: objects / batch steps.
        [default: 110 for published]
    steps
        Instead of epochs: about so many steps, in whole epochs, beside those of the checkpoint.
        [default: 3000 for quick]
    batch
        Patches a step. [25, 8]
    patch
        Side of a patch, voxels, a multiple of 4: what is seen at once, a particle or most of it.
        [56, 24]
    width
        Factor on the network's channels; the time goes with its square. [1, 0.25]
    learning_rate
        Of Adam, at its highest. [0.0001, 0.002]
    warm_up_steps
        Steps over which the learning rate rises from zero. [0, 200]
    schedule
        Of the learning rate: constant, or linear, falling to zero at the end of the last epoch.
        [constant, linear]
    average_steps
        Steps over which the weights that pick are averaged. [0, 100]
    cross_entropy
        Weight of a cross-entropy added to DeepFinder's loss. [0, 1]
    max_shift
        Random shift of patches, voxels. [default: 13/56 of the patch]
    rotations
        Random half turns: none, about y (the tilt axis), or about x, y and z.
    mixed_precision
        Half precision where it is safe; CUDA only.
    validate_every
        Epochs between validations.
    keep_every
        Keep a checkpoint of every so many epochs; 0 keeps the best and the last only.
    voxel_size_A
        Voxel size of all tomograms in Å, instead of that in their headers.
    seed
        Seed of the network and of all patches.
    device
        Where to compute.
    """
    from faket.cli.progress import reporting
    from faket.pickers.train import train_picker
    from faket.picking import TRAINING_PRESETS

    if not data:
        raise InputError("train: expected at least one folder of labelled tomograms, found none")
    if epochs is not None and steps is not None:
        raise InputError("train: expected --epochs or --steps, found both; leave one out")
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
        rotations=rotations,
        mixed_precision=mixed_precision,
        validate_every=validate_every,
        **{name: value for name, value in changes.items() if value is not None},
    )
    with reporting("train") as report:
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
    """Pick particles in a tomogram with a trained picker.

    Parameters
    ----------
    tomogram
        MRC volume with the voxel size and contrast of the training.
    checkpoint
        best.safetensors of `faket train`.
    out
        Picks to write, largest first: .csv, .star (RELION 5; class numbers as in training) or
        .txt (SHREC'21). The score is the share of its voxels that have the particle's class.
    method
        components: touching voxels form a particle, and touching particles are cut at necks.
        meanshift: as published; slower, and without smallest sizes from the checkpoint.
    minimum_size
        Fewest voxels of a particle of any class, counted with the tomogram binned by 2, instead
        of what the checkpoint has learnt for each. Learnt sizes leave out vesicles, which are not
        scored.
    labels
        Also write the label of each voxel, binned by 2, as MRC.
    tile
        Largest side of the parts that are segmented at once, voxels; smaller takes less memory.
    voxel_size_A
        Voxel size of the tomogram in Å, instead of that in its header.
    device
        Where to compute.
    """
    from faket.cli.progress import reporting
    from faket.io.checkpoints import load_checkpoint
    from faket.io.mrc import read_volume, write_mask
    from faket.io.picks import write_picks
    from faket.io.verification import check_intact
    from faket.pickers.pick import pick as pick_particles
    from faket.picking.sizes import NEVER

    check_intact([checkpoint, tomogram])
    picker = load_checkpoint(checkpoint)
    volume = read_volume(tomogram, voxel_size_A=voxel_size_A)
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
        print(f"{name}: {'left out; --minimum-size keeps it' if left_out else count}")
