"""From a recipe to a labelled data set on disk, tomogram by tomogram, resumable."""

import json
import shutil
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from faket.data import Species
from faket.errors import InputError
from faket.evaluation import contrast_sign
from faket.io.acquisition import write_acquisition
from faket.io.atomic import atomic_folder, atomic_path, require_space
from faket.io.folder_lock import folder_lock
from faket.io.leftovers import holds_nothing
from faket.io.manifest import read_manifest, sha256_of, write_manifest
from faket.io.style_profile import save_style_profile
from faket.io.tilts import write_tilt_series
from faket.io.verification import MANIFEST, check_folder
from faket.noise import NoiseProfile
from faket.pipeline.clock import Clock
from faket.pipeline.executors import Report, make_all
from faket.pipeline.library import load_library, specimen_config
from faket.pipeline.likeness import reference_model
from faket.pipeline.methods import (
    MODEL_FILE,
    NO_REFERENCE,
    NOISE_FILE,
    STYLE_FILE,
    Plan,
    load_recipe_network,
    needs_model,
    network_weights,
    read_noise,
)
from faket.pipeline.notices import model_notices, placement_notice, tomogram_notice
from faket.pipeline.recipe import Recipe
from faket.pipeline.reference import (
    Reference,
    check_references,
    chosen_microscope,
    input_files,
    prepare_reference,
    tilt_angles,
)
from faket.pipeline.versions import check_versions
from faket.style import FeatureNetwork, StyleProfile


@dataclass(frozen=True)
class Dataset:
    """A finished data set."""

    folder: Path
    models: tuple[Path, ...]


def generate(
    recipe: Recipe,
    out: Path,
    *,
    executor: Literal["local"] = "local",
    workers: int = 1,
    report: Report | None = None,
) -> Dataset:
    """Make the data set of a recipe.

    Parameters
    ----------
    recipe : Recipe
    out : Path
        Folder to write: ``reference_N/`` and one ``model_N/`` a tomogram in SHREC'21's layout,
        with a manifest each. Finished parts of an interrupted run of the same recipe are kept.
    executor : "local"
        Processes on this machine.
    workers : int
        Tomograms made at the same time. The bytes do not depend on it; memory does.
    report : callable, optional
        Called with (what is being done, tomograms finished, tomograms in all).

    Returns
    -------
    Dataset

    Raises
    ------
    InputError
        If the recipe or a file it names cannot be used, ``out`` holds another data set, or one of
        another version of faket, or a damaged file, or another run is at work in it.
    """
    if executor != "local":
        raise InputError(f"executor: expected 'local', found {executor!r}")
    if workers < 1:
        raise InputError(f"workers: expected at least 1, found {workers}")
    say = report or (lambda what, done, total: None)
    if out.exists() and not out.is_dir():
        raise InputError(f"{out}: expected a folder, found a file; choose another name")
    with folder_lock(out, notice=lambda what: say(what, 0, 0)):
        _check_place(recipe, out)
        todo = [i for i in range(recipe.tomograms) if not _is_finished(out, i)]
        made = check_finished(out) if _is_own(recipe, out) else {}
        if todo:
            check_versions({path: manifest["software"] for path, manifest in made.items()}, say)
        plan = _prepare(recipe, out, made, say)
        finished = recipe.tomograms - len(todo)
        with closing(make_all(plan, todo, workers, say)) as models:
            for done, index in enumerate(models, start=finished + 1):
                say(f"model_{index} finished", done, recipe.tomograms)
                for notice in _left_out(out / f"model_{index}"):
                    say(notice, 0, 0)
    return Dataset(out, tuple(out / f"model_{i}" for i in range(recipe.tomograms)))


def check_finished(out: Path) -> dict[Path, dict[str, Any]]:
    """Return the manifests of a data set's finished parts, none of which has been damaged.

    Raises
    ------
    InputError
        Naming a file that differs from what was written.
    """
    folders = sorted(path.parent for path in out.glob(f"*/{MANIFEST}"))
    for folder in folders:
        check_folder(folder, f"remove the folder {folder}, the same command makes it again")
    return {folder: read_manifest(folder / MANIFEST) for folder in folders}


def _left_out(model: Path) -> list[str]:
    record = read_manifest(model / MANIFEST)["record"]
    return placement_notice(model.name, record["requested"], record["placed"])


def _check_place(recipe: Recipe, out: Path) -> None:
    """Refuse a folder that belongs to another recipe, or a disk that is too small."""
    claimed = (out / "recipe.json").exists()
    if claimed and not _is_own(recipe, out) and any(out.glob("model_*")):
        raise InputError(
            f"{out}: expected an empty folder or one of the same recipe, found another recipe's "
            "data; choose another folder"
        )
    if not claimed and not holds_nothing(out):
        raise InputError(f"{out}: expected an empty folder, found files; choose another folder")
    todo = sum(not _is_finished(out, index) for index in range(recipe.tomograms))
    require_space(out, todo * _model_bytes(recipe))


def _claim(recipe: Recipe, out: Path) -> None:
    """Make the folder this recipe's own: not before all that it names has proved usable."""
    if _is_own(recipe, out):
        return
    for folder in out.glob("reference_*"):  # of a recipe that made no tomogram
        shutil.rmtree(folder)
    with atomic_path(out / "recipe.json") as temporary:
        temporary.write_bytes(_stamp(recipe))


def _stamp(recipe: Recipe) -> bytes:
    return (json.dumps(recipe.model_dump(mode="json"), indent=1) + "\n").encode()


def _is_own(recipe: Recipe, out: Path) -> bool:
    stamp = out / "recipe.json"
    return stamp.exists() and stamp.read_bytes() == _stamp(recipe)


def _check_inputs(files: tuple[Path, ...], made: Mapping[Path, dict[str, Any]]) -> None:
    """Refuse to mix: what is finished must have been made from the files as they are now."""
    now = sorted(sha256_of(file) for file in files) if made else []
    for folder, manifest in made.items():
        then = sorted(entry["sha256"] for entry in manifest["inputs"])
        if then != now:
            raise InputError(
                f"{folder}: expected to have been made from the recipe's input files as they "
                "are now, found that a file has changed since; choose another folder"
            )


def _is_finished(out: Path, index: int) -> bool:
    return (out / f"model_{index}" / MANIFEST).exists()


def _prepare(recipe: Recipe, out: Path, made: Mapping[Path, dict[str, Any]], say: Report) -> Plan:
    # Whatever can be wrong is found before anything takes long.
    microscope = chosen_microscope(recipe.microscope)
    angles_deg = tilt_angles(recipe)
    check_references(recipe)
    files = input_files(recipe)
    say(tomogram_notice(recipe), 0, 0)
    weights = network_weights(recipe)
    say("loading molecules", 0, recipe.tomograms)
    library = load_library(recipe)
    for species in library:
        for notice in species.report.notices:
            say(f"{species.name}: {notice}", 0, 0)
    specimen = specimen_config(recipe, library)
    profile = None
    if recipe.method not in NO_REFERENCE:
        profile = _prepare_references(recipe, library, weights, files, out, say)
    _claim(recipe, out)
    _check_inputs(files, made)
    return Plan(recipe, library, specimen, angles_deg, microscope, profile, weights, files, out)


def _prepare_references(
    recipe: Recipe,
    library: tuple[Species, ...],
    weights: Path | None,
    inputs: tuple[Path, ...],
    out: Path,
    say: Report,
) -> NoiseProfile:
    """Prepare all references and return their average noise, as FakET averages it."""
    profiles, n = [], len(recipe.reference)
    for index in range(n):
        which = f"reference {index + 1} of {n}" if n > 1 else "the reference"
        say(f"preparing {which}", 0, recipe.tomograms)
        profiles.append(_stored_reference(recipe, library, weights, inputs, out, index, say))
    if n == 1:
        return profiles[0]
    return NoiseProfile.average([profile.polynomial() for profile in profiles])


def _stored_reference(
    recipe: Recipe,
    library: tuple[Species, ...],
    weights: Path | None,
    inputs: tuple[Path, ...],
    out: Path,
    index: int,
    say: Report,
) -> NoiseProfile:
    """Prepare a reference once; a later run of the same recipe reads it."""
    folder = out / f"reference_{index}"
    if not (_is_own(recipe, out) and (folder / MANIFEST).exists()):
        clock = Clock()
        with clock.stage("preparation"):
            reference = prepare_reference(recipe, library, index)
        if contrast_sign(reference.series.images).sign == "inverted":
            say(f"{reference.source}: protein is bright; set `reference.invert` = true", 0, 0)
        _claim(recipe, out)
        with atomic_folder(folder, overwrite=True) as temporary:
            write_tilt_series(temporary / "projections.mrc", reference.series)
            if reference.record is not None:
                write_acquisition(temporary / "acquisition.json", reference.record)
            notices = [*reference.notices]
            text = json.dumps(reference.profile.to_dict(), indent=1) + "\n"
            (temporary / NOISE_FILE).write_text(text)
            if needs_model(recipe):
                notices += _write_model(recipe, reference, temporary / MODEL_FILE)
            for notice in notices:
                say(notice, 0, 0)
            if network := load_recipe_network(recipe, weights):
                style = _measure_style(reference, network)
                save_style_profile(style, temporary / STYLE_FILE)
            write_manifest(
                temporary / MANIFEST,
                kind="reference",
                settings=recipe.model_dump(mode="json"),
                seed=recipe.seed,
                record={
                    "source": reference.source,
                    "noise": reference.profile.estimate,
                    "notices": notices,
                    "left_out": reference.left_out,
                },
                inputs=inputs,
                outputs=sorted(temporary.iterdir()),
                run={"stages": clock.stages},
            )
    return read_noise(folder)


def _measure_style(reference: Reference, network: FeatureNetwork) -> StyleProfile:
    geometry = reference.series.geometry
    return StyleProfile.measure(
        reference.series.images,
        network=network,
        angles_deg=geometry.angles_deg,
        pixel_size_A=geometry.pixel_size_A,
    )


def _write_model(recipe: Recipe, reference: Reference, path: Path) -> list[str]:
    """Measure what the spectral method needs of the images alone, as of a user's reference.

    Returns what one should know of it.
    """
    known = recipe.reference
    model = reference_model(
        reference.series,
        defocus_um=known.defocus_um,
        dose_e_per_A2=known.dose_e_per_A2,
        counted=reference.counted,
    )
    path.write_text(json.dumps(model.to_dict()) + "\n")
    return model_notices(model, dose_e_per_A2=known.dose_e_per_A2, counted=reference.counted)


def _model_bytes(recipe: Recipe) -> int:
    """Size of one model on disk: two stacks, two volumes, two masks."""
    x, y, z = recipe.specimen.size_voxels
    volume = x * y * z // recipe.reconstruction.binning**3
    return 8 * x * y * len(tilt_angles(recipe)) + 12 * volume
