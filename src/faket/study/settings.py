"""The settings of a study, and the presets."""

from dataclasses import dataclass, replace
from typing import Literal

from faket.config import check_settings, setting
from faket.errors import InputError
from faket.picking import TRAINING_PRESETS, TrainingSettings
from faket.picking.networks.network import PickerName
from faket.study.modalities import MODALITIES
from faket.vocabulary import SHREC_PROTEINS

_SMALL_SPECIES = tuple(
    f"synthetic:syn-{name}"
    for name in ("dimer", "elbow", "wye", "propeller", "block", "star", "rod", "lobes")
)


@dataclass(frozen=True)
class StudySettings:
    """Everything on which the results of a study depend, except its modalities and seeds.

    Raises
    ------
    InputError
        If a value is out of its bounds.
    """

    seed: int = setting(0, "seed of all data; trainings have seeds of their own", ge=0, lt=2**63)
    training: int = setting(
        3, "training tomograms; the next is for validation, those after it for the tests", ge=2
    )
    tests: int = setting(1, "test tomograms; scores are averaged over them", ge=1, le=100)
    few: int = setting(1, "simulated tomograms for BENCHMARK-k and FINETUNED-k", ge=1)
    species: tuple[str, ...] = setting(_SMALL_SPECIES, "molecules, given as in a recipe")
    structure_folders: tuple[str, ...] = setting((), "folders searched for PDB ids")
    size_voxels: tuple[int, int, int] = setting(
        (256, 256, 80), "size of the specimens along x, y, z", unit="voxels", ge=16
    )
    voxel_size_A: float = setting(10.0, "voxel size of specimens and projections", unit="Å", gt=0)
    particles: tuple[int, int] = setting((240, 240), "molecules in a specimen", ge=1)
    vesicles: tuple[int, int] = setting((1, 2), "vesicles in a specimen", ge=0)
    vesicle_semi_axes_A: tuple[float, float] = setting(
        (200.0, 330.0), "semi-axes of vesicles", unit="Å"
    )
    gold: tuple[int, int] = setting((8, 12), "gold fiducials in a specimen", ge=0)
    gold_diameter_A: tuple[float, float] = setting((60.0, 120.0), "diameter of fiducials", unit="Å")
    tilt_range_deg: float = setting(
        60.0, "largest tilt angle, to either side", unit="°", gt=0, lt=90
    )
    tilt_step_deg: float = setting(3.0, "increment between tilts", unit="°", gt=0)
    microscope: str = setting(
        "shrec21", "preset of the microscope simulator, or foreign: and a name of faket.foreign"
    )
    binning: int = setting(1, "binning of the images before reconstruction", ge=1)
    filter: str = setting("hamming", "filter of the reconstruction")
    vgg19_weights: str = setting("", "file of VGG19's weights; by default that of torch's cache")
    picker: PickerName = setting(
        "deepfinder", "network that is trained: deepfinder, or unet, the residual U-Net of monai"
    )
    steps: int = setting(1300, "optimiser steps of every training except fine-tuning", ge=1)
    fine_tuning_steps: int = setting(300, "optimiser steps of every fine-tuning", ge=1)
    validations: int = setting(12, "approximate number of validations of every training", ge=1)
    batch: int = setting(8, "patches in one step", ge=1)
    patch: int = setting(32, "side of a patch", unit="voxels", ge=8)
    width: float = setting(0.25, "factor on the number of channels of the picker's network", gt=0)
    learning_rate: float = setting(1e-3, "learning rate of the picker", gt=0)
    cross_entropy: float = setting(1.0, "weight of cross-entropy in the picker's loss", ge=0)
    warm_up_steps: int = setting(0, "steps in which the picker's learning rate rises", ge=0)
    schedule: Literal["constant", "linear"] = setting(
        "constant", "learning rate of the picker: constant, or linear, to zero at the end"
    )
    average_steps: int = setting(0, "steps over which the picker's weights are averaged", ge=0)
    rotations: Literal["none", "y", "xyz"] = setting(
        "y", "axes of the random half turns of patches"
    )
    matching_step_deg: float = setting(
        18.0, "angle between neighbouring orientations of template matching", unit="°", gt=0
    )

    def __post_init__(self) -> None:
        """Raise InputError if a value is out of its bounds."""
        check_settings(self)
        if self.few > self.training:
            raise InputError(
                f"`StudySettings.few`: expected at most the {self.training} training tomograms, "
                f"found {self.few}; choose a smaller number"
            )
        if not self.species:
            raise InputError(
                "`StudySettings.species`: expected at least one molecule, found none; name one"
            )
        self.training_settings(1, 1)

    @property
    def validation_model(self) -> int:
        """Number of the tomogram for validation."""
        return self.training

    @property
    def test_models(self) -> tuple[int, ...]:
        """Numbers of the tomograms for the tests."""
        return tuple(range(self.training + 1, self.training + 1 + self.tests))

    def training_settings(self, n_objects: int, steps: int, *, before: int = 0) -> TrainingSettings:
        """Return the settings of a training of about ``steps`` steps after ``before`` epochs.

        Parameters
        ----------
        n_objects : int
            In all training tomograms; an epoch shows each once.
        steps : int
        before : int
            Epochs of the checkpoint that is fine-tuned.
        """
        plan = TrainingSettings(
            picker=self.picker,
            batch=self.batch,
            patch=self.patch,
            width=self.width,
            learning_rate=self.learning_rate,
            cross_entropy=self.cross_entropy,
            warm_up_steps=self.warm_up_steps,
            schedule=self.schedule,
            average_steps=self.average_steps,
            rotations=self.rotations,
        ).for_steps(steps, n_objects, before=before)
        return replace(plan, validate_every=max(1, (plan.epochs - before) // self.validations))


@dataclass(frozen=True)
class Preset:
    """Settings with their modalities and number of seeds."""

    settings: StudySettings
    seeds: int
    modalities: tuple[str, ...] = tuple(MODALITIES)


_QUICK = TRAINING_PRESETS["quick"]
_SMALL = StudySettings(
    steps=3000,
    fine_tuning_steps=750,
    batch=_QUICK.batch,
    patch=_QUICK.patch,
    width=_QUICK.width,
    learning_rate=_QUICK.learning_rate,
    warm_up_steps=_QUICK.warm_up_steps,
    schedule=_QUICK.schedule,
    average_steps=_QUICK.average_steps,
    cross_entropy=_QUICK.cross_entropy,
)


def _foreign(
    name: str, voxel_size_A: float, size_voxels: tuple[int, int, int], binning: int = 1
) -> Preset:
    """Return `small` under a foreign microscope, with the specimen's size in Å and twice the steps.

    With 3000 steps some classes of `small` were not learnt by every seed (docs/study.md).
    """
    settings = replace(
        _SMALL, microscope=f"foreign:{name}", voxel_size_A=voxel_size_A, size_voxels=size_voxels,
        binning=binning, steps=6000, tests=2,
    )  # fmt: skip
    return Preset(settings, seeds=3, modalities=("benchmark", "style", "spectral", "noisy"))


# Presets of several studies, one for each microscope.
SEVERAL = {"foreign": ("foreign-alder", "foreign-birch", "foreign-hazel")}
PRESETS: dict[str, Preset] = {
    "tiny": Preset(
        StudySettings(
            training=2,
            species=("synthetic:syn-star", "synthetic:syn-lobes"),
            size_voxels=(96, 96, 40),
            particles=(24, 24),
            vesicles=(0, 0),
            gold=(2, 2),
            tilt_step_deg=20.0,
            steps=24,
            fine_tuning_steps=6,
            validations=2,
            batch=4,
            patch=24,
            width=0.125,
            learning_rate=2e-3,
            matching_step_deg=60.0,
        ),
        seeds=1,
        modalities=("benchmark", "style", "noisy", "tm"),
    ),
    "small": Preset(_SMALL, seeds=2),
    "foreign-alder": _foreign("alder", 10.0, (256, 256, 80)),
    "foreign-birch": _foreign("birch", 5.4, (472, 472, 148), binning=2),
    "foreign-hazel": _foreign("hazel", 8.4, (304, 304, 96)),
    "shrec": Preset(
        StudySettings(
            training=8,
            few=3,
            species=SHREC_PROTEINS,
            size_voxels=(1024, 1024, 360),
            voxel_size_A=5.0,
            particles=(1000, 3000),
            vesicles=(2, 7),
            vesicle_semi_axes_A=(720.0, 1680.0),
            gold=(7, 14),
            gold_diameter_A=(40.0, 100.0),
            tilt_step_deg=2.0,
            binning=2,
            filter="shrec",
            steps=50_000,
            fine_tuning_steps=12_000,
            validations=110,
            batch=25,
            patch=56,
            width=1.0,
            learning_rate=1e-4,
            cross_entropy=0.0,
            matching_step_deg=12.0,
        ),
        seeds=6,
    ),
}
