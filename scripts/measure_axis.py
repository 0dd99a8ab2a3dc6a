"""Measure how well tilt axis and displacements are found from images alone, on series drawn anew.

    python scripts/measure_axis.py OUT [--count 100] [--seed 1] [--size 384]

Every series is a cloud of points imaged without faket's projector (`tests/tilted_points.py`). Drawn
at random: direction of the axis (0, 90, 84.7, -95, 178 or any), tilts (15 to 61, steps of 2° or
3°, up to ±40° to ±66°), noise (signal 0.005 to 0.1 of its variance a pixel), thickness, particles,
gold, displacements (tens of pixels or aligned), a gain pattern with lines, a gradient, black
borders; one in ten has no specimen. Each row is kept in OUT/rows.json when it is finished, so that
a run that was cut off goes on; the summary is printed.
"""

import argparse
import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from faket.reconstruction import residual_shifts, tilt_axis
from faket.reconstruction.resampling import in_plane_rotation
from tilted_points import Scene, imaged

AXES_DEG = (0.0, 90.0, 84.7, -95.0, 178.0)


def draw_scene(rng: np.random.Generator, size: int) -> Scene:
    """Return a series of the kinds that the module's docstring lists."""
    step = rng.choice([2.0, 3.0])
    count = int(rng.integers(15, 62))
    count = min(count, int(2 * rng.uniform(40, 66) / step) + 1)
    start = rng.uniform(-1, 1) - step * (count - 1) / 2
    part = size / 512
    return Scene(
        angles_deg=start + step * np.arange(count),
        axis_deg=float(rng.choice([*AXES_DEG, rng.uniform(-90, 90)])),
        size=size,
        snr=1e-7 if rng.random() < 0.1 else float(10 ** rng.uniform(-2.3, -1)),
        thickness=float(rng.uniform(30, 150) * part),
        particles=int(rng.uniform(100, 1000) * part**2),
        gold=int(rng.choice([0, 0, 5, 15])),
        radius=float(rng.uniform(3, 8)),
        shift=float(rng.choice([0.5, 4.0, 12.0])),
        step=float(rng.choice([0.0, 0.0, 4.0])),
        gain=float(rng.choice([0.0, 0.01, 0.03, 0.06])),
        gradient=float(rng.choice([0.0, 0.2])),
        border=int(rng.choice([0, 0, 15])),
    )


def measure(scene: Scene, rng: np.random.Generator) -> dict[str, Any]:
    """Image a scene, and return what its images tell."""
    images, shifts = imaged(scene, rng)
    start = time.perf_counter()
    axis = tilt_axis(images, scene.angles_deg)
    seconds = time.perf_counter() - start
    found = residual_shifts(images, scene.angles_deg, scene.axis_deg)
    scene_row = asdict(scene) | {"angles_deg": [len(scene.angles_deg), *scene.angles_deg[[0, -1]]]}
    return scene_row | {
        "error_deg": axis.away_from(scene.axis_deg),
        "sigma_deg": axis.sigma_deg,
        "strength": axis.strength,
        "agreeing": axis.agreeing,
        "certain": axis.certain,
        "seconds": seconds,
        "typical_px": found.typical_px,
        "typical_sigma_px": found.typical_sigma_px,
        "tolerance_px": found.tolerance_px,
        "shifts_certain": found.certain,
        "is_aligned": found.is_aligned,
        "true_px": float(_knowable(shifts, scene).std(axis=0).max()),
        "shift_error_px": float(
            np.median(np.abs(_knowable(found.shifts_px, scene) - _knowable(shifts, scene)))
        ),
    }


def _knowable(shifts: np.ndarray, scene: Scene) -> np.ndarray:
    """Return displacements without the specimen's, and across the axis without what is smooth."""
    across, along = (shifts @ in_plane_rotation(scene.axis_deg)).T
    smooth = np.polynomial.Polynomial.fit(scene.angles_deg, across, 5)(scene.angles_deg)
    return np.stack([across - smooth, along - along.mean()], axis=1)


def summary(rows: list[dict[str, Any]]) -> str:
    """Return how often the answers were certain, and right."""
    lines = []
    for low, high in ((0, 1e-6), (0.005, 0.01), (0.01, 0.02), (0.02, 0.05), (0.05, 0.1)):
        some = [row for row in rows if low <= row["snr"] < high]
        sure = [row["error_deg"] for row in some if row["certain"]]
        wrong = sum(error > 1 for error in sure)
        worst = f"{max(sure):.2f}" if sure else "-"
        told = [row for row in some if row["shifts_certain"]]
        false_alarms = sum(not r["is_aligned"] and r["true_px"] < r["tolerance_px"] for r in told)
        missed = sum(r["is_aligned"] and r["true_px"] > 2 * r["tolerance_px"] for r in told)
        lines.append(
            f"signal {low:.3g} to {high:.3g}: {len(some)} series; axis certain {len(sure)}, of "
            f"these wrong by over 1 degree {wrong}, worst {worst}; shifts told {len(told)}, "
            f"called shifted wrongly {false_alarms}, called aligned wrongly {missed}"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure, keep and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--size", type=int, default=384)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "rows.json"
    rows = json.loads(path.read_text()) if path.exists() else []
    for number in range(len(rows), options.count):
        rng = np.random.default_rng([options.seed, number])
        rows.append(measure(draw_scene(rng, options.size), rng))
        path.write_text(json.dumps(rows, indent=1))
        row = rows[-1]
        print(number, f"{row['snr']:.4f} {row['error_deg']:.2f} {row['sigma_deg']:.2f}", flush=True)
    print(summary(rows))


if __name__ == "__main__":
    main()
