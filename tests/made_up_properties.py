"""What might have been measured on a reference of three tilts."""

from dataclasses import replace

import numpy as np

from faket.methods.reference_properties import UNKNOWN, ReferenceProperties
from faket.microscope.ctf_estimate import CtfEstimate
from faket.noise import NoiseProfile

ANGLES, RINGS = np.array([-40.0, 0.0, 30.0]), 48


def properties(*, known, astigmatism_um=0.0):
    rng = np.random.default_rng(5)
    mean = np.full(3, 40.0)
    ctf = CtfEstimate(ANGLES, np.full(3, 3.0), (2.9, 3.2), True, "metadata")
    if astigmatism_um:
        ctf = replace(
            ctf, astigmatism_um=np.full(3, astigmatism_um), astigmatism_deg=np.full(3, 30.0)
        )
    return ReferenceProperties(
        pixel_size_A=5.0,
        noise=NoiseProfile(*[np.full(3, 0.5)] * 2, mean, np.full(3, 9.0), "blind", ANGLES),
        ctf=ctf,
        electrons=mean,
        envelope=rng.uniform(0.5, 1, (3, RINGS)),
        power=rng.uniform(30, 50, (3, RINGS)),
        signal_fraction=np.zeros((3, RINGS)),
        signal_fraction_sigma=np.full((3, RINGS), UNKNOWN),
        anisotropy=rng.uniform(-0.2, 0.2, (3, 3, RINGS)),
        strength_source="mean",
        strength_sigma=0.5,
        fraction_source="none",
        skewness=np.full(3, 0.3),
        alignment_error_A=4.0,
        contrast_power=rng.uniform(0, 0.01, (3, RINGS)) if known else None,
        background=rng.uniform(-3, 3, (3, 5)),
        rotation_error_deg=0.6,
        magnification_error=0.002,
    )
