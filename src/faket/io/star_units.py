"""The size of the pixels that ``rlnCoordinateX`` and ``rlnOriginX`` count, from the file itself.

It is in columns of the particles or of their optics groups; the first of these columns is used:

- ``rlnTomoTiltSeriesPixelSize`` (RELION 4): that of the unbinned tilt-series.
- ``rlnDetectorPixelSize`` × 10⁴ / ``rlnMagnification`` (RELION 3.0, Warp), or the former alone
  (PyTom).
- ``rlnMicrographPixelSize`` (RELION 3.1), ``rlnPixelSize`` (Warp).
- ``rlnImagePixelSize``, that of the extracted particle (RELION 3.1; M and cryoCAT read it so),
  unless ``rlnMicrographOriginalPixelSize`` differs.
"""

from dataclasses import dataclass

import numpy as np

from faket.data import DoubleArray
from faket.io.failures import PathLike, input_error
from faket.io.star import Table
from faket.io.text import parse_number

_TILT_SERIES, _DETECTOR = "rlnTomoTiltSeriesPixelSize", "rlnDetectorPixelSize"
_RIVALS = ("rlnImagePixelSize", "rlnMicrographOriginalPixelSize")


@dataclass(frozen=True)
class PixelSizes:
    """The pixel sizes in a file.

    Attributes
    ----------
    path : str or Path
        Named in errors.
    particles, optics : mapping of str to list of str
        The two blocks; ``optics`` may be empty.
    """

    path: PathLike
    particles: Table
    optics: Table

    def of_coordinates_A(self) -> DoubleArray | None:
        """Return the size in Å of the pixels that rlnCoordinateX counts, row by row.

        None if the file does not contain it.

        Raises
        ------
        InputError
            If a size is not positive, if optics groups differ and a particle has no group, or if
            two columns of equal rank have different sizes.
        """
        for name in (_TILT_SERIES, _DETECTOR, "rlnMicrographPixelSize", "rlnPixelSize"):
            if self._has(name):
                return self._sizes(name)
        rivals = {name: self._sizes(name) for name in _RIVALS if self._has(name)}
        if len(rivals) == 2 and np.abs(rivals[_RIVALS[0]] / rivals[_RIVALS[1]] - 1).max() > 1e-3:
            both = " and ".join(f"{sizes[0]:g} Å ({name})" for name, sizes in rivals.items())
            raise input_error(
                self.path,
                f"expected one size of the pixels that rlnCoordinateX counts, found {both}; "
                "give `pixel_size_A`",
            )
        return next(iter(rivals.values()), None)

    def of_origins_A(self) -> DoubleArray | None:
        """Return the size in Å of the pixels that rlnOriginX counts: the particle image's."""
        for name in (_DETECTOR, "rlnImagePixelSize", "rlnPixelSize"):
            if self._has(name):
                return self._sizes(name)
        return self.of_coordinates_A()

    def _has(self, name: str) -> bool:
        return name in self.particles or name in self.optics

    def _sizes(self, name: str) -> DoubleArray:
        sizes = self._numbers(name)
        if name == _DETECTOR and self._has("rlnMagnification"):
            return sizes * 1e4 / self._numbers("rlnMagnification")
        return sizes

    def _numbers(self, name: str) -> DoubleArray:
        values = self.particles[name] if name in self.particles else self._of_group(name)
        sizes = numbers_of(self.path, {name: values}, name)
        wrong = np.flatnonzero(sizes <= 0)
        if len(wrong):
            raise input_error(
                self.path,
                f"particle {wrong[0] + 1}, {name}: expected a size above 0, found "
                f"{sizes[wrong[0]]:g}; give `pixel_size_A`",
            )
        return sizes

    def _of_group(self, name: str) -> list[str]:
        """Return the value of each particle's optics group."""
        values, n = self.optics[name], len(next(iter(self.particles.values())))
        groups = self.particles.get("rlnOpticsGroup")
        listed = self.optics.get("rlnOpticsGroup")
        if len(set(values)) == 1:
            return values[:1] * n
        if groups is None or listed is None or len(listed) != len(values):
            raise input_error(
                self.path,
                f"{name}: expected one pixel size, or rlnOpticsGroup in both blocks to choose by, "
                f"found {', '.join(sorted(set(values))[:5])}; give `pixel_size_A`",
            )
        of_group = dict(zip(listed, values, strict=True))
        for i, group in enumerate(groups, start=1):
            if group not in of_group:
                raise input_error(
                    self.path,
                    f"particle {i}, rlnOpticsGroup: expected one of "
                    f"{', '.join(sorted(of_group)[:8])}, found {group}; correct the optics block",
                )
        return [of_group[group] for group in groups]


def numbers_of(path: PathLike, table: Table, name: str) -> DoubleArray:
    """Return a column as numbers; InputError, naming the row, if it is missing or none."""
    if name not in table:
        raise input_error(path, f"expected the column {name}, found none; add it")
    values = enumerate(table[name], start=1)
    return np.array([parse_number(v, path, f"particle {i}, {name}") for i, v in values])
