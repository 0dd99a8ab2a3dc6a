"""Networks, built once: VGG19's first weights take longer to draw than most tests."""

import pytest

from faket.style import load_network


@pytest.fixture(scope="session")
def network():
    return load_network("vgg19-random", seed=1)


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
