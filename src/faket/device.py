"""Device of the computation: ``"auto"``, ``"cpu"`` or ``"cuda"``."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from faket.errors import InputError

Device = Literal["auto", "cpu", "cuda"]

_meant: Device = "auto"  # what "auto" stands for in this process


def let_auto_mean(device: Device) -> None:
    """Let ``"auto"`` stand for a device from now on, in all threads of this process."""
    global _meant
    _meant = device


@contextmanager
def auto_means(device: Device) -> Iterator[None]:
    """Let ``"auto"`` stand for a device meanwhile, in all threads of this process."""
    before = _meant
    let_auto_mean(device)
    try:
        yield
    finally:
        let_auto_mean(before)


def resolve_device(device: Device) -> Literal["cpu", "cuda"]:
    """Return the device to use; ``"auto"`` is CUDA if there is a usable GPU.

    Raises
    ------
    InputError
        If ``device`` is unknown, or is ``"cuda"`` on a machine without it.
    """
    if device == "auto":
        device = _meant
    if device == "cpu":
        return "cpu"
    if device not in ("auto", "cuda"):
        raise InputError(f"device: expected 'auto', 'cpu' or 'cuda', found {device!r}")
    import torch  # takes 1 s, so it is not imported for the CPU

    if torch.cuda.is_available():
        return "cuda"
    if device == "cuda":
        raise InputError(
            "device: expected a CUDA GPU that torch can use, found none; choose `device` cpu"
        )
    return "cpu"


@contextmanager
def same_order() -> Iterator[None]:
    """Let sums on a GPU add in a fixed order meanwhile, so that results are reproducible."""
    import torch

    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)
