"""The tilt-series of a tomogram for its page: images, power spectra, Thon rings."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from faket.data import DoubleArray
from faket.io.acquisition import read_acquisition
from faket.io.model_folder import (
    ACQUISITION,
    ANGLES,
    NOISE_FREE_PROJECTIONS,
    PROJECTIONS,
    PROJECTIONS_UNBINNED,
    REFERENCE_MODEL,
)
from faket.io.mrc import read_pixel_size, read_shape, read_stack
from faket.io.mrc.reduced import read_reduced
from faket.io.tilts import read_tilt_angles
from faket.microscope.ctf_estimate import AMPLITUDE_CONTRAST
from faket.pages.spectra import KnownCtf, stack_spectra, thon_rings
from faket.pages.sprites import Detail, fitting_factor, grey_sprite
from faket.pages.targets import View
from faket.pipeline.methods import read_properties
from faket.units import A_PER_NM, UM_PER_A

_DIGITS = 4  # of a number in a curve; chosen, more than a screen can show


@dataclass(frozen=True)
class Stack:
    """A stack of a tomogram and what it is called on the page."""

    title: str
    path: Path
    source: str
    measured: bool = True  # whether it has noise, and so power spectra worth to look at


def stacks_of(view: View) -> list[Stack]:
    """Return the tomogram's own stacks that are there and whose tilt angles are known."""
    found = []
    if view.folder is not None:
        name = view.folder.resolve().name
        for title, file, measured in (
            ("images", PROJECTIONS_UNBINNED, True),
            ("noise-free projections", NOISE_FREE_PROJECTIONS, False),
        ):
            found.append(Stack(title, view.folder / file, f"{name}/{file}", measured))
    return [item for item in found if _is_there(item)]


def reference_stack(view: View) -> Stack | None:
    """Return the images of the reference; None if they are not there."""
    if view.reference is None:
        return None
    source = f"{view.reference.name}/{PROJECTIONS}"
    stack = Stack("reference", view.reference / PROJECTIONS, source)
    return stack if _is_there(stack) else None


def stack_content(stack: Stack, view: View, detail: Detail) -> dict[str, Any]:
    """Return a stack's images, and of one with noise also power spectra and Thon rings."""
    angles = read_tilt_angles(angles_file(stack.path))
    factor = fitting_factor(read_shape(stack.path), detail, stack=True)
    pixel_A = read_pixel_size(stack.path)
    content = {
        "title": stack.title,
        "source": stack.source,
        "angles": [round(float(angle), 2) for angle in angles],
        "pixel_nm": factor * pixel_A / A_PER_NM,
        "factor": factor,
        "sprite": grey_sprite(read_reduced(stack.path, factor, stack=True), detail.quality),
    }
    if stack.measured and len(angles) == read_shape(stack.path)[0]:
        content |= _spectra(stack.path, pixel_A, angles, known_ctf(stack, view))
    return content


def angles_file(stack: Path) -> Path:
    """Return the file of tilt angles beside a stack of a data set."""
    own = stack.with_suffix(ANGLES)
    # Noise-free projections have the angles of the images.
    return own if own.exists() else stack.with_name(PROJECTIONS_UNBINNED).with_suffix(ANGLES)


def _is_there(stack: Stack) -> bool:
    return stack.path.exists() and angles_file(stack.path).exists()


def known_ctf(stack: Stack, view: View) -> KnownCtf | None:
    """Return the contrast transfer function of a stack: drawn, or as measured on the reference."""
    record = stack.path.with_name(ACQUISITION)
    if record.exists():
        return _of_acquisition(record, f"{stack.path.parent.name}/{ACQUISITION}")
    if view.reference is None or not (view.reference / REFERENCE_MODEL).exists():
        return None
    found = read_properties(view.reference).ctf
    optics = [found.optics(tilt) for tilt in range(len(found.angles_deg))]
    source = f"{view.reference.name}/{REFERENCE_MODEL}"
    return KnownCtf(found.angles_deg, optics, found.amplitude_contrast, source)


def _of_acquisition(path: Path, source: str) -> KnownCtf:
    record = read_acquisition(path)
    # Astigmatism belongs to the image as recorded, which alignment turns back.
    optics = [
        replace(each, astigmatism_deg=each.astigmatism_deg - record.tilt_axis_deg)
        for each in map(record.optics, range(len(record)))
    ]
    return KnownCtf(np.array(record.nominal_angles_deg), optics, AMPLITUDE_CONTRAST, source)


def _spectra(
    path: Path, pixel_A: float, angles: DoubleArray, ctf: KnownCtf | None
) -> dict[str, Any]:
    stack, _ = read_stack(path, mmap=True)
    spectra = stack_spectra(stack, pixel_A, angles)
    rings = thon_rings(spectra, ctf)
    thon = {
        "sprite": grey_sprite(rings["image"][None], 80, limits=(0.0, 255.0)),
        "frequency": _rounded(rings["frequency_per_A"]),
        "measured": _rounded(rings["measured"]),
        "expected": None if ctf is None else _rounded(rings["expected"]),
        "source": None if ctf is None else ctf.source,
        "defocus_um": None if ctf is None else _middle_defocus_um(ctf),
    }
    return {
        # The first ring holds what the windows leave of the mean.
        "frequency": _rounded(spectra.frequency_per_A[1:]),
        "power": [_rounded(curve[1:]) for curve in spectra.power],
        "nyquist": 0.5 / pixel_A,
        "thon": thon,
    }


def _middle_defocus_um(ctf: KnownCtf) -> float:
    nearest = int(np.abs(ctf.angles_deg).argmin())
    return round(ctf.optics[nearest].defocus_A * UM_PER_A, 2)


def _rounded(values: DoubleArray) -> list[float]:
    return [float(f"{value:.{_DIGITS}g}") for value in values]
