"""A whole command: tilt-series from molecules to tomograms, made by workers that share the GPU.

It needs the packages of the command line, too (pydantic, cyclopts, rich); without them it is left
out.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from child import Row, Task
from shares import Peak

_NEEDED = ("pydantic", "cyclopts", "rich", "docstring_parser")
_POLL_S = 0.1
_NOTE = (
    "simulate: with the start of all processes, measuring the reference, labels, files and hashes; "
    "GPU memory is that of all processes together, CUDA's own included"
)


def simulate_ten(task: Task) -> list[Row]:
    """Time `faket simulate` on ten tomograms of SHREC'21's size, and the stages of each."""
    missing = [name for name in _NEEDED if not _is_there(name)]
    if missing:
        return [{"what": f"simulate: {', '.join(missing)} missing", "left_out": True}]
    import bench_dataset

    tomograms, size = (2, 64) if task.small else (10, 1024)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if not task.small:  # kernels are compiled once a machine
            _simulated(_recipe(bench_dataset, folder / "warm", 128, 1), 1, task.device)
        recipe = _recipe(bench_dataset, folder / "whole", size, tomograms)
        rows = []
        for workers in _numbers_of_workers(tomograms, os.cpu_count() or 1):
            began, start = datetime.now(UTC), time.monotonic()
            with most_used_GB(task.device) as peak:
                out = _simulated(recipe, workers, task.device)
            seconds = time.monotonic() - start
            what = f"{tomograms} × 61 × {size}² from molecules to tomograms, {workers} workers"
            rows.append({**_row(what, [seconds], peak.value), "note": _NOTE})
            rows += [*_moments(recipe.with_name("said.txt"), began), *_stages(out)]
            shutil.rmtree(out)
            if task.left() < 1.2 * seconds:  # chosen: another number might take a little longer
                break
        return rows


def _numbers_of_workers(tomograms: int, cores: int) -> list[int]:
    """Return as many as there are tomograms, which need no second round, then fewer."""
    most = min(tomograms, cores)
    return list(dict.fromkeys((most, max(1, most * 4 // 5))))


def _is_there(name: str) -> bool:
    try:
        import_module(name)
    except ImportError:
        return False
    return True


def _recipe(bench_dataset: Any, folder: Path, size: int, tomograms: int) -> Path:
    """Write a reference and a recipe of specimens of so many voxels a side; return the recipe."""
    folder.mkdir()
    depth, particles = max(16, 360 * size // 1024), max(4, 1500 * size**2 // 1024**2)
    stack = bench_dataset.reference(folder, size, depth, particles)
    path = folder / "recipe.toml"
    values = {"size": size, "depth": depth, "particles": particles, "stack": stack}
    path.write_text(bench_dataset.RECIPE.format(tomograms=tomograms, method="", **values))
    return path


def _simulated(recipe: Path, workers: int, device: str) -> Path:
    """Run the command; return its folder."""
    out, source = recipe.with_name("data"), Path(__file__).resolve().parents[2] / "src"
    command = [sys.executable, "-m", "faket", "simulate", str(recipe), str(out), "--no-figure"]
    path = os.pathsep.join([str(source), *filter(None, [os.environ.get("PYTHONPATH")])])
    with open(recipe.with_name("said.txt"), "w+") as said:
        ended = subprocess.run(
            [*command, "--workers", str(workers), "--device", device, "--log-json"],
            env={**os.environ, "PYTHONPATH": path},
            stderr=said,
            check=False,
        )
        if ended.returncode:
            said.seek(0)
            raise RuntimeError(f"faket simulate: {(said.read().splitlines() or ['?'])[-1]}")
    return out


def _moments(said: Path, began: datetime) -> list[Row]:
    """Return when the workers had work and when tomograms were finished, to a second."""
    rows, finished = [], list[float]()
    for line in said.read_text().splitlines():
        entry = json.loads(line) if line.startswith("{") else {}
        if "what" not in entry:
            continue
        seconds = (datetime.fromisoformat(entry["time"]) - began).total_seconds()
        if entry["what"].endswith("at a time"):
            rows.append(_row("- until workers have work", [seconds], None))
        elif entry["what"].endswith("finished"):
            finished.append(seconds)
    for which, seconds in zip(("first", "last"), (finished[:1] + finished[-1:]), strict=False):
        rows.append(_row(f"- until the {which} tomogram is finished", [seconds], None))
    return rows


def _stages(out: Path) -> list[Row]:
    """Return the seconds of each stage of a tomogram, and of the reference."""
    rows = []
    for kind, paths in (
        ("a reference", sorted(out.glob("reference_*/run.json"))),
        ("a tomogram", sorted(out.glob("model_*/run.json"))),
    ):
        runs = [json.loads(path.read_text())["stages"] for path in paths]
        for stage in runs[0]:
            rows.append(_row(f"- {kind}: {stage}", [run[stage]["seconds"] for run in runs], None))
    return rows


def _row(what: str, seconds: list[float], peak: float | None) -> Row:
    runs = [round(value, 2) for value in seconds]
    return {"what": what, "seconds": statistics.median(seconds), "runs": runs, "peak_GB": peak}


@contextmanager
def most_used_GB(device: str) -> Iterator[Peak]:
    """Measure the most memory of the GPU that all processes hold while the block runs."""
    peak, ended = Peak(), threading.Event()
    if device != "cuda":
        yield peak
        return

    def watch() -> None:
        while not ended.wait(_POLL_S):
            free, total = torch.cuda.mem_get_info()
            peak.value = max(peak.value or 0.0, (total - free) / 1e9)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield peak
    finally:
        ended.set()
        watcher.join()
