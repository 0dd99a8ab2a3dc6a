"""Where the work happens: ``"auto"``, ``"cpu"`` or ``"cuda"``."""

from typing import Literal

from faket.errors import InputError

Device = Literal["auto", "cpu", "cuda"]


def resolve_device(device: Device) -> Literal["cpu", "cuda"]:
    """Return the device to use; ``"auto"`` is CUDA where there is one.

    Raises
    ------
    InputError
        If ``device`` is unknown, or is ``"cuda"`` on a machine without it.
    """
    if device == "cpu":
        return "cpu"
    if device not in ("auto", "cuda"):
        raise InputError(f"device: expected 'auto', 'cpu' or 'cuda', found {device!r}")
    import torch  # 1 s to import: not for those who asked for the CPU and use numba only

    if torch.cuda.is_available():
        return "cuda"
    if device == "cuda":
        raise InputError(
            "device: expected a CUDA GPU that torch can use, found none; choose `device` cpu"
        )
    return "cpu"
