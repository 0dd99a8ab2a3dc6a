"""From specimen and record to the images of a tilt-series."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from faket.data import AnyArray, FloatArray, Specimen, TiltGeometry, TiltSeries
from faket.device import Device, resolve_device
from faket.errors import InputError
from faket.microscope.amplitudes import match_ring_amplitudes
from faket.microscope.presets import PRESETS
from faket.microscope.record import AcquisitionRecord, draw_acquisition
from faket.microscope.settings import Microscope
from faket.seeds import generator
from faket.stacks import empty_stack, stack_of

if TYPE_CHECKING:
    from faket.microscope.column import Column
    from faket.microscope.detector import Camera

ImagingStage = Literal["potential", "exit_wave", "intensity", "counts"]


@dataclass(frozen=True)
class Exposure:
    """The result of an acquisition.

    Attributes
    ----------
    series : TiltSeries
        Images as the detector gives them, protein dark, in counts; the geometry is what
        alignment would know.
    record : AcquisitionRecord
        The truth.
    stages : mapping of str to ndarray, shape (tilt, y, x)
        The stages that were kept, on the detector's pixels:

        - ``"potential"``: projected potential above ice, V·Å, float32; no ice, no damage;
        - ``"exit_wave"``: complex64, relative to the incident wave, referred to the middle of
          the slab; these two in the ideal geometry, with the tilt axis along y;
        - ``"intensity"``: on the detector, relative to the incident beam, float32;
        - ``"counts"``: electrons counted, before the detector's transfer, float32.
    halves : tuple of two TiltSeries, or None
        Odd and even frames: the electrons counted, each of which falls into either half with
        the same chance. So they are independent counts of half the dose each, their sum is
        ``series``, and that is the same whether there are halves or not.
    """

    series: TiltSeries
    record: AcquisitionRecord
    stages: Mapping[str, AnyArray]
    halves: tuple[TiltSeries, TiltSeries] | None = None


def acquire(
    specimen: Specimen,
    geometry: TiltGeometry,
    microscope: Microscope = PRESETS["shrec21"],
    *,
    seed: int,
    reference: AnyArray | None = None,
    device: Device = "auto",
) -> TiltSeries:
    """Take a tilt-series: draw what is random, then expose.

    Parameters
    ----------
    specimen : Specimen
    geometry : TiltGeometry
        Nominal angles and pixel size, and dose and order where it has them.
    microscope : Microscope
    seed : int
    reference : ndarray, shape (tilt, y, x), optional
        Stack whose ring amplitudes the images are given.
    device : {"auto", "cpu", "cuda"}

    Returns
    -------
    TiltSeries
        Its geometry has the nominal angles, the recorded shifts (true ones plus the alignment
        error), tilt axis, dose and order. Errors of angle and rotation are not in it, as in a real
        series; :func:`draw_acquisition` and :func:`expose` give the record that holds them.

    Raises
    ------
    InputError
        If the geometry, or its pixel size, does not fit.
    """
    record = draw_acquisition(microscope, geometry, seed=seed)
    return expose(specimen, record, device=device, reference=reference).series


def expose(
    specimen: Specimen,
    record: AcquisitionRecord,
    *,
    device: Device = "auto",
    keep: Collection[ImagingStage] = (),
    halves: bool = False,
    reference: AnyArray | None = None,
    progress: Callable[[int], None] | None = None,
) -> Exposure:
    """Compute the images that a record determines, tilt by tilt in order of acquisition.

    The detector has as many rows and columns as the specimen has along y and x, and its pixels
    are the specimen's voxels. The slab of ice covers the whole field; molecules are only in the
    specimen, which at high tilt covers the middle of the field.

    Parameters
    ----------
    specimen : Specimen
    record : AcquisitionRecord
    device : {"auto", "cpu", "cuda"}
    keep : collection of {"potential", "exit_wave", "intensity", "counts"}
        Stages to keep, each as large as the images (``"exit_wave"`` twice that).
    halves : bool
        Give odd and even frames, too.
    reference : ndarray, shape (tilt, y, x), optional
        Stack whose ring amplitudes the images are given (:func:`match_ring_amplitudes`).
        Halves are not matched.
    progress : callable, optional
        Called after each exposure with its place in the sequence: 0, 1, 2, ...

    Returns
    -------
    Exposure

    Raises
    ------
    InputError
        If the specimen does not fit the record, or a stage is unknown.
    """
    _check(specimen, record, keep)
    from faket.microscope.column import Column  # torch: not for those who only read settings

    column = Column(specimen, record, resolve_device(device))
    camera = _camera(column, record)
    shape = (len(record), *specimen.class_mask.shape[1:])
    parts = [empty_stack(shape) for _ in range(2 if halves else 1)]
    stages: dict[str, AnyArray] = {
        name: empty_stack(shape, np.complex64 if name == "exit_wave" else np.float32)
        for name in keep
    }
    for place, index in enumerate(np.argsort(record.order)):
        intensity = _illuminate(column, record, int(index), stages)
        _count(camera, intensity, record, int(index), parts, stages)
        if progress is not None:
            progress(place)
    geometry = record.geometry()
    images = parts[0]
    if reference is not None:
        images = match_ring_amplitudes(images, reference)
    pair = None
    if halves:
        both = zip(*parts, strict=True)
        even = stack_of((whole - odd for whole, odd in both), len(images))
        pair = (TiltSeries(parts[1], geometry), TiltSeries(even, geometry))
    return Exposure(TiltSeries(images, geometry), record, stages, pair)


def _illuminate(
    column: "Column", record: AcquisitionRecord, index: int, stages: dict[str, AnyArray]
) -> Any:
    """Compute one tilt up to the intensity on the detector."""
    from faket.microscope.lens import form_image, place_image

    grid, tilt = column.grid, column.load(index)
    if "potential" in stages:
        stages["potential"][index] = grid.crop(column.project(tilt)).cpu().numpy()
    wave, z_A = column.exit_wave(tilt)
    if "exit_wave" in stages:
        stages["exit_wave"][index] = grid.crop(column.propagate(wave, -z_A)).cpu().numpy()
    intensity = place_image(grid, form_image(grid, wave, z_A, record, index), record, index)
    if "intensity" in stages:
        stages["intensity"][index] = intensity.cpu().numpy()
    return intensity


def _count(
    camera: "Camera",
    intensity: Any,
    record: AcquisitionRecord,
    index: int,
    parts: list[FloatArray],
    stages: dict[str, AnyArray],
) -> None:
    """Count the electrons of one tilt: the image and, if there are two ``parts``, its odd half."""
    electrons = record.dose_e_per_A2[index] * record.pixel_size_A**2
    counts = camera.count(intensity, electrons, generator(record.seed, "counts", index))
    parts[0][index] = camera.read_out(counts).cpu().numpy()
    if "counts" in stages:
        stages["counts"][index] = counts.cpu().numpy()
    if len(parts) == 2:
        odd = camera.halve(counts, generator(record.seed, "odd frames", index))
        parts[1][index] = camera.read_out(odd).cpu().numpy()


def _camera(column: "Column", record: AcquisitionRecord) -> "Camera":
    from faket.microscope.detector import Camera, detector_curves

    ny, nx = column.grid.field
    pixel_size_A = record.pixel_size_A
    # [y, 1] and [x // 2 + 1]: the half spectrum of the image
    ky, kx = np.fft.fftfreq(ny, pixel_size_A)[:, None], np.fft.rfftfreq(nx, pixel_size_A)
    physical_A = record.microscope.detector_pixel_A or pixel_size_A
    curves = detector_curves(record.microscope.detector, np.hypot(kx, ky) * 2 * physical_A)
    return Camera(*curves, column.grid.device)


def _check(specimen: Specimen, record: AcquisitionRecord, keep: Collection[str]) -> None:
    voxel = specimen.potential.voxel_size_A
    if abs(voxel - record.pixel_size_A) > 1e-3 * voxel:
        raise InputError(
            f"`pixel_size_A`: expected the specimen's voxel size {voxel:g} Å, found "
            f"{record.pixel_size_A:g} Å; images are taken on the specimen's grid: bin "
            "them afterwards"
        )
    shape, labels = specimen.potential.data.shape, specimen.class_mask.shape
    if shape != labels or len(shape) != 3:
        raise InputError(
            f"specimen: expected potential and class mask [z, y, x] of one shape, found "
            f"{shape} and {labels}; paint both again"
        )
    unknown = set(keep) - set(get_args(ImagingStage))
    if unknown:
        raise InputError(
            f"`keep`: expected some of {', '.join(get_args(ImagingStage))}, found "
            f"{', '.join(unknown)}"
        )
