"""The references of a recipe: the user's tilt-series, or simulated ones."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from faket.data import (
    AnyArray,
    DoubleArray,
    Species,
    TiltGeometry,
    TiltSeries,
    evenly_spaced_tilts,
)
from faket.errors import InputError
from faket.io.model_folder import GEOMETRY, reference_name
from faket.io.mrc import read_shape, read_stack
from faket.io.tilts import read_tilt_angles, read_tilt_geometry
from faket.methods.notices import coverage_notice
from faket.microscope import (
    PRESET_ANGLES,
    PRESETS,
    AcquisitionRecord,
    Microscope,
    draw_acquisition,
    expose,
)
from faket.noise import NoiseProfile, estimate_noise
from faket.pipeline.foreign_microscope import foreign_formation, foreign_series
from faket.pipeline.library import source_path, specimen_config, subunit_entries
from faket.pipeline.recipe import Recipe, drawn_recipe, recipe_fields
from faket.pipeline.recipe_sections import MicroscopeSection, Tilts
from faket.pipeline.recipe_words import unknown_field
from faket.projection import noise_free_projections
from faket.reconstruction import align
from faket.references.facts import Given
from faket.references.prepare import check_pixel_size, raw_geometry
from faket.references.ready import ready_reference
from faket.references.reference import Reference, open_reference
from faket.seeds import derive
from faket.specimen import build_specimen


@dataclass(frozen=True)
class PreparedReference:
    """A reference at the pixel size of the data, and its noise."""

    series: TiltSeries
    profile: NoiseProfile
    source: str
    record: AcquisitionRecord | None = None  # of our own microscope
    notices: tuple[str, ...] = ()
    counted: bool = True  # whether grey values may be counts of electrons
    independent: bool = True  # whether tilts share no noise, as reprojections do
    left_out: dict[str, Any] = field(default_factory=dict)  # of what was read
    halves: tuple[AnyArray, AnyArray] | None = None


def open_references(recipe: Recipe) -> tuple[Reference, ...]:
    """Open the references that a recipe names; none if they are simulated.

    Raises
    ------
    InputError
        If one cannot be opened.
    """
    section = recipe.reference
    given = Given(
        pixel_size_A=section.pixel_size_A, aligned=section.aligned, invert=section.invert,
        series=section.series,
        angles_option="reference.angles",
    )  # fmt: skip
    if section.run:
        return tuple(open_reference(recipe.at(path), given) for path in section.run)
    paths = section.stack or section.tomogram
    angles: list[Path | None] = [recipe.at(path) for path in section.angles]
    angles = angles or [None] * len(paths)
    given = replace(given, tomogram=bool(section.tomogram))
    return tuple(
        open_reference(recipe.at(path), replace(given, angles=tlt))
        for path, tlt in zip(paths, angles, strict=True)
    )


def tilt_angles(recipe: Recipe, references: Sequence[Reference]) -> DoubleArray:
    """Return the tilt angles of the data: from the recipe, the reference or the preset."""
    tilts = recipe.tilts
    if isinstance(tilts, Tilts) and tilts.file is not None:
        return _read_angles(recipe.at(tilts.file))
    if isinstance(tilts, Tilts):
        return evenly_spaced_tilts(tilts.start_deg, tilts.stop_deg, tilts.step_deg)
    if references:
        return raw_geometry(references[0]).angles_deg
    if tilts is not None:
        raise InputError(
            f"tilts: expected a reference for {tilts!r}, found none; give `reference.run` or "
            "`reference.stack`, or the angles"
        )
    if (foreign := foreign_formation(recipe.microscope)) is not None:
        return foreign.angles_deg
    return np.array(PRESET_ANGLES[_known_preset(recipe.microscope)], np.float64)


def input_files(recipe: Recipe, references: Sequence[Reference]) -> tuple[Path, ...]:
    """Return all files on which the data of a recipe depend, for the manifest."""
    sources = [
        path
        for entry in (*recipe.species, *subunit_entries(recipe))
        if (path := source_path(entry, recipe))
    ]
    files = [
        file for path in sources for file in (sorted(path.iterdir()) if path.is_dir() else [path])
    ]
    if isinstance(recipe.tilts, Tilts) and recipe.tilts.file is not None:
        files.append(recipe.at(recipe.tilts.file))
    for reference in references:
        files += reference.files
    files += [recipe.at(path) for path in recipe.reference.clean]
    if recipe.specimen.neighbours is not None:
        files.append(recipe.at(Path(recipe.specimen.neighbours)))
    if recipe.reconstruction.like is not None:
        files.append(recipe.at(recipe.reconstruction.like))
    return tuple(file for file in dict.fromkeys(files) if file.is_file())


def _known_preset(section: MicroscopeSection) -> str:
    if section.preset not in PRESETS:
        raise InputError(
            f"microscope.preset: expected one of {', '.join(PRESETS)}, found {section.preset!r}; "
            "choose one of them"
        )
    return section.preset


def chosen_microscope(section: MicroscopeSection) -> Microscope:
    """Return the preset with the settings that the recipe changes."""
    preset = PRESETS[_known_preset(section)]
    settings: dict[str, Any] = {
        key: _as_range(value, getattr(preset, key, None)) for key, value in section.settings.items()
    }
    try:
        return replace(preset, **settings)
    except TypeError:
        unknown = next(name for name in settings if not hasattr(preset, name))
        mistake = unknown_field(("microscope", "settings", unknown), recipe_fields())
        raise InputError(f"microscope.settings.{unknown}: {mistake}") from None


def _as_range(value: Any, usual: Any) -> Any:
    """Return a list as a range, and a single number as a range if the preset has a range."""
    if isinstance(usual, tuple) and isinstance(value, int | float) and not isinstance(value, bool):
        return (value, value)
    return tuple(value) if isinstance(value, list) else value


def check_references(recipe: Recipe, references: Sequence[Reference]) -> None:
    """Refuse references that cannot be used, as far as file names and headers show."""
    for index, reference in enumerate(references):
        pixel_size_A = raw_geometry(reference).pixel_size_A
        check_pixel_size(pixel_size_A, recipe.specimen.voxel_size_A, reference.path)
        shape = (reference.images.count, *reference.images.size[::-1])
        clean = recipe.reference.clean
        if clean and read_shape(recipe.at(clean[index])) != shape:
            raise InputError(
                f"{recipe.at(clean[index])}: expected {shape} (tilts, y, x) as in "
                f"{reference.path.name}, found another shape; give the noise-free projections of "
                "this stack"
            )


def prepare_reference(
    recipe: Recipe, library: tuple[Species, ...], references: Sequence[Reference], index: int
) -> PreparedReference:
    """Read one of the user's references, or simulate one, and estimate its noise."""
    if not references:
        return _own_reference(recipe, library, index)
    reference, noise_free = references[index], None
    if recipe.reference.clean:
        noise_free, _ = read_stack(
            recipe.at(recipe.reference.clean[index]), pixel_size_A=recipe.reference.pixel_size_A
        )
    prepared = ready_reference(reference, recipe.specimen.voxel_size_A, noise_free)
    series = prepared.series
    angles_deg = series.geometry.angles_deg
    profile = estimate_noise(
        series.images, prepared.noise_free, angles_deg=angles_deg, halves=prepared.halves
    )
    notices = [f"{reference.path}: {text}" for text in prepared.notices]
    notices += coverage_notice(angles_deg, tilt_angles(recipe, references))
    return PreparedReference(
        series,
        profile,
        reference.path.name,
        notices=tuple(notices),
        counted=prepared.counted,
        independent=not reference.is_tomogram,
        left_out=prepared.left_out,
        halves=prepared.halves,
    )


def _own_reference(recipe: Recipe, library: tuple[Species, ...], index: int) -> PreparedReference:
    """Simulate the tilt-series of another specimen, whose noise-free projections are known."""
    name = reference_name(index)
    recipe, _ = drawn_recipe(recipe, name)
    seed = derive(recipe.seed, name, "specimen")
    specimen = build_specimen(specimen_config(recipe, library), library, seed=seed)
    source = f"faket microscope, preset {recipe.microscope.preset}"
    geometry = TiltGeometry(tilt_angles(recipe, ()), recipe.specimen.voxel_size_A)
    noise_free = noise_free_projections(specimen, geometry.angles_deg).images
    seed = derive(recipe.seed, name, "acquisition")
    if (foreign := foreign_formation(recipe.microscope)) is not None:
        series = foreign_series(foreign, specimen, seed=seed)
        profile = estimate_noise(series.images, noise_free, angles_deg=geometry.angles_deg)
        return PreparedReference(series, profile, source, counted=foreign.counted)
    microscope = chosen_microscope(recipe.microscope)
    record = draw_acquisition(microscope, geometry, seed=seed)
    series = expose(specimen, record).series
    # Aligned like a user's reference: the known shifts are corrected.
    images = align(series.images, series.geometry)
    profile = estimate_noise(images, noise_free, angles_deg=geometry.angles_deg)
    return PreparedReference(TiltSeries(images, geometry), profile, source, record)


def _read_angles(path: Path) -> DoubleArray:
    if path.suffix.lower() == GEOMETRY:
        return read_tilt_geometry(path).angles_deg
    return read_tilt_angles(path)
