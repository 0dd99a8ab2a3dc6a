"""Compare the strength of the signal in the `spectral` method and in the physics, by rings.

    python scripts/measure_strength.py

One specimen is imaged by the simulator, with one of its effects changed at a time, and by the
method, which sees those images. The table shows how strongly each holds the noise-free projections
(cross power over power, by rings of spatial frequency), the method's over the simulator's: 1 is
right, above 1 too strong. Seven tilts of 5.7 e/Å² and 7 Å pixels, 2.9 µm.
"""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from faket.data import TiltGeometry
from faket.methods.measurement import measure_reference
from faket.methods.spectral import spectral_images
from faket.microscope import PRESETS, draw_acquisition, expose
from faket.noise import ring_cross_power
from faket.projection import noise_free_projections
from faket.rings import ring_frequencies
from faket.seeds import derive
from faket.specimen import SpecimenConfig, build_specimen
from faket.structures import SYNTHETIC_SPECIES, synthetic_species

PIXEL_A, SIZE, TILTS, DOSE_PER_TILT, SEED = 7.0, 256, 7, 5.7, 20261123
EDGES = (0.0, 0.04, 0.08, 0.12, 0.16, 0.2, 0.3)  # cycles per pixel; the first zero is at 0.29
RINGS, CORNER = 128, 0.7072
ALIGNED: dict[str, Any] = {"shift_A": (0.0, 0.0), "alignment_error_A": (0.0, 0.0)}
CHANGES: dict[str, dict[str, Any]] = {
    "nothing": ALIGNED,
    "shifts of 3 to 10 Å, not undone": {},
    "perfect detector": ALIGNED | {"detector": "perfect"},
    "K3, pixels of 2.5 Å binned": ALIGNED | {"detector": "K3", "detector_pixel_A": 2.5},
    "no radiation damage": ALIGNED | {"damage": False},
    "no ice": ALIGNED | {"ice": False},
    "no residual motion": ALIGNED | {"motion_blur_A": 0.0},
    "residual motion of 8 Å": ALIGNED | {"motion_blur_A": 8.0},
    "no absorption": ALIGNED | {"absorption": False},
    "phase grating": ALIGNED | {"model": "phase-grating"},
}


def strength(changes: dict[str, Any]) -> list[float]:
    """Return the method's strength over the simulator's, by rings."""
    dose = DOSE_PER_TILT * TILTS
    microscope = replace(
        PRESETS["shrec21"], defocus_um=(2.9, 2.9), dose_e_per_A2=(dose, dose), **changes
    )
    angles = np.linspace(-60, 60, TILTS)
    record = draw_acquisition(microscope, TiltGeometry(angles, PIXEL_A), seed=SEED)
    images = expose(SPECIMEN, record).series.images
    noise_free = noise_free_projections(SPECIMEN, angles).images
    properties = measure_reference(
        images, angles, PIXEL_A, dose_e_per_A2=np.full(TILTS, DOSE_PER_TILT)
    )
    ours = spectral_images(noise_free, properties, angles, seed=1)
    rings = ring_frequencies(RINGS, CORNER)
    theirs, mine = (
        np.mean(
            [
                ring_cross_power(a, b, RINGS, limit=CORNER)
                for a, b in zip(noise_free, x, strict=True)
            ],
            axis=0,
        )
        for x in (images, ours)
    )
    return [
        float(mine[inside].sum() / theirs[inside].sum())
        for low, high in pairwise(EDGES)
        if (inside := (rings >= low) & (rings < high)).any()
    ]


def make_specimen() -> Any:
    """Return a crowded slab of the embedded species."""
    depth = round(1500 / PIXEL_A)
    number = round(2.5e-8 * (SIZE * PIXEL_A) ** 2 * depth * PIXEL_A)
    config = SpecimenConfig(
        size_voxels=(SIZE, SIZE, depth), voxel_size_A=PIXEL_A, particles=(number, number),
        vesicles=(1, 1), vesicle_semi_axes_A=(400, 600), gold=(4, 4),
    )  # fmt: skip
    species = [synthetic_species(name, voxel_size_A=PIXEL_A) for name in SYNTHETIC_SPECIES]
    return build_specimen(config, species, seed=derive(SEED, "strength"))


if __name__ == "__main__":
    SPECIMEN = make_specimen()
    print("| changed | " + " | ".join(f"{a:g}-{b:g}" for a, b in pairwise(EDGES)) + " |")
    print("|---" * len(EDGES) + "|")
    for what, changes in CHANGES.items():
        print(f"| {what} | " + " | ".join(f"{s:.2f}" for s in strength(changes)) + " |", flush=True)
