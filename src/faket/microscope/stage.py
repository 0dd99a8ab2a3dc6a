"""The stage: turns the specimen and cuts it into slices along the beam."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from faket.constants import (
    CARBON_POTENTIAL_V,
    GOLD_POTENTIAL_V,
    ICE_CRYSTAL_POTENTIAL_V,
    ICE_POTENTIAL_V,
    electron_wavelength_A,
)
from faket.data import DoubleArray, FloatArray, Material, Specimen
from faket.microscope.absorption import label_losses
from faket.microscope.labels import LabelSlicer
from faket.microscope.record import AcquisitionRecord
from faket.microscope.slicing import Slicing, automatic_thickness_A, plan_slices, slice_band
from faket.projection import filled_columns, project_bands
from faket.stacks import empty_stack

# Potentials above ice that the beam does not take away, V.
_LASTING_V: Mapping[Material, float] = {
    "gold": GOLD_POTENTIAL_V - ICE_POTENTIAL_V,
    "carbon": CARBON_POTENTIAL_V - ICE_POTENTIAL_V,
    "crystal": ICE_CRYSTAL_POTENTIAL_V - ICE_POTENTIAL_V,
    "vacuum": -ICE_POTENTIAL_V,
}


@dataclass(frozen=True)
class Band:
    """The columns of one slice that are not empty.

    Attributes
    ----------
    column : int
        First column, counted from the tilt axis.
    values : ndarray, shape (y, columns), float32
        Sums over voxels; multiplied by the voxel size, V·Å above ice.
    """

    column: int
    values: FloatArray


@dataclass(frozen=True)
class Tilt:
    """The specimen at one tilt, as the beam meets it.

    Attributes
    ----------
    index : int
    slicing : Slicing
    potential : list of Band
        One for each fine slice.
    loss, lasting, vacuum : list of Band, or None
        One for each core group: exponent of the amplitude's absorption, beyond that of ice; the
        part of the potential that does not fade with dose, in units of ``potential``; path
        through vacuum in the specimen, voxels.
    """

    index: int
    slicing: Slicing
    potential: list[Band]
    loss: list[Band] | None
    lasting: list[Band] | None
    vacuum: list[Band] | None


class SpecimenStage:
    """Holder of the specimen.

    Parameters
    ----------
    specimen : Specimen
    record : AcquisitionRecord
    columns : int
        Of the working grid; the slab of ice covers all of them.
    """

    def __init__(self, specimen: Specimen, record: AcquisitionRecord, columns: int) -> None:
        """Find the absorption of each class, what lasts under the beam, and where no ice is."""
        self._specimen, self._record, self._columns = specimen, record, columns
        microscope, p = record.microscope, record.pixel_size_A
        losses, lasting = np.zeros(256), np.zeros(256)
        if microscope.absorption:
            losses = label_losses(specimen.classes, microscope.voltage_kV, p)
        if microscope.damage:
            lasting = _by_label(specimen, _LASTING_V)
        vacuum = _by_label(specimen, {"vacuum": 1.0}) if microscope.ice else np.zeros(256)
        self._losses = LabelSlicer(specimen.class_mask, losses)
        self._lasting = LabelSlicer(specimen.class_mask, lasting)
        self._vacuum = LabelSlicer(specimen.class_mask, vacuum)
        self._memory = np.empty(0, np.float32)
        self._filled = filled_columns(specimen.potential.data)

    def load(self, index: int) -> Tilt:
        """Turn the specimen to a tilt and cut it; the arrays of the last call are overwritten."""
        angle = self._record.true_angles_deg[index]
        slicing, width = self._plan(angle), self._footprint(angle)
        bands = self._cut(angle, slicing, width)
        loss, lasting, vacuum = (
            self._cut_labels(labels, angle, slicing, width)
            for labels in (self._losses, self._lasting, self._vacuum)
        )
        return Tilt(index, slicing, bands, loss, lasting, vacuum)

    def _plan(self, angle_deg: float) -> Slicing:
        microscope, p = self._record.microscope, self._record.pixel_size_A
        automatic = automatic_thickness_A(electron_wavelength_A(microscope.voltage_kV), p)
        thickness = microscope.slice_thickness_A or automatic
        if microscope.model == "phase-grating":
            thickness = math.inf
        nz, _, nx = self._specimen.class_mask.shape
        extent = (nz * p, nx * p)
        field = self._columns * p if microscope.ice else 0.0
        return plan_slices(angle_deg, extent, field, thickness, automatic)

    def _footprint(self, angle_deg: float) -> int:
        """Columns that the tilted specimen covers, and two on either side for the splitting."""
        nz, _, nx = self._specimen.class_mask.shape
        angle = math.radians(angle_deg)
        covered: float = nx * math.cos(angle) + nz * abs(math.sin(angle))
        return min(2 * math.ceil(covered / 2) + 4, self._columns)

    def _cut(self, angle_deg: float, slicing: Slicing, width: int) -> list[Band]:
        """Cut the potential and keep the columns of each slice that may not be empty."""
        volume, p = self._specimen.potential.data, self._record.pixel_size_A
        spans = self._spans(angle_deg, slicing.fine_slices, slicing.thickness_A, width)
        need = volume.shape[1] * sum(columns for _, columns in spans)
        if self._memory.size < need:
            self._memory = np.empty(0, np.float32)  # free the old memory before allocating
            self._memory = empty_stack((need,))
        cut = project_bands(
            volume,
            angle_deg,
            bands=[(first + width // 2, columns) for first, columns in spans],
            slice_thickness_voxels=slicing.thickness_A / p,
            width=width,
            filled=self._filled,
            memory=self._memory,
        )
        return [Band(first, values) for (first, _), values in zip(spans, cut, strict=True)]

    def _cut_labels(
        self, labels: LabelSlicer, angle_deg: float, slicing: Slicing, width: int
    ) -> list[Band] | None:
        """Cut what labels stand for into the core groups; None if it is nothing."""
        if labels.empty:
            return None
        spans = self._spans(angle_deg, slicing.core_groups, slicing.group_A, width)
        cut = labels.cut(
            angle_deg,
            bands=[(first + width // 2, columns) for first, columns in spans],
            slice_thickness_voxels=slicing.group_A / self._record.pixel_size_A,
            width=width,
        )
        return [Band(first, values) for (first, _), values in zip(spans, cut, strict=True)]

    def _spans(
        self, angle_deg: float, n: int, thickness_A: float, width: int
    ) -> list[tuple[int, int]]:
        """Return first column, counted from the tilt axis, and how many, of ``n`` slices."""
        nz, _, nx = self._specimen.class_mask.shape
        p = self._record.pixel_size_A
        box = (-(nz // 2) * p, (nz - 1 - nz // 2) * p, -(nx // 2) * p, (nx - 1 - nx // 2) * p)
        spans = []
        for s in range(n):
            # The first and the last slice include all that lies beyond them.
            start = (s - n / 2) * thickness_A if s > 0 else -math.inf
            end = (s + 1 - n / 2) * thickness_A if s < n - 1 else math.inf
            low, high = slice_band((start, end), box, angle_deg)
            first = max(math.floor(low / p) - 2, -(width // 2))
            last = min(math.ceil(high / p) + 3, width - width // 2)
            spans.append((first, max(last - first, 0)))
        return spans


def _by_label(specimen: Specimen, values: Mapping[Material, float]) -> DoubleArray:
    """Return a value for each value of the class mask, by material; 0 for the others."""
    found = np.zeros(256)
    for label, info in specimen.classes.items():
        found[label] = values.get(info.material, 0.0)
    return found
