"""What a network's way of measuring and giving a style is: a method."""

from collections.abc import Callable, Mapping
from typing import Protocol

from faket.data import AnyArray, FloatArray

Grams = Mapping[str, AnyArray]  # by layer, [channels, channels]
Measure = Callable[[int], dict[str, AnyArray]]  # a tilt's number -> its Gram matrices
Give = Callable[[int, Grams, FloatArray], None]  # a tilt's number, the style, where to write [y, x]


class StyleMethod(Protocol):
    """A network's way with stacks of one image size."""

    def measure(self, stack: AnyArray) -> Measure:
        """Return the function that measures a tilt of the stack [tilt, y, x]."""

    def transfer(self, content: AnyArray, initial: AnyArray) -> Give:
        """Return the function that gives a tilt a style; both stacks are [tilt, y, x].

        Mean and standard deviation of what it writes are not yet the style's.
        """
