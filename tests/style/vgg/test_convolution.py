"""Convolutions, pooling and borders against torch's own and autograd; adjoints as adjoints."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from faket.style.pooling import halve, halve_back, pool, replicate, replicate_back, unpool
from faket.style.vgg.convolution import Convolution, FirstConvolution, place
from faket.style.vgg.tiles import plan_layers

PADDING = st.tuples(*[st.integers(0, 1)] * 4)


def random(*shape, seed=0, dtype=torch.float32):
    generator = torch.Generator().manual_seed(seed)
    tensor = torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)
    return tensor.contiguous(memory_format=torch.channels_last) if len(shape) == 4 else tensor


@settings(deadline=None, max_examples=20)
@given(
    size=st.tuples(st.integers(4, 12), st.integers(4, 12)),
    padding=PADDING,
    dtype=st.sampled_from([torch.float32, torch.float64]),
)
def test_a_convolution_agrees_with_autograd(size, padding, dtype):
    weight, bias = random(5, 4, 3, 3, seed=1, dtype=dtype), random(5, seed=2, dtype=dtype)
    convolution = Convolution(weight, bias)
    image = random(1, 4, *size, dtype=dtype).requires_grad_()
    above, below, left, right = padding
    out = F.conv2d(F.pad(image, (left, right, above, below)), weight, bias)
    with torch.no_grad():
        activations = convolution.forward(image, padding)
        pooled, winner = convolution.forward_pooled(image, padding)
    torch.testing.assert_close(activations, out.relu())
    torch.testing.assert_close(pooled, F.max_pool2d(out, 2).relu())
    for gradient, won, what in (
        (random(*out.shape, seed=3, dtype=dtype), None, out),
        (random(*pooled.shape, seed=3, dtype=dtype), winner, F.max_pool2d(out, 2).relu()),
    ):
        (expected,) = torch.autograd.grad(what, image, gradient, retain_graph=True)
        with torch.no_grad():
            back = convolution.backward(gradient, won, padding, size)
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
    plan = plan_layers("small", [2, 3, 2], {"relu1_1"})
    first, _ = place(small, plan, "cpu", torch.float64)
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
