"""SIRT approaches the data, from low frequencies up, and its tomogram is what was imaged."""

import numpy as np
import pytest

from faket.data import TiltGeometry, TiltSeries
from faket.errors import InputError
from faket.projection import project
from faket.reconstruction import reconstruct
from faket.reconstruction.sirt import sirt
from made_up_tomograms import ANGLES, DEPTH, series, specimen

SMALL = np.ascontiguousarray(specimen(1)[4:36, 32:64, 16:80])


def misfit(iterations):
    images = project(SMALL, ANGLES)
    volume = sirt(images, ANGLES, depth=len(SMALL), iterations=iterations)
    return np.linalg.norm(project(volume, ANGLES) - images) / np.linalg.norm(images)


def test_the_projections_approach_the_images():
    errors = [misfit(n) for n in (1, 5, 40)]
    assert errors[0] > 2 * errors[1] > 4 * errors[2]
    assert errors[2] < 0.06


def test_the_tomogram_approaches_the_specimen():
    images = project(SMALL, ANGLES)
    volume = sirt(images, ANGLES, depth=len(SMALL), iterations=40)
    assert np.corrcoef(volume.ravel(), SMALL.ravel())[0, 1] > 0.85
    # A tomogram lacks its mean in the wedge, so the sum of all is right and not each voxel.
    assert volume.sum() == pytest.approx(SMALL.sum(), rel=0.05)


def test_binned_images_give_binned_grey_values():
    images = TiltSeries(project(SMALL, ANGLES), TiltGeometry(ANGLES, 10.0))
    settings = {"method": "sirt", "iterations": 20, "normalize": "none"}
    whole = reconstruct(images, depth=32, **settings)
    binned = reconstruct(images, depth=16, binning=2, **settings)
    assert binned.voxel_size_A == 20.0
    assert binned.data.sum() == pytest.approx(whole.data.sum() / 8, rel=0.05)


def test_more_iterations_hold_higher_frequencies():
    few, many = (
        reconstruct(series(1), depth=DEPTH, method="sirt", iterations=n, taper=4).data
        for n in (2, 10)
    )
    rough = [np.diff(volume, axis=2).std() / volume.std() for volume in (few, many)]
    assert rough[1] > 1.2 * rough[0]


def test_no_iterations_are_refused():
    with pytest.raises(InputError, match="`iterations`: expected at least 1"):
        reconstruct(series(1), depth=8, method="sirt", iterations=0)
