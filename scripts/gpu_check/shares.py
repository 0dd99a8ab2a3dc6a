"""Where the time goes between host and GPU, and how much memory it takes there."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch


@dataclass
class Peak:
    """Most memory that torch held on the GPU, GB; None on a CPU."""

    value: float | None = None


@contextmanager
def peak_GB(device: str) -> Iterator[Peak]:
    """Measure the peak while the block runs."""
    peak = Peak()
    if device != "cuda":
        yield peak
        return
    torch.cuda.reset_peak_memory_stats()
    try:
        yield peak
    finally:
        peak.value = torch.cuda.max_memory_allocated() / 1e9


def synchronised(device: str) -> None:
    """Wait until the GPU has nothing left to do."""
    if device == "cuda":
        torch.cuda.synchronize()


def shares(call: Callable[[], Any], device: str) -> dict[str, float] | None:
    """Return which part of a call's time goes into kernels, into copies, and the rest: the host.

    What runs at once counts twice, so that the host's part may come out a little low. None where
    there is no GPU or torch's profiler does not work.
    """
    if device != "cuda":
        return None
    try:
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profile:
            start = time.monotonic()
            call()
            torch.cuda.synchronize()
            wall = time.monotonic() - start
        here = torch.autograd.DeviceType.CPU
        events = [event for event in profile.key_averages() if event.device_type != here]
        seconds = {event.key: event.self_device_time_total / 1e6 for event in events}
    except Exception as error:  # whatever a profiler may lack: the other numbers are worth keeping
        print(f"no shares: {error}")
        return None
    return divided(seconds, wall)


def divided(seconds: dict[str, float], wall: float) -> dict[str, float]:
    """Divide a call's time, given the seconds of everything that ran on the GPU by name."""
    copies = sum(value for name, value in seconds.items() if name.startswith(("Memcpy", "Memset")))
    kernels = sum(seconds.values()) - copies
    host = max(0.0, wall - copies - kernels)
    total = host + copies + kernels
    return {"host": host / total, "copies": copies / total, "gpu": kernels / total}
