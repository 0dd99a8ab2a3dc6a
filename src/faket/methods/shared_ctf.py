"""The defocus of a reference from what neighbouring tilts share: Thon rings without noise.

What two tilts share is modelled as A(k) CTF²(k), A smooth but for what the few coefficients of one
specimen happen to have, in all pairs alike. All defoci are tried; the misfit tells how certain the
best one is.
"""

from dataclasses import replace

import numpy as np
from scipy.interpolate import BSpline, CubicSpline

from faket.data import DoubleArray
from faket.methods.reference_properties import CORNER
from faket.microscope.ctf_estimate import CtfEstimate
from faket.microscope.ctf_fit import defocus_spread_A
from faket.microscope.thon import mean_squared_ctf
from faket.noise import TiltPairs
from faket.rings import ring_frequencies
from faket.units import A_PER_UM

_SEARCH_UM = (0.5, 10.0)
_DEFOCI, _FINER = 90, 8  # tried, and interpolated
_GROUPS = 6  # of pairs, by their angle
_KNOTS = 10  # over √k; chosen, as smooth as spectra of specimens are
_CURVATURE = 1.0  # of log A from knot to knot; chosen
# Relative errors of the model, chosen: of a ring in all pairs alike, because a specimen's spectrum
# is not smooth (without, defoci come out 7 to 30 % too low), and of each group of pairs.
_BUMPS, _MODEL_ERROR = 0.15, 0.08
_COARSEST_A = 200.0  # chosen: longer periods show the specimen's shapes, not the CTF
_STEPS = 8
_MARGIN = 9.0  # χ² above the least that rules a defocus out: three standard errors
_CERTAIN = 0.045  # as in `faket.microscope.ctf_estimation`
_USUAL_UM, _USUAL_SPREAD = 3.0, 0.35  # as there
_EVIDENCE = 9.0  # least gain in χ² over the worst defocus, or nothing was seen
# Mean χ² of what is shared, without a model, chosen: noise has 1, foreign microscopes 9 or more.
_SEEN = 2.0


def refined_ctf(
    ctf: CtfEstimate, pairs: TiltPairs, pixel_size_A: float, width_A: float
) -> CtfEstimate:
    """Return the estimate of a CTF with the defocus that pairs of tilts tell, if they tell more.

    Parameters
    ----------
    ctf : CtfEstimate
        Returned as it is if the defocus was given, or is certain.
    pairs : TiltPairs
        Measured in rings up to the corner of Fourier space.
    pixel_size_A, width_A : float
        Of the images.
    """
    if ctf.source != "spectra" or ctf.confident or not len(pairs.tilts):
        return ctf
    tried = np.geomspace(*_SEARCH_UM, _DEFOCI)
    misfits = _misfits(ctf, pairs, pixel_size_A, width_A, tried)
    if misfits is None or np.ptp(misfits) < _EVIDENCE:
        return ctf
    defoci = np.geomspace(*_SEARCH_UM, _FINER * _DEFOCI)
    misfit = CubicSpline(np.log(tried), misfits)(np.log(defoci))
    allowed = defoci[misfit - misfit.min() < _MARGIN]
    low, high = float(allowed.min()), float(allowed.max())
    if np.log(high / low) >= np.log(ctf.interval_um[1] / ctf.interval_um[0]):
        return ctf
    best = float(defoci[misfit.argmin()])
    certain = bool(max(best - low, high - best) < _CERTAIN * best)
    if not certain:
        usual = np.log(defoci / _USUAL_UM) / _USUAL_SPREAD
        best = float(defoci[(misfit + usual**2).argmin()])
    return replace(
        ctf,
        defocus_um=np.full(len(ctf.angles_deg), best),
        interval_um=(low, high),
        confident=certain,
    )


def _misfits(
    ctf: CtfEstimate,
    pairs: TiltPairs,
    pixel_size_A: float,
    width_A: float,
    defoci: DoubleArray,
) -> DoubleArray | None:
    """Return χ² of every defocus; None where nothing is shared, or told."""
    rings = pairs.power.shape[1]
    frequency = ring_frequencies(rings, CORNER)
    used = (frequency < 0.5) & (frequency > pixel_size_A / _COARSEST_A)
    angles, values, errors = _grouped(pairs, np.abs(ctf.angles_deg))
    used &= np.isfinite(errors).all(axis=0)
    if used.sum() < 2 * _KNOTS:
        return None
    values, errors = values[:, used], errors[:, used]
    if np.mean((values / errors) ** 2) < _SEEN:
        return None
    design = _smooth_functions(np.sqrt(frequency / CORNER))[used]
    optics = ctf.optics(0)
    plate = optics.phase_plate_rad + float(np.arcsin(ctf.amplitude_contrast))
    misfits = []
    for defocus_um in defoci:
        state = replace(
            optics, defocus_A=A_PER_UM * float(defocus_um), phase_plate_rad=plate, astigmatism_A=0.0
        )
        transfer = [
            mean_squared_ctf(
                frequency[used] / pixel_size_A, state, *defocus_spread_A(float(angle), width_A)
            )
            for angle in angles
        ]
        misfits.append(_misfit(values, errors, np.array(transfer), design, frequency[used] / 0.5))
    scale = max(1.0, min(misfits) / (values.size - _KNOTS - len(angles)))
    return np.asarray(misfits) / scale


def _grouped(
    pairs: TiltPairs, absolute_deg: DoubleArray
) -> tuple[DoubleArray, DoubleArray, DoubleArray]:
    """Return mean |angle|, shared power and its σ of groups of pairs, relative to their power."""
    first, second = pairs.tilts.T
    angle = (absolute_deg[first] + absolute_deg[second]) / 2
    level = np.median(pairs.power, axis=1)
    scale = np.sqrt(level[first] * level[second])[:, None]
    order = np.array_split(np.argsort(angle, kind="stable"), min(_GROUPS, len(angle)))
    values, errors = [], []
    for group in order:
        sigma = pairs.sigma[group] / scale[group]
        weight = np.where(np.isfinite(sigma), 1 / sigma**2, 0.0)
        total = np.maximum(weight.sum(axis=0), 1e-300)
        values.append((weight * pairs.shared[group] / scale[group]).sum(axis=0) / total)
        errors.append(np.where(weight.sum(axis=0) > 0, 1 / np.sqrt(total), np.inf))
    mean = np.array([angle[group].mean() for group in order])
    return mean, np.array(values), np.array(errors)


def _smooth_functions(place: DoubleArray) -> DoubleArray:
    knots = np.concatenate([[0.0] * 3, np.linspace(0, 1, _KNOTS - 2), [1.0] * 3])
    return np.asarray(BSpline.design_matrix(place, knots, 3).toarray())


def _misfit(
    values: DoubleArray,
    errors: DoubleArray,
    transfer: DoubleArray,
    design: DoubleArray,
    place: DoubleArray,
) -> float:
    """Return the least χ² of values [group, ring] over A and its bumps, and scales and falls."""
    groups, rings = values.shape
    n = design.shape[1]
    own = np.repeat(np.eye(groups), rings, axis=0)[:, 1:]  # the first group has A itself
    falling = own * np.tile(place**2, groups)[:, None]
    bumps = np.tile(np.eye(rings), (groups, 1))
    rows = np.hstack([np.tile(design, (groups, 1)), own, falling, bumps])
    bend = np.diff(np.eye(n), 2, axis=0) / _CURVATURE
    prior = np.zeros((rows.shape[1],) * 2)
    prior[:n, :n] = bend.T @ bend
    prior[-rings:, -rings:] = np.eye(rings) / _BUMPS**2
    ridge = prior + 1e-3 * np.eye(len(prior))
    data, sigma, ctf2 = values.ravel(), errors.ravel(), transfer.ravel()
    start = np.maximum((values / errors**2).sum(axis=0), 0) / (transfer / errors**2).sum(axis=0)
    start = np.log(np.maximum(start, 1e-3 * max(float(start.max()), 1e-12)))
    found = np.zeros(rows.shape[1])
    found[:n] = np.linalg.lstsq(
        np.vstack([design, 0.1 * np.diff(np.eye(n), 2, axis=0)]),
        np.concatenate([start, np.zeros(n - 2)]),
        rcond=None,
    )[0]
    for _ in range(_STEPS):
        model = ctf2 * np.exp(np.clip(rows @ found, -40, 40))
        weight = 1 / np.sqrt(sigma**2 + (_MODEL_ERROR * model) ** 2)
        jacobian = (weight * model)[:, None] * rows
        step = np.linalg.solve(
            jacobian.T @ jacobian + ridge, jacobian.T @ (weight * (data - model)) - ridge @ found
        )
        found = found + np.clip(step, -1, 1)
    model = ctf2 * np.exp(np.clip(rows @ found, -40, 40))
    weight = 1 / np.sqrt(sigma**2 + (_MODEL_ERROR * model) ** 2)
    return float(
        np.sum((weight * (data - model)) ** 2 + 2 * np.log(1 / (weight * sigma)))
        + found @ prior @ found
    )
