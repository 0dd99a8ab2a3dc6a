"""The style of a reference: what transfer needs of it, measured once and kept."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike

from faket.data import AnyArray, DoubleArray
from faket.device import Device, resolve_device
from faket.errors import InputError
from faket.style.images import ScaledStack, checked_statistics, reproducible
from faket.style.loss import gram
from faket.style.network import FeatureNetwork

_GRAM = "gram."


@dataclass(frozen=True, eq=False)
class StyleProfile:
    """The style of every tilt of a reference.

    Attributes
    ----------
    grams : mapping of layer name to ndarray, shape (tilts, channels, channels)
        Gram matrices F Fᵀ / (H W), so that images of any size can be compared.
    mean, sigma : ndarray, shape (tilts,), float64
        In the reference's grey values.
    network : str
        Name of the network that measured it.
    network_digest : str
        SHA-256 of that network's weights; a profile fits no other network.
    angles_deg : ndarray, shape (tilts,), float64, or None
        Stage angles, by which tilts are matched; None where they are not known.
    """

    grams: Mapping[str, AnyArray]
    mean: DoubleArray
    sigma: DoubleArray
    network: str
    network_digest: str
    angles_deg: DoubleArray | None = None

    def __post_init__(self) -> None:
        """Check that every part has one entry a tilt."""
        parts = {"mean": self.mean, "sigma": self.sigma, "angles_deg": self.angles_deg}
        for name, values in {**parts, **self.grams}.items():
            if values is None:
                continue
            square = name not in self.grams or values.shape[1:] == (values.shape[-1],) * 2
            if len(values) != len(self) or not square or not np.isfinite(values).all():
                raise InputError(
                    f"style profile: expected finite numbers for {len(self)} tilts in {name}, "
                    f"found shape {values.shape}; measure the reference again"
                )

    def __len__(self) -> int:
        """Return the number of tilts."""
        return len(self.mean)

    @staticmethod
    def measure(
        stack: AnyArray,
        *,
        network: FeatureNetwork,
        angles_deg: ArrayLike | None = None,
        device: Device = "auto",
        dtype: torch.dtype = torch.float32,
        progress: Callable[[int, int], None] | None = None,
    ) -> "StyleProfile":
        """Measure the style of a reference.

        Parameters
        ----------
        stack : ndarray, shape (tilt, y, x)
            The reference, scaled to [0, 1] over the whole stack before it is measured.
        network : FeatureNetwork
        angles_deg : array_like, shape (tilts,), optional
        device : {"auto", "cpu", "cuda"}
        dtype : torch.dtype
            float32, or float64 to check results.
        progress : callable, optional
            Called after every tilt with the number done and the number in all.

        Returns
        -------
        StyleProfile

        Raises
        ------
        InputError
            If a tilt is constant, too small for the network or not finite, or the angles are
            not one a tilt.
        """
        mean, sigma = checked_statistics(stack, "style", network.smallest_image)
        angles = checked_angles(angles_deg, len(stack), "style")
        place = resolve_device(device)
        images, placed = ScaledStack(stack, place, dtype), network.to(place, dtype)
        grams: dict[str, list[AnyArray]] = {layer: [] for layer in network.style_weights}
        for tilt in range(len(stack)):
            with torch.no_grad(), reproducible(place):
                for layer, features in placed.activations(images[tilt], grams):
                    grams[layer].append(gram(features).cpu().numpy())
            if progress is not None:
                progress(tilt + 1, len(stack))
        stacked = {layer: np.stack(matrices) for layer, matrices in grams.items()}
        return StyleProfile(stacked, mean, sigma, network.name, network.digest, angles)

    def matched_tilts(self, n: int, angles_deg: ArrayLike | None = None) -> list[int]:
        """Return which of this profile's tilts belongs to each of ``n`` others.

        Parameters
        ----------
        n : int
        angles_deg : array_like, shape (n,), optional
            Stage angles of the others. Where both sides' are known the nearest angle is taken,
            otherwise the same index.

        Raises
        ------
        InputError
            If angles are missing and the counts differ.
        """
        angles = checked_angles(angles_deg, n, "content")
        if angles is not None and self.angles_deg is not None:
            return [int(np.abs(self.angles_deg - angle).argmin()) for angle in angles]
        if n != len(self):
            raise InputError(
                f"style: expected {n} tilts as in content, found {len(self)}; give the tilt "
                "angles of both to match them by angle"
            )
        return list(range(n))

    def to_arrays(self) -> dict[str, AnyArray]:
        """Return all arrays by name; ``network`` and ``network_digest`` are to be kept beside."""
        arrays = {"mean": self.mean, "sigma": self.sigma}
        if self.angles_deg is not None:
            arrays["angles_deg"] = self.angles_deg
        return arrays | {_GRAM + layer: matrices for layer, matrices in self.grams.items()}

    @staticmethod
    def from_arrays(
        arrays: Mapping[str, AnyArray], *, network: str, network_digest: str
    ) -> "StyleProfile":
        """Return the profile whose arrays :meth:`to_arrays` gave.

        Raises
        ------
        InputError
            If an array is missing or the shapes do not fit.
        """
        grams = {
            name.removeprefix(_GRAM): matrices
            for name, matrices in arrays.items()
            if name.startswith(_GRAM)
        }
        if not grams or "mean" not in arrays or "sigma" not in arrays:
            raise InputError(
                "style profile: expected the arrays mean, sigma and gram.<layer>, found "
                f"{sorted(arrays)}"
            )
        angles = arrays.get("angles_deg")
        return StyleProfile(grams, arrays["mean"], arrays["sigma"], network, network_digest, angles)


def checked_angles(angles_deg: ArrayLike | None, n: int, name: str) -> DoubleArray | None:
    """Return the angles as float64 [n], or None; InputError if they are not n finite numbers."""
    if angles_deg is None:
        return None
    angles = np.asarray(angles_deg, np.float64)
    if angles.shape != (n,) or not np.isfinite(angles).all():
        raise InputError(
            f"{name}: expected one tilt angle for each of the {n} tilts, found "
            f"an array of shape {angles.shape}"
        )
    return angles
