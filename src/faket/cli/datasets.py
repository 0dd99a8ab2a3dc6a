"""The commands `demo` and `simulate`: whole data sets."""

import sys
from pathlib import Path

from faket.cli.common import Count, ExecutorOption, Flag, Where
from faket.cli.outputs import OutFolder
from faket.errors import InputError


def demo(out: OutFolder = Path("demo"), /, *, workers: Count = 1, device: Where = "auto") -> None:
    """Make two labelled tomograms of the embedded synthetic molecules, and a picture of them.

    The demo needs no input files and no internet. A simulated microscope makes the reference. The
    projections of the tomograms are then made to look like that reference by the default method,
    `style`: noise as measured on the reference, then style transfer.

    Parameters
    ----------
    out
        Folder to write.
    workers
        Number of tomograms made at the same time; each needs its own memory.
    device
        Processor to use: auto takes a CUDA GPU if there is one.
    """
    from faket.cli.progress import reporting
    from faket.pipeline import generate
    from faket.pipeline.demo import demo_recipe
    from faket.report import dataset_figure

    with reporting("demo") as report:
        dataset = generate(demo_recipe(), out, workers=workers, device=device, report=report)
    picture = dataset_figure(dataset.folder, out / "demo.png")
    for model in dataset.models:
        print(model)
    print(picture)


def simulate(
    recipe: Path | None = None,
    out: OutFolder | None = None,
    /,
    *,
    workers: Count = 1,
    executor: ExecutorOption = "local",
    cluster: str | None = None,
    device: Where = "auto",
    tasks: str | None = None,
    retry: Flag = False,
    figure: bool = True,
    example: Flag = False,
) -> None:
    """Make the labelled tomograms of a recipe.

    If the command was interrupted, run it again: it continues with the first tomogram that is not
    finished. A tomogram that cannot be made is tried twice, then set aside with its reason, and the
    others are made.

    Parameters
    ----------
    recipe
        Recipe (TOML): molecules, specimen, reference and method. `faket simulate --example` prints
        one in which every field is explained.
    out
        Folder to write. Each tomogram gets a subfolder, model_0, model_1, …, in SHREC'21's layout.
    workers
        Number of tomograms made at the same time; each needs its own memory.
    executor
        local: processes on this machine. dask: a cluster (pip install 'faket[cluster]').
    cluster
        For dask: the address of a scheduler, such as tcp://head:8786, or a site file (site.toml)
        with which dask-jobqueue asks SLURM, PBS, LSF or SGE for --workers workers.
    device
        Processor of projections, images, styles and reconstruction: auto takes a CUDA GPU if there
        is one. Workers take the GPUs of a machine in turn; while one computes on a GPU, others
        place and paint molecules or write.
    tasks
        Make one share of the tomograms, in a job array without dask: i/N makes the i-th of every N,
        counted from 1; array takes both from SLURM, SGE or LSF. All tasks have the same OUT. When
        all have ended, run the command once without --tasks: it checks the data set, and draws
        and exports it.
    retry
        Try again what earlier runs set aside.
    figure
        Draw the tomograms into OUT/overview.png.
    example
        Print an example recipe and do nothing else.
    """
    from faket.cli.progress import reporting
    from faket.exchange.run import export_all
    from faket.exchange.table import load_format
    from faket.pipeline import example_recipe, generate, read_recipe
    from faket.pipeline.notices import unused_notice
    from faket.pipeline.tasks import parse_task
    from faket.report import dataset_figure

    if example:
        sys.stdout.write(example_recipe())
        return
    if recipe is None or out is None:
        raise InputError(
            "simulate: expected RECIPE.toml and OUT, found too few arguments; "
            "`faket simulate --example > recipe.toml` writes a recipe to start from"
        )
    task = None if tasks is None else parse_task(tasks)
    settings = read_recipe(recipe)
    for name in settings.export:
        load_format(name)  # refuses unknown ones before hours of work
    with reporting(recipe.stem, simulate) as report:
        for notice in unused_notice(settings):
            report(notice, 0, 0)
        dataset = generate(
            settings,
            out,
            executor=executor,
            cluster=cluster,
            workers=workers,
            device=device,
            tasks=task,
            retry=retry,
            report=report,
        )
        if task is None:
            export_all(dataset.folder, settings.export, report=report)
    if figure and task is None:
        dataset_figure(dataset.folder, out / "overview.png")
    for model in dataset.models:
        print(model)
