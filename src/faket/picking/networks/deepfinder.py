"""DeepFinder's network: a small 3-D U-Net (Moebel et al., Nature Methods 18, 2021)."""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from faket.picking.networks.network import VoxelNetwork

CHANNELS = (32, 48, 64)  # at full, half and quarter resolution, for width 1


class DeepFinder(VoxelNetwork):
    """Voxel-wise classifier of tomogram patches.

    At each resolution two 3³ convolutions on the way down and two on the way up, four at the
    lowest; max pooling on the way down; nearest-neighbour doubling and a 2³ convolution on the way
    up; skip connections. 903 456 parameters for 16 classes at width 1.

    Parameters
    ----------
    n_classes : int
        With background, which is class 0.
    width : float
        Factor on the channels 32, 48, 64, which are rounded to multiples of 8. The number of
        parameters, and for many channels the time, grows with its square.

    Raises
    ------
    InputError
        As :class:`VoxelNetwork`.
    """

    picker = "deepfinder"

    def __init__(self, n_classes: int, *, width: float = 1.0) -> None:
        """Make the layers, with torch's weights; :func:`build_network` draws them by seed."""
        super().__init__(n_classes, width)
        full, half, quarter = self.scaled(CHANNELS)
        self.down_full = _Convolutions(1, full, full)
        self.down_half = _Convolutions(full, half, half)
        self.bottom = _Convolutions(half, quarter, quarter, quarter, quarter)
        self.double_quarter = _Doubling(quarter)
        self.up_half = _Convolutions(quarter + half, half, half)
        self.double_half = _Doubling(half)
        self.up_full = _Convolutions(half + full, full, full)
        self.classify = nn.Conv3d(full, n_classes, 1)
        # Up to twice as fast on CPU and CUDA; torch's own annotations do not know the option.
        self.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits of every class at every voxel.

        Parameters
        ----------
        images : Tensor, shape (batch, 1, z, y, x)
            Each of mean 0 and standard deviation 1; sides multiples of 4.

        Returns
        -------
        Tensor, shape (batch, class, z, y, x)
            The softmax over classes is the score.
        """
        full: Tensor = self.down_full(images)
        half: Tensor = self.down_half(functional.max_pool3d(full, 2))
        x: Tensor = self.bottom(functional.max_pool3d(half, 2))
        x = self.up_half(torch.cat([self.double_quarter(x), half], dim=1))
        x = self.up_full(torch.cat([self.double_half(x), full], dim=1))
        logits: Tensor = self.classify(x)
        return logits


class _Convolutions(nn.Module):
    """3³ convolutions that keep the size, each followed by ReLU."""

    def __init__(self, *channels: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Conv3d(a, b, 3, padding=1) for a, b in pairwise(channels))

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = functional.relu(layer(x), inplace=True)
        return x


class _Doubling(nn.Module):
    """Twice the size by nearest neighbours, then a 2³ convolution padded on the far side."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layer = nn.Conv3d(channels, channels, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.interpolate(x, scale_factor=2, mode="nearest")
        x = functional.pad(x, (0, 1, 0, 1, 0, 1))
        return functional.relu(self.layer(x), inplace=True)
