"""From tilt-series to tomograms: alignment, binning, filters, weighted back-projection."""

from faket.reconstruction.binning import binned_offset, fourier_crop
from faket.reconstruction.denoising import NoiseVerdict, judge_noise
from faket.reconstruction.filters import filter_stack, ramp, shrec_filter
from faket.reconstruction.resampling import align, resample
from faket.reconstruction.tomogram_reference import (
    TomogramReference,
    tomogram_angles,
    tomogram_series,
)
from faket.reconstruction.wbp import reconstruct
from faket.reconstruction.wedge import MissingWedge, find_wedge

__all__ = [
    "MissingWedge",
    "NoiseVerdict",
    "TomogramReference",
    "align",
    "binned_offset",
    "filter_stack",
    "find_wedge",
    "fourier_crop",
    "judge_noise",
    "ramp",
    "reconstruct",
    "resample",
    "shrec_filter",
    "tomogram_angles",
    "tomogram_series",
]
