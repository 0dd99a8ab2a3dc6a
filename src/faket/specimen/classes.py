"""The meaning of each number in the class mask."""

from collections.abc import Iterable, Mapping, Sequence

from faket.data import ClassInfo, Material, Species
from faket.errors import InputError
from faket.specimen.config import SpecimenConfig
from faket.specimen.names import check_names
from faket.vocabulary import (
    CARBON,
    FIDUCIAL,
    ICE_CRYSTAL,
    MEMBRANE,
    NO_MOLECULES,
    SURROUNDINGS,
    VACUUM,
    VESICLE,
    is_extended,
    membrane_class,
)

_MAX_SPECIES = 253  # uint8 less background, vesicle and fiducial


_MATERIALS: Mapping[str, Material] = {CARBON: "carbon", ICE_CRYSTAL: "crystal", VACUUM: "vacuum"}


def class_labels(
    species: Sequence[Species], membranes: Iterable[str] = (), surroundings: Iterable[str] = ()
) -> dict[int, ClassInfo]:
    """Return the class of each value of the class mask; 0 is background and not listed.

    Parameters
    ----------
    species : sequence of Species
        Those that are labelled get 1 ... n in this order; vesicles n + 1, fiducials n + 2, then
        the membranes, the surroundings, and last the others, which a data set does not label.
    membranes : iterable of str
        Names of kinds of membranes.
    surroundings : iterable of str
        Some of "carbon", "ice-crystal" and "vacuum".

    Raises
    ------
    InputError
        If two species have one name, a name is "vesicle", "fiducial" or "gold", or there are over
        253.
    """
    names = [one.name for one in species]
    if len(names) > _MAX_SPECIES:
        raise InputError(
            f"species: expected at most {_MAX_SPECIES}, found {len(names)}; give fewer, because "
            "the class mask has 8 bits"
        )
    for i, name in enumerate(names):
        if not name or name in NO_MOLECULES or is_extended(name) or name in names[:i]:
            taken = ", ".join((*NO_MOLECULES, MEMBRANE, *SURROUNDINGS))
            raise InputError(
                f"species {i + 1}: expected a unique name other than {taken}, found {name!r}; "
                "give it another name"
            )
    own = [one.labelled and not one.state_of for one in species]
    infos = [ClassInfo(one.name, "protein") for one, kept in zip(species, own, strict=True) if kept]
    infos += [ClassInfo(VESICLE, "membrane"), ClassInfo(FIDUCIAL, "gold")]
    infos += [ClassInfo(membrane_class(name), "membrane") for name in dict.fromkeys(membranes)]
    infos += [ClassInfo(name, _MATERIALS[name]) for name in surroundings]
    others = [one for one, kept in zip(species, own, strict=True) if not kept]
    infos += [ClassInfo(one.name, "protein", one.labelled) for one in others]
    return dict(enumerate(infos, start=1))


def check_species(config: SpecimenConfig, species: Sequence[Species]) -> None:
    """Raise InputError if a species has another voxel size, or the config an unknown name."""
    names = [one.name for one in species]
    for one in species:
        if abs(one.voxel_size_A / config.voxel_size_A - 1) > 1e-4:
            raise InputError(
                f"species {one.name!r}: expected the specimen's voxels of {config.voxel_size_A:g} "
                f"Å, found {one.voxel_size_A:g} Å; load it with that voxel size"
            )
    for settings in config.filaments:
        if settings.subunit not in names:
            raise InputError(
                "`FilamentSettings.subunit`: expected a species among "
                f"{', '.join(names) or '(none)'}, found {settings.subunit!r}; add the species"
            )
    partners = [one.partner for one in config.company.values() if one.partner is not None]
    for field in ("copies", "volume_fractions", "company", "partner"):
        for name in getattr(config, field, partners):
            if name not in names:
                raise InputError(
                    f"`SpecimenConfig.{field}`: expected names among "
                    f"{', '.join(names) or '(none)'}, found {name!r}; correct the name or add the "
                    "species"
                )
    check_names(config, names)
