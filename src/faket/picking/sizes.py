"""How large a cluster of each class must be, learnt on a tomogram with known particles."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from faket.errors import InputError
from faket.picking.clustering import Clusters

NEVER = int(np.iinfo(np.int64).max)
"""The minimum size of a class that is never picked."""
# Of the usual size of a particle; chosen on pickers of imitated data under one foreign microscope,
# where particles' clusters are smaller than in the validation: 0.75 lost some of them, and 0.35
# was as good.
_LARGEST_MINIMUM = 0.5
_SWEEPS = 5  # over the classes; chosen, because sizes hardly change after two or three
_CROSS = np.array([(0, 0, 0), (1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1)])


def objects_hit(clusters: Clusters, instance_mask: NDArray[np.uint16]) -> NDArray[np.int64]:
    """Return the id of the object that each cluster's centre hits, 0 for none.

    Parameters
    ----------
    clusters : Clusters
    instance_mask : ndarray, shape (z, y, x)
        Of the tomogram. As in SHREC'21, centres are rounded to voxels and moved to the border if
        outside, and a centre one voxel beside an object hits it too (the larger id, if two do).
    """
    highest = np.array(instance_mask.shape) - 1
    voxels = np.rint(clusters.centres).astype(np.int64).clip(0, highest)
    around = (voxels[:, None] + _CROSS).clip(0, highest)  # cluster, neighbour, axis
    ids = instance_mask[around[..., 0], around[..., 1], around[..., 2]]
    return np.asarray(ids.max(axis=1, initial=0), np.int64)


def learn_typical_sizes(
    clusters: Clusters,
    instance_mask: NDArray[np.uint16],
    object_labels: Mapping[int, int],
    *,
    n_classes: int,
) -> tuple[float, ...]:
    """Return how many labelled voxels an object of each class has in a segmentation.

    The size of an object is the sum of all clusters that hit it; the result is the median over
    the objects that are hit, or 0 if none is. It is measured because predicted labels are wider
    than the true ones, much wider for thin objects.

    Parameters are those of :func:`learn_minimum_sizes`.
    """
    hit = objects_hit(clusters, instance_mask)
    objects = np.unique(hit[hit > 0])
    voxels = np.bincount(hit, clusters.sizes)[objects] if len(objects) else np.zeros(0)
    labels = np.array([object_labels.get(int(i), 0) for i in objects], np.int64)
    own = [voxels[labels == label] for label in range(n_classes)]
    return (0.0, *(float(np.median(found)) if len(found) else 0.0 for found in own[1:]))


def learn_minimum_sizes(
    clusters: Clusters,
    instance_mask: NDArray[np.uint16],
    object_labels: Mapping[int, int],
    *,
    n_classes: int,
    unscored: Collection[int] = (),
    typical_sizes: Sequence[float] | None = None,
) -> tuple[int, ...]:
    """Return the minimum size of each class that scores best on a validation tomogram.

    The score is SHREC'21's localisation F1 (do clusters lie on objects?) plus its macro F1 over
    the classes (do those that do have the right class?). Sizes are chosen for one class after the
    other, again and again until none changes; of equally good sizes the smallest. A class whose
    picks lower the score gets a size that no cluster reaches, and so do classes that are not
    scored, because their picks could only count as wrong.

    Parameters
    ----------
    clusters : Clusters
        All of them, without thresholds.
    instance_mask : ndarray, shape (z, y, x)
    object_labels : mapping of int to int
        Label of each value of the instance mask.
    n_classes : int
        With background.
    unscored : collection of int
        Labels whose objects are not scored.
    typical_sizes : sequence of float, optional
        Of :func:`learn_typical_sizes`; 0: not known. No minimum is larger than half of it, because
        in tomograms of another kind the same particles have other sizes.

    Raises
    ------
    InputError
        If a cluster hits an object that has no label.
    """
    hit = objects_hit(clusters, instance_mask)
    unknown = set(np.unique(hit).tolist()) - set(object_labels) - {0}
    if unknown:
        raise InputError(
            f"minimum sizes: expected a label for each object of the mask, found none for "
            f"{min(unknown)}; give the particles of this mask"
        )
    truth = np.array([object_labels.get(int(i), 0) for i in hit], np.int64)
    objects = np.bincount(list(object_labels.values()), minlength=n_classes)
    objects[[0, *unscored]] = 0
    sizes = np.ones(n_classes, np.int64)
    sizes[list(unscored)] = NEVER
    usual = np.zeros(n_classes) if typical_sizes is None else np.asarray(typical_sizes)
    for _ in range(_SWEEPS):
        before = sizes.copy()
        for label in np.setdiff1d(clusters.labels, list(unscored)):
            own = np.unique(clusters.sizes[clusters.labels == label])
            most = _LARGEST_MINIMUM * usual[label] if usual[label] else own[-1]
            choices = [1, *own[1:][own[1:] <= most].tolist(), int(own[-1]) + 1]
            values = []
            for choice in choices:
                sizes[label] = choice
                kept = clusters.sizes >= sizes[clusters.labels]
                values.append(_score(hit[kept], clusters.labels[kept], truth[kept], objects))
            sizes[label] = choices[int(np.argmax(values))]
        if np.array_equal(sizes, before):
            break
    return tuple(sizes.tolist())


def _score(
    hit: NDArray[np.int64],
    predicted: NDArray[np.int64],
    truth: NDArray[np.int64],
    objects: NDArray[np.int64],
) -> float:
    """Localisation F1 plus macro F1 over the classes with objects; other hits count as picks."""
    found, first = np.unique(hit, return_index=True)  # an object is scored by its first cluster
    first = first[(found > 0) & (objects[truth[first]] > 0)]
    n = len(objects)
    right = np.bincount(truth[first][truth[first] == predicted[first]], minlength=n)
    times_predicted = np.bincount(predicted[first], minlength=n)
    present = objects > 0
    f1 = 2 * right[present] / (times_predicted + objects)[present]
    return float(2 * len(first) / (len(hit) + objects.sum()) + f1.mean())
