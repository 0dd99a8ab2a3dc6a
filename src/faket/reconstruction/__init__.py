"""From tilt-series to tomograms: binning, filters, weighted back-projection."""

from faket.reconstruction.binning import binned_offset, fourier_crop
from faket.reconstruction.filters import filter_stack, ramp, shrec_filter
from faket.reconstruction.wbp import align, reconstruct

__all__ = [
    "align",
    "binned_offset",
    "filter_stack",
    "fourier_crop",
    "ramp",
    "reconstruct",
    "shrec_filter",
]
