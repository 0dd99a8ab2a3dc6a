"""What a network's way of measuring and giving a style is: a method."""

from collections.abc import Callable, Mapping
from typing import Protocol

from faket.data import AnyArray, FloatArray
from faket.style.state import TransferState

Grams = Mapping[str, AnyArray]


class Running(Protocol):
    """The transfer of one tilt, iteration by iteration; the result goes where it was told."""

    done: int

    def advance(self) -> None:
        """Do at least one iteration."""

    def state(self, fingerprint: str, finished: FloatArray) -> TransferState:
        """Return what is needed to go on, beside the tilts that are finished."""

    def restore(self, state: TransferState) -> None:
        """Go on from a state."""


class Method(Protocol):
    """A network's way with stacks of one image size."""

    iterations: int

    def measure(self, stack: AnyArray) -> Callable[[int], dict[str, AnyArray]]:
        """Return the function from a tilt's number to its Gram matrices by layer."""

    def transfer(
        self, content: AnyArray, initial: AnyArray
    ) -> Callable[[int, Grams, FloatArray], Running]:
        """Return the function that begins a tilt: its number, the style, where to write."""
