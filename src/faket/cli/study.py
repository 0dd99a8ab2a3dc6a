"""The command `study`: is a picker trained on our data as good as one trained on physics?"""

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from faket.cli.common import Count, ExecutorOption, Flag, Seed, Where, refuse_unused
from faket.cli.outputs import OutFolder
from faket.reports import Report

if TYPE_CHECKING:
    from faket.study.layout import Study


def study(
    out: OutFolder,
    /,
    *,
    preset: Literal[
        "tiny", "small", "shrec", "foreign", "foreign-alder", "foreign-birch", "foreign-hazel"
    ]
    | None = None,
    modalities: str | None = None,
    seeds: Count | None = None,
    picker: Literal["deepfinder", "unet"] | None = None,
    steps: Count | None = None,
    tests: Count | None = None,
    species: Annotated[tuple[str, ...], Parameter(negative=())] = (),
    folder: Annotated[tuple[Path, ...], Parameter(negative=())] = (),
    vgg19: Path | None = None,
    seed: Seed | None = None,
    workers: Count = 1,
    executor: ExecutorOption = "local",
    cluster: str | None = None,
    device: Where = "auto",
    report_only: Flag = False,
) -> None:
    """Train pickers on differently made data and test all of them on the same simulated tomograms.

    The command makes the training data, trains the pickers, lets them pick in test tomograms of
    the microscope simulator, and scores the picks. It writes study.md, a page with tables and
    figures, and study.csv with one line for each run. Run again, it continues where it stopped;
    modalities and seeds can be added then.

    Parameters
    ----------
    out
        Folder to write.
    preset
        Size of the study. tiny: a test that takes minutes. small: a night on two cores. shrec:
        SHREC'21's size, for a GPU. foreign: three studies in folders of their own, each under a
        microscope that shares no code with the methods, and a page over all three; foreign-alder,
        …: one of them. [default: that of the study in OUT, or small]
    modalities
        Rows of the table, with commas between them: benchmark, style, spectral, coloured, noisy,
        baseline, faket, faket-texture, faket-random, noiseless, benchmark-few, finetuned,
        finetuned-faket, finetuned-faket-texture, tm, tm-f. Rows that OUT already has are kept.
        [default: those of the study in OUT, or of the preset]
    seeds
        Number of trainings for each row in --modalities (without it, for all rows), with the seeds
        0, 1, …. [default: that of the study in OUT, or of the preset]
    picker
        Network that is trained, instead of the preset's deepfinder: unet is a residual U-Net as in
        the CZII challenge (needs monai: pip install 'faket[monai]').
    steps
        Optimiser steps of every training, rounded to whole epochs, instead of the preset's. A
        larger number than before continues the trainings, if their learning rate is constant.
    tests
        Number of test tomograms, over which scores are averaged, instead of the preset's. A larger
        number than before adds tests to all rows.
    species
        Molecule, given as in a recipe; may be repeated. They replace the preset's molecules.
    folder
        Folder searched for PDB ids before the cache and the internet; may be repeated.
    vgg19
        Weights of VGG19 (torchvision's file) for the FAKET rows. By default they are looked for in
        torch's cache; if they are not there, FAKET rows of a preset are left out, and FAKET rows
        named in --modalities download them.
    seed
        Seed of all data, instead of the preset's.
    workers
        Number of tomograms, and then of trainings, at the same time. Results do not depend on it.
    executor
        local: processes on this machine. dask: a cluster (pip install 'faket[cluster]').
    cluster
        For dask: the address of a scheduler, such as tcp://head:8786, or a site file (site.toml)
        with which dask-jobqueue asks SLURM, PBS, LSF or SGE for --workers workers.
    device
        Processor for training, picking and matching: auto takes a CUDA GPU if there is one.
    report_only
        Only write the page and the table again, from the results in OUT.
    """
    from faket.study.several import open_studies, write_reports

    if report_only:
        refuse_unused(
            "with --report-only",
            preset=preset,
            modalities=modalities,
            seeds=seeds,
            picker=picker,
            steps=steps,
            tests=tests,
            species=species,
            folder=folder,
            vgg19=vgg19,
            seed=seed,
        )
    changes: dict[str, object] = {
        "picker": picker,
        "steps": steps,
        "tests": tests,
        "species": tuple(_located(source) for source in species) or None,
        "structure_folders": tuple(_absolute(path) for path in folder) or None,
        "vgg19_weights": None if vgg19 is None else _absolute(vgg19),
        "seed": seed,
    }
    keys = None if modalities is None else [key.strip() for key in modalities.split(",")]
    opened = open_studies(
        out,
        preset=preset,
        changes={name: value for name, value in changes.items() if value is not None},
        modalities=keys,
        seeds=seeds,
        begin=not report_only,
    )
    if not report_only:
        _run(opened, executor=executor, cluster=cluster, workers=workers, device=device)
    print(write_reports(opened))


def _run(opened: "tuple[Study, ...]", **how: Any) -> None:
    """Run one study after another, and write the pages after each."""
    from faket.cli.progress import reporting
    from faket.study.several import write_reports
    from faket.study.workers import run_study

    for each in opened if len(opened) > 1 else ():
        each.save()  # before hours of the first, so that all can be continued
    with reporting("study") as report:
        say = _timed(report)
        for each in opened:
            run_study(each, say=_named(say, each, len(opened)), **how)
            write_reports(opened)


def _located(source: str) -> str:
    """Return an absolute path: the study may be continued from another working folder."""
    return _absolute(source) if os.path.exists(os.path.expanduser(source)) else source


def _absolute(path: str | Path) -> str:
    # Unlike Path.resolve, this does not fail for unknown users or circular links.
    return os.path.realpath(os.path.expanduser(path))


def _named(say: Report, study: "Study", studies: int) -> Report:
    """Put the name of the study's folder before each message, if there are several."""
    if studies == 1:
        return say
    return lambda what, done, total: say(f"{study.folder.name}: {what}", done, total)


def _timed(report: Report) -> Report:
    """Put the time since the start before each message."""
    start = time.monotonic()

    def timed(what: str, done: int, total: int) -> None:
        minutes, seconds = divmod(int(time.monotonic() - start), 60)
        report(f"{minutes // 60}:{minutes % 60:02}:{seconds:02} {what}", done, total)

    return timed
