"""Which object each pick hits, by SHREC'21's rule.

The instance mask is dilated once with a three-dimensional cross; where two ids meet, the larger
one is kept. A pick is rounded to a voxel, moved to the nearest voxel of the volume if it lies
outside, and hits the object whose id is there. If several picks hit an object, the first in the
given order is the one that is scored.

So a pick at the centre of a ring or shell, which is no part of it, is on background. For hollow
species, a tolerance lets picks on background hit the object whose centre is near.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from faket.data import AnyArray, DoubleArray, Particles
from faket.errors import InputError
from faket.evaluation.conventions import EulerAngles
from faket.vocabulary import FIDUCIAL, GOLD, is_extended

IntArray = NDArray[np.int64]

_SAME_CLASS = {FIDUCIAL: GOLD, GOLD: FIDUCIAL}


@dataclass(frozen=True)
class Picks:
    """What a picker found in one tomogram.

    Attributes
    ----------
    species : tuple of str, length n
        Class of each pick.
    positions_A : ndarray, shape (n, 3), float64
        x y z in Å from the centre of the tomogram's voxel [0, 0, 0].
    rotations : scipy Rotation of length n, or None
        Particle's frame to the tomogram's; None if the picker predicts no orientations.
    scores : ndarray, shape (n,), float64, or None
        The picker's own confidence.
    angles : EulerAngles or None
        The angles as written in the file, if these are Euler angles.
    notes : tuple of str
        What was assumed when the file was read, one line each.
    """

    species: tuple[str, ...]
    positions_A: DoubleArray
    rotations: Rotation | None = None
    scores: DoubleArray | None = None
    angles: EulerAngles | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raise InputError if the parts differ in length or a position is not finite."""
        n = len(self.species)
        if self.positions_A.shape != (n, 3) or not np.isfinite(self.positions_A).all():
            raise InputError(
                f"picks: expected {n} finite positions x y z, found an array of shape "
                f"{self.positions_A.shape}" + (" with NaN or infinity" if n else "")
            )
        if self.scores is not None and self.scores.shape != (n,):
            raise InputError(f"picks: expected {n} scores, found shape {self.scores.shape}")
        if self.rotations is not None and len(self.rotations.as_quat().reshape(-1, 4)) != n:
            raise InputError(f"picks: expected {n} rotations, one a pick, found another number")

    def __len__(self) -> int:
        """Return the number of picks."""
        return len(self.species)

    def subset(self, keep: AnyArray) -> "Picks":
        """Return the picks at the indices ``keep``, in that order."""
        angles = self.angles
        return replace(
            self,
            species=tuple(self.species[i] for i in keep),
            positions_A=self.positions_A[keep],
            rotations=None if self.rotations is None or len(keep) == 0 else self.rotations[keep],
            scores=None if self.scores is None else self.scores[keep],
            angles=None if angles is None else replace(angles, degrees=angles.degrees[keep]),
        )


@dataclass(frozen=True)
class Truth:
    """The particles that are in one tomogram.

    Attributes
    ----------
    particles : Particles
        All objects, in the tomogram's frame, with their ids in the mask.
    instance_mask : ndarray of unsigned integers, shape (z, y, x)
        0 background.
    voxel_size_A : float
    class_names : tuple of str
        The classes that a picker may predict. Objects of other species have no class and are not
        scored.
    notes : tuple of str
        What was assumed when the folder was read, one line each.
    """

    particles: Particles
    instance_mask: AnyArray
    voxel_size_A: float
    class_names: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raise InputError if the mask is no volume of labels, or no voxel size is positive."""
        mask = self.instance_mask
        if mask.ndim != 3 or mask.size == 0 or not np.issubdtype(mask.dtype, np.integer):
            raise InputError(
                f"instance mask: expected whole numbers [z, y, x], found {mask.dtype} of shape "
                f"{mask.shape}"
            )
        if not 0 < self.voxel_size_A < np.inf:
            raise InputError(f"voxel size: expected > 0 Å, found {self.voxel_size_A}")


@dataclass(frozen=True)
class Matches:
    """Which pick hit which object.

    Attributes
    ----------
    objects : ndarray of int, shape (picks,)
        Index into the truth's particles; -1 for a pick on background.
    first_picks : ndarray of int, shape (objects,)
        Index of the first pick that hit the object; -1 if none did.
    hits : ndarray of int, shape (objects,)
        Number of picks on the object.
    outside : int
        Picks outside the volume, which were moved to its border.
    """

    objects: IntArray
    first_picks: IntArray
    hits: IntArray
    outside: int


def match_picks(picks: Picks, truth: Truth, *, tolerance_A: float = 0.0) -> Matches:
    """Return for each pick the object that it hits.

    Parameters
    ----------
    picks : Picks
    truth : Truth
    tolerance_A : float
        A pick on background hits the object with the nearest centre, if that is no farther away
        than this. 0 is SHREC'21's rule. Centres of vesicles are not used.

    Raises
    ------
    InputError
        If a pick hits an id of the mask that no particle has, or the tolerance is negative.
    """
    if not 0 <= tolerance_A < np.inf:
        raise InputError(f"tolerance: expected >= 0 Å, found {tolerance_A}")
    places, outside = _voxels(picks, truth)
    objects = _indices(dilated_ids(truth.instance_mask, places), truth.particles.ids)
    if tolerance_A > 0:
        objects = np.where(objects < 0, _nearest(picks, truth, tolerance_A), objects)
    first = np.full(len(truth.particles), -1, np.int64)
    found, earliest = np.unique(objects, return_index=True)
    first[found[found >= 0]] = earliest[found >= 0]
    hits = np.bincount(objects[objects >= 0], minlength=len(truth.particles))
    return Matches(objects, first, hits, outside)


def dilated_ids(instance_mask: AnyArray, voxels: IntArray) -> IntArray:
    """Return the ids at some voxels of the mask, dilated once with a three-dimensional cross.

    Parameters
    ----------
    instance_mask : ndarray of integers, shape (z, y, x)
    voxels : ndarray of int, shape (n, 3)
        x y z, within the volume.

    Returns
    -------
    ndarray of int, shape (n,)
        The largest of the ids at the voxel and its six neighbours.
    """
    last = np.array(instance_mask.shape[::-1]) - 1
    steps = np.concatenate([np.zeros((1, 3), np.int64), np.eye(3, dtype=np.int64)])
    around = [np.clip(voxels + sign * step, 0, last) for step in steps for sign in (1, -1)]
    ids = [instance_mask[place[:, 2], place[:, 1], place[:, 0]] for place in around]
    largest: IntArray = np.max(ids, axis=0).astype(np.int64)
    return largest


def resolve_names(names: Sequence[str], known: Sequence[str], what: str) -> tuple[str, ...]:
    """Return the known spelling of every class name.

    Upper and lower case are the same, and so are "gold" and "fiducial".

    Parameters
    ----------
    names, known : sequence of str
    what : str
        Named in the error, for example "picks".

    Raises
    ------
    InputError
        With the first class that is not known, and how often unknown classes occur.
    """
    spellings = {name.casefold(): name for name in reversed(known)}
    for theirs, ours in _SAME_CLASS.items():
        if ours in spellings:
            spellings.setdefault(theirs, spellings[ours])
    table = {name: spellings.get(name.casefold()) for name in set(names)} | {k: k for k in known}
    unknown = [name for name in names if table[name] is None]
    if unknown:
        raise InputError(
            f"{what}: expected the classes {', '.join(known) or '(none)'}, found "
            f"{unknown[0]!r} ({len(unknown)} of {len(names)} have unknown classes); rename them"
        )
    return tuple(str(table[name]) for name in names)


def _voxels(picks: Picks, truth: Truth) -> tuple[IntArray, int]:
    """Return the voxel of each pick and how many lie outside."""
    # Conversion to Å and back must not change how a position half way between voxels is rounded.
    rounded = np.rint(np.round(picks.positions_A / truth.voxel_size_A, 6))
    clipped = np.clip(rounded, 0, np.array(truth.instance_mask.shape[::-1]) - 1)
    return clipped.astype(np.int64), int((rounded != clipped).any(axis=1).sum())


def _nearest(picks: Picks, truth: Truth, tolerance_A: float) -> IntArray:
    """Return the object with the nearest centre within the tolerance; -1 where there is none."""
    species = truth.particles.species
    compact = np.array([i for i, name in enumerate(species) if not is_extended(name)], np.int64)
    if len(compact) == 0 or len(picks) == 0:
        return np.full(len(picks), -1, np.int64)
    tree = cKDTree(truth.particles.positions_A[compact])
    distances_A, at = tree.query(picks.positions_A)
    nearest: IntArray = np.where(distances_A <= tolerance_A, compact[at], -1)
    return nearest


def _indices(hit_ids: IntArray, ids: IntArray) -> IntArray:
    """Return the index of each id among ``ids``; -1 for background."""
    order = np.argsort(ids)
    at = np.searchsorted(ids, hit_ids, sorter=order)
    indices = np.append(order, -1)[at]
    strangers = (hit_ids != 0) & (np.append(ids, -1)[indices] != hit_ids)
    if strangers.any():
        raise InputError(
            f"instance mask: expected ids of particles only, found {hit_ids[strangers][0]}; "
            "use the particle table that belongs to the mask"
        )
    return np.where(hit_ids == 0, -1, indices)
