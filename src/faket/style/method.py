"""The protocol of a method: how a network measures and transfers a style."""

from collections.abc import Callable, Mapping
from typing import Protocol

from faket.data import AnyArray, FloatArray

Grams = Mapping[str, AnyArray]  # by layer, [channels, channels]
Measure = Callable[[int], dict[str, AnyArray]]  # a tilt's number -> its Gram matrices
Give = Callable[[int, Grams, FloatArray], None]  # a tilt's number, the style, where to write [y, x]


class StyleMethod(Protocol):
    """How a network measures and transfers the style of stacks of one image size."""

    def measure(self, stack: AnyArray) -> Measure:
        """Return the function that measures a tilt of the stack [tilt, y, x]."""

    def transfer(self, content: AnyArray, initial: AnyArray) -> Give:
        """Return the function that gives a tilt a style; both stacks are [tilt, y, x].

        The images it writes do not yet have the mean and standard deviation of the style.
        """
