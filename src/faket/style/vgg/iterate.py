"""The iterations of one tilt: gradient, step of the update rule and average, by rows."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from faket.data import FloatArray
from faket.style.images import Reader
from faket.style.vgg.engine import Engine
from faket.style.vgg.update import UpdateRule

_AVERAGE_DECAY = 0.99

# Pixels that the update rule moves at a time.
_AT_ONCE = 2**19


@dataclass(eq=False)
class Iterations:
    """A tilt on its way.

    Attributes
    ----------
    engine : Engine
    rule : UpdateRule
    initial, content : Reader
    targets : mapping of layer name to Tensor, shape (channels, channels)
        Gram matrices of the style.
    average : ndarray, shape (y, x), float32
        Where the result is made: Σ decay^(n - i) (1 - decay) xᵢ over all iterates, the mean of
        their channels. Its factor 1 - decay^(n + 1) is left to the matching of σ.
    last : int
        Number of iterations.
    done : int
    """

    engine: Engine
    rule: UpdateRule
    initial: Reader
    content: Reader
    targets: Mapping[str, Tensor]
    average: FloatArray
    last: int
    done: int = 0
    _image: Tensor | None = field(default=None, init=False)
    _moments: Tensor | None = field(default=None, init=False)

    def run(self) -> None:
        """Do all iterations."""
        while self.done < self.last:
            self._advance()

    def _advance(self) -> None:
        for band, gradient in self.engine.gradient(self._read, self.content, self.targets):
            if self._image is None and self.done + 1 < self.last:
                self._begin(gradient)
            for rows, part in _pieces(band, gradient):
                self._move(rows, part)
        self.done += 1

    def _read(self, rows: slice, columns: slice) -> Tensor:
        if self.done == 0 or self._image is None:
            return self.initial(rows, columns)
        return self._image[:, rows, columns]

    def _begin(self, gradient: Tensor) -> None:
        """Make room for the iterate and the moments, which a single iteration never needs."""
        shape = (gradient.shape[0], *self.average.shape)
        self._image = gradient.new_empty(shape)
        self._moments = gradient.new_zeros((self.rule.moments, *shape))

    def _move(self, rows: slice, gradient: Tensor) -> None:
        old = self._read(rows, slice(None))
        if self._moments is None:
            moments = gradient.new_zeros((self.rule.moments, *gradient.shape))
        else:
            moments = self._moments[:, :, rows]
        new = self.rule.step(old, gradient, list(moments), self.done + 1).clamp_(0, 1)
        average = torch.from_numpy(self.average[rows])
        if self.done == 0:
            average.copy_(old.mean(dim=0)).mul_(1 - _AVERAGE_DECAY)
        average.mul_(_AVERAGE_DECAY).add_(new.mean(dim=0).cpu(), alpha=1 - _AVERAGE_DECAY)
        if self._image is not None:
            self._image[:, rows] = new


def state_bytes(
    size: tuple[int, int], channels: int, rule: UpdateRule, iterations: int, item: int
) -> int:
    """Return the memory that the iterate and the rule's moments take."""
    return size[0] * size[1] * channels * item * (1 + rule.moments) if iterations > 1 else 0


def _pieces(band: slice, gradient: Tensor) -> Iterator[tuple[slice, Tensor]]:
    at_once = max(1, _AT_ONCE // gradient.shape[2])
    for start in range(band.start, band.stop, at_once):
        stop = min(band.stop, start + at_once)
        yield slice(start, stop), gradient[:, start - band.start : stop - band.start]
