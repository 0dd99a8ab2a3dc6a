"""The weights of VGG19, which some rows of a study need."""

from collections.abc import Sequence

from faket.errors import InputError
from faket.io.weights import find_vgg19_weights
from faket.study.modalities import NEEDS_VGG19
from faket.study.settings import StudySettings


def check_weights(settings: StudySettings, modalities: Sequence[str]) -> None:
    """Find the weights that rows need before anything is made; see find_vgg19_weights."""
    if any(key in NEEDS_VGG19 for key in modalities):
        find_vgg19_weights(settings.vgg19_weights or None)


def available_modalities(settings: StudySettings, wanted: Sequence[str]) -> tuple[str, ...]:
    """Leave out rows that need VGG19's weights if there are none; nothing is downloaded.

    Raises
    ------
    InputError
        If a file of weights is named but does not exist.
    """
    try:
        find_vgg19_weights(settings.vgg19_weights or None, download=False)
    except InputError:
        if settings.vgg19_weights:
            raise
        return tuple(key for key in wanted if key not in NEEDS_VGG19)
    return tuple(wanted)
