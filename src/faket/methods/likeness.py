"""Noiseless tilts made like one reference, by any method that needs no network."""

from collections.abc import Callable
from typing import Any

import numpy as np

from faket.data import AnyArray, FloatArray, TiltSeries
from faket.errors import InputError
from faket.methods.measurement import measure_reference
from faket.methods.notices import model_notices
from faket.methods.reference_model import ReferenceModel
from faket.methods.spectral import spectral_content, spectral_images
from faket.microscope.ctf_estimation import estimate_ctf
from faket.noise import add_noise, baseline, content, estimate_noise, noisy

_PAPERS: dict[str, Callable[..., FloatArray]] = {
    "noisy": noisy,
    "baseline": baseline,
    "content": content,
}
_SPECTRAL: dict[str, Callable[..., FloatArray]] = {
    "spectral": spectral_images,
    "spectral-content": spectral_content,
}


def like_reference(
    method: str,
    clean: TiltSeries,
    reference: TiltSeries,
    twin: AnyArray | None = None,
    seed: int = 0,
    *,
    defocus_um: float | None = None,
    dose_e_per_A2: float | None = None,
    counted: bool = True,
    say: Callable[[str], None] | None = None,
) -> tuple[FloatArray, dict[str, Any]]:
    """Make noiseless tilts look like a reference.

    Parameters
    ----------
    method : {"spectral", "spectral-content", "coloured", "noisy", "baseline", "content"}
    clean : TiltSeries
        Minus line integrals of the potential, V·Å.
    reference : TiltSeries
    twin : ndarray, shape (tilt, y, x), optional
        The reference's noiseless twin.
    seed : int
    defocus_um, dose_e_per_A2 : float, optional
        What is known of the reference: mean defocus, and exposure of the whole series.
    counted : bool
        Whether its grey values may be counts of electrons.
    say : callable, optional
        Called with what was estimated or assumed, a line each.

    Returns
    -------
    images : ndarray, shape (tilt, y, x), float32
    record : dict
        What was measured on the reference, ready for JSON.
    """
    angles_deg = clean.geometry.angles_deg
    if method in _SPECTRAL:
        known = {"defocus_um": defocus_um, "dose_e_per_A2": dose_e_per_A2}
        model = reference_model(reference, twin, **known, counted=counted)
        if say is not None and twin is None:
            for notice in model_notices(model, dose_e_per_A2=dose_e_per_A2, counted=counted):
                say(notice)
        images = _SPECTRAL[method](clean.images, model, angles_deg, seed=seed)
        return images, model.to_dict()
    profile = estimate_noise(reference.images, twin, angles_deg=reference.geometry.angles_deg)
    if method == "coloured":
        there = profile.at(angles_deg)
        images = add_noise(clean.images, there, seed=seed, spectrum="reference")
    elif method in _PAPERS:
        images = _PAPERS[method](clean.images, profile, seed=seed, angles_deg=angles_deg)
    else:
        raise InputError(
            f"method: expected one of {', '.join([*_SPECTRAL, 'coloured', *_PAPERS])}, found "
            f"{method!r}"
        )
    return images, profile.to_dict()


def reference_model(
    reference: TiltSeries,
    twin: AnyArray | None = None,
    *,
    defocus_um: float | None = None,
    dose_e_per_A2: float | None = None,
    counted: bool = True,
) -> ReferenceModel:
    """Measure on a reference what the spectral method needs, with what is known of it."""
    geometry, images = reference.geometry, reference.images
    ctf = estimate_ctf(images, geometry.pixel_size_A, geometry.angles_deg, defocus_um=defocus_um)
    dose = None
    if dose_e_per_A2 is not None:
        dose = np.full(len(images), dose_e_per_A2 / len(images))
    return measure_reference(
        images,
        geometry.angles_deg,
        geometry.pixel_size_A,
        clean=twin,
        ctf=ctf,
        dose_e_per_A2=dose,
        counted=counted,
    )
