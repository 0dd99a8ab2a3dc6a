"""Tomograms thicker or thinner than their specimen, with its labels."""

from dataclasses import replace

import numpy as np

from faket.data import AnyArray, Volume
from faket.pipeline.specimen_parts import SpecimenParts


def with_depth(parts: SpecimenParts, depth: int) -> SpecimenParts:
    """Return the parts of a specimen on a grid of ``depth`` slices around its middle.

    What is beyond the specimen is empty. Of a thinner grid, particles whose centre lies outside are
    left out; their voxels keep the class, as a picker sees them, and belong to no particle.
    """
    before = depth // 2 - len(parts.grandmodel.data) // 2  # the centre N // 2 stays in place
    if depth == len(parts.grandmodel.data):
        return parts
    voxel_A = parts.grandmodel.voxel_size_A
    shift_A = np.array([0, 0, before * voxel_A])
    moved, others = parts.particles.positions_A + shift_A, parts.distractors
    if others is not None:
        others = replace(others, positions_A=others.positions_A + shift_A)
    place = moved[:, 2] / voxel_A
    kept = np.flatnonzero((place > -0.5) & (place < depth - 0.5))
    particles = replace(parts.particles, positions_A=moved).select(kept)
    instances = _laid(parts.instance_mask, before, depth)
    known = np.zeros(max(instances.max(initial=0), parts.particles.ids.max(initial=0)) + 1, bool)
    known[particles.ids] = True
    return replace(
        parts,
        grandmodel=Volume(_laid(parts.grandmodel.data, before, depth), voxel_A),
        class_mask=_laid(parts.class_mask, before, depth),
        instance_mask=np.where(known[instances], instances, 0).astype(instances.dtype),
        particles=particles,
        distractors=others,
        meshes={number: mesh.moved(shift_A) for number, mesh in parts.meshes.items()},
    )


def _laid(volume: AnyArray, before: int, depth: int) -> AnyArray:
    """Return a volume [z, y, x] whose slice 0 becomes slice ``before`` of ``depth``."""
    laid = np.zeros((depth, *volume.shape[1:]), volume.dtype)
    first, end = max(0, before), min(depth, before + len(volume))
    laid[first:end] = volume[first - before : end - before]
    return laid
