"""DeepFinder's network and loss: their definitions, checked one by one."""

import numpy as np
import pytest
import torch

from faket.errors import InputError
from faket.picking.networks.choose import build_network
from faket.picking.networks.deepfinder import DeepFinder
from faket.picking.networks.loss import confusion_counts, dice_loss, f1_per_class


def test_parameter_count_is_the_published_one():
    assert sum(p.numel() for p in DeepFinder(16).parameters()) == 903_456


def test_a_score_for_each_class_and_voxel():
    logits = build_network(5, width=0.25, seed=0)(torch.zeros(2, 1, 8, 12, 16))
    assert logits.shape == (2, 5, 8, 12, 16)


def test_half_the_width_has_about_a_quarter_of_the_parameters():
    count = [sum(p.numel() for p in DeepFinder(16, width=w).parameters()) for w in (0.5, 1.0)]
    assert count[0] / count[1] == pytest.approx(0.25, abs=0.01)


def test_the_weights_are_those_of_the_seed():
    one, same, other = (build_network(4, width=0.25, seed=s).state_dict() for s in (1, 1, 2))
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["classify.weight"], other["classify.weight"])


def test_doubling_pads_the_far_side_only():
    """Output 2i sees only voxel i, output 2i + 1 voxels i and i + 1; beyond the end is 0."""
    layer = build_network(2, width=0.25, seed=0).double_half
    with torch.no_grad():
        layer.layer.weight.zero_()
        layer.layer.weight[0, 0] = 1.0
    signal = torch.zeros(1, layer.layer.in_channels, 1, 1, 3)
    signal[0, 0, 0, 0] = torch.tensor([1.0, 10.0, 100.0])
    out = layer(signal)[0, 0]  # z y x; at z = y = 0 the sum over z and y is four times the row's
    np.testing.assert_allclose(out[0, 0].detach(), 4 * np.array([2, 11, 20, 110, 200, 100]))
    np.testing.assert_allclose(out[1, 1].detach(), [2, 11, 20, 110, 200, 100])


def test_shifting_by_the_pooling_stride_shifts_the_scores():
    network = build_network(3, width=0.25, seed=3)
    image = torch.randn(1, 1, 8, 8, 112, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        here, there = network(image)[..., 40:68], network(image.roll(4, -1))[..., 44:72]
    torch.testing.assert_close(here, there, rtol=1e-4, atol=1e-4)


def naive_loss(logits, labels):
    p = torch.softmax(logits.double(), dim=1).numpy()
    total = 0.0
    for c in range(p.shape[1]):
        g = labels.numpy() == c
        total += 2 * (p[:, c] * g).sum() / (p[:, c].sum() + g.sum())
    return p.shape[1] - total


def test_loss_is_its_formula():
    rng = torch.Generator().manual_seed(1)
    logits = torch.randn(3, 4, 5, 6, 7, generator=rng)
    labels = torch.randint(0, 4, (3, 5, 6, 7), generator=rng)
    assert float(dice_loss(logits, labels)) == pytest.approx(naive_loss(logits, labels), abs=1e-5)


def test_a_perfect_answer_costs_nothing_and_a_class_that_is_absent_one():
    labels = torch.randint(0, 2, (1, 4, 4, 4), dtype=torch.uint8)
    labels[0, 0, 0, :2] = torch.tensor([0, 1])
    logits = torch.stack([labels == c for c in range(3)], dim=1) * 200.0
    logits = logits.float().requires_grad_()
    loss = dice_loss(logits, labels)
    assert float(loss.detach()) == pytest.approx(1.0, abs=1e-5)  # class 2 is not there
    loss.backward()
    assert torch.isfinite(logits.grad).all()


def test_f1_from_counts():
    truth, predicted = torch.tensor([0, 1, 1, 1, 2]), torch.tensor([1, 1, 1, 0, 2])
    confusion = confusion_counts(truth, predicted, 4)
    assert confusion.sum() == 5
    f1 = f1_per_class(confusion).tolist()
    assert f1[:3] == pytest.approx([0.0, 2 * 2 / (3 + 3), 1.0])
    assert np.isnan(f1[3])


@pytest.mark.parametrize(("n", "width"), [(1, 1.0), (300, 1.0), (4, 0.0), (4, float("nan"))])
def test_refuses_what_is_no_network(n, width):
    with pytest.raises(InputError, match="network: expected"):
        DeepFinder(n, width=width)
