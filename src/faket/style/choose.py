"""The networks by name, and the method by which each measures and transfers a style."""

from collections.abc import Mapping
from typing import Any, Literal

import torch

from faket.errors import InputError
from faket.style.method import StyleMethod
from faket.style.network import FeatureNetwork
from faket.style.texture.method import ByTexture
from faket.style.texture.network import load_texture
from faket.style.vgg.method import ByLoss
from faket.style.vgg.network import load_vgg19, random_vgg19
from faket.style.vgg.update import Adam, UpdateRule


def load_network(
    name: Literal["texture", "vgg19", "vgg19-random"],
    *,
    weights: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> FeatureNetwork:
    """Return a feature network.

    Parameters
    ----------
    name : {"texture", "vgg19", "vgg19-random"}
        The package's own network for electron micrographs; VGG19 with given weights; VGG19
        with random weights (FakET's control).
    weights : mapping of str to Tensor or ndarray, optional
        For "texture": instead of those in the package. For "vgg19": torchvision's state dict
        (``features.0.weight`` and so on); other keys, such as the classifier's, are ignored.
    seed : int
        Of the weights of "vgg19-random". torch's global generator is not used.

    Returns
    -------
    FeatureNetwork

    Raises
    ------
    InputError
        If the name is unknown, weights are missing or not needed, or a tensor is missing, has the
        wrong shape or contains NaN.
    """
    if name == "texture":
        return load_texture(weights)
    if name == "vgg19":
        return load_vgg19(weights)
    if name != "vgg19-random":
        raise InputError(
            f"`network`: expected 'texture', 'vgg19' or 'vgg19-random', found {name!r}; choose one "
            "of them"
        )
    if weights is not None:
        raise InputError("network vgg19-random: expected no weights, found some; choose 'vgg19'")
    return random_vgg19(seed)


def choose_method(
    network: FeatureNetwork,
    size: tuple[int, int],
    device: str,
    dtype: torch.dtype,
    memory_limit: int | None,
    *,
    only_measure: bool = False,
    rule: UpdateRule | None = None,
    iterations: int | None = None,
) -> StyleMethod:
    """Return the method of a network.

    Parameters
    ----------
    network : FeatureNetwork
    size : (int, int)
        y and x of the images.
    device : str
    dtype : torch.dtype
    memory_limit : int, optional
        Bytes, beyond input and output.
    only_measure : bool
        Whether no transfer follows, so that VGG19 needs less memory.
    rule : UpdateRule, optional
        Instead of Adam.
    iterations : int, optional
        Instead of the network's own number.

    Raises
    ------
    InputError
        If the number of iterations is not positive, the limit is too small, or the network
        ignores a setting that was given.
    """
    if iterations is not None and iterations < 1:
        raise InputError(f"`iterations`: expected >= 1, found {iterations}; FakET has one")
    if network.name == "texture":
        _refuse_ignored(network.name, memory_limit=memory_limit, rule=rule)
        return ByTexture(network, device, dtype, iterations)
    used = None if only_measure else rule or Adam()
    return ByLoss(network, size, device, dtype, memory_limit, used, iterations or 1)


def _refuse_ignored(network: str, **settings: object) -> None:
    for name, value in settings.items():
        if value is not None:
            raise InputError(
                f"`{name}`: expected none with network {network}, which ignores it, found "
                f"{value}; leave it out"
            )
