"""The method of the ``texture`` network: a few steps of smallest change, tilt by tilt."""

import numpy as np
import torch

from faket.data import AnyArray, FloatArray
from faket.errors import InputError
from faket.style.images import image_dtype
from faket.style.method import Give, Grams, Measure
from faket.style.network import FeatureNetwork
from faket.style.texture.network import TextureNetwork
from faket.style.texture.update import (
    ITERATIONS,
    GramStep,
    grams_of,
    standardised,
    transfer_tilt,
)


class ByTexture:
    """Steps that correct all statistics of an image; see :mod:`faket.style.texture.update`."""

    def __init__(
        self, network: FeatureNetwork, device: str, dtype: torch.dtype, iterations: int | None
    ) -> None:
        """Move the network to the device; the default number of iterations is enough for it."""
        if not isinstance(network, TextureNetwork):
            raise InputError(
                "network texture: expected the one of load_network('texture'), found another of "
                "that name; give it another name"
            )
        self._network = network.to(device, image_dtype(dtype))
        self._rule = GramStep(self._network.curvature)
        self._iterations = ITERATIONS if iterations is None else iterations

    def measure(self, stack: AnyArray) -> Measure:
        """Return the function from a tilt's number to its Gram matrices."""

        def grams(tilt: int) -> dict[str, AnyArray]:
            found = grams_of(standardised(stack[tilt], self._network), self._network)
            return {layer: gram.cpu().numpy() for layer, gram in found.items()}

        return grams

    def transfer(self, content: AnyArray, initial: AnyArray) -> Give:
        """Return the function that gives a tilt a style."""

        def give(tilt: int, grams: Grams, out: FloatArray) -> None:
            kept, start = (standardised(s[tilt], self._network) for s in (content, initial))
            targets = {
                layer: torch.from_numpy(np.array(gram, np.float64)).to(start.device)
                for layer, gram in grams.items()
            }
            styled = transfer_tilt(
                kept, start, targets, self._network, self._iterations, self._rule
            )
            out[:] = styled.cpu().numpy()

        return give
