"""What is measured of a reference does not depend on what is no specimen."""

import numpy as np

from faket.methods.measurement import measure_reference
from faket.microscope.ctf_estimate import CtfEstimate
from slabs import sphere_series

ANGLES = np.arange(-60.0, 61.0, 3.0)
BEADS_A = [[-700, 500, 300], [150, -800, -420], [620, 640, 90], [-90, 60, 0]]


def test_masked_gold_leaves_no_holes_in_an_uneven_beam():
    """They would be in all tilts where gold is, as a part of the specimen."""
    flat = 100 - 4 * sphere_series(BEADS_A, ANGLES, side=300, pixel_A=8.0, radius_A=45.0)
    flat += 3 * np.random.default_rng(0).standard_normal(flat.shape)
    uneven = 30 * np.linspace(-1, 1, 300)[:, None] - 20 * np.linspace(-1, 1, 300) ** 2
    ctf = CtfEstimate(ANGLES, np.full(len(ANGLES), 3.0), (3.0, 3.0), True, "metadata")
    even, other = (
        measure_reference(images.astype(np.float32), ANGLES, 8.0, ctf=ctf)
        for images in (flat, flat + uneven)
    )
    low = slice(1, 8)
    ratio = other.power[:, low].mean(axis=0) / even.power[:, low].mean(axis=0)
    np.testing.assert_allclose(ratio, 1.0, atol=0.05)
    difference = other.signal_fraction - even.signal_fraction
    assert np.abs(difference[:, low].mean(axis=0)).max() < 0.05
    assert even.gold_found == other.gold_found == len(BEADS_A)
