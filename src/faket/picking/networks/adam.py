"""The state of Adam by the names of the weights: to store it, and to continue from it."""

from collections.abc import Mapping

import torch
from torch import Tensor

from faket.errors import InputError

_ADAM = ("step", "exp_avg", "exp_avg_sq")


def adam_state(network: torch.nn.Module, optimiser: torch.optim.Adam) -> dict[str, Tensor]:
    """Return a copy of Adam's state on the CPU, by the names of the weights."""
    return {
        f"{key}:{name}": optimiser.state[parameter][key].detach().cpu().clone()
        for name, parameter in network.named_parameters()
        for key in _ADAM
        if parameter in optimiser.state
    }


def restore_adam(
    network: torch.nn.Module, optimiser: torch.optim.Adam, stored: Mapping[str, Tensor]
) -> None:
    """Put a state from :func:`adam_state` into an optimiser of the same network.

    Raises
    ------
    InputError
        If the state is that of another network.
    """
    for name, parameter in network.named_parameters():
        found = {key: stored.get(f"{key}:{name}") for key in _ADAM}
        if all(value is None for value in found.values()):
            continue
        step, first, second = (found[key] for key in _ADAM)
        shapes = [None if value is None else value.shape for value in (first, second)]
        if step is None or step.numel() != 1 or shapes != [parameter.shape] * 2:
            raise InputError(
                f"checkpoint: expected Adam's state of {name}, found another's; train again"
            )
        assert first is not None
        assert second is not None
        optimiser.state[parameter] = {
            "step": step.reshape(()).float().clone(),
            "exp_avg": torch.zeros_like(parameter).copy_(first),
            "exp_avg_sq": torch.zeros_like(parameter).copy_(second),
        }
