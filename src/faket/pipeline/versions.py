"""One folder, one version: what another version has made is not mixed with what this one makes."""

from collections.abc import Mapping
from pathlib import Path

import torch

from faket.errors import InputError
from faket.io.manifest import software_versions
from faket.reports import Report

THREADS = "torch threads"  # on a CPU its sums depend on their number
# Other builds of these may round otherwise.
_COMPUTING = ("numpy", "scipy", "numba", "torch", THREADS)


def software_and_threads() -> dict[str, str]:
    """Return all that the last digits of a training depend on, besides its input."""
    return {**software_versions(), THREADS: str(torch.get_num_threads())}


def check_versions(made: Mapping[Path, Mapping[str, str]], say: Report) -> None:
    """Refuse to add to what another version of faket has made; say where libraries differ.

    Parameters
    ----------
    made : mapping of Path to mapping
        What is there already → the software that made it; names that are missing are not known.
    say : callable
        Told the libraries that have changed, as a notice.

    Raises
    ------
    InputError
        If it was another version of faket.
    """
    here = software_and_threads()
    for place, there in made.items():
        if there.get("faket", here["faket"]) != here["faket"]:
            raise InputError(
                f"{place}: expected what faket {here['faket']} made, found faket {there['faket']}; "
                "go on with that version, or choose another folder"
            )
    for place, there in made.items():
        changed = [
            f"{name} {there[name]}, now {here[name]}"
            for name in _COMPUTING
            if there.get(name, here[name]) != here[name]
        ]
        if changed:
            say(f"{place} was made with {'; '.join(changed)}: last digits may differ", 0, 0)
            return
