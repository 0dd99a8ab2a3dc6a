"""Which files are written of a tilt-series, and what each of them needs to be known."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from faket.io.metadata.geometry import JoinedGeometry
from faket.io.metadata_writers import aretomo, ctffind, imod, imod_commands, relion, serialem, warp
from faket.io.star import write_star
from faket.io.text import write_text

_ALIGNED = ("angles_deg", "matrices", "shifts_px", "image_size")
_DEFOCUS = ("angles_deg", "defocus_u_um", "defocus_v_um", "astigmatism_deg")
_OPTICS = ("pixel_size_A", "voltage_kV", "spherical_aberration_mm", "amplitude_contrast")
_ORDER = ("order", "dose_before_e_per_A2")
_SHOWN = {
    "angles_deg": "refined angles",
    "nominal_angles_deg": "stage angles",
    "matrices": "alignment",
    "shifts_px": "alignment",
    "image_size": "image size",
    "defocus_u_um": "defocus",
    "defocus_v_um": "defocus",
    "astigmatism_deg": "astigmatism",
    "pixel_size_A": "pixel size",
    "voltage_kV": "voltage",
    "spherical_aberration_mm": "spherical aberration",
    "amplitude_contrast": "amplitude contrast",
    "order": "order of acquisition",
    "dose_e_per_A2": "exposure",
    "dose_before_e_per_A2": "exposure before each image",
    "frames": "names of frames",
}


@dataclass(frozen=True)
class SeriesNames:
    """What files of a series call each other by.

    Attributes
    ----------
    series : str
        Name of the series, and of its files.
    stack : str
        File name of the stack, which lies in the folder of the series' name.
    relion_stack : str
        Path of the stack from RELION's project, with the ending ``.mrcs``.
    thickness_px : int
        Of the tomogram, in pixels of the stack.
    """

    series: str
    stack: str
    relion_stack: str
    thickness_px: int


@dataclass(frozen=True)
class _File:
    """One file: its name behind the series' name, or whole; what it needs; how it is written.

    Without a folder it lies in that of the series, beside its stack.
    """

    ending: str
    needs: tuple[str, ...]
    lines: Callable[[JoinedGeometry, SeriesNames], list[str]] | None
    folder: str = ""
    whole: bool = False

    def path(self, names: SeriesNames) -> Path:
        name = self.ending if self.whole else names.series + self.ending
        return Path(self.folder or names.series) / name


_FILES = (
    _File(".rawtlt", ("nominal_angles_deg",), lambda g, n: imod.raw_angles(g)),
    _File(".tlt", ("angles_deg",), lambda g, n: imod.refined_angles(g)),
    _File(".xf", _ALIGNED, lambda g, n: imod.transforms(g)),
    _File(".xtilt", ("angles_deg",), lambda g, n: imod.x_tilts(g)),
    _File(".defocus", _DEFOCUS, lambda g, n: imod.defocus(g)),
    _File("newst.com", _ALIGNED, lambda g, n: imod_commands.newstack_command(g, n.series, n.stack),
          whole=True),
    _File("tilt.com", _ALIGNED, lambda g, n: imod_commands.tilt_command(
        g, n.series, n.thickness_px), whole=True),
    _File(".mrc.mdoc", ("nominal_angles_deg", "pixel_size_A"), lambda g, n: serialem.mdoc(
        g, n.stack)),
    _File(".aln", _ALIGNED, lambda g, n: aretomo.alignment(g)),
    _File("_TLT.txt", ("nominal_angles_deg", "order"), lambda g, n: aretomo.angles_with_order(g)),
    _File("_CTF.txt", _DEFOCUS, lambda g, n: ctffind.aretomo_ctf(g)),
    _File("_ctffind4.txt", (*_DEFOCUS, *_OPTICS), lambda g, n: ctffind.ctffind(g, n.stack)),
    _File("_dose.txt", ("dose_e_per_A2", "dose_before_e_per_A2"), lambda g, n: doses(g)),
    _File(".xml", (*_ALIGNED, "pixel_size_A", "frames", *_ORDER), lambda g, n: warp.warp_xml(
        g, n.thickness_px), folder="warp_tiltseries"),
    _File(".tomostar", ("nominal_angles_deg", "frames", *_ORDER), None, folder="tomostar"),
    _File(".star", (*_ALIGNED, "pixel_size_A"), None, folder="tilt_series"),
)  # fmt: skip


def write_metadata(folder: Path, geometry: JoinedGeometry, names: SeriesNames) -> list[str]:
    """Write every file of which all is known that it must tell.

    Parameters
    ----------
    folder : Path
        Of the project. The files of IMOD, AreTomo, SerialEM and ctffind lie in a folder of the
        series' name, Warp's and RELION's in ``warp_tiltseries``, ``tomostar`` and ``tilt_series``.
    geometry : JoinedGeometry
        Of all images of the stack.
    names : SeriesNames

    Returns
    -------
    list of str
        A line for each file that was left out, and what is not known for it.
    """
    left_out = []
    for file in _FILES:
        missing = dict.fromkeys(_SHOWN[n] for n in file.needs if not _is_known(geometry, n))
        path = file.path(names)
        if missing:
            left_out.append(f"{path}: left out, because its {', '.join(missing)} is not known")
            continue
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        if file.lines is not None:
            write_text(folder / path, file.lines(geometry, names))
        elif file.folder == "tomostar":
            write_star(folder / path, {"": warp.tomostar(geometry)})
        else:
            table = relion.tilt_series(geometry, names.relion_stack)
            write_star(folder / path, {names.series: table})
    return left_out


def doses(geometry: JoinedGeometry) -> list[str]:
    """Return the exposure of each image and all before it, e/Å², one a line."""
    return [f"{value:.4f}" for value in geometry.dose_before_e_per_A2 + geometry.dose_e_per_A2]


def _is_known(geometry: JoinedGeometry, name: str) -> bool:
    """Tell whether a field is known of every image (an alignment: of those that are used)."""
    value = getattr(geometry, name)
    if name == "order":
        return bool((value >= 0).all())
    if isinstance(value, np.ndarray):
        return bool(np.isfinite(value).all())
    if isinstance(value, tuple):
        return all(item is not None for item in value)
    return value is not None
