"""A reference ready for a method: prepared, and its alignment looked at."""

from dataclasses import replace

from faket.data import AnyArray
from faket.errors import InputError
from faket.references.alignment import seen_alignment
from faket.references.checks import alignment_problems
from faket.references.prepare import Prepared, prepare
from faket.references.reference import Reference


def ready_reference(
    reference: Reference, pixel_size_A: float | None = None, noise_free: AnyArray | None = None
) -> Prepared:
    """Prepare a reference, and refuse it if its images are not aligned.

    Parameters as for :func:`faket.references.prepare.prepare`.

    Raises
    ------
    InputError
        As :func:`prepare`; if the tilt axis is not along y, or the images are shifted.
    """
    prepared = prepare(reference, pixel_size_A, noise_free)
    if reference.is_tomogram:
        return prepared
    alignment = seen_alignment(prepared.series)
    problems = alignment_problems(reference, alignment, prepared.kept)
    for problem in problems:
        if problem.kind == "refused":
            raise InputError(f"{reference.path}: {problem.line}")
    lines = [problem.line for problem in problems]
    return replace(prepared, notices=(*prepared.notices, *lines))
