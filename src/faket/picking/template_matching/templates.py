"""Templates: a species rotated, with missing wedge and filters, masked and normalised."""

import math
from dataclasses import dataclass

import numpy as np
import scipy.fft
import torch
from scipy.spatial.transform import Rotation

from faket.data import DoubleArray, FloatArray, Species
from faket.errors import InputError
from faket.fourier import inverse_real
from faket.picking.template_matching.settings import TemplateMatching

_MARGIN = 1.5  # box in which the wedge is applied, in mask boxes; chosen, against wrap-around
_SYMMETRIC = 0.9  # least correlation with itself after a rotation of its symmetry group; chosen
_FINER = 2  # chosen: at this finer sampling a linear interpolation is accurate enough


@dataclass(frozen=True)
class Template:
    """Geometry of a species as a template, in voxels of the tomogram.

    Attributes
    ----------
    species : Species
    reach : float
        Distance of the farthest point of the envelope from the centre: the mask's radius.
    exclusion : float
        Smallest distance to another particle.
    edge : float
        Voxels over which the mask falls from 1 to 0.
    """

    species: Species
    reach: float
    exclusion: float
    edge: float

    @property
    def box(self) -> int:
        """Edge of the cube that holds the mask, odd."""
        return 2 * math.ceil(self.reach + self.edge) + 1

    @property
    def padded_box(self) -> int:
        """Edge of the cube in which the wedge is applied."""
        return int(scipy.fft.next_fast_len(math.ceil(_MARGIN * self.box), real=True))


def prepare_template(species: Species, voxel_size_A: float, settings: TemplateMatching) -> Template:
    """Measure a species for matching in a tomogram of ``voxel_size_A``.

    Raises
    ------
    InputError
        If the voxel sizes differ by more than 0.1 %, or the species is empty.
    """
    if abs(species.voxel_size_A / voxel_size_A - 1) > 1e-3:
        raise InputError(
            f"species {species.name}: expected voxels of {voxel_size_A:g} Å as in the tomogram, "
            f"found {species.voxel_size_A:g} Å; make it again with the tomogram's voxel size"
        )
    centre = np.array(species.envelope.shape) // 2
    inside = np.argwhere(species.envelope >= 0.5) - centre
    if len(inside) == 0 or not np.any(species.potential):
        raise InputError(
            f"species {species.name}: expected a molecule, found an empty volume; make it again"
        )
    squared = (inside**2).sum(axis=1)
    # A voxel at the centre alone still has the extent of a voxel.
    reach = math.sqrt(squared.max()) + 0.5
    return Template(species, reach, reach * settings.exclusion, settings.mask_edge_voxels)


def sphere_mask(box: int, radius: float, edge: float) -> FloatArray:
    """Return a ball around voxel box // 2: 1 inside, falling as a cosine over ``edge`` voxels."""
    along = np.arange(box) - box // 2
    distance = np.sqrt(along[:, None, None] ** 2 + along[:, None] ** 2 + along**2)
    beyond = np.clip((distance - radius) / max(edge, 1e-6), 0, 1)
    return np.asarray(0.5 + 0.5 * np.cos(np.pi * beyond), np.float32)


class KernelFactory:
    """Makes the kernel of any orientation for the numerator of Pearson's correlation.

    For weights w and template t it is w (t − ⟨t⟩) / (N s), with ⟨t⟩ the weighted mean, s the
    weighted standard deviation and N = Σ w. The correlation of the tomogram with this kernel,
    divided by the local standard deviation of the tomogram under w, is Pearson's.

    Parameters
    ----------
    template : Template
    transfer : ndarray, shape of ``rfftn`` over the padded box
        Wedge, contrast transfer and filters; see
        :func:`faket.picking.template_matching.transfer.tomogram_transfer`.
    mask : {"sphere", "shape"}
    device : torch.device
    """

    def __init__(
        self, template: Template, transfer: FloatArray, mask: str, device: torch.device
    ) -> None:
        """Sample the species finely and put everything on the device."""
        self.template, self.device = template, device
        self.box, self.padded = template.box, template.padded_box
        self._transfer = torch.from_numpy(transfer).to(device)
        self._potential = _fine(template.species.potential).to(device)
        ball = sphere_mask(self.box, template.reach, template.edge)
        self.ball = torch.from_numpy(ball).to(device)
        self._envelope = _fine(template.species.envelope).to(device) if mask == "shape" else None
        self.shaped = self._envelope is not None
        self._points = _grid_points(self.box).to(device)

    def kernels(self, rotations: Rotation) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Return kernels [n, z, y, x] and, for a mask of the template's shape, weights / N.

        Raises
        ------
        InputError
            If a filtered template is constant under its mask.
        """
        matrices = torch.from_numpy(rotations.as_matrix().astype(np.float32)).to(self.device)
        rotated = self._rotate(self._potential, matrices)
        shape = (self.padded,) * 3
        spectra = torch.fft.rfftn(rotated, s=shape, dim=(1, 2, 3)) * self._transfer
        seen = inverse_real(spectra, shape)
        seen = seen[:, : self.box, : self.box, : self.box]
        weights = self.ball.expand_as(seen)
        if self._envelope is not None:
            # Twice the envelope, limited to 1, reaches a little beyond the molecule.
            weights = (2 * self._rotate(self._envelope, matrices)).clamp_(0, 1) * self.ball
        total = weights.sum(dim=(1, 2, 3), keepdim=True)
        centred = seen - (weights * seen).sum(dim=(1, 2, 3), keepdim=True) / total
        power = (weights * centred.square()).sum(dim=(1, 2, 3), keepdim=True) / total
        if not bool((power > 1e-12 * seen.square().mean()).all()):
            raise InputError(
                f"species {self.template.species.name}: expected a template with contrast, found "
                "none left after filtering; widen the band or check the tilt angles"
            )
        kernels = weights * centred / (power.sqrt() * total)
        return kernels, None if self._envelope is None else weights / total

    def check_symmetry(self, group: Rotation, symbol: str) -> None:
        """Raise InputError unless the potential is nearly unchanged by each rotation of a group."""
        for start in range(1, len(group), 8):
            chosen = Rotation.concatenate([Rotation.identity(), group[start : start + 8]])
            matrices = torch.from_numpy(chosen.as_matrix().astype(np.float32)).to(self.device)
            flat = self._rotate(self._potential, matrices).reshape(len(chosen), -1)
            flat = flat / flat.norm(dim=1, keepdim=True)
            lowest = float((flat[1:] @ flat[0]).min())
            if lowest < _SYMMETRIC:
                raise InputError(
                    f"species {self.template.species.name}: expected the symmetry {symbol} about "
                    f"the axes of its frame, found a correlation of only {lowest:.4g} between it "
                    f"and its rotated copy (at least {_SYMMETRIC:g} needed); give C1"
                )

    def _rotate(self, fine: torch.Tensor, matrices: torch.Tensor) -> torch.Tensor:
        """Sample R v at the points of the box: v at R⁻¹ p."""
        size = fine.shape[-1]
        source = self._points @ matrices  # rows p R = (R⁻¹ p)
        index = _FINER * (size // _FINER // 2) + _FINER * source
        grid = (2 * index / (size - 1) - 1).reshape(len(matrices), *(self.box,) * 3, 3)
        sampled = torch.nn.functional.grid_sample(
            fine.expand(len(matrices), 1, size, size, size), grid, align_corners=True
        )
        return sampled[:, 0]


def _grid_points(box: int) -> torch.Tensor:
    """Points x y z of a cube from its centre, in the order of its voxels."""
    along = torch.arange(box, dtype=torch.float32) - box // 2
    z, y, x = torch.meshgrid(along, along, along, indexing="ij")
    return torch.stack([x, y, z], dim=-1).reshape(-1, 3)


def _fine(volume: FloatArray) -> torch.Tensor:
    """Put a volume, centre on centre, into a cube and sample it finer by its Fourier series."""
    size = (max(volume.shape) + 1) | 1  # odd, so that there is no Nyquist sample to split
    cube: DoubleArray = np.zeros((size,) * 3)
    start = [size // 2 - n // 2 for n in volume.shape]
    cube[tuple(slice(s, s + n) for s, n in zip(start, volume.shape, strict=True))] = volume
    for axis in range(3):
        spectrum = scipy.fft.rfft(cube, axis=axis)
        cube = _FINER * scipy.fft.irfft(spectrum, _FINER * size, axis=axis)
    return torch.from_numpy(cube.astype(np.float32))[None, None]
