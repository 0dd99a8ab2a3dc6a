"""Rules that move an image against a gradient."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from faket.config import check_settings, setting


class UpdateRule(Protocol):
    """Moves each pixel by its own gradient and what the rule remembers of that pixel."""

    @property
    def moments(self) -> int:
        """How many numbers the rule remembers of each pixel and channel; they start at 0."""

    def step(
        self, image: Tensor, gradient: Tensor, moments: Sequence[Tensor], iteration: int
    ) -> Tensor:
        """Return the next image.

        Parameters
        ----------
        image : Tensor, shape (channels or 1, y, x)
            Any rows of it; one channel stands for equal channels.
        gradient : Tensor, shape (channels, y, x)
        moments : sequence of Tensor, shape (channels, y, x)
            Updated in place.
        iteration : int
            Counted from 1.
        """


@dataclass(frozen=True)
class Adam:
    """Adam (Kingma and Ba, arXiv 1412.6980), its first step about ``step_size`` everywhere."""

    step_size: float = setting(0.15, "step, in units of the [0, 1] range of grey values", gt=0)
    decay: float = setting(0.9, "decay of the mean gradient", ge=0, lt=1)
    square_decay: float = setting(0.999, "decay of the mean squared gradient", ge=0, lt=1)
    epsilon: float = setting(1e-8, "added to the root of the mean squared gradient", gt=0)

    def __post_init__(self) -> None:
        """Check the settings."""
        check_settings(self)

    @property
    def moments(self) -> int:
        """Return 2: the mean of the gradient and that of its square."""
        return 2

    def step(
        self, image: Tensor, gradient: Tensor, moments: Sequence[Tensor], iteration: int
    ) -> Tensor:
        """Return the image moved by step_size m / (√v + ε), both moments bias-corrected."""
        mean, square = moments
        mean.mul_(self.decay).add_(gradient, alpha=1 - self.decay)
        square.mul_(self.square_decay).addcmul_(gradient, gradient, value=1 - self.square_decay)
        root = (square / (1 - self.square_decay**iteration)).sqrt_().add_(self.epsilon)
        return image - self.step_size / (1 - self.decay**iteration) * mean / root
