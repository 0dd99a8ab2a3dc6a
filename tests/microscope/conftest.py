"""Small specimens and a microscope without any imperfection."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from faket.data import ClassInfo, Particles, Specimen, TiltGeometry, Volume
from faket.microscope import Microscope, draw_acquisition, expose

IDEAL = Microscope(
    energy_spread_eV=0.0,
    beam_semi_angle_mrad=0.0,
    spherical_aberration_mm=0.0,
    defocus_um=(3.0, 3.0),
    defocus_jitter_um=0.0,
    astigmatism_um=0.0,
    shift_A=(0.0, 0.0),
    angle_error_deg=0.0,
    detector="perfect",
    motion_blur_A=0.0,
    ice=False,
    absorption=False,
    damage=False,
)
CLASSES = {1: "protein", 2: "membrane", 3: "gold", 4: "vacuum"}


def _specimen(potential, voxel_size_A=5.0, labels=None):
    nobody = Particles(
        np.zeros(0, int), (), np.zeros((0, 3)), Rotation.identity(0), np.zeros((0, 3))
    )
    labels = np.zeros(potential.shape, np.uint8) if labels is None else labels.astype(np.uint8)
    return Specimen(
        Volume(np.asarray(potential, np.float32), voxel_size_A),
        labels,
        np.zeros(potential.shape, np.uint16),
        nobody,
        {label: ClassInfo(name, name) for label, name in CLASSES.items()},
    )


def _blob(shape, centre_zyx, sigma=2.0, height=1.0):
    axes = (np.arange(n) - n // 2 - c for n, c in zip(shape, centre_zyx, strict=True))
    z, y, x = np.meshgrid(*axes, indexing="ij", sparse=True)
    return (height * np.exp(-(z * z + y * y + x * x) / (2 * sigma**2))).astype(np.float32)


def _shoot(
    specimen, angles_deg=(0.0,), *, seed=0, dose=None, order=None, expose_with=None, **changes
):
    geometry = TiltGeometry(
        np.array(angles_deg, float),
        specimen.potential.voxel_size_A,
        dose_e_per_A2=None if dose is None else np.array(dose, float),
        order=None if order is None else np.array(order),
    )
    record = draw_acquisition(replace(IDEAL, **changes), geometry, seed=seed)
    return expose(specimen, record, device="cpu", **(expose_with or {}))


@pytest.fixture(scope="session")
def make_specimen():
    """(potential, voxel size, labels) → Specimen."""
    return _specimen


@pytest.fixture(scope="session")
def blob():
    """(shape, centre z y x in voxels from the middle) → Gaussian of σ = 2 voxels."""
    return _blob


@pytest.fixture(scope="session")
def shoot():
    """(specimen, angles, changed settings) → Exposure of the ideal microscope."""
    return _shoot


@pytest.fixture(scope="session")
def ideal():
    return IDEAL
