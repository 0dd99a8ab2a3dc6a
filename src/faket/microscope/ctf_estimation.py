"""The contrast transfer of the microscope that took a stack, from the stack's own power spectra.

A ring of the power spectrum is modelled as ``A(k) <CTF²> + N(k)``: A is what the lens modulated
(specimen and ice), N what it did not (counting noise). A is a sum, with coefficients >= 0, of
functions that fall with k; N is a cubic of k that is nowhere negative; <CTF²> is averaged over
the defoci within one image (:func:`faket.microscope.thon.mean_squared_ctf`). The defocus is that
whose best A and N have the least misfit, and the misfit of all others says how sure that is.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from itertools import pairwise
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import CubicSpline
from scipy.ndimage import gaussian_filter1d
from scipy.optimize import nnls
from scipy.special import comb

from faket.constants import electron_wavelength_A
from faket.data import AnyArray, DoubleArray
from faket.errors import InputError
from faket.microscope.optics import Optics, ctf_zeros
from faket.microscope.thon import mean_squared_ctf, tapered_spectrum, without_gold

# Protein in ice at 300 kV, from the mean free paths and mean potentials in faket.constants:
# (1/Λ_protein − 1/Λ_ice) / 2 over σ (V_protein − V_ice). 0.07 is customary.
AMPLITUDE_CONTRAST = 0.055

_COARSEST_A = 60.0  # longer periods show the specimen's shapes, not the lens
_MOST_RINGS = 256
_GROUPS_DEG = (0.0, 25.0, 45.0, 91.0)  # tilts whose spectra are averaged
_SPECTRUM_ERROR = 0.005  # of the model, relative
_SIGNAL_ERROR = 0.1  # of A: spectra of specimens are not quite smooth
_MARGIN = 9.0  # in χ²; what fits worse than the best by more is ruled out
_CONFLICT = 4.0  # in χ²: by how much the rings alone may disagree
_EVIDENCE = 9.0  # in χ²: by how much they must prefer rings to none
_CERTAIN = 0.045  # confident if all that is not ruled out lies as near, relative
_CERTAIN_BY_ONE_ZERO = 0.025  # where the second zero lies beyond Nyquist
_RINGS_FROM = 0.85  # of the first zero: from here rings alone, not the specimen, must tell
_USUAL_UM, _USUAL_SPREAD = 3.0, 0.35  # defoci of tomography: exp(N(ln 3, 0.35))
_JITTER_A = 2000.0  # scatter of the defocus from tilt to tilt
_DEPTH_A = 1500.0


@dataclass(frozen=True, eq=False)
class CtfEstimate:
    """Contrast transfer of the microscope that took a stack.

    Attributes
    ----------
    angles_deg : ndarray, shape (tilts,), float64
    defocus_um : ndarray, shape (tilts,), float64
        Underfocus of the middle of the field. Where ``confident`` is False it is no more than
        the likeliest guess between what the spectra allow and what is usual (2 to 5 µm).
    interval_um : (float, float)
        Mean defoci that the spectra do not rule out (three standard errors), if the specimen's
        own spectrum is smooth; a crowd of membranes can mislead it where no rings are seen.
    confident : bool
        True if that interval is narrow: within 4.5 % of ``defocus_um``, or 2.5 % where there is
        only one zero below Nyquist.
    source : {"metadata", "spectra"}
    voltage_kV, spherical_aberration_mm, amplitude_contrast, phase_plate_deg : float
    """

    angles_deg: DoubleArray
    defocus_um: DoubleArray
    interval_um: tuple[float, float]
    confident: bool
    source: Literal["metadata", "spectra"]
    voltage_kV: float = 300.0
    spherical_aberration_mm: float = 2.7
    amplitude_contrast: float = AMPLITUDE_CONTRAST
    phase_plate_deg: float = 0.0

    def __post_init__(self) -> None:
        """Check shapes and bounds."""
        for name in ("angles_deg", "defocus_um"):
            object.__setattr__(self, name, np.array(getattr(self, name), np.float64))
        object.__setattr__(self, "interval_um", tuple(float(v) for v in self.interval_um))
        shape = self.angles_deg.shape
        if len(shape) != 1 or shape[0] == 0 or self.defocus_um.shape != shape:
            raise InputError(
                "CtfEstimate: expected one angle and one defocus a tilt, found shapes "
                f"{shape} and {self.defocus_um.shape}"
            )
        if not (np.isfinite(self.defocus_um).all() and np.isfinite(self.angles_deg).all()):
            raise InputError("CtfEstimate: expected finite angles and defoci, found NaN or inf")
        if not 0 <= self.amplitude_contrast < 1 or not self.voltage_kV > 0:
            raise InputError(
                "CtfEstimate: expected voltage_kV > 0 and amplitude_contrast from 0 to below 1, "
                f"found {self.voltage_kV:g} and {self.amplitude_contrast:g}"
            )
        if self.source not in ("metadata", "spectra"):
            raise InputError(
                f"CtfEstimate.source: expected 'metadata' or 'spectra', found {self.source!r}"
            )

    def optics(self, tilt: int) -> Optics:
        """Return the state of the lens for one tilt, without its envelopes.

        For :func:`faket.microscope.contrast_transfer`, with ``amplitude_contrast`` beside it.
        """
        return Optics(
            electron_wavelength_A(self.voltage_kV),
            1e4 * float(self.defocus_um[tilt]),
            spherical_aberration_A=1e7 * self.spherical_aberration_mm,
            phase_plate_rad=float(np.radians(self.phase_plate_deg)),
        )

    def at(self, angles_deg: ArrayLike) -> "CtfEstimate":
        """Return the estimate at other tilt angles: each takes the defocus of the nearest tilt."""
        wanted = np.atleast_1d(np.asarray(angles_deg, np.float64))
        nearest = np.abs(wanted[:, None] - self.angles_deg).argmin(axis=1)
        return replace(self, angles_deg=wanted, defocus_um=self.defocus_um[nearest])

    def to_dict(self) -> dict[str, Any]:
        """Return lists, numbers and strings only, ready for JSON."""
        values = asdict(self)
        lists = ("angles_deg", "defocus_um", "interval_um")
        return values | {name: np.asarray(values[name]).tolist() for name in lists}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Return the estimate that :meth:`to_dict` wrote.

        Raises
        ------
        InputError
            If a key is missing or unknown, or a value does not fit.
        """
        keys = {item.name for item in fields(cls)}
        if set(values) != keys:
            raise InputError(
                f"CTF estimate: expected the keys {sorted(keys)}, found {sorted(values)}"
            )
        try:
            return cls(**values)
        except (TypeError, ValueError) as error:
            raise InputError(f"CTF estimate: expected numbers; {error}") from error


def estimate_ctf(
    stack: AnyArray,
    pixel_size_A: float,
    angles_deg: ArrayLike,
    *,
    defocus_um: ArrayLike | None = None,
    voltage_kV: float = 300.0,
    spherical_aberration_mm: float = 2.7,
    amplitude_contrast: float = AMPLITUDE_CONTRAST,
    phase_plate_deg: float = 0.0,
    search_um: tuple[float, float] = (0.5, 10.0),
) -> CtfEstimate:
    """Find the defocus of a tilt-series from its own power spectra, or say that they do not tell.

    Gold is masked first: it scatters too strongly for a contrast transfer function. Spectra of
    tilts below 25°, below 45° and above are averaged; a common defocus is fitted to the three.
    Where it is certain, each tilt's own defocus is fitted around it.

    On 24 stacks of the simulator that no threshold was set on (41 tilts; 1 to 6 µm, 60 to 140 e/Å²
    in all, 2.5 to 10 Å pixels; ``scripts/measure_ctf.py``) 5 answers were confident, all within
    2.7 %. Below about 4.5 µm the rings drown in noise at such doses: give the defocus where it is
    known.

    Rings of a stack with 10 Å pixels end at 20 Å, where the first zero of 2 µm lies: there,
    lower defoci cannot be told. The same holds for small or short stacks. No astigmatism is
    fitted: 0.1 µm, as is usual, changes nothing in rings.

    Parameters
    ----------
    stack : ndarray, shape (tilt, y, x)
        Either contrast, any grey values, not low-passed.
    pixel_size_A : float
    angles_deg : array_like, shape (tilts,)
    defocus_um : array_like, shape (tilts,) or scalar, optional
        What the user knows; then nothing is measured.
    voltage_kV, spherical_aberration_mm, amplitude_contrast, phase_plate_deg : float
        Of the microscope.
    search_um : (float, float)
        Defocus from and to.

    Returns
    -------
    CtfEstimate

    Raises
    ------
    InputError
        If shapes or settings do not fit, a tilt is not finite, or images are under 32 pixels.
    """
    angles = np.atleast_1d(np.asarray(angles_deg, np.float64))
    lens = {
        "voltage_kV": voltage_kV,
        "spherical_aberration_mm": spherical_aberration_mm,
        "amplitude_contrast": amplitude_contrast,
        "phase_plate_deg": phase_plate_deg,
    }
    if defocus_um is not None:
        known = np.array(np.broadcast_to(np.asarray(defocus_um, np.float64), angles.shape))
        span = (float(known.min()), float(known.max()))
        return CtfEstimate(angles, known, span, True, "metadata", **lens)
    _check(stack, pixel_size_A, angles, search_um)
    guess = CtfEstimate(angles, np.ones(len(angles)), search_um, False, "spectra", **lens)
    rings = _measure(stack, pixel_size_A)
    search_A = (1e4 * search_um[0], 1e4 * search_um[1])
    fit = _fit_common(rings, angles, _lens(guess), search_A, stack.shape[2] * pixel_size_A)
    common = np.full(len(angles), fit.defocus_A)
    if fit.confident:
        common = _fit_each(rings, angles, _lens(guess), fit, stack.shape[2] * pixel_size_A)
    interval = (1e-4 * fit.interval_A[0], 1e-4 * fit.interval_A[1])
    return replace(guess, defocus_um=1e-4 * common, interval_um=interval, confident=fit.confident)


@dataclass(frozen=True)
class _Rings:
    """Spectra of all tilts: power [tilt, ring], each tilt's median 1; modes are independent."""

    frequency: DoubleArray
    power: DoubleArray
    modes: DoubleArray

    def above(self, frequency: float) -> "_Rings":
        kept = self.frequency > frequency
        return _Rings(self.frequency[kept], self.power[:, kept], self.modes[kept])


@dataclass(frozen=True)
class _CommonFit:
    defocus_A: float
    interval_A: tuple[float, float]
    confident: bool
    shapes: list[tuple[NDArray[np.bool_], DoubleArray, DoubleArray]]  # tilts, A, N of a group


def _check(
    stack: AnyArray, pixel_size_A: float, angles: DoubleArray, search_um: tuple[float, float]
) -> None:
    if np.ndim(stack) != 3 or min(stack.shape[1:]) < 32:
        raise InputError(
            "stack: expected [tilt, y, x] with images of at least 32 x 32 pixels, found shape "
            f"{np.shape(stack)}"
        )
    if angles.shape != (len(stack),) or not np.isfinite(angles).all():
        raise InputError(
            f"angles_deg: expected one finite number for each of {len(stack)} tilts, found shape "
            f"{angles.shape}"
        )
    if not (pixel_size_A > 0 and 0 < search_um[0] < search_um[1]):
        raise InputError(
            "pixel_size_A, search_um: expected positive numbers and a range (low, high), found "
            f"{pixel_size_A} and {search_um}"
        )


def _lens(estimate: CtfEstimate) -> Optics:
    """Count amplitude contrast w as a phase plate of arcsin w, as mean_squared_ctf wants it."""
    lens = estimate.optics(0)
    plate = lens.phase_plate_rad + float(np.arcsin(estimate.amplitude_contrast))
    return replace(lens, phase_plate_rad=plate)


def _measure(stack: AnyArray, pixel_size_A: float) -> _Rings:
    bins = min(min(stack.shape[1:]) // 2, _MOST_RINGS)
    powers = []
    for tilt, image in enumerate(stack):
        if not np.isfinite(image).all() or np.ptp(image) == 0:
            raise InputError(
                f"stack: expected images with contrast, found tilt {tilt} constant or not "
                "finite; remove that tilt"
            )
        frequency, power, modes = tapered_spectrum(
            without_gold(image, pixel_size_A), pixel_size_A, bins
        )
        powers.append(power)
    used = (frequency > 1 / _COARSEST_A) & (frequency < 0.97 * 0.5 / pixel_size_A)
    power = np.array(powers)[:, used]
    power /= np.median(power, axis=1, keepdims=True)
    return _Rings(frequency[used], np.maximum(power, 1e-6), modes[used])


def _basis(frequency: DoubleArray) -> tuple[DoubleArray, DoubleArray]:
    """Columns of what falls with k (for A) and of a cubic's Bernstein polynomials (for N)."""
    k, end = frequency[:, None], frequency[-1]
    falling = np.exp(-(k**2) / (2 * np.geomspace(1 / 300, 2 * end, 14) ** 2))
    flat_topped = np.exp(-((k / np.geomspace(1 / 60, 2 * end, 6)) ** 4))
    x, powers = k / end, np.arange(4)
    return np.hstack([falling, flat_topped]), comb(3, powers) * x**powers * (1 - x) ** (3 - powers)


def _fit_common(
    rings: _Rings,
    angles: DoubleArray,
    lens: Optics,
    search_A: tuple[float, float],
    width_A: float,
) -> _CommonFit:
    k = rings.frequency
    finest = min(float(k[-1]), 0.12)
    grid = np.arange(*search_A, 0.4 / (np.pi * lens.wavelength_A * finest**2))
    groups = [
        inside
        for low, high in pairwise(_GROUPS_DEG)
        if (inside := (np.abs(angles) >= low) & (np.abs(angles) < high)).any()
    ]
    problems = [_GroupFit(rings, angles, inside, lens, width_A) for inside in groups]
    fine = np.linspace(grid[0], grid[-1], 8 * len(grid))
    curve, _ = _misfit_curve(problems, grid, fine)
    best, left = fine[curve.argmin()], fine[curve < _MARGIN]
    zeros = ctf_zeros(replace(lens, defocus_A=float(best)), 2)
    certain = _CERTAIN if zeros[1] < k[-1] else _CERTAIN_BY_ONE_ZERO
    inside_search = search_A[0] * 1.02 < left[0] and left[-1] < grid[-1] * 0.98
    confident = bool(inside_search and max(best - left[0], left[-1] - best) < certain * best)
    if confident:
        part = rings.above(_RINGS_FROM * float(zeros[0]))
        checks = [_GroupFit(part, angles, inside, lens, width_A) for inside in groups]
        confident = len(part.frequency) > 8 and _rings_agree(checks, float(best))
    if not confident:
        usual = np.log(fine / (1e4 * _USUAL_UM)) / _USUAL_SPREAD
        best = fine[(curve + usual**2).argmin()]
    shapes = [(one.tilts, *one.solve(best)[1:]) for one in problems]
    return _CommonFit(float(best), (float(left[0]), float(left[-1])), confident, shapes)


def _misfit_curve(
    problems: "list[_GroupFit]", grid: DoubleArray, fine: DoubleArray
) -> tuple[DoubleArray, float]:
    """χ² above its minimum over the defoci ``fine``, in units of the scatter; and that unit."""
    misfit = np.array([sum(one.solve(defocus)[0] for one in problems) for defocus in grid])
    if len(grid) > 3:
        curve = np.asarray(CubicSpline(grid, misfit)(fine))
    else:
        curve = np.interp(fine, grid, misfit)
    scatter = max(1.0, float(misfit.min()) / sum(one.freedom for one in problems))
    return np.asarray((curve - curve.min()) / scatter), scatter


def _rings_agree(problems: "list[_GroupFit]", defocus_A: float) -> bool:
    """Whether rings are there, and where they should be, beyond the first zero."""
    near = defocus_A * np.linspace(0.85, 1.15, 31)
    curve, scatter = _misfit_curve(problems, near, near)
    here = len(near) // 2
    none = sum(one.solve(None)[0] for one in problems)
    least = sum(one.solve(defocus_A)[0] for one in problems)
    return bool(curve[here] < _CONFLICT and (none - least) / scatter > _EVIDENCE)


class _GroupFit:
    """Least squares for A and N of tilts whose spectra are averaged, at any defocus."""

    def __init__(
        self,
        rings: _Rings,
        angles: DoubleArray,
        tilts: NDArray[np.bool_],
        lens: Optics,
        width_A: float,
    ) -> None:
        self.tilts, self._k, self._lens = tilts, rings.frequency, lens
        self._spread = _spread_A(float(np.abs(angles[tilts]).mean()), width_A)
        power = rings.power[tilts].mean(axis=0)
        smooth = np.exp(gaussian_filter1d(np.log(power), max(2.0, len(power) / 20)))
        signal = np.clip(1 - np.median(smooth[-max(len(power) // 6, 1) :]) / smooth, 0, 1)
        error = np.sqrt(
            1 / (rings.modes * tilts.sum()) + _SPECTRUM_ERROR**2 + (_SIGNAL_ERROR * signal) ** 2
        )
        self._weight = 1 / (smooth * error)
        self._target = power * self._weight
        self._falling, self._noise = _basis(self._k)
        self.freedom = max(len(power) - 8, 1)

    def solve(self, defocus_A: float | None) -> tuple[float, DoubleArray, DoubleArray]:
        """Return χ² and the best A(k) and N(k); None: without rings."""
        transfer = np.full(len(self._k), 0.5)
        if defocus_A is not None:
            lens = replace(self._lens, defocus_A=defocus_A)
            transfer = mean_squared_ctf(self._k, lens, *self._spread)
        columns = np.hstack([self._falling * transfer[:, None], self._noise])
        table = np.column_stack([columns * self._weight[:, None], self._target])
        triangle = np.asarray(
            np.linalg.qr(table, mode="r"), np.float64
        )  # the same problem with few rows
        weights, norm = nnls(triangle[:, :-1], triangle[:, -1])
        split = self._falling.shape[1]
        return norm**2, self._falling @ weights[:split], self._noise @ weights[split:]


def _spread_A(angle_deg: float, width_A: float) -> tuple[float, float, float]:
    """Defoci within an image: half the range over the field, range over the slab, σ of tilts."""
    angle = np.radians(angle_deg)
    return 0.5 * width_A * float(np.sin(angle)), _DEPTH_A / float(np.cos(angle)), _JITTER_A


def _fit_each(
    rings: _Rings, angles: DoubleArray, lens: Optics, fit: _CommonFit, width_A: float
) -> DoubleArray:
    """Defocus of each tilt around the common one, drawn towards it by the usual scatter."""
    found = np.empty(len(angles))
    grid = fit.defocus_A + np.linspace(-4, 4, 81) * _JITTER_A
    grid = grid[grid > 0.3 * fit.defocus_A]
    for tilts, signal, noise in fit.shapes:
        for tilt in np.flatnonzero(tilts):
            half, depth, _ = _spread_A(abs(float(angles[tilt])), width_A)
            misfit = np.empty(len(grid))
            for i, defocus_A in enumerate(grid):
                transfer = mean_squared_ctf(
                    rings.frequency, replace(lens, defocus_A=defocus_A), half, depth, 0.0
                )
                misfit[i] = _two_scales(rings, rings.power[tilt], signal * transfer, noise)
            prior = ((grid - fit.defocus_A) / _JITTER_A) ** 2
            found[tilt] = grid[(misfit + prior).argmin()]
    return found


def _two_scales(
    rings: _Rings, power: DoubleArray, signal: DoubleArray, noise: DoubleArray
) -> float:
    """χ² of a·signal + b·noise against one tilt's spectrum."""
    fraction = signal / np.maximum(signal + noise, 1e-12)
    error = np.maximum(signal + noise, 1e-12) * np.sqrt(
        1 / rings.modes + (_SIGNAL_ERROR * fraction) ** 2
    )
    _, norm = nnls(np.column_stack([signal, noise]) / error[:, None], power / error)
    return float(norm**2)
