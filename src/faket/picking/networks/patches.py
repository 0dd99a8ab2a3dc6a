"""Training patches around objects: first everything random is drawn, then patches are cut."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from faket.data import FloatArray
from faket.errors import InputError
from faket.picking.networks.augmentation import augmented
from faket.picking.networks.network import MAX_CLASSES
from faket.seeds import generator

Rotations = Literal["none", "y", "xyz"]

# Half turns about x, y, z as flips of the axes [z, y, x]; each keeps a missing wedge about y.
_HALF_TURNS: dict[Rotations, tuple[tuple[bool, bool, bool], ...]] = {
    "none": ((False, False, False),),
    "y": ((False, False, False), (True, False, True)),
    "xyz": ((False, False, False), (True, False, True), (True, True, False), (False, True, True)),
}


@dataclass(frozen=True)
class LabelledTomogram:
    """A tomogram with labels, to train on.

    Attributes
    ----------
    volume : ndarray, shape (z, y, x), float32
        Any scale; may be a memory map.
    labels : ndarray, shape (z, y, x), uint8
        Class of each voxel, 0 for background.
    centres : ndarray, shape (objects, 3)
        Voxel z y x of each object; patches are cut around them.
    name : str
        For messages.
    """

    volume: FloatArray
    labels: NDArray[np.uint8]
    centres: NDArray[np.int64]
    name: str = "tomogram"

    def __post_init__(self) -> None:
        """Check that the parts belong together.

        Raises
        ------
        InputError
            If volume and labels differ in shape, there is no object, or one lies outside.
        """
        shape = self.volume.shape
        if len(shape) != 3 or self.labels.shape != shape:
            raise InputError(
                f"{self.name}: expected a volume and labels of one shape (z, y, x), found {shape} "
                f"and {self.labels.shape}; give the mask of this tomogram"
            )
        centres = np.asarray(self.centres)
        if centres.ndim != 2 or centres.shape[1] != 3 or len(centres) == 0:
            raise InputError(
                f"{self.name}: expected objects to train on, found none; "
                "give a tomogram with labelled objects"
            )
        if (centres < 0).any() or (centres >= np.array(shape)).any():
            raise InputError(
                f"{self.name}: expected objects inside the volume of {shape} voxels (z, y, x), "
                "found some outside; give the particles of this tomogram"
            )


@dataclass(frozen=True)
class EpochDraws:
    """Everything that is drawn at random for an epoch.

    Attributes
    ----------
    tomograms, objects : ndarray of int, shape (patches,)
        Which object of which tomogram, in the order of training.
    shifts : ndarray of int, shape (patches, 3)
        Voxels z y x by which the patch is shifted from the object.
    turns : ndarray of int, shape (patches,)
        Which half turn.
    changes : ndarray of int, shape (patches,), or None
        Seed of the random changes of each patch; None if patches are not augmented.
    """

    tomograms: NDArray[np.int64]
    objects: NDArray[np.int64]
    shifts: NDArray[np.int64]
    turns: NDArray[np.int64]
    changes: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        """Return the number of patches."""
        return len(self.tomograms)


def draw_epoch(
    counts: Sequence[int],
    *,
    batch: int,
    max_shift: int,
    rotations: Rotations,
    seed: int,
    epoch: int,
    augment: bool = False,
) -> EpochDraws:
    """Draw an epoch: every object once in permuted order, cut to whole batches.

    Parameters
    ----------
    counts : sequence of int
        Objects in each tomogram.
    batch, max_shift : int
    rotations : {"none", "y", "xyz"}
        Half turns to choose from with equal chance.
    seed, epoch : int
        The random numbers of an epoch depend on nothing else, so training can continue anywhere.
    augment : bool
        Whether patches are changed by :func:`faket.picking.networks.augmentation.augmented`.

    Raises
    ------
    InputError
        If there are fewer objects than in a batch.
    """
    total = sum(counts)
    if total < batch:
        raise InputError(
            f"training: expected at least one batch of {batch} objects, found {total}; "
            "take a smaller `batch` or more tomograms"
        )
    rng = generator(seed, "epoch", epoch)
    order = rng.permutation(total)[: total // batch * batch]
    starts = np.concatenate([[0], np.cumsum(counts)])
    changes = generator(seed, "augment", epoch).integers(2**63, size=len(order))
    tomograms = np.searchsorted(starts, order, side="right") - 1
    return EpochDraws(
        tomograms=tomograms,
        objects=order - starts[tomograms],
        shifts=rng.integers(-max_shift, max_shift + 1, size=(len(order), 3)),
        turns=rng.integers(0, len(_HALF_TURNS[rotations]), size=len(order)),
        changes=changes if augment else None,
    )


def cut_batch(
    tomograms: Sequence[LabelledTomogram],
    draws: EpochDraws,
    batch: slice,
    *,
    patch: int,
    rotations: Rotations,
) -> tuple[FloatArray, NDArray[np.uint8]]:
    """Cut the patches ``batch`` of an epoch.

    Returns
    -------
    images : ndarray, shape (patches, 1, patch, patch, patch), float32
        Each of mean 0 and standard deviation 1, if not augmented.
    labels : ndarray, shape (patches, patch, patch, patch), uint8
    """
    chosen = range(len(draws))[batch]
    images = np.empty((len(chosen), 1, patch, patch, patch), np.float32)
    labels = np.empty((len(chosen), patch, patch, patch), np.uint8)
    for k, i in enumerate(chosen):
        tomogram = tomograms[draws.tomograms[i]]
        place = patch_place(
            tomogram.centres[draws.objects[i]] + draws.shifts[i], patch, tomogram.volume.shape
        )
        flips = _HALF_TURNS[rotations][draws.turns[i]]
        images[k, 0] = standardised(_flipped(tomogram.volume[place], flips))
        if draws.changes is not None:
            images[k, 0] = augmented(images[k, 0], np.random.default_rng(draws.changes[i]))
        labels[k] = _flipped(tomogram.labels[place], flips)
    return images, labels


def patch_place(
    centre: NDArray[np.int64], patch: int, shape: tuple[int, ...]
) -> tuple[slice, slice, slice]:
    """Return where the patch around ``centre`` lies, moved inwards where it would stick out."""
    first = np.clip(np.asarray(centre) - patch // 2, 0, np.array(shape) - patch)
    z, y, x = (slice(int(start), int(start) + patch) for start in first)
    return z, y, x


def standardised(image: FloatArray) -> FloatArray:
    """Return the image with mean 0 and standard deviation 1; a flat one becomes 0."""
    mean, spread = float(image.mean(dtype=np.float64)), float(image.std(dtype=np.float64))
    return np.asarray((image - mean) / (spread if spread > 0 else 1.0), np.float32)


def check_tomograms(tomograms: Sequence[LabelledTomogram], patch: int, n_classes: int) -> None:
    """Raise InputError if a tomogram is smaller than a patch or has labels without a class."""
    if not tomograms:
        raise InputError("training: expected at least one labelled tomogram, found none")
    for tomogram in tomograms:
        if min(tomogram.volume.shape) < patch:
            raise InputError(
                f"{tomogram.name}: expected a volume of at least {patch} voxels a side (one "
                f"patch), found {tomogram.volume.shape}; take a smaller `patch`"
            )
        highest = int(tomogram.labels.max())
        if highest >= min(n_classes, MAX_CLASSES):
            raise InputError(
                f"{tomogram.name}: expected labels below {n_classes} (the number of classes), "
                f"found {highest}; give the classes of these masks"
            )


def _flipped(block: NDArray[Any], flips: tuple[bool, bool, bool]) -> NDArray[Any]:
    return block[tuple(slice(None, None, -1 if flip else 1) for flip in flips)]
