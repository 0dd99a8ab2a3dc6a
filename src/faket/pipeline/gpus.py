"""One GPU a worker process, where a machine has several."""

import multiprocessing
import os
from pathlib import Path

_VISIBLE = "CUDA_VISIBLE_DEVICES"  # read by CUDA when a process first uses it
_NODES = "nvidia[0-9]*"  # in /dev, one for each GPU that Linux lets a process use


def take_gpu() -> None:
    """Let this worker process see one GPU of several; processes take them in turn."""
    # Their names are numbered as they begin: SpawnProcess-1, -2, …
    number = multiprocessing.current_process().name.rpartition("-")[2]
    chosen = gpu_of(int(number) if number.isdecimal() else 0, os.environ.get(_VISIBLE), _gpus())
    if chosen is not None:
        os.environ[_VISIBLE] = chosen


def gpu_of(worker: int, visible: str | None, gpus: int) -> str | None:
    """Return the name of a worker's GPU; None where there is nothing to choose.

    Parameters
    ----------
    worker : int
    visible : str or None
        Names that the user or a scheduler allows, separated by commas.
    gpus : int
        How many the machine has.
    """
    names = [str(index) for index in range(gpus)]
    if visible is not None:
        names = [name.strip() for name in visible.split(",") if name.strip()]
    return names[worker % len(names)] if len(names) > 1 else None


def _gpus() -> int:
    return len(list(Path("/dev").glob(_NODES)))
