"""Microscopes that share no code with the methods, so that the methods can be judged on them.

Nothing here was modelled on :mod:`faket.microscope` or on ``spectral``, and neither may look in
here: each module forms images by another approximation, with a detector, a drift, a background
and grey values of its own. Formations that are held out were written before the methods were tuned
(hazel, juniper) or by someone who knew no method (maple, and rowan, which was held out until it had
been measured); whoever tunes a method looks at the others only.
"""

from collections.abc import Mapping
from types import MappingProxyType

from faket.data import Specimen, TiltGeometry, TiltSeries
from faket.errors import InputError
from faket.foreign import alder, birch, cedar, elm, hazel, juniper, maple, rowan
from faket.foreign.formation import ForeignSeries, Formation
from faket.projection import noise_free_projections

__all__ = ["FORMATIONS", "ForeignSeries", "Formation", "image"]

FORMATIONS: Mapping[str, Formation] = MappingProxyType(
    {
        module.FORMATION.name: module.FORMATION
        for module in (alder, birch, cedar, elm, hazel, juniper, maple, rowan)
    }
)
_SAME_SIZE = 1e-3  # chosen: pixel and voxel may differ by rounding only


def image(name: str, specimen: Specimen, *, seed: int) -> ForeignSeries:
    """Take a tilt-series of a specimen with a foreign microscope.

    Parameters
    ----------
    name : str
        Of one of ``FORMATIONS``.
    specimen : Specimen
        Its voxels are as large as the microscope's pixels.
    seed : int
        Of noise, drift, misalignment and the scatter of the defocus. Detector, colour, exposure
        and mean defocus are the microscope's, so they are the same for all seeds.

    Returns
    -------
    ForeignSeries

    Raises
    ------
    InputError
        If there is no such microscope, or the voxel size does not fit.
    """
    if name not in FORMATIONS:
        raise InputError(
            f"foreign microscope: expected one of {', '.join(FORMATIONS)}, found {name!r}; "
            "choose one of them"
        )
    formation = FORMATIONS[name]
    voxel_A = specimen.potential.voxel_size_A
    if abs(voxel_A / formation.pixel_size_A - 1) > _SAME_SIZE:
        raise InputError(
            f"foreign microscope {name}: expected a specimen with voxels of "
            f"{formation.pixel_size_A:g} Å, found {voxel_A:g} Å; build it with these"
        )
    taken = formation.expose(specimen.potential, seed)
    geometry = TiltGeometry(formation.angles_deg, formation.pixel_size_A, **dict(taken.known))
    signal = taken.signal - taken.signal.mean(axis=(1, 2), keepdims=True)
    return ForeignSeries(
        series=TiltSeries(taken.images, geometry),
        signal=signal,
        noise_free=noise_free_projections(specimen, formation.angles_deg).images,
        counted=formation.counted,
    )
