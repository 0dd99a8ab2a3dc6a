"""Species and specimens as folders of MRC, CSV and JSON files."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import get_args

import numpy as np

from faket.data import ClassInfo, Material, Species, Specimen, Volume
from faket.errors import InputError
from faket.io.atomic import atomic_folder
from faket.io.failures import shown
from faket.io.mrc import read_mask, read_volume, write_mask, write_volume
from faket.io.particles import canonical_name, read_particles, write_particles
from faket.io.records import read_record


@dataclass(frozen=True)
class _SpeciesFacts:
    """What species.json holds."""

    name: str
    mass_kDa: float | None
    symmetry: str
    synthetic: bool
    source: str = field(default="", metadata={"may": "be missing"})


def write_species(folder: Path, species: Species) -> None:
    """Write a species as ``potential.mrc`` (V above ice), ``envelope.mrc`` and ``species.json``."""
    with atomic_folder(folder) as temporary:
        for name in ("potential", "envelope"):
            volume = Volume(getattr(species, name), species.voxel_size_A)
            write_volume(temporary / f"{name}.mrc", volume)
        facts = {
            "name": species.name,
            "mass_kDa": None if np.isnan(species.mass_kDa) else species.mass_kDa,
            "symmetry": species.symmetry,
            "synthetic": species.synthetic,
            "source": species.source,
        }
        (temporary / "species.json").write_text(json.dumps(facts, indent=1) + "\n")


def read_species(folder: Path) -> Species:
    """Read a species that :func:`write_species` wrote.

    Raises
    ------
    InputError
        If a file is missing or does not fit the others.
    """
    if not (folder / "species.json").exists():
        raise InputError(
            f"{folder}: expected a folder of one species as `faket species` writes it, found no "
            "species.json in it; name the folder of the species itself"
        )
    facts = read_record(
        folder / "species.json",
        _SpeciesFacts,
        what="the facts of a species",
        remedy="make it again with `faket species`",
        others=True,
    )
    potential = read_volume(folder / "potential.mrc")
    envelope = read_volume(folder / "envelope.mrc")
    if potential.data.shape != envelope.data.shape:
        raise InputError(
            f"{folder}: expected potential and envelope of one shape, found "
            f"{potential.data.shape} and {envelope.data.shape}"
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
    )


def write_specimen(folder: Path, specimen: Specimen) -> None:
    """Write a specimen at full resolution.

    ``potential.mrc`` (V above ice), ``class_mask.mrc``, ``instance_mask.mrc``, ``particles.csv``
    and ``classes.json`` (label → name, material).
    """
    voxel_size_A = specimen.potential.voxel_size_A
    with atomic_folder(folder) as temporary:
        write_volume(temporary / "potential.mrc", specimen.potential)
        write_mask(temporary / "class_mask.mrc", specimen.class_mask, voxel_size_A)
        write_mask(temporary / "instance_mask.mrc", specimen.instance_mask, voxel_size_A)
        write_particles(temporary / "particles.csv", specimen.particles)
        classes = {str(label): asdict(info) for label, info in specimen.classes.items()}
        (temporary / "classes.json").write_text(json.dumps(classes, indent=1) + "\n")


def read_specimen(folder: Path, *, instances: bool = True) -> Specimen:
    """Read a specimen that :func:`write_specimen` wrote.

    Parameters
    ----------
    folder : Path
    instances : bool
        False leaves the instance mask on the disk and gives zeros: the microscope does not look
        at it, and it is a third of the memory.

    Raises
    ------
    InputError
        If a file is missing, or shapes, labels and classes do not fit each other.
    """
    potential = read_volume(folder / "potential.mrc")
    class_mask = read_mask(folder / "class_mask.mrc", dtype=np.uint8)
    instance_mask = np.broadcast_to(np.uint16(0), potential.data.shape)
    if instances:
        instance_mask = read_mask(folder / "instance_mask.mrc")
    for name, mask in (("class_mask", class_mask), ("instance_mask", instance_mask)):
        if mask.shape != potential.data.shape:
            raise InputError(
                f"{folder / name}.mrc: expected the potential's shape {potential.data.shape}, "
                f"found {mask.shape}"
            )
    classes = read_classes(folder / "classes.json")
    if class_mask.max() > max(classes, default=0):
        raise InputError(
            f"{folder / 'class_mask.mrc'}: expected labels up to {max(classes, default=0)} as in "
            f"classes.json, found {class_mask.max()}"
        )
    return Specimen(
        potential=potential,
        class_mask=class_mask,
        instance_mask=instance_mask.astype(np.uint16, copy=False),
        particles=read_particles(folder / "particles.csv"),
        classes=classes,
    )


def read_classes(path: Path) -> dict[int, ClassInfo]:
    """Read what each value of a class mask stands for; InputError if the file does not tell."""
    stored = read_record(
        path,
        dict[str, ClassInfo],
        what=f"label, name and material ({', '.join(get_args(Material))}) of each class",
        remedy="make the specimen again",
    )
    labels = [key for key in stored if key.isdecimal() and key.isascii() and len(key) <= 5]
    if not stored or len(labels) < len(stored):
        raise InputError(
            f"{path}: expected labels of classes, numbers, found {shown(list(stored))}; make the "
            "specimen again"
        )
    return {
        int(label): ClassInfo(canonical_name(info.name), info.material)
        for label, info in stored.items()
    }
