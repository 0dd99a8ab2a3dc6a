"""The references of a recipe: the user's tilt-series, or simulated ones."""

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
from faket.io.mrc import read_pixel_size, read_shape, read_stack
from faket.io.tilts import (
    read_tilt_angles,
    read_tilt_geometry,
    read_tilt_series,
    tilt_angles_beside,
)
from faket.methods.notices import coverage_notice
from faket.methods.usable import usable_reference
from faket.microscope import (
    PRESET_ANGLES,
    PRESETS,
    AcquisitionRecord,
    Microscope,
    draw_acquisition,
    expose,
)
from faket.noise import NoiseProfile, estimate_noise
from faket.pipeline.library import source_path, specimen_config
from faket.pipeline.notices import pixels_notice
from faket.pipeline.recipe import MicroscopeSection, Recipe, recipe_fields
from faket.pipeline.recipe_words import unknown_field
from faket.projection import noise_free_projections
from faket.reconstruction import align, fourier_crop, resample
from faket.seeds import derive
from faket.specimen import build_specimen

# Chosen: headers round pixel sizes, and magnification is rarely known to better than 2 %.
_SAME_PIXELS = 0.02
# Chosen, because at the edge of 4096 pixels 0.02 % are less than half a pixel from the centre.
_SAME_BINNED = 0.0002


@dataclass(frozen=True)
class Reference:
    """A reference at the pixel size of the data, and its noise."""

    series: TiltSeries
    profile: NoiseProfile
    source: str
    record: AcquisitionRecord | None = None  # of our own microscope
    notices: tuple[str, ...] = ()
    counted: bool = True  # whether grey values may be counts of electrons
    left_out: dict[str, Any] = field(default_factory=dict)  # of what was read


def tilt_angles(recipe: Recipe) -> DoubleArray:
    """Return the tilt angles of the data: from the recipe, the reference or the preset."""
    tilts = recipe.tilts
    if tilts is not None and tilts.file is not None:
        return _read_angles(recipe.at(tilts.file))
    if tilts is not None:
        return evenly_spaced_tilts(tilts.start_deg, tilts.stop_deg, tilts.step_deg)
    if recipe.reference.stack:
        return _read_angles(_angles_path(recipe, 0))
    return np.array(PRESET_ANGLES[_known_preset(recipe.microscope)], np.float64)


def input_files(recipe: Recipe) -> tuple[Path, ...]:
    """Return all files on which the data of a recipe depend, for the manifest."""
    sources = [path for entry in recipe.species if (path := source_path(entry, recipe))]
    files = [
        file for path in sources for file in (sorted(path.iterdir()) if path.is_dir() else [path])
    ]
    reference, tilts = recipe.reference, recipe.tilts
    if tilts is not None and tilts.file is not None:
        files.append(recipe.at(tilts.file))
    for i, stack in enumerate(reference.stack):
        files += [recipe.at(stack), _angles_path(recipe, i)]
    files += [recipe.at(path) for path in reference.clean]
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


def at_pixel_size(
    series: TiltSeries, noise_free: AnyArray | None, wanted_A: float, where: Path
) -> tuple[TiltSeries, AnyArray | None, list[str]]:
    """Align a reference, and bin it and its noise-free projections to the data's pixel size.

    Returns
    -------
    series : TiltSeries
    noise_free : ndarray or None
    notices : list of str

    Raises
    ------
    InputError
        If the reference's pixels are larger than those wanted.
    """
    pixel_size_A = series.geometry.pixel_size_A
    check_pixel_size(pixel_size_A, wanted_A, where)
    geometry = TiltGeometry(series.geometry.angles_deg, wanted_A)
    binning = _whole_number_binning(pixel_size_A, wanted_A)
    if binning is None:
        # The noise-free projections are aligned already: only their pixels change.
        plain = TiltGeometry(series.geometry.angles_deg, pixel_size_A)
        images = resample(series.images, series.geometry, pixel_size_A=wanted_A)
        small = None if noise_free is None else resample(noise_free, plain, pixel_size_A=wanted_A)
    else:
        images = fourier_crop(align(series.images, series.geometry), binning, axes=(2, 1))
        small = None if noise_free is None else fourier_crop(noise_free, binning, axes=(2, 1))
    notices = pixels_notice(where, pixel_size_A, wanted_A, binning)
    return TiltSeries(images, geometry), small, notices


def check_references(recipe: Recipe) -> None:
    """Refuse references that cannot be used, as far as file names and headers show."""
    reference, voxel_size_A = recipe.reference, recipe.specimen.voxel_size_A
    for index, stack in enumerate(map(recipe.at, reference.stack)):
        angles_path = _angles_path(recipe, index)
        tilts = len(_read_angles(angles_path))
        shape = read_shape(stack)
        if shape[0] != tilts:
            raise InputError(
                f"{angles_path}: expected {shape[0]} tilts as in {stack.name}, found {tilts}; give "
                "the angles of this stack"
            )
        check_pixel_size(reference.pixel_size_A or read_pixel_size(stack), voxel_size_A, stack)
        if reference.clean and read_shape(recipe.at(reference.clean[index])) != shape:
            raise InputError(
                f"{recipe.at(reference.clean[index])}: expected {shape} (tilts, y, x) as in "
                f"{stack.name}, found another shape; give the noise-free projections of this stack"
            )


def prepare_reference(recipe: Recipe, library: tuple[Species, ...], index: int) -> Reference:
    """Read one of the user's references, or simulate one, and estimate its noise."""
    if not recipe.reference.stack:
        return _own_reference(recipe, library, index)
    stack_path = recipe.at(recipe.reference.stack[index])
    given_A = recipe.reference.pixel_size_A
    angles_path = _angles_path(recipe, index)
    series = read_tilt_series(stack_path, angles_path, pixel_size_A=given_A)
    full, wanted_A = None, recipe.specimen.voxel_size_A
    if recipe.reference.clean:
        full, _ = read_stack(recipe.at(recipe.reference.clean[index]), pixel_size_A=given_A)
    usable = usable_reference(series, full, invert=recipe.reference.invert, where=str(stack_path))
    series, noise_free, binned = at_pixel_size(
        usable.series, usable.noise_free, wanted_A, stack_path
    )
    images, angles_deg = series.images, series.geometry.angles_deg
    profile = estimate_noise(images, noise_free, angles_deg=angles_deg)
    notices = (
        *([f"{stack_path}: {usable.notice}"] if usable.notice else []),
        *binned,
        *coverage_notice(angles_deg, tilt_angles(recipe)),
    )
    return Reference(
        TiltSeries(images, series.geometry),
        profile,
        stack_path.name,
        notices=notices,
        counted=not usable.scaled,
        left_out=usable.left_out,
    )


def _own_reference(recipe: Recipe, library: tuple[Species, ...], index: int) -> Reference:
    """Simulate the tilt-series of another specimen, whose noise-free projections are known."""
    name = reference_name(index)
    seed = derive(recipe.seed, name, "specimen")
    specimen = build_specimen(specimen_config(recipe, library), library, seed=seed)
    geometry = TiltGeometry(tilt_angles(recipe), recipe.specimen.voxel_size_A)
    microscope = chosen_microscope(recipe.microscope)
    seed = derive(recipe.seed, name, "acquisition")
    record = draw_acquisition(microscope, geometry, seed=seed)
    series = expose(specimen, record).series
    # Aligned like a user's reference: the known shifts are corrected.
    images = align(series.images, series.geometry)
    noise_free = noise_free_projections(specimen, geometry.angles_deg).images
    profile = estimate_noise(images, noise_free, angles_deg=geometry.angles_deg)
    source = f"faket microscope, preset {recipe.microscope.preset}"
    return Reference(TiltSeries(images, geometry), profile, source, record)


def _angles_path(recipe: Recipe, index: int) -> Path:
    if recipe.reference.angles:
        return recipe.at(recipe.reference.angles[index])
    return tilt_angles_beside(recipe.at(recipe.reference.stack[index]), option="reference.angles")


def _read_angles(path: Path) -> DoubleArray:
    if path.suffix.lower() == GEOMETRY:
        return read_tilt_geometry(path).angles_deg
    return read_tilt_angles(path)


def check_pixel_size(pixel_size_A: float, wanted_A: float, where: Path) -> None:
    """Refuse a reference that shows less detail than the data are to have."""
    if wanted_A < (1 - _SAME_PIXELS) * pixel_size_A:
        raise InputError(
            f"{where}: expected a pixel size of at most {wanted_A:g} Å, that of the data to be "
            f"made, found {pixel_size_A:g} Å; set `specimen.voxel_size_A` = {pixel_size_A:g}, or "
            "give `pixel_size_A` if the header is wrong"
        )


def _whole_number_binning(pixel_size_A: float, wanted_A: float) -> int | None:
    """Return by how many pixels to bin; None where only interpolation gives the pixels wanted."""
    ratio = wanted_A / pixel_size_A
    binning = max(1, round(ratio))
    tolerance = _SAME_PIXELS if ratio < 1 else _SAME_BINNED
    return binning if abs(ratio / binning - 1) <= tolerance else None
