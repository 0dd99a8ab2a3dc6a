"""Device of the computation: ``"auto"``, ``"cpu"`` or ``"cuda"``."""

from typing import Literal

from faket.errors import InputError

Device = Literal["auto", "cpu", "cuda"]


def resolve_device(device: Device) -> Literal["cpu", "cuda"]:
    """Return the device to use; ``"auto"`` is CUDA if there is a usable GPU.

    Raises
    ------
    InputError
        If ``device`` is unknown, or is ``"cuda"`` on a machine without it.
    """
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
