"""How strong signal and noise are in every tilt of a reference."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from faket.data import DoubleArray
from faket.errors import InputError
from faket.rings import ring_frequencies

_CURVES = ("signal_std", "noise_std", "mean", "sigma")


@dataclass(frozen=True, eq=False)
class NoiseProfile:
    """Signal, noise, mean and contrast of every tilt of a reference.

    A tilt is modelled as ``sigma * (signal_std * z + noise_std * n) + mean``, where z is
    its noise-free projection with mean 0 and standard deviation 1, and n is white Gaussian noise
    of variance 1.

    Attributes
    ----------
    signal_std : ndarray, shape (tilts,), float64
        Amplitude r of the signal, from 0 to 1; the signal-to-noise ratio is r² / noise_std².
    noise_std : ndarray, shape (tilts,), float64
        Amplitude of the noise, >= 0.
    mean, sigma : ndarray, shape (tilts,), float64
        Mean and standard deviation of the reference's tilts, in the reference's grey values.
    estimate : {"paired", "halves", "blind"}
        Measured with the reference's noise-free projections, with two halves of its exposure, or
        from the reference alone.
    angles_deg : ndarray, shape (tilts,), float64, or None
        Stage angle of every tilt; None where they are not known, and then tilts are matched
        by index only.
    spectrum : ndarray, shape (tilts, rings), float64, or None
        Radial power spectrum of the reference's tilts, signal and noise together, in rings of
        equal width from 0 to Nyquist in cycles per pixel; each tilt's variance is 1.
    """

    signal_std: DoubleArray = field(metadata={"formerly": "ratio"})
    noise_std: DoubleArray
    mean: DoubleArray
    sigma: DoubleArray
    estimate: Literal["paired", "halves", "blind"]
    angles_deg: DoubleArray | None = None
    # Metadata tell faket.io.records how files of earlier versions differ.
    spectrum: DoubleArray | None = field(default=None, metadata={"since": "0.1"})

    def __post_init__(self) -> None:
        """Check shapes and bounds."""
        present = (*_CURVES, "angles_deg") if self.angles_deg is not None else _CURVES
        for name in present:
            values = np.array(getattr(self, name), np.float64)
            object.__setattr__(self, name, values)
            if values.shape != self.signal_std.shape or values.ndim != 1 or values.size == 0:
                raise InputError(
                    f"`NoiseProfile.{name}`: expected one number per tilt, as in `signal_std` "
                    f"({self.signal_std.shape}), found shape {values.shape}"
                )
            if not np.isfinite(values).all():
                tilt = int(np.argmin(np.isfinite(values)))
                raise InputError(
                    f"NoiseProfile.{name}: expected finite numbers, found {values[tilt]} in "
                    f"tilt {tilt}"
                )
        if self.signal_std.min() < 0 or self.signal_std.max() > 1:
            raise InputError(
                "`NoiseProfile.signal_std`: expected 0 to 1, found values from "
                f"{self.signal_std.min():g} to {self.signal_std.max():g}"
            )
        if self.noise_std.min() < 0 or self.sigma.min() <= 0:
            raise InputError(
                "NoiseProfile: expected noise_std >= 0 and sigma > 0 in every tilt, found "
                f"{self.noise_std.min():g} and {self.sigma.min():g}"
            )
        if self.estimate not in ("paired", "halves", "blind"):
            raise InputError(
                "NoiseProfile.estimate: expected 'paired', 'halves' or 'blind', found "
                f"{self.estimate!r}"
            )
        if self.spectrum is not None:
            object.__setattr__(self, "spectrum", _checked_spectrum(self.spectrum, len(self)))

    def __len__(self) -> int:
        """Return the number of tilts."""
        return len(self.signal_std)

    def constant(self) -> "NoiseProfile":
        """Return the profile whose every tilt is the average tilt: what BASELINE uses."""
        flat = self._with({name: np.full(len(self), curve.mean()) for name, curve in self._items()})
        if self.spectrum is None:
            return flat
        mean = np.broadcast_to(self.spectrum.mean(axis=0), self.spectrum.shape)
        return replace(flat, spectrum=mean)

    def polynomial(self, degree: int = 2) -> "NoiseProfile":
        """Return the least-squares polynomial over the tilt index: what NOISY uses.

        Parameters
        ----------
        degree : int
            At most the number of tilts minus one.

        Returns
        -------
        NoiseProfile
            Tilts are counted by rising angle, so that a stack in the order of acquisition
            gives the same curves as a sorted one. A polynomial is clipped to the possible range
            (signal_std 0 to 1, noise_std >= 0, sigma >= its smallest measured value). The
            spectrum stays as measured.

        Raises
        ------
        InputError
            If ``degree`` is negative.
        """
        if degree < 0:
            raise InputError(f"degree: expected 0 or more, found {degree}")
        order = np.arange(len(self)) if self.angles_deg is None else np.argsort(self.angles_deg)
        index = np.empty(len(self))
        index[order] = np.arange(len(self))
        fitted = {name: _fitted(index, curve, degree) for name, curve in self._items()}
        fitted["signal_std"] = np.clip(fitted["signal_std"], 0, 1)
        fitted["noise_std"] = np.maximum(fitted["noise_std"], 0)
        fitted["sigma"] = np.maximum(fitted["sigma"], self.sigma.min())
        return self._with(fitted)

    def at(self, angles_deg: ArrayLike) -> "NoiseProfile":
        """Return the profile at other tilt angles.

        Parameters
        ----------
        angles_deg : array_like, shape (tilts,)

        Returns
        -------
        NoiseProfile
            Linear interpolation over the angle; beyond the measured range the nearest tilt.

        Raises
        ------
        InputError
            If this profile has no angles, or the new ones are not a list of finite numbers.
        """
        wanted = np.atleast_1d(np.asarray(angles_deg, np.float64))
        if self.angles_deg is None:
            raise InputError(
                "NoiseProfile: expected tilt angles to interpolate between, found none; "
                "give `angles_deg` to estimate_noise"
            )
        if wanted.ndim != 1 or wanted.size == 0 or not np.isfinite(wanted).all():
            raise InputError(f"`angles_deg`: expected a list of degrees, found {angles_deg!r}")
        if np.array_equal(wanted, self.angles_deg):
            return self
        order = np.argsort(self.angles_deg)
        curves = {
            name: np.interp(wanted, self.angles_deg[order], curve[order])
            for name, curve in self._items()
        }
        spectrum = None
        if self.spectrum is not None:
            rings = self.spectrum[order].T  # [tilt, ring] → [ring, tilt]
            columns = [np.interp(wanted, self.angles_deg[order], ring) for ring in rings]
            spectrum = np.stack(columns, axis=1)  # → [tilt, ring]
        return NoiseProfile(**curves, estimate=self.estimate, angles_deg=wanted, spectrum=spectrum)

    @staticmethod
    def average(profiles: Sequence["NoiseProfile"]) -> "NoiseProfile":
        """Return the average over tomograms, tilt by tilt.

        Parameters
        ----------
        profiles : sequence of NoiseProfile
            One per tomogram. For NOISY give ``[profile.polynomial() for ...]``, for BASELINE
            ``[profile.constant() for ...]``.

        Returns
        -------
        NoiseProfile
            At the tilt angles of the first profile; the others are interpolated there. Profiles
            without angles are matched by index. "blind" if any of them is. Spectra are averaged
            in the rings of the first; none if any profile has none.

        Raises
        ------
        InputError
            If there are none, or profiles without angles differ in their number of tilts.
        """
        if not profiles:
            raise InputError(
                "profiles: expected at least one NoiseProfile, found none; measure a reference "
                "with estimate_noise"
            )
        angles = profiles[0].angles_deg
        if angles is not None:
            profiles = [profile.at(angles) for profile in profiles]
        counts = sorted({len(profile) for profile in profiles})
        if len(counts) > 1:
            raise InputError(
                f"profiles: expected equal tilt counts where angles are unknown, found {counts}; "
                "give `angles_deg` to estimate_noise"
            )
        blind = any(profile.estimate == "blind" for profile in profiles)
        curves = {
            name: np.mean([getattr(profile, name) for profile in profiles], axis=0)
            for name in _CURVES
        }
        return NoiseProfile(
            **curves,
            estimate="blind" if blind else "paired",
            angles_deg=angles,
            spectrum=_average_spectrum([profile.spectrum for profile in profiles]),
        )

    def _items(self) -> list[tuple[str, DoubleArray]]:
        return [(name, getattr(self, name)) for name in _CURVES]

    def _with(self, curves: dict[str, DoubleArray]) -> "NoiseProfile":
        return NoiseProfile(
            **curves,
            estimate=self.estimate,
            angles_deg=self.angles_deg,
            spectrum=self.spectrum,
        )


def _checked_spectrum(spectrum: ArrayLike, tilts: int) -> DoubleArray:
    values = np.array(spectrum, np.float64)
    if values.ndim != 2 or len(values) != tilts or values.shape[1] == 0:
        raise InputError(
            f"NoiseProfile.spectrum: expected [tilt, ring] with {tilts} tilts, found shape "
            f"{values.shape}"
        )
    if not (np.isfinite(values).all() and (values >= 0).all()):
        raise InputError(
            "NoiseProfile.spectrum: expected finite powers >= 0, found negative, NaN or infinite "
            "ones; measure the reference again with estimate_noise"
        )
    return values


def _average_spectrum(spectra: Sequence[DoubleArray | None]) -> DoubleArray | None:
    """Average in the rings of the first; None if any profile has no spectrum."""
    present = [one for one in spectra if one is not None]
    if len(present) < len(spectra):
        return None
    middle = ring_frequencies(present[0].shape[1])
    resampled = [
        [np.interp(middle, ring_frequencies(one.shape[1]), tilt) for tilt in one] for one in present
    ]
    return np.asarray(np.mean(resampled, axis=0))


def _fitted(index: DoubleArray, curve: DoubleArray, degree: int) -> DoubleArray:
    fit = np.polynomial.Polynomial.fit(index, curve, min(degree, len(curve) - 1))
    return np.asarray(fit(index), np.float64)
