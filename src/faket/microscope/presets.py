"""Named settings of a microscope, and their tilt angles."""

from collections.abc import Mapping
from types import MappingProxyType

from faket.microscope.settings import Microscope

PRESETS: Mapping[str, Microscope] = MappingProxyType(
    {
        # The ranges of the SHREC 2021 tomograms (Gubins et al. 2021 and their public code).
        "shrec21": Microscope(),
        # A stack after alignment: tilt axis along y, small unknown residual shifts. Chosen: usual
        # doses and defoci of the field, a K3 with pixels of 2.5 Å.
        "k3-60x3": Microscope(
            defocus_um=(2.0, 5.0),
            dose_e_per_A2=(100.0, 140.0),
            detector="K3",
            detector_pixel_A=2.5,
            shift_A=(0.0, 0.0),
            alignment_error_A=(2.0, 10.0),
            angle_error_deg=0.1,
            rotation_error_deg=0.2,
        ),
        # The tilt scheme and pixel of the CZII phantom data; dose and defocus are chosen as usual.
        "czii-45x3": Microscope(
            defocus_um=(2.0, 5.0),
            dose_e_per_A2=(60.0, 120.0),
            detector="generic",
            detector_pixel_A=1.54,
            shift_A=(0.0, 0.0),
            alignment_error_A=(2.0, 10.0),
            angle_error_deg=0.1,
            rotation_error_deg=0.2,
        ),
    }
)

PRESET_ANGLES: Mapping[str, tuple[float, ...]] = MappingProxyType(
    {
        "shrec21": tuple(float(angle) for angle in range(-60, 61, 2)),
        "k3-60x3": tuple(float(angle) for angle in range(-60, 61, 3)),
        "czii-45x3": tuple(float(angle) for angle in range(-45, 46, 3)),
    }
)
