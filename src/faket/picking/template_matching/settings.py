"""The settings of template matching."""

from dataclasses import dataclass
from typing import Literal, get_args

from faket.config import check_settings, setting
from faket.errors import InputError

Mask = Literal["sphere", "shape"]
Wedge = Literal["per-tilt", "binary", "none"]
Whitening = Literal["none", "radial"]
Contrast = Literal["dark", "bright"]

_CHOICES = {
    "mask": get_args(Mask),
    "wedge": get_args(Wedge),
    "whitening": get_args(Whitening),
    "protein": get_args(Contrast),
}


@dataclass(frozen=True)
class TemplateMatching:
    """Settings of template matching.

    The published TM row is the default; :data:`TM_F` is TM on whitened, band-passed data.

    Raises
    ------
    InputError
        If a value is out of its bounds or unknown.
    """

    angular_step_deg: float = setting(
        12.0, "angle between neighbouring orientations", unit="degrees", ge=2, le=60
    )
    mask: Literal["sphere", "shape"] = setting(
        "sphere",
        "region of the template that is compared: sphere, or shape (the molecule's envelope; takes "
        "three times as long)",
    )
    mask_edge_voxels: float = setting(
        2.0, "width over which the mask falls from 1 to 0", unit="voxels", ge=0, le=20
    )
    wedge: Literal["per-tilt", "binary", "none"] = setting(
        "per-tilt", "missing wedge of the template: per-tilt, binary or none"
    )
    whitening: Literal["none", "radial"] = setting(
        "none",
        "radial: make the tomogram's radial spectrum flat, and filter the template likewise; none",
    )
    low_pass_A: float = setting(
        0.0, "remove details smaller than this; 0 keeps them", unit="Å", ge=0
    )
    high_pass_A: float = setting(
        0.0, "remove variations longer than this; 0 keeps them", unit="Å", ge=0
    )
    false_positives: float = setting(
        1.0, "false positives to accept in a tomogram of noise, all templates together", gt=0
    )
    exclusion: float = setting(
        1.0, "smallest distance between two picks, in radii of the particle", gt=0, le=3
    )
    protein: Literal["dark", "bright"] = setting(
        "dark", "how protein looks in the tomogram: dark or bright"
    )
    memory_GB: float = setting(
        4.0, "memory for one subvolume's search; less makes more subvolumes", unit="GB", gt=0
    )

    def __post_init__(self) -> None:
        """Check bounds and choices."""
        check_settings(self)
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise InputError(
                    f"`TemplateMatching.{name}`: expected one of {', '.join(choices)}, "
                    f"found {getattr(self, name)!r}"
                )
        if 0 < self.high_pass_A <= self.low_pass_A:
            raise InputError(
                "template matching: expected `low_pass_A` below `high_pass_A`, found "
                f"{self.low_pass_A:g} and {self.high_pass_A:g} Å; lower the first, or raise the "
                "second (0: none)"
            )


TM = TemplateMatching()
TM_F = TemplateMatching(whitening="radial", low_pass_A=25.0, high_pass_A=400.0)
