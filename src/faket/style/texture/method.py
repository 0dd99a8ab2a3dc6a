"""The ``texture`` network's own way: a few steps of least change, tilt by tilt."""

from collections.abc import Callable

import numpy as np
import torch

from faket.data import AnyArray, FloatArray
from faket.errors import InputError
from faket.style.method import Grams, Running
from faket.style.network import FeatureNetwork
from faket.style.state import TransferState
from faket.style.texture.network import TextureNetwork
from faket.style.texture.update import (
    ITERATIONS,
    GramStep,
    grams_of,
    standardised,
    transfer_tilt,
)
from faket.style.vgg.engine import image_dtype


class ByTexture:
    """Steps that mend all statistics of a standardised image; see ``update_texture``."""

    def __init__(
        self, network: FeatureNetwork, device: str, dtype: torch.dtype, iterations: int | None
    ) -> None:
        """Place the network, of which one number of iterations is known to be enough."""
        if not isinstance(network, TextureNetwork):
            raise InputError(
                "network texture: expected that of load_network('texture'), found another of "
                "that name; give it a name of its own"
            )
        self._network = network.to(device, image_dtype(dtype))
        self._rule = GramStep(self._network.curvature)
        self.iterations = ITERATIONS if iterations is None else iterations

    def measure(self, stack: AnyArray) -> Callable[[int], dict[str, AnyArray]]:
        """Return the function from a tilt's number to its Gram matrices."""

        def grams(tilt: int) -> dict[str, AnyArray]:
            found = grams_of(standardised(stack[tilt], self._network), self._network)
            return {layer: gram.cpu().numpy() for layer, gram in found.items()}

        return grams

    def transfer(
        self, content: AnyArray, initial: AnyArray
    ) -> Callable[[int, Grams, FloatArray], Running]:
        """Return the function that begins a tilt."""

        def begin(tilt: int, grams: Grams, out: FloatArray) -> Running:
            def styled() -> AnyArray:
                kept, start = (standardised(s[tilt], self._network) for s in (content, initial))
                weight = self._network.blocks[0][0][0]
                targets = {
                    layer: torch.from_numpy(np.array(gram, np.float64)).to(weight.device)
                    for layer, gram in grams.items()
                }
                done = transfer_tilt(
                    kept, start, targets, self._network, self.iterations, self._rule
                )
                array: AnyArray = done.cpu().numpy()
                return array

            return _AtOnce(styled, out, self.iterations)

        return begin


class _AtOnce:
    """A tilt whose iterations are done in one go: it takes seconds."""

    def __init__(self, styled: Callable[[], AnyArray], out: FloatArray, iterations: int) -> None:
        self._styled, self._out, self._iterations = styled, out, iterations
        self.done = 0

    def advance(self) -> None:
        self._out[:] = self._styled()
        self.done = self._iterations

    def state(self, fingerprint: str, finished: FloatArray) -> TransferState:
        return TransferState(fingerprint, finished)

    def restore(self, state: TransferState) -> None:
        raise RuntimeError(f"no state of iteration {state.iteration} was ever made")
