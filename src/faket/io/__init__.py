"""Files in and out: every format has its own conversion, and a round trip that is tested.

Names are loaded on first use, so that importing the package costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from faket.io.atomic import atomic_folder, atomic_path, require_space
    from faket.io.manifest import (
        plain,
        read_manifest,
        run_path,
        sha256_of,
        software_versions,
        verify_manifest,
        write_manifest,
    )
    from faket.io.mrc import (
        read_mask,
        read_pixel_size,
        read_shape,
        read_stack,
        read_volume,
        read_voxel_size,
        write_mask,
        write_stack,
        write_volume,
    )
    from faket.io.particles import read_particles, write_particles
    from faket.io.shrec import (
        binned_origin_A,
        read_particle_locations,
        write_particle_locations,
    )
    from faket.io.shrec_alignment import (
        Alignment,
        alignment_geometry,
        read_alignment,
        write_alignment,
    )
    from faket.io.shrec_checks import renumber
    from faket.io.shrec_model import ShrecModel, read_shrec_model, write_shrec_model
    from faket.io.tilts import (
        read_tilt_angles,
        read_tilt_geometry,
        read_tilt_series,
        write_tilt_angles,
        write_tilt_geometry,
        write_tilt_series,
    )

_MODULES = {
    "atomic": ("atomic_folder", "atomic_path", "require_space"),
    "manifest": (
        "plain",
        "read_manifest",
        "run_path",
        "sha256_of",
        "software_versions",
        "verify_manifest",
        "write_manifest",
    ),
    "mrc": (
        "read_mask",
        "read_pixel_size",
        "read_shape",
        "read_stack",
        "read_volume",
        "read_voxel_size",
        "write_mask",
        "write_stack",
        "write_volume",
    ),
    "particles": ("read_particles", "write_particles"),
    "shrec": ("binned_origin_A", "read_particle_locations", "write_particle_locations"),
    "shrec_alignment": ("Alignment", "alignment_geometry", "read_alignment", "write_alignment"),
    "shrec_checks": ("renumber",),
    "shrec_model": ("ShrecModel", "read_shrec_model", "write_shrec_model"),
    "tilts": (
        "read_tilt_angles",
        "read_tilt_geometry",
        "read_tilt_series",
        "write_tilt_angles",
        "write_tilt_geometry",
        "write_tilt_series",
    ),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "Alignment",
    "ShrecModel",
    "alignment_geometry",
    "atomic_folder",
    "atomic_path",
    "binned_origin_A",
    "plain",
    "read_alignment",
    "read_manifest",
    "read_mask",
    "read_particle_locations",
    "read_particles",
    "read_pixel_size",
    "read_shape",
    "read_shrec_model",
    "read_stack",
    "read_tilt_angles",
    "read_tilt_geometry",
    "read_tilt_series",
    "read_volume",
    "read_voxel_size",
    "renumber",
    "require_space",
    "run_path",
    "sha256_of",
    "software_versions",
    "verify_manifest",
    "write_alignment",
    "write_manifest",
    "write_mask",
    "write_particle_locations",
    "write_particles",
    "write_shrec_model",
    "write_stack",
    "write_tilt_angles",
    "write_tilt_geometry",
    "write_tilt_series",
    "write_volume",
]


def __getattr__(name: str) -> Any:
    """Load the module that ``name`` lives in (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
