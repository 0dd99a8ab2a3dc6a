"""Convolutions, pooling and borders against torch's own and autograd; adjoints as adjoints."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from faket.style.pooling import halve, halve_back, pool, replicate, replicate_back, unpool
from faket.style.vgg.convolution import Convolution, FirstConvolution, place
from faket.style.vgg.tiles import plan_steps
from faket.style.vgg.winograd import convolve, convolve_and_pool, convolve_back

PADDING = st.tuples(*[st.integers(0, 1)] * 4)


def random(*shape, seed=0, dtype=torch.float32):
    generator = torch.Generator().manual_seed(seed)
    tensor = torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)
    return tensor.contiguous(memory_format=torch.channels_last) if len(shape) == 4 else tensor


def by_torch(image, weight, bias, padding):
    above, below, left, right = padding
    padded = F.pad(image.double(), (left, right, above, below))
    return F.conv2d(padded, weight.double(), bias.double())


@settings(deadline=None, max_examples=25)
@given(
    size=st.tuples(st.integers(3, 19), st.integers(3, 19)),
    padding=PADDING,
    origin=st.tuples(st.integers(0, 9), st.integers(0, 9)),
)
def test_winograds_way_is_the_convolution(size, padding, origin):
    image, weight, bias = random(1, 16, *size), random(32, 16, 3, 3, seed=1), random(32, seed=2)
    found = convolve(image, weight, bias, padding, origin)
    expected = by_torch(image, weight, bias, padding).relu()
    assert found.shape == expected.shape
    assert torch.linalg.norm(found - expected) < 3e-6 * torch.linalg.norm(expected)


@settings(deadline=None, max_examples=25)
@given(
    size=st.tuples(st.integers(4, 19), st.integers(4, 19)),
    padding=PADDING,
    origin=st.tuples(st.integers(0, 4), st.integers(0, 4)),
)
def test_winograds_way_pools_as_it_goes(size, padding, origin):
    image, weight, bias = random(1, 16, *size), random(16, 16, 3, 3, seed=1), random(16, seed=2)
    even = (2 * origin[0], 2 * origin[1])
    pooled, winner = convolve_and_pool(image, weight, bias, padding, even)
    apart, won = pool(convolve(image, weight, bias, padding, even))
    assert pooled.shape == apart.shape
    assert torch.linalg.norm(pooled - apart) < 3e-6 * torch.linalg.norm(apart)
    assert (winner != won).double().mean() < 0.05  # rounding may turn a draw


@settings(deadline=None, max_examples=25)
@given(
    size=st.tuples(st.integers(4, 17), st.integers(4, 17)),
    padding=PADDING,
    origin=st.tuples(st.integers(0, 9), st.integers(0, 9)),
    pooled=st.booleans(),
)
def test_winograds_way_back_is_the_adjoint(size, padding, origin, pooled):
    """⟨A x, g⟩ = ⟨x, Aᵀ g⟩, with pooling's choice of pixels held fixed."""
    image, weight = random(1, 16, *size), random(32, 16, 3, 3, seed=1)
    forward = by_torch(image, weight, torch.zeros(32), padding)
    winner = None
    gradient = random(*forward.shape, seed=3)
    if pooled:
        _, winner = pool(forward.float().contiguous(memory_format=torch.channels_last))
        gradient = random(*winner.shape, seed=3)
    back = convolve_back(gradient, winner, weight, padding, origin, size)
    whole = gradient if winner is None else unpool(gradient, winner, tuple(forward.shape[2:]))
    left, right = (forward * whole).sum(), (image.double() * back).sum()
    scale = torch.linalg.norm(forward) * torch.linalg.norm(whole)
    assert abs(left - right) < 2e-6 * scale


def test_a_pixel_is_rounded_alike_in_any_piece():
    """Patches keep to the whole image's grid: pieces of an image are pieces of its result.

    All but the border patches, which see zeros where the whole image goes on.
    """
    image, weight, bias = random(1, 64, 30, 34), random(64, 64, 3, 3, seed=1), random(64, seed=2)
    whole = convolve(image, weight, bias, (1, 1, 1, 1), (0, 0))
    piece = image[:, :, 6:, 9:30].contiguous(memory_format=torch.channels_last)
    found = convolve(piece, weight, bias, (0, 1, 0, 0), (7, 10))
    expected = whole[:, :, 7:, 10:29]
    assert torch.linalg.norm(found - expected) < 3e-6 * torch.linalg.norm(expected)
    inside = (slice(None), slice(None), slice(4, None), slice(4, -4))
    assert (found[inside] == expected[inside]).double().mean() > 0.99


@settings(deadline=None, max_examples=20)
@given(
    size=st.tuples(st.integers(4, 12), st.integers(4, 12)),
    padding=PADDING,
    dtype=st.sampled_from([torch.float32, torch.float64]),
)
def test_torchs_way_agrees_with_autograd(size, padding, dtype):
    weight, bias = random(5, 4, 3, 3, seed=1, dtype=dtype), random(5, seed=2, dtype=dtype)
    convolution = Convolution(weight, bias, fast=False)
    image = random(1, 4, *size, dtype=dtype).requires_grad_()
    above, below, left, right = padding
    out = F.conv2d(F.pad(image, (left, right, above, below)), weight, bias)
    with torch.no_grad():
        activations = convolution.forward(image, padding, (0, 0))
        pooled, winner = convolution.forward_pooled(image, padding, (0, 0))
    torch.testing.assert_close(activations, out.relu())
    torch.testing.assert_close(pooled, F.max_pool2d(out, 2).relu())
    for gradient, won, what in (
        (random(*out.shape, seed=3, dtype=dtype), None, out),
        (random(*pooled.shape, seed=3, dtype=dtype), winner, F.max_pool2d(out, 2).relu()),
    ):
        (expected,) = torch.autograd.grad(what, image, gradient, retain_graph=True)
        with torch.no_grad():
            back = convolution.backward(gradient, won, padding, (0, 0), size)
        torch.testing.assert_close(back, expected)


@pytest.mark.parametrize("channels_out", [16, 10])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("padding", [(1, 1, 1, 1), (1, 0, 0, 1), (0, 0, 0, 0)])
def test_the_first_convolution_repeats_the_border(padding, dtype, channels_out):
    weight = random(channels_out, 3, 3, 3, seed=1, dtype=dtype)
    first = FirstConvolution(weight, weight.sum(1, keepdim=True), random(channels_out, dtype=dtype))
    image = random(1, 3, 9, 7, seed=2, dtype=dtype).requires_grad_()
    above, below, left, right = padding
    padded = F.pad(image, (left, right, above, below), mode="replicate")
    out = F.conv2d(padded, weight, first.bias)
    gradient = random(*out.shape, seed=3, dtype=dtype)
    (expected,) = torch.autograd.grad(out, image, gradient)
    with torch.no_grad():
        torch.testing.assert_close(first.forward(image, padding), out.relu())
        torch.testing.assert_close(first.backward(gradient, padding), expected)
        equal = image[:, :1].expand(-1, 3, -1, -1)
        torch.testing.assert_close(
            first.forward(image[:, :1], padding), first.forward(equal, padding)
        )


def test_the_normalisation_is_folded_in(small):
    steps = plan_steps("small", [2, 3, 2], {"relu1_1"})
    first, _ = place(small, steps, (8, 8), "cpu", torch.float64)
    image = random(3, 8, 8, dtype=torch.float64)
    ((_, expected),) = small.activations(image, ["relu1_1"])
    torch.testing.assert_close(first.forward(image[None], (1, 1, 1, 1))[0], expected)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("size", [(8, 12), (9, 12), (8, 7), (5, 3)])
def test_halving_is_torchs_and_so_is_its_gradient(size, dtype):
    images = random(2, 3, *size, seed=1, dtype=dtype).requires_grad_()
    expected = F.avg_pool2d(images, 2)
    torch.testing.assert_close(halve(images.detach()), expected)
    gradient = random(*expected.shape, seed=2, dtype=dtype)
    (back,) = torch.autograd.grad(expected, images, gradient)
    torch.testing.assert_close(halve_back(gradient, size), back)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shape", [(1, 5, 8, 10), (1, 3, 7, 9), (1, 2, 2, 3), (1, 16, 5, 4)])
def test_pooling_is_torchs_and_so_is_its_gradient(shape, dtype):
    image = random(*shape, dtype=dtype).requires_grad_()
    expected = F.max_pool2d(image.relu(), 2)
    gradient = random(*expected.shape, seed=1, dtype=dtype)
    (by_image,) = torch.autograd.grad(expected, image, gradient)
    with torch.no_grad():
        pooled, winner = pool(image)
        assert torch.equal(pooled, expected)
        assert torch.equal(unpool(gradient, winner, shape[2:]), by_image)
    assert torch.equal(winner == 4, expected == 0)


@given(padding=PADDING, size=st.tuples(st.integers(1, 5), st.integers(1, 5)))
def test_replicated_borders_and_their_adjoint(padding, size):
    image = random(2, *size, dtype=torch.float64)
    above, below, left, right = padding
    expected = np.pad(image.numpy(), ((0, 0), (above, below), (left, right)), mode="edge")
    found = replicate(image, padding)
    np.testing.assert_array_equal(found.numpy(), expected)
    gradient = random(*expected.shape, seed=1, dtype=torch.float64)
    back = replicate_back(gradient, padding)
    assert back.shape == image.shape
    assert (found * gradient).sum().item() == pytest.approx((image * back).sum().item())


def test_narrow_small_or_double_convolutions_go_torchs_way(wide):
    steps = plan_steps("small", [2, 2, 1], {"relu3_1"})
    for size, dtype, fast in (
        ((256, 64), torch.float32, [True, True, True, True]),
        ((64, 64), torch.float32, [True, True, True, False]),
        ((256, 256), torch.float64, [False] * 4),
    ):
        _, others = place(wide, steps, size, "cpu", dtype)
        assert [convolution.fast for convolution in others] == fast
    narrow = replace(wide, blocks=(wide.blocks[0][:1],))
    assert place(narrow, steps[:1], (256, 256), "cpu", torch.float32)[1] == ()
