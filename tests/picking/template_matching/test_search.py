"""Scores against a naive implementation; windows; masks; hostile input."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from faket.errors import InputError
from faket.picking.template_matching import search
from faket.picking.template_matching.correlation import Correlator, worker_threads
from faket.picking.template_matching.search import split_windows
from faket.picking.template_matching.templates import sphere_mask

CPU = torch.device("cpu")


def naive_scores(volume, template, weights):
    """Pearson's correlation under weights, voxel by voxel; mean and variance beyond the edge."""
    box, half = len(template), len(template) // 2
    centred_volume = volume.astype(float) - volume.mean(dtype=float)
    padded = np.pad(centred_volume, half)
    squares = np.pad(centred_volume**2, half, constant_values=(centred_volume**2).mean())
    total = weights.sum()
    centred = template - (weights * template).sum() / total
    spread = math.sqrt((weights * centred**2).sum() / total)
    scores = np.zeros(volume.shape)
    for z, y, x in np.ndindex(volume.shape):
        here = np.s_[z : z + box, y : y + box, x : x + box]
        block = padded[here]
        mean = (weights * block).sum() / total
        sigma = math.sqrt((weights * squares[here]).sum() / total - mean**2)
        scores[z, y, x] = (weights * centred * block).sum() / (total * spread * sigma)
    return scores


@pytest.mark.parametrize("mask", ["sphere", "shape"])
def test_scores_are_those_of_a_naive_implementation(mask, hook, kit):
    rng = np.random.default_rng(0)
    volume = rng.standard_normal((20, 23, 26)).astype(np.float32) * 3 + 7
    volume[8:14, 9:15, 6:19] -= 4
    rotations = Rotation.random(3, random_state=rng)
    factory = kit.factory(hook, mask=mask)
    maps = search(volume, factory, rotations)
    kernels, weights = factory.kernels(rotations)
    naive = []
    for i, kernel in enumerate(kernels.double().numpy()):
        w = factory.ball.double().numpy() if weights is None else weights[i].double().numpy()
        template = np.where(w > 0, kernel / np.where(w > 0, w, 1), 0)  # up to scale and offset
        naive.append(naive_scores(volume, template, w))
    naive = np.array(naive)
    np.testing.assert_allclose(maps.scores, naive.max(axis=0), atol=2e-5)
    ties = np.sort(naive, axis=0)[-1] - np.sort(naive, axis=0)[-2] < 1e-4
    assert (maps.orientations == naive.argmax(axis=0))[~ties].all()


def test_a_perfect_copy_scores_one(hook, kit):
    factory = kit.factory(hook)
    rotation = Rotation.from_rotvec([[0.3, 0.2, -0.9]])
    kernel = factory.kernels(rotation)[0][0].numpy()
    ball = factory.ball.numpy()
    volume = np.zeros((32, 32, 32), np.float32)
    box = factory.box
    volume[6 : 6 + box, 8 : 8 + box, 9 : 9 + box] = np.where(ball > 0, kernel / (ball + 1e-9), 0)
    maps = search(volume, factory, rotation)
    place = np.unravel_index(maps.scores.argmax(), maps.scores.shape)
    assert place == (6 + box // 2, 8 + box // 2, 9 + box // 2)
    assert maps.scores.max() == pytest.approx(1, abs=1e-3)


def test_windows_give_the_scores_of_the_whole(hook, kit):
    rng = np.random.default_rng(1)
    volume = rng.standard_normal((40, 58, 61)).astype(np.float32)
    rotations = Rotation.random(5, random_state=rng)
    factory = kit.factory(hook)
    whole = search(volume, factory, rotations, memory_GB=100)
    assert len(split_windows(volume.shape, factory.box, 0.003)) > 4
    parts = search(volume, factory, rotations, memory_GB=0.003)
    np.testing.assert_allclose(parts.scores, whole.scores, atol=5e-6)
    assert (parts.orientations == whole.orientations).mean() > 0.999
    assert parts.sigma == pytest.approx(whole.sigma, rel=0.02)


@given(
    shape=st.tuples(*[st.integers(5, 300)] * 3),
    box=st.integers(1, 20).map(lambda n: 2 * n + 1),
    memory=st.floats(1e-4, 10),
)
@settings(max_examples=100, deadline=None)
def test_windows_cover_every_voxel_once(shape, box, memory):
    windows = split_windows(shape, box, memory)
    sizes = [math.prod(part.stop - part.start for part in window) for window in windows]
    assert sum(sizes) == math.prod(shape)
    for axis in range(3):
        ends = {(window[axis].start, window[axis].stop) for window in windows}
        assert sorted(ends)[0][0] == 0
        assert max(stop for _, stop in ends) == shape[axis]


@given(
    shape=st.tuples(*[st.integers(1, 14)] * 3),
    half=st.integers(0, 4),
    seed=st.integers(0, 1000),
)
@settings(max_examples=40, deadline=None)
def test_correlator_is_scipys_correlation(shape, half, seed):
    from scipy import ndimage

    rng = np.random.default_rng(seed)
    volume = rng.standard_normal(shape).astype(np.float32)
    kernel = rng.standard_normal((2 * half + 1,) * 3).astype(np.float32)
    window = tuple(slice(0, n) for n in shape)
    with worker_threads(CPU) as pool:
        correlator = Correlator(volume, window, 2 * half + 1, CPU)
        found = correlator.whole(torch.from_numpy(kernel), pool)
    expected = ndimage.correlate(volume, kernel, mode="constant")
    np.testing.assert_allclose(found.numpy(), expected, atol=2e-4)


def test_scores_do_not_depend_on_the_number_of_threads(hook, kit):
    volume = np.random.default_rng(4).standard_normal((30, 150, 150)).astype(np.float32)
    rotations = Rotation.random(4, random_state=np.random.default_rng(0))
    threads, maps = torch.get_num_threads(), []
    try:
        for count in (1, 3):
            torch.set_num_threads(count)
            maps.append(search(volume, kit.factory(hook), rotations))
            assert torch.get_num_threads() == count
    finally:
        torch.set_num_threads(threads)
    np.testing.assert_array_equal(maps[0].scores, maps[1].scores)
    np.testing.assert_array_equal(maps[0].orientations, maps[1].orientations)
    assert maps[0].sigma == maps[1].sigma


def test_sphere_mask_has_the_volume_of_a_ball():
    for radius in (4.0, 7.5):
        mask = sphere_mask(25, radius, 0.0)
        assert mask.sum() == pytest.approx(4 / 3 * np.pi * radius**3, rel=0.05)
        soft = sphere_mask(25, radius, 3.0)
        assert (soft >= mask).all()
        assert soft[12, 12, 0] == 0


def test_progress_counts_orientations(hook, kit):
    seen = []
    volume = np.random.default_rng(0).standard_normal((20, 20, 20)).astype(np.float32)
    search(
        volume, kit.factory(hook), Rotation.random(19, random_state=np.random.default_rng(0)),
        progress=lambda done, total: seen.append((done, total)),
    )  # fmt: skip
    assert seen == [(i + 1, 19) for i in range(19)]


def test_flat_regions_score_nothing(hook, kit):
    volume = np.zeros((40, 40, 60), np.float32)
    volume[..., :20] = np.random.default_rng(0).standard_normal((40, 40, 20))
    maps = search(volume, kit.factory(hook), kit.identity)
    assert np.isfinite(maps.scores).all()
    assert np.abs(maps.scores[..., 40:]).max() < 1e-3


@pytest.mark.parametrize("volume", [np.ones((40, 40, 40)), np.zeros((40, 40, 40))])
def test_constant_tomograms_are_refused(volume, hook, kit):
    with pytest.raises(InputError, match="differ"):
        search(volume.astype(np.float32), kit.factory(hook), kit.identity)


def test_templates_larger_than_the_tomogram_are_refused(hook, kit):
    with pytest.raises(InputError, match="smaller than the tomogram") as error:
        search(np.zeros((6, 90, 90), np.float32), kit.factory(hook), kit.identity)
    assert "\n" not in str(error.value)
