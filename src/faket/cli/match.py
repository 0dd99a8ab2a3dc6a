"""The command `match`: template matching in a tomogram."""

import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from faket.cli.common import (
    NotNegativeNumber,
    Positive,
    Where,
    print_species_notices,
    record_manifest,
    refuse_unused,
)
from faket.cli.outputs import OutPicks
from faket.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from faket.data import Species


def match(
    tomogram: Path,
    species: list[str],
    /,
    *,
    out: OutPicks,
    tilts: Path | None = None,
    record: Path | None = None,
    defocus_um: Annotated[float | None, Parameter(validator=Number(gt=0, lte=30))] = None,
    voltage_kV: Positive | None = None,
    spherical_aberration_mm: NotNegativeNumber | None = None,
    angular_step_deg: Annotated[
        Positive, Parameter(name=("--angular-step-deg", "--angular-step"))
    ] = 12.0,
    method: Literal["tm", "tm-f"] = "tm-f",
    mask: Literal["sphere", "shape"] = "sphere",
    wedge: Literal["per-tilt", "binary", "none"] = "per-tilt",
    low_pass_A: NotNegativeNumber | None = None,
    high_pass_A: NotNegativeNumber | None = None,
    false_positives: Positive = 1.0,
    exclusion: Positive = 1.0,
    symmetry: str | None = None,
    protein: Literal["dark", "bright"] = "dark",
    region: Path | None = None,
    folder: Annotated[tuple[Path, ...], Parameter(negative=())] = (),
    voxel_size_A: Positive | None = None,
    memory_GB: Positive = 4.0,
    device: Where = "auto",
) -> None:
    """Find particles in a tomogram by template matching.

    If the command was interrupted, run it again: molecules that are finished are kept.

    Parameters
    ----------
    tomogram
        MRC volume with dark protein and the tilt axis along y.
    species
        Molecules to search for: PDB, mmCIF or MRC files (.gz too), PDB ids, folders written by
        `faket species`, or embedded synthetic molecules, as synthetic:NAME or "synthetic" for all
        of them.
    out
        Picks to write, best first: .csv, .star (RELION 5) or .txt (SHREC'21). Their score is the
        correlation divided by its standard deviation in the tomogram.
    tilts
        .tlt file of tilt angles, or the .csv of `faket acquire`, from which the dose is used too.
        [default: the .tlt file beside the tomogram, or projections_unbinned.csv in its folder]
    record
        Record (.json) of `faket acquire`: tilt angles, dose, and defocus and optics of each tilt.
    defocus_um
        Underfocus of all tilts in µm, up to 30. Templates are then multiplied by the contrast
        transfer function. Not needed with --record.
    voltage_kV
        Acceleration voltage in kV, for contrast transfer and radiation damage.
        [default: the record's, or 300]
    spherical_aberration_mm
        Spherical aberration Cs in mm; only with --defocus-um. [default: 2.7]
    angular_step_deg
        Angle between neighbouring orientations, degrees.
    method
        tm: tomogram and templates as they are. tm-f: both whitened and band-pass filtered.
    mask
        Region of a template that is compared: sphere, or shape (the molecule's envelope; takes
        three times as long).
    wedge
        Missing wedge of the templates. per-tilt: a slice for each tilt, weighted by its dose.
        binary: everything between the outermost tilts. none: no missing wedge.
    low_pass_A
        Remove details smaller than this, in Å; 0 keeps them. [default: 25 for tm-f, 0 for tm]
    high_pass_A
        Remove variations longer than this, in Å; 0 keeps them. [default: 400 for tm-f, 0 for tm]
    false_positives
        Number of false positives to accept in a tomogram of pure noise, all molecules together.
        It sets the correlation below which nothing is picked.
    exclusion
        Smallest distance between two picks, in radii of the particle.
    symmetry
        Symmetry of all molecules about the axes of their files (C2, D7, O, …), instead of their
        own.
    protein
        Whether protein is dark or bright in the tomogram.
    region
        MRC mask: particles are searched only where it is not 0.
    folder
        Folder searched for PDB ids before the cache and the internet; may be repeated.
    voxel_size_A
        Voxel size of the tomogram in Å, instead of the one in its header.
    memory_GB
        Memory for the search in GB. With less, the tomogram is searched in more parts.
    device
        Processor to use: auto takes a CUDA GPU if there is one.
    """
    from faket.cli.progress import reporting
    from faket.io.picks import write_picks
    from faket.io.tomograms import read_tomogram
    from faket.io.verification import check_intact
    from faket.pickers.acquisition import angles_of, read_known_acquisition
    from faket.pickers.match import search, to_picks
    from faket.picking.template_matching import TM, TM_F, Matcher

    bands: dict[str, Any] = {"low_pass_A": low_pass_A, "high_pass_A": high_pass_A}
    settings = replace(
        TM if method == "tm" else TM_F,
        angular_step_deg=angular_step_deg, mask=mask, wedge=wedge, exclusion=exclusion,
        false_positives=false_positives, protein=protein, memory_GB=memory_GB,
        **{name: value for name, value in bands.items() if value is not None},
    )  # fmt: skip
    check_intact([tomogram])
    volume = read_tomogram(tomogram, voxel_size_A=voxel_size_A)
    if record is not None and (tilts, defocus_um, voltage_kV) != (None, None, None):
        raise InputError(
            "match: expected --record, or --tilts, --defocus-um and --voltage-kV, found both; a "
            "record contains all of them"
        )
    if defocus_um is None:
        refuse_unused("without --defocus-um", spherical_aberration_mm=spherical_aberration_mm)
    angles = record or tilts or angles_of(tomogram)
    optics = {"defocus_um": defocus_um, "spherical_aberration_mm": spherical_aberration_mm}
    known = read_known_acquisition(angles, voltage_kV=voltage_kV, **optics)
    sources = _sources(species, folder)
    library = _library(sources, volume.voxel_size_A)
    searched = None if region is None else _region(region, volume.voxel_size_A)
    matcher = Matcher(
        volume, known.geometry, optics=known.optics, voltage_kV=known.voltage_kV,
        settings=settings, region=searched, device=device,
    )  # fmt: skip
    parts = out.with_name(f"{out.name}.parts")
    with reporting("match") as report:
        found = search(matcher, volume, library, parts, symmetry=symmetry, report=report)
    picks = to_picks(found, matcher)
    write_picks(out, picks, matcher.shape, matcher.voxel_size_A, tomogram=tomogram.stem)
    options = {
        **asdict(settings), "method": method, "species": species, "symmetry": symmetry, **optics,
        "voltage_kV": known.voltage_kV, "voxel_size_A": volume.voxel_size_A,
    }  # fmt: skip
    inputs = [tomogram, angles, region, *map(Path, sources)]
    noise = {item.name: {"sigma": item.sigma, "cutoff": item.cutoff} for item in found}
    record_manifest(out, "match", options, inputs, noise)
    shutil.rmtree(parts, ignore_errors=True)
    for item in found:
        count, cutoff = picks.species.count(item.name), item.cutoff
        print(f"{item.name}: {count}, correlation above {cutoff:.3f} ({cutoff / item.sigma:.1f} σ)")


def _region(path: Path, voxel_size_A: float) -> "NDArray[np.bool_]":
    from faket.io.mrc import check_mask_voxels, read_mask

    check_mask_voxels(path, voxel_size_A)
    return read_mask(path) > 0


def _sources(species: list[str], folders: tuple[Path, ...]) -> list[str]:
    """Return where each molecule is: a folder of `faket species`, a file, or synthetic:NAME."""
    from faket.io.structure_files import find_structure
    from faket.structures import SYNTHETIC_SPECIES

    if species == ["synthetic"]:
        return [f"synthetic:{name}" for name in SYNTHETIC_SPECIES]
    return [
        item
        if item.startswith("synthetic:") or Path(item).is_dir()
        else str(find_structure(item, folders=folders))
        for item in species
    ]


def _library(sources: list[str], voxel_size_A: float) -> "list[Species]":
    from faket.io.molecules import load_species
    from faket.io.specimen_files import read_species

    library = [
        read_species(Path(source))
        if Path(source).is_dir()
        else load_species(source, voxel_size_A=voxel_size_A)
        for source in sources
    ]
    names = [item.name for item in library]
    if not names or len(set(names)) < len(names):
        raise InputError(
            f"match: expected species of distinct names, found {', '.join(names) or 'none'}"
        )
    print_species_notices(library)
    return library
