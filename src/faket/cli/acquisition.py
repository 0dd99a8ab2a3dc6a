"""What `faket acquire` reads and writes besides the specimen."""

from pathlib import Path

import numpy as np

from faket.cli.common import refuse_unused
from faket.data import TiltGeometry, TiltSeries
from faket.io.acquisition import read_acquisition, write_acquisition
from faket.io.model_folder import ANGLES, GEOMETRY, RECORD
from faket.io.mrc import write_stack
from faket.io.tilts import read_tilt_angles, write_tilt_geometry, write_tilt_series
from faket.microscope import PRESET_ANGLES, AcquisitionRecord, Exposure, draw_acquisition
from faket.stacks import stack_of


def drawn_record(
    pixel_size_A: float,
    preset: str | None,
    recipe: Path | None,
    record: Path | None,
    angles: Path | None,
    seed: int,
) -> AcquisitionRecord:
    """Return the record to replay, or draw one for a preset or a recipe's microscope."""
    from faket.pipeline.recipe import read_recipe
    from faket.pipeline.recipe_sections import MicroscopeSection
    from faket.pipeline.reference import chosen_microscope

    if record is not None:
        refuse_unused(
            "beside --record", recipe=recipe, angles=angles, preset=preset, seed=seed or None
        )
        return read_acquisition(record)
    if recipe is not None:
        refuse_unused("beside --recipe", preset=preset)
    section = (
        MicroscopeSection(preset=preset or "shrec21")
        if recipe is None
        else read_recipe(recipe).microscope
    )
    microscope = chosen_microscope(section)
    tilts = np.array(PRESET_ANGLES[section.preset]) if angles is None else read_tilt_angles(angles)
    return draw_acquisition(microscope, TiltGeometry(tilts, pixel_size_A), seed=seed)


def write_exposure(out: Path, exposure: Exposure) -> list[Path]:
    """Write the stack, its geometry and record, and the halves and stages that were kept.

    Returns
    -------
    list of Path
        All files beside the stack.
    """
    write_tilt_series(out, exposure.series)
    geometry = exposure.series.geometry
    write_tilt_geometry(out.with_suffix(GEOMETRY), geometry)
    write_acquisition(out.with_suffix(RECORD), exposure.record)
    written = [out.with_suffix(suffix) for suffix in (ANGLES, GEOMETRY, RECORD)]
    for name, half in zip(("odd", "even"), exposure.halves or (), strict=False):
        path = _beside(out, name)
        write_tilt_series(path, TiltSeries(half.images, geometry))
        written += [path, path.with_suffix(ANGLES)]
    for name, stage in exposure.stages.items():
        parts = {name: stage}
        if np.iscomplexobj(stage):
            parts = {
                f"{name}_amplitude": stack_of(map(np.abs, stage), len(stage)),
                f"{name}_phase": stack_of(map(np.angle, stage), len(stage)),
            }
        for part, values in parts.items():
            write_stack(_beside(out, part), values, geometry.pixel_size_A)
            written.append(_beside(out, part))
    return written


def _beside(out: Path, name: str) -> Path:
    return out.with_name(f"{out.stem}_{name}{out.suffix}")
