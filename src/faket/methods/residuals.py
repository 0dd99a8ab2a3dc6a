"""How far the images to be made lie from their places: as far as the reference's do."""

from typing import NamedTuple

import numpy as np

from faket.data import DoubleArray
from faket.methods.reference_properties import ReferenceProperties
from faket.seeds import generator


class ResidualPlace(NamedTuple):
    """Where the content of an image lies."""

    shift_px: DoubleArray
    turn_deg: float
    magnification: float


def residual_shifts_px(properties: ReferenceProperties, seed: int) -> DoubleArray:
    """Return by how much the content of each image is off its ideal place (x, y), pixels.

    ``properties`` are those at the images' tilt angles, ``seed`` that of the images.
    """
    shifts = _drawn(seed, "alignment", (len(properties.noise), 2))
    return np.asarray(shifts * (properties.alignment_error_A / properties.pixel_size_A))


def residual_turns_deg(properties: ReferenceProperties, seed: int) -> DoubleArray:
    """Return by how much the content of each image is turned from x towards y.

    ``properties`` are those at the images' tilt angles, ``seed`` that of the images.
    """
    turns = _drawn(seed, "rotation", (len(properties.noise),))
    return np.asarray(turns * properties.rotation_error_deg)


def _drawn(seed: int, name: str, shape: tuple[int, ...]) -> DoubleArray:
    """Draw from a normal distribution, scaled so that all tilts together have the mean 0 and σ 1.

    What was measured is how far the reference's own tilts are off, not where they were drawn from.
    """
    values = generator(seed, name).standard_normal(shape)
    if len(values) > 1:
        values = (values - values.mean(axis=0)) / values.std(axis=0)
    return np.asarray(values)


def residual_places(properties: ReferenceProperties, seed: int) -> list[ResidualPlace]:
    """Return shift, turn and magnification of each image."""
    shifts, turns = residual_shifts_px(properties, seed), residual_turns_deg(properties, seed)
    growths = _drawn(seed, "magnification", (len(turns),)) * properties.magnification_error
    return [
        ResidualPlace(*each)
        for each in zip(shifts, turns.tolist(), (1 + growths).tolist(), strict=True)
    ]
