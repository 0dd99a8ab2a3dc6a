"""Tilt-series with what IMOD, SerialEM, AreTomo, ctffind, Warp and RELION 5 read of them.

::

    NAME/            stack (halves: _EVN, _ODD), .mdoc; .rawtlt, .tlt, .xf, .xtilt, .defocus,
                     newst.com, tilt.com (IMOD); .aln, _TLT.txt, _CTF.txt (AreTomo);
                     _ctffind4.txt; _dose.txt
    stacks/          NAME.mrcs, the same stack, for RELION
    tomograms.star   with tilt_series/NAME.star (RELION 5)
    tomostar/, warp_tiltseries/, and on request frames/ with each image (Warp)

The stack is the one that the tomogram was made of. That of method benchmark is as recorded, shifts
and tilt axis uncorrected; those of the other methods are aligned but for residual shifts.
"""

import logging
from dataclasses import replace
from functools import partial
from pathlib import Path

from faket.exchange.face import Format, Tomograms
from faket.exchange.links import link
from faket.exchange.source import SourceTomogram
from faket.exchange.true_series import true_series
from faket.io.manifest import read_manifest
from faket.io.metadata import JoinedGeometry
from faket.io.metadata_writers import SeriesNames, relion, with_errors, write_metadata
from faket.io.model_folder import MANIFEST, PROJECTION_HALVES, PROJECTIONS_UNBINNED
from faket.io.mrc import read_stack, write_stack
from faket.io.star import write_star
from faket.seeds import derive

_LOG = logging.getLogger("faket")


def told_series(tomogram: SourceTomogram) -> JoinedGeometry:
    """Return what files tell of a tomogram's series: the truth, or with the errors asked for."""
    truth = true_series(tomogram.folder)
    manifest = tomogram.folder / MANIFEST
    seed = read_manifest(manifest)["seed"] if manifest.exists() else 0
    seed = derive(seed or 0, tomogram.name, "files of the tilt-series")
    halves = [
        tuple(f"{i:06d}@stacks/{tomogram.name}{ending}.mrcs" for ending in _halves(tomogram))
        for i in range(1, len(truth) + 1)
    ]
    known = tuple((pair[0], pair[1]) if pair else None for pair in halves)
    told = with_errors(truth, tomogram.errors, seed=seed)
    return replace(told, series=tomogram.name, halves=known)


def _halves(tomogram: SourceTomogram) -> dict[str, Path]:
    """Return AreTomo's ending → stack of even and of odd frames, if there are any."""
    odd, even = (tomogram.folder / name for name in PROJECTION_HALVES)
    return {"_EVN": even, "_ODD": odd} if odd.exists() and even.exists() else {}


def series_names(tomogram: SourceTomogram, geometry: JoinedGeometry) -> SeriesNames:
    """Return the names of a tomogram's files, and its thickness in pixels of the stack."""
    pixel_A = geometry.pixel_size_A or tomogram.voxel_size_A
    name = tomogram.name
    thickness = round(tomogram.shape[0] * tomogram.voxel_size_A / pixel_A)
    return SeriesNames(name, f"{name}.mrc", f"stacks/{name}.mrcs", thickness)


def _check(tomograms: Tomograms) -> None:
    for tomogram in tomograms:
        true_series(tomogram.folder)


def _write(tomogram: SourceTomogram, folder: Path, *, frames: bool) -> None:
    geometry = told_series(tomogram)
    names = series_names(tomogram, geometry)
    for line in write_metadata(folder, geometry, names):
        _LOG.info(line)
    stack = tomogram.folder / PROJECTIONS_UNBINNED
    link(stack, folder / names.series / names.stack)
    link(stack, folder / names.relion_stack)
    for ending, half in _halves(tomogram).items():
        link(half, folder / names.series / f"{names.series}{ending}.mrc")
        link(half, folder / "stacks" / f"{names.series}{ending}.mrcs")
    if frames:
        images, pixel_A = read_stack(stack, mmap=True)
        (folder / "frames").mkdir()
        for frame, image in zip(geometry.frames, images, strict=True):
            write_stack(folder / "frames" / f"{frame}.mrc", image[None], pixel_A)


def _finish(tomograms: Tomograms, folder: Path) -> None:
    rows = []
    for tomogram in tomograms:
        geometry = true_series(tomogram.folder)
        thickness = series_names(tomogram, geometry).thickness_px
        width, height = geometry.image_size or (0, 0)
        name = tomogram.name
        size = (width, height, thickness)
        rows.append(relion.tomogram_row(geometry, name, size, f"tilt_series/{name}.star"))
    columns = [column for column in rows[0] if all(column in row for row in rows)]
    table = {column: [row[column] for row in rows] for column in columns}
    write_star(folder / "tomograms.star", {"global": table})


FORMAT = Format(write=partial(_write, frames=False), finish=_finish, check=_check)
FRAMES = Format(write=partial(_write, frames=True), finish=_finish, check=_check)
