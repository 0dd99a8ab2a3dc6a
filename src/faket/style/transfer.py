"""Style transfer as FakET does it (Harar et al., arXiv 2304.02011), tilt by tilt."""

from collections.abc import Callable

import torch
from numpy.typing import ArrayLike

from faket.data import AnyArray, FloatArray
from faket.device import Device, resolve_device
from faket.errors import InputError
from faket.stacks import empty_stack
from faket.statistics import match_in_place
from faket.style.choose import choose_method
from faket.style.images import checked_statistics, reproducible
from faket.style.matching import checked_pixel_size
from faket.style.network import FeatureNetwork
from faket.style.profile import StyleProfile
from faket.style.vgg.update import UpdateRule


def transfer_style(
    content: AnyArray,
    initial: AnyArray,
    style: AnyArray | StyleProfile,
    *,
    network: FeatureNetwork,
    iterations: int | None = None,
    rule: UpdateRule | None = None,
    angles_deg: ArrayLike | None = None,
    style_angles_deg: ArrayLike | None = None,
    pixel_size_A: float | None = None,
    device: Device = "auto",
    dtype: torch.dtype = torch.float32,
    memory_limit: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> FloatArray:
    """Give simulated tilts the style of a reference.

    Every stack is scaled to [0, 1] over the whole stack. Starting from ``initial``, the rule lowers
    the sum of content terms (activations, compared with ``content``) and style terms (Gram
    matrices, compared with ``style``); after each step the image is clamped to [0, 1]. The result
    is the exponential average (decay 0.99) of all iterates including the initial one: after one
    step 0.4975 x₀ + 0.5025 x₁. The mean over its channels is scaled to the mean and the standard
    deviation of the style's tilt.

    If an image does not fit the memory limit, its gradient is computed tile by tile, which changes
    only the time and the rounding.

    The network "texture" uses another method (:mod:`faket.style.texture.update`), always in small
    tiles; it has no ``rule`` and no ``memory_limit`` and refuses them.

    Parameters
    ----------
    content : ndarray, shape (tilt, y, x)
        Images whose content is preserved; in FakET the tilts with a quarter of the noise (CONTENT).
    initial : ndarray, shape (tilt, y, x)
        Images that are changed; in FakET the noisy tilts (NOISY).
    style : ndarray, shape (tilt', y', x'), or StyleProfile
        The reference, or its profile measured with the same network.
    network : FeatureNetwork
    iterations : int, optional
        Steps of the update rule, >= 1. By default one, as in FakET, and six for the ``texture``
        network.
    rule : UpdateRule, optional
        How VGG19's gradient changes the image; by default ``Adam(step_size=0.15)``, as in FakET.
    angles_deg : array_like, shape (tilts,), optional
        Stage angles of ``content``. If those of the style are known too, tilts are matched by
        nearest angle, otherwise by index.
    style_angles_deg : array_like, shape (tilts',), optional
        Stage angles of ``style`` if it is a stack; a StyleProfile has its own.
    pixel_size_A : float, optional
        Of ``content``; a StyleProfile of another pixel size is refused.
    device : {"auto", "cpu", "cuda"}
    dtype : torch.dtype
        float32; float64 to check results; float16 or bfloat16 for convolutions in half
        precision, with sums, image and step in float32. Half precision changes results visibly
        (the sign of the gradient in 3 % of the pixels with float16, in 8 % with bfloat16, on an
        H100), so it is never chosen by itself.
    memory_limit : int, optional
        Bytes that VGG19 may use beyond input and output; by default 2 GB, on a GPU 60 % of its
        free memory.
    progress : callable, optional
        Called after every tilt with the number done and the number in all, which includes the
        reference's tilts if they are measured.

    Returns
    -------
    ndarray, shape (tilt, y, x), float32
        In the grey values of the reference.

    Raises
    ------
    InputError
        If shapes or numbers of tilts do not fit, a tilt is constant or not finite, images are too
        small for the network, the StyleProfile is another network's or pixel size's, the
        memory limit is too small, a number is out of range, or the network ignores a setting.
    """
    _check_pair(content, initial, network)
    place = resolve_device(device)
    size = content.shape[1], content.shape[2]
    method = choose_method(
        network, size, place, dtype, memory_limit, rule=rule, iterations=iterations
    )
    to_measure = 0 if isinstance(style, StyleProfile) else len(style)
    report = _offset(progress, 0, to_measure + len(content))
    if isinstance(style, StyleProfile):
        profile = _with_own_angles(style, style_angles_deg)
    else:
        profile = StyleProfile.measure(
            style,
            network=network,
            angles_deg=style_angles_deg,
            device=device,
            dtype=dtype,
            memory_limit=memory_limit,
            progress=report,
        )
    profile.check_fits(network, checked_pixel_size(pixel_size_A, "content"))
    matched = profile.matched_tilts(len(content), angles_deg)
    out = empty_stack(content.shape)
    report = _offset(progress, to_measure, to_measure + len(content))
    give = method.transfer(content, initial)
    for tilt, its_style in enumerate(matched):
        grams = {layer: profile.grams[layer][its_style] for layer in network.style_weights}
        with torch.no_grad(), reproducible(place):
            give(tilt, grams, out[tilt])
        match_in_place(out[tilt], profile.mean[its_style], profile.sigma[its_style])
        report(tilt + 1, len(content))
    return out


def _check_pair(content: AnyArray, initial: AnyArray, network: FeatureNetwork) -> None:
    checked_statistics(content, "content", network.smallest_image)
    checked_statistics(initial, "initial", network.smallest_image)
    if content.shape != initial.shape:
        raise InputError(
            f"initial: expected the shape of content {content.shape}, found {initial.shape}; give "
            "stacks of one size"
        )


def _with_own_angles(profile: StyleProfile, style_angles_deg: ArrayLike | None) -> StyleProfile:
    if style_angles_deg is not None:
        raise InputError(
            "`style_angles_deg`: expected none with a StyleProfile, which has its own, found some; "
            "give them to StyleProfile.measure"
        )
    return profile


def _offset(
    progress: Callable[[int, int], None] | None, done_before: int, total: int
) -> Callable[[int, int], None]:
    def report(done: int, _: int) -> None:
        if progress is not None:
            progress(done_before + done, total)

    return report
