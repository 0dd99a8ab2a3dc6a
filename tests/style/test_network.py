"""The feature network: layout, depth, pooling, gradients, initialisation, loss terms."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from faket.errors import InputError
from faket.style import load_network
from faket.style.loss import gram, scaled_difference
from faket.style.pooling import max_pool, replicate_border


def activations(network, image, layers):
    return dict(network.activations(image, layers))


def test_layers_have_the_published_shapes(network):
    found = activations(network, torch.rand(3, 64, 48), {*network.style_weights, "relu2_2"})
    assert {name: tuple(f.shape) for name, f in found.items()} == {
        "relu1_1": (64, 64, 48),
        "relu2_1": (128, 32, 24),
        "relu2_2": (128, 32, 24),
        "relu3_1": (256, 16, 12),
        "relu4_1": (512, 8, 6),
        "relu5_1": (512, 4, 3),
    }
    assert all(f.min() >= 0 for f in found.values())


def test_weights_of_the_loss_are_the_published(network):
    expected = [256 / 341, 64 / 341, 16 / 341, 4 / 341, 1 / 341]
    np.testing.assert_allclose(list(network.style_weights.values()), expected)
    assert network.content_weights == {"relu2_2": 1.0}


def test_a_layer_does_not_depend_on_which_others_are_asked_for(network):
    image = torch.rand(3, 32, 32)
    alone = activations(network, image, ["relu4_1"])["relu4_1"]
    both = activations(network, image, ["relu1_2", "relu2_2", "relu3_4", "relu4_1"])
    torch.testing.assert_close(both["relu4_1"], alone, rtol=0, atol=0)


def test_unknown_layers_are_refused(network):
    with pytest.raises(InputError, match="relu9_9"):
        activations(network, torch.rand(3, 32, 32), ["relu9_9"])


def test_random_weights_are_kaiming_normal_and_seeded():
    """torchvision's rule for VGG: normal, σ² = 2 / (9 channels out), zero bias."""
    before = torch.random.get_rng_state()
    first, again, other = (load_network("vgg19-random", seed=s) for s in (3, 3, 4))
    assert torch.equal(before, torch.random.get_rng_state())
    assert first.digest == again.digest != other.digest
    for weight, bias in first.blocks[3]:
        assert weight.std().item() == pytest.approx(math.sqrt(2 / (9 * len(weight))), rel=0.01)
        assert not bias.any()


def test_torchvisions_layout_gives_the_same_network(network, state):
    assert load_network("vgg19", weights=state).digest == network.digest
    arrays = {key: value.numpy() for key, value in state.items()}
    assert load_network("vgg19", weights=arrays).digest == network.digest


def test_wrong_weights_are_refused_by_name(state):
    cases = [
        ({"features.12.bias": None}, "features.12.bias.*NoneType"),
        (
            {"features.5.weight": torch.zeros(128, 64, 5, 5)},
            r"features.5.weight.*\(128, 64, 3, 3\)",
        ),
        ({"features.0.bias": torch.full((64,), float("nan"))}, "features.0.bias"),
        ({"features.0.bias": torch.zeros(64, dtype=torch.int64)}, "features.0.bias"),
    ]
    for change, word in cases:
        with pytest.raises(InputError, match=word) as error:
            load_network("vgg19", weights=state | change)
        assert "\n" not in str(error.value)
    missing = {key: value for key, value in state.items() if key != "features.28.weight"}
    with pytest.raises(InputError, match=r"features.28.weight"):
        load_network("vgg19", weights=missing)
    for name, weights, word in (
        ("vgg19", None, "found none"),
        ("vgg19-random", state, "no weights"),
        ("vgg16", None, "vgg16"),
    ):
        with pytest.raises(InputError, match=word):
            load_network(name, weights=weights)


@pytest.mark.parametrize("shape", [(1, 5, 8, 10), (1, 3, 7, 9), (1, 2, 2, 3)])
def test_pooling_is_torchs_and_so_is_its_gradient(shape):
    image = torch.randn(shape, dtype=torch.float64).requires_grad_()
    weights = torch.randn(*shape[:2], shape[2] // 2, shape[3] // 2, dtype=torch.float64)
    ours, torchs = max_pool(image), F.max_pool2d(image, 2)
    assert torch.equal(ours, torchs)
    (g_ours,) = torch.autograd.grad((ours * weights).sum(), image)
    (g_torchs,) = torch.autograd.grad((torchs * weights).sum(), image)
    assert torch.equal(g_ours, g_torchs)


def test_replicated_border_is_torchs():
    image = torch.randn(1, 3, 5, 7)
    expected = F.pad(image, (1, 1, 1, 1), mode="replicate")
    assert torch.equal(replicate_border(image), expected)


def test_gradients_of_the_terms_pass_gradcheck():
    torch.manual_seed(0)
    features = torch.randn(4, 3, 5, dtype=torch.float64, requires_grad=True)
    target = torch.randn(4, 3, 5, dtype=torch.float64)
    assert torch.autograd.gradcheck(gram, (features,))
    assert torch.autograd.gradcheck(lambda f: scaled_difference(f, target), (features,))


def test_terms_in_closed_form():
    found = torch.tensor([1.0, -2.0, 4.0])
    assert scaled_difference(found, torch.zeros(3)).item() == pytest.approx(21 / 7)
    same = found.clone().requires_grad_()
    term = scaled_difference(same, found)
    (gradient,) = torch.autograd.grad(term, same)
    assert term.item() == 0
    assert gradient.tolist() == [0, 0, 0]


def test_gram_does_not_grow_with_the_image():
    tile = torch.rand(6, 8, 9)
    torch.testing.assert_close(gram(tile), gram(tile.tile(1, 3, 2)))
