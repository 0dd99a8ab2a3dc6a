"""The tilt projector and its adjoint: numba on the CPU, torch on CUDA."""

from faket.projection.noise_free import noise_free_projections
from faket.projection.projector import (
    back_project,
    filled_columns,
    project,
    project_bands,
    project_slices,
)
from faket.projection.slabs import PLANES, SlabProjector

__all__ = [
    "PLANES",
    "SlabProjector",
    "back_project",
    "filled_columns",
    "noise_free_projections",
    "project",
    "project_bands",
    "project_slices",
]
