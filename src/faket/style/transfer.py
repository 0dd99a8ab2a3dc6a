"""Style transfer as FakET does it (Harar et al., arXiv 2304.02011), tilt by tilt."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import ArrayLike

from faket.data import AnyArray, FloatArray
from faket.device import Device, resolve_device
from faket.errors import InputError
from faket.statistics import match_in_place
from faket.style.images import checked_statistics, reproducible
from faket.style.matching import checked_pixel_size
from faket.style.methods import choose_method
from faket.style.network import FeatureNetwork
from faket.style.profile import StyleProfile
from faket.style.state import TransferState, fingerprint
from faket.style.vgg.update import Adam, UpdateRule


def transfer_style(
    content: AnyArray,
    initial: AnyArray,
    style: AnyArray | StyleProfile,
    *,
    network: FeatureNetwork,
    iterations: int | None = None,
    step_size: float = 0.15,
    rule: UpdateRule | None = None,
    angles_deg: ArrayLike | None = None,
    style_angles_deg: ArrayLike | None = None,
    pixel_size_A: float | None = None,
    device: Device = "auto",
    dtype: torch.dtype = torch.float32,
    memory_limit: int | None = None,
    progress: Callable[[int, int], None] | None = None,
    checkpoint: Callable[[TransferState], None] | None = None,
    resume: TransferState | None = None,
) -> FloatArray:
    """Give simulated tilts the style of a reference.

    Every stack is scaled to [0, 1] over the whole stack. From ``initial``, Adam lowers the sum
    of content terms (activations, against ``content``) and style terms (Gram matrices, against
    ``style``); after each step the image is clamped to [0, 1]. The result is the exponential
    average (decay 0.99) of all iterates, the initial one included: after one step
    0.4975 x₀ + 0.5025 x₁. The mean of its channels is given the mean and the standard deviation
    of the style's tilt.

    Where an image does not fit the memory limit at once its gradient is computed tile by tile,
    which changes nothing but the time and the rounding.

    The network "texture" goes its own way (:mod:`faket.style.texture.update`), in small tiles
    always; ``step_size``, ``rule`` and ``memory_limit`` are not for it.

    Parameters
    ----------
    content : ndarray, shape (tilt, y, x)
        What to preserve; in FakET the tilts with a quarter of the noise (CONTENT).
    initial : ndarray, shape (tilt, y, x)
        Where to start; in FakET the noisy tilts (NOISY).
    style : ndarray, shape (tilt', y', x'), or StyleProfile
        The reference, or what was measured of it with the same network.
    network : FeatureNetwork
    iterations : int, optional
        Steps of the update rule, >= 1. By default one, as FakET takes, and
        six with the ``texture`` network.
    step_size : float
        Adam's learning rate, in units of the [0, 1] range.
    rule : UpdateRule, optional
        Instead of Adam; ``step_size`` is then not used. The ``texture`` network has a rule of
        its own (:mod:`faket.style.texture.update`), which takes neither.
    angles_deg : array_like, shape (tilts,), optional
        Stage angles of ``content``. With those of the style, tilts are matched by nearest angle,
        otherwise by index.
    style_angles_deg : array_like, shape (tilts',), optional
        Stage angles of ``style`` where it is a stack; a StyleProfile holds its own.
    pixel_size_A : float, optional
        Of ``content``; a StyleProfile of another pixel size is refused.
    device : {"auto", "cpu", "cuda"}
    dtype : torch.dtype
        float32; float64 to check results; float16 or bfloat16 for convolutions in half
        precision, with sums, image and step in float32. Half precision changes results visibly
        (the sign of the gradient in 3 % of the pixels with float16, in 8 % with bfloat16, on an
        H100), so it is never chosen by itself.
    memory_limit : int, optional
        Bytes that may be used beyond input and output; if not given 1 GB, on a GPU 60 % of what
        is free there.
    progress : callable, optional
        Called after every tilt with the number done and the number in all; the reference's
        tilts count where they must be measured.
    checkpoint : callable, optional
        Called after every iteration with what is needed to go on from there. It may raise an
        exception to end the transfer.
    resume : TransferState, optional
        Go on from there, with the same arguments otherwise: the result has the same bytes as
        an uninterrupted transfer's.

    Returns
    -------
    ndarray, shape (tilt, y, x), float32
        In the grey values of the reference.

    Raises
    ------
    InputError
        If shapes or tilt counts do not fit, a tilt is constant or not finite, images are too
        small for the network, the StyleProfile is another network's or pixel size's, the state
        is another transfer's, the memory limit is too small, or a number is out of range.
    """
    rule = Adam(step_size) if rule is None else rule
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
    key = ""
    if checkpoint is not None or resume is not None:
        arrays = (content, initial, *profile.to_arrays().values())
        key = fingerprint(arrays, network.digest, matched, method.iterations, rule, str(dtype))
    out, first = _room(content.shape, resume, key)
    report = _offset(progress, to_measure, to_measure + len(content))
    begin = method.transfer(content, initial)
    for tilt in range(first, len(content)):
        grams = {layer: profile.grams[layer][matched[tilt]] for layer in network.style_weights}
        work = begin(tilt, grams, out[tilt])
        if resume is not None and resume.iteration and tilt == first:
            work.restore(resume)
        with torch.no_grad(), reproducible(place):
            while work.done < method.iterations:
                work.advance()
                if checkpoint is not None and work.done < method.iterations:
                    checkpoint(work.state(key, out[:tilt]))
        match_in_place(out[tilt], profile.mean[matched[tilt]], profile.sigma[matched[tilt]])
        if checkpoint is not None:
            checkpoint(TransferState(key, out[: tilt + 1]))
        report(tilt + 1, len(content))
    return out


def _room(shape: tuple[int, ...], resume: TransferState | None, key: str) -> tuple[FloatArray, int]:
    """Return room for the result with the tilts that are finished, and their number."""
    out = np.empty(shape, np.float32)
    if resume is None:
        return out, 0
    if resume.fingerprint != key:
        raise InputError(
            "transfer state: expected one of a transfer with the same stacks, style, network and "
            "settings, found another's; resume with what it was begun with, or begin anew"
        )
    out[: len(resume.finished)] = resume.finished
    return out, len(resume.finished)


def _check_pair(content: AnyArray, initial: AnyArray, network: FeatureNetwork) -> None:
    checked_statistics(content, "content", network.smallest_image)
    checked_statistics(initial, "initial", network.smallest_image)
    if content.shape != initial.shape:
        raise InputError(
            f"initial: expected the shape of content {content.shape}, found {initial.shape}"
        )


def _with_own_angles(profile: StyleProfile, style_angles_deg: ArrayLike | None) -> StyleProfile:
    if style_angles_deg is not None:
        raise InputError(
            "`style_angles_deg`: expected none beside a StyleProfile, which holds its own; give "
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
