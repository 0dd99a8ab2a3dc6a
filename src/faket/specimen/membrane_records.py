"""What is drawn of a membrane: a record, of which its surface is a function."""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.spatial.transform import Rotation

from faket.data import AnyArray, DoubleArray
from faket.specimen.membrane_settings import MembraneSettings

Triple = tuple[float, float, float]

_WAVELENGTH = 0.7  # of the size; chosen: bends, no bumps
_FIELD_WAVELENGTH = 0.4  # of the envelope; chosen: a few tunnels and arms
_TUBE_RADIUS_A = (200.0, 350.0)  # chosen: tubules of the endoplasmic reticulum are 50 nm wide
_BUD_RADIUS = (0.25, 0.45)  # of the smallest semi-axis; chosen
_BUD_RISE = (0.2, 0.9)  # of a bud's centre above the surface, of its radius; chosen
_TUBE_WAVELENGTH = 6.0  # of a tubule's radius; chosen
_SMOOTH = 2.0  # points of a tubule's axis (σ); chosen, so that it has no kinks
_STEP = 0.5  # of a tubule's axis, of its radius; chosen
_PERSISTENCE = 12.0  # of a tubule's axis, of its radius; chosen


@dataclass(frozen=True)
class MembraneRecord:
    """A membrane as it was drawn; lengths in Å, x y z.

    Attributes
    ----------
    name, shape : str
        Of its settings.
    centre_A : tuple
    rotation : tuple
        Quaternion x y z w that takes its frame to the specimen's.
    semi_axes_A : tuple
        Of the ellipsoid, or of the envelope of a field.
    radius_A : float
        Of a tubule.
    points_A : tuple of tuples
        From the centre: a tubule's axis, or a budding's buds with their radii as fourth numbers.
    offset_A : float
        Distance from the surface of the shape: negative of the inner one of a double.
    undulation_A, wavelength_A : float
        Of the random waves.
    level : float
        Of a field, in its standard deviations.
    seed : int
        Of the random waves.
    curvature_per_A : float or None
        That is wanted, as a mean over the surface.
    thickness_A : float
    """

    name: str
    shape: str
    centre_A: Triple = (0.0, 0.0, 0.0)
    rotation: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 1.0)
    semi_axes_A: Triple = (0.0, 0.0, 0.0)
    radius_A: float = 0.0
    points_A: tuple[tuple[float, ...], ...] = ()
    offset_A: float = 0.0
    undulation_A: float = 0.0
    wavelength_A: float = 0.0
    level: float = 0.0
    seed: int = 0
    curvature_per_A: float | None = None
    thickness_A: float = 39.6

    @property
    def is_open(self) -> bool:
        """Whether it leaves the specimen."""
        return self.shape == "sheet"

    def matrix(self) -> DoubleArray:
        """Return the rotation from its frame to the specimen's, shape (3, 3)."""
        return np.asarray(Rotation.from_quat(self.rotation).as_matrix())


def draw_membrane(settings: MembraneSettings, rng: np.random.Generator) -> MembraneRecord:
    """Draw a membrane around the origin; of a double the outer one."""
    axes_A = rng.uniform(*settings.size_A, 3) / 2
    curvature = settings.curvature_per_A
    wavelength_A = _WAVELENGTH * 2 * axes_A.mean()
    if settings.wavelength_A is not None:
        wavelength_A = rng.uniform(*settings.wavelength_A)
    drawn = MembraneRecord(
        name=settings.name,
        shape="vesicle" if settings.shape == "double" else settings.shape,
        rotation=_plain(Rotation.from_quat(rng.normal(size=4)).as_quat()),
        semi_axes_A=_plain(axes_A),
        undulation_A=float(rng.uniform(*settings.undulation) * axes_A.min()),
        wavelength_A=float(wavelength_A),
        curvature_per_A=None if curvature is None else float(rng.uniform(*curvature)),
        seed=int(rng.integers(2**62)),
        thickness_A=float(rng.uniform(*settings.thickness_A)),
    )
    return _DETAILS.get(settings.shape, _as_it_is)(settings, rng, drawn)


def inner_of_double(
    outer: MembraneRecord, settings: MembraneSettings, rng: np.random.Generator
) -> MembraneRecord:
    """Return the inner membrane of a double."""
    return replace(outer, offset_A=-float(rng.uniform(*settings.gap_A)))


def _as_it_is(
    settings: MembraneSettings, rng: np.random.Generator, drawn: MembraneRecord
) -> MembraneRecord:
    if drawn.curvature_per_A is None:
        return drawn
    scale = 1 / (drawn.curvature_per_A * float(np.mean(drawn.semi_axes_A)))
    return scaled(drawn, scale)


def _buds(
    settings: MembraneSettings, rng: np.random.Generator, drawn: MembraneRecord
) -> MembraneRecord:
    """Add spheres around points above the surface."""
    drawn = _as_it_is(settings, rng, drawn)
    axes = np.array(drawn.semi_axes_A)
    buds = []
    for _ in range(int(rng.integers(settings.buds[0], settings.buds[1] + 1))):
        direction = rng.normal(size=3)
        direction /= np.linalg.norm(direction)
        radius_A = max(rng.uniform(*_BUD_RADIUS) * axes.min(), 1.5 * drawn.thickness_A)
        outward = direction / axes
        outward /= np.linalg.norm(outward)
        point = axes * direction + rng.uniform(*_BUD_RISE) * radius_A * outward
        buds.append((*_plain(drawn.matrix() @ point), float(radius_A)))
    return replace(drawn, points_A=tuple(buds))


def _tubule(
    settings: MembraneSettings, rng: np.random.Generator, drawn: MembraneRecord
) -> MembraneRecord:
    """Let the axis be a worm-like chain, whose middle is the centre."""
    radius_A = float(rng.uniform(*_TUBE_RADIUS_A))
    if drawn.curvature_per_A is not None:
        radius_A = 1 / (2 * drawn.curvature_per_A)
    step_A = _STEP * radius_A
    steps = max(int(2 * drawn.semi_axes_A[0] / step_A), 1)
    direction = rng.normal(size=3)
    points = [np.zeros(3)]
    for _ in range(steps):
        # The mean cosine between steps is exp(-step / persistence): two angles of this variance.
        direction = direction / np.linalg.norm(direction)
        direction = direction + rng.normal(size=3) * math.sqrt(step_A / (_PERSISTENCE * radius_A))
        points.append(points[-1] + step_A * direction / np.linalg.norm(direction))
    axis = gaussian_filter1d(np.array(points), _SMOOTH, axis=0, mode="nearest")
    axis -= axis.mean(axis=0)
    return replace(
        drawn,
        radius_A=radius_A,
        points_A=tuple(_plain(point) for point in axis),
        undulation_A=float(rng.uniform(*settings.undulation)) * radius_A,
        wavelength_A=_TUBE_WAVELENGTH * radius_A,
    )


def _sheet(
    settings: MembraneSettings, rng: np.random.Generator, drawn: MembraneRecord
) -> MembraneRecord:
    return replace(
        drawn, undulation_A=float(rng.uniform(*settings.undulation)) * drawn.wavelength_A
    )


def _field(
    settings: MembraneSettings, rng: np.random.Generator, drawn: MembraneRecord
) -> MembraneRecord:
    """Choose the level by the mean curvature.

    Of the set above ν of a Gaussian field with the gradient k (root mean square), the mean of the
    mean curvature is ν k √(π / 24), by its Minkowski functionals (Adler, The geometry of random
    fields, 1981).
    """
    size_A = 2 * float(np.mean(drawn.semi_axes_A))
    if settings.wavelength_A is None:
        drawn = replace(drawn, wavelength_A=_FIELD_WAVELENGTH * size_A)
    wanted = drawn.curvature_per_A
    if wanted is None:
        return drawn
    wave_number = 2 * math.pi / drawn.wavelength_A
    return replace(drawn, level=wanted / (wave_number * math.sqrt(math.pi / 24)))


_DETAILS = {"budding": _buds, "tubule": _tubule, "sheet": _sheet, "field": _field}


def scaled(drawn: MembraneRecord, scale: float) -> MembraneRecord:
    """Return the membrane larger by a factor; of a tubule its radius alone."""
    if drawn.shape == "tubule":
        return replace(drawn, radius_A=drawn.radius_A * scale)
    return replace(
        drawn,
        semi_axes_A=_plain(np.array(drawn.semi_axes_A) * scale),
        points_A=tuple(_plain(np.array(point) * scale) for point in drawn.points_A),
        undulation_A=drawn.undulation_A * scale,
        wavelength_A=drawn.wavelength_A * scale,
    )


def _plain(values: AnyArray) -> Any:
    return tuple(float(v) for v in values)
