"""The defocus follows from what tilts share, however uneven the specimen's own spectrum is."""

from dataclasses import replace

import numpy as np
import pytest

from faket.methods import shared_ctf
from faket.methods.reference_properties import CORNER, RINGS
from faket.methods.shared_ctf import refined_ctf
from faket.microscope.ctf_estimate import CtfEstimate
from faket.microscope.ctf_fit import defocus_spread_A
from faket.microscope.thon import mean_squared_ctf
from faket.noise import TiltPairs
from faket.rings import ring_frequencies

ANGLES = np.arange(-60.0, 61.0, 3.0)
PIXEL_A, WIDTH_A = 6.0, 2500.0
UNKNOWN = CtfEstimate(ANGLES, np.full(len(ANGLES), 3.0), (0.5, 10.0), False, "spectra")


def pairs_of(defocus_um, uneven, seed, noise=0.03):
    """Return pairs of a specimen whose spectrum falls, unevenly, in all alike."""
    rng = np.random.default_rng(seed)
    k = ring_frequencies(RINGS, CORNER) / PIXEL_A
    known = CtfEstimate(ANGLES, np.full(len(ANGLES), defocus_um), (1, 9), True, "metadata")
    apart = np.abs(np.log(k)[:, None] - np.log(k)) / 0.2
    waves = rng.multivariate_normal(np.zeros(RINGS), np.exp(-apart), method="cholesky")
    spectrum = np.exp(-8 * np.sqrt(k / k[-1]) + uneven * waves)
    optics = replace(known.optics(0), phase_plate_rad=float(np.arcsin(known.amplitude_contrast)))
    first = np.arange(len(ANGLES) - 1)
    between = np.abs(ANGLES[:-1] + ANGLES[1:]) / 2
    transfer = [mean_squared_ctf(k, optics, *defocus_spread_A(a, WIDTH_A)) for a in between]
    shared = 20 * spectrum * np.array(transfer)
    sigma = np.full((len(first), RINGS), noise)
    return TiltPairs(
        angles_deg=ANGLES,
        tilts=np.stack([first, first + 1], axis=1),
        shared=shared + sigma * rng.standard_normal(sigma.shape),
        sigma=sigma,
        power=np.ones((len(ANGLES), RINGS)),
        displacement_px=np.zeros((len(first), 2)),
        displacement_sigma_px=np.ones((len(first), 2)),
        turns_deg=np.zeros(len(ANGLES)),
        turning_deg=0.0,
        magnification=np.ones(len(ANGLES)),
        magnification_error=0.0,
        thickness_A=1500.0,
    )


@pytest.mark.parametrize("uneven", [0.0, 0.15])
@pytest.mark.parametrize("defocus_um", [2.0, 3.5, 5.0])
def test_the_interval_holds_the_defocus(defocus_um, uneven):
    for seed in range(5):
        found = refined_ctf(UNKNOWN, pairs_of(defocus_um, uneven, seed), PIXEL_A, WIDTH_A)
        low, high = found.interval_um
        assert low <= defocus_um <= high
        assert high - low < 0.2
        np.testing.assert_allclose(found.defocus_um, defocus_um, rtol=0.03)


def test_of_noise_alone_nothing_is_told():
    noise = pairs_of(3.5, 0.0, 0)
    noise = replace(noise, shared=noise.shared - pairs_of(3.5, 0.0, 0, noise=0.0).shared)
    assert refined_ctf(UNKNOWN, noise, PIXEL_A, WIDTH_A) is UNKNOWN


def test_what_is_known_stays():
    given = CtfEstimate(ANGLES, np.full(len(ANGLES), 2.0), (2.0, 2.0), True, "metadata")
    assert refined_ctf(given, pairs_of(3.5, 0.0, 0), PIXEL_A, WIDTH_A) is given


def test_spectra_and_pairs_tell_together():
    """A third of the spectra's χ² counts: 27 of it, 3 σ, lie 0.3 µm from their best."""
    pairs = pairs_of(3.5, 0.0, 0, noise=0.3)
    alone = refined_ctf(UNKNOWN, pairs, PIXEL_A, WIDTH_A)
    tried = np.linspace(0.5, 9.9, 500)
    misfits = np.column_stack([tried, 27 * ((tried - 3.5) / 0.3) ** 2])
    both = refined_ctf(replace(UNKNOWN, misfits=misfits), pairs, PIXEL_A, WIDTH_A)
    np.testing.assert_allclose(both.defocus_um, 3.5, atol=0.1)
    low, high = both.interval_um
    assert high - low < alone.interval_um[1] - alone.interval_um[0]
    assert 0.37 < high - low < 0.6
    np.testing.assert_allclose(both.defocus_um, (low + high) / 2, atol=0.04)  # a median
    again = refined_ctf(replace(both, confident=False), pairs, PIXEL_A, WIDTH_A)
    assert (
        again.interval_um == both.interval_um
    )  # what spectra say is kept, so nothing counts twice


def test_the_misfit_is_that_of_a_gaussian_where_errors_are_small(monkeypatch):
    """log(values / CTF²) is linear then: its marginal likelihood has a closed form."""
    monkeypatch.setattr(shared_ctf, "_MODEL_ERROR", 1e-3)
    rng = np.random.default_rng(3)
    place = np.linspace(0.1, 1.0, 24)
    prior = shared_ctf._prior(place, groups=2)
    unknown = rng.multivariate_normal(np.zeros(len(prior)), np.linalg.inv(prior))
    other = np.zeros((24, 2)), np.column_stack([np.ones(24), place**2])
    rows = np.vstack([np.hstack([np.eye(24), of_group]) for of_group in other])
    transfer = rng.uniform(0.1, 1.0, (2, 24))
    values = transfer * np.exp(rows @ unknown).reshape(2, 24)
    for relative in (3e-4, 2e-3):
        seen = np.log(values / transfer).ravel()
        covariance = rows @ np.linalg.inv(prior) @ rows.T + (relative**2 + 1e-6) * np.eye(48)
        closed = seen @ np.linalg.solve(covariance, seen) + np.linalg.slogdet(covariance)[1]
        closed += np.linalg.slogdet(prior)[1] - 48 * np.log(relative**2)
        found = shared_ctf._misfit(values, relative * values, transfer, prior, place)
        np.testing.assert_allclose(found, closed, rtol=1e-3)
