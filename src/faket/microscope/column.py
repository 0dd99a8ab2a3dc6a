"""The column: a plane wave passes one tilt of the specimen, slice by slice."""

import functools
import math
from collections.abc import Callable

import numpy as np
import torch

from faket.constants import electron_wavelength_A, interaction_constant_rad_per_V_A
from faket.data import Specimen
from faket.microscope.absorption import slab_amplitude
from faket.microscope.dose import dose_before, surviving_amplitude
from faket.microscope.grid import WorkingGrid, working_shape
from faket.microscope.ice import IceField, coarse_factor
from faket.microscope.lens import fresnel_propagator
from faket.microscope.phase import advance_phase, fade_wave
from faket.microscope.record import AcquisitionRecord
from faket.microscope.stage import Band, SpecimenStage, Tilt
from faket.microscope.travel import TravellingWave
from faket.seeds import generator


class Column:
    """Column, stage and specimen of one acquisition.

    Parameters
    ----------
    specimen : Specimen
    record : AcquisitionRecord
    device : {"cpu", "cuda"}
    """

    def __init__(self, specimen: Specimen, record: AcquisitionRecord, device: str) -> None:
        """Choose the working grid and prepare the ice."""
        self._record = record
        microscope = record.microscope
        self._sigma = interaction_constant_rad_per_V_A(microscope.voltage_kV)
        self._wavelength_A = electron_wavelength_A(microscope.voltage_kV)
        self._dose_before = dose_before(np.array(record.dose_e_per_A2), np.array(record.order))
        nz, ny, nx = specimen.potential.data.shape
        p = record.pixel_size_A
        self._depth_A: float = nz * p
        factor = coarse_factor(p, self._depth_A, record.nominal_angles_deg, ny * nx * p * p)
        factor = factor if microscope.ice else 1
        rotations = [record.tilt_axis_deg + error for error in record.rotation_errors_deg]
        self.grid = WorkingGrid(
            working_shape((ny, nx), rotations, self._margin_px(), factor), (ny, nx), p, device
        )
        steepest = max(abs(angle) for angle in record.true_angles_deg)
        self._ice = IceField(self.grid, self._depth_A, factor, steepest) if microscope.ice else None
        self._stage = SpecimenStage(specimen, record, self.grid.shape[1])
        self._propagators: dict[float, torch.Tensor] = {}

    def _margin_px(self) -> int:
        """Return the margin against wrap-around in the periodic grid: λ Δf k, and the shifts."""
        record = self._record
        nyquist = 0.5 / record.pixel_size_A
        defocus = max(abs(value) for value in record.defocus_A) + self._depth_A
        shift = max(abs(value) for pair in record.shifts_A for value in pair)
        blur = 3 * record.microscope.motion_blur_A
        spread = self._wavelength_A * defocus * nyquist + 2 * (shift + blur)
        return math.ceil(spread / record.pixel_size_A) + 2

    def load(self, index: int) -> Tilt:
        """Turn the specimen to a tilt; the arrays of the last call are overwritten."""
        return self._stage.load(index)

    def project(self, tilt: Tilt) -> torch.Tensor:
        """Projected potential of the specimen on the grid, V·Å above ice."""
        total = torch.zeros(self.grid.shape, device=self.grid.device)
        for band in tilt.potential:
            self._add(band, total)
        return total.mul_(self.grid.pixel_size_A)

    def exit_wave(self, tilt: Tilt) -> tuple[torch.Tensor, float]:
        """Send a plane wave through the slab, slice by slice.

        Returns
        -------
        wave : Tensor, shape (y, x) of the grid, complex64
            Behind the last slice, without propagation beyond its plane.
        z_A : float
            Beam coordinate z' of that plane; the middle of the slab is at 0.
        """
        angle, planes = self._record.true_angles_deg[tilt.index], tilt.slicing.planes()
        fade = self._fading(tilt.index)
        if self._ice is not None:
            rng = generator(self._record.seed, "ice", tilt.index)
            dose = self._dose_before[tilt.index] + self._record.dose_e_per_A2[tilt.index] / 2
            self._ice.expose(angle, tilt.slicing, dose, rng)
        microscope, amplitude = self._record.microscope, 1.0
        if microscope.ice and microscope.absorption:
            amplitude = slab_amplitude(self._depth_A, angle, microscope.voltage_kV)
        wave = torch.full(self.grid.shape, amplitude, dtype=torch.complex64).to(self.grid.device)
        travelling, previous = TravellingWave(wave), planes[0].z_A
        for plane in planes:
            if plane.z_A != previous:
                travelling.advance(self._propagator(plane.z_A - previous))
            previous = plane.z_A
            band = None if plane.fine is None else tilt.potential[plane.fine]
            if plane.group is not None:
                act = self._group(tilt, band, plane.group, fade)
                travelling.scatter(0, self.grid.shape[1], act)
            elif band is not None:
                _, columns = self._columns(band)
                act = functools.partial(self._diffract, band)
                travelling.scatter(columns.start, columns.stop, act)
        return travelling.in_pixels(), previous

    def propagate(self, wave: torch.Tensor, distance_A: float) -> torch.Tensor:
        """Free space: ψ ← F⁻¹[exp(−iπλk²Δz) F ψ]."""
        if distance_A == 0:
            return wave
        travelling = TravellingWave(wave)
        travelling.advance(self._propagator(distance_A))
        return travelling.in_pixels()

    def _propagator(self, distance_A: float) -> torch.Tensor:
        key = round(distance_A, 6)
        if key not in self._propagators:
            if len(self._propagators) > 8:
                self._propagators.clear()
            self._propagators[key] = fresnel_propagator(self.grid, self._wavelength_A, key)
        return self._propagators[key]

    def _diffract(self, band: Band, wave: torch.Tensor, first_column: int) -> None:
        """One fine slice as a phase grating: ψ ← ψ exp(iσ Σ V Δz), for some columns."""
        rows, columns = self._columns(band)
        phase = torch.from_numpy(band.values).to(self.grid.device)
        scale = self._sigma * self.grid.pixel_size_A
        advance_phase(wave, phase, scale, (rows.start, columns.start - first_column))

    def _add(self, band: Band, image: torch.Tensor, sign: int = 1) -> None:
        """Add a band, or subtract it, where it lies on the grid."""
        values = torch.from_numpy(band.values).to(image.device)
        image[self._columns(band)].add_(values, alpha=sign)

    def _columns(self, band: Band) -> tuple[slice, slice]:
        """Return the rows and columns of the grid that a band covers."""
        rows, _ = self.grid.window(band.values.shape)
        start = self.grid.shape[1] // 2 + band.column
        return rows, slice(start, start + band.values.shape[1])

    def _group(
        self, tilt: Tilt, band: Band | None, group: int, fade: torch.Tensor | None
    ) -> Callable[[torch.Tensor, int], None]:
        """Prepare the scattering by a fine slice and the ice, absorption and damage of its group.

        ψ ← ψ exp(iσ V − loss).
        """
        core = group - tilt.slicing.outer_groups
        inside = 0 <= core < tilt.slicing.core_groups
        potential, kept = None, None
        if fade is not None and inside:
            potential = self._lost_spectrum(tilt, core, fade)
        if self._ice is not None:
            empty = None
            if tilt.vacuum is not None and inside and tilt.vacuum[core].values.any():
                empty = torch.zeros(self.grid.shape, device=self.grid.device)
                self._add(tilt.vacuum[core], empty)
            potential = self._ice.group(group, potential, empty)
        elif potential is not None:
            potential = torch.fft.irfft2(potential, s=self.grid.shape)  # → [y, x]
        if tilt.loss is not None and inside:
            loss = tilt.loss[core]
            kept = torch.exp(-torch.from_numpy(loss.values).to(self.grid.device))

        def act(wave: torch.Tensor, first_column: int) -> None:
            if band is not None:
                self._diffract(band, wave, first_column)
            if potential is not None:
                advance_phase(wave, potential, self._sigma, (0, -first_column))
            if kept is not None:
                rows, columns = self._columns(loss)
                fade_wave(wave, kept, (rows.start, columns.start - first_column))

        return act

    def _fading(self, index: int) -> torch.Tensor | None:
        """Return the fraction of the molecules' amplitude that damage took.

        Over the frequencies [y, x // 2 + 1] of a real FFT; None without damage.
        """
        if not self._record.microscope.damage:
            return None
        kx, ky = self.grid.frequencies(real=True)
        k = torch.hypot(kx, ky).cpu().numpy().astype(np.float64)
        left = surviving_amplitude(
            k,
            self._dose_before[index],
            self._record.dose_e_per_A2[index],
            self._record.microscope.voltage_kV,
        )
        return torch.from_numpy((1 - left).astype(np.float32)).to(self.grid.device)

    def _lost_spectrum(self, tilt: Tilt, core: int, fade: torch.Tensor) -> torch.Tensor:
        """Return minus the potential of a group that damage took: its real FFT, V·Å."""
        per_group = tilt.slicing.per_group
        full = torch.zeros(self.grid.shape, device=self.grid.device)
        for band in tilt.potential[core * per_group : (core + 1) * per_group]:
            self._add(band, full)
        if tilt.lasting is not None and tilt.lasting[core].values.any():
            self._add(tilt.lasting[core], full, sign=-1)
        spectrum: torch.Tensor = torch.fft.rfft2(full)  # [y, x] → [y, x // 2 + 1]
        return spectrum.mul_(fade * -self.grid.pixel_size_A)
