"""Networks, built once, and the loss written down plainly a second time."""

import numpy as np
import pytest
import torch

from faket.style import build_network, load_network


def random_network(blocks, channels_in, style, content, seed=0, **options):
    """Return a network of random weights; ``blocks`` are the channels of its convolutions."""
    generator = torch.Generator().manual_seed(seed)
    convolutions, before = {}, channels_in
    for channels in (c for block in blocks for c in block):
        weight = torch.randn((channels, before, 3, 3), generator=generator)
        bias = 0.1 * torch.randn(channels, generator=generator)
        convolutions[str(len(convolutions))] = (weight * (2 / before / 9) ** 0.5, bias)
        before = channels
    counts = [len(block) for block in blocks]
    return build_network("small", convolutions, counts, style, content, **options)


@pytest.fixture(scope="session")
def network():
    return load_network("vgg19-random", seed=1)


@pytest.fixture(scope="session")
def small():
    """Three channels, three blocks, VGG19's kind of layers."""
    style = {"relu1_1": 0.5, "relu2_1": 0.3, "relu3_2": 0.2}
    return random_network(
        ((4, 5), (6, 7, 6), (8, 5)),
        3,
        style,
        {"relu2_3": 1.0},
        input_mean=(0.5, 0.4, 0.3),
        input_sigma=(0.2, 0.3, 0.25),
    )


@pytest.fixture(scope="session")
def grey():
    """One channel; style and content at one layer, and a style layer that is pooled."""
    style = {"relu1_1": 0.2, "relu2_2": 0.5, "relu3_1": 0.3}
    return random_network(
        ((16,), (8, 16), (8,)), 1, style, {"relu2_2": 2.0}, input_mean=0.4, input_sigma=0.5
    )


@pytest.fixture(scope="session")
def wide():
    """As wide as VGG19's first block."""
    style = {"relu1_1": 0.5, "relu2_1": 0.3, "relu3_1": 0.2}
    return random_network(((64, 64), (64, 64), (64,)), 3, style, {"relu2_2": 1.0})


@pytest.fixture(scope="session")
def state(network):
    """The network's weights in torchvision's layout, with a classifier beside them."""
    indices = iter([0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28])
    weights = {}
    for block in network.blocks:
        for weight, bias in block:
            index = next(indices)
            weights[f"features.{index}.weight"], weights[f"features.{index}.bias"] = weight, bias
    return weights | {"classifier.0.weight": bias}


def plain_grams(network, image):
    found = dict(network.activations(image, network.style_weights))
    return {
        layer: torch.einsum("cyx,dyx->cd", f, f) / (f.shape[1] * f.shape[2])
        for layer, f in found.items()
    }


def plain_loss(network, image, content, grams):
    """Return the loss of images [channels, y, x] by autograd's own means."""
    layers = {*network.style_weights, *network.content_weights}
    found = dict(network.activations(image, layers))
    wanted = dict(network.activations(content, network.content_weights))
    pairs = [(w, found[n], wanted[n]) for n, w in network.content_weights.items()]
    mine = plain_grams(network, image)
    pairs += [(w, mine[n], grams[n]) for n, w in network.style_weights.items()]
    terms = [w * ((a - b) ** 2).sum() / ((a - b).abs().sum() + 1e-8) for w, a, b in pairs]
    return torch.stack(terms).sum()


def plain_gradient(network, image, content, grams):
    image = image.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(plain_loss(network, image, content, grams), image)
    return gradient


@pytest.fixture(scope="session")
def plain():
    """The loss, its gradient and Gram matrices, by torch's own operations and autograd."""

    class Plain:
        grams = staticmethod(plain_grams)
        loss = staticmethod(plain_loss)
        gradient = staticmethod(plain_gradient)

    return Plain


@pytest.fixture
def stacks():
    def make(size=48, tilts=3, seed=0):
        rng = np.random.default_rng(seed)
        smooth = np.cumsum(rng.standard_normal((tilts, size, size)), axis=2)
        content = smooth + 0.25 * rng.standard_normal(smooth.shape)
        initial = smooth + rng.standard_normal(smooth.shape)
        style = 300 + 40 * (np.cumsum(rng.standard_normal(smooth.shape), axis=1) / 3)
        return [stack.astype(np.float32) for stack in (content, initial, style)]

    return make
