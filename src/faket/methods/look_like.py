"""Noise-free projections made to look like one reference: from arrays to arrays."""

import logging
from collections.abc import Callable
from typing import Any

from faket.data import (
    AnyArray,
    FloatArray,
    TiltSeries,
    plain_record,
)
from faket.device import Device
from faket.errors import InputError
from faket.methods.half_fraction import Halves
from faket.methods.known import known_ctf, known_dose
from faket.methods.line_integrals import unit_notices
from faket.methods.measurement import measure_reference
from faket.methods.notices import reference_notices
from faket.methods.reference_properties import ReferenceProperties
from faket.methods.render import Measured, render, with_noise
from faket.methods.spectral import spectral_content
from faket.methods.table import METHODS, MethodName, MethodRow, NetworkName, method_row
from faket.noise import NoiseProfile, content, estimate_noise
from faket.style import FeatureNetwork, StyleProfile, load_network

_LOG = logging.getLogger("faket")
_CONTENT = {"spectral-content": "spectral", "content": "noisy"}  # contents of these methods


def look_like(
    noise_free: TiltSeries,
    reference: TiltSeries,
    *,
    method: MethodName = "spectral",
    noise_free_reference: AnyArray | None = None,
    seed: int = 0,
    defocus_um: float | None = None,
    dose_e_per_A2: float | None = None,
    counted: bool = True,
    independent: bool = True,
    halves: Halves | None = None,
    network: FeatureNetwork | None = None,
    device: Device = "auto",
    say: Callable[[str], None] | None = None,
) -> TiltSeries:
    """Make noise-free projections look like a reference.

    Parameters
    ----------
    noise_free : TiltSeries
        Minus line integrals of the potential, V·Å (protein dark), at the reference's pixel size.
    reference : TiltSeries
        Aligned, with the tilt axis along y and dark protein. Its tilt angles may differ from those
        of ``noise_free``; the nearest are used.
    method : str
        ``spectral``: the reference's CTF, signal and noise. ``style``: then its texture.
        ``coloured``: noise of the reference's spectrum. ``noisy``, ``baseline``, ``faket``,
        ``faket-random``: as in FakET (Harar et al., arXiv 2304.02011); ``faket`` needs ``network``.
    noise_free_reference : ndarray, shape (tilt, y, x), optional
        The reference's own noise-free projections, if they are known.
    seed : int
        Of the noise, and of an untrained network.
    defocus_um, dose_e_per_A2 : float, optional
        Mean defocus of the reference, and the exposure of its whole series. If not given, the
        defocus is estimated and the exposure assumed.
    counted : bool
        Whether the reference's grey values may be counts of electrons; False if they were scaled
        to bytes.
    independent : bool
        Whether the reference's tilts were recorded each by itself; False for reprojections of a
        tomogram, which share noise.
    halves : tuple of two ndarrays, shape (tilt, y, x), optional
        The reference from even and from odd frames, at the same pixels: its noise is measured on
        them.
    network : FeatureNetwork, optional
        For the methods with style transfer, instead of their own; VGG19 with trained weights
        for ``faket``.
    device : {"auto", "cpu", "cuda"}
        Of the images; a reference's noise and spectra are measured on the CPU.
    say : callable, optional
        Called with each notice, one line: what was estimated or assumed, and whether
        ``noise_free`` seems to be in volts instead of V·Å. The last is logged without it.

    Returns
    -------
    TiltSeries
        In the reference's grey values, with the geometry of ``noise_free``.

    Raises
    ------
    InputError
        If the method is unknown, needs no reference or another network, pixel sizes differ or a
        stack cannot be used.
    """
    row = method_row(method)
    _check_method(row, network)
    sizes_A = [series.geometry.pixel_size_A for series in (noise_free, reference)]
    if abs(sizes_A[0] / sizes_A[1] - 1) > 0.02:
        raise InputError(
            f"reference: expected the pixel size of the noise-free projections {sizes_A[0]:g} Å, "
            f"found {sizes_A[1]:g} Å; resample one of them first (faket.reconstruction.resample)"
        )
    known = {"defocus_um": defocus_um, "dose_e_per_A2": dose_e_per_A2}
    _check_units(row, noise_free, noise_free_reference, say)
    measured = _measured(
        row, reference, noise_free_reference, known, (counted, independent), say, halves
    )
    if row.network is not None:
        network = network or _own_network(row.network, seed)
        style = StyleProfile.measure(
            reference.images,
            network=network,
            angles_deg=reference.geometry.angles_deg,
            pixel_size_A=reference.geometry.pixel_size_A,
            device=device,
        )
        measured = Measured(measured.noise, measured.properties, style, network)
    angles_deg = noise_free.geometry.angles_deg
    images = render(row, noise_free.images, angles_deg, measured, seed=seed, device=device)
    return TiltSeries(images, noise_free.geometry)


def noise_like(
    method: str,
    noise_free: TiltSeries,
    reference: TiltSeries,
    noise_free_reference: AnyArray | None = None,
    seed: int = 0,
    *,
    defocus_um: float | None = None,
    dose_e_per_A2: float | None = None,
    counted: bool = True,
    independent: bool = True,
    halves: Halves | None = None,
    device: Device = "auto",
    say: Callable[[str], None] | None = None,
) -> tuple[FloatArray, dict[str, Any]]:
    """Give noise-free projections a reference's noise, and return what was measured.

    Parameters
    ----------
    method : {"spectral", "spectral-content", "coloured", "noisy", "baseline", "content"}
        The two contents are what style transfer preserves: with a quarter of the noise.
    noise_free, reference, noise_free_reference, seed
    defocus_um, dose_e_per_A2, counted, independent, halves, device, say
        As for :func:`look_like`.

    Returns
    -------
    images : ndarray, shape (tilt, y, x), float32
    record : dict
        What was measured on the reference, ready for JSON.
    """
    row = METHODS.get(_CONTENT.get(method, method))
    if row is None or row.network is not None or not row.needs_reference:
        starts = [name for name, r in METHODS.items() if r.needs_reference and r.network is None]
        raise InputError(
            f"`method`: expected one of {', '.join([*starts, *_CONTENT])}, found {method!r}; "
            "choose one of them"
        )
    known = {"defocus_um": defocus_um, "dose_e_per_A2": dose_e_per_A2}
    _check_units(row, noise_free, noise_free_reference, say)
    measured = _measured(
        row, reference, noise_free_reference, known, (counted, independent), say, halves
    )
    images, angles_deg = noise_free.images, noise_free.geometry.angles_deg
    record = measured.properties or measured.noise
    assert record is not None
    how: dict[str, Any] = {"seed": seed, "device": device}
    if method == "spectral-content" and measured.properties is not None:
        made = spectral_content(images, measured.properties, angles_deg, **how)
    elif method == "content" and measured.noise is not None:
        made = content(images, measured.noise, angles_deg=angles_deg, **how)
    else:
        made = with_noise(row, images, angles_deg, measured, **how)
    return made, plain_record(record)


def reference_properties(
    reference: TiltSeries,
    noise_free: AnyArray | None = None,
    *,
    defocus_um: float | None = None,
    dose_e_per_A2: float | None = None,
    counted: bool = True,
    independent: bool = True,
    noise: NoiseProfile | None = None,
    halves: Halves | None = None,
) -> ReferenceProperties:
    """Measure on a reference what the spectral method needs, with what is known of it.

    ``noise``: the noise of the same stacks, if it has been estimated before; ``halves``: as for
    :func:`look_like`.
    """
    geometry, images = reference.geometry, reference.images
    return measure_reference(
        images,
        geometry.angles_deg,
        geometry.pixel_size_A,
        noise_free=noise_free,
        ctf=known_ctf(reference, defocus_um),
        dose_e_per_A2=known_dose(geometry, dose_e_per_A2),
        order=geometry.order,
        dose_before_e_per_A2=None if dose_e_per_A2 else geometry.dose_before_e_per_A2,
        counted=counted,
        independent=independent,
        noise=noise,
        halves=halves,
    )


def _measured(
    row: MethodRow,
    reference: TiltSeries,
    noise_free: AnyArray | None,
    known: dict[str, float | None],
    kind: tuple[bool, bool],
    say: Callable[[str], None] | None,
    halves: Halves | None,
) -> Measured:
    """Measure what the method's start needs; report what was estimated or assumed."""
    if not row.needs_spectra:
        angles_deg = reference.geometry.angles_deg
        return Measured(
            estimate_noise(reference.images, noise_free, angles_deg=angles_deg, halves=halves)
        )
    dose_e_per_A2, (counted, independent) = known["dose_e_per_A2"], kind
    properties = reference_properties(
        reference,
        noise_free,
        defocus_um=known["defocus_um"],
        dose_e_per_A2=dose_e_per_A2,
        counted=counted,
        independent=independent,
        halves=halves,
    )
    if say is not None and noise_free is None:
        dose = known_dose(reference.geometry, dose_e_per_A2)
        for notice in reference_notices(
            properties, dose=dose, order=reference.geometry.order, counted=counted
        ):
            say(notice)
    return Measured(properties=properties)


def _check_units(
    row: MethodRow,
    noise_free: TiltSeries,
    noise_free_reference: AnyArray | None,
    say: Callable[[str], None] | None,
) -> None:
    """Give a notice if the method needs V·Å and the projections seem to be in volts."""
    if not row.needs_spectra:
        return
    pixel_size_A = noise_free.geometry.pixel_size_A
    for notice in unit_notices(noise_free.images, pixel_size_A, noise_free_reference):
        # Without a handler, logging writes the bare line to the error stream.
        (say or _LOG.warning)(notice)


def _check_method(row: MethodRow, network: FeatureNetwork | None) -> None:
    if not row.needs_reference:
        usable = [name for name, other in METHODS.items() if other.needs_reference]
        raise InputError(
            f"`method`: expected one of {', '.join(usable)}, found {row.name!r}; choose one that "
            "needs a reference"
        )
    if row.network is None and network is not None:
        raise InputError(
            f"`network`: expected none with method {row.name}, which transfers no style, found "
            f"{network.name}; choose `method` style"
        )
    if row.network == "vgg19" and network is None:
        raise InputError(
            "`network`: expected VGG19 with trained weights for method faket, found none; choose "
            "`method` style if you have none"
        )


def _own_network(name: NetworkName, seed: int) -> FeatureNetwork:
    return load_network(name, seed=seed) if name == "vgg19-random" else load_network(name)
