"""From a density map in arbitrary units to the potential above ice."""

import math

import numpy as np
from scipy import ndimage

from faket.constants import ICE_POTENTIAL_V, PROTEIN_POTENTIAL_V
from faket.data import AnyArray, FloatArray, Species
from faket.errors import InputError
from faket.structures.grids import block_mean, check_extent, envelope_of

_MARGIN_A = 12.0


def species_from_map(
    density: FloatArray,
    density_voxel_A: float,
    *,
    voxel_size_A: float,
    name: str,
    contour: float | None = None,
    mean_potential_V: float | None = None,
    source: str = "map",
) -> Species:
    """Build a species from a density map.

    The rule: the solvent level is the median of the map's border and is subtracted; the molecule
    is where the map exceeds ``contour`` (Otsu's threshold of the positive part by default; the
    connected parts of at least a tenth of the largest are kept); density outside is dropped over
    a soft edge; the map is scaled so that its mean inside the contour is ``mean_potential_V``; it
    is moved so that its centre of mass is the centre, and resampled without aliasing.

    Parameters
    ----------
    density : ndarray, shape (z, y, x)
        Any units; protein positive.
    density_voxel_A, voxel_size_A : float
        Voxel size of the map, and of the species wanted.
    name : str
    contour : float, optional
        In the map's units.
    mean_potential_V : float, optional
        Above ice; by default that of protein, 3.3 V. RNA-rich particles have about 4.9 V.
    source : str
        For the record.

    Raises
    ------
    InputError
        If the map is not finite, flat, or empty above the contour.
    """
    target_V = (
        PROTEIN_POTENTIAL_V - ICE_POTENTIAL_V if mean_potential_V is None else mean_potential_V
    )
    if not 0 < target_V < math.inf:
        raise InputError(f"mean_potential_V: expected more than 0 V, found {target_V:g}")
    values = np.asarray(density, np.float32)
    if values.ndim != 3 or not np.isfinite(values).all():
        raise InputError(f"{source}: expected a finite volume [z, y, x], found other values")
    border = np.concatenate([face.ravel() for axis in range(3) for face in _faces(values, axis)])
    solvent = float(np.median(border))
    level = _otsu(values - solvent) + solvent if contour is None else contour
    if contour is not None and not level > solvent:
        raise InputError(
            f"{source}: expected a contour above the solvent level {solvent:.4g} of the map's "
            f"border, found {level:g}; give a higher one"
        )
    mask = _large_parts(values > level)
    if not mask.any() or values.max() == values.min():
        raise InputError(
            f"{source}: expected density above the contour {level:.4g}, found a maximum of "
            f"{values.max():.4g}; give contour in the map's units"
        )
    mean = float((values - solvent)[mask].mean(dtype=np.float64))
    if mean <= 0:
        raise InputError(f"{source}: expected molecules brighter than solvent; invert the map")
    soft = np.clip(ndimage.gaussian_filter(mask.astype(np.float32), 1.0, truncate=2.5) * 2, 0, 1)
    potential = (values - solvent) * soft * np.float32(target_V / mean)
    resampled, inside = _resample(potential, mask, density_voxel_A, voxel_size_A, source)
    return Species(
        name=name,
        potential=resampled,
        envelope=envelope_of(inside, voxel_size_A),
        voxel_size_A=voxel_size_A,
        source=f"{source}: solvent {solvent:.4g} subtracted, contour {level:.4g}, mean inside set "
        f"to {target_V:.3g} V above ice",
    )


def _faces(values: FloatArray, axis: int) -> tuple[FloatArray, FloatArray]:
    return np.asarray(values.take(0, axis)), np.asarray(values.take(-1, axis))


def _otsu(values: FloatArray) -> float:
    """Return Otsu's (1979) threshold of the positive part."""
    positive = values[values > 0]
    if positive.size == 0:
        return 0.0
    if positive.min() == positive.max():  # a mask: its own half
        return float(positive[0]) / 2
    counts, edges = np.histogram(positive, 256)
    centres = (edges[1:] + edges[:-1]) / 2
    below, total = np.cumsum(counts), counts.sum()
    sums = np.cumsum(counts * centres)
    with np.errstate(invalid="ignore", divide="ignore"):
        between = (sums[-1] * below - sums * total) ** 2 / (below * (total - below))
    return float(centres[np.nanargmax(between[:-1])])


def _large_parts(mask: AnyArray) -> AnyArray:
    labels, n = ndimage.label(mask)
    if n == 0:
        return mask
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return np.asarray((sizes >= sizes.max() / 10)[labels])


def _resample(
    potential: FloatArray, mask: AnyArray, from_A: float, to_A: float, source: str
) -> tuple[FloatArray, FloatArray]:
    """Move the centre of mass to the centre and change the voxel size, keeping integrals."""
    weights = np.where(mask, np.maximum(potential, 0), 0)
    centre = np.array(ndimage.center_of_mass(weights))
    corners = np.argwhere(mask)
    reach = np.maximum(corners.max(axis=0) - centre, centre - corners.min(axis=0)) * from_A
    half = np.ceil((reach + _MARGIN_A + 3 * from_A) / to_A).astype(int)
    step = to_A / from_A
    factor = max(1, math.ceil(step))  # samples no coarser than the map, averaged over voxels
    samples = (2 * half + 1) * factor
    check_extent((2 * half + 1) * to_A, np.prod(samples, dtype=float), source)
    offset = centre - (half + 0.5) * step + 0.5 * step / factor
    resampled, inside = (
        block_mean(
            ndimage.affine_transform(
                field, np.full(3, step / factor), offset, output_shape=tuple(samples),
                output=np.float32, order=order, mode="constant",
            ),
            factor,
        )
        # Averages of three samples and more hide what a linear interpolation blurs.
        for field, order in ((potential, 3 if factor < 3 else 1), (mask.astype(np.float32), 1))
    )  # fmt: skip
    wanted = float(potential.sum(dtype=np.float64)) / step**3
    resampled *= np.float32(wanted / float(resampled.sum(dtype=np.float64)))
    return np.asarray(resampled, np.float32), np.asarray(np.clip(inside, 0, 1), np.float32)
