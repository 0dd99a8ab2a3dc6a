"""Data that the rooms exchange: frozen records with units in their names.

Axes are ``[z, y, x]`` for volumes and ``[tilt, y, x]`` for stacks. Lengths are in Å, angles in
degrees, potentials in volts above ice, doses in e/Å². Positions are Å from the centre of voxel
``[0, 0, 0]``, in the order x y z; the centre of an axis of N samples is sample N // 2.
"""

from faket.data.arrays import AnyArray, DoubleArray, FloatArray
from faket.data.records import plain_record
from faket.data.specimens import (
    ClassInfo,
    Material,
    MembraneFacts,
    Particles,
    Species,
    SpeciesReport,
    Specimen,
    Volume,
)
from faket.data.tilts import TiltGeometry, TiltSeries, evenly_spaced_tilts

__all__ = [
    "AnyArray",
    "ClassInfo",
    "DoubleArray",
    "FloatArray",
    "Material",
    "MembraneFacts",
    "Particles",
    "Species",
    "SpeciesReport",
    "Specimen",
    "TiltGeometry",
    "TiltSeries",
    "Volume",
    "evenly_spaced_tilts",
    "plain_record",
]
