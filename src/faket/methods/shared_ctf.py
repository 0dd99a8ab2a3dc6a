"""The defocus of a reference from what neighbouring tilts share: Thon rings without noise.

What two tilts share is modelled as A(k) CTF²(k). A, the specimen's own spectrum, is the same in all
pairs, and log A is a Gaussian process: as uneven as spectra of specimens are. All defoci are tried;
their misfits, added to those that the spectra give, tell how certain the best one is.
"""

from dataclasses import replace

import numpy as np
from scipy.interpolate import CubicSpline

from faket.data import AnyArray, DoubleArray
from faket.errors import InputError
from faket.methods.reference_properties import CORNER
from faket.microscope.ctf_estimate import CERTAIN, MARGIN, CtfEstimate, unusual
from faket.microscope.ctf_estimation import estimate_ctf
from faket.microscope.ctf_fit import defocus_spread_A
from faket.microscope.thon import mean_squared_ctf
from faket.noise import TiltPairs
from faket.rings import ring_frequencies
from faket.units import A_PER_UM

_SEARCH_UM = (0.5, 10.0)
_DEFOCI, _FINER = 90, 8  # tried, and interpolated
_GROUPS = 6  # of pairs, by their angle
# Log spectra of specimens over ln k: a parabola, and around it a Matérn process of order 3/2. Its σ
# and length are the likeliest for 24 specimens (scripts/measure_unevenness.py). Were A smooth,
# defoci would come out 7 to 30 % too low.
_PARABOLA, _UNEVEN, _LENGTH = 3.0, 0.43, 0.34
_SPECKLE = 0.05  # of each ring, as few coefficients are in it; chosen, 0.01 to 0.1 give the same
_MODEL_ERROR = 0.08  # relative, of each group of pairs; chosen, up to 0.12 gives the same
# What counts of the spectra's χ²: it is a sum over three groups of tilts as if their errors were
# independent, but the specimen's unevenness is in all of them.
_OF_SPECTRA = 1 / 3
_FEWEST_RINGS = 20
_COARSEST_A = 200.0  # chosen: longer periods show the specimen's shapes, not the CTF
_STEPS = 12
_EVIDENCE = 9.0  # least gain in χ² over the worst defocus, or nothing was seen
# Mean χ² of what is shared, without a model, chosen: noise has 1, foreign microscopes 9 or more.
_SEEN = 2.0


def settled_ctf(
    ctf: CtfEstimate, images: AnyArray, pairs: TiltPairs, pixel_size_A: float
) -> CtfEstimate:
    """Return the estimate of a CTF by spectra and pairs, or a given one with what images allow.

    Parameters
    ----------
    ctf : CtfEstimate
        Of the spectra, or given. A given defocus stays; ``interval_um`` becomes the range that the
        images do not rule out (:meth:`CtfEstimate.is_doubted`).
    images : ndarray, shape (tilt, y, x)
        Repaired.
    pairs : TiltPairs
        Of these, without gold.
    pixel_size_A : float
    """
    width_A = images.shape[2] * pixel_size_A
    if ctf.source == "spectra":
        return refined_ctf(ctf, pairs, pixel_size_A, width_A)
    try:
        seen = estimate_ctf(
            images, pixel_size_A, ctf.angles_deg,
            voltage_kV=ctf.voltage_kV, spherical_aberration_mm=ctf.spherical_aberration_mm,
            amplitude_contrast=ctf.amplitude_contrast, phase_plate_deg=ctf.phase_plate_deg,
        )  # fmt: skip
    except InputError:  # images that are too small show nothing
        return ctf
    return replace(ctf, interval_um=refined_ctf(seen, pairs, pixel_size_A, width_A).interval_um)


def refined_ctf(
    ctf: CtfEstimate, pairs: TiltPairs, pixel_size_A: float, width_A: float
) -> CtfEstimate:
    """Return the estimate of a CTF with the defocus that spectra and pairs of tilts tell together.

    Parameters
    ----------
    ctf : CtfEstimate
        Of the spectra. Returned as it is if the defocus was given, or is certain, or if pairs tell
        nothing.
    pairs : TiltPairs
        Measured in rings up to the corner of Fourier space.
    pixel_size_A, width_A : float
        Of the images.
    """
    if ctf.source != "spectra" or ctf.confident or not len(pairs.tilts):
        return ctf
    tried = np.geomspace(*_SEARCH_UM, _DEFOCI)
    shared = _misfits(ctf, pairs, pixel_size_A, width_A, tried)
    if shared is None or np.ptp(shared) < _EVIDENCE:
        return ctf
    defoci, misfit = _joined(tried, shared, ctf.misfits)
    allowed = defoci[misfit - misfit.min() < MARGIN]
    best = float(defoci[misfit.argmin()])
    low, high = float(allowed.min()), float(allowed.max())
    certain = bool(max(best - low, high - best) < CERTAIN * best)
    if not certain:
        best = _median(defoci, misfit + unusual(defoci))
    return replace(
        ctf,
        defocus_um=np.full(len(ctf.angles_deg), best),
        interval_um=(min(low, best), max(high, best)),
        confident=certain,
    )


def _median(defoci: DoubleArray, misfit: DoubleArray) -> float:
    """Return the defocus that is as likely too low as too high."""
    likely = np.cumsum(np.exp((misfit.min() - misfit) / 2))
    return float(np.interp(0.5 * likely[-1], likely, defoci))


def _joined(
    tried_um: DoubleArray, shared: DoubleArray, spectra: DoubleArray | None
) -> tuple[DoubleArray, DoubleArray]:
    """Return defoci, µm, and the sum of what pairs and spectra, interpolated, give them as χ²."""
    low, high = tried_um[[0, -1]]
    if spectra is not None:
        low, high = max(low, spectra[0, 0]), min(high, spectra[-1, 0])
    defoci = np.geomspace(low, high, _FINER * len(tried_um))
    misfit = CubicSpline(np.log(tried_um), shared)(np.log(defoci))
    if spectra is not None:
        misfit = misfit + _OF_SPECTRA * CubicSpline(*spectra.T)(defoci)
    return defoci, np.asarray(misfit)


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
    if used.sum() < _FEWEST_RINGS:
        return None
    values, errors = values[:, used], errors[:, used]
    if np.mean((values / errors) ** 2) < _SEEN:
        return None
    prior = _prior(frequency[used], len(angles))
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
        misfits.append(_misfit(values, errors, np.array(transfer), prior, frequency[used] / 0.5))
    return np.asarray(misfits)


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


def _prior(frequency: DoubleArray, groups: int) -> DoubleArray:
    """Return the inverse covariance of log A of all rings, and of the groups' scales and falls."""
    rings = len(frequency)
    place = np.log(frequency) - np.log(frequency).mean()
    distance = np.sqrt(3) * np.abs(place[:, None] - place) / _LENGTH
    parabola = _PARABOLA * np.stack([np.ones(rings), place, place**2], axis=1)
    covariance = parabola @ parabola.T + _UNEVEN**2 * (1 + distance) * np.exp(-distance)
    prior = np.eye(rings + 2 * (groups - 1))
    prior[:rings, :rings] = np.linalg.inv(covariance + _SPECKLE**2 * np.eye(rings))
    return prior


def _misfit(
    values: DoubleArray,
    errors: DoubleArray,
    transfer: DoubleArray,
    prior: DoubleArray,
    place: DoubleArray,
) -> float:
    """Return χ² of values [group, ring]: -2 log of their likelihood over all A, scales and falls.

    The integral over them is Laplace's approximation around the best.
    """
    groups, rings = values.shape
    own = np.repeat(np.eye(groups), rings, axis=0)[:, 1:]  # the first group has A itself
    falling = own * np.tile(place**2, groups)[:, None]
    rows = np.hstack([np.tile(np.eye(rings), (groups, 1)), own, falling])
    data, sigma, ctf2 = values.ravel(), errors.ravel(), transfer.ravel()
    found = np.zeros(rows.shape[1])
    found[:rings] = _start(values, errors, transfer, prior[:rings, :rings])
    for _ in range(_STEPS):
        model, weight = _modelled(ctf2, rows @ found, sigma)
        jacobian = (weight * model)[:, None] * rows
        pull = jacobian.T @ (weight * (data - model)) - prior @ found
        found = found + np.clip(np.linalg.solve(jacobian.T @ jacobian + prior, pull), -1, 1)
    model, weight = _modelled(ctf2, rows @ found, sigma)
    jacobian = (weight * model)[:, None] * rows
    return float(
        np.sum((weight * (data - model)) ** 2 - 2 * np.log(weight * sigma))
        + found @ prior @ found
        + np.linalg.slogdet(jacobian.T @ jacobian + prior)[1]
    )


def _start(
    values: DoubleArray, errors: DoubleArray, transfer: DoubleArray, prior: DoubleArray
) -> DoubleArray:
    """Return log A, smoothed, as all groups together show it."""
    seen = np.maximum((values / errors**2).sum(axis=0), 0) / (transfer / errors**2).sum(axis=0)
    seen = np.log(np.maximum(seen, 1e-3 * max(float(seen.max()), 1e-12)))
    weight = np.eye(len(seen)) / _UNEVEN**2
    return np.asarray(np.linalg.solve(prior + weight, weight @ seen))


def _modelled(
    ctf2: DoubleArray, log_scale: DoubleArray, sigma: DoubleArray
) -> tuple[DoubleArray, DoubleArray]:
    """Return the model of all values, and one over the error of each."""
    model = ctf2 * np.exp(np.clip(log_scale, -40, 40))
    return model, 1 / np.sqrt(sigma**2 + (_MODEL_ERROR * model) ** 2)
