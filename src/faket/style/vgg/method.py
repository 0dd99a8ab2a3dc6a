"""VGG19's way, and that of networks like it: down the gradient of the loss of FakET, in tiles."""

import numpy as np
import torch
from torch import Tensor

from faket.data import AnyArray, FloatArray
from faket.style.images import ScaledStack, image_dtype
from faket.style.method import Give, Grams, Measure
from faket.style.network import FeatureNetwork
from faket.style.vgg.engine import prepare
from faket.style.vgg.iterate import Iterations, state_bytes
from faket.style.vgg.memory import default_limit
from faket.style.vgg.update import UpdateRule


class ByLoss:
    """Measures and gives a style by the loss of FakET; see :mod:`faket.style.vgg.loss`."""

    def __init__(
        self,
        network: FeatureNetwork,
        size: tuple[int, int],
        device: str,
        dtype: torch.dtype,
        memory_limit: int | None,
        rule: UpdateRule | None,
        iterations: int,
    ) -> None:
        """Cut images of a size [y, x] into tiles that fit; without a rule it can only measure."""
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
            memory_limit=default_limit(device) if memory_limit is None else memory_limit,
            state=state,
        )
        self._rule, self._iterations = rule, iterations
        self._device, self._dtype = device, dtype

    def measure(self, stack: AnyArray) -> Measure:
        """Return the function from a tilt's number to F Fᵀ / (y x) of every style layer."""
        images = ScaledStack(stack, self._device, image_dtype(self._dtype))
        pixels = self._engine.pixels()

        def grams(tilt: int) -> dict[str, AnyArray]:
            sums = self._engine.style_sums(images.tilt(tilt))
            return {layer: (g / pixels[layer]).cpu().numpy() for layer, g in sums.grams.items()}

        return grams

    def transfer(self, content: AnyArray, initial: AnyArray) -> Give:
        """Return the function that gives a tilt a style."""
        if self._rule is None:
            raise RuntimeError("a transfer needs a rule")
        rule, kind = self._rule, image_dtype(self._dtype)
        contents, initials = (ScaledStack(s, self._device, kind) for s in (content, initial))

        def give(tilt: int, grams: Grams, out: FloatArray) -> None:
            targets = {layer: self._placed(gram) for layer, gram in grams.items()}
            pair = initials.tilt(tilt), contents.tilt(tilt)
            Iterations(self._engine, rule, *pair, targets, out, self._iterations).run()

        return give

    def _placed(self, gram: AnyArray) -> Tensor:
        return torch.from_numpy(np.array(gram, np.float64)).to(self._device)
