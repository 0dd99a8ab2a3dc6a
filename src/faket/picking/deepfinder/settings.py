"""Settings of a training, with bounds and units."""

from dataclasses import dataclass, replace
from typing import Literal

from faket.config import check_settings, setting
from faket.errors import InputError
from faket.picking.deepfinder.network import STRIDE
from faket.picking.deepfinder.patches import Rotations

Schedule = Literal["constant", "linear"]
_PUBLISHED_PATCH, _PUBLISHED_SHIFT = 56, 13


@dataclass(frozen=True)
class TrainingSettings:
    """How a picker is trained; the defaults are the published ones."""

    epochs: int = setting(110, "epochs in all, with those of a checkpoint", ge=1)
    batch: int = setting(25, "patches a step", ge=1)
    patch: int = setting(_PUBLISHED_PATCH, "side of a patch, a multiple of 4", unit="voxels", ge=8)
    width: float = setting(1.0, "factor on the network's channels", ge=0.05, le=8)
    learning_rate: float = setting(1e-4, "of Adam", gt=0, le=1)
    warm_up_steps: int = setting(0, "steps over which the rate rises; 0 as published", ge=0)
    schedule: Schedule = setting(  # noqa: RUF009  (a field, as the others)
        "constant", "of the rate: constant (published), or linear, to zero after the last step"
    )
    average_steps: int = setting(
        0, "steps over which the weights that pick are averaged; 0 for none, as published", ge=0
    )
    max_shift: int | None = setting(
        None, "random shift off the object; by default 13/56 of the patch", unit="voxels", ge=0
    )
    cross_entropy: float = setting(
        0.0,
        "weight of a cross-entropy added to the loss; 0 as published, 1 learns in a tenth of the "
        "steps where data are few",
        ge=0,
    )
    rotations: Rotations = setting(  # noqa: RUF009  (a field, as the others)
        "y", "random half turns about: none, y (published) or xyz"
    )
    mixed_precision: bool = setting(True, "half precision where it is safe, on CUDA only")
    validate_every: int = setting(1, "epochs between validations", ge=1)

    def __post_init__(self) -> None:
        """Raise InputError if a value is out of its bounds."""
        check_settings(self)
        if self.patch % STRIDE:
            raise InputError(
                f"`TrainingSettings.patch`: expected a multiple of {STRIDE} voxels, found "
                f"{self.patch}; take {self.patch // STRIDE * STRIDE}"
            )
        if self.rotations not in ("none", "y", "xyz"):
            raise InputError(
                f"`TrainingSettings.rotations`: expected none, y or xyz, found {self.rotations!r}"
            )
        if self.schedule not in ("constant", "linear"):
            raise InputError(
                f"`TrainingSettings.schedule`: expected constant or linear, found {self.schedule!r}"
            )
        if self.shift > self.patch // 2:
            raise InputError(
                f"`TrainingSettings.max_shift`: expected at most half a patch ({self.patch // 2} "
                f"voxels), found {self.shift}"
            )

    @property
    def shift(self) -> int:
        """Largest random shift along each axis, voxels."""
        if self.max_shift is not None:
            return self.max_shift
        return _PUBLISHED_SHIFT * self.patch // _PUBLISHED_PATCH

    def for_steps(self, steps: int, n_objects: int, *, before: int = 0) -> "TrainingSettings":
        """Return these settings with the whole epochs that take about so many steps.

        Parameters
        ----------
        steps : int
        n_objects : int
            In all training tomograms: an epoch takes each once.
        before : int
            Epochs of the checkpoint that is fine-tuned.
        """
        epochs = max(1, round(steps / max(1, n_objects // self.batch)))
        return replace(self, epochs=before + epochs)

    def rate(self, step: int, steps: int) -> float:
        """Return the learning rate of a step, from 0, of so many; warm-up and fall multiply."""
        rise = min(1.0, (step + 1) / self.warm_up_steps) if self.warm_up_steps else 1.0
        fall = 1 - step / steps if self.schedule == "linear" else 1.0
        return self.learning_rate * rise * fall


# "quick" is for CPUs and few data. Long particles need not fit its patch: most of them is enough.
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
