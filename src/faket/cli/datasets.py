"""Whole data sets: the demo, and a recipe of one's own."""

import sys
from pathlib import Path

from faket.cli.common import Count, Flag
from faket.cli.outputs import OutFolder
from faket.errors import InputError


def demo(out: OutFolder = Path("demo"), /, *, workers: Count = 1) -> None:
    """Make two labelled tomograms of the embedded synthetic molecules, and a picture of them.

    The demo needs no files and no network. A simulated microscope takes the reference, and the
    projections are made to look like it with the default method of recipes, style: noise measured
    on the reference, then style transfer.

    Parameters
    ----------
    out
        Folder to write.
    workers
        Tomograms made at the same time.
    """
    from faket.cli.progress import reporting
    from faket.pipeline import generate
    from faket.pipeline.demo import demo_recipe
    from faket.report import dataset_figure

    with reporting("demo") as report:
        dataset = generate(demo_recipe(), out, workers=workers, report=report)
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
    figure: bool = True,
    example: Flag = False,
) -> None:
    """Make the labelled data set of a recipe. Run again, it continues an interrupted run.

    Parameters
    ----------
    recipe
        TOML file; --example writes one with every field explained.
    out
        Folder to write: model_0, model_1, … in SHREC'21's layout.
    workers
        Tomograms made at the same time; each takes memory for itself.
    figure
        Write overview.png.
    example
        Print an example recipe and do nothing else.
    """
    from faket.cli.progress import reporting
    from faket.pipeline import example_recipe, generate, read_recipe
    from faket.pipeline.notices import unused_notice
    from faket.report import dataset_figure

    if example:
        sys.stdout.write(example_recipe())
        return
    if recipe is None or out is None:
        raise InputError(
            "simulate: expected RECIPE.toml and OUT, found too few arguments; "
            "`faket simulate --example > recipe.toml` writes a recipe to start from"
        )
    settings = read_recipe(recipe)
    with reporting(recipe.stem, simulate) as report:
        for notice in unused_notice(settings):
            report(notice, 0, 0)
        dataset = generate(settings, out, workers=workers, report=report)
    if figure:
        dataset_figure(dataset.folder, out / "overview.png")
    for model in dataset.models:
        print(model)
