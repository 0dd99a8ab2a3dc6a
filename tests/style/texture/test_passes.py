"""Forward and backward of the ``texture`` network against torch's own convolutions and autograd."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from faket.seeds import generator
from faket.style.texture import passes as texture_passes
from faket.style.texture.network import activations, load_texture
from faket.style.texture.passes import backward, forward, measure_grams, pull_back

NETWORK = load_texture()
SIZES = st.tuples(st.integers(16, 70), st.integers(16, 70))


def image_of(size, dtype, seed=0):
    return torch.from_numpy(generator(seed, "image").standard_normal(size)).to(dtype)


@pytest.mark.parametrize(("dtype", "near"), [(torch.float32, 1e-5), (torch.float64, 1e-12)])
@settings(max_examples=15, deadline=None)
@given(size=SIZES)
def test_they_are_torchs_own_and_its_gradient(dtype, near, size):
    """float32 takes the numba kernels, float64 torch's operations."""
    network = NETWORK.to("cpu", dtype)
    image = image_of(size, dtype).requires_grad_()
    expected = [x[0] for _, x in activations(image[None, None], network.blocks)]
    seeds = [image_of(x.shape, dtype, seed=1) for x in expected]
    (gradient,) = torch.autograd.grad(expected, image, seeds)
    found = forward(image.detach(), network.blocks)
    for mine, theirs in zip(found, expected, strict=True):
        assert (mine - theirs).abs().max() <= near * theirs.abs().max()
    by_image = backward(found, seeds, network.blocks)
    assert (by_image - gradient).norm() <= near * gradient.norm()


@pytest.mark.parametrize("tape", [True, False])
@settings(max_examples=10, deadline=None)
@given(size=st.tuples(st.integers(96, 180), st.integers(96, 180)))
def test_the_gradient_of_grams_is_autograds_for_any_tiles(tape, size):
    network = NETWORK.to("cpu", torch.float64)
    image = image_of(size, torch.float64).requires_grad_()
    weights = {name: image_of((n, n), torch.float64, seed=n) for name, n in channels_of(network)}
    loss = 0
    for name, x in activations(image[None, None], network.blocks):
        flat = x.flatten(2)[0]
        loss = loss + (weights[name] * (flat @ flat.T / flat.shape[1])).sum()
    (gradient,) = torch.autograd.grad(loss, image)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(texture_passes, "_TILE_PX", {"cpu": (64, 96)})
        pieces = [] if tape else None
        grams = measure_grams(image.detach(), network.blocks, pieces)
        found = pull_back(image.detach(), weights, network.blocks, pieces or ())
    total = sum(float((weights[name] * gram).sum()) for name, gram in grams.items())
    assert total == pytest.approx(loss.item(), rel=1e-12, abs=1e-12 * image.numel())
    torch.testing.assert_close(found, gradient * image.numel(), rtol=1e-9, atol=1e-9)


def channels_of(network):
    return [
        (f"level{b}", 1 + sum(len(bias) for _, bias in level))
        for b, level in enumerate(network.blocks, start=1)
    ]
