"""Job scripts for batch systems, from templates in which ``{{word}}`` stands for a value."""

import math
import os
import re
import shlex
from collections.abc import Mapping
from pathlib import Path

from faket.errors import InputError
from faket.io.text import read_text
from faket.pipeline.forecast import Forecast

TEMPLATES = {name: f"{name}.sh" for name in ("slurm", "pbs", "lsf", "sge")} | {"dask": "dask.toml"}
# What a job asks for beyond the forecast; chosen as more than the largest errors in docs/scale.md,
# because a job that asks for too little is killed.
MEMORY_MARGIN, TIME_MARGIN = 0.3, 1.0
CORES = 4  # of a task, unless given; chosen: more are idle half of the time
_TASK_S = 3600.0  # of a task, unless their number is given; chosen: queues like short jobs
_SHORTEST_S = 600.0  # chosen: nodes differ in how fast they start
_MOST_TASKS = 1000  # of an array where neither SLURM nor LSF is told otherwise
# Addresses of libraries, and of a thread's stack and heap, beyond the memory that is used; chosen
# above the 1.3 GB measured with 4 threads. SGE's h_vmem limits addresses (RLIMIT_AS).
_ADDRESSES_MB, _ADDRESSES_MB_A_CORE = 1500, 150
_FOLDER = Path(__file__).parent / "job_templates"
_MOST_BYTES = 100_000  # of a template; chosen
_WORD = re.compile(r"\{\{ *(\w*) *\}\}")


def job_script(
    template: str,
    forecast: Forecast,
    recipe: Path,
    out: Path | None,
    *,
    tasks: int | None = None,
    cores: int = CORES,
) -> str:
    """Return a job script.

    Parameters
    ----------
    template : str
        A key of :data:`TEMPLATES`, or the path of a file.
    forecast : Forecast
    recipe : Path
    out : Path or None
        Folder that the job writes; None: named after the recipe.
    tasks : int, optional
        Number of tasks of the array; by default such that one takes about an hour.
    cores : int
        Cores of a task.

    Raises
    ------
    InputError
        If there is no such template, or it has a word that is not known.
    """
    text = _template(template)
    values = _values(forecast, recipe, out or recipe.with_suffix(""), tasks, cores)

    def value(found: re.Match[str]) -> str:
        if found[1] not in values:
            raise InputError(
                f"{template}: expected some of {', '.join(values)} in double braces, found "
                f"{found[0]}; correct the template"
            )
        return values[found[1]]

    script = _WORD.sub(value, text)
    # PBS takes no array of one task.
    return script.replace("#PBS -J 1-1\n", "").replace('"$PBS_ARRAY_INDEX/1"', "1/1")


def _template(name: str) -> str:
    if name in TEMPLATES:
        return (_FOLDER / TEMPLATES[name]).read_text()
    if not Path(name).is_file():
        raise InputError(
            f"`template`: expected one of {', '.join(TEMPLATES)} or a file, found {name!r}; "
            "correct it"
        )
    return read_text(Path(name), _MOST_BYTES)


def _job_name(text: str) -> str:
    """Return a name that every batch system takes: it begins with a letter."""
    name = re.sub(r"[^A-Za-z0-9_-]", "_", text)
    return name if name[:1].isalpha() else f"faket_{name}"


def _values(
    forecast: Forecast, recipe: Path, out: Path, tasks: int | None, cores: int
) -> Mapping[str, str]:
    """Return what the words of a template stand for."""
    whole, n = forecast.tomogram.whole, forecast.tomograms
    each_s = max(whole.seconds, whole.cpu_seconds / cores)
    if tasks is None:
        tasks = math.ceil(n / max(1.0, _TASK_S // max(each_s, 1e-3)))
        tasks = min(tasks, _MOST_TASKS)
    tasks = min(tasks, n)
    share = math.ceil(n / tasks)
    before = forecast.references.whole
    start_s = forecast.start.seconds if forecast.start else 0.0
    task_s = max(before.seconds, before.cpu_seconds / cores) + start_s + share * each_s
    memory_MB = max(forecast.largest_MB, before.peak_MB)
    wanted_MB = math.ceil(memory_MB * (1 + MEMORY_MARGIN))
    minutes = math.ceil(max(_SHORTEST_S, task_s * (1 + TIME_MARGIN)) / 60)
    return {
        "name": _job_name(recipe.stem),
        "recipe": shlex.quote(os.fspath(recipe)),
        "out": shlex.quote(os.fspath(out)),
        "tomograms": str(n),
        "tasks": str(tasks),
        "share": str(share),
        "cores": str(cores),
        "memory_MB": str(wanted_MB),
        "memory_MB_a_core": str(math.ceil(wanted_MB / cores)),
        "addresses_MB_a_core": str(
            math.ceil((wanted_MB + _ADDRESSES_MB) / cores) + _ADDRESSES_MB_A_CORE
        ),
        "time": f"{minutes // 60:02}:{minutes % 60:02}:00",
        "hours_and_minutes": f"{minutes // 60:02}:{minutes % 60:02}",
        "basis": forecast.basis[0].upper() + forecast.basis[1:],
        "margins": (
            f"Memory: {memory_MB:.0f} MB and {100 * MEMORY_MARGIN:.0f} % more. "
            f"Time: {task_s:.0f} s, measured on {forecast.cores} cores, and "
            f"{100 * TIME_MARGIN:.0f} % more, at least {_SHORTEST_S / 60:.0f} min"
        ),
    }
