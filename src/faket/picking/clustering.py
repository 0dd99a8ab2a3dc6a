"""From labelled voxels to particles.

``components`` (default): connected foreground, cut at its necks. ``meanshift``: as published.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial.transform import Rotation

from faket.data import DoubleArray, FloatArray, Particles
from faket.errors import InputError
from faket.picking.meanshift import mean_shift
from faket.picking.necks import split_at_necks

ClusteringMethod = Literal["components", "meanshift"]

PUBLISHED_BANDWIDTH = 5.0  # bin-2 voxels of 20 Å
_TOUCHING = np.ones((3, 3, 3), bool)


@dataclass(frozen=True)
class Clusters:
    """The clusters of labelled voxels in a segmentation, largest first.

    Attributes
    ----------
    centres : ndarray, shape (clusters, 3), float64
        z y x in voxels of the *tomogram* (not of the binned segmentation).
    labels : ndarray of int, shape (clusters,)
        The label that most of its voxels have; the smallest if several are equally frequent.
    sizes : ndarray of int, shape (clusters,)
        Voxels of the segmentation.
    scores : ndarray, shape (clusters,), float64
        Mean over all its voxels of the probability of its label, 0 for voxels with another label.
    """

    centres: DoubleArray
    labels: NDArray[np.int64]
    sizes: NDArray[np.int64]
    scores: DoubleArray

    def __len__(self) -> int:
        """Return the number of clusters."""
        return len(self.labels)

    def keep(self, chosen: NDArray[np.bool_]) -> Self:
        """Return the clusters that are ``chosen``."""
        return type(self)(
            self.centres[chosen], self.labels[chosen], self.sizes[chosen], self.scores[chosen]
        )

    def at_least(self, minimum_sizes: Sequence[int]) -> Self:
        """Return the clusters that are at least as large as the minimum of their class.

        Parameters
        ----------
        minimum_sizes : sequence of int
            Fewest voxels for each label, background first.

        Raises
        ------
        InputError
            If a label has no minimum.
        """
        if len(self) and self.labels.max() >= len(minimum_sizes):
            raise InputError(
                f"minimum sizes: expected one for each label up to {self.labels.max()}, found "
                f"{len(minimum_sizes)}; give one for each class"
            )
        return self.keep(self.sizes >= np.asarray(minimum_sizes, np.int64)[self.labels])

    def to_particles(self, classes: Sequence[str], voxel_size_A: float) -> Particles:
        """Return the clusters as particles without orientation.

        Parameters
        ----------
        classes : sequence of str
            Name of each label, background first.
        voxel_size_A : float
            Of the tomogram.
        """
        n = len(self)
        return Particles(
            ids=np.arange(1, n + 1, dtype=np.int64),
            species=tuple(classes[label] for label in self.labels),
            positions_A=self.centres[:, ::-1] * voxel_size_A,
            rotations=Rotation.from_quat(np.tile([0.0, 0.0, 0.0, 1.0], (n, 1))),
            semi_axes_A=np.full((n, 3), np.nan),
        )


def cluster(
    labels: NDArray[np.uint8],
    scores: FloatArray | None = None,
    *,
    binning: int = 2,
    method: ClusteringMethod = "components",
    bandwidth: float = PUBLISHED_BANDWIDTH,
    neck: float = 0.7,
    typical_sizes: Sequence[float] | None = None,
    shells: Collection[int] = (),
) -> Clusters:
    """Group the labelled voxels of a segmentation into particles.

    Parameters
    ----------
    labels : ndarray, shape (z, y, x), uint8
        0 is background.
    scores : ndarray, shape (z, y, x), optional
        Probability of each voxel's label; 1 if not given.
    binning : int
        Of the segmentation; see :class:`faket.picking.Segmentation`.
    method : {"components", "meanshift"}
        components: connected foreground of any label is one particle, unless it has a neck
        narrower than ``neck`` times its thinner side. meanshift: mean shift with a flat kernel
        from every foreground voxel, as published.
    bandwidth : float
        Of mean shift, voxels of the segmentation; published 5 (of 20 Å).
    neck : float
        0 to 1, for ``components``; 0 cuts nothing.
    typical_sizes : sequence of float, optional
        Voxels (of the segmentation) of a particle of each label, background first, 0 if unknown.
        With ``components``, parts that together are one particle are not separated, and larger
        objects are cut more readily.
    shells : collection of int
        Labels of thin extended objects (membranes). With ``components`` they are grouped
        separately and never cut.

    Returns
    -------
    Clusters

    Raises
    ------
    InputError
        If the shapes differ or an option is out of range.
    """
    if labels.ndim != 3 or (scores is not None and scores.shape != labels.shape):
        found = None if scores is None else scores.shape
        raise InputError(
            f"clustering: expected labels and scores of one shape (z, y, x), found {labels.shape} "
            f"and {found}; give those of one segmentation"
        )
    if method not in ("components", "meanshift"):
        raise InputError(
            f"clustering: expected components or meanshift, found {method!r}; choose one of them"
        )
    if typical_sizes is not None and len(typical_sizes) <= labels.max(initial=0):
        raise InputError(
            f"clustering: expected a typical size for each label up to {labels.max()}, found "
            f"{len(typical_sizes)}; give one for each class"
        )
    if not 0 <= neck <= 1:
        raise InputError(
            f"clustering: expected a neck of 0 to 1, found {neck:g}; choose one in that range"
        )
    voxels = np.argwhere(labels)
    found_labels = labels[tuple(voxels.T)]
    weights = np.ones(len(voxels)) if scores is None else scores[tuple(voxels.T)].astype(float)
    if method == "meanshift":
        centres, members = mean_shift(labels > 0, bandwidth=bandwidth)
        count = len(centres)
    else:
        groups = _components(labels, neck, shells, typical_sizes)
        members = groups[tuple(voxels.T)].astype(np.int64) - 1
        count = int(groups.max(initial=0))
        centres = _centres(voxels, members, count)
    return _described(voxels, members, centres, found_labels, weights, binning)


def _components(
    labels: NDArray[np.uint8],
    neck: float,
    shells: Collection[int],
    typical_sizes: Sequence[float] | None,
) -> NDArray[np.int32]:
    """Number the particles from 1."""
    shell = np.isin(labels, list(shells)) if shells else np.zeros(labels.shape, bool)
    solid: NDArray[np.int32]
    solid, count = ndimage.label((labels > 0) & ~shell, _TOUCHING, output=np.int32)
    if neck > 0:
        count = split_at_necks(solid, count, neck, labels, typical_sizes)
    thin, _ = ndimage.label(shell, _TOUCHING, output=np.int32)
    np.add(solid, thin + count, out=solid, where=thin > 0)
    return solid


def _centres(voxels: NDArray[np.int64], members: NDArray[np.int64], count: int) -> DoubleArray:
    """Return the centres of mass, or the cluster's nearest voxel if its centre is not on it."""
    sizes = np.bincount(members, minlength=count)
    sums = [np.bincount(members, weights=voxels[:, axis], minlength=count) for axis in range(3)]
    centres = np.stack(sums, axis=1) / np.maximum(sizes, 1)[:, None]
    distances = np.square(voxels - centres[members]).sum(axis=1)
    order = np.lexsort((distances, members))
    nearest = order[np.searchsorted(members[order], np.arange(count))]
    off = distances[nearest] > 0.75  # half a voxel's diagonal, squared
    centres[off] = voxels[nearest[off]]
    return centres


def _described(
    voxels: NDArray[np.int64],
    members: NDArray[np.int64],
    centres: DoubleArray,
    labels: NDArray[np.uint8],
    weights: DoubleArray,
    binning: int,
) -> Clusters:
    """Give each cluster its most frequent label; drop empty clusters; sort, largest first."""
    count, n_labels = len(centres), int(labels.max(initial=0)) + 1
    pairs = members * n_labels + labels
    votes = np.bincount(pairs, minlength=count * n_labels).reshape(count, n_labels)
    mass = np.bincount(pairs, weights, minlength=count * n_labels).reshape(count, n_labels)
    sizes = votes.sum(axis=1)
    winner = votes.argmax(axis=1) if count else np.zeros(0, np.int64)
    score = mass[np.arange(count), winner] / np.maximum(sizes, 1)
    order = np.argsort(-sizes, kind="stable")
    order = order[sizes[order] > 0]
    places = binning * centres[order] + (binning - 1) / 2
    return Clusters(places, winner[order], sizes[order], score[order])
