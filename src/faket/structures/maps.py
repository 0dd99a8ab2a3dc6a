"""From a density map in arbitrary units to the potential above ice."""

import math

import numpy as np
from scipy import ndimage

from faket.constants import ICE_POTENTIAL_V, PROTEIN_POTENTIAL_V, PROTEIN_VOLUME_A3_PER_DA
from faket.data import AnyArray, FloatArray, Species, SpeciesReport
from faket.errors import InputError
from faket.structures.contour import Contour, at_contour, find_contour
from faket.structures.grids import block_mean, check_extent, envelope_of
from faket.structures.report import size_report
from faket.units import DA_PER_KDA

_MARGIN_A = 12.0  # chosen: the soft edge of the envelope (σ 4 Å) ends within it


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

    1. The solvent level, the median of the map's border, is subtracted.
    2. The molecule is the part beyond ``contour``, found by
       :func:`faket.structures.contour.find_contour` by default; connected parts of at least a tenth
       of the largest are kept.
    3. A map whose molecule lies below the solvent is inverted.
    4. Density outside the molecule is removed over a soft edge.
    5. The map is scaled to a mean of ``mean_potential_V`` inside the contour.
    6. It is moved until its centre of mass is the centre, and resampled without aliasing.

    The report gives the mass of protein that the contour's volume implies.

    Parameters
    ----------
    density : ndarray, shape (z, y, x)
        Any units; protein above or below the solvent.
    density_voxel_A, voxel_size_A : float
        Voxel size of the map, and of the species.
    name : str
    contour : float, optional
        In the map's units.
    mean_potential_V : float, optional
        Above ice; by default that of protein, 3.3 V. RNA-rich particles have about 4.9 V.
    source : str
        Name of the map in the species' record and in errors.

    Raises
    ------
    InputError
        If the map is not finite or flat, the contour lies outside it, or no molecule stands out.
    """
    target_V = (
        PROTEIN_POTENTIAL_V - ICE_POTENTIAL_V if mean_potential_V is None else mean_potential_V
    )
    if not 0 < target_V < math.inf:
        raise InputError(
            f"`mean_potential_V`: expected more than 0 V, found {target_V:g}; protein has 3.3 V"
        )
    values = np.asarray(density, np.float32)
    if values.ndim != 3 or values.size == 0 or not np.isfinite(values).all():
        raise InputError(
            f"{source}: expected a finite volume [z, y, x], found shape {values.shape} or values "
            "that are not finite; replace them"
        )
    values, unit = _without_extremes(values)
    found = (
        find_contour(values, source)
        if contour is None
        else at_contour(values, contour / unit, source)
    )
    above = found.sign * (values - np.float32(found.solvent))
    mean = float(above[found.mask].mean(dtype=np.float64))
    edge = ndimage.gaussian_filter(found.mask.astype(np.float32), 1.0, truncate=2.5)
    potential = above * np.clip(edge * 2, 0, 1) * np.float32(target_V / mean)
    resampled, inside = _resample(potential, found.mask, density_voxel_A, voxel_size_A, source)
    envelope = envelope_of(inside, voxel_size_A)
    solvent, level = found.solvent * unit, found.level * unit
    return Species(
        name=name,
        potential=resampled,
        envelope=envelope,
        voxel_size_A=voxel_size_A,
        source=f"{source}: solvent {solvent:.4g} subtracted, contour {level:.4g}, mean inside set "
        f"to {target_V:.3g} V above ice",
        report=_report(found, level, density_voxel_A, envelope, resampled, voxel_size_A),
    )


def _without_extremes(values: FloatArray) -> tuple[FloatArray, float]:
    """Divide a map by a power of two if sums of its values could overflow or vanish."""
    largest = float(np.abs(values).max())
    if largest == 0 or 1e-15 < largest < 1e15:
        return values, 1.0
    exponent = math.frexp(largest)[1]
    return np.asarray(np.ldexp(values, -exponent), np.float32), 2.0**exponent


def _report(
    found: Contour, level: float, density_voxel_A: float, envelope: FloatArray,
    potential: FloatArray, voxel_size_A: float,
) -> SpeciesReport:  # fmt: skip
    volume_A3 = float(np.count_nonzero(found.mask)) * density_voxel_A**3
    size = size_report(
        mass_kDa=math.nan,  # unknown
        volume_A3=float(np.count_nonzero(envelope >= 0.5)) * voxel_size_A**3,
        potential=potential,
        voxel_size_A=voxel_size_A,
    )
    possible = {
        "protein is dark in the map: inverted": found.sign < 0,
        f"noisy: the contour was found after smoothing by {found.smoothing:g} voxels": bool(
            found.smoothing
        ),
        f"noise, too, goes beyond the contour {level:.4g}: look at the envelope": found.noisy,
    }
    facts = {
        "contour": level,
        "contour_volume_A3": volume_A3,
        "contour_implies_protein_kDa": volume_A3 / PROTEIN_VOLUME_A3_PER_DA / DA_PER_KDA,
    }
    notices = tuple(text for text, applies in possible.items() if applies)
    return SpeciesReport({**facts, **size.facts}, notices)


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
        # Averaging three or more samples blurs more than linear interpolation does.
        for field, order in ((potential, 3 if factor < 3 else 1), (mask.astype(np.float32), 1))
    )  # fmt: skip
    wanted = float(potential.sum(dtype=np.float64)) / step**3
    resampled *= np.float32(wanted / float(resampled.sum(dtype=np.float64)))
    return np.asarray(resampled, np.float32), np.asarray(np.clip(inside, 0, 1), np.float32)
