"""Picking with a trained network, and the sizes of particles that it uses."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from faket.data import Volume
from faket.device import Device
from faket.errors import InputError
from faket.evaluation.matching import Picks
from faket.evaluation.scores import default_excluded
from faket.pickers.labelled import LabelledModel, check_varies
from faket.picking import (
    Checkpoint,
    Clusters,
    Segmentation,
    cluster,
    learn_minimum_sizes,
    learn_typical_sizes,
    segment,
)
from faket.picking.clustering import ClusteringMethod
from faket.picking.networks.segmentation import TILE
from faket.picking.sizes import NEVER
from faket.vocabulary import is_extended

_VOXEL_TOLERANCE = 0.02


@dataclass(frozen=True)
class Picked:
    """The particles found in a tomogram, and the segmentation in which they were found."""

    picks: Picks
    segmentation: Segmentation


def pick(
    tomogram: Volume,
    checkpoint: Checkpoint,
    *,
    method: ClusteringMethod = "components",
    minimum_sizes: Sequence[int] | None = None,
    tile: int = TILE,
    device: Device = "auto",
    progress: Callable[[int, int], None] | None = None,
) -> Picked:
    """Find particles in a tomogram with a trained picker.

    Parameters
    ----------
    tomogram : Volume
        With the voxel size and contrast of the training.
    checkpoint : Checkpoint
    method : {"components", "meanshift"}
        See :func:`faket.picking.cluster`.
    minimum_sizes : sequence of int, optional
        Smallest number of voxels (binned by 2) of each class. By default those that the checkpoint
        has learnt. These are for components; mean shift only uses which classes are not picked.
    tile : int
        Largest side of a tile, voxels; memory grows with its cube.
    device : {"auto", "cpu", "cuda"}
    progress : callable, optional
        Called with (tiles done, tiles in all).

    Returns
    -------
    Picked
        Picks are ordered from the largest cluster to the smallest.

    Raises
    ------
    InputError
        If the voxel sizes differ by over 2 %, or the tomogram is too small or constant.
    """
    if abs(tomogram.voxel_size_A / checkpoint.voxel_size_A - 1) > _VOXEL_TOLERANCE:
        raise InputError(
            f"tomogram: expected voxels of {checkpoint.voxel_size_A:g} Å as in training, found "
            f"{tomogram.voxel_size_A:g} Å; rescale it, or give `voxel_size_A` if a header is wrong"
        )
    check_varies("tomogram", tomogram)
    segmentation = segment(
        tomogram.data, checkpoint.network(), tile=tile, device=device, progress=progress
    )
    found = _clusters(segmentation, checkpoint, method)
    sizes = _learnt_sizes(checkpoint, method) if minimum_sizes is None else minimum_sizes
    if sizes is not None:
        found = found.at_least(sizes)
    particles = found.to_particles(checkpoint.classes, tomogram.voxel_size_A)
    picks = Picks(particles.species, particles.positions_A, scores=found.scores)
    return Picked(picks, segmentation)


def with_sizes(checkpoint: Checkpoint, model: LabelledModel, device: Device) -> Checkpoint:
    """Return a checkpoint with the usual and smallest sizes of particles, learnt on a tomogram.

    Parameters
    ----------
    checkpoint : Checkpoint
    model : LabelledModel
        With its instance mask and the classes of the checkpoint.
    device : {"auto", "cpu", "cuda"}
    """
    found = segment(model.tomogram.volume, checkpoint.network(), device=device)
    mask, labels, classes = model.instance_mask, model.object_labels, checkpoint.classes
    usual = learn_typical_sizes(_clusters(found, checkpoint), mask, labels, n_classes=len(classes))
    checkpoint = replace(checkpoint, typical_sizes=usual)
    fewest = learn_minimum_sizes(
        _clusters(found, checkpoint),
        mask,
        labels,
        n_classes=len(classes),
        unscored=[classes.index(name) for name in default_excluded(classes[1:])],
        typical_sizes=usual,
    )
    return replace(checkpoint, minimum_sizes=fewest)


def _learnt_sizes(checkpoint: Checkpoint, method: ClusteringMethod) -> Sequence[int] | None:
    sizes = checkpoint.minimum_sizes
    if sizes is None or method == "components":
        return sizes
    return [NEVER if size == NEVER else 1 for size in sizes]


def _clusters(
    found: Segmentation, checkpoint: Checkpoint, method: ClusteringMethod = "components"
) -> Clusters:
    return cluster(
        found.labels,
        found.scores,
        binning=found.binning,
        method=method,
        shells=_shells(checkpoint.classes),
        typical_sizes=checkpoint.typical_sizes,
    )


def _shells(classes: Sequence[str]) -> tuple[int, ...]:
    return tuple(label for label, name in enumerate(classes) if is_extended(name))
