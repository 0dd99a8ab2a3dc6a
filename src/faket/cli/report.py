"""The command `report`: one HTML page to look at a data set, a study or picks."""

from pathlib import Path

from faket.cli.common import Count
from faket.cli.outputs import OutPage
from faket.errors import InputError


def report(
    source: Path,
    /,
    *,
    out: OutPage = Path("report.html"),
    tomogram: Path | None = None,
    tomograms: Count = 10,
) -> None:
    """Write one HTML page on which a data set, a study or picks can be looked at.

    The page is a single file. It works without a server and without the internet: planes through
    the tomograms with labels, true and picked places, the tilts, power spectra, Thon rings,
    numbers of particles and their distances, and the recipe, each with the file that it is from.

    Parameters
    ----------
    source
        Data set of `faket simulate`, folder of a single tomogram (of faket or SHREC'21), study of
        `faket study` or a folder of several, or picks: a file, or a folder of such files.
    out
        HTML file to write.
    tomogram
        Tomogram that picks were made from, or a data set: then picks are a folder with a file
        model_0.csv, ... for each tomogram. Where there are labels, picks are compared with them.
    tomograms
        Number of tomograms of a data set whose images are on the page; tables are of all.
    """
    from faket.cli.progress import reporting
    from faket.io.ome_zarr import is_ome_zarr
    from faket.pages.pick_files import read_pick_sets, read_pick_views
    from faket.pages.report import report_on_folder, report_on_picks, report_on_views

    if tomogram is not None and tomogram.is_dir() and not is_ome_zarr(tomogram):
        views = read_pick_views(source, tomogram)
        with reporting("report") as say:
            print(report_on_views(views, tomogram.resolve().name, out, most=tomograms, say=say))
        return
    if tomogram is not None:
        sets = read_pick_sets(source, tomogram)
        with reporting("report") as say:
            page = report_on_picks(sets, tomogram, out, say=say)
        print(page)
        return
    if source.is_file():
        raise InputError(
            f"{source}: expected the tomogram that these picks were made from, found none; give "
            "`tomogram`"
        )
    with reporting("report") as say:
        page = report_on_folder(source, out, most=tomograms, say=say)
    print(page)
