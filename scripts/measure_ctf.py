"""Measure how well the defocus is found, on microscopes drawn anew.

    python scripts/measure_ctf.py OUT [--count 6] [--tilts 41] [--seed 1]

For every pixel size of 2.5, 5, 7.5 and 10 Å, ``count`` microscopes: defoci spread evenly over 1 to
6 µm, total dose over 60 to 140 e/Å², thickness over 400 to 1600 Å, detector by turns, in random
pairs. A specimen of our own species is imaged under each; ``estimate_ctf`` and then
``ctf_by_pairs`` see the images, pixel size and angles only. Every finished row is kept in
OUT/rows.json, so that a run that was cut off goes on; OUT/table.md is the summary.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from faket.data import TiltGeometry
from faket.methods.measurement import ctf_by_pairs
from faket.microscope import PRESETS, draw_acquisition, expose
from faket.microscope.ctf_estimate import CtfEstimate
from faket.microscope.ctf_estimation import estimate_ctf
from faket.noise import repair
from faket.seeds import derive, generator
from faket.specimen import SpecimenConfig, build_specimen
from faket.structures import SYNTHETIC_SPECIES, synthetic_species

PIXEL_SIZES_A = (2.5, 5.0, 7.5, 10.0)
DETECTORS = ("K2", "K3", "generic")
WIDTH_A = {2.5: 1920.0, 5.0: 2560.0, 7.5: 3840.0, 10.0: 5120.0}  # 768, 512, 512, 512 pixels


def draw_settings(count: int, seed: int) -> dict[str, dict[str, Any]]:
    """Return name and settings of all microscopes: each range is covered evenly."""
    drawn = {}
    for pixel_A in PIXEL_SIZES_A:
        rng = generator(seed, "settings", str(pixel_A))
        columns = [(rng.permutation(count) + rng.random(count)) / count for _ in range(3)]
        for i, (defocus, dose, depth) in enumerate(zip(*columns, strict=True)):
            drawn[f"{pixel_A:g}A-{i}"] = {
                "pixel_size_A": pixel_A,
                "defocus_um": round(1 + 5 * defocus, 2),
                "dose_e_per_A2": round(60 + 80 * dose),
                "depth_A": round(400 + 1200 * depth),
                "detector": DETECTORS[i % len(DETECTORS)],
            }
    return drawn


def measure(name: str, settings: dict[str, Any], tilts: int, seed: int) -> dict[str, Any]:
    """Image a specimen, and return what its spectra tell."""
    pixel_A, depth_A = settings["pixel_size_A"], settings["depth_A"]
    width = round(WIDTH_A[pixel_A] / pixel_A)
    number = round(2.5e-8 * WIDTH_A[pixel_A] ** 2 * depth_A)
    config = SpecimenConfig(
        size_voxels=(width, width, round(depth_A / pixel_A)), voxel_size_A=pixel_A,
        particles=(number, number), vesicles=(0, 1), vesicle_semi_axes_A=(150, 260), gold=(2, 2),
    )  # fmt: skip
    species = [synthetic_species(n, voxel_size_A=pixel_A) for n in SYNTHETIC_SPECIES]
    microscope = replace(
        PRESETS["shrec21"],
        defocus_um=(settings["defocus_um"],) * 2,
        dose_e_per_A2=(float(settings["dose_e_per_A2"]),) * 2,
        detector=settings["detector"],
    )
    geometry = TiltGeometry(np.linspace(-60, 60, tilts), pixel_A)
    record = draw_acquisition(microscope, geometry, seed=derive(seed, name))
    specimen = build_specimen(config, species, seed=derive(seed, name, "specimen"))
    images = expose(specimen, record).series.images
    truth = float(np.mean(record.defocus_A)) / 1e4
    spectra = estimate_ctf(images, pixel_A, geometry.angles_deg)
    joined = ctf_by_pairs(repair(images).images, pixel_A, spectra)
    return settings | {"truth_um": truth, "spectra": told(spectra), "joined": told(joined)}


def told(found: CtfEstimate) -> dict[str, Any]:
    """Return what an estimate says."""
    return {
        "found_um": float(found.defocus_um.mean()),
        "interval_um": list(found.interval_um),
        "confident": found.confident,
    }


def table_of(rows: dict[str, dict[str, Any]]) -> str:
    """Return the rows by pixel size and defocus, and a summary."""
    head = "found µm | error | not ruled out | says"
    lines = [f"| Å | µm | e/Å² | depth Å | detector | spectra: {head} | with pairs: {head} |"]
    lines.append("|---" * 13 + "|")
    for row in sorted(rows.values(), key=lambda r: (r["pixel_size_A"], r["truth_um"])):
        cells = [
            f"{row['pixel_size_A']:g}", f"{row['truth_um']:.2f}", f"{row['dose_e_per_A2']}",
            f"{row['depth_A']}", row["detector"],
        ]  # fmt: skip
        for kind in ("spectra", "joined"):
            low, high = row[kind]["interval_um"]
            says = "certain" if row[kind]["confident"] else "cannot tell"
            cells += [f"{row[kind]['found_um']:.2f}", f"{error(row, kind):+.1%}"]
            cells += [f"{low:.2f}-{high:.2f}", says]
        lines.append("| " + " | ".join(cells) + " |")
    for kind in ("spectra", "joined"):
        lines.append("")
        for pixel_A in sorted({row["pixel_size_A"] for row in rows.values()}):
            here = [row for row in rows.values() if row["pixel_size_A"] == pixel_A]
            lines.append(f"{kind}, {pixel_A:g} Å: {summary(here, kind)}")
        lines.append(f"{kind}, all: {summary(list(rows.values()), kind)}")
    return "\n".join(lines) + "\n"


def summary(rows: list[dict[str, Any]], kind: str) -> str:
    """Return errors of certain and uncertain estimates, and how often intervals hold the truth."""
    text = f"{len(rows)} microscopes"
    for name, wanted in (("certain", True), ("uncertain", False)):
        errors = [abs(error(row, kind)) for row in rows if row[kind]["confident"] == wanted]
        if errors:
            text += f"; {len(errors)} {name}, error {np.median(errors):.1%} (median), "
            text += f"{max(errors):.1%} (largest)"
    held = sum(
        row[kind]["interval_um"][0] <= row["truth_um"] <= row[kind]["interval_um"][1]
        for row in rows
    )
    return f"{text}; the truth lies in {held} intervals"


def error(row: dict[str, Any], kind: str) -> float:
    """Return the relative error of the defocus."""
    return float(row[kind]["found_um"] / row["truth_um"] - 1)


def main() -> None:
    """Measure all rows that are missing, then write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--count", type=int, default=6)
    parser.add_argument("--tilts", type=int, default=41)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "rows.json"
    rows = json.loads(path.read_text()) if path.exists() else {}
    for name, settings in draw_settings(options.count, options.seed).items():
        if name not in rows:
            rows[name] = measure(name, settings, options.tilts, options.seed)
            print(name, rows[name], flush=True)
            path.write_text(json.dumps(rows, indent=1))
    (options.out / "table.md").write_text(table_of(rows))
    print((options.out / "table.md").read_text())


if __name__ == "__main__":
    main()
