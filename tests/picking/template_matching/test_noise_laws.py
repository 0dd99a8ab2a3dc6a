"""Scores in noise, false positives and detection follow the normal distribution."""

import math

import numpy as np
import pytest
from scipy import stats
from scipy.spatial.transform import Rotation

from faket.errors import InputError
from faket.picking.template_matching import (
    find_candidates,
    merge_candidates,
    noise_cutoff,
    search,
)


def noise(shape, seed):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("edge", [0.0, 4.0])
def test_scores_in_white_noise_are_normal_with_the_analytic_deviation(edge, kit):
    factory = kit.factory(kit.speckle(5), edge=edge)
    kernel = factory.kernels(kit.identity)[0][0].double()
    expected = math.sqrt(float(kernel.square().sum()))
    if edge == 0:  # a plain mean over N voxels: 1 / sqrt(N)
        assert expected == pytest.approx(1 / math.sqrt(float(factory.ball.sum())), rel=1e-4)
    maps = search(noise((72, 72, 72), 1), factory, kit.identity)
    half = factory.box // 2  # nearer to the edge part of the mask lies beyond
    inner = maps.scores[half:-half, half:-half, half:-half].astype(float)
    scores = inner.ravel()
    assert scores.std() == pytest.approx(expected, rel=0.02)
    assert maps.sigma == pytest.approx(expected, rel=0.03)
    assert abs(scores.mean()) < 0.01 * expected
    # Scores a box apart are independent.
    apart = inner[::6, ::6, ::6].ravel() / expected
    assert stats.kstest(apart, "norm").pvalue > 1e-3


def test_noise_exceeds_the_cut_off_as_often_as_asked(kit):
    factory = kit.factory(kit.speckle(5), edge=0.0)
    rotations = Rotation.random(6, random_state=np.random.default_rng(5))
    wanted, found = 40.0, 0
    for seed in range(2):
        maps = search(noise((72, 72, 72), seed), factory, rotations)
        candidates = find_candidates("speckle", maps, exclusion_voxels=2.0, false_positives=wanted)
        found += len(merge_candidates([candidates], maps.scores.shape, 10.0))
    expected = 2 * wanted
    # Pearson's correlation of N = 500 voxels has a tail a little lighter than the normal one.
    assert abs(found - expected) < 4 * math.sqrt(expected)


def test_smooth_templates_give_no_more_false_positives_than_asked(hook, kit):
    factory = kit.factory(hook)
    rotations = Rotation.random(12, random_state=np.random.default_rng(6))
    maps = search(noise((72, 72, 72), 9), factory, rotations)
    candidates = find_candidates("hook", maps, exclusion_voxels=3.5, false_positives=40.0)
    picks = merge_candidates([candidates], maps.scores.shape, 10.0)
    assert 1 <= len(picks) < 40 + 4 * math.sqrt(40)


@pytest.mark.parametrize("contrast", [0.16, 0.2, 0.25])
def test_planted_particles_are_found_as_often_as_the_normal_tail_says(contrast, kit):
    species, step = kit.speckle(5), 14
    factory = kit.factory(species, edge=0.0)
    shape = (100, 100, 100)
    centres = kit.grid_centres(shape, step)
    signal = kit.planted(shape, species, centres, [kit.identity[0]] * len(centres))
    ball, box = factory.ball.numpy() > 0, factory.box
    margin = (box - len(species.potential)) // 2
    under = np.pad(species.potential, margin)[ball] if margin >= 0 else None
    spread, n = under.std(), ball.sum()
    volume = noise(shape, 2) - signal * np.float32(contrast / spread)  # protein is dark
    maps = search(volume, factory, kit.identity)
    cutoff = maps.sigma * noise_cutoff(10.0, volume.size, 1)
    found = np.count_nonzero(maps.scores[tuple(centres.T)] > cutoff)
    mean = contrast / math.sqrt(1 + contrast**2)
    sigma = (1 - mean**2) / math.sqrt(n)
    probability = stats.norm.sf((cutoff - mean) / sigma)
    assert 0.01 < probability < 0.999
    deviation = math.sqrt(len(centres) * probability * (1 - probability))
    assert abs(found - len(centres) * probability) < 4 * deviation + 1


def test_cut_off_is_the_quantile_of_the_normal_distribution():
    for wanted, voxels, angles in ((1.0, 10**7, 7112), (100.0, 10**6, 1), (0.01, 10**5, 10**4)):
        cutoff = noise_cutoff(wanted, voxels, angles)
        assert stats.norm.sf(cutoff) * voxels * angles == pytest.approx(wanted, rel=1e-6)
    with pytest.raises(InputError, match="half of the 100"):
        noise_cutoff(60.0, 10, 10)
