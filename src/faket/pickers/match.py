"""A search for several molecules that can be continued: the result of each is kept in a file."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import faket
from faket.data import Species, Volume
from faket.evaluation.matching import Picks
from faket.io.atomic import atomic_path
from faket.io.folder_lock import folder_lock
from faket.picking.template_matching import Candidates, Matcher, merge_candidates
from faket.reports import Report


def search(
    matcher: Matcher,
    volume: Volume,
    library: Sequence[Species],
    parts: Path,
    *,
    symmetry: str | None = None,
    report: Report,
) -> tuple[Candidates, ...]:
    """Search for one molecule after the other.

    Parameters
    ----------
    matcher : Matcher
    volume : Volume
        The one given to the matcher.
    library : sequence of Species
        At the volume's voxel size.
    parts : Path
        Folder for results, one file per molecule, to be removed at the end. Results that an
        interrupted search left there are used if everything they depend on is the same.
    symmetry : str, optional
        Of all molecules instead of their own.
    report : callable
        Called with (molecule, orientations done, orientations in all).

    Returns
    -------
    tuple of Candidates
        In the order of the library.

    Raises
    ------
    InputError
        If another search is running in that folder.
    """
    common = _digest(matcher, volume, symmetry, len(library))
    found = []
    with folder_lock(parts, notice=lambda what: report(what, 0, 0)):
        for species in library:
            part = parts / f"{_species_digest(common, species)}.npz"
            kept = read_part(part, matcher.shape)
            if kept is None:
                kept = matcher.candidates(
                    species,
                    symmetry=symmetry,
                    templates=len(library),
                    progress=partial(report, species.name),
                )
                with atomic_path(part) as temporary, temporary.open("wb") as stream:
                    np.savez(stream, **vars(kept))
            found.append(kept)
    return tuple(found)


def to_picks(found: Sequence[Candidates], matcher: Matcher) -> Picks:
    """Return the picks of all molecules, best first, with scores in units of σ.

    Where several molecules match, the one with the highest score is picked.
    """
    picks = merge_candidates(list(found), matcher.shape, matcher.voxel_size_A)
    particles = picks.particles
    return Picks(particles.species, particles.positions_A, particles.rotations, picks.scores)


def read_part(part: Path, shape: tuple[int, int, int]) -> Candidates | None:
    """Return stored candidates for a tomogram [z, y, x]; None if they cannot be used."""
    try:
        with open(part, "rb") as stream, np.load(stream) as stored:
            values = {name: stored[name] for name in stored.files}
        scalars = {name: v.item() for name, v in values.items() if v.ndim == 0}
        kept = Candidates(**{**values, **scalars})
        return kept if _fits(kept, shape) else None
    except Exception:  # a part only saves work: if anything is wrong with it, it is made again
        return None


def _fits(kept: Candidates, shape: tuple[int, int, int]) -> bool:
    n = len(kept.scores)
    arrays = {"voxels": (n, 3), "offsets": (n, 3), "scores": (n,), "quaternions": (n, 4)}
    numbers = (kept.sigma, kept.cutoff, kept.exclusion_voxels)
    inside = np.all((kept.voxels >= 0) & (kept.voxels < np.array(shape)))
    return (
        isinstance(kept.name, str)
        and all(getattr(kept, name).shape == wanted for name, wanted in arrays.items())
        and all(np.isfinite(getattr(kept, name)).all() for name in arrays)
        and all(isinstance(number, float) and np.isfinite(number) for number in numbers)
        and bool(inside)
    )


def _digest(matcher: Matcher, volume: Volume, symmetry: str | None, templates: int) -> str:
    """Digest of everything that candidates depend on, except the species."""
    geometry = matcher.geometry
    settings = {k: v for k, v in asdict(matcher.settings).items() if k != "memory_GB"}
    facts: list[Any] = [
        faket.__version__, settings, symmetry, templates, matcher.voltage_kV,
        volume.voxel_size_A, volume.data.shape, geometry.angles_deg.tolist(),
        geometry.tilt_axis_deg, [vars(optics) for optics in matcher.optics or ()],
    ]  # fmt: skip
    for values in (geometry.dose_e_per_A2, geometry.order):
        facts.append(None if values is None else values.tolist())
    digest = hashlib.sha256(json.dumps(facts).encode())
    digest.update(np.ascontiguousarray(volume.data).data)
    if matcher.region is not None:
        digest.update(np.packbits(matcher.region).data)
    return digest.hexdigest()


def _species_digest(common: str, species: Species) -> str:
    facts = [common, species.name, species.symmetry, species.voxel_size_A, species.potential.shape]
    digest = hashlib.sha256(json.dumps(facts).encode())
    for values in (species.potential, species.envelope):
        digest.update(np.ascontiguousarray(values).data)
    return digest.hexdigest()[:32]
