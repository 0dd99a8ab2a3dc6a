"""From tilt-series to tomograms: alignment and what shows it, filters, back-projection."""

from faket.reconstruction.binning import binned_offset, crop_images, fourier_crop
from faket.reconstruction.denoising import NoiseVerdict, judge_noise
from faket.reconstruction.filters import filter_stack, ramp, shrec_filter
from faket.reconstruction.measured_alignment import MeasuredAlignment, measured_alignment
from faket.reconstruction.measured_filter import MeasuredFilter, match_spectra, measure_filter
from faket.reconstruction.resampling import align, resample
from faket.reconstruction.residual_shifts import ResidualShifts, residual_shifts
from faket.reconstruction.tilt_axis import TiltAxis, tilt_axis
from faket.reconstruction.tomogram_reference import (
    TomogramReference,
    tomogram_angles,
    tomogram_series,
)
from faket.reconstruction.wbp import reconstruct
from faket.reconstruction.wedge import MissingWedge, find_wedge

__all__ = [
    "MeasuredAlignment",
    "MeasuredFilter",
    "MissingWedge",
    "NoiseVerdict",
    "ResidualShifts",
    "TiltAxis",
    "TomogramReference",
    "align",
    "binned_offset",
    "crop_images",
    "filter_stack",
    "find_wedge",
    "fourier_crop",
    "judge_noise",
    "match_spectra",
    "measure_filter",
    "measured_alignment",
    "ramp",
    "reconstruct",
    "resample",
    "residual_shifts",
    "shrec_filter",
    "tilt_axis",
    "tomogram_angles",
    "tomogram_series",
]
