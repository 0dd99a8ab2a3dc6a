"""How a network measures a style and gives it: by the loss of FakET, or in its own way."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from faket.data import AnyArray, FloatArray
from faket.errors import InputError
from faket.style.images import ScaledStack
from faket.style.method import Grams, Method, Running
from faket.style.network import FeatureNetwork
from faket.style.texture.method import ByTexture
from faket.style.vgg.engine import image_dtype, prepare
from faket.style.vgg.iterate import Iterations, state_bytes
from faket.style.vgg.memory import default_limit
from faket.style.vgg.update import UpdateRule


class ByLoss:
    """Down the gradient of FakET's loss, in tiles; see :mod:`faket.style.vgg.loss`."""

    def __init__(
        self,
        network: FeatureNetwork,
        size: tuple[int, int],
        device: str,
        dtype: torch.dtype,
        memory_limit: int,
        rule: UpdateRule | None,
        iterations: int,
    ) -> None:
        """Cut images of a size into tiles that fit; without a rule only to measure."""
        state = 0
        if rule is not None:
            item = image_dtype(dtype).itemsize
            state = state_bytes(size, network.channels_in, rule, iterations, item)
        self._engine = prepare(
            network,
            size,
            device,
            dtype,
            content=rule is not None,
            memory_limit=memory_limit,
            state=state,
        )
        self._rule, self._device, self._dtype = rule, device, dtype
        self.iterations = iterations

    def measure(self, stack: AnyArray) -> Callable[[int], dict[str, AnyArray]]:
        """Return the function from a tilt's number to F Fᵀ / (y x) of every style layer."""
        images = ScaledStack(stack, self._device, image_dtype(self._dtype))
        pixels = self._engine.pixels()

        def grams(tilt: int) -> dict[str, AnyArray]:
            sums = self._engine.style_sums(images.tilt(tilt))
            return {layer: (g / pixels[layer]).cpu().numpy() for layer, g in sums.grams.items()}

        return grams

    def transfer(
        self, content: AnyArray, initial: AnyArray
    ) -> Callable[[int, Grams, FloatArray], Running]:
        """Return the function that begins a tilt."""
        kind = image_dtype(self._dtype)
        contents, initials = (ScaledStack(s, self._device, kind) for s in (content, initial))

        def begin(tilt: int, grams: Grams, out: FloatArray) -> Running:
            if self._rule is None:
                raise RuntimeError("a transfer is begun without a rule")
            targets = {layer: self._placed(gram) for layer, gram in grams.items()}
            pair = initials.tilt(tilt), contents.tilt(tilt)
            return Iterations(self._engine, self._rule, *pair, targets, out, self.iterations)

        return begin

    def _placed(self, gram: AnyArray) -> Tensor:
        return torch.from_numpy(np.array(gram, np.float64)).to(self._device)


def choose_method(
    network: FeatureNetwork,
    size: tuple[int, int],
    device: str,
    dtype: torch.dtype,
    memory_limit: int | None,
    *,
    rule: UpdateRule | None = None,
    iterations: int | None = None,
) -> Method:
    """Return the network's method.

    Parameters
    ----------
    network : FeatureNetwork
    size : (int, int)
        y and x of the images.
    device : str
    dtype : torch.dtype
    memory_limit : int, optional
        Bytes, beyond input and output.
    rule : UpdateRule, optional
        Without one the method only measures, where it follows a loss.
    iterations : int, optional
        Instead of the network's own number.

    Raises
    ------
    InputError
        If the number of iterations is not positive, or the limit is too small.
    """
    if iterations is not None and iterations < 1:
        raise InputError(f"`iterations`: expected >= 1, found {iterations}; FakET takes one")
    if network.name == "texture":
        return ByTexture(network, device, dtype, iterations)
    limit = default_limit(device) if memory_limit is None else memory_limit
    return ByLoss(network, size, device, dtype, limit, rule, iterations or 1)
