"""The tomograms of a data set, with their truth or with picks, for other programs.

Three kinds of source are understood: the folders of tomograms that `faket simulate` writes and
SHREC'21 has; a specimen's folder, whose potential takes the tomogram's place; and tomograms as MRC
files or OME-Zarr images, for which picks must be given. Volumes are read only when they are asked
for.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from faket.data import AnyArray, Particles, Volume
from faket.errors import InputError
from faket.evaluation.matching import Picks
from faket.io.content import content_files
from faket.io.metadata_writers import SeriesErrors
from faket.io.model_folder import (
    CLASS_MASK,
    INSTANCE_MASK,
    LOCATIONS,
    OCCUPANCY_MASK,
    PARTICLES,
    stored,
)
from faket.io.mrc import read_mask
from faket.io.particles import read_particles
from faket.io.picks import read_picks
from faket.io.shrec.checks import renumber
from faket.io.shrec.locations import Euler, read_particle_locations
from faket.io.tomograms import read_tomogram, tomogram_planes
from faket.vocabulary import is_membrane, is_molecule


@dataclass(frozen=True)
class SourceTomogram:
    """One tomogram and what is known of the particles in it.

    Attributes
    ----------
    name : str
        Unique among the tomograms of an export.
    place : int
        Its place among all tomograms of the source, from 0, whether they are exported or not.
    folder : Path
        Where its other files are: masks, tilt-series.
    tomogram : Path
        The volume: an MRC file, or an OME-Zarr image.
    voxel_size_A : float
    shape : tuple of int
        z y x.
    classes : mapping of int to str
        Value of the class mask → name, in the order of the numbers, classes without particles
        included. Names are those to be written, each with one number; the same for all tomograms.
    numbers : mapping of int to int
        Value in the file of the class mask → key of ``classes``.
    renames : mapping of str to str
        Name here → name to be written.
    picks : Path or None
        File of picks, whose places are written instead of the truth's.
    among_others : bool
        Whether that file may hold picks of other tomograms.
    every_object : bool
        Whether vesicles and fiducials are among the truth's particles.
    euler : {"zxz", "ZXZ"}
        Of SHREC's angles; see :mod:`faket.io.shrec.locations`.
    radii_A : mapping of str to float
        Class → radius, as far as the user gave them.
    errors : SeriesErrors
        Of what is written of its tilt-series.
    """

    name: str
    folder: Path
    tomogram: Path
    voxel_size_A: float
    shape: tuple[int, int, int]
    place: int = 0
    classes: Mapping[int, str] = field(default_factory=dict)
    numbers: Mapping[int, int] = field(default_factory=dict)
    renames: Mapping[str, str] = field(default_factory=dict)
    picks: Path | None = None
    among_others: bool = False
    every_object: bool = False
    euler: Euler = "zxz"
    radii_A: Mapping[str, float] = field(default_factory=dict)
    errors: SeriesErrors = field(default_factory=SeriesErrors)

    @property
    def is_truth(self) -> bool:
        """Whether particles are the truth, not picks."""
        return self.picks is None

    @property
    def files(self) -> tuple[Path, ...]:
        """All files that an export may read, sorted by name."""
        beside = {path for path in self.folder.iterdir() if path.is_file()}
        if self.tomogram.parent == self.folder and not self.has_masks:
            beside = set()  # a file among others
        files = sorted({*beside, *content_files(self.tomogram)})
        return (*files, *(() if self.picks is None else (self.picks,)))

    @property
    def has_masks(self) -> bool:
        """Whether there are a class mask and an instance mask."""
        return self.class_file.exists() and self.instance_file is not None

    @property
    def has_tables(self) -> bool:
        """Whether there is a table of the true particles."""
        return (self.folder / PARTICLES).exists() or (self.folder / LOCATIONS).exists()

    def holds_molecules(self, written: str) -> bool:
        """Tell whether a class, by the name to be written, is one of molecules."""
        return is_molecule(written) and any(map(is_molecule, self._own_names(written)))

    def holds_membranes(self, written: str) -> bool:
        """Tell whether a class is one of membranes, by the name to be written or by its own."""
        return is_membrane(written) or all(map(is_membrane, self._own_names(written)))

    def _own_names(self, written: str) -> list[str]:
        """Return what a class that is to be written is called here."""
        return [own for own, name in self.renames.items() if name == written] or [written]

    def particles(self) -> Picks:
        """Return the particles to be written, with the names to be written.

        Raises
        ------
        InputError
            If their file is missing or cannot be read.
        """
        if self.picks is not None:
            return read_picks(
                self.picks,
                self.shape,
                self.voxel_size_A,
                euler=self.euler,
                classes=self.classes,
                renames=self.renames,
                tomogram=self.name if self.among_others else None,
                likely_tomogram=self.name,
                tomogram_number=self.place + 1,
            )
        found = self.truth()
        wanted = [
            i for i, name in enumerate(found.species) if self.every_object or is_molecule(name)
        ]
        names = tuple(self.renames.get(found.species[i], found.species[i]) for i in wanted)
        keep = np.array(wanted, np.int64)
        turned = found.rotations[keep] if len(keep) else None
        return Picks(names, found.positions_A[keep], turned)

    def truth(self) -> Particles:
        """Return all true objects, with the names of the data set; ids are the instance mask's."""
        table, text = self.folder / PARTICLES, self.folder / LOCATIONS
        if table.exists():
            particles = read_particles(table)
            if not stored(self.folder / OCCUPANCY_MASK).exists():
                return particles
            # The instance mask of a model was renumbered, in the order of the ids.
            return renumber(particles, np.zeros((0, 0, 0), np.uint16))[0]
        if text.exists():
            return read_particle_locations(text, self.voxel_size_A, euler=self.euler)
        raise InputError(
            f"{self.folder}: expected {PARTICLES} or {LOCATIONS} with its particles, found "
            "neither; give `picks`"
        )

    def volume(self) -> Volume:
        """Return the tomogram."""
        return read_tomogram(self.tomogram, voxel_size_A=self.voxel_size_A)

    def planes(self) -> Iterator[AnyArray]:
        """Yield the planes ``[y, x]`` of the tomogram, float32; one is in memory."""
        return tomogram_planes(self.tomogram)

    def class_mask(self) -> NDArray[np.uint8]:
        """Return the class of every voxel, [z, y, x]: 0 or a key of ``classes``."""
        mask: NDArray[np.uint8] = self._mask(self.class_file, np.uint8)
        table = np.arange(256, dtype=np.uint8)
        for number, written in self.numbers.items():
            table[number] = written
        return np.take(table, mask)

    def instance_mask(self) -> NDArray[np.uint16]:
        """Return the particle of every voxel, [z, y, x]: 0 or an id of :meth:`truth`."""
        file = self.instance_file or self.folder / OCCUPANCY_MASK
        return self._mask(file, np.uint16)

    @property
    def class_file(self) -> Path:
        """The class mask, which need not exist."""
        return stored(self.folder / CLASS_MASK)

    @property
    def instance_file(self) -> Path | None:
        """The instance mask, if there is one."""
        files = (stored(self.folder / OCCUPANCY_MASK), self.folder / INSTANCE_MASK)
        return next((file for file in files if file.exists()), None)

    def _mask(self, file: Path, dtype: type[np.unsignedinteger]) -> NDArray:  # type: ignore[type-arg]
        if not file.exists():
            raise InputError(f"{file}: expected the tomogram's labels, found no such file; add it")
        mask = read_mask(file, dtype=dtype)
        if mask.shape != self.shape:
            raise InputError(
                f"{file}: expected the tomogram's {self.shape} voxels (z, y, x), found "
                f"{mask.shape}; give the mask of this tomogram"
            )
        return mask
