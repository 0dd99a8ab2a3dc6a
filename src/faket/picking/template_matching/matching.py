"""Template matching: from a tomogram and species to particles."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from faket.data import FloatArray, Species, TiltGeometry, Volume
from faket.device import Device, resolve_device
from faket.errors import InputError
from faket.microscope import Optics
from faket.picking.template_matching.peaks import (
    Candidates,
    TemplatePicks,
    find_candidates,
    merge_candidates,
)
from faket.picking.template_matching.rotations import symmetry_group, uniform_rotations
from faket.picking.template_matching.search import search, standardised
from faket.picking.template_matching.settings import TemplateMatching
from faket.picking.template_matching.spectra import RadialGain, apply_gain, radial_gain
from faket.picking.template_matching.templates import (
    KernelFactory,
    Template,
    prepare_template,
)
from faket.picking.template_matching.transfer import tomogram_transfer
from faket.reports import Progress


class Matcher:
    """A tomogram, filtered once, to be searched for one species after the other.

    Parameters
    ----------
    tomogram : Volume
    geometry : TiltGeometry
        Its tilt angles; dose and order if known.
    optics : sequence of Optics, optional
        One per tilt or one for all; templates are then multiplied by the CTF.
    voltage_kV : float
        For the radiation damage by the geometry's dose.
    settings : TemplateMatching
    region : ndarray of bool, shape (z, y, x), optional
        Where particles are searched.
    device : {"auto", "cpu", "cuda"}

    Raises
    ------
    InputError
        If the region has another shape or is empty, or the tomogram is not usable.
    """

    def __init__(
        self,
        tomogram: Volume,
        geometry: TiltGeometry,
        *,
        optics: Sequence[Optics] | None = None,
        voltage_kV: float = 300.0,
        settings: TemplateMatching | None = None,
        region: NDArray[np.bool_] | None = None,
        device: Device = "auto",
    ) -> None:
        """Filter the tomogram."""
        self.settings = settings or TemplateMatching()
        self.geometry, self.optics, self.voltage_kV = geometry, optics, voltage_kV
        self.voxel_size_A, self.region = tomogram.voxel_size_A, region
        self._device = torch.device(resolve_device(device))
        data = np.asarray(tomogram.data, np.float32)
        if data.ndim != 3 or data.size == 0 or not np.isfinite(data.sum(dtype=np.float64)):
            raise InputError(
                f"tomogram: expected a volume of finite numbers [z, y, x], found shape {data.shape}"
                " or NaN; replace them"
            )
        if region is not None and (region.shape != data.shape or not region.any()):
            raise InputError(
                f"region: expected a mask of the tomogram's shape {data.shape} that is not "
                f"empty, found {region.shape} with {np.count_nonzero(region)} voxels; give the "
                "mask of this tomogram"
            )
        data = standardised(data)
        self._gain = radial_gain(data, tomogram.voxel_size_A, self.settings)
        self._volume = data if self._gain is None else apply_gain(data, self._gain)
        self.shape = (data.shape[0], data.shape[1], data.shape[2])

    def candidates(
        self,
        species: Species,
        *,
        symmetry: str | None = None,
        templates: int = 1,
        progress: Progress | None = None,
    ) -> Candidates:
        """Search for one species.

        Parameters
        ----------
        species : Species
            At the tomogram's voxel size.
        symmetry : str, optional
            Instead of the species' own.
        templates : int
            Number of templates that share the false positives which the settings accept.
        progress : callable, optional
            Called with (done, total) orientations.

        Raises
        ------
        InputError
            If the species has another voxel size, is larger than the tomogram, or does not have
            the given symmetry.
        """
        settings = self.settings
        template = prepare_template(species, self.voxel_size_A, settings)
        factory = KernelFactory(template, self._transfer(template), settings.mask, self._device)
        group = symmetry or species.symmetry
        factory.check_symmetry(symmetry_group(group), group)
        maps = search(
            self._volume,
            factory,
            uniform_rotations(settings.angular_step_deg, group),
            memory_GB=settings.memory_GB,
            progress=progress,
        )
        return find_candidates(
            species.name,
            maps,
            exclusion_voxels=template.exclusion,
            false_positives=settings.false_positives / templates,
            region=self.region,
        )

    def _transfer(self, template: Template) -> FloatArray:
        transfer = tomogram_transfer(
            template.padded_box,
            self.voxel_size_A,
            self.geometry,
            wedge=self.settings.wedge,
            optics=self.optics,
            voltage_kV=self.voltage_kV,
        )
        if self.settings.protein == "bright":
            transfer = -transfer
        return transfer if self._gain is None else transfer * _box_gain(self._gain, template)


def match_templates(
    tomogram: Volume,
    species: Sequence[Species],
    geometry: TiltGeometry,
    *,
    optics: Sequence[Optics] | None = None,
    voltage_kV: float = 300.0,
    settings: TemplateMatching | None = None,
    region: NDArray[np.bool_] | None = None,
    device: Device = "auto",
    progress: Callable[[str, int, int], None] | None = None,
) -> TemplatePicks:
    """Find particles of several species in a tomogram by template matching.

    The tomogram is correlated with each species in uniformly distributed orientations (locally
    normalised: Pearson's correlation under the template's mask). The templates have the same
    missing wedge, contrast transfer and filters as the tomogram. Protein is expected to be dark,
    as in all of faket's tomograms.

    Parameters
    ----------
    tomogram : Volume
    species : sequence of Species
        At the tomogram's voxel size, with distinct names.
    geometry : TiltGeometry
        Tilt angles; dose and order if known.
    optics : sequence of Optics, optional
        One per tilt or one for all.
    voltage_kV : float
        For the radiation damage by the geometry's dose.
    settings : TemplateMatching, optional
    region : ndarray of bool, shape (z, y, x), optional
        Where particles are searched; everywhere by default.
    device : {"auto", "cpu", "cuda"}
    progress : callable, optional
        Called with (species, orientations done, total).

    Returns
    -------
    TemplatePicks
        Best first.

    Raises
    ------
    InputError
        If tomogram, species or settings do not fit together.
    """
    names = [item.name for item in species]
    if not names or len(set(names)) < len(names):
        raise InputError(
            f"species: expected at least one, each with a name of its own, found {names}; rename "
            "or remove one"
        )
    matcher = Matcher(
        tomogram,
        geometry,
        optics=optics,
        voltage_kV=voltage_kV,
        settings=settings,
        region=region,
        device=device,
    )
    found = []
    for item in species:
        report = None if progress is None else _named(progress, item.name)
        found.append(matcher.candidates(item, templates=len(names), progress=report))
    return merge_candidates(found, matcher.shape, tomogram.voxel_size_A)


def _named(progress: Callable[[str, int, int], None], name: str) -> Progress:
    return lambda done, total: progress(name, done, total)


def _box_gain(gain: RadialGain, template: Template) -> FloatArray:
    return gain.on_grid((template.padded_box,) * 3)
