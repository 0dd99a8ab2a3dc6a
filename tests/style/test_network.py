"""The feature network: layout, depth, pooling, gradients, initialisation, loss terms."""

import math

import numpy as np
import pytest
import torch

from faket.errors import InputError
from faket.style import build_network, load_network
from faket.style.vgg.loss import Coefficients, Sums, gram_sum


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


def build(change=None, blocks=(2, 1), style=None, content=None, **options):
    torch.manual_seed(0)
    pairs = {
        "a": (torch.rand(4, 1, 3, 3), torch.rand(4)),
        "b": (torch.rand(5, 4, 3, 3), torch.rand(5)),
        "c": (torch.rand(6, 5, 3, 3), torch.rand(6)),
    }
    style = {"relu1_2": 1} if style is None else style
    content = {"relu2_1": 1} if content is None else content
    return build_network("mine", pairs | (change or {}), blocks, style, content, **options)


def test_a_network_of_ones_own():
    network = build(input_mean=0.5, input_sigma=(0.2,))
    assert network.channels_in == 1
    assert (network.input_mean, network.input_sigma) == ((0.5,), (0.2,))
    assert network.smallest_image == 2
    found = activations(network, torch.rand(1, 6, 8), ["relu1_2", "relu2_1"])
    assert [tuple(f.shape) for f in found.values()] == [(5, 6, 8), (6, 3, 4)]
    grey = torch.full((1, 4, 4), 0.5)
    bias = network.blocks[0][0][1]
    torch.testing.assert_close(
        activations(network, grey, ["relu1_1"])["relu1_1"],
        bias[:, None, None].relu().expand(-1, 4, 4),
    )


def test_the_digest_covers_what_changes_the_features():
    other = (torch.rand(6, 5, 3, 3), torch.rand(6))
    networks = [
        build(),
        build(input_mean=0.1),
        build(input_sigma=2),
        build({"c": other}),
        build(blocks=(2, 1), style={"relu2_1": 1}),
        build(blocks=(3,), style={"relu1_3": 1}, content={}),
    ]
    digests = [network.digest for network in networks]
    assert build().digest == digests[0] == digests[4]  # weights of the loss change no feature
    assert len(set(digests)) == 5


def test_networks_that_do_not_fit_together_are_refused():
    cases = [
        ({"change": {"b": (torch.rand(5, 3, 3, 3), torch.rand(5))}}, "weight of b.*4, 3, 3"),
        ({"change": {"c": (torch.rand(6, 5, 3, 3), torch.rand(5))}}, "weight of c"),
        ({"change": {"a": (torch.full((4, 1, 3, 3), torch.nan), torch.rand(4))}}, "finite"),
        ({"blocks": (2, 2)}, "expected 4 convolutions"),
        ({"blocks": (3, 0)}, "at least one"),
        ({"blocks": (1, 2)}, "relu1_2"),
        ({"input_mean": (0.1, 0.2)}, "each of 1 channels"),
        ({"input_sigma": 0}, "input_sigma > 0"),
        ({"input_mean": float("nan")}, "finite"),
    ]
    for options, word in cases:
        with pytest.raises(InputError, match=word) as error:
            build(**options)
        assert "\n" not in str(error.value)


def test_gram_sums_add_up():
    features = torch.rand(6, 8, 9, dtype=torch.float64)
    expected = torch.einsum("cyx,dyx->cd", features, features)
    torch.testing.assert_close(gram_sum(features), expected)
    torch.testing.assert_close(gram_sum(features[:, :3]) + gram_sum(features[:, 3:]), expected)


def test_gradients_of_the_terms_are_autograds():
    """Of a style and a content term, each through both of its sums, given in two pieces."""
    torch.manual_seed(0)
    features = torch.randn(4, 3, 5, dtype=torch.float64).requires_grad_()
    gram, content = torch.randn(4, 4, dtype=torch.float64), torch.randn(4, 3, 5).double()
    gram = gram + gram.T
    found = torch.einsum("cyx,dyx->cd", features, features) / 15
    terms = [(found - gram, 3.0), (features - content, 2.0)]
    loss = sum(w * d.square().sum() / (d.abs().sum() + 1e-8) for d, w in terms)
    (expected,) = torch.autograd.grad(loss, features)

    sums, plain = Sums(), features.detach()
    for rows in (slice(0, 1), slice(1, 3)):
        sums.add_style("a", plain[:, rows])
        sums.add_content("a", (plain - content)[:, rows])
    both = Coefficients.of(sums, {"a": gram}, {"a": 15}, {"a": 3.0}, {"a": 2.0})
    gradient = torch.zeros_like(plain)
    for rows in (slice(0, 2), slice(2, 3)):
        both.add_style("a", plain[:, rows], gradient[:, rows])
        both.add_content("a", (plain - content)[:, rows], gradient[:, rows])
    torch.testing.assert_close(gradient, expected)


def test_where_nothing_differs_the_gradient_is_0():
    features = torch.randn(4, 3, 5, dtype=torch.float64)
    sums = Sums()
    sums.add_style("a", features)
    sums.add_content("a", torch.zeros_like(features))
    targets = {"a": gram_sum(features) / 15}
    both = Coefficients.of(sums, targets, {"a": 15}, {"a": 1.0}, {"a": 1.0})
    gradient = torch.zeros_like(features)
    both.add_style("a", features, gradient)
    both.add_content("a", torch.zeros_like(features), gradient)
    assert not gradient.any()
