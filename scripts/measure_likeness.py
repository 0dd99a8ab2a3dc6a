"""Measure how much each method's images look like the microscope's, on microscopes of its own.

    python scripts/measure_likeness.py OUT [--size 256] [--tilts 21] [--exchanged]
        [--rows NAME ...] [--figure PNG]

For each microscope one specimen is the reference and another is imaged both by the microscope
(the truth) and by every method, which sees the reference only. Truth and reference share defocus,
dose and detector, not the noise. Three numbers a method: distance of the radial spectra (mean
|log ratio|), how well a plain classifier separates the patches (AUC; 0.5 cannot), and the
correlation with the noise-free projections, which should be the truth's own. With --exchanged, what
was the reference is the truth. Every finished row is kept in OUT/<microscope>.json, so that a run
that was cut off goes on; OUT/table.md is the summary. The figure shows three methods under the
first microscope.
"""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from faket.data import AnyArray, DoubleArray, TiltGeometry, TiltSeries
from faket.evaluation import content_correlation, separability, spectrum_distance
from faket.methods.measurement import measure_reference
from faket.methods.reference_properties import ReferenceProperties
from faket.methods.spectral import spectral_images
from faket.microscope import PRESET_ANGLES, PRESETS, draw_acquisition, expose
from faket.noise import add_noise, estimate_noise
from faket.projection import noise_free_projections
from faket.report.compare_figures import Comparison, compare_figure
from faket.seeds import derive
from faket.specimen import SpecimenConfig, build_specimen
from faket.structures import SYNTHETIC_SPECIES, synthetic_species
from faket.style import load_network, transfer_style

# Name: preset, pixel size (Å), what is changed. The presets give detector and errors. Detector
# K3, defoci of 2.6-3.4 and above 5.5 µm, 1.6-2.2 e/Å² a tilt, and these pixel sizes are not among
# those that the texture network was trained on.
MICROSCOPES: dict[str, tuple[str, float, dict[str, Any]]] = {
    "k3-10A": ("k3-60x3", 10.0, {"defocus_um": (3.0, 3.0)}),
    "k2-7A": ("shrec21", 7.0, {"defocus_um": (2.9, 2.9)}),
    "generic-9A": ("czii-45x3", 9.0, {"defocus_um": (5.8, 5.8)}),
}
DOSE_PER_TILT = 1.9
# Errors of alignment cost correlation, and no image can show them.
NO_SHIFTS = {"shift_A": (0.0, 0.0), "alignment_error_A": (0.0, 0.0)}
SEED = 20261123
RANDOM_NETWORK_SEED = 1
PICTURED = {"white": "noisy", "spectral": "spectral", "spectral → texture": "style"}


@dataclass(frozen=True)
class Trial:
    """One microscope's reference, what it knows, and the truth to be reached."""

    angles_deg: DoubleArray
    pixel_size_A: float
    reference: AnyArray
    noise_free_reference: AnyArray
    noise_free: AnyArray
    truth: AnyArray

    def its_own(self) -> AnyArray:
        """Return the truth: what every method is measured against."""
        return self.truth

    def another(self) -> AnyArray:
        """Return the reference: the same microscope, another specimen."""
        return self.reference


def make_trial(name: str, size: int, tilts: int, *, exchanged: bool = False) -> Trial:
    """Image two specimens with one microscope."""
    preset, pixel_A, changes = MICROSCOPES[name]
    changes = changes | NO_SHIFTS | {"dose_e_per_A2": (DOSE_PER_TILT * tilts,) * 2}
    microscope = replace(PRESETS[preset], **changes)
    last = max(PRESET_ANGLES[preset])
    angles = np.linspace(-last, last, tilts)
    species = tuple(synthetic_species(n, voxel_size_A=pixel_A) for n in SYNTHETIC_SPECIES)
    depth = round(1500 / pixel_A)
    number = round(2.5e-8 * (size * pixel_A) ** 2 * depth * pixel_A)
    config = SpecimenConfig(
        size_voxels=(size, size, depth), voxel_size_A=pixel_A, particles=(number, number),
        vesicles=(1, 1), vesicle_semi_axes_A=(400, 600), gold=(4, 4),
    )  # fmt: skip
    record = draw_acquisition(microscope, TiltGeometry(angles, pixel_A), seed=SEED)
    projected, images = [], []
    for which in ("reference", "truth"):
        specimen = build_specimen(config, species, seed=derive(SEED, name, which))
        projected.append(noise_free_projections(specimen, angles).images)
        taken = replace(record, seed=derive(SEED, name, which, "noise"))
        series = expose(specimen, taken).series
        images.append(series.images)
    reference, truth = (1, 0) if exchanged else (0, 1)
    return Trial(
        angles, pixel_A, images[reference], projected[reference], projected[truth], images[truth]
    )


def starts(trial: Trial) -> dict[str, Callable[[float], AnyArray]]:
    """Return every way to make images without transfer, as functions of the amount of noise."""
    angles = trial.angles_deg
    profile = estimate_noise(trial.reference, trial.noise_free_reference, angles_deg=angles)
    curves = profile.polynomial()
    properties = measure_reference(trial.reference, angles, trial.pixel_size_A)
    seen = with_ctf(trial.noise_free, properties, angles)
    return {
        "white": lambda amount: add_noise(trial.noise_free, curves, seed=1, amount=amount),
        "white + CTF": lambda amount: add_noise(seen, curves, seed=1, amount=amount),
        "coloured": lambda amount: add_noise(
            trial.noise_free, profile, seed=1, amount=amount, spectrum="reference"
        ),
        "coloured + CTF": lambda amount: add_noise(
            seen, profile, seed=1, amount=amount, spectrum="reference"
        ),
        "spectral": lambda amount: spectral_images(
            trial.noise_free, properties, angles, seed=1, amount=amount
        ),
    }


def with_ctf(
    noise_free: AnyArray, properties: ReferenceProperties, angles: DoubleArray
) -> AnyArray:
    """Return noise-free projections filtered by the reference's CTF and nothing else."""
    return np.asarray(spectral_images(noise_free, properties, angles, seed=0, amount=0.0))


def rows(trial: Trial) -> dict[str, Callable[[], AnyArray]]:
    """Return how every row of the table is made, by its name."""
    made = starts(trial)
    networks = {
        "texture": lambda: load_network("texture"),
        "vgg19-random": lambda: load_network("vgg19-random", seed=RANDOM_NETWORK_SEED),
    }

    def styled(start: str, network: str) -> AnyArray:
        return transfer_style(
            made[start](0.25),
            made[start](1.0),
            trial.reference,
            network=networks[network](),
            angles_deg=trial.angles_deg,
            style_angles_deg=trial.angles_deg,
        )

    table: dict[str, Callable[[], AnyArray]] = {
        start: partial(make, 1.0) for start, make in made.items()
    }
    for network in networks:
        table |= {f"{start} → {network}": partial(styled, start, network) for start in made}
    return table


def judge(trial: Trial, images: AnyArray) -> dict[str, float]:
    """Return the three measures of one stack against the truth."""
    spectrum = spectrum_distance(images, trial.truth)
    classifier = separability(images, trial.truth, seed=SEED, patch_px=64)
    return {
        "spectrum": float(spectrum.distance),
        "auc": float(classifier.auc),
        "d_prime": float(classifier.d_prime),
        "content": float(content_correlation(images, trial.noise_free).mean),
    }


def draw(trial: Trial, out: Path) -> None:
    """Draw some rows beside the truth."""
    geometry = TiltGeometry(trial.angles_deg, trial.pixel_size_A)
    makers = rows(trial)
    judged = []
    for row, name in PICTURED.items():
        images = makers[row]()
        judged.append(
            Comparison(
                name,
                TiltSeries(images, geometry),
                spectrum_distance(images, trial.truth),
                separability(images, trial.truth, seed=SEED, patch_px=64),
                content_correlation(images, trial.noise_free),
            )
        )
    truth = TiltSeries(trial.truth, geometry)
    compare_figure(out, truth, judged, content_correlation(trial.truth, trial.noise_free))


def main() -> None:
    """Make all rows of all microscopes, then the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--tilts", type=int, default=21)
    parser.add_argument("--exchanged", action="store_true")
    parser.add_argument("--rows", nargs="+", help="of the table; all without it")
    parser.add_argument("--figure", type=Path)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    size, tilts, exchanged = options.size, options.tilts, options.exchanged
    trials = {name: make_trial(name, size, tilts, exchanged=exchanged) for name in MICROSCOPES}
    makers = {
        name: {"physics": trial.its_own, "reference": trial.another, **rows(trial)}
        for name, trial in trials.items()
    }
    every = list(next(iter(makers.values())))  # the slow rows come last
    for row in [row for row in every if options.rows is None or row in ("physics", *options.rows)]:
        for name, trial in trials.items():
            path = options.out / f"{name}.json"
            found = json.loads(path.read_text()) if path.exists() else {}
            if row in found:
                continue
            start = time.perf_counter()
            images = makers[name][row]()
            seconds = time.perf_counter() - start
            found[row] = judge(trial, images) | {"seconds": seconds}
            print(
                name, row, {key: round(value, 3) for key, value in found[row].items()}, flush=True
            )
            path.write_text(json.dumps(found, indent=1))
    if options.figure is not None:
        draw(next(iter(trials.values())), options.figure)
    (options.out / "table.md").write_text(table_of(options.out))
    print((options.out / "table.md").read_text())


def table_of(folder: Path) -> str:
    """Return the rows as a Markdown table: spectrum / AUC / content over the truth's own."""
    found = {name: json.loads((folder / f"{name}.json").read_text()) for name in MICROSCOPES}
    lines = ["| images | " + " | ".join(found) + " |", "|---" * (len(found) + 1) + "|"]
    for row in min(found.values(), key=len):
        cells = [
            f"{t[row]['spectrum']:.2f} / {t[row]['auc']:.2f} / "
            f"{t[row]['content'] / t['physics']['content']:.2f}"
            for t in found.values()
        ]
        lines.append(f"| {row} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
