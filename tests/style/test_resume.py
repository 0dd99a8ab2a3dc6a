"""An interrupted transfer goes on with the same bytes; memory limits change next to nothing."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from faket.errors import InputError
from faket.style import Adam, StyleProfile, TransferState, load_network, transfer_style


class Interrupted(Exception):
    pass


def copied(state):
    arrays = {name: array.copy() for name, array in state.to_arrays().items()}
    return TransferState.from_arrays(arrays, fingerprint=state.fingerprint)


def interrupted_after(count, *arguments, **options):
    states = []

    def checkpoint(state):
        states.append(copied(state))
        if len(states) == count:
            raise Interrupted

    with pytest.raises(Interrupted):
        transfer_style(*arguments, checkpoint=checkpoint, **options)
    return states[-1]


@pytest.mark.parametrize("name", ["small", "grey", "wide"])
def test_resumed_bytes_are_the_uninterrupted_ones(request, stacks, name):
    network = request.getfixturevalue(name)
    content, initial, style = stacks(36, tilts=2)
    options = {"network": network, "iterations": 3, "device": "cpu"}
    seen = []
    whole = transfer_style(content, initial, style, checkpoint=lambda s: seen.append(s), **options)
    plain = transfer_style(content, initial, style, **options)
    assert plain.tobytes() == whole.tobytes()
    assert [(len(s.finished), s.iteration) for s in seen] == [
        (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (2, 0)
    ]  # fmt: skip
    for count in range(1, 7):
        state = interrupted_after(count, content, initial, style, **options)
        again = transfer_style(content, initial, style, resume=state, **options)
        assert again.tobytes() == whole.tobytes()


def test_a_state_of_another_transfer_is_refused(small, stacks):
    content, initial, style = stacks(24, tilts=2)
    options = {"network": small, "device": "cpu"}
    state = interrupted_after(1, content, initial, style, iterations=2, **options)
    assert state.iteration == 1
    for arguments, change in (
        ((content, initial, style), {"iterations": 3}),
        ((content, initial, style), {"step_size": 0.1}),
        ((initial, content, style), {}),
        ((content, initial, style[::-1]), {}),
    ):
        with pytest.raises(InputError, match="another's") as error:
            transfer_style(*arguments, resume=state, **({"iterations": 2} | options | change))
        assert "\n" not in str(error.value)
    arrays = state.to_arrays()
    for missing in ("moments", "finished", "iteration"):
        fewer = {name: array for name, array in arrays.items() if name != missing}
        with pytest.raises(InputError, match=missing):
            TransferState.from_arrays(fewer, fingerprint="0")


def test_a_memory_limit_changes_hardly_a_pixel(network, stacks):
    """Pixels of vanishing gradient may step the other way: fewer than 1 in 1000."""
    content, initial, style = (s[:1, :100] for s in stacks(112, tilts=1))
    profile = StyleProfile.measure(style, network=network, device="cpu")
    whole, tiled = (
        transfer_style(content, initial, profile, network=network, memory_limit=limit, device="cpu")
        for limit in (10**9, 2.31e8)
    )
    different = np.abs(whole - tiled) > 1e-3 * style.std()
    assert different.mean() < 1e-3


def test_several_iterations_in_tiles(small, stacks, monkeypatch):
    """In float64 tiles and bands, each updated in place, give the same images."""
    from faket.style import iterate, tiles

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
    adam = transfer_style(content, initial, style, step_size=0.15, **options)
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


def test_the_texture_network_resumes_between_tilts(stacks):
    network = load_network("texture")
    content, initial, style = stacks(64, tilts=2)
    profile = StyleProfile.measure(style, network=network, device="cpu")
    options = {"network": network, "iterations": 2, "device": "cpu"}
    whole = transfer_style(content, initial, profile, **options)
    state = interrupted_after(1, content, initial, profile, **options)
    assert (len(state.finished), state.iteration) == (1, 0)
    again = transfer_style(content, initial, profile, resume=state, **options)
    assert again.tobytes() == whole.tobytes()
