"""Template matching, from files to files."""

import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from faket.cli.common import (
    Positive,
    Where,
    record_manifest,
    refuse_unused,
    say_notices,
)
from faket.cli.outputs import OutPicks
from faket.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from faket.data import Species

NotNegativeNumber = Annotated[float, Parameter(validator=Number(gte=0))]


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
    """Find particles by template matching. Run again, it continues with the next molecule.

    Parameters
    ----------
    tomogram
        MRC volume, protein dark, tilt axis along y.
    species
        Molecules to search for: PDB, mmCIF or MRC files (.gz too), PDB ids, folders of
        `faket species`, synthetic:NAME, or "synthetic" for the whole embedded library.
    out
        Picks to write, best first: .csv, .star (RELION 5) or .txt (SHREC'21). The score is in
        units of its spread in the tomogram.
    tilts
        .tlt file, or the .csv of `faket acquire`, whose dose is then used; by default the .tlt
        beside the tomogram, or projections_unbinned.csv in a model's folder.
    record
        .json of `faket acquire`: angles, dose, and the optics of each tilt.
    defocus_um
        Underfocus of all tilts in µm, up to 30: templates are then given the contrast transfer. A
        record has its own.
    voltage_kV
        Acceleration voltage, for contrast transfer and radiation damage where these are known.
        [default: the record's, or 300]
    spherical_aberration_mm
        Cs, with --defocus-um. [default: 2.7]
    angular_step_deg
        Step of the orientations, degrees.
    method
        tm: the data as they are. tm-f: tomogram and templates whitened and band-passed.
    mask
        sphere, or shape (the molecule's envelope; three times the work).
    wedge
        per-tilt, binary or none.
    low_pass_A
        Remove details smaller than this; 0: none. [default: 25 for tm-f, 0 for tm]
    high_pass_A
        Remove variations longer than this; 0: none. [default: 400 for tm-f, 0 for tm]
    false_positives
        False positives expected at most in noise, all molecules together; this sets the cut-off.
    exclusion
        Radius around a pick in which there is no other, in radii of its particle.
    symmetry
        Of all molecules instead of their own, about the axes of their files: C2, D7, O, …
    protein
        How protein looks in the tomogram: dark or bright.
    region
        MRC mask; particles are searched only where it is not 0.
    folder
        Where PDB ids are looked up before the cache and the network.
    voxel_size_A
        Voxel size of the tomogram in Å, instead of that in its header.
    memory_GB
        For the search; less cuts the tomogram into more parts.
    device
        Where to compute.
    """
    from faket.cli.progress import reporting
    from faket.io.mrc import read_volume
    from faket.io.picks import write_picks
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
    volume = read_volume(tomogram, voxel_size_A=voxel_size_A)
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
    say_notices(library)
    return library
