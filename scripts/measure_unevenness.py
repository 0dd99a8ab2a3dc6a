"""Measure how uneven the spectra of specimens are: what `faket.methods.shared_ctf` takes as known.

    python scripts/measure_unevenness.py [--structures FILE.pdb ...]

Specimens without gold, of synthetic species and of those in the files, all and every third, at
three densities and two pixel sizes. The logarithm of the power of their noise-free projections is,
over the logarithm of frequency, a parabola, a Matérn process of order 3/2 and independent noise of
each ring. Printed are the two σ and the length that are likeliest for all specimens together.
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from measure_foreign import specimen_config
from scipy.optimize import minimize

from faket.data import DoubleArray, Species
from faket.foreign import FORMATIONS
from faket.methods.reference_properties import CORNER, RINGS
from faket.noise import ring_power
from faket.projection import noise_free_projections
from faket.rings import ring_frequencies
from faket.seeds import derive
from faket.specimen import build_specimen
from faket.structures import SYNTHETIC_SPECIES, synthetic_species
from faket.structures.atoms import species_from_atoms

DENSITIES = (0.2, 1.0, 3.0)  # over that of measure_foreign.py
FIELDS = {"alder": 384, "birch": 512}  # pixels
PARABOLA = 10.0  # σ of its coefficients
COARSEST_A = 200.0
TILTS = 21  # in the middle


def spectrum(name: str, species: Sequence[Species], density: float) -> tuple[DoubleArray, ...]:
    """Return log frequency and log power of one specimen."""
    formation = FORMATIONS[name]
    config = specimen_config(formation, FIELDS[name])
    count = max(3, round(density * config.particles[0]))
    config = replace(config, particles=(count, count), gold=(0, 0))
    specimen = build_specimen(config, species, seed=derive(0, name, str(density)))
    images = noise_free_projections(specimen, formation.angles_deg).images
    start = (len(images) - TILTS) // 2
    power = np.mean(
        [ring_power(image, RINGS, limit=CORNER) for image in images[start : start + TILTS]], axis=0
    )
    frequency = ring_frequencies(RINGS, CORNER)
    used = (frequency < 0.5) & (frequency > formation.pixel_size_A / COARSEST_A)
    return np.log(frequency[used]), np.log(power[used])


def unlikeliness(logarithms: DoubleArray, spectra: Sequence[tuple[DoubleArray, ...]]) -> float:
    """Return -log likelihood of all spectra, of log σ, length and σ of rings."""
    uneven, length, speckle = np.exp(logarithms)
    total = 0.0
    for place, power in spectra:
        centred = place - place.mean()
        parabola = PARABOLA * np.stack([np.ones_like(centred), centred, centred**2], axis=1)
        apart = np.sqrt(3) * np.abs(place[:, None] - place) / length
        covariance = parabola @ parabola.T + uneven**2 * (1 + apart) * np.exp(-apart)
        triangle = np.linalg.cholesky(covariance + speckle**2 * np.eye(len(place)))
        white = np.linalg.solve(triangle, power)
        total += 0.5 * float(white @ white) + float(np.log(np.diag(triangle)).sum())
    return total


def main() -> None:
    """Make the specimens and print what is likeliest."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--structures", nargs="*", type=Path, default=[])
    options = parser.parse_args()
    spectra = []
    for name in FIELDS:
        pixel_A = FORMATIONS[name].pixel_size_A
        synthetic = [synthetic_species(n, voxel_size_A=pixel_A) for n in SYNTHETIC_SPECIES]
        read = [
            species_from_atoms(path, voxel_size_A=pixel_A, name=path.name)
            for path in options.structures
        ]
        for library in (synthetic, synthetic[::3], read, read[::3]):
            if library:
                spectra += [spectrum(name, library, density) for density in DENSITIES]
                print(name, len(library), "species", flush=True)
    start = np.log([0.3, 0.3, 0.03])
    found = minimize(unlikeliness, start, args=(spectra,), method="Nelder-Mead").x
    print("{} specimens: σ {:.3f}, length {:.2f}, σ of a ring {:.3f}".format(
        len(spectra), *np.exp(found)
    ))  # fmt: skip


if __name__ == "__main__":
    main()
