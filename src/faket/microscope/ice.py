"""Amorphous ice: a texture of known power that turns with the specimen and moves under the beam.

Below 0.1 1/Å the structure factor of vitreous ice is flat (Parkhurst et al. 2024), so its
potential is white noise of spectral density S = n S₀ (K f_water)² ≈ 40 V²Å³; variance goes as
1 / voxel volume. Images of neighbouring tilts share this texture only at low frequency: by the
projection-slice theorem two projections of a slab of thickness t, Δθ apart, agree below
1 / (t Δθ). The field is therefore kept in two parts that add up to a flat spectrum:

- a three-dimensional field on a coarse grid in the frame of the specimen, projected at every
  tilt. From exposure to exposure each of its Fourier coefficients follows an AR(1) process with
  ρ(k) = exp(−2π²k²⟨u²⟩/3), ⟨u²⟩ = 1.1 Å² per e/Å², as for diffusing molecules.
- finer texture, drawn anew for every tilt.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
from scipy.fft import next_fast_len

from faket.constants import (
    ICE_MOLECULES_PER_A3,
    ICE_MOTION_A2_PER_DOSE,
    ICE_STRUCTURE_FACTOR,
    POTENTIAL_K_V_A2,
    SCATTERING_F0_A,
)
from faket.data import AnyArray, DoubleArray, FloatArray
from faket.interpolation import keys_weights
from faket.microscope.grid import WorkingGrid, fft_frequencies
from faket.microscope.slicing import Slicing, slab_path_A
from faket.projection import project_slices

_COARSEST_A = 30.0  # chosen: the coarse field holds at least the periods above 60 Å
_MOST_VOXELS = 1 << 23  # chosen, 32 MB
_FACTORS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 16, 20, 24, 30)  # small prime factors, for the FFT


def ice_power_V2_A3() -> float:
    """Spectral density of the potential of amorphous ice at low frequency, n S₀ (K f)²."""
    water_A = 2 * SCATTERING_F0_A["H"] + SCATTERING_F0_A["O"]
    return ICE_MOLECULES_PER_A3 * ICE_STRUCTURE_FACTOR * (POTENTIAL_K_V_A2 * water_A) ** 2


def motion_correlation(squared_frequency: AnyArray, dose_e_per_A2: float) -> AnyArray:
    """Return ρ(k²) = exp(−2π²k²⟨u²⟩/3) between two states of the ice a dose apart."""
    displacement_A2 = ICE_MOTION_A2_PER_DOSE * dose_e_per_A2
    return np.exp(-2 * np.pi**2 / 3 * displacement_A2 * np.asarray(squared_frequency))


def coarse_factor(
    pixel_size_A: float, depth_A: float, angles_deg: Sequence[float], area_A2: float
) -> int:
    """Return the size of an ice voxel in pixels.

    Its Nyquist frequency reaches about 1 / (t Δθ) for the closest pair of tilts, and at least
    1 / 60 Å⁻¹, unless that takes more than 2^23 voxels.
    """
    gaps = np.diff(np.sort(np.radians(angles_deg)))
    size_A = min([_COARSEST_A, *(depth_A * gaps / 2)])
    volume_A3 = area_A2 * depth_A / math.cos(math.radians(max(abs(a) for a in angles_deg)))
    for factor in _FACTORS:
        voxel_A = factor * pixel_size_A
        if voxel_A >= 0.9 * size_A and volume_A3 <= _MOST_VOXELS * voxel_A**3:
            return factor
    return _FACTORS[-1]


def keys_power(frequency: AnyArray, angle_deg: float, shape_zx: tuple[int, int]) -> DoubleArray:
    """Return the fraction of white noise's power that the projector's Keys kernel keeps.

    Parameters
    ----------
    frequency : ndarray, any shape
        Along x', cycles per pixel.
    angle_deg : float
    shape_zx : (int, int)
        Size of the projected volume along z and x, which gives the voxels' offsets from pixels.

    Returns
    -------
    ndarray, the same shape, float64
        At each frequency; 1 if all voxels fall on pixels.
    """
    nz, nx = shape_zx
    angle = math.radians(angle_deg)
    z, x = np.arange(nz)[:, None] - nz // 2, np.arange(nx) - nx // 2  # [z, 1] and [x]
    offset = (x * math.cos(angle) + z * math.sin(angle)) % 1.0
    bins = np.minimum((offset * 64).astype(int), 63).ravel()
    number = np.bincount(bins, minlength=64)
    centre = np.bincount(bins, offset.ravel(), minlength=64) / np.maximum(number, 1)
    taps = np.arange(-1, 3)
    weights = np.stack(keys_weights(centre), axis=1)  # [64] → [64, 4]
    waves = np.exp(-2j * np.pi * np.asarray(frequency)[..., None] * taps)  # [...] → [..., 4]
    power = np.abs(waves @ weights.T) ** 2  # [..., 4] @ [4, 64] → [..., 64]
    return np.asarray(power @ (number / number.sum()))


class IceField:
    """The ice of one acquisition; call :meth:`expose` tilt by tilt in order of acquisition.

    Parameters
    ----------
    grid : WorkingGrid
        Working grid of the images; rows and columns are multiples of ``2 · factor``.
    depth_A : float
        Thickness of the slab.
    factor : int
        Pixels per ice voxel (:func:`coarse_factor`).
    steepest_deg : float
        Largest tilt; the coarse field is as wide as the images see at it.
    """

    def __init__(self, grid: WorkingGrid, depth_A: float, factor: int, steepest_deg: float) -> None:
        """Choose the coarse grid; nothing is drawn yet."""
        self._grid, self._depth_A, self._factor = grid, depth_A, factor
        self._voxel_A = factor * grid.pixel_size_A
        angle = math.radians(steepest_deg)
        width_A = (grid.length_A[1] + depth_A * math.sin(angle)) / math.cos(angle)
        layers = max(1, round(depth_A / self._voxel_A))
        layers += 1 - layers % 2  # odd: the middle of the slab lies on a layer
        columns = math.ceil(width_A / self._voxel_A) + 4
        self._layers = layers
        self._shape = (
            next_fast_len(layers, real=True),  # more than the slab has, for the FFT
            grid.shape[0] // factor,
            next_fast_len(columns, real=True),
        )
        self._squared_k = self._frequencies()
        self._spectrum: torch.Tensor | None = None
        self._last_dose = 0.0

    def _frequencies(self) -> torch.Tensor:
        kz, ky = (torch.fft.fftfreq(n, self._voxel_A) for n in self._shape[:2])
        kx = torch.fft.rfftfreq(self._shape[2], self._voxel_A)
        squared = kz[:, None, None] ** 2 + ky[:, None] ** 2 + kx**2  # [z, y, x // 2 + 1]
        on_device: torch.Tensor = squared.to(self._grid.device)
        return on_device

    def expose(
        self, angle_deg: float, slicing: Slicing, dose: float, rng: np.random.Generator
    ) -> None:
        """Move the ice until it has received a dose, and cut it for one tilt.

        Parameters
        ----------
        angle_deg : float
        slicing : Slicing
        dose : float
            e/Å² at the middle of the exposure, counted from the start of the acquisition.
        rng : numpy Generator
            Of this tilt.
        """
        self._move(dose, rng)
        self._angle_deg, self._slicing, self._rng = angle_deg, slicing, rng
        assert self._spectrum is not None
        # [z, y, x // 2 + 1] → [z, y, x]
        field = torch.fft.irfftn(self._spectrum, s=self._shape)[: self._layers].cpu().numpy()
        self._coarse = project_slices(
            field,
            angle_deg,
            n_slices=slicing.groups,
            slice_thickness_voxels=slicing.group_A / self._voxel_A,
            width=self._grid.shape[1] // self._factor,
        )
        self._high_pass: dict[int, torch.Tensor] = {}  # by number of columns

    def _move(self, dose: float, rng: np.random.Generator) -> None:
        noise = torch.from_numpy(rng.standard_normal(self._shape, dtype=np.float32))
        fresh = torch.fft.rfftn(noise.to(self._grid.device))  # [z, y, x] → [z, y, x // 2 + 1]
        if self._spectrum is None:
            self._spectrum = fresh
        else:
            displacement_A2 = ICE_MOTION_A2_PER_DOSE * (dose - self._last_dose)
            exponent = self._squared_k * (-2 * math.pi**2 / 3 * displacement_A2)
            fresh *= torch.sqrt_(-torch.expm1(2 * exponent))
            self._spectrum = self._spectrum.mul_(torch.exp(exponent)).add_(fresh)
        self._last_dose = dose

    def _complement(self, columns: int) -> torch.Tensor:
        """Return the amplitude of the fine texture: what the coarse part lacks of a flat one."""
        grid = self._grid
        shape = (grid.shape[0], columns)
        kx, ky = fft_frequencies(shape, grid.pixel_size_A, grid.device, real=True)
        nyquist = 0.5 / self._voxel_A * (1 - 1e-6)
        frequency = kx[0].cpu().numpy() * self._voxel_A
        kept = keys_power(frequency, self._angle_deg, (self._layers, self._shape[2]))
        kept_x = torch.from_numpy(kept.astype(np.float32)).to(kx.device) * (kx < nyquist)
        return torch.sqrt_((1 - kept_x * (ky.abs() < nyquist)).clamp_(min=0))

    def group(
        self, group: int, also: torch.Tensor | None = None, empty: torch.Tensor | None = None
    ) -> torch.Tensor | None:
        """Return the projected potential of the ice in one group of slices.

        Call in the order of the groups, each once.

        Parameters
        ----------
        group : int
        also : Tensor, shape (y, x // 2 + 1), complex64, optional
            Spectrum of a potential that is added; overwritten.
        empty : Tensor, shape (y, columns), float32, optional
            Path through vacuum, pixels, in the middle of the grid: there the texture is weaker, as
            the square root of the ice that is left.

        Returns
        -------
        Tensor, shape (y, x), float32, or None
            V·Å above the mean; None if the slab does not reach the group and nothing is added.
        """
        grid = self._grid
        x_A = (np.arange(grid.shape[1]) - grid.shape[1] // 2) * grid.pixel_size_A
        edges = self._slicing.group_edges_A(group)
        path = slab_path_A(x_A, edges, self._depth_A, self._angle_deg)
        (columns,) = np.nonzero(path)
        if len(columns) == 0:
            return None if also is None else torch.fft.irfft2(also, s=grid.shape)
        band = slice(columns[0], columns[-1] + 1)
        sigma = np.sqrt(ice_power_V2_A3() * path[band]) / grid.pixel_size_A
        potential = self._upsampled(self._coarse[group], None if empty is not None else also)
        potential[:, band] += self._fine(len(sigma)).mul_(
            torch.from_numpy(sigma.astype(np.float32)).to(grid.device)
        )
        if empty is not None:
            rows, there = grid.window(empty.shape)
            least_A = np.maximum(path[there], grid.pixel_size_A).astype(np.float32)
            part = empty * (grid.pixel_size_A / torch.from_numpy(least_A).to(grid.device))
            potential[rows, there] *= (1 - part).clamp_(min=0).sqrt_()
            if also is not None:
                potential += torch.fft.irfft2(also, s=grid.shape)
        return potential

    def _fine(self, columns: int) -> torch.Tensor:
        """Return fine texture, of unit variance before its filter, on some columns of the grid."""
        period = next_fast_len(columns, real=True)
        if period not in self._high_pass:
            self._high_pass[period] = self._complement(period)
        shape = (self._grid.shape[0], period)
        noise = torch.from_numpy(self._rng.standard_normal(shape, dtype=np.float32))
        # [y, period] → [y, period // 2 + 1] → [y, period]
        spectrum = torch.fft.rfft2(noise.to(self._grid.device)).mul_(self._high_pass[period])
        fine: torch.Tensor = torch.fft.irfft2(spectrum, s=shape)
        return fine[:, :columns]

    def _upsampled(self, coarse: FloatArray, also: torch.Tensor | None) -> torch.Tensor:
        """Return a coarse slice in V·Å on the fine grid, by padding its Fourier transform."""
        # Noise has unit variance per voxel; the layers (an odd number) represent the true depth.
        scale = math.sqrt(ice_power_V2_A3() * self._depth_A / self._layers) / self._voxel_A
        # [y, x] of the coarse grid → half spectrum → padded half spectrum → [y, x] of the fine grid
        spectrum = torch.fft.rfft2(torch.from_numpy(coarse).to(self._grid.device))
        spectrum *= scale * self._factor**2
        ny, nx = self._grid.shape
        wide = also
        if wide is None:
            wide = torch.zeros((ny, nx // 2 + 1), dtype=spectrum.dtype, device=spectrum.device)
        rows, columns = coarse.shape[0], coarse.shape[1] // 2
        above, below = rows // 2, rows // 2 - 1
        wide[:above, :columns] += spectrum[:above, :columns]
        wide[ny - below :, :columns] += spectrum[rows - below :, :columns]
        upsampled: torch.Tensor = torch.fft.irfft2(wide, s=self._grid.shape)
        return upsampled
