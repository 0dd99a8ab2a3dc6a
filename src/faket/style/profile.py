"""The style profile: what style transfer needs to know of a reference, measured once."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import ArrayLike

from faket.data import AnyArray, DoubleArray
from faket.device import Device, resolve_device
from faket.errors import InputError
from faket.style.choose import choose_method
from faket.style.images import checked_statistics, reproducible
from faket.style.matching import checked_pixel_size, differ, tilts_by_angle
from faket.style.network import FeatureNetwork
from faket.style.triangles import matrices_of, triangles_of
from faket.tilts import checked_angles, nearest_tilts

_GRAM = "gram."
_AXES = {"mean": 1, "sigma": 1, "angles_deg": 1, "pixel_size_A": 0}  # others: 2


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
        Its digest; a profile cannot be used with another network.
    angles_deg : ndarray, shape (tilts,), float64, or None
        Stage angles, by which tilts are matched; None if they are not known.
    pixel_size_A : float or None
        Of the reference; None if it is not known.
    """

    grams: Mapping[str, AnyArray]
    mean: DoubleArray
    sigma: DoubleArray
    network: str
    network_digest: str
    angles_deg: DoubleArray | None = None
    pixel_size_A: float | None = None

    def __post_init__(self) -> None:
        """Raise InputError unless every part has one entry for each tilt."""
        parts = {name: getattr(self, name) for name in ("mean", "sigma", "angles_deg")}
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
        pixel_size_A: float | None = None,
        device: Device = "auto",
        dtype: torch.dtype = torch.float32,
        memory_limit: int | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> "StyleProfile":
        """Measure the style of a reference.

        Parameters
        ----------
        stack : ndarray, shape (tilt, y, x)
            The reference, scaled to [0, 1] over the whole stack before it is measured.
        network : FeatureNetwork
        angles_deg : array_like, shape (tilts,), optional
        pixel_size_A : float, optional
        device : {"auto", "cpu", "cuda"}
        dtype : torch.dtype
            As in :func:`faket.style.transfer_style`.
        memory_limit : int, optional
            Bytes that VGG19 may use beyond the stack; by default 2 GB, on a GPU 60 % of its free
            memory. Not for the network "texture".
        progress : callable, optional
            Called after every tilt with the number done and the number in all.

        Returns
        -------
        StyleProfile

        Raises
        ------
        InputError
            If a tilt is constant, too small for the network or not finite, there is not one angle
            for each tilt, or the memory limit is too small or given for a network without one.
        """
        mean, sigma = checked_statistics(stack, "style", network.smallest_image)
        angles = None
        if angles_deg is not None:
            angles = checked_angles(angles_deg, len(stack), name="style, tilt angles")
        pixel_size_A = checked_pixel_size(pixel_size_A, "style")
        place = resolve_device(device)
        size = stack.shape[1], stack.shape[2]
        method = choose_method(network, size, place, dtype, memory_limit, only_measure=True)
        measure = method.measure(stack)
        grams: dict[str, list[AnyArray]] = {layer: [] for layer in network.style_weights}
        kind = np.float64 if dtype == torch.float64 else np.float32
        for tilt in range(len(stack)):
            with torch.no_grad(), reproducible(place):
                found = measure(tilt)
            for layer, matrices in grams.items():
                matrices.append(((found[layer] + found[layer].T) / 2).astype(kind))
            if progress is not None:
                progress(tilt + 1, len(stack))
        return StyleProfile(
            {layer: np.stack(matrices) for layer, matrices in grams.items()},
            mean,
            sigma,
            network.name,
            network.digest,
            angles,
            pixel_size_A,
        )

    @staticmethod
    def average(profiles: Sequence["StyleProfile"]) -> "StyleProfile":
        """Return the mean style of several references.

        Tilts are matched by angle to those of the profile with the most tilts; a profile with no
        tilt within that profile's widest increment is left out at that angle. Gram matrices,
        means and variances are averaged.

        Parameters
        ----------
        profiles : sequence of StyleProfile
            Of one network and one pixel size; numbers of tilts and image sizes may differ. If
            angles are not known, tilts are matched by index.

        Raises
        ------
        InputError
            If there is none, or they do not fit each other.
        """
        if not profiles:
            raise InputError(
                "style profiles: expected at least one to average, found none; give one"
            )
        base = max(profiles, key=len)
        for other in profiles:
            _check_alike(base, other)
        angles = [profile.angles_deg for profile in profiles]
        chosen = tilts_by_angle(base.angles_deg, angles, len(base))

        def mean(part: Callable[[StyleProfile], AnyArray]) -> AnyArray:
            parts = [part(profile) for profile in profiles]
            means = [np.mean([parts[p][t] for p, t in pairs], axis=0) for pairs in chosen]
            return np.stack(means).astype(parts[0].dtype)

        def gram(layer: str) -> AnyArray:
            return mean(lambda profile: profile.grams[layer])

        sizes = [p.pixel_size_A for p in profiles if p.pixel_size_A is not None]
        return replace(
            base,
            grams={layer: gram(layer) for layer in base.grams},
            mean=mean(lambda profile: profile.mean),
            sigma=np.sqrt(mean(lambda profile: profile.sigma**2)),
            pixel_size_A=sizes[0] if sizes else None,
        )

    def matched_tilts(self, n: int, angles_deg: ArrayLike | None = None) -> list[int]:
        """Return the tilt of this profile that belongs to each of ``n`` others.

        Parameters
        ----------
        n : int
        angles_deg : array_like, shape (n,), optional
            Stage angles of the others. If both are known, the tilt with the nearest angle is used,
            otherwise the one with the same index.

        Raises
        ------
        InputError
            If angles are missing and the numbers of tilts differ.
        """
        if angles_deg is not None:
            angles = checked_angles(angles_deg, n, name="content, tilt angles")
            if self.angles_deg is not None:
                return [int(tilt) for tilt in nearest_tilts(angles, self.angles_deg)]
        if n != len(self):
            raise InputError(
                f"style: expected {n} tilts as in content, found {len(self)}; give the tilt "
                "angles of both to match them by angle"
            )
        return list(range(n))

    def check_fits(self, network: FeatureNetwork, pixel_size_A: float | None) -> None:
        """Raise InputError if the profile is of another network, or of another known pixel size."""
        if self.network_digest != network.digest or not set(network.style_weights) <= set(
            self.grams
        ):
            raise InputError(
                f"style profile: expected one measured with {network.name} (weights "
                f"{network.digest[:8]}), found {self.network} ({self.network_digest[:8]}); "
                "measure the reference again"
            )
        if differ(self.pixel_size_A, pixel_size_A):
            raise InputError(
                f"style profile: expected the content's pixel size {pixel_size_A:g} Å, found "
                f"{self.pixel_size_A:g} Å; measure a reference of that pixel size"
            )

    def to_arrays(self) -> dict[str, AnyArray]:
        """Return all arrays by name, without ``network`` and ``network_digest``.

        Gram matrices are symmetric, so only their upper triangles are returned, row by row.
        """
        arrays: dict[str, AnyArray] = {"mean": self.mean, "sigma": self.sigma}
        for name in ("angles_deg", "pixel_size_A"):
            if getattr(self, name) is not None:
                arrays[name] = np.asarray(getattr(self, name), np.float64)
        for layer, matrices in self.grams.items():
            arrays[_GRAM + layer] = triangles_of(matrices)
        return arrays

    @staticmethod
    def from_arrays(
        arrays: Mapping[str, AnyArray], *, network: str, network_digest: str
    ) -> "StyleProfile":
        """Return the profile of the arrays that :meth:`to_arrays` returned.

        Raises
        ------
        InputError
            If an array is missing or the shapes do not fit.
        """
        grams = {
            name.removeprefix(_GRAM): matrices_of(name, triangles)
            for name, triangles in arrays.items()
            if name.startswith(_GRAM)
        }
        if not grams or "mean" not in arrays or "sigma" not in arrays:
            raise InputError(
                "style profile: expected the arrays mean, sigma and gram.<layer>, found "
                f"{sorted(arrays)}; measure the reference again"
            )
        size = arrays.get("pixel_size_A")
        for name, array in arrays.items():
            if array.dtype.kind != "f" or array.ndim != _AXES.get(name, 2):
                raise InputError(
                    f"style profile: expected {name} with {_AXES.get(name, 2)} axes of floating "
                    f"point numbers, found {array.ndim} of {array.dtype}; measure the reference "
                    "again"
                )
        if size is not None and not 0 < float(size) < np.inf:
            raise InputError(
                f"style profile: expected pixel_size_A > 0, found {float(size):g}; measure the "
                "reference again"
            )
        return StyleProfile(
            grams,
            arrays["mean"],
            arrays["sigma"],
            network,
            network_digest,
            arrays.get("angles_deg"),
            None if size is None else float(size),
        )


def _check_alike(base: StyleProfile, other: StyleProfile) -> None:
    shapes = [{name: g.shape[1:] for name, g in p.grams.items()} for p in (base, other)]
    if base.network_digest != other.network_digest or shapes[0] != shapes[1]:
        raise InputError(
            f"style profiles: expected all of one network, found {base.network} "
            f"({base.network_digest[:8]}) and {other.network} ({other.network_digest[:8]}); "
            "measure the references again with one network"
        )
    if differ(base.pixel_size_A, other.pixel_size_A):
        raise InputError(
            f"style profiles: expected all of one pixel size, found {base.pixel_size_A:g} Å and "
            f"{other.pixel_size_A:g} Å; bin or resample one reference first"
        )
    if len(base) != len(other) and (base.angles_deg is None or other.angles_deg is None):
        raise InputError(
            f"style profiles: expected equal numbers of tilts if angles are not known, found "
            f"{len(base)} and {len(other)}; give the tilt angles of all"
        )
