"""Checks that one folder contains only data of one version of faket."""

import socket
from collections.abc import Mapping
from pathlib import Path

import torch

from faket.errors import InputError, UnfitMachineError
from faket.io.manifest import software_versions
from faket.reports import Report

THREADS = "torch threads"  # on a CPU its sums depend on their number
# Other builds of these may round otherwise.
_COMPUTING = ("numpy", "scipy", "numba", "torch", THREADS)


def software_and_threads() -> dict[str, str]:
    """Return the software and threads on which the last digits of a training depend."""
    return {**software_versions(), THREADS: str(torch.get_num_threads())}


def check_same_software(software: Mapping[str, str]) -> None:
    """Refuse to work for a command on a machine with other software.

    Raises
    ------
    UnfitMachineError
        With the first library of another version.
    """
    here = software_versions()
    for library, version in software.items():
        if here[library] != version:
            raise UnfitMachineError(
                f"{socket.gethostname()}: expected {library} {version} as where the command runs, "
                f"found {here[library]}; give all machines the same environment"
            )


def check_versions(made: Mapping[Path, Mapping[str, str]], say: Report) -> None:
    """Refuse to add to data of another version of faket; report libraries that differ.

    Parameters
    ----------
    made : mapping of Path to mapping
        Existing data → the software that made them; missing names are unknown.
    say : callable
        Called with a notice of the libraries that have changed.

    Raises
    ------
    InputError
        If it was another version of faket.
    """
    here = software_and_threads()
    for place, there in made.items():
        if there.get("faket", here["faket"]) != here["faket"]:
            raise InputError(
                f"{place}: expected data of faket {here['faket']}, found data of faket "
                f"{there['faket']}; continue with that version, or choose another folder"
            )
    for place, there in made.items():
        changed = [
            f"{name} {there[name]}, now {here[name]}"
            for name in _COMPUTING
            if there.get(name, here[name]) != here[name]
        ]
        if changed:
            say(f"{place}: made with {', '.join(changed)}; last digits may differ", 0, 0)
            return
