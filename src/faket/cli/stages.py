"""One command a stage, files to files, so that anyone's own data can enter anywhere."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from cyclopts import Parameter
from cyclopts.validators import Number

from faket.errors import InputError

Positive = Annotated[float, Parameter(validator=Number(gt=0))]
Count = Annotated[int, Parameter(validator=Number(gte=1))]
Seed = Annotated[int, Parameter(validator=Number(gte=0))]
Flag = Annotated[bool, Parameter(negative=())]


def species(
    sources: list[str],
    /,
    *,
    out: Path,
    voxel_size_A: Positive = 5.0,
    contour: float | None = None,
    mean_potential_V: Positive | None = None,
    folder: tuple[Path, ...] = (),
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
    folder
        Where PDB ids are looked up before the cache and the network.
    """
    from faket.io.specimen_files import write_species
    from faket.io.structure_files import find_structure
    from faket.structures import SYNTHETIC_SPECIES, load_species

    if sources == ["synthetic"]:
        sources = [f"synthetic:{name}" for name in SYNTHETIC_SPECIES]
    out.mkdir(parents=True, exist_ok=True)
    for source in sources:
        embedded = source.startswith("synthetic:")
        found = Path(source) if embedded else find_structure(source, folders=folder)
        molecule = load_species(
            source if embedded else found,
            voxel_size_A=voxel_size_A,
            contour=contour,
            mean_potential_V=mean_potential_V,
        )
        write_species(out / molecule.name, molecule)
        _manifest(
            out / molecule.name,
            "species",
            {
                "voxel_size_A": voxel_size_A,
                "contour": contour,
                "mean_potential_V": mean_potential_V,
            },
            [None if embedded else found],
            {"source": molecule.source},
        )
        print(f"{out / molecule.name}: {molecule.source}")


def specimen(recipe: Path, out: Path, /, *, seed: Seed | None = None) -> None:
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
    from faket.io.specimen_files import write_specimen
    from faket.pipeline.library import load_library, specimen_config
    from faket.pipeline.recipe import read_recipe
    from faket.specimen import paint_specimen, place_particles

    settings = read_recipe(recipe)
    library = load_library(settings)
    chosen = settings.seed if seed is None else seed
    config = specimen_config(settings, library)
    placement = place_particles(config, library, seed=chosen)
    write_specimen(out, paint_specimen(config, library, placement.particles))
    settings_used = {**settings.model_dump(mode="json"), "seed": chosen}
    counts = {"requested": dict(placement.requested), "placed": placement.placed}
    _manifest(out, "specimen", settings_used, [recipe], counts)
    for name, wanted in placement.requested.items():
        print(f"{name}: {placement.placed[name]} of {wanted} placed")


def project(
    specimen: Path,
    out: Path,
    /,
    *,
    angles: Path | None = None,
    start_deg: float = -60.0,
    stop_deg: float = 60.0,
    step_deg: Positive = 2.0,
    device: Literal["auto", "cpu", "cuda"] = "auto",
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
    device
        Where to compute.
    """
    from faket.data import TiltGeometry, TiltSeries
    from faket.io.mrc import read_volume
    from faket.io.tilts import write_tilt_series
    from faket.projection import project as project_volume

    path = specimen / "potential.mrc" if specimen.is_dir() else specimen
    volume = read_volume(path)
    geometry = TiltGeometry(_angles(angles, start_deg, stop_deg, step_deg), volume.voxel_size_A)
    images = project_volume(volume.data, geometry.angles_deg, device=device)
    images *= np.float32(-volume.voxel_size_A)
    write_tilt_series(out, TiltSeries(images, geometry))
    _manifest(out, "project", {"angles_deg": geometry.angles_deg.tolist()}, [path])


def acquire(
    specimen: Path,
    out: Path,
    /,
    *,
    preset: str = "shrec21",
    recipe: Path | None = None,
    record: Path | None = None,
    seed: Seed = 0,
    angles: Path | None = None,
    halves: Flag = False,
    keep: tuple[Literal["potential", "exit_wave", "intensity", "counts"], ...] = (),
    match: Path | None = None,
    device: Literal["auto", "cpu", "cuda"] = "auto",
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
        The microscope: shrec21, k3-60x3 or czii-45x3.
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
        MRC stack whose ring amplitudes the images shall have.
    device
        Where to compute.
    """
    from faket.cli.acquisition import drawn_record, write_exposure
    from faket.cli.progress import reporting
    from faket.io.mrc import read_stack
    from faket.io.specimen_files import read_specimen
    from faket.microscope import expose

    sample = read_specimen(specimen)
    pixel_A = sample.potential.voxel_size_A
    dice = drawn_record(pixel_A, preset, recipe, record, angles, seed)
    reference = None if match is None else read_stack(match)[0]
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
    write_exposure(out, exposure)
    settings = {"seed": seed, "preset": preset, "halves": halves}
    _manifest(out, "acquire", settings, [specimen / "potential.mrc", match], dice.to_dict())


def noise(
    clean: Path,
    reference: Path,
    out: Path,
    /,
    *,
    method: Literal["noisy", "baseline", "content"] = "noisy",
    reference_clean: Path | None = None,
    clean_angles: Path | None = None,
    reference_angles: Path | None = None,
    seed: Seed = 0,
) -> None:
    """Add the reference's noise to noiseless projections.

    Parameters
    ----------
    clean
        MRC stack without noise, protein dark; its .tlt beside it.
    reference
        MRC stack to look like; its .tlt beside it.
    out
        MRC stack to write.
    method
        noisy: noise follows the tilt. baseline: it does not. content: a quarter of noisy.
    reference_clean
        Noiseless twin of the reference; without one the noise is estimated blind.
    clean_angles
        .tlt of the clean stack, if it is elsewhere.
    reference_angles
        .tlt of the reference, if it is elsewhere.
    seed
        Seed of the noise field.
    """
    import faket.noise as recipes
    from faket.data import TiltSeries
    from faket.io.mrc import read_stack
    from faket.io.tilts import read_tilt_series, write_tilt_series

    series = read_tilt_series(clean, clean_angles or clean.with_suffix(".tlt"))
    target = read_tilt_series(reference, reference_angles or reference.with_suffix(".tlt"))
    twin = None if reference_clean is None else read_stack(reference_clean)[0]
    profile = recipes.estimate_noise(target.images, twin, angles_deg=target.geometry.angles_deg)
    make = {"noisy": recipes.noisy, "baseline": recipes.baseline, "content": recipes.content}
    angles_deg = series.geometry.angles_deg
    images = make[method](series.images, profile, seed=seed, angles_deg=angles_deg)
    write_tilt_series(out, TiltSeries(images, series.geometry))
    inputs = [clean, reference, reference_clean]
    _manifest(out, "noise", {"method": method, "seed": seed}, inputs, profile.to_dict())


def style(
    content: Path,
    initial: Path,
    style: Path,
    out: Path,
    /,
    *,
    network: Literal["vgg19", "vgg19-random"] = "vgg19",
    weights: Path | None = None,
    iterations: Count = 1,
    seed: Seed = 0,
    device: Literal["auto", "cpu", "cuda"] = "auto",
) -> None:
    """Push a stack towards the style of a reference (neural style transfer, tilt by tilt).

    Parameters
    ----------
    content
        MRC stack whose content is kept (`faket noise --method content`); .tlt beside it.
    initial
        MRC stack to start from (`faket noise --method noisy`).
    style
        MRC stack to look like; .tlt beside it.
    out
        MRC stack to write.
    network
        vgg19 needs trained weights; vgg19-random is the paper's untrained ablation.
    weights
        vgg19-dcbb9e9d.pth of torchvision; looked for in torch's cache, then downloaded.
    iterations
        Steps of Adam; the paper takes one.
    seed
        Seed of the untrained network.
    device
        Where to compute.
    """
    from faket.cli.progress import reporting
    from faket.data import TiltSeries
    from faket.io.mrc import read_stack
    from faket.io.tilts import read_tilt_series, write_tilt_series
    from faket.io.weights import find_vgg19_weights, load_vgg19_weights
    from faket.style import load_network, transfer_style

    kept = read_tilt_series(content, content.with_suffix(".tlt"))
    start, _ = read_stack(initial)
    target = read_tilt_series(style, style.with_suffix(".tlt"))
    if network == "vgg19":
        trained = load_vgg19_weights(find_vgg19_weights(weights))
        features = load_network("vgg19", weights=trained)
    else:
        features = load_network("vgg19-random", seed=seed)
    with reporting("style") as report:
        images = transfer_style(
            kept.images,
            start,
            target.images,
            network=features,
            iterations=iterations,
            angles_deg=kept.geometry.angles_deg,
            style_angles_deg=target.geometry.angles_deg,
            device=device,
            progress=_ticker(report),
        )
    write_tilt_series(out, TiltSeries(images, kept.geometry))
    settings = {"network": network, "iterations": iterations, "seed": seed}
    _manifest(out, "style", settings, [content, initial, style, weights])


def reconstruct(
    stack: Path,
    out: Path,
    /,
    *,
    depth: Count,
    angles: Path | None = None,
    binning: Count = 1,
    filter: Literal["ramp", "hamming", "shrec"] = "ramp",
    normalize: Literal["none", "mean", "contrast"] = "mean",
    taper: int = 16,
    device: Literal["auto", "cpu", "cuda"] = "auto",
) -> None:
    """Reconstruct a tomogram by weighted back-projection.

    Parameters
    ----------
    stack
        MRC tilt-series, aligned, tilt axis along y.
    out
        MRC volume to write.
    depth
        Slices of the tomogram, in binned voxels.
    angles
        .tlt file; the one beside the stack by default.
    binning
        Bin the images first, by cropping their spectra.
    filter
        ramp, hamming (ramp with a Hamming window), or shrec (that of FakET's reconstructions).
    normalize
        Of each image: none, mean (subtracted), or contrast (and divided by it).
    taper
        Binned pixels over which the edges of the images fade out.
    device
        Where to compute.
    """
    from faket.io.mrc import write_volume
    from faket.io.tilts import read_tilt_series
    from faket.reconstruction import reconstruct as reconstruct_series

    series = read_tilt_series(stack, angles or stack.with_suffix(".tlt"))
    volume = reconstruct_series(
        series,
        depth=depth,
        binning=binning,
        filter=filter,
        normalize=normalize,
        taper=taper,
        device=device,
    )
    write_volume(out, volume)
    settings = {
        "depth": depth,
        "binning": binning,
        "filter": filter,
        "normalize": normalize,
        "taper": taper,
    }
    _manifest(out, "reconstruct", settings, [stack])


def _angles(
    path: Path | None, start_deg: float, stop_deg: float, step_deg: float
) -> "np.ndarray[tuple[int, ...], np.dtype[np.float64]]":
    from faket.io.tilts import read_tilt_angles

    if path is not None:
        return read_tilt_angles(path)
    if stop_deg < start_deg:
        raise InputError(f"angles: expected start <= stop, found {start_deg:g} and {stop_deg:g}")
    count = int((stop_deg - start_deg) / step_deg + 1e-6) + 1
    return np.asarray(start_deg + step_deg * np.arange(count), np.float64)


def _manifest(
    out: Path,
    kind: str,
    settings: dict[str, Any],
    inputs: Sequence[Path | None],
    record: dict[str, Any] | None = None,
) -> None:
    """Write beside an output (or into its folder) what it was made of."""
    from faket.io.manifest import write_manifest

    path = out / "manifest.json" if out.is_dir() else out.with_suffix(".manifest.json")
    outputs = sorted(p for p in out.rglob("*") if p.is_file()) if out.is_dir() else [out]
    write_manifest(
        path,
        kind=kind,
        settings=settings,
        seed=settings.get("seed"),
        record=record,
        inputs=[item for item in inputs if item is not None and item.is_file()],
        outputs=[item for item in outputs if item != path],
    )


def _ticker(report: Callable[[str, int, int], None]) -> Callable[[int, int], None]:
    return lambda done, total: report("tilts", done, total)
