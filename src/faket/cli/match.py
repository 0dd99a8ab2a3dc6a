"""Template matching, from files to files."""

import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

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

    from faket.data import Species, TiltGeometry
    from faket.microscope import Optics

_USUAL_KV = 300.0
_USUAL_CS_MM = 2.7  # of the microscopes that most tomograms come from
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
        What to look for: PDB, mmCIF or MRC files (.gz too), PDB ids, folders of `faket species`,
        synthetic:NAME, or "synthetic" for the whole embedded library.
    out
        Picks to write, best first: .csv, .star (RELION 5) or .txt (SHREC'21). The score is in
        units of its spread in the tomogram.
    tilts
        .tlt file, or the .csv of `faket acquire`, whose dose is then used; by default the .tlt
        beside the tomogram, or projections_unbinned.csv in a model's folder.
    record
        .json of `faket acquire`: angles, dose, and the lens of each tilt.
    defocus_um
        Underfocus of all tilts in µm, up to 30, to weigh templates with the contrast transfer; a
        record has its own.
    voltage_kV
        Acceleration voltage, of lens and radiation damage where these are known. [default: the
        record's, or 300]
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
        Remove waves longer than this; 0: none. [default: 400 for tm-f, 0 for tm]
    false_positives
        How many are expected at most in noise, all molecules together; sets the cut-off.
    exclusion
        Radius around a pick in which there is no other, in radii of its particle.
    symmetry
        Of all molecules instead of their own, about the axes of their files: C2, D7, O, …
    protein
        How protein looks in the tomogram: dark or bright.
    region
        MRC mask; only where it is not 0 are particles looked for.
    folder
        Where PDB ids are looked up before the cache and the network.
    voxel_size_A
        Of the tomogram, instead of what the header says, Å.
    memory_GB
        For the search; less cuts the tomogram into more parts.
    device
        Where to compute.
    """
    from faket.cli.progress import reporting
    from faket.io.mrc import read_volume
    from faket.io.picks import write_picks
    from faket.io.verification import check_intact
    from faket.pickers.match import search, to_picks
    from faket.picking.template_matching import TM, TM_F, Matcher

    preset = TM if method == "tm" else TM_F
    settings = replace(
        preset,
        angular_step_deg=angular_step_deg,
        mask=mask,
        wedge=wedge,
        low_pass_A=preset.low_pass_A if low_pass_A is None else low_pass_A,
        high_pass_A=preset.high_pass_A if high_pass_A is None else high_pass_A,
        false_positives=false_positives,
        exclusion=exclusion,
        protein=protein,
        memory_GB=memory_GB,
    )
    check_intact([tomogram])
    volume = read_volume(tomogram, voxel_size_A=voxel_size_A)
    if record is not None and (tilts, defocus_um, voltage_kV) != (None, None, None):
        raise InputError(
            "match: expected --record, or --tilts, --defocus-um and --voltage-kV, found both; the "
            "record tells them all"
        )
    angles = record or tilts or _angles_of(tomogram)
    geometry, optics, recorded_kV = _acquisition(angles)
    kilovolts = recorded_kV if voltage_kV is None else voltage_kV
    if defocus_um is None:
        where = "without --defocus-um"
        refuse_unused(where, spherical_aberration_mm=spherical_aberration_mm)
    else:
        optics = _lens(defocus_um, kilovolts, spherical_aberration_mm)
    sources = _sources(species, folder)
    library = _library(sources, volume.voxel_size_A)
    matcher = Matcher(
        volume,
        geometry,
        optics=optics,
        voltage_kV=kilovolts,
        settings=settings,
        region=None if region is None else _region(region, volume.voxel_size_A),
        device=device,
    )
    parts = out.with_name(f"{out.name}.parts")
    with reporting("match") as report:
        found = search(matcher, volume, library, parts, symmetry=symmetry, report=report)
    picks = to_picks(found, matcher)
    write_picks(out, picks, matcher.shape, matcher.voxel_size_A, tomogram=tomogram.stem)
    record_manifest(
        out,
        "match",
        {
            **asdict(settings),
            "method": method,
            "species": species,
            "symmetry": symmetry,
            "defocus_um": defocus_um,
            "voltage_kV": kilovolts,
            "spherical_aberration_mm": spherical_aberration_mm,
            "voxel_size_A": volume.voxel_size_A,
        },
        [tomogram, angles, region, *(Path(source) for source in sources)],
        {item.name: {"sigma": item.sigma, "cutoff": item.cutoff} for item in found},
    )
    shutil.rmtree(parts, ignore_errors=True)
    for item in found:
        count, cutoff = picks.species.count(item.name), item.cutoff
        print(f"{item.name}: {count}, correlation above {cutoff:.3f} ({cutoff / item.sigma:.1f} σ)")


def _angles_of(tomogram: Path) -> Path:
    """Return the angles that lie with a tomogram."""
    from faket.io.tilts import tilt_angles_beside

    series = tomogram.with_name("projections_unbinned.csv")
    if tomogram.name == "reconstruction.mrc" and series.exists():
        return series
    return tilt_angles_beside(tomogram, option="tilts")


def _region(path: Path, voxel_size_A: float) -> "NDArray[np.bool_]":
    from faket.io.mrc import check_mask_voxels, read_mask

    check_mask_voxels(path, voxel_size_A)
    return read_mask(path) > 0


def _acquisition(path: Path) -> "tuple[TiltGeometry, list[Optics] | None, float]":
    """Angles, dose, lenses and voltage (kV), as far as a record, a table or a list tells them."""
    from faket.data import TiltGeometry
    from faket.io.acquisition import read_acquisition
    from faket.io.tilts import read_tilt_angles, read_tilt_geometry

    if path.suffix.lower() == ".json":
        record = read_acquisition(path)
        optics = [record.optics(i) for i in range(len(record))]
        return record.geometry(), optics, record.microscope.voltage_kV
    if path.suffix.lower() == ".csv":
        return read_tilt_geometry(path), None, _USUAL_KV
    return TiltGeometry(read_tilt_angles(path), 1.0), None, _USUAL_KV


def _lens(
    defocus_um: float, voltage_kV: float, spherical_aberration_mm: float | None
) -> "list[Optics]":
    from faket.constants import electron_wavelength_A
    from faket.microscope import Optics

    wavelength_A = electron_wavelength_A(voltage_kV)
    cs_mm = _USUAL_CS_MM if spherical_aberration_mm is None else spherical_aberration_mm
    return [Optics(wavelength_A, defocus_um * 1e4, cs_mm * 1e7)]


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
