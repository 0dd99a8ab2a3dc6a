"""Hints for picks that do not fit the truth: which usual mistake would explain it.

Picks in another frame, unit or convention get low scores like any bad picks. So the usual
mistakes are tried out: if undoing one of them makes many picks fit the truth, the user is told.
"""

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from faket.data import DoubleArray
from faket.errors import InputError
from faket.evaluation.conventions import other_readings
from faket.evaluation.matching import Picks, Truth, dilated_ids, match_picks, resolve_names
from faket.evaluation.orientations import angular_errors_deg
from faket.vocabulary import is_extended, is_molecule

_BINNINGS = (2, 3, 4, 5, 6, 8)
_LARGEST_SAMPLE = 2000  # picks tried; chosen, because a hint should take no more than a second
_SHIFT_PICKS, _SHIFT_CELL = 300, 3.0  # picks and voxels of the histogram of shifts; chosen likewise
_DISAGREE_DEG, _AGREE_DEG = 25.0, 10.0  # median errors: 126 at random, about 5 in a fine search
_WORTH = 0.15  # least fraction of picks that hit; chosen below what any usable picker reaches
_LEAST = 4  # fewer picks or pairs may agree by chance

Frames = Iterator[tuple[str, DoubleArray]]


def check_frame(picks: Picks, truth: Truth) -> None:
    """Refuse picks if more than half of them lie outside the volume.

    Vesicles are not counted, because their centres may lie outside.

    Raises
    ------
    InputError
        With the scale, origin or order of axes that would fit, if there is one.
    """
    voxels = _voxels(picks, truth)
    outside = len(voxels) - int(_inside(voxels, truth).sum())
    if outside * 2 <= len(voxels):
        return
    z, y, x = truth.instance_mask.shape
    advice = _best_frame(voxels, truth)
    raise InputError(
        f"expected picks within {x} x {y} x {z} voxels (x y z) of {truth.voxel_size_A:g} Å, found "
        f"{outside} of {len(voxels)} outside; "
        + (f"{advice}; convert them" if advice else "check their unit, binning and origin")
        + ", or give `pixel_size_A` or `voxel_size_A`"
    )


def frame_hint(picks: Picks, truth: Truth) -> str | None:
    """Return which change would make many picks hit objects if few do; None if there is none."""
    voxels = _voxels(picks, truth)
    advice = _best_frame(voxels, truth) if len(voxels) >= _LEAST else None
    return f"{advice}; check in which frame they are" if advice else None


def angle_hint(
    picks: Picks, truth: Truth, symmetries: Mapping[str, str] | None = None
) -> str | None:
    """Return the convention in which the orientations would agree, if they disagree as read.

    Only picks that hit an object of the class they predict are compared.

    Parameters
    ----------
    picks : Picks
    truth : Truth
    symmetries : mapping of str to str, optional
        Class → Schoenflies symbol.
    """
    if picks.rotations is None:
        return None
    named = np.array(resolve_names(picks.species, truth.class_names, "picks"), object)
    objects = match_picks(picks, truth).objects
    species = np.array(truth.particles.species, object)
    pairs = np.flatnonzero((objects >= 0) & (named == species[objects]))
    pairs = np.array([i for i in pairs if is_molecule(named[i])], np.int64)
    if len(pairs) < _LEAST:
        return None
    true = truth.particles.rotations[objects[pairs]]
    symbols = dict(zip(resolve_names(sorted(symmetries or {}), truth.class_names, "symmetries"),
                       [(symmetries or {})[name] for name in sorted(symmetries or {})],
                       strict=True))  # fmt: skip

    def median_deg(rotations: Rotation) -> float:
        return _median_error(rotations, true, named[pairs], symbols)

    chosen = picks.subset(pairs)
    assert chosen.rotations is not None
    now = median_deg(chosen.rotations)
    if now < _DISAGREE_DEG:
        return None
    tried = [
        (median_deg(turned), name)
        for name, turned in other_readings(chosen.rotations, chosen.angles)
    ]
    best, name = min(tried)
    if best > _AGREE_DEG:
        return None
    return (
        f"the angles differ from the truth (median {now:.0f}°), but would agree (median "
        f"{best:.0f}°) if they were {name}; convert them"
    )


def _median_error(
    picked: Rotation, true: Rotation, names: np.ndarray, symbols: Mapping[str, str]
) -> float:
    errors = [
        angular_errors_deg(picked[names == name], true[names == name], symbols.get(name, "C1"))
        for name in sorted(set(names))
    ]
    return float(np.median(np.concatenate(errors)))


def _voxels(picks: Picks, truth: Truth) -> DoubleArray:
    """Return x y z in voxels of the picks that are not vesicles."""
    keep = [i for i, name in enumerate(picks.species) if not is_extended(name)]
    voxels: DoubleArray = picks.positions_A[keep] / truth.voxel_size_A
    return voxels


def _inside(voxels: DoubleArray, truth: Truth) -> NDArray[np.bool_]:
    rounded = np.rint(np.round(voxels, 6))
    last = np.array(truth.instance_mask.shape[::-1], np.float64) - 1
    return np.asarray(((rounded >= 0) & (rounded <= last)).all(axis=1), np.bool_)


def _hits(voxels: DoubleArray, truth: Truth, tree: cKDTree) -> int:
    """Count picks on an object or next to a centre, which a hollow object has on background."""
    inside = voxels[_inside(voxels, truth)]
    if len(inside) == 0:
        return 0
    ids = dilated_ids(truth.instance_mask, np.rint(inside).astype(np.int64))
    distances, _ = tree.query(inside, distance_upper_bound=1.5)
    return int(((ids > 0) | np.isfinite(distances)).sum())


def _best_frame(voxels: DoubleArray, truth: Truth) -> str | None:
    """Return the change after which most picks hit, if far more hit than now and than by chance."""
    centres = truth.particles.positions_A / truth.voxel_size_A
    if len(centres) == 0 or len(voxels) == 0:
        return None
    step = -(-len(voxels) // _LARGEST_SAMPLE)
    voxels = voxels[::step]
    tree = cKDTree(centres)
    now = _hits(voxels, truth, tree)
    n = len(voxels)
    if now * 2 > n:
        return None
    chance = min(1.0, 2 * float(np.mean(truth.instance_mask > 0)))  # the mask is dilated
    needed = max(2 * now, _WORTH * n, n * chance + 5 * np.sqrt(n * chance), min(_LEAST, n))
    tried = [(_hits(moved, truth, tree), name) for name, moved in _frames(voxels, truth)]
    tried += [(_hits(moved, truth, tree), name) for name, moved in _shifted(voxels, centres)]
    hits, name = max(tried, key=lambda item: item[0])  # of equals the first, which is the simplest
    if hits < needed:
        return None
    return f"if they were {name}, {hits} of {n} would hit an object (now {now} do)"


def _frames(voxels: DoubleArray, truth: Truth) -> Frames:
    """Yield the picks with each of the usual mistakes undone."""
    size = np.array(truth.instance_mask.shape[::-1], np.float64)
    size_A = truth.voxel_size_A
    yield "counted from 0 instead of 1", voxels - 1
    for scale, scaled in _scales(voxels, size_A):
        yield scale, scaled
        join = f"{scale} and " if scale else ""
        yield f"{join}moved from a centred origin to the corner", scaled + size // 2
        yield f"{join}swapped in x and z", scaled[:, ::-1]
        for axis, letter in enumerate("xyz"):
            mirrored = scaled.copy()
            mirrored[:, axis] = size[axis] - 1 - mirrored[:, axis]
            yield f"{join}mirrored along {letter}", mirrored


def _scales(voxels: DoubleArray, size_A: float) -> Frames:
    yield "", voxels
    if abs(size_A - 1) > 0.01:
        yield f"divided by the voxel size {size_A:g} (they are Å, not voxels)", voxels / size_A
        yield f"multiplied by the voxel size {size_A:g} (they are voxels, not Å)", voxels * size_A
    for factor in _BINNINGS:
        yield (
            f"divided by {factor} (they are of a tomogram binned {factor} times less)",
            voxels / factor,
        )
        yield (
            f"multiplied by {factor} (they are of a tomogram binned {factor} times more)",
            voxels * factor,
        )


def _shifted(voxels: DoubleArray, centres: DoubleArray) -> Frames:
    """Yield the picks moved by the shift that most pairs of pick and object have in common."""
    sample = voxels[:: -(-len(voxels) // _SHIFT_PICKS)]
    differences = (centres[None] - sample[:, None]).reshape(-1, 3)
    cells = np.floor(differences / _SHIFT_CELL).astype(np.int64)
    found, index, counts = np.unique(cells, axis=0, return_inverse=True, return_counts=True)
    if len(found) == 0 or counts.max() < _LEAST:
        return
    shift = np.rint(np.median(differences[index.reshape(-1) == counts.argmax()], axis=0))
    text = " ".join(f"{value:+g}" for value in shift)
    yield f"moved by {text} voxels (x y z; a cropped or shifted volume)", voxels + shift
