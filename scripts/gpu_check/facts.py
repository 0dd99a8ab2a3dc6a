"""What the results hold for: the machine, the versions, the date."""

import datetime
import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

_PACKAGES = ("torch", "numpy", "scipy", "numba", "safetensors")


def machine(device: str, *, small: bool) -> dict[str, Any]:
    """Return a record of where the check runs."""
    about: dict[str, Any] = {
        "date": datetime.date.today().isoformat(),
        "commit": _commit(),
        "small": small,
        "device": "CPU",
        "cpu_cores": os.cpu_count(),
        "python": platform.python_version(),
        **{name: _version(name) for name in _PACKAGES},
    }
    if device == "cuda":
        known = torch.cuda.get_device_properties(0)
        about |= {
            "device": known.name,
            "gpu_memory_GB": round(known.total_memory / 1e9, 1),
            "cuda": torch.version.cuda,
            "cudnn": torch.backends.cudnn.version(),
            "driver": _output("nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"),
        }
    return about


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "unknown"


def _commit() -> str:
    return _output("git", "-C", str(Path(__file__).parent), "rev-parse", "--short", "HEAD")


def _output(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    return done.stdout.strip() or "unknown"
