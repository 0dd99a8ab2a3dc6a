"""Adam against torch's own, in bands as in one piece; settings are checked."""

import pytest
import torch

from faket.errors import InputError
from faket.style import Adam


def test_adam_is_torchs():
    torch.manual_seed(0)
    image = torch.rand(3, 5, 4, dtype=torch.float64)
    theirs = image.clone().requires_grad_()
    optimiser = torch.optim.Adam([theirs], lr=0.15)
    rule, moments = Adam(0.15), torch.zeros(2, 3, 5, 4, dtype=torch.float64)
    for iteration in range(1, 5):
        gradient = torch.randn(3, 5, 4, dtype=torch.float64)
        theirs.grad = gradient
        optimiser.step()
        bands = [
            rule.step(image[:, rows], gradient[:, rows], list(moments[:, :, rows]), iteration)
            for rows in (slice(0, 2), slice(2, 5))
        ]
        image = torch.cat(bands, dim=1)
        torch.testing.assert_close(image, theirs.detach())


def test_the_first_step_is_the_sign():
    gradient = torch.tensor([[[-2.0, 1e-3, 0.0, 5.0]]])
    moments = list(torch.zeros(2, 1, 1, 4))
    step = Adam(0.15).step(torch.zeros(1, 1, 4), gradient, moments, 1)
    torch.testing.assert_close(step, -0.15 * gradient.sign(), rtol=1e-4, atol=0)


@pytest.mark.parametrize(
    ("setting", "value"),
    [("step_size", 0), ("step_size", float("nan")), ("decay", 1), ("epsilon", 0)],
)
def test_settings_are_bounded(setting, value):
    with pytest.raises(InputError, match=setting):
        Adam(**{setting: value})
