"""The names of all files in the folders of tomograms, references, specimens and species.

A tomogram's folder has SHREC'21's layout and names; those of faket's own are marked. Every module
takes a name from here, so that it stands once.
"""

from pathlib import Path
from typing import Literal, get_args

# A tomogram, SHREC'21's model_<i>.
RECONSTRUCTION = "reconstruction.mrc"
GRANDMODEL = "grandmodel.mrc"
CLASS_MASK = "class_mask.mrc"
OCCUPANCY_MASK = "occupancy_mask.mrc"  # the instance mask, under SHREC's name
PROJECTIONS_UNBINNED = "projections_unbinned.mrc"
PROJECTIONS = "projections.mrc"  # a reference's images too
NOISE_FREE_PROJECTIONS = "noisefree_projections.mrc"
PROJECTION_HALVES = ("projections_unbinned_odd.mrc", "projections_unbinned_even.mrc")  # faket's
RECONSTRUCTION_HALVES = ("reconstruction_odd.mrc", "reconstruction_even.mrc")  # faket's
LOCATIONS = "particle_locations.txt"
ALIGNMENT = "alignment_simulated.txt"
PARTICLES = "particles.csv"  # faket's: LOCATIONS without rounding
DISTRACTORS = "distractors.csv"  # faket's: what is in the images and in no label, if anything is
MEMBRANES = "membranes.csv"  # faket's: area, volume and curvature of each membrane
CLASS_NAMES = "classes.txt"  # faket's: label and name
ACQUISITION = "acquisition.json"  # faket's: all that the microscope drew

# The parts of SHREC'21's folder that are MRC files, named as the fields of ShrecModel.
VOLUME_FILES = {
    "grandmodel": GRANDMODEL,
    "class_mask": CLASS_MASK,
    "occupancy_mask": OCCUPANCY_MASK,
    "reconstruction": RECONSTRUCTION,
}
STACK_FILES = {
    "projections_unbinned": PROJECTIONS_UNBINNED,
    "projections": PROJECTIONS,
    "noisefree_projections": NOISE_FREE_PROJECTIONS,
}

# A reference, reference_<i>: PROJECTIONS, their angles, ACQUISITION, and what was measured.
NOISE_PROFILE = "noise_profile.json"
REFERENCE_MODEL = "reference_model.json"
STYLE_PROFILE = "style_profile.safetensors"

# What the user's own program did to its images: a folder beside the references.
LIKE = "reconstruction_like"
MEASURED_FILTER = "measured_filter.json"

# A specimen: POTENTIAL, CLASS_MASK, INSTANCE_MASK, PARTICLES, CLASS_INFO.
# A species: POTENTIAL, ENVELOPE, SPECIES.
POTENTIAL = "potential.mrc"
ENVELOPE = "envelope.mrc"
INSTANCE_MASK = "instance_mask.mrc"
CLASS_INFO = "classes.json"
SPECIES = "species.json"

# Any folder that faket wrote. Beside a single output NAME the manifest is NAME.manifest.json.
MANIFEST = "manifest.json"
RUN = "run.json"

# What lies beside a stack, under its name.
ANGLES = ".tlt"
ANGLES_SUFFIXES = (ANGLES, ".rawtlt")  # in which angles are looked for
GEOMETRY = ".csv"  # faket's: angles, shifts, dose and order
RECORD = ".json"  # faket's: ACQUISITION of a single stack

# What is being made in the folder of a data set or a study, and what was set aside: a folder beside
# the tomograms while there is anything of it, in it one file each.
PROGRESS = "progress"
MAKING = ".making.json"
FAILED = ".failed.json"

ALL_MODELS = "model_*"
ALL_REFERENCES = "reference_*"


PACKED = ".gz"  # behind the name of a mask that is kept packed
ZARR = ".zarr"  # instead of .mrc: the folder of a tomogram that is kept as OME-Zarr

# What of a tomogram a recipe may keep (``keep``); tables of particles and records always are.
Part = Literal["tomogram", "labels", "potential", "projections", "noise-free"]
KEPT: tuple[Part, ...] = get_args(Part)


# Further labels of a tomogram that a recipe may ask for (``labels``), all faket's.
LabelKind = Literal["balls", "solid", "heatmap", "membranes", "meshes"]
LABELS_BALLS = "labels_balls.mrc"
LABELS_SOLID = "labels_solid.mrc"
LABELS_HEATMAP = "labels_heatmap.mrc"
LABELS_MEMBRANES = "labels_membranes.mrc"
MEMBRANE_NORMALS = "membrane_normals.csv"


def stored(path: Path) -> Path:
    """Return the file as it is kept: under its own name, as NAME.gz, or as a folder .zarr."""
    ways = (path, path.with_name(path.name + PACKED), path.with_suffix(ZARR))
    return next((kept for kept in ways if kept.exists()), path)


def tomogram_name(name: str, *, zarr: bool) -> str:
    """Return the name under which a tomogram is kept: its own, or that of an OME-Zarr image."""
    return Path(name).stem + ZARR if zarr else name


def is_reconstruction(path: Path) -> bool:
    """Return whether a path has the name of a tomogram in its folder, as MRC or as OME-Zarr."""
    return path.name == RECONSTRUCTION or path.name == tomogram_name(RECONSTRUCTION, zarr=True)


def model_name(index: int) -> str:
    """Return the name of a tomogram's folder, which names its random streams too."""
    return f"model_{index}"


def reference_name(index: int) -> str:
    """Return the name of a reference's folder, which names its random streams too."""
    return f"reference_{index}"


def number_of(folder: str) -> int:
    """Return the i of ``model_<i>`` or ``reference_<i>``."""
    return int(folder.rpartition("_")[2])


def manifest_beside(output: Path) -> Path:
    """Return where the manifest of a single output is.

    With the output's suffix: picks named as their tomogram must not take its manifest's place.
    """
    return output.with_name(f"{output.name}.{MANIFEST}")


def membrane_mesh_name(number: int) -> str:
    """Return the name of the file with a membrane's triangles."""
    return f"membrane_{number}.ply"
