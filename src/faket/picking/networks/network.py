"""What the networks of all pickers share: their limits, and their face."""

from typing import Literal

from torch import nn

from faket.errors import InputError

PickerName = Literal["deepfinder", "unet"]
STRIDE = 4  # sides of the input must be multiples of it: two poolings by 2
MAX_CLASSES = 256  # labels are uint8
_LANES = 8  # channels are multiples of it, because other numbers take as long as the next multiple


class VoxelNetwork(nn.Module):
    """A network that gives every voxel of a patch a score for each class.

    Attributes
    ----------
    picker : {"deepfinder", "unet"}
    n_classes : int
        With background, which is class 0.
    width : float
        Factor on its channels.

    Raises
    ------
    InputError
        If there are fewer than 2 or over 256 classes, or the width is not in [0.05, 8].
    """

    picker: PickerName

    def __init__(self, n_classes: int, width: float) -> None:
        """Check the numbers; layers are the subclass's."""
        super().__init__()
        if not 2 <= n_classes <= MAX_CLASSES:
            raise InputError(
                f"network: expected 2 to {MAX_CLASSES} classes with background, found {n_classes}; "
                "give other classes"
            )
        if not 0.05 <= width <= 8:
            raise InputError(
                f"network: expected a width of 0.05 to 8, found {width:g}; choose one in that range"
            )
        self.n_classes, self.width = n_classes, float(width)

    def scaled(self, channels: tuple[int, ...]) -> list[int]:
        """Return the channels times the width, as multiples of 8."""
        return [_LANES * max(1, round(self.width * n / _LANES)) for n in channels]
