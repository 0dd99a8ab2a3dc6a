"""Stages up to the images: species, specimen, project, acquire; files to files."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from faket.cli.common import (
    Flag,
    Positive,
    Seed,
    Where,
    record_manifest,
    refuse_unused,
    say_notices,
    tilt_angles,
)
from faket.cli.outputs import OutExposure, OutFolder, OutStack
from faket.io.model_folder import ANGLES, CLASS_MASK, POTENTIAL

if TYPE_CHECKING:
    from faket.data import Species


def species(
    sources: list[str],
    /,
    *,
    out: OutFolder,
    voxel_size_A: Positive = 5.0,
    contour: float | None = None,
    mean_potential_V: Positive | None = None,
    map_voxel_size_A: Positive | None = None,
    assembly: str | None = None,
    folder: Annotated[tuple[Path, ...], Parameter(negative=())] = (),
) -> None:
    """Turn molecules into potentials above ice, one folder each.

    Parameters
    ----------
    sources
        PDB, mmCIF or MRC files (.gz too), PDB ids, synthetic:NAME, or "synthetic" for the whole
        embedded library.
    out
        Folder to write; each molecule gets a folder of its name in it.
    voxel_size_A
        Voxel size in Å.
    contour
        For maps: contour level, in the map's units.
    mean_potential_V
        For maps: mean potential above ice inside the contour, in V. [default: 3.33]
    map_voxel_size_A
        For maps: voxel size in Å, instead of that in the header.
    assembly
        For atoms: biological assembly to expand, "deposited" for none. [default: 1 or the first]
    folder
        Where PDB ids are looked up before the cache and the network.
    """
    from faket.io.atomic import atomic_folder
    from faket.io.molecules import kind_of, load_species, used_options
    from faket.io.specimen_files import write_species
    from faket.io.structure_files import find_structure
    from faket.structures import SYNTHETIC_SPECIES

    if sources == ["synthetic"]:
        sources = [f"synthetic:{name}" for name in SYNTHETIC_SPECIES]
    embedded = [source.startswith("synthetic:") for source in sources]
    found = [
        source if built_in else find_structure(source, folders=folder)
        for source, built_in in zip(sources, embedded, strict=True)
    ]
    given = {
        "contour": contour,
        "mean_potential_V": mean_potential_V,
        "map_voxel_size_A": map_voxel_size_A,
        "assembly": assembly,
    }
    used = [used_options(kind_of(source)) for source in found]
    unused = {name: value for name, value in given.items() if not any(name in u for u in used)}
    refuse_unused("for these molecules", **unused)
    for source, built_in, names in zip(found, embedded, used, strict=True):
        settings: dict[str, Any] = {name: given[name] for name in names}
        molecule = load_species(source, voxel_size_A=voxel_size_A, **settings)
        with atomic_folder(out / molecule.name) as finished:  # appears with its manifest
            write_species(finished, molecule)
            record_manifest(
                finished,
                "species",
                {"voxel_size_A": voxel_size_A, **given},
                [None if built_in else Path(source)],
                {
                    "source": molecule.source,
                    "facts": dict(molecule.report.facts),
                    "notices": list(molecule.report.notices),
                },
            )
        _print_report(out / molecule.name, molecule)


def _print_report(folder: Path, molecule: "Species") -> None:
    """Print the facts to check of a molecule, one per line."""
    print(f"{folder}: {molecule.source}")
    for name, value in molecule.report.facts.items():
        shown = f"{value:.4g}" if isinstance(value, float) else str(value)
        print(f"  {name.replace('_', ' ')}: {shown}")
    say_notices([molecule])


def specimen(recipe: Path, out: OutFolder, /, *, seed: Seed | None = None) -> None:
    """Place and paint the specimen of a recipe: potential, masks and particles.

    Parameters
    ----------
    recipe
        TOML file; only its species and specimen sections are used.
    out
        Folder to write.
    seed
        Instead of the recipe's.
    """
    from faket.io.atomic import atomic_folder, require_free_folder
    from faket.io.specimen_files import write_specimen
    from faket.pipeline.library import load_library, specimen_config
    from faket.pipeline.recipe import read_recipe
    from faket.specimen import paint_specimen, place_particles

    require_free_folder(out)
    settings = read_recipe(recipe)
    library = load_library(settings)
    say_notices(library)
    chosen = settings.seed if seed is None else seed
    config = specimen_config(settings, library)
    placement = place_particles(config, library, seed=chosen)
    painted = paint_specimen(config, library, placement.particles)
    settings_used = {**settings.model_dump(mode="json"), "seed": chosen}
    counts = {"requested": dict(placement.requested), "placed": placement.placed}
    with atomic_folder(out) as folder:  # appears with its manifest
        write_specimen(folder, painted)
        record_manifest(folder, "specimen", settings_used, [recipe], counts)
    for name, wanted in placement.requested.items():
        print(f"{name}: {placement.placed[name]} of {wanted} placed")


def project(
    specimen: Path,
    out: OutStack,
    /,
    *,
    angles: Path | None = None,
    start_deg: float = -60.0,
    stop_deg: float = 60.0,
    step_deg: Positive = 2.0,
    voxel_size_A: Positive | None = None,
    device: Where = "auto",
) -> None:
    """Project a specimen (or any potential) without noise: minus its line integrals, V·Å.

    Parameters
    ----------
    specimen
        Folder of `faket specimen`, or an MRC volume in volts.
    out
        MRC stack to write; the angles go beside it as .tlt.
    angles
        .tlt file of tilt angles, instead of start, stop and step.
    start_deg
        First tilt angle, degrees.
    stop_deg
        Last tilt angle, degrees.
    step_deg
        Step, degrees.
    voxel_size_A
        Voxel size of the specimen in Å, instead of that in the header.
    device
        Where to compute.
    """
    import numpy as np

    from faket.data import TiltGeometry, TiltSeries
    from faket.io.mrc import read_volume
    from faket.io.tilts import write_tilt_series
    from faket.projection import project as project_volume

    path = specimen / POTENTIAL if specimen.is_dir() else specimen
    volume = read_volume(path, voxel_size_A=voxel_size_A)
    geometry = TiltGeometry(tilt_angles(angles, start_deg, stop_deg, step_deg), volume.voxel_size_A)
    images = project_volume(volume.data, geometry.angles_deg, device=device)
    images *= np.float32(-volume.voxel_size_A)
    write_tilt_series(out, TiltSeries(images, geometry))
    settings = {"angles_deg": geometry.angles_deg.tolist(), "voxel_size_A": volume.voxel_size_A}
    record_manifest(out, "project", settings, [path], beside=[out.with_suffix(ANGLES)])


def acquire(
    specimen: Path,
    out: OutExposure,
    /,
    *,
    preset: str | None = None,
    recipe: Path | None = None,
    record: Path | None = None,
    seed: Seed = 0,
    angles: Path | None = None,
    halves: Flag = False,
    keep: Annotated[
        tuple[Literal["potential", "exit_wave", "intensity", "counts"], ...],
        Parameter(negative=()),
    ] = (),
    match: Path | None = None,
    device: Where = "auto",
) -> None:
    """Take a tilt-series of a specimen with the simulated microscope.

    Parameters
    ----------
    specimen
        Folder of `faket specimen`.
    out
        MRC stack to write; beside it go angles (.tlt), shifts, dose and order (.csv) and the
        record of all that was drawn (.json).
    preset
        The microscope: shrec21, k3-60x3 or czii-45x3. [default: shrec21]
    recipe
        Take the microscope section of this recipe instead of a preset.
    record
        Replay this record (.json of an earlier acquisition) to the same bytes.
    seed
        Seed of defocus, dose and all noise.
    angles
        .tlt file of tilt angles; the preset's by default.
    halves
        Count odd and even frames apart, and write them as OUT_odd.mrc and OUT_even.mrc too.
    keep
        Stages to write as well, as OUT_STAGE.mrc.
    match
        MRC stack; the images are given its amplitudes, frequency by frequency.
    device
        Where to compute.
    """
    from faket.cli.acquisition import drawn_record, write_exposure
    from faket.cli.progress import reporting
    from faket.io.mrc import read_stack
    from faket.io.specimen_files import read_specimen
    from faket.microscope import expose

    sample = read_specimen(specimen, instances=False)
    pixel_A = sample.potential.voxel_size_A
    dice = drawn_record(pixel_A, preset, recipe, record, angles, seed)
    reference = None if match is None else read_stack(match, pixel_size_A=pixel_A)[0]
    with reporting("acquire") as report:
        exposure = expose(
            sample,
            dice,
            device=device,
            keep=keep,
            halves=halves,
            reference=reference,
            progress=lambda place: report("tilts", place + 1, len(dice)),
        )
    beside = write_exposure(out, exposure)
    settings = {"seed": dice.seed, "halves": halves}  # all else is in the record
    inputs = [specimen / POTENTIAL, specimen / CLASS_MASK, match]
    record_manifest(out, "acquire", settings, inputs, dice.to_dict(), beside)
