"""The physics simulator: from a labelled specimen to the tilt-series that a microscope would take.

Each stage gives one image per tilt: ``potential`` (V·Å) → ``exit_wave`` → ``intensity`` (relative
to the incident beam) → ``counts`` (electrons) → images (counts as the detector gives them).
"""

from faket.microscope.amplitudes import match_ring_amplitudes, ring_amplitudes
from faket.microscope.formation import Exposure, acquire, expose
from faket.microscope.optics import Optics, contrast_transfer, ctf_zeros
from faket.microscope.presets import PRESET_ANGLES, PRESETS
from faket.microscope.record import AcquisitionRecord, draw_acquisition
from faket.microscope.settings import Microscope
from faket.microscope.thon import fit_defocus, power_spectrum

__all__ = [
    "PRESETS",
    "PRESET_ANGLES",
    "AcquisitionRecord",
    "Exposure",
    "Microscope",
    "Optics",
    "acquire",
    "contrast_transfer",
    "ctf_zeros",
    "draw_acquisition",
    "expose",
    "fit_defocus",
    "match_ring_amplitudes",
    "power_spectrum",
    "ring_amplitudes",
]
