"""Bootstrap of F-beta: over seeds and test tomograms, or over the particles of one tomogram."""

from collections.abc import Sequence

import numpy as np

from faket.data import DoubleArray
from faket.evaluation.f_beta import FBeta, counts_of, weighted_f_beta
from faket.evaluation.matching import IntArray
from faket.seeds import generator


def draw_seeds(shape: tuple[int, ...], seed: int, n_resamples: int) -> tuple[IntArray, IntArray]:
    """Draw the seeds and the tomograms of every resample, independently, with replacement.

    Parameters
    ----------
    shape : (seeds, tomograms)
    seed : int
        Of the bootstrap.
    n_resamples : int

    Returns
    -------
    seeds, tomograms : ndarray of int, shape (n_resamples, number of them)
    """
    seeds, tomograms = (
        generator(seed, f"bootstrap {what}", n).integers(n, size=(n_resamples, n))
        for what, n in zip(("seeds", "tomograms"), shape, strict=True)
    )
    return seeds, tomograms


def resampled_runs(
    scores: Sequence[FBeta], tomograms: int, seed: int, n_resamples: int
) -> tuple[float, DoubleArray]:
    """Return the mean weighted F-beta of the seeds, and that of every resample.

    The counts of a seed's tomograms are summed before F-beta, as in the challenge.

    Parameters
    ----------
    scores : sequence of FBeta
        All tomograms of a seed follow each other.
    tomograms : int
        For each seed.
    seed, n_resamples : int
        Of the bootstrap.
    """
    weights = np.array([c.weight for c in scores[0].classes])
    # [seed, tomogram, class, count]
    counts = np.reshape([counts_of(score) for score in scores], (-1, tomograms, len(weights), 3))
    mean = float(weighted_f_beta(counts.sum(axis=1), weights).mean())
    seeds, drawn = draw_seeds(counts.shape[:2], seed, n_resamples)
    times = (drawn[:, :, None] == np.arange(tomograms)).sum(axis=1)  # [resample, tomogram]
    # [resample, seed, class, count] → [resample, seed] → [resample]
    each = weighted_f_beta(np.einsum("rt,stck->rsck", times, counts), weights)
    return mean, np.take_along_axis(each, seeds, axis=1).mean(axis=1)


def resampled_hits(score: FBeta, seed: int, n_resamples: int) -> DoubleArray:
    """Return the weighted F-beta of every resample of hits, surplus picks and missed particles."""
    counts = counts_of(score)
    weights = np.array([c.weight for c in score.classes])
    draws = np.zeros((n_resamples, *counts.shape), np.int64)
    if total := int(counts.sum()):
        rng = generator(seed, "bootstrap F-beta")
        flat = rng.multinomial(total, counts.ravel() / total, size=n_resamples)
        draws = flat.reshape(draws.shape)
    return weighted_f_beta(draws, weights)
