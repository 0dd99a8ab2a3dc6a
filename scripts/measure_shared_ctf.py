"""Measure how well the defocus is found from spectra and pairs of tilts, on foreign microscopes.

    python scripts/measure_shared_ctf.py OUT [--seeds 3]

Alder, birch and cedar, with their own pixels and others, and with defoci of 1.5 to 4.8 µm, image a
specimen; `measure_reference` sees images, angles, pixel size and voltage. Microscopes that are held
out are left alone. Finished rows are kept in OUT/rows.json, so that a run that was cut off goes on;
OUT/table.md is the summary.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from measure_foreign import specimen_config

from faket.data import TiltGeometry, TiltSeries
from faket.foreign import alder, birch, cedar
from faket.methods.look_like import reference_properties
from faket.seeds import derive
from faket.specimen import build_specimen
from faket.structures import SYNTHETIC_SPECIES, synthetic_species

MICROSCOPES: tuple[tuple[ModuleType, float], ...] = (
    (alder, 10.0), (alder, 7.5), (birch, 5.4), (birch, 9.0), (cedar, 9.0),
)  # fmt: skip
DEFOCI_UM = (1.5, 1.9, 2.4, 3.0, 3.8, 4.8)
WIDTH_A, MOST_PX = 2560.0, 384
FAR = 0.25  # a larger relative error is counted


def measure(module: ModuleType, pixel_A: float, defocus_um: float, seed: int) -> dict[str, Any]:
    """Image a specimen with a microscope that is set to another defocus, and measure it."""
    module.PIXEL_A, module.DEFOCUS_A = pixel_A, 1e4 * defocus_um  # type: ignore[attr-defined]
    formation = replace(module.FORMATION, pixel_size_A=pixel_A)
    config = specimen_config(formation, min(round(WIDTH_A / pixel_A), MOST_PX))
    species = [synthetic_species(n, voxel_size_A=pixel_A) for n in SYNTHETIC_SPECIES]
    drawn = derive(seed, formation.name, str(pixel_A), str(defocus_um))
    specimen = build_specimen(config, species, seed=drawn)
    taken = formation.expose(specimen.potential, derive(drawn, "noise"))
    known = {"voltage_kV": module.VOLTAGE_KV} | dict(taken.known)
    geometry = TiltGeometry(formation.angles_deg, pixel_A, **known)
    series = TiltSeries(taken.images, geometry)
    ctf = reference_properties(series, counted=formation.counted).ctf
    return {
        "truth_um": defocus_um,
        "found_um": float(np.mean(ctf.defocus_um)),
        "interval_um": list(ctf.interval_um),
        "confident": ctf.confident,
    }


def table_of(rows: dict[str, dict[str, Any]]) -> str:
    """Return the rows and a summary by defocus."""
    lines = ["| series | true µm | found µm | not ruled out | says |", "|---" * 5 + "|"]
    for name, row in rows.items():
        says = "certain" if row["confident"] else "cannot tell"
        low, high = row["interval_um"]
        lines.append(
            f"| {name} | {row['truth_um']} | {row['found_um']:.2f} | {low:.2f}-{high:.2f} | "
            f"{says} |"
        )
    for defocus_um in sorted({row["truth_um"] for row in rows.values()}):
        here = [row for row in rows.values() if row["truth_um"] == defocus_um]
        lines.append(f"\n{defocus_um} µm: {summary(here)}")
    lines.append(f"\nall: {summary(list(rows.values()))}")
    return "\n".join(lines) + "\n"


def summary(rows: list[dict[str, Any]]) -> str:
    """Return median error, outliers, and how often the interval holds the truth, in words."""
    errors = np.array([abs(np.log(row["found_um"] / row["truth_um"])) for row in rows])
    held = sum(row["interval_um"][0] <= row["truth_um"] <= row["interval_um"][1] for row in rows)
    wide = [np.log(row["interval_um"][1] / row["interval_um"][0]) for row in rows]
    return (
        f"{len(rows)} series, error {np.median(errors):.1%} (median), above {FAR:.0%} in "
        f"{(errors > FAR).sum()}; the interval holds the truth in {held}, and spans a factor of "
        f"{np.exp(np.median(wide)):.2f} (median)"
    )


def main() -> None:
    """Measure all rows that are missing, then write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "rows.json"
    rows = json.loads(path.read_text()) if path.exists() else {}
    for seed in range(options.seeds):
        for module, pixel_A in MICROSCOPES:
            for defocus_um in DEFOCI_UM:
                name = f"{module.NAME}, {pixel_A} Å, {defocus_um} µm, {seed}"
                if name not in rows:
                    rows[name] = measure(module, pixel_A, defocus_um, seed)
                    print(name, rows[name], flush=True)
                    path.write_text(json.dumps(rows, indent=1))
    (options.out / "table.md").write_text(table_of(rows))
    print((options.out / "table.md").read_text())


if __name__ == "__main__":
    main()
