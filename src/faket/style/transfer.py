"""Style transfer as FakET does it (Harar et al., arXiv 2304.02011), tilt by tilt."""

import math
from collections.abc import Callable, Iterator, Mapping

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from faket.data import AnyArray, FloatArray
from faket.device import Device, resolve_device
from faket.errors import InputError
from faket.statistics import match_statistics
from faket.style.images import ScaledStack, checked_statistics, reproducible
from faket.style.loss import transfer_loss
from faket.style.network import FeatureNetwork
from faket.style.profile import StyleProfile

_AVERAGE_DECAY = 0.99


def transfer_style(
    content: AnyArray,
    initial: AnyArray,
    style: AnyArray | StyleProfile,
    *,
    network: FeatureNetwork,
    iterations: int = 1,
    step_size: float = 0.15,
    angles_deg: ArrayLike | None = None,
    style_angles_deg: ArrayLike | None = None,
    device: Device = "auto",
    dtype: torch.dtype = torch.float32,
    progress: Callable[[int, int], None] | None = None,
) -> FloatArray:
    """Give simulated tilts the style of a reference.

    Every stack is scaled to [0, 1] over the whole stack. From ``initial``, Adam lowers the sum
    of content terms (activations, against ``content``) and style terms (Gram matrices, against
    ``style``); after each step the image is clamped to [0, 1]. The result is the bias-corrected
    exponential average (decay 0.99) of all iterates, the initial one included: after one step
    0.4975 x₀ + 0.5025 x₁. The mean of its three channels is given the mean and the standard
    deviation of the style's tilt.

    Parameters
    ----------
    content : ndarray, shape (tilt, y, x)
        What to preserve; in FakET the tilts with a quarter of the noise (CONTENT).
    initial : ndarray, shape (tilt, y, x)
        Where to start; in FakET the noisy tilts (NOISY).
    style : ndarray, shape (tilt', y', x'), or StyleProfile
        The reference, or what was measured of it with the same network.
    network : FeatureNetwork
    iterations : int
        Steps of Adam, >= 1; FakET takes one.
    step_size : float
        Adam's learning rate, in units of the [0, 1] range.
    angles_deg : array_like, shape (tilts,), optional
        Stage angles of ``content``. With those of the style, tilts are matched by nearest angle,
        otherwise by index.
    style_angles_deg : array_like, shape (tilts',), optional
        Stage angles of ``style`` where it is a stack; a StyleProfile holds its own.
    device : {"auto", "cpu", "cuda"}
    dtype : torch.dtype
        float32, or float64 to check results.
    progress : callable, optional
        Called after every tilt with the number done and the number in all; the reference's
        tilts count where they must be measured.

    Returns
    -------
    ndarray, shape (tilt, y, x), float32
        In the grey values of the reference.

    Raises
    ------
    InputError
        If shapes or tilt counts do not fit, a tilt is constant or not finite, images are too
        small for the network, the StyleProfile is another network's, or a number is out of
        range.
    """
    if iterations < 1 or not (math.isfinite(step_size) and step_size > 0):
        raise InputError(
            "transfer: expected iterations >= 1 and step_size > 0, found "
            f"{iterations} and {step_size}"
        )
    _check_pair(content, initial, network)
    to_measure = 0 if isinstance(style, StyleProfile) else len(style)
    report = _offset(progress, 0, to_measure + len(content))
    if isinstance(style, StyleProfile):
        profile = _checked_profile(style, network, style_angles_deg)
    else:
        profile = StyleProfile.measure(
            style,
            network=network,
            angles_deg=style_angles_deg,
            device=device,
            dtype=dtype,
            progress=report,
        )
    matched = profile.matched_tilts(len(content), angles_deg)
    report = _offset(progress, to_measure, to_measure + len(content))
    out = np.empty(content.shape, np.float32)
    images = _styled(
        content, initial, profile, matched, network, iterations, step_size, device, dtype
    )
    for tilt, image in enumerate(images):
        mean, sigma = profile.mean[matched[tilt]], profile.sigma[matched[tilt]]
        out[tilt] = match_statistics(image[None], mean, sigma)[0]
        report(tilt + 1, len(content))
    return out


def _styled(
    content: AnyArray,
    initial: AnyArray,
    profile: StyleProfile,
    matched: list[int],
    network: FeatureNetwork,
    iterations: int,
    step_size: float,
    device: Device,
    dtype: torch.dtype,
) -> Iterator[AnyArray]:
    """Yield the styled tilts [y, x] on the [0, 1] scale."""
    place = resolve_device(device)
    placed = network.to(place, dtype)
    contents, initials = (ScaledStack(stack, place, dtype) for stack in (content, initial))
    for tilt, style_tilt in enumerate(matched):
        grams = {
            layer: torch.from_numpy(matrices[style_tilt]).to(place, dtype)
            for layer, matrices in profile.grams.items()
        }
        with reproducible(place):
            image = _transfer_tilt(
                contents[tilt], initials[tilt], grams, placed, iterations, step_size
            )
        yield image.cpu().numpy()


def _transfer_tilt(
    content: Tensor,
    initial: Tensor,
    grams: Mapping[str, Tensor],
    network: FeatureNetwork,
    iterations: int,
    step_size: float,
) -> Tensor:
    with torch.no_grad():
        targets = dict(network.activations(content, network.content_weights))
    image = initial.clone().requires_grad_()
    adam = torch.optim.Adam([image], lr=step_size)
    average = (1 - _AVERAGE_DECAY) * initial
    for _ in range(iterations):
        (image.grad,) = torch.autograd.grad(transfer_loss(image, network, targets, grams), image)
        adam.step()
        with torch.no_grad():
            image.clamp_(0, 1)
            average = _AVERAGE_DECAY * average + (1 - _AVERAGE_DECAY) * image
    return (average / (1 - _AVERAGE_DECAY ** (iterations + 1))).mean(dim=0)


def _check_pair(content: AnyArray, initial: AnyArray, network: FeatureNetwork) -> None:
    checked_statistics(content, "content", network.smallest_image)
    checked_statistics(initial, "initial", network.smallest_image)
    if content.shape != initial.shape:
        raise InputError(
            f"initial: expected the shape of content {content.shape}, found {initial.shape}"
        )


def _checked_profile(
    profile: StyleProfile, network: FeatureNetwork, style_angles_deg: ArrayLike | None
) -> StyleProfile:
    if profile.network_digest != network.digest:
        raise InputError(
            f"style profile: expected one measured with {network.name} (weights "
            f"{network.digest[:8]}), found {profile.network} ({profile.network_digest[:8]}); "
            "measure the reference again"
        )
    if style_angles_deg is not None:
        raise InputError(
            "style_angles_deg: expected none beside a StyleProfile, which holds its own; give "
            "them to StyleProfile.measure"
        )
    return profile


def _offset(
    progress: Callable[[int, int], None] | None, done_before: int, total: int
) -> Callable[[int, int], None]:
    def report(done: int, _: int) -> None:
        if progress is not None:
            progress(done_before + done, total)

    return report
