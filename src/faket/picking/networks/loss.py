"""DeepFinder's loss and the voxel-wise scores that go with it."""

import torch
from torch import Tensor

_TINY = 1e-12  # only for a class without voxels whose probabilities all underflow


def dice_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Return N_classes - Σ_c 2 Σ p g / (Σ p + Σ g), sums over batch and voxels.

    p is the softmax of the logits, g 1 where the label is c. It is DeepFinder's Tversky loss with
    α = β = 1/2. A class that does not occur in the batch adds 1 and no gradient.

    Parameters
    ----------
    logits : Tensor, shape (batch, class, z, y, x)
    labels : Tensor of integers, shape (batch, z, y, x)

    Returns
    -------
    Tensor, shape ()
        float32, between 0 and the number of classes.
    """
    scores = logits.float().softmax(dim=1)
    n_classes = scores.shape[1]
    classes = torch.arange(n_classes, device=labels.device).view(1, n_classes, 1, 1, 1)
    truth = labels.unsqueeze(1) == classes  # batch class z y x
    voxels = (0, 2, 3, 4)
    overlap = torch.where(truth, scores, 0).sum(voxels)
    total = scores.sum(voxels) + truth.sum(voxels)
    return n_classes - (2 * overlap / total.clamp_min(_TINY)).sum()


def confusion_counts(labels: Tensor, predicted: Tensor, n_classes: int) -> Tensor:
    """Return how often label i was predicted as j: int64, shape (class, class)."""
    pairs = labels.reshape(-1).long() * n_classes + predicted.reshape(-1).long()
    return torch.bincount(pairs, minlength=n_classes**2).view(n_classes, n_classes)


def f1_per_class(confusion: Tensor) -> Tensor:
    """Return 2 TP / (2 TP + FP + FN) of each class; NaN if it neither occurs nor is predicted."""
    hits = confusion.diagonal().double()
    return 2 * hits / (confusion.sum(0) + confusion.sum(1)).double()
