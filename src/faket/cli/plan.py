"""The command `plan`: what a recipe will cost, and a job script for it."""

import json as json_format
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from faket.cli.common import Count, Flag, Where, refuse_unused
from faket.cli.outputs import OutFolder

if TYPE_CHECKING:
    from faket.pipeline.forecast import Forecast


def plan(
    recipe: Path,
    /,
    *,
    out: OutFolder | None = None,
    template: str | None = None,
    tasks: Count | None = None,
    cores: Count | None = None,
    device: Where = "auto",
    json: Flag = False,
) -> None:
    """Tell the time, memory and disk that a recipe will take, or print a job script for it.

    It is measured on two small pieces of a tomogram, which are made in a temporary folder, or taken
    from the last run; the first line says which. docs/scale.md tells how far off it was.

    Parameters
    ----------
    recipe
        Recipe (TOML) as for `faket simulate`.
    out
        Folder of the data set. If it has finished tomograms, what they took is told, and nothing is
        measured. Nothing is written into it.
    template
        Print a job script instead: slurm, pbs, lsf, sge (job arrays), dask (the site file of
        `faket simulate --executor dask`), or a file of your own, in which {{tasks}}, {{memory_MB}},
        {{time}} … stand for the values. It asks for more than is expected, and says how much more.
    tasks
        Number of tasks of the job array. [default: such that a task takes about an hour]
    cores
        Cores of a task. [default: 4]
    device
        Processor for the pieces, as for `faket simulate`.
    json
        Print the forecast as JSON: seconds, peak_MB, disk_bytes.
    """
    from faket.cli.progress import reporting
    from faket.device import resolve_device
    from faket.pipeline import read_recipe
    from faket.pipeline.forecast import forecast_of_pieces, forecast_of_run
    from faket.pipeline.job_scripts import CORES, job_script

    if template is None:
        refuse_unused("without --template", tasks=tasks, cores=cores)
    else:
        refuse_unused("with --template", json=json)
    resolve_device(device)
    settings = read_recipe(recipe)
    found = None if out is None else forecast_of_run(settings, out)
    if found is None:
        with reporting(recipe.stem, plan) as report:
            found = forecast_of_pieces(settings, say=report)
    if json:
        print(json_format.dumps(_content(found), indent=1))
        return
    if template is None:
        _print_forecast(recipe, found)
        return
    script = job_script(template, found, recipe, out, tasks=tasks, cores=cores or CORES)
    sys.stdout.write(script)


def _content(forecast: "Forecast") -> dict[str, object]:
    from faket.pipeline.machine import free_memory_MB

    free_MB = free_memory_MB()
    return {
        **asdict(forecast),
        "disk_bytes": forecast.disk_bytes,
        "seconds_by_one": forecast.seconds(1),
        "free_memory_MB": free_MB,
        "workers_that_fit": None if free_MB is None else forecast.most_workers(free_MB),
    }


def _print_forecast(recipe: Path, forecast: "Forecast") -> None:
    from faket.pipeline.costs import StageCost
    from faket.pipeline.machine import free_memory_MB

    def row(name: str, cost: StageCost, disk_bytes: float | None = None) -> None:
        disk = "" if disk_bytes is None else f"{disk_bytes / 1e6:10.1f} MB"
        memory = f"{cost.peak_MB:11.0f} MB" if cost.peak_MB else 14 * " "
        print(f"{name:22} {cost.seconds:9.1f} s {cost.cpu_seconds:9.1f} s {memory} {disk}".rstrip())

    print(f"{recipe}: {forecast.tomograms} tomograms, {forecast.basis}.")
    for what in forecast.unknown:
        print(f"Not counted: {what}, of which the pieces have none.")
    print(f"{'':22} {'time':>11} {'all cores':>11} {'peak memory':>14} {'disk':>13}")
    for name, cost in forecast.tomogram.stages.items():
        row(f"  {name}", cost)
    row("a tomogram", forecast.tomogram.whole, forecast.tomogram.disk_bytes)
    row("references, once", forecast.references.whole, forecast.references.disk_bytes)
    if forecast.start:
        row("start of a process", forecast.start)
    print(f"{'in all':22} {'':39} {forecast.disk_bytes / 1e6:9.1f} MB")
    _print_workers(forecast, free_memory_MB())


def _print_workers(forecast: "Forecast", memory_MB: float | None) -> None:
    from faket.cli.progress import duration

    most = None if memory_MB is None else forecast.most_workers(memory_MB)
    print(f"On a machine of {forecast.cores} cores like this one, at most:")
    wanted = dict.fromkeys(n for n in (1, 2, 4, 8, 16, most or 0) if 0 < n <= (most or 16))
    for workers in sorted(wanted):
        hour = f"{forecast.an_hour(workers):9.1f} tomograms an hour"
        print(f"  {workers:4} at a time: {hour}, {duration(forecast.seconds(workers))} in all")
    if memory_MB is None:
        print("How many workers the memory holds is not known on this system.")
        return
    largest = f"{forecast.largest_MB:.0f} MB for the largest tomogram"
    print(f"The free memory of {memory_MB:.0f} MB holds {most} workers ({largest}).")
