"""Settings of a training, with bounds and units."""

from dataclasses import dataclass, replace
from typing import Literal

from faket.config import check_settings, setting
from faket.errors import InputError
from faket.picking.networks.network import STRIDE, PickerName
from faket.picking.networks.patches import Rotations

Schedule = Literal["constant", "linear"]
_PUBLISHED_PATCH, _PUBLISHED_SHIFT = 56, 13


@dataclass(frozen=True)
class TrainingSettings:
    """How a picker is trained; the defaults are the published ones."""

    picker: PickerName = setting(
        "deepfinder", "network: deepfinder (published), or unet, the residual U-Net of monai"
    )
    epochs: int = setting(110, "epochs in all, including those of a checkpoint", ge=1)
    batch: int = setting(25, "patches in one step", ge=1)
    patch: int = setting(_PUBLISHED_PATCH, "side of a patch, a multiple of 4", unit="voxels", ge=8)
    width: float = setting(1.0, "factor on the network's channels", ge=0.05, le=8)
    learning_rate: float = setting(1e-4, "highest learning rate of Adam", gt=0, le=1)
    warm_up_steps: int = setting(
        0, "steps in which the learning rate rises from zero; 0 as published", ge=0
    )
    schedule: Schedule = setting(
        "constant",
        "learning rate after the warm-up: constant (published), or linear, to zero after the last "
        "step",
    )
    average_steps: int = setting(
        0,
        "steps over which the weights used for picking are averaged; 0 for none, as published",
        ge=0,
    )
    max_shift: int | None = setting(
        None,
        "largest random shift of a patch from its object; by default 13/56 of the patch",
        unit="voxels",
        ge=0,
    )
    cross_entropy: float = setting(
        0.0,
        "weight of a cross-entropy added to the loss; 0 as published; with 1 and few data a tenth "
        "of the steps suffices",
        ge=0,
    )
    rotations: Rotations = setting("y", "axes of the random half turns: none, y (published) or xyz")
    augment: bool | None = setting(
        None,
        "change patches at random: filter, noise, contrast; by default for the U-Net only, not for "
        "DeepFinder, as published",
    )
    mixed_precision: bool = setting(
        True, "compute in half precision where it is safe, on CUDA only"
    )
    validate_every: int = setting(1, "epochs between validations", ge=1)

    def __post_init__(self) -> None:
        """Raise InputError if a value is out of its bounds."""
        check_settings(self)
        if self.patch % STRIDE:
            raise InputError(
                f"`TrainingSettings.patch`: expected a multiple of {STRIDE} voxels, found "
                f"{self.patch}; take {self.patch // STRIDE * STRIDE}"
            )
        if self.picker not in ("deepfinder", "unet"):
            raise InputError(
                f"`TrainingSettings.picker`: expected deepfinder or unet, found {self.picker!r}; "
                "choose one of them"
            )
        if self.rotations not in ("none", "y", "xyz"):
            raise InputError(
                f"`TrainingSettings.rotations`: expected none, y or xyz, found {self.rotations!r}; "
                "choose one of them"
            )
        if self.schedule not in ("constant", "linear"):
            raise InputError(
                f"`TrainingSettings.schedule`: expected constant or linear, found "
                f"{self.schedule!r}; choose one of them"
            )
        if self.shift > self.patch // 2:
            raise InputError(
                f"`TrainingSettings.max_shift`: expected at most half a patch ({self.patch // 2} "
                f"voxels), found {self.shift}; choose a smaller one"
            )

    @property
    def augmented(self) -> bool:
        """Whether patches are changed at random."""
        return self.picker == "unet" if self.augment is None else self.augment

    @property
    def shift(self) -> int:
        """Largest random shift along each axis, voxels."""
        if self.max_shift is not None:
            return self.max_shift
        return _PUBLISHED_SHIFT * self.patch // _PUBLISHED_PATCH

    def for_steps(self, steps: int, n_objects: int, *, before: int = 0) -> "TrainingSettings":
        """Return these settings with the number of epochs that take about ``steps`` steps.

        Parameters
        ----------
        steps : int
        n_objects : int
            In all training tomograms; an epoch shows each once.
        before : int
            Epochs of the checkpoint that is fine-tuned.
        """
        epochs = max(1, round(steps / max(1, n_objects // self.batch)))
        return replace(self, epochs=before + epochs)

    def rate(self, step: int, steps: int) -> float:
        """Return the learning rate of step ``step`` (from 0) of ``steps``: warm-up times fall."""
        rise = min(1.0, (step + 1) / self.warm_up_steps) if self.warm_up_steps else 1.0
        fall = 1 - step / steps if self.schedule == "linear" else 1.0
        return self.learning_rate * rise * fall


# "quick" is for CPUs and few data. A patch need not contain a whole particle; most of it suffices.
TRAINING_PRESETS: dict[str, TrainingSettings] = {
    "published": TrainingSettings(),
    "quick": TrainingSettings(
        batch=8,
        patch=24,
        width=0.25,
        learning_rate=2e-3,
        warm_up_steps=200,
        schedule="linear",
        average_steps=100,
        cross_entropy=1.0,
    ),
}
