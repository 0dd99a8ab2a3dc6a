"""SerialEM's ``.mdoc`` of a whole series: angles, order, exposure, nominal tilt axis.

Conventions: :mod:`faket.io.metadata.mdoc`. What the alignment found is not in it. There
is no clock: the first image was taken at midnight, and one a minute follows.
"""

from datetime import datetime, timedelta

import numpy as np

from faket.io.metadata.geometry import JoinedGeometry, mean_axis_deg

_FLOAT32 = 2  # DataMode of MRC
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_FIRST = datetime(2000, 1, 1)  # chosen: the same data give the same bytes
_EVERY = timedelta(minutes=1)


def mdoc(geometry: JoinedGeometry, stack: str) -> list[str]:
    """Return a ``.mdoc`` with a section an image, in the order of the stack."""
    axis = mean_axis_deg(geometry.axes_deg)
    lines = _header(geometry, stack, axis)
    for i in range(len(geometry)):
        lines += [f"[ZValue = {i}]", *_entries(geometry, i, axis), ""]
    return lines


def _header(geometry: JoinedGeometry, stack: str, axis: float) -> list[str]:
    lines = [f"PixelSpacing = {geometry.pixel_size_A:g}"]
    if geometry.voltage_kV is not None:
        lines.append(f"Voltage = {geometry.voltage_kV:g}")
    lines.append(f"ImageFile = {stack}")
    if geometry.image_size is not None:
        lines.append("ImageSize = {} {}".format(*geometry.image_size))
    title = f"Tilt axis angle = {axis:.2f}, binning = 1  spot = 1  camera = 0"
    return [*lines, f"DataMode = {_FLOAT32}", "", "[T = SerialEM: simulated by faket]", "",
            f"[T =     {title}]", ""]  # fmt: skip


def _entries(geometry: JoinedGeometry, i: int, axis: float) -> list[str]:
    lines = [
        f"TiltAngle = {geometry.nominal_angles_deg[i]:.4f}",
        f"PixelSpacing = {geometry.pixel_size_A:g}",
        f"RotationAngle = {(axis + 90 + 180) % 360 - 180:.2f}",
    ]
    if geometry.target_defocus_um is not None:
        lines.append(f"TargetDefocus = {-geometry.target_defocus_um:g}")
    dose, before = geometry.dose_e_per_A2[i], geometry.dose_before_e_per_A2[i]
    if np.isfinite(dose):
        lines.append(f"ExposureDose = {dose:.5f}")
    if np.isfinite(before):
        lines.append(f"PriorRecordDose = {before:.5f}")
    if geometry.frames[i]:
        lines.append(f"SubFramePath = {geometry.frames[i]}.mrc")
    if geometry.order[i] >= 0:
        lines.append(f"DateTime = {_clock(int(geometry.order[i]))}")
    return lines


def _clock(place: int) -> str:
    """Return day, month by its English name, year and time, as SerialEM prints them."""
    time = _FIRST + place * _EVERY
    return f"{time:%d}-{_MONTHS[time.month - 1]}-{time:%y}  {time:%H:%M:%S}"
