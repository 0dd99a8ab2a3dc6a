"""Settings of a transfer: memory limits change next to nothing, rules, half precision."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from faket.errors import InputError
from faket.style import Adam, StyleProfile, load_network, transfer_style
from faket.style.vgg.engine import prepare


def test_a_memory_limit_changes_hardly_a_pixel(network, stacks):
    """Pixels of vanishing gradient may step the other way: fewer than 1 in 1000."""
    content, initial, style = (s[:, :40] for s in stacks(400, tilts=1))
    limits = 10**9, 2.11e8
    cpu = {"device": "cpu", "dtype": torch.float32, "content": True}
    counts = [len(prepare(network, (40, 400), memory_limit=n, **cpu).tiles[0]) for n in limits]
    assert counts[0] == 1 < counts[1]
    profile = StyleProfile.measure(style, network=network, device="cpu")
    whole, tiled = (
        transfer_style(content, initial, profile, network=network, memory_limit=limit, device="cpu")
        for limit in limits
    )
    different = np.abs(whole - tiled) > 1e-3 * style.std()
    assert different.mean() < 1e-3


def test_several_iterations_in_tiles(small, stacks, monkeypatch):
    """In float64 tiles and bands, each updated in place, give the same images."""
    from faket.style.vgg import iterate, tiles

    content, initial, style = stacks(45, tilts=1)
    options = {"network": small, "iterations": 4, "device": "cpu", "dtype": torch.float64}
    whole = transfer_style(content, initial, style, **options)
    monkeypatch.setattr(iterate, "_AT_ONCE", 200)
    monkeypatch.setattr("faket.style.vgg.engine.choose_grid", lambda *_: (4, 3))
    tiled = transfer_style(content, initial, style, **options)
    assert tiles.cut(45, 45, 4, 3, 4)[3][2].y.stop == 45
    np.testing.assert_allclose(tiled, whole, rtol=1e-6)


def test_another_rule_can_step(small, stacks):
    """A rule without moments: steepest descent."""

    class Descent:
        moments = 0

        def step(self, image, gradient, moments, iteration):
            assert len(moments) == 0
            return image - 0.1 * gradient / gradient.abs().max()

    content, initial, style = stacks(24, tilts=1)
    options = {"network": small, "device": "cpu", "iterations": 2}
    found = transfer_style(content, initial, style, rule=Descent(), **options)
    assert np.isfinite(found).all()
    adam = transfer_style(content, initial, style, **options)
    same = transfer_style(content, initial, style, rule=Adam(0.15), **options)
    assert adam.tobytes() == same.tobytes() != found.tobytes()


def test_profiles_and_limits_that_do_not_fit(small, grey, stacks):
    content, initial, style = stacks(24, tilts=2)
    profile = StyleProfile.measure(style, network=small, pixel_size_A=5.0, device="cpu")
    options = {"network": small, "device": "cpu"}
    transfer_style(content, initial, profile, pixel_size_A=5.05, **options)
    cases = [
        ({"pixel_size_A": 10.0}, "content's pixel size 10 Å, found 5 Å"),
        ({"pixel_size_A": 0.0}, "pixel size > 0"),
        ({"network": grey}, "measure the reference again"),
        ({"memory_limit": 10}, "at least"),
        ({"network": replace(small, style_weights={"relu2_2": 1.0})}, "measure the reference"),
    ]
    for change, word in cases:
        with pytest.raises(InputError, match=word) as error:
            transfer_style(content, initial, profile, **(options | change))
        assert "\n" not in str(error.value)


def test_half_precision_transfers(wide, stacks):
    """Convolutions in bfloat16, the rest in float32: the plumbing, on the CPU."""
    content, initial, style = stacks(32, tilts=1)
    full, half = (
        transfer_style(content, initial, style, network=wide, dtype=dtype, device="cpu")
        for dtype in (torch.float32, torch.bfloat16)
    )
    assert half.dtype == np.float32
    np.testing.assert_allclose(half.mean((1, 2)), style.mean((1, 2)), rtol=1e-3)
    assert np.corrcoef(full.ravel(), half.ravel())[0, 1] > 0.9


def test_the_texture_network_refuses_what_it_ignores(stacks):
    content, initial, style = stacks(64, tilts=1)
    network = load_network("texture")
    options = {"network": network, "device": "cpu"}
    for name, value in (("memory_limit", 10**9), ("rule", Adam())):
        with pytest.raises(InputError, match=f"`{name}`: expected none.*texture") as error:
            transfer_style(content, initial, style, **options, **{name: value})
        assert "\n" not in str(error.value)
    with pytest.raises(InputError, match="`memory_limit`: expected none"):
        StyleProfile.measure(style, memory_limit=10**9, **options)
