"""What is known of the images of a stack while files are matched to them."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from faket.data import DoubleArray
from faket.io.metadata.facts import SeriesFacts

LEAST_SHARE = 0.75  # chosen: files of one series share three images of four


@dataclass
class Images:
    """The images of the raw stack, as far as they are known while files are matched.

    Attributes
    ----------
    angles : ndarray, shape (images,)
        The first that any file told; NaN where unknown.
    frames : list of str or None
    source : str
        The file that the order of the images comes from.
    nominal : ndarray, shape (images,)
        Those that the microscope told.
    """

    angles: DoubleArray
    frames: list[str | None]
    source: str
    nominal: DoubleArray = field(default_factory=lambda: np.empty(0))

    def __post_init__(self) -> None:
        """Know no nominal angle yet."""
        if not len(self.nominal):
            self.nominal = np.full(len(self.angles), np.nan)

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.angles)

    def learn(self, facts: SeriesFacts, places: Sequence[int | None]) -> None:
        """Take angles and frames that were not known."""
        for tilt, place in zip(facts.tilts, places, strict=True):
            if place is None:
                continue
            if self.frames[place] is None:
                self.frames[place] = tilt.frame
            if np.isnan(self.angles[place]) and tilt.any_angle_deg is not None:
                self.angles[place] = tilt.any_angle_deg
            if np.isnan(self.nominal[place]) and tilt.angle_deg is not None:
                self.nominal[place] = tilt.angle_deg

    def compared_with(self, facts: SeriesFacts) -> "Images":
        """Return the images with their nominal angles, if the file's are nominal, too.

        Where images are missing at the ends, the offset of an alignment cannot be told otherwise.
        """
        theirs = all(tilt.angle_deg is not None for tilt in facts.tilts)
        if theirs and np.isfinite(self.nominal).sum() >= LEAST_SHARE * len(self):
            return replace(self, angles=self.nominal)
        return self
