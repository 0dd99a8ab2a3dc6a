"""The tomograms of a study.

No tomogram is made to look like a tilt-series of its own specimen, and nothing of the test
tomograms is an input.
"""

import json
from pathlib import Path

from faket.io.atomic import atomic_path
from faket.io.model_folder import (
    GEOMETRY,
    MANIFEST,
    NOISE_FREE_PROJECTIONS,
    PROJECTIONS_UNBINNED,
    model_name,
)
from faket.pipeline.dataset import check_finished, generate
from faket.pipeline.executors import Workplace
from faket.pipeline.foreign_microscope import PREFIX
from faket.pipeline.recipe import Recipe, parse_recipe
from faket.reports import Report
from faket.study.layout import Study
from faket.study.modalities import MODALITIES, DataKind
from faket.study.settings import StudySettings


def recipe_text(study: Study, kind: DataKind) -> str:
    """Return the TOML of a data set's recipe, with paths relative to the recipe's file."""
    s, quoted = study.settings, json.dumps
    x, y, z = s.size_voxels
    # Only these two have test tomograms.
    tested = kind.key in ("benchmark", "noiseless")
    lines = [
        f"# {kind.key} of a study; `faket study` wrote this.",
        f"name = {quoted(kind.key)}",
        f"seed = {s.seed}",
        f"tomograms = {s.validation_model + 1 + (s.tests if tested else 0)}",
        f"method = {quoted(kind.method)}",
        f"structure_folders = {quoted(list(s.structure_folders))}",
        "",
        "[specimen]",
        f"size_voxels = [{x}, {y}, {z}]",
        f"voxel_size_A = {float(s.voxel_size_A)}",
        *(
            f"{name} = {quoted(list(getattr(s, name)))}"
            for name in ("particles", "vesicles", "vesicle_semi_axes_A", "gold", "gold_diameter_A")
        ),
        "",
        *_tilt_lines(s),
        "[microscope]",
        f"preset = {quoted(s.microscope)}",
        "",
        "[reconstruction]",
        f"binning = {s.binning}",
        f"filter = {quoted(s.filter)}",
    ]
    if kind.has_reference:
        lines += ["", *_reference_lines(s, kind)]
    if kind.style or kind.method == "faket":
        weights = {"weights": s.vgg19_weights} if s.vgg19_weights else {}
        chosen = dict(kind.style) if kind.style else weights
        lines += ["", "[style]", *(f"{key} = {quoted(value)}" for key, value in chosen.items())]
    for source in s.species:
        lines += ["", "[[species]]", f"source = {quoted(source)}"]
    return "\n".join(lines) + "\n"


def _tilt_lines(settings: StudySettings) -> list[str]:
    """Return the tilts; a foreign microscope has its own, and data like its series have these."""
    if settings.microscope.startswith(PREFIX):
        return []
    return [
        "[tilts]",
        f"start_deg = {-float(settings.tilt_range_deg)}",
        f"stop_deg = {float(settings.tilt_range_deg)}",
        f"step_deg = {float(settings.tilt_step_deg)}",
        "",
    ]


def _reference_lines(settings: StudySettings, kind: DataKind) -> list[str]:
    """Give each training tomogram the simulated tilt-series of another training specimen."""
    n = settings.training
    folders = [f"../data/benchmark/{model_name((i + 1) % n)}" for i in range(n)]
    stacks = [f"{folder}/{PROJECTIONS_UNBINNED}" for folder in folders]
    geometries = [Path(stack).with_suffix(GEOMETRY).as_posix() for stack in stacks]
    lines = [
        "[reference]",
        f"stack = {json.dumps(stacks)}",
        f"angles = {json.dumps(geometries)}",
    ]
    if settings.microscope.startswith(PREFIX):
        lines.append("aligned = true")  # as well as its lab could: what is left is its effect
    if kind.noise_free_reference:
        noise_free = [f"{folder}/{NOISE_FREE_PROJECTIONS}" for folder in folders]
        lines.append(f"clean = {json.dumps(noise_free)}")
    return lines


def check_no_leakage(study: Study, kind: DataKind, recipe: Recipe) -> None:
    """Raise if a tomogram's reference shows its own specimen, or a test tomogram is an input.

    Raises
    ------
    RuntimeError
        A defect of faket, never of the user's input.
    """
    s, n = study.settings, len(recipe.reference.stack)
    training = {study.model("benchmark", i).resolve(): i for i in range(s.training)}
    given = (*recipe.reference.stack, *recipe.reference.clean, *recipe.reference.angles)
    if any(recipe.at(path).resolve().parent not in training for path in given):
        raise RuntimeError(f"{kind.key}: a reference is no physics training tomogram")
    for i in range(recipe.tomograms if n else 0):
        if training[recipe.at(recipe.reference.stack[i % n]).resolve().parent] == i:
            raise RuntimeError(f"{kind.key}: {model_name(i)} would look like its own specimen")
    for key in study.modalities:
        row = MODALITIES[key]
        models, validation = study.training_models(row)
        if {*study.test_models(row)} & {*models, validation}:
            raise RuntimeError(f"{key}: the test tomogram is trained on")


def data_recipe(study: Study, kind: DataKind) -> Recipe:
    """Write the recipe of a data set, check that the test is no input, and return it.

    The recipe of finished data is not changed, because results contain its digest.
    """
    path, text = study.recipe_path(kind.key), recipe_text(study, kind)
    recipe = parse_recipe(text, where=str(path), folder=path.parent)
    check_no_leakage(study, kind, recipe)
    finished = path.exists() and _is_made(study, kind, recipe)
    if not finished and (not path.exists() or path.read_text() != text):
        with atomic_path(path) as temporary:
            temporary.write_text(text)
    return recipe


def _is_made(study: Study, kind: DataKind, recipe: Recipe) -> bool:
    models = [study.model(kind.key, i) for i in range(recipe.tomograms)]
    return all((model / MANIFEST).exists() for model in models)


def make_data(study: Study, place: Workplace, say: Report) -> None:
    """Make all missing tomograms; ``say`` gets the number of data sets done and in all."""
    kinds = study.data_kinds()
    for done, kind in enumerate(kinds):
        recipe = data_recipe(study, kind)
        if _is_made(study, kind, recipe):
            check_finished(study.folder / "data" / kind.key)
            continue

        def tell(what: str, made: int, of: int, key: str = kind.key, at: int = done) -> None:
            count = f" ({made} of {of} tomograms)" if of else ""
            say(f"data {key}: {what}{count}", at, len(kinds) if of else 0)  # 0: a notice stays one

        generate(recipe, study.folder / "data" / kind.key, **vars(place), report=tell)
