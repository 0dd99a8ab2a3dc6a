"""The commands `species`, `specimen`, `project` and `acquire`: from molecules to images."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from faket.cli import messages
from faket.cli.common import (
    Flag,
    Positive,
    Seed,
    Where,
    print_species_notices,
    record_manifest,
    refuse_unused,
    tilt_angles,
)
from faket.cli.outputs import OutExposure, OutFolder, OutStack
from faket.io.model_folder import ANGLES, CLASS_MASK, POTENTIAL, model_name

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
    """Compute the electrostatic potential of molecules, relative to ice; one folder each.

    Parameters
    ----------
    sources
        Molecules: PDB, mmCIF or MRC files (.gz too), PDB ids, or embedded synthetic molecules, as
        synthetic:NAME or "synthetic" for all of them.
    out
        Folder to write. Each molecule gets a subfolder named after it.
    voxel_size_A
        Voxel size of the potentials in Å.
    contour
        For maps: contour level of the molecule's surface, in the map's units.
    mean_potential_V
        For maps: mean potential inside the contour relative to ice, in V. [default: 3.33]
    map_voxel_size_A
        For maps: voxel size in Å, instead of the one in the map's header.
    assembly
        For atomic models: number of the biological assembly to build, or "deposited" for the
        coordinates as deposited. [default: 1, or the first that the file lists]
    folder
        Folder searched for PDB ids before the cache and the internet; may be repeated.
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
    """Print what a user should check of a molecule, one fact a line."""
    print(f"{folder}: {molecule.source}")
    for name, value in molecule.report.facts.items():
        shown = f"{value:.4g}" if isinstance(value, float) else str(value)
        print(f"  {name.replace('_', ' ')}: {shown}")
    print_species_notices([molecule])


def specimen(recipe: Path, out: OutFolder, /, *, seed: Seed | None = None) -> None:
    """Build the labelled specimen of a recipe: potential, masks and list of particles.

    Parameters
    ----------
    recipe
        Recipe (TOML). Only its species and specimen sections are used.
    out
        Folder to write.
    seed
        Seed of positions and orientations, instead of the recipe's.
    """
    from faket.io.atomic import atomic_folder, require_free_folder
    from faket.io.specimen_files import write_specimen
    from faket.pipeline.library import load_library, specimen_config
    from faket.pipeline.notices import neighbours_notice
    from faket.pipeline.recipe import drawn_recipe, read_recipe
    from faket.pipeline.states import with_states
    from faket.specimen import neighbour_facts, paint_specimen, place_particles

    require_free_folder(out)
    settings, _ = drawn_recipe(read_recipe(recipe), model_name(0))
    library = load_library(settings)
    print_species_notices(library)
    chosen = settings.seed if seed is None else seed
    config = specimen_config(settings, library)
    placement = place_particles(config, library, seed=chosen)
    around = placement.membranes, placement.surroundings
    painted = paint_specimen(config, library, placement.particles, *around)
    settings_used = {**settings.model_dump(mode="json"), "seed": chosen}
    facts = neighbour_facts(config, placement.particles, placement.state_of)
    counts = {"requested": dict(placement.requested), "placed": placement.placed}
    with atomic_folder(out) as folder:  # appears with its manifest
        write_specimen(folder, with_states(painted, library))
        record_manifest(folder, "specimen", settings_used, [recipe], counts | {"neighbours": facts})
    for name, wanted in placement.requested.items():
        print(f"{name}: {placement.placed[name]} of {wanted} placed")
    for notice in neighbours_notice(out.name, facts):
        messages.notice(notice)


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
    """Project a specimen, or any potential, without noise.

    The images are minus the line integrals of the potential, in V·Å, so that protein is dark.

    Parameters
    ----------
    specimen
        Folder of `faket specimen`, or an MRC volume in volts.
    out
        MRC stack to write; its tilt angles are written beside it (.tlt).
    angles
        .tlt file of tilt angles, instead of the first, the last and the increment.
    start_deg
        First tilt angle, degrees.
    stop_deg
        Last tilt angle, degrees.
    step_deg
        Increment between tilts, degrees.
    voxel_size_A
        Voxel size of the specimen in Å, instead of the one in its header.
    device
        Processor to use: auto takes a CUDA GPU if there is one.
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
    """Simulate the tilt-series that a microscope would record of a specimen.

    Parameters
    ----------
    specimen
        Folder of `faket specimen`.
    out
        MRC stack to write. Beside it are written tilt angles (.tlt), a table of shifts, dose and
        order (.csv) and a record of everything that was drawn at random (.json).
    preset
        Settings of a microscope: shrec21, k3-60x3 or czii-45x3. [default: shrec21]
    recipe
        Recipe (TOML) whose microscope section is used instead of a preset.
    record
        Record (.json) of an earlier acquisition, to make the same images again.
    seed
        Seed of everything that is drawn at random: defocus, dose, shifts and noise.
    angles
        .tlt file of tilt angles. [default: those of the preset]
    halves
        Also write the images of the odd and of the even frames, as OUT_odd.mrc and OUT_even.mrc.
    keep
        Intermediate images to write as well, as OUT_NAME.mrc.
    match
        MRC stack of the same image size: the Fourier amplitudes of each image are scaled to its
        amplitudes, ring by ring, as SHREC'21 did with an experimental series.
    device
        Processor to use: auto takes a CUDA GPU if there is one.
    """
    from faket.cli.acquisition import drawn_record, write_exposure
    from faket.cli.progress import reporting
    from faket.data import plain_record
    from faket.io.mrc import read_stack
    from faket.io.specimen_files import read_specimen
    from faket.microscope import expose

    sample = read_specimen(specimen, instances=False)
    pixel_A = sample.potential.voxel_size_A
    acquisition = drawn_record(pixel_A, preset, recipe, record, angles, seed)
    reference = None if match is None else read_stack(match, pixel_size_A=pixel_A)[0]
    with reporting("acquire") as report:
        exposure = expose(
            sample,
            acquisition,
            device=device,
            keep=keep,
            halves=halves,
            reference=reference,
            progress=lambda place: report("tilts", place + 1, len(acquisition)),
        )
    beside = write_exposure(out, exposure)
    settings = {"seed": acquisition.seed, "halves": halves}  # all else is in the record
    inputs = [specimen / POTENTIAL, specimen / CLASS_MASK, match]
    record_manifest(out, "acquire", settings, inputs, plain_record(acquisition), beside)
