"""Settings of a microscope; from each range one value is drawn per acquisition."""

from dataclasses import dataclass, fields
from typing import Literal, get_args

from faket.config import check_settings, setting
from faket.errors import InputError

Range = tuple[float, float]
DoseScheme = Literal["dose-symmetric", "bidirectional", "unidirectional"]
Detector = Literal["K2", "K3", "generic", "perfect"]
Model = Literal["multislice", "phase-grating"]

_CHOICES = {
    "dose_scheme": get_args(DoseScheme),
    "detector": get_args(Detector),
    "model": get_args(Model),
}


@dataclass(frozen=True)
class Microscope:
    """Settings of a microscope and of a tilt-series taken with it.

    Pairs are ranges (low, high): one value is drawn per acquisition. "σ" marks the standard
    deviation of a normal distribution, drawn per tilt.

    Raises
    ------
    InputError
        If a value is out of its bounds or unknown.
    """

    voltage_kV: float = setting(300.0, "acceleration voltage", unit="kV", ge=60, le=1000)
    spherical_aberration_mm: float = setting(2.7, "Cs", unit="mm", ge=0, le=10)
    chromatic_aberration_mm: float = setting(2.7, "Cc", unit="mm", ge=0, le=10)
    energy_spread_eV: float = setting(
        0.7, "energy spread, full width at half maximum", unit="eV", ge=0, le=20
    )
    beam_semi_angle_mrad: float = setting(
        0.02, "semi-angle of illumination (spatial coherence)", unit="mrad", ge=0, le=5
    )
    phase_plate_deg: float = setting(
        0.0, "phase shift of the unscattered beam by a phase plate", unit="degrees", ge=0, le=180
    )
    defocus_um: tuple[float, float] = setting(
        (2.0, 5.0), "underfocus of the middle of the slab", unit="µm", ge=-20, le=20
    )
    defocus_jitter_um: float = setting(0.2, "σ of each tilt's defocus", unit="µm", ge=0, le=5)
    astigmatism_um: float = setting(
        0.1, "σ of half the difference between the two extreme defoci", unit="µm", ge=0, le=5
    )
    dose_e_per_A2: tuple[float, float] = setting(
        (100.0, 120.0), "electrons on the specimen, all tilts together", unit="e/Å²", gt=0, le=10000
    )
    dose_cosine_power: float = setting(
        0.0, "n: the dose of a tilt goes as 1 / cos^n of its angle; 0 is even", ge=0, le=3
    )
    dose_scheme: Literal["dose-symmetric", "bidirectional", "unidirectional"] = setting(
        "dose-symmetric", f"order of acquisition: {', '.join(_CHOICES['dose_scheme'])}"
    )
    shift_A: tuple[float, float] = setting(
        (3.0, 10.0), "σ of the image shifts that the series' geometry records", unit="Å", ge=0
    )
    alignment_error_A: tuple[float, float] = setting(
        (0.0, 0.0), "σ by which the recorded shifts differ from the true ones", unit="Å", ge=0
    )
    angle_error_deg: float = setting(
        0.006, "σ of the true stage angle about the recorded one", unit="degrees", ge=0, le=5
    )
    rotation_error_deg: float = setting(
        0.0,
        "σ of each tilt's in-plane rotation about the recorded axis",
        unit="degrees",
        ge=0,
        le=5,
    )
    tilt_axis_deg: tuple[float, float] = setting(
        (0.0, 0.0),
        "tilt axis from the image's y, counter-clockwise",
        unit="degrees",
        ge=-180,
        le=180,
    )
    detector: Literal["K2", "K3", "generic", "perfect"] = setting(
        "K2", f"detector: {', '.join(_CHOICES['detector'])}"
    )
    detector_pixel_A: float = setting(
        0.0, "physical pixel, if the images are binned; 0: the image's own", unit="Å", ge=0
    )
    motion_blur_A: float = setting(4.0, "σ of residual motion within a tilt", unit="Å", ge=0, le=50)
    model: Literal["multislice", "phase-grating"] = setting(
        "multislice", f"scattering: {', '.join(_CHOICES['model'])}"
    )
    slice_thickness_A: float = setting(
        0.0, "multislice step; 0: as thick as 0.1 rad at Nyquist allows", unit="Å", ge=0, le=10000
    )
    ice: bool = setting(True, "amorphous ice: its texture and its absorption")
    absorption: bool = setting(True, "losses from mean free paths, of ice and of each material")
    damage: bool = setting(True, "fading of the molecules with accumulated dose")

    def __post_init__(self) -> None:
        """Check bounds and choices."""
        check_settings(self)
        for item in fields(self):
            _check_kind(item.name, item.default, getattr(self, item.name))


def _check_kind(name: str, default: object, value: object) -> None:
    if name in _CHOICES:
        if value not in _CHOICES[name]:
            options = ", ".join(_CHOICES[name])
            raise InputError(f"`Microscope.{name}`: expected one of {options}, found {value!r}")
        return
    kind = "true or false" if isinstance(default, bool) else "a number"
    if isinstance(default, tuple):
        kind = "a range (low, high)"
        right = isinstance(value, tuple) and len(value) == 2 and all(map(_is_number, value))
    else:
        right = isinstance(value, bool) if isinstance(default, bool) else _is_number(value)
    if not right:
        raise InputError(f"`Microscope.{name}`: expected {kind}, found {value!r}")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
