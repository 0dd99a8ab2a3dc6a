"""Names that several rooms share: classes that are not molecules, and SHREC'21's classes."""

BACKGROUND = "background"
VESICLE = "vesicle"
MEMBRANE = "membrane"  # of [[membranes]]; with a name, membrane:NAME
FIDUCIAL = "fiducial"
GOLD = "gold"  # name of fiducials in SHREC'21 and in older files; read, never written
FIDUCIALS = (FIDUCIAL, GOLD)
NO_MOLECULES = (VESICLE, *FIDUCIALS)
CARBON = "carbon"
ICE_CRYSTAL = "ice-crystal"
VACUUM = "vacuum"  # beyond the faces of the ice
SURROUNDINGS = (CARBON, ICE_CRYSTAL, VACUUM)

# SHREC'21's proteins in the order of its class numbers, from 1 on (Gubins et al. 2021).
SHREC_PROTEINS = (
    "4V94", "4CR2", "1QVR", "1BXN", "3CF3", "1U6G", "3D2F", "2CG9", "3H84", "3GL1", "3QM1", "1S3X",
    "5MRC",
)  # fmt: skip
SHREC_UNSCORED = "4V94"  # left out of SHREC'21's scores
SHREC_CLASSES = (*SHREC_PROTEINS, VESICLE, FIDUCIAL)
# Smallest to largest, as in SHREC'21's tables.
SHREC_BY_SIZE = (*SHREC_PROTEINS[-2:0:-1], "5MRC", SHREC_UNSCORED)

# Further columns of a particle table: numbers, empty where they mean nothing.
PARTICLE_COLUMNS = (
    "filament",  # number of the filament that a subunit belongs to, from 1
    "subunit",  # its place in the filament, from 0; strands take turns
    "polarity",  # 1 or -1: whether the filament runs along its bundle's axis or against it
    "chain",  # number of the chain, of its species, from 1
    "link",  # place in the chain, from 0
    "state",  # which of the conformations of its species, from 0
    "mode_amplitude_A",  # root mean square by which normal modes bend it
    "bound",  # id of the molecule to which this one is bound
    "parent",  # the filament from which this one branches off
    "membrane",  # number of the membrane that a protein crosses, or that encloses a molecule
)


def membrane_class(name: str) -> str:
    """Return the class of the membranes of a name."""
    return f"{MEMBRANE}:{name}" if name else MEMBRANE


def is_membrane(name: str) -> bool:
    """Tell whether a class is one of membranes."""
    return name.casefold().partition(":")[0] in (VESICLE, MEMBRANE)


def is_extended(name: str) -> bool:
    """Tell whether a class is one of membranes or surroundings, whose centres nobody picks."""
    return is_membrane(name) or name.casefold() in SURROUNDINGS


def is_molecule(name: str) -> bool:
    """Tell whether a class is one of molecules, whose positions and orientations mean something."""
    return name not in FIDUCIALS and not is_extended(name)
