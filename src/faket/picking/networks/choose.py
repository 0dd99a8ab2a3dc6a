"""A network by the name of its picker."""

from importlib.util import find_spec

import torch
from torch import nn

from faket.errors import InputError
from faket.picking.networks.deepfinder import DeepFinder
from faket.picking.networks.network import PickerName, VoxelNetwork


def make_network(n_classes: int, *, width: float = 1.0, picker: PickerName) -> VoxelNetwork:
    """Return the network of a picker, with torch's weights."""
    if picker == "deepfinder":
        return DeepFinder(n_classes, width=width)
    check_installed(picker)
    from faket.picking.networks.unet import ResidualUNet

    return ResidualUNet(n_classes, width=width)


def check_installed(picker: PickerName) -> None:
    """Raise InputError if the picker's network is of a package that is not installed."""
    if picker == "unet" and find_spec("monai") is None:
        raise InputError(
            "`picker` unet: expected the package monai, found it not installed; run "
            "pip install 'faket[monai]', or choose `picker` deepfinder"
        )


def build_network(
    n_classes: int, *, width: float = 1.0, seed: int, picker: PickerName = "deepfinder"
) -> VoxelNetwork:
    """Return a network with weights drawn from ``seed`` (He et al. 2015, normal), biases 0."""
    network = make_network(n_classes, width=width, picker=picker)
    rng = torch.Generator().manual_seed(seed)
    for name, parameter in network.named_parameters():
        if name.endswith("bias"):
            nn.init.zeros_(parameter)
        elif parameter.ndim > 1:  # slopes of PReLU stay
            nn.init.kaiming_normal_(parameter, nonlinearity="relu", generator=rng)
    return network
