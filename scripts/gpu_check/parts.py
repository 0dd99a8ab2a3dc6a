"""The parts of the check: what each does, and the seconds it may take."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Part:
    """One part.

    Attributes
    ----------
    name : str
        That of the function in the module ``kind``.
    kind : {"agreement", "speed", "whole"}
    seconds : float
        It is ended after so long, compilation of kernels included.
    """

    name: str
    kind: Literal["agreement", "speed", "whole"]
    seconds: float


def _agreement(*names: str) -> tuple[Part, ...]:
    return tuple(Part(name, "agreement", 90.0) for name in names)


# The most wanted first: what no longer fits into the time is not run.
PARTS = (
    *_agreement("vgg19", "vgg19_half", "texture", "profile", "projector", "reconstruction"),
    *_agreement("multislice", "ice_and_detector", "deepfinder_step", "segmentation"),
    *_agreement("template_matching", "alignment_and_binning", "spectral_images"),
    *_agreement("added_noise"),
    Part("style_vgg19_1024", "speed", 60.0),
    Part("style_texture_1024", "speed", 40.0),
    Part("style_vgg19_3500", "speed", 110.0),
    Part("style_texture_3500", "speed", 50.0),
    Part("spectral_1024", "speed", 40.0),
    Part("spectral_3500", "speed", 90.0),
    Part("projection", "speed", 40.0),
    Part("reconstruction_full", "speed", 30.0),
    Part("training_step", "speed", 40.0),
    Part("segmentation_full", "speed", 40.0),
    Part("matching_1000", "speed", 50.0),
    Part("physics", "speed", 90.0),
    Part("simulate_ten", "whole", 240.0),
)
