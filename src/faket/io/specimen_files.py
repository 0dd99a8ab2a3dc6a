"""Species and specimens as folders of MRC, CSV and JSON files."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import get_args

import numpy as np

from faket.data import ClassInfo, Material, Species, Specimen, Volume
from faket.errors import InputError
from faket.io.atomic import atomic_folder
from faket.io.failures import shown
from faket.io.membranes import read_membranes, write_membranes
from faket.io.model_folder import (
    CLASS_INFO,
    CLASS_MASK,
    ENVELOPE,
    INSTANCE_MASK,
    MEMBRANES,
    PARTICLES,
    POTENTIAL,
    SPECIES,
)
from faket.io.mrc import read_mask, read_volume, write_mask, write_volume
from faket.io.particles import canonical_name, read_particles, write_particles
from faket.io.records import read_record, write_record


@dataclass(frozen=True)
class _SpeciesFacts:
    """The content of species.json."""

    name: str
    mass_kDa: float | None
    symmetry: str
    synthetic: bool
    source: str = field(default="", metadata={"may": "be missing"})
    origin_A: tuple[float, float, float] | None = field(
        default=None, metadata={"may": "be missing"}
    )


def write_species(folder: Path, species: Species) -> None:
    """Write a species as ``potential.mrc`` (V above ice), ``envelope.mrc`` and ``species.json``."""
    with atomic_folder(folder) as temporary:
        size_A = species.voxel_size_A
        write_volume(temporary / POTENTIAL, Volume(species.potential, size_A))
        write_volume(temporary / ENVELOPE, Volume(species.envelope, size_A))
        facts = _SpeciesFacts(
            name=species.name,
            mass_kDa=None if np.isnan(species.mass_kDa) else species.mass_kDa,
            symmetry=species.symmetry,
            synthetic=species.synthetic,
            source=species.source,
            origin_A=species.origin_A,
        )
        write_record(temporary / SPECIES, facts)


def read_species(folder: Path) -> Species:
    """Read a species that :func:`write_species` wrote.

    Raises
    ------
    InputError
        If a file is missing or does not fit the others.
    """
    if not (folder / SPECIES).exists():
        raise InputError(
            f"{folder}: expected a folder of one species as `faket species` writes it, found no "
            f"{SPECIES} in it; name the folder of the species itself"
        )
    facts = read_record(
        folder / SPECIES,
        _SpeciesFacts,
        what="the properties of a species",
        remedy="make it again with `faket species`",
        others=True,
    )
    potential = read_volume(folder / POTENTIAL)
    envelope = read_volume(folder / ENVELOPE)
    if potential.data.shape != envelope.data.shape:
        raise InputError(
            f"{folder}: expected potential and envelope of one shape, found "
            f"{potential.data.shape} and {envelope.data.shape}; make it again with `faket species`"
        )
    return Species(
        name=facts.name,
        potential=potential.data,
        envelope=envelope.data,
        voxel_size_A=potential.voxel_size_A,
        mass_kDa=float("nan") if facts.mass_kDa is None else facts.mass_kDa,
        symmetry=facts.symmetry,
        synthetic=facts.synthetic,
        source=facts.source,
        origin_A=facts.origin_A,
    )


def write_specimen(folder: Path, specimen: Specimen) -> None:
    """Write a specimen at full resolution.

    ``potential.mrc`` (V above ice), ``class_mask.mrc``, ``instance_mask.mrc``, ``particles.csv``
    and ``classes.json`` (label → name, material).
    """
    voxel_size_A = specimen.potential.voxel_size_A
    with atomic_folder(folder) as temporary:
        write_volume(temporary / POTENTIAL, specimen.potential)
        write_mask(temporary / CLASS_MASK, specimen.class_mask, voxel_size_A)
        write_mask(temporary / INSTANCE_MASK, specimen.instance_mask, voxel_size_A)
        write_particles(temporary / PARTICLES, specimen.particles)
        write_record(temporary / CLASS_INFO, specimen.classes)
        if specimen.membranes:
            write_membranes(temporary / MEMBRANES, specimen.membranes)


def read_specimen(folder: Path, *, instances: bool = True) -> Specimen:
    """Read a specimen that :func:`write_specimen` wrote.

    Parameters
    ----------
    folder : Path
    instances : bool
        False does not read the instance mask and returns zeros: the microscope does not need it,
        and it is a third of the memory.

    Raises
    ------
    InputError
        If a file is missing, or shapes, labels and classes do not fit each other.
    """
    potential = read_volume(folder / POTENTIAL)
    class_mask = read_mask(folder / CLASS_MASK, dtype=np.uint8)
    instance_mask = np.broadcast_to(np.uint16(0), potential.data.shape)
    if instances:
        instance_mask = read_mask(folder / INSTANCE_MASK)
    for name, mask in ((CLASS_MASK, class_mask), (INSTANCE_MASK, instance_mask)):
        if mask.shape != potential.data.shape:
            raise InputError(
                f"{folder / name}: expected the potential's shape {potential.data.shape}, "
                f"found {mask.shape}; make the specimen again"
            )
    classes = read_classes(folder / CLASS_INFO)
    if class_mask.max() > max(classes, default=0):
        raise InputError(
            f"{folder / CLASS_MASK}: expected labels up to {max(classes, default=0)} as in "
            f"{CLASS_INFO}, found {class_mask.max()}; make the specimen again"
        )
    return Specimen(
        potential=potential,
        class_mask=class_mask,
        instance_mask=instance_mask.astype(np.uint16, copy=False),
        particles=read_particles(folder / PARTICLES),
        classes=classes,
        membranes=read_membranes(folder / MEMBRANES) if (folder / MEMBRANES).exists() else (),
    )


def read_classes(path: Path) -> dict[int, ClassInfo]:
    """Read the name and material of each value of a class mask."""
    stored = read_record(
        path,
        dict[str, ClassInfo],
        what=f"label, name and material ({', '.join(get_args(Material))}) of each class",
        remedy="make the specimen again",
    )
    labels = [key for key in stored if key.isdecimal() and key.isascii() and len(key) <= 5]
    if not stored or len(labels) < len(stored):
        raise InputError(
            f"{path}: expected numbers as labels, found {shown(list(stored))}; make the "
            "specimen again"
        )
    return {
        int(label): replace(info, name=canonical_name(info.name)) for label, info in stored.items()
    }
