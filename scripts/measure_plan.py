"""How far off `faket plan` is: its forecast from small pieces beside what a tomogram really took.

python scripts/measure_plan.py OUT [NAME ...]    recipes by name; all by default

Each forecast and each data set is made in a process of its own, a small piece first, so that
nothing is compiled in what counts. OUT keeps the data sets and table.md. On a machine that does
other work too, trust the seconds of all cores rather than the time.
"""

import argparse
import multiprocessing
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from faket.pipeline import generate, parse_recipe
from faket.pipeline.costs import PartCost, cost_of
from faket.pipeline.forecast import Forecast, forecast_of_pieces, references_cost
from faket.pipeline.pieces import piece_of

MOLECULES = """
species = [
    { source = "synthetic:syn-ring", volume_fraction = 0.02 },
    { source = "synthetic:syn-block", volume_fraction = 0.02 },
    { source = "synthetic:syn-bean", copies = 200 },
]
[specimen]
voxel_size_A = 10.0
size_voxels = [SIZE]
vesicles = [1, 1]
vesicle_semi_axes_A = [200, 300]
gold = [4, 4]
[tilts]
step_deg = STEP
[reconstruction]
binning = BINNING
"""
RECIPES = {
    "noiseless": ('method = "noiseless"', "384, 384, 128", 6, 2),
    "noisy": ('method = "noisy"', "256, 320, 100", 4, 1),
    "spectral": ('method = "spectral"', "512, 512, 128", 4, 2),
    "style": ('method = "style"', "320, 320, 100", 6, 2),
    "benchmark": ('method = "benchmark"', "256, 256, 128", 6, 2),
}


def recipe_text(name: str) -> str:
    """Return a recipe of one tomogram."""
    head, size, step_deg, binning = RECIPES[name]
    body = MOLECULES.replace("SIZE", size).replace("STEP", f"{step_deg:.1f}")
    return f"{head}\ntomograms = 1\n" + body.replace("BINNING", str(binning))


def forecast(name: str) -> Forecast:
    """Measure on pieces."""
    return forecast_of_pieces(parse_recipe(recipe_text(name)), say=lambda what, done, total: None)


def made(name: str, out: Path) -> tuple[PartCost, PartCost]:
    """Make the data set and return what the tomogram and the reference took."""
    recipe = parse_recipe(recipe_text(name))
    with tempfile.TemporaryDirectory() as folder:
        generate(piece_of(recipe, 64, 64), Path(folder, "warm"))
    generate(recipe, out)
    cost = cost_of(out / "model_0")
    assert cost is not None
    return cost, references_cost(out)


def row(name: str, part: str, expected: PartCost, found: PartCost) -> str:
    """Return a line of the table: what was found, and the forecast over it."""
    pairs = [
        (expected.whole.seconds, found.whole.seconds, "s"),
        (expected.whole.cpu_seconds, found.whole.cpu_seconds, "s"),
        (expected.whole.peak_MB, found.whole.peak_MB, "MB"),
        (expected.disk_bytes / 1e6, found.disk_bytes / 1e6, "MB"),
    ]
    cells = [
        f"{there:.0f} {unit} | {100 * (told / there - 1):+.0f} %" for told, there, unit in pairs
    ]
    return f"| {name} | {part} | {' | '.join(cells)} |"


def main() -> None:
    """Measure all recipes that are named."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("names", nargs="*", default=list(RECIPES))
    options = parser.parse_args()
    lines = ["| recipe | | time | | all cores | | peak memory | | disk | |", "|---" * 10 + "|"]
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context, max_tasks_per_child=1) as pool:
        for name in options.names:
            told = pool.submit(forecast, name).result()
            tomogram, reference = pool.submit(made, name, options.out / name).result()
            lines.append(row(name, "tomogram", told.tomogram, tomogram))
            if reference.stages:
                lines.append(row(name, "reference", told.references, reference))
            print(lines[-1], flush=True)
            (options.out / "table.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
