"""The stage: turns the specimen and cuts it into slices along the beam."""

import math
from dataclasses import dataclass

import numpy as np

from faket.constants import GOLD_POTENTIAL_V, ICE_POTENTIAL_V, electron_wavelength_A
from faket.data import FloatArray, Specimen
from faket.microscope.absorption import label_losses
from faket.microscope.record import AcquisitionRecord
from faket.microscope.slicing import LabelSlicer, Slicing, automatic_thickness_A, plan_slices
from faket.projection import project_slices


@dataclass(frozen=True)
class Tilt:
    """What the specimen puts into the beam at one tilt; windows lie in the middle of the grid.

    Attributes
    ----------
    index : int
    slicing : Slicing
    potential : ndarray, shape (fine slices, y, x), float32
        Sums over voxels: times the voxel size, V·Å above ice.
    loss : ndarray, shape (core groups, y, x), float32, or None
        Exponent by which the amplitude falls, beyond what ice would take.
    gold : ndarray, shape (core groups, y, x), float32, or None
        The part of the potential that dose does not fade, like ``potential``.
    """

    index: int
    slicing: Slicing
    potential: FloatArray
    loss: FloatArray | None
    gold: FloatArray | None


class Stage:
    """Holder of the specimen.

    Parameters
    ----------
    specimen : Specimen
    record : AcquisitionRecord
    columns : int
        Of the working grid; the slab of ice is followed over all of them.
    """

    def __init__(self, specimen: Specimen, record: AcquisitionRecord, columns: int) -> None:
        """Look up what each class takes from the beam, and which is gold."""
        self._specimen, self._record, self._columns = specimen, record, columns
        microscope, p = record.microscope, record.pixel_size_A
        losses, gold = np.zeros(256), np.zeros(256)
        if microscope.absorption:
            losses = label_losses(specimen.classes, microscope.voltage_kV, p)
        if microscope.damage:
            of_gold = [label for label, info in specimen.classes.items() if info.material == "gold"]
            gold[of_gold] = GOLD_POTENTIAL_V - ICE_POTENTIAL_V
        self._losses = LabelSlicer(specimen.class_mask, losses)
        self._gold = LabelSlicer(specimen.class_mask, gold)
        self._buffer = np.empty(0, np.float32)

    def load(self, index: int) -> Tilt:
        """Turn the specimen to a tilt and cut it into slices."""
        angle = self._record.true_angles_deg[index]
        slicing = self._plan(angle)
        labels, p = self._specimen.class_mask, self._record.pixel_size_A
        width = self._footprint(angle)
        shape = (slicing.fine_slices, labels.shape[1], width)
        if self._buffer.size < math.prod(shape):
            self._buffer = np.empty(0, np.float32)  # let go of the old before taking the new
            self._buffer = np.empty(math.prod(shape), np.float32)
        potential = project_slices(
            self._specimen.potential.data,
            angle,
            n_slices=slicing.fine_slices,
            slice_thickness_voxels=slicing.thickness_A / p,
            width=width,
            out=self._buffer[: math.prod(shape)].reshape(shape),
        )
        return Tilt(
            index,
            slicing,
            potential,
            self._cut(self._losses, angle, slicing, width),
            self._cut(self._gold, angle, slicing, width),
        )

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
        covered = nx * math.cos(angle) + nz * abs(math.sin(angle))
        return min(2 * math.ceil(float(covered) / 2) + 4, self._columns)

    def _cut(
        self, labels: LabelSlicer, angle_deg: float, slicing: Slicing, width: int
    ) -> FloatArray | None:
        if labels.empty:
            return None
        return labels.cut(
            angle_deg,
            n_slices=slicing.core_groups,
            slice_thickness_voxels=slicing.group_A / self._record.pixel_size_A,
            width=width,
        )
