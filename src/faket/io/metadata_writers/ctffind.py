"""Defocus an image as ctffind 4 and AreTomo (``_CTF.txt``) print it.

Conventions: :mod:`faket.io.metadata.ctffind`. How well the CTF was fitted is not a quantity of a
simulation: the correlation is printed as 1, the resolution as twice the pixel.
"""

import numpy as np
from numpy.typing import NDArray

from faket.io.metadata.geometry import JoinedGeometry
from faket.units import A_PER_UM

_COLUMNS = ("#1 - micrograph number; #2 - defocus 1 [Angstroms]; #3 - defocus 2; #4 - azimuth of "
            "astigmatism; #5 - additional phase shift [radians]; #6 - cross correlation; #7 - "
            "spacing (in Angstroms) up to which CTF rings were fit successfully")  # fmt: skip


def ctffind(geometry: JoinedGeometry, stack: str) -> list[str]:
    """Return ctffind 4's text, in the order of the stack."""
    optics = (
        f"# Pixel size: {geometry.pixel_size_A:.3f} Angstroms ; acceleration voltage: "
        f"{geometry.voltage_kV:.1f} keV ; spherical aberration: "
        f"{geometry.spherical_aberration_mm:.2f} mm ; amplitude contrast: "
        f"{geometry.amplitude_contrast:.3f}"
    )
    return [
        "# Output from CTFFind version 4.1.14 as faket writes it",
        f"# Input file: {stack} ; Number of micrographs: {len(geometry)}",
        optics,
        f"# Columns: {_COLUMNS}",
        *_rows(geometry, np.arange(len(geometry)), "{:f} {:f} {:f} {:f} {:f} {:f} {:f}"),
    ]


def aretomo_ctf(geometry: JoinedGeometry) -> list[str]:
    """Return AreTomo's ``_CTF.txt``: images count by rising angle."""
    order = np.argsort(geometry.angles_deg, kind="stable")
    pattern = "{:4.0f}   {:8.2f} {:8.2f} {:9.2f} {:9.4f} {:9.4f} {:9.4f}"
    return [f"# Columns: {_COLUMNS.replace('#1 -', '#1', 1)}", *_rows(geometry, order, pattern)]


def _rows(geometry: JoinedGeometry, order: NDArray[np.intp], pattern: str) -> list[str]:
    """Return number from 1, two defoci, direction, phase, correlation and resolution."""
    phase = np.radians(np.nan_to_num(geometry.phase_shift_deg))
    nyquist_A = 2 * (geometry.pixel_size_A or 0.0)
    return [
        pattern.format(
            number,
            A_PER_UM * geometry.defocus_u_um[i],
            A_PER_UM * geometry.defocus_v_um[i],
            geometry.astigmatism_deg[i],
            phase[i],
            1.0,
            nyquist_A,
        )
        for number, i in enumerate(order, 1)
    ]
