"""Profiles: what is measured, averages, what fits and what does not."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from faket.errors import InputError
from faket.style import StyleProfile
from faket.style.vgg.engine import prepare

ANGLES = np.array([-20.0, 0.0, 20.0])


def noise(*shape, seed=0, sigma=1.0):
    return (sigma * np.random.default_rng(seed).standard_normal(shape)).astype(np.float32)


def measured(small, stack, **options):
    return StyleProfile.measure(stack, network=small, device="cpu", **options)


def test_what_is_measured(small, plain, stacks):
    style = stacks(40)[2]
    profile = measured(small, style, angles_deg=ANGLES, pixel_size_A=5.0)
    assert len(profile) == 3
    assert (profile.network, profile.network_digest) == ("small", small.digest)
    assert profile.pixel_size_A == 5.0
    np.testing.assert_array_equal(profile.angles_deg, ANGLES)
    np.testing.assert_allclose(profile.sigma, style.std((1, 2), dtype=float))
    unit = torch.from_numpy((style.astype(float) - style.min()) / (style.max() - style.min()))
    for tilt in range(3):
        grams = plain.grams(small, unit[tilt].expand(3, -1, -1))
        for layer, expected in grams.items():
            found = profile.grams[layer][tilt]
            np.testing.assert_allclose(found, expected, atol=2e-6 * float(expected.abs().max()))
            np.testing.assert_array_equal(found, found.T)


def test_tiles_measure_the_same(network):
    stack = np.cumsum(noise(1, 40, 400), axis=2)
    whole = measured(network, stack)
    limit = 210 * 10**6
    options = {"content": False, "memory_limit": limit}
    assert len(prepare(network, (40, 400), "cpu", torch.float32, **options).tiles[0]) > 1
    tiled = measured(network, stack, memory_limit=limit)
    for layer in whole.grams:
        np.testing.assert_allclose(tiled.grams[layer], whole.grams[layer], rtol=1e-3, atol=1e-5)
    with pytest.raises(InputError, match="memory_limit"):
        measured(network, stack, memory_limit=1)


def test_arrays_give_the_profile_again(small, stacks):
    for options in ({}, {"angles_deg": ANGLES, "pixel_size_A": 5.0}):
        profile = measured(small, stacks(24)[2], **options)
        arrays = profile.to_arrays()
        assert arrays["gram.relu1_1"].shape == (3, 10)  # 4 channels
        again = StyleProfile.from_arrays(arrays, network="small", network_digest=small.digest)
        assert again.pixel_size_A == profile.pixel_size_A
        for layer, matrices in profile.grams.items():
            np.testing.assert_array_equal(again.grams[layer], matrices)
        for name in ("mean", "sigma", "angles_deg"):
            np.testing.assert_array_equal(getattr(again, name), getattr(profile, name))


def test_the_average_of_one_is_itself_and_of_equals_too(small, stacks):
    profile = measured(small, stacks(24)[2], angles_deg=ANGLES, pixel_size_A=5.0)
    for several in ([profile], [profile, profile]):
        mean = StyleProfile.average(several)
        for name, array in mean.to_arrays().items():
            np.testing.assert_allclose(array, profile.to_arrays()[name], rtol=1e-6)


def test_references_are_averaged_by_angle(small):
    """Of unequal tilt counts and image sizes; what reaches less far is left out outside."""
    long = measured(small, noise(5, 24, 20), angles_deg=[-40, -20, 0, 20, 40])
    short = measured(
        small, noise(2, 32, 32, seed=1, sigma=2), angles_deg=[10.5, -15], pixel_size_A=5.0
    )
    mean = StyleProfile.average([short, long])
    np.testing.assert_array_equal(mean.angles_deg, long.angles_deg)
    assert mean.pixel_size_A == 5.0
    partner = [None, 1, 0, 0, None]  # 25° and 29.5° away is more than a step of 20°
    for tilt, other in enumerate(partner):
        pair = [long.mean[tilt]] + ([] if other is None else [short.mean[other]])
        assert mean.mean[tilt] == pytest.approx(np.mean(pair))
        variances = [long.sigma[tilt] ** 2] + ([] if other is None else [short.sigma[other] ** 2])
        assert mean.sigma[tilt] ** 2 == pytest.approx(np.mean(variances))
        grams = [long.grams["relu2_1"][tilt]]
        grams += [] if other is None else [short.grams["relu2_1"][other]]
        np.testing.assert_allclose(mean.grams["relu2_1"][tilt], np.mean(grams, axis=0), rtol=1e-6)


def test_without_angles_tilts_are_averaged_by_index(small):
    one, other = (measured(small, noise(2, 24, 24, seed=seed)) for seed in (0, 1))
    mean = StyleProfile.average([one, other])
    np.testing.assert_allclose(mean.mean, (one.mean + other.mean) / 2)


def test_what_does_not_fit_is_refused(small, grey, stacks):
    style = stacks(24)[2]
    profile = measured(small, style, pixel_size_A=5.0)
    cases = [
        ([], "at least one"),
        ([profile, measured(grey, style)], "one network"),
        ([profile, replace(profile, pixel_size_A=10.0)], "5 Å and 10 Å"),
        ([profile, measured(small, style[:2])], "numbers of tilts"),
    ]
    for profiles, word in cases:
        with pytest.raises(InputError, match=word) as error:
            StyleProfile.average(profiles)
        assert "\n" not in str(error.value)
    for options, word in (
        ({"pixel_size_A": -1.0}, "pixel size"),
        ({"angles_deg": [1, 2]}, "tilt angle"),
    ):
        with pytest.raises(InputError, match=word):
            measured(small, style, **options)
    flat, broken = style.copy(), style.copy()
    flat[1], broken[2, 0, 0] = 3, np.inf
    with pytest.raises(InputError, match="tilt 1 constant"):
        measured(small, flat)
    with pytest.raises(InputError, match="tilt 2"):
        measured(small, broken)
