"""A residual 3-D U-Net, as in the CZII challenge, from the package monai.

Source: the U-Net with residual units (Kerfoot et al. 2019) of MONAI, with the channels and strides
of the challenge's public baseline; its winners used networks of the same library.
"""

from torch import Tensor

from faket.picking.networks.network import VoxelNetwork

CHANNELS = (48, 64, 80, 80)  # at half, quarter, quarter and quarter resolution, for width 1
_STRIDES = (2, 2, 1)


class ResidualUNet(VoxelNetwork):
    """Voxel-wise classifier with strided convolutions, residual units and instance norms.

    Unlike DeepFinder it has no layer at full resolution but the last, so it is faster, and it
    scales the features of each patch by their own spread (instance norm).

    Parameters
    ----------
    n_classes : int
        With background, which is class 0.
    width : float
        Factor on the channels 48, 64, 80, 80, which are rounded to multiples of 8.

    Raises
    ------
    InputError
        As :class:`~faket.picking.networks.network.VoxelNetwork`.
    """

    picker = "unet"

    def __init__(self, n_classes: int, *, width: float = 1.0) -> None:
        """Make the layers, with torch's weights."""
        super().__init__(n_classes, width)
        from monai.networks.nets import UNet

        self.layers = UNet(
            spatial_dims=3,
            in_channels=1,
            out_channels=n_classes,
            channels=self.scaled(CHANNELS),
            strides=_STRIDES,
            num_res_units=1,
        )

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits of every class at every voxel; see DeepFinder.forward."""
        logits: Tensor = self.layers(images)
        return logits
