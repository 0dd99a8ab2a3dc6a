"""The study: is a picker trained on our data as good as one trained on the physics?"""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from faket.cli.common import Count, Flag, Seed, Where, refuse_unused
from faket.cli.outputs import OutFolder


def study(
    out: OutFolder,
    /,
    *,
    preset: Literal["tiny", "small", "shrec"] | None = None,
    modalities: str | None = None,
    seeds: Count | None = None,
    steps: Count | None = None,
    species: Annotated[tuple[str, ...], Parameter(negative=())] = (),
    folder: Annotated[tuple[Path, ...], Parameter(negative=())] = (),
    vgg19: Path | None = None,
    seed: Seed | None = None,
    workers: Count = 1,
    device: Where = "auto",
    report_only: Flag = False,
) -> None:
    """Make data in every modality, train pickers on them, and score them on the same physics.

    Run again, the command continues where it stopped; modalities and seeds may be added then.
    The command writes study.md, a page with table and figures, and study.csv, a line per run.

    Parameters
    ----------
    out
        Folder to write.
    preset
        tiny: minutes, a smoke test. small: two cores, a night. shrec: SHREC'21's size, for a GPU.
        [default: the folder's own, else small]
    modalities
        Rows of the table, with commas between them: benchmark, style, spectral, coloured, noisy,
        baseline, faket, faket-texture, faket-random, noiseless, benchmark-few, finetuned,
        finetuned-faket, finetuned-faket-texture, tm, tm-f. Those that the folder has stay.
        [default: the folder's, else the preset's]
    seeds
        Trainings of each row named (of all where none is), with the seeds 0, 1, …. [default: as
        the folder's, else the preset's]
    steps
        Optimiser steps of every training, in whole epochs, instead of the preset's. A larger number
        than before continues the trainings, if their learning rate is constant.
    species
        Molecules instead of the preset's, as in a recipe; may be repeated.
    folder
        Where PDB ids are looked up before the cache and the network.
    vgg19
        Weights of VGG19 (torchvision's file) for FAKET; by default those in torch's cache. Without
        weights, the FAKET rows of a preset are left out; if named in --modalities, the weights are
        downloaded.
    seed
        Seed of all data, instead of the preset's.
    workers
        Tomograms, then trainings, at the same time; results do not depend on it.
    device
        Where to train, segment and match.
    report_only
        Only write page and table from the existing results.
    """
    from faket.cli.progress import reporting
    from faket.study.layout import open_study
    from faket.study.results import write_report
    from faket.study.workers import run_study

    if report_only:
        refuse_unused(
            "with --report-only",
            preset=preset,
            modalities=modalities,
            seeds=seeds,
            steps=steps,
            species=species,
            folder=folder,
            vgg19=vgg19,
            seed=seed,
        )
    changes: dict[str, object] = {
        "steps": steps,
        "species": tuple(_located(source) for source in species) or None,
        "structure_folders": tuple(_absolute(path) for path in folder) or None,
        "vgg19_weights": None if vgg19 is None else _absolute(vgg19),
        "seed": seed,
    }
    keys = None if modalities is None else [key.strip() for key in modalities.split(",")]
    opened = open_study(
        out,
        preset=preset,
        changes={name: value for name, value in changes.items() if value is not None},
        modalities=keys,
        seeds=seeds,
        begin=not report_only,
    )
    if not report_only:
        with reporting("study") as report:
            run_study(opened, workers=workers, device=device, say=_timed(report))
    print(write_report(opened))


def _located(source: str) -> str:
    """Return an absolute path, which holds in whatever folder the study is continued."""
    return _absolute(source) if os.path.exists(os.path.expanduser(source)) else source


def _absolute(path: str | Path) -> str:
    # Unlike Path.resolve, this does not fail for unknown users or circular links.
    return os.path.realpath(os.path.expanduser(path))


def _timed(report: Callable[[str, int, int], None]) -> Callable[[str, int, int], None]:
    """Put the time since the start before each message."""
    start = time.monotonic()

    def tell(what: str, done: int, total: int) -> None:
        minutes, seconds = divmod(int(time.monotonic() - start), 60)
        report(f"{minutes // 60}:{minutes % 60:02}:{seconds:02} {what}", done, total)

    return tell
